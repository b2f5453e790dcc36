"""What waits for one actor and for others, and whether its last word counted, over the golden scenario."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armslength.core.arrangement.bodies import Attest, Body
from armslength.core.arrangement.tables import PeriodValue
from armslength.core.record.entry import Entry, Head
from armslength.notify.news import Reminded, SeenArrangement, news
from armslength.notify.notification import SILENCE
from armslength.notify.settings import Leads
from armslength.views.blocks import decided
from armslength.views.tasks import ahead, tasks
from armslength.views.today import attested, how_to, outline, proposed, soonest, to_approve
from armslength.wire.manage import ListedProposal
from armslength.wire.news import WordOutcome
from tests.golden.terms import HOUR, at, golden_script, golden_terms
from tests.views.fold import Folded, golden

HASH = "ab" * 32


def entry(author: str, body: Attest) -> Entry:
    """An entry of an author."""
    seen = Head(size=0, tree_root="", state_root="")
    return Entry(arrangement=HASH, author=author, author_seq=0, author_prev="", seen=seen, type="attest", body=body)


@pytest.mark.parametrize("me", ["A", "B", "m1", "v"])
def test_what_is_asked_is_what_is_asked(me: str) -> None:
    """Every task of the moment, soonest first, each with its command."""
    for day in range(-2, 47, 4):
        now = at(day, 10)
        found = outline(HASH, golden().terms, golden().at(now), me, now)
        assert [(each.kind, each.subject) for each in sorted(found.asked, key=soonest)] == [
            (each.kind, each.subject) for each in found.asked
        ]
        assert len(found.asked) == len(tasks(golden().terms, golden().at(now), me, now))
        assert all(each.how.startswith("armslength ") for each in found.asked)
        assert found.expires is None or found.expires > now


@pytest.mark.parametrize("me", ["B", "m1"])
def test_until_it_expires_nothing_else_waits(me: str) -> None:
    """Between two entries the outline stays as it is until the instant that it names."""
    state = golden().at(at(20, 1))
    now = at(20, 1)
    for _ in range(6):
        first = outline(HASH, golden().terms, state, me, now)
        assert first.expires is not None
        last = outline(HASH, golden().terms, state, me, first.expires - 1)
        assert (first.asked, first.stalled) == (last.asked, last.stalled)
        now = first.expires


def test_who_stalls_is_named_once_half_of_the_time_is_over() -> None:
    """Monitors who say nothing, not before and not without their names."""
    stopped = Folded(golden_terms(), [group for group in golden_script() if group[0] <= at(3, 2)])
    claim = golden().terms.claims["k2"]
    assert claim.report_by is not None
    half = at(4) + claim.report_by // 2
    for now, stalls in ((half - HOUR, False), (half, True)):
        found = outline(HASH, stopped.terms, stopped.at(now), "A", now).stalled
        assert any(each.subject == "k2" for each in found) == stalls
    for each in found:
        assert "A" not in each.who
        assert len(each.who) == len(each.names)
    assert next(each for each in found if each.subject == "k2").who == claim.monitors


def test_what_is_pending_is_not_asked_again() -> None:
    """An attestation that no seal covers yet."""
    now = at(3, 0.5)
    state = golden().at(at(3))
    before = outline(HASH, golden().terms, state, "m1", now).asked
    (asked,) = (each for each in before if each.subject == "k2")
    said = [Attest(claim="k2", period=period, value=True) for period in asked.periods]
    after = outline(HASH, golden().terms, ahead(golden().terms, state, "m1", said, now), "m1", now).asked
    assert {each.subject for each in before} - {each.subject for each in after} == {"k2"}


def test_whether_the_last_word_counted() -> None:
    """Pending, standing, confirmed, overruled, and of a period that nobody decided."""
    terms, end = golden().terms, golden().state

    def of(period: int, value: bool, now: int | None = None) -> WordOutcome:
        body = Attest(claim="k2", period=period, value=value)
        found = attested(HASH, terms, end if now is None else golden().at(now), "m1", (), entry("m1", body))
        assert found is not None
        assert found.text.startswith("Your last attestation, that k2 day ")
        return found.outcome

    letters = end.claims["k2"].decided
    refuted, supported = letters.index("R"), letters.index("S")
    assert of(supported, True) == WordOutcome.CONFIRMED
    assert of(supported, False) == WordOutcome.OVERRULED
    assert of(refuted, False) == WordOutcome.CONFIRMED
    assert of(refuted, True) == WordOutcome.OVERRULED
    said = entry("m1", Attest(claim="k2", period=3, value=True))
    found = attested(HASH, terms, end, "m1", [said], None)
    assert found is not None
    assert found.outcome == WordOutcome.PENDING
    assert attested(HASH, terms, end, "m1", (), None) is None
    first = next(each for each in golden().placed if isinstance(each.body, Attest) and each.body.claim == "k2")
    state = golden().states[first.index + 1]
    assert isinstance(first.body, Attest)
    stands = attested(HASH, terms, state, first.author, (), entry(first.author, first.body))
    assert stands is not None
    assert stands.outcome == WordOutcome.STANDS
    void = attested(HASH, terms, state, "m5", (), entry("m5", first.body))
    assert void is not None
    assert void.outcome == WordOutcome.VOID


def test_commands_name_runs_of_periods() -> None:
    """As `attest` reads them."""
    assert how_to(HASH, "attest", "k2", (7, 8, 9, 11)) == (
        "armslength attest k2#7-9 k2#11 --true (or --false) -a abababababab"
    )
    assert how_to(HASH, "attest", "k5a", ()) == "armslength attest k5a --true (or --false) -a abababababab"


def test_proposals_and_drafts_are_asked_too() -> None:
    """To sign as a party, to accept an office, to decline what cannot be read, to approve."""
    plain = ListedProposal(arrangement=HASH, title="T", by={}, roles=("party",), note="", size=1, at=5)
    assert proposed(plain).kind == "sign"
    office = ListedProposal(arrangement=HASH, title="T", by={}, roles=("keeper",), note="", size=1, at=5)
    assert proposed(office).kind == "accept"
    assert "keeper" in proposed(office).text
    odd = ListedProposal(arrangement=HASH, by={}, roles=(), note="", size=1, at=5, fault="no JSON")
    assert "no JSON" in proposed(odd).text
    draft = to_approve(HASH, "T", "cd" * 32, "release", "o1", 5, 10)
    assert draft.how.startswith("armslength approvals approve cdcdcdcdcdcd")


def spoken(*said: tuple[str, bool]) -> Folded:
    """The golden scenario up to the fourth day, of which these say this and nobody else anything."""
    entries: list[tuple[str, Body]] = [(who, Attest(claim="k2", period=3, value=value)) for who, value in said]
    return Folded(golden_terms(), [*(each for each in golden_script() if each[0] <= at(3, 2)), (at(4, 1), entries)])


def silent(record: Folded, now: int) -> set[str]:
    """Who has not spoken of the fourth day, by what A is shown; its news say the same."""
    state, terms = record.at(now), record.terms
    found = {who for each in outline(HASH, terms, state, "A", now).stalled if each.subject == "k2" for who in each.who}
    seen = SeenArrangement(HASH, terms, "A", state, state, len(record.placed), now)
    told = news(seen, (), Reminded(size=len(record.placed)), Leads()).said
    assert found == {who for each in told if (each.kind, each.subject) == (SILENCE, "k2") for who in each.who}
    return found


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({}, {"m1", "m2", "m3", "m4", "m5"}),
        ({"m1": True, "m2": False}, {"m3", "m4", "m5"}),
        ({"m1": True, "m2": True, "m3": True, "m4": False, "m5": False}, set()),  # nothing is decided, and all spoke
        ({"m1": True, "m2": True, "m5": True}, set()),  # decided: nobody is waited for
    ],
)
def test_silent_is_who_has_not_spoken(said: dict[str, bool], left: set[str]) -> None:
    """Whatever the others say, and whether it agrees."""
    assert silent(spoken(*said.items()), at(4, 20)) == left


def test_whoever_counts_no_more_is_not_waited_for() -> None:
    """A monitor that has said two things is excluded, and silent no more."""
    record, now = spoken(), at(4, 20)
    state = record.at(now)
    out = replace(state, arrangement=replace(state.arrangement, excluded={"m2": at(4)}))
    shown = outline(HASH, record.terms, out, "A", now).stalled
    assert {who for each in shown if each.subject == "k2" for who in each.who} == {"m1", "m3", "m4", "m5"}


def test_an_excused_period_asks_nobody() -> None:
    """Once it is decided so, whoever has not spoken of it is not waited for."""
    state, terms = golden().state, golden().terms
    excused = [period for period in range(46) if decided(state, "k2", period) == PeriodValue.EXCUSED]
    assert excused
    for period in excused:
        now = at(period + 2)
        here = golden().at(now)
        assert decided(here, "k2", period) == PeriodValue.EXCUSED
        for who in terms.claims["k2"].monitors:
            assert not [
                each for each in tasks(terms, here, who, now) if each.subject == "k2" and period in each.periods
            ]
