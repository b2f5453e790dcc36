"""The timeline: folding of routine, one line for what is said together, and time's own doing apart."""

from __future__ import annotations

from dataclasses import replace

from armslength.core.arrangement.bodies import Allege, Notice
from armslength.core.arrangement.causes import Passed, Standing
from armslength.core.arrangement.state import Change
from armslength.views.exposure import series
from armslength.views.textual import plain, timeline_text
from armslength.views.timeline import TimelineLine, effects, timeline
from armslength.views.words import Words
from tests.golden.terms import at
from tests.views.fold import Folded, golden


def told(folded: Folded | None = None) -> tuple[TimelineLine, ...]:
    """The timeline of a folded record (default: the golden one)."""
    folded = folded or golden()
    return timeline(folded.terms, folded.placed, folded.state)


def line_at(time: int, part: str) -> TimelineLine:
    """The golden line at an instant whose words contain `part`."""
    return next(line for line in told() if line.at == time and part in line.did)


def test_a_clean_week_is_one_line() -> None:
    """Days 0 to 6 by five monitors, and the first week, are one line that ends where T2 became READY."""
    line = line_at(at(1, 1), "attest")
    assert line.did == (
        "5 monitors (m1–m5) attest that k1a, k1b and k2 held on days 0–6; "
        "Humanitarian body (h) attests that k6a and k6b held on week 0"
    )
    assert (line.at, line.until) == (at(1, 1), at(7, 1))
    assert len(line.entries) == 7 * 15 + 2
    assert [effect.text for effect in line.effects] == [
        "k1a, k1b and k2 days 0–6: SUPPORTED",
        "k6a and k6b week 0: SUPPORTED",
        "T2: LOCKED → READY",
    ]


def test_the_golden_record_is_told_in_few_lines() -> None:
    """811 entries become a timeline that can be read."""
    assert len(golden().placed) > 800
    assert len(told()) < 80


def test_every_entry_but_idle_seals_is_in_exactly_one_line() -> None:
    """Nothing said is lost, and nothing is told twice."""
    said = [index for line in told() if line.who for index in line.entries]
    assert sorted(said) == [entry.index for entry in golden().placed if entry.type != "seal"]


def test_every_change_but_idle_excuses_is_told_once() -> None:
    """Each change is an effect of exactly one line; only excuses that ran out unasked are left out."""
    shown = [change for line in told() for effect in line.effects for change in effect.changes]
    all_ = [change for entry in golden().placed for change in entry.changes]
    silent = [change for change in all_ if change not in shown]
    assert len(shown) == len(all_) - len(silent)
    assert {(change.subject.partition("#")[0], change.after) for change in silent} == {("x2", "UNKNOWN")}


def test_time_alone_has_lines_of_its_own() -> None:
    """T2's release becomes OVERDUE at D+9 02:00 by nobody's doing."""
    line = next(line for line in told() if line.at == at(9, 2))
    assert line.who == ()
    assert line.effects[0].text == "T2's release: ACTIVE → OVERDUE"
    assert "24 Jul 2016 01:00 UTC (D+9)" in line.effects[0].cause


def test_refuting_attestations_are_told_apart() -> None:
    """m1, m2 and m5 on day 20 are one line, with all that followed."""
    line = line_at(at(20, 10), "attest")
    assert line.did == (
        "First monitor (m1), Second monitor (m2) and Neutral body (m5) attest that k2 (C's aircraft stayed grounded) "
        "did not hold on day 20"
    )
    assert [effect.text for effect in line.effects] == [
        "k2 day 20: REFUTED",
        "Violation of C2 since day 20: OVERDUE",
        "C2: ACTIVE → OVERDUE",
        "T4, T5 and T6: LOCKED → WITHHELD",
    ]


def test_what_is_agreed_together_is_one_line() -> None:
    """Both parties' agreement to resume is one line, and so are both signatures."""
    assert line_at(at(26, 10), "resume").did == "Arandia and Borovia agree to resume"
    assert line_at(at(-3), "sign").did == "Arandia and Borovia sign the terms"


def test_events_do_not_fold_into_days() -> None:
    """The nominations at D+16 09:00 stand apart from the day attested at 01:00."""
    line = line_at(at(16, 9), "k5a")
    assert line.did.startswith("Humanitarian body (h) and Convenor (v) attest that k5a")
    assert [effect.after for effect in line.effects] == ["SUPPORTED", "FULFILLED"]


def test_lines_are_in_order_of_time() -> None:
    """The timeline runs forward."""
    assert [line.at for line in told()] == sorted(line.at for line in told())


def test_hostile_text_cannot_steer_a_terminal() -> None:
    """Escape sequences and direction overrides in free text are shown as replacement characters."""
    folded = golden()
    evil = "\x1b[31mred\x07\u202eback"
    placed = []
    for entry in folded.placed:
        body = entry.body
        if isinstance(body, (Allege, Notice)):
            entry = replace(entry, body=replace(body, text=evil))
        placed.append(entry)
    lines = timeline(folded.terms, placed, folded.state)
    text = plain(timeline_text(Words.of(folded.terms, folded.state), lines))
    assert "�[31mred��back" in text.replace("\n", "")
    assert not any(c in text for c in "\x1b\x07\u202e")


def test_a_record_without_a_start_is_told_from_the_stated_start() -> None:
    """Before D is known, days count from the stated start."""
    folded = golden()
    lines = timeline(folded.terms, folded.placed[:2])
    assert "D−3" in plain(timeline_text(Words.of(folded.terms), lines))


def test_exposure_is_told_at_each_step_that_moves_it() -> None:
    """With the series, every release, delivery and single duty says what was at stake from there on."""
    folded = golden()
    stakes = series(folded.terms, folded.placed)
    words = Words.of(folded.terms, folded.state)
    text = plain(timeline_text(words, told(), stakes=stakes))
    assert text.count("= exposure now:") == 6 * 2 + 2
    assert "= exposure now: Arandia 2.67, Borovia −1.67" in text
    assert "exposure now" not in plain(timeline_text(words, told()))


def test_what_is_said_together_has_one_cause_for_all() -> None:
    """Two duties that fall due at once rest on different claims, and two tranches on the same kind of condition."""
    words = Words.of(golden().terms, golden().state)

    def change(kind: str, subject: str, rule: str, ground: Passed | Standing) -> Change:
        return Change(kind=kind, subject=subject, before="A", after="B", at=0, rule=rule, cause=(ground,))

    due = [change("duty", name, "duty.overdue", Passed(at(9, 2), "due")) for name in ("C5a", "C5b")]
    assert [effect.cause.partition(" ")[0] for effect in effects(words, due)] == ["k5a", "k5b"]
    false = [change("tranche", name, "tranche.withheld", Standing("condition", name, "false")) for name in ("T4", "T5")]
    assert [effect.cause for effect in effects(words, false)] == ["its condition does not hold"]
