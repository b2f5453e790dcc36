"""Views say what the record says, and nothing that it does not: each case here was once told wrongly."""

from __future__ import annotations

from collections.abc import Iterable

from armslength.core.arrangement.bodies import Allege, Attest, Body, Evidence, Resume, Sign
from armslength.core.arrangement.step import Act, apply, initial
from armslength.core.arrangement.terms import Arrangement
from armslength.views.explain import why
from armslength.views.placed import PlacedEntry
from armslength.views.status import status
from armslength.views.textual import plain, status_text
from armslength.views.timeline import timeline
from tests.core.arrangement.small import END, MONITORS, D, maintain, start, state_claim, terms
from tests.views.fold import Folded

FOUR = ("n1", "n2", "n3", "N")


def folded(rules: Arrangement, *entries: tuple[int, str, Body]) -> Folded:
    """The entries of a small arrangement that both parties have signed."""
    signed = [(D - 10, [("P", Sign()), ("Q", Sign())])]
    return Folded(rules, [*signed, *((time, [(author, body)]) for time, author, body in entries)])


def attests(time: int, who: Iterable[str], period: int, value: bool) -> list[tuple[int, str, Body]]:
    """Each of them says so of k1."""
    return [(time, name, Attest(claim="k1", period=period, value=value)) for name in who]


def told(history: Folded) -> str:
    """The whole timeline as text."""
    lines = timeline(history.terms, history.placed, history.state)
    return "\n".join(line.did + "".join(f" > {effect.text}" for effect in line.effects) for line in lines)


def test_nobody_is_said_to_have_spoken_of_a_period_of_which_others_spoke() -> None:
    """Four support period 0, three of them period 1, and the fourth denies it: both fold into one line, which names the
    four for one and the three for the other."""
    rules = terms(claims={"k1": state_claim(monitors=FOUR, support=3, refute=3)}, duties={"d1": maintain("k1")})
    history = folded(
        rules,
        *attests(start(1), FOUR, 0, True),
        *attests(start(2), MONITORS, 1, True),
        *attests(start(2.5), ("N",), 1, False),
    )
    (line,) = [line for line in timeline(rules, history.placed) if line.who and line.entries[:1] == (2,)]
    assert line.until == start(2)
    assert line.did == (
        "N, n1, n2 and n3 attest that k1 (It is so) held on period 0; "
        "n1, n2 and n3 attest that k1 (It is so) held on period 1"
    )


def test_whoever_is_excluded_is_named_and_the_arrangement_is_not() -> None:
    """An equivocator counts no more: that happens to it, not to the arrangement."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1")})
    state = folded(rules).state
    act = Act(
        author="P",
        stamp=start(1),
        type="evidence",
        body=Evidence(kind="equivocation", first="", second=""),
        entry="e",
        culprit="n2",
    )
    out = apply(rules, state, act)
    placed = PlacedEntry(index=0, entry="e", author="P", type="evidence", body=act.body, at=out.at, changes=out.changes)
    (effect,) = [e for line in timeline(rules, [placed], out.state) for e in line.effects if e.after == "EXCLUDED"]
    assert effect.text == "n2 counts no more: EXCLUDED"
    assert "arrangement" not in effect.text.lower()


def test_a_period_on_which_all_have_spoken_is_not_one_on_which_too_few_did() -> None:
    """Two say yes and two say no: what is missing is a quorum, not voices."""
    rules = terms(claims={"k1": state_claim(monitors=FOUR, support=3, refute=3)}, duties={"d1": maintain("k1")})
    split = [*attests(start(1), FOUR[:2], 0, True), *attests(start(1), FOUR[2:], 0, False)]
    history = folded(rules, *split, *attests(start(3), FOUR, 2, True))
    answer = " ".join(why(rules, history.state, "k1#0").sentences)
    assert "UNKNOWN" in answer
    assert "no quorum of monitors agreed" in answer
    assert "few" not in answer


def test_a_quorum_is_told_by_its_number() -> None:
    """Three of four suffice: nobody says that four must agree."""
    rules = terms(claims={"k1": state_claim(monitors=FOUR, support=3, refute=3)}, duties={"d1": maintain("k1")})
    running = status(rules, folded(rules, *attests(start(1), FOUR[:1], 0, True)).state).deadlines
    (waits,) = [each.waits_for for each in running if each.subject == "k1#0"]
    assert waits.startswith("3 of ")
    assert waits.endswith("to decide k1 period 0")


def test_what_was_suspended_is_not_said_to_be_in_force_since_its_start() -> None:
    """After suspension, remedy and resumption the start is told as the start, and as nothing else."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1", cure=0, remedy_run=1)})
    history = folded(
        rules,
        *attests(start(1), MONITORS, 0, False),
        *attests(start(2), MONITORS, 1, True),
        (start(2), "P", Resume()),
        (start(2), "Q", Resume()),
    )
    assert "SUSPENDED" in told(history)
    assert history.state.shown == "EFFECTIVE"
    lead = why(rules, history.state, "arrangement").sentences[0]
    assert "; it took effect on " in lead
    assert "since" not in lead


def test_a_breach_that_was_made_good_is_told_whatever_came_of_the_duty_since() -> None:
    """Breach, remedy, then a period that nobody verifies: UNVERIFIED, and the breach is still told."""
    rules = terms(
        claims={"k1": state_claim()}, duties={"d1": maintain("k1", cure=0, remedy_run=1, consequence="record")}
    )
    clean = [entry for number in range(1, 9) for entry in attests(start(number + 1), MONITORS, number, True)]
    history = folded(rules, *attests(start(1), MONITORS, 0, False), *clean)
    state = history.at(END + 300)
    assert state.duties["d1"].state == "UNVERIFIED"
    answer = " ".join(why(rules, state, "d1").sentences)
    assert "is REMEDIED since" in answer
    assert "it was a breach" in answer
    line = next(line for line in status(rules, state).duties if line.id == "d1")
    assert line.remedied == 1
    assert "broken before, and made good" in plain(status_text(rules, status(rules, state), 100))


def test_nothing_waits_for_an_answer_to_what_is_decided() -> None:
    """The monitors uphold an allegation before it is answered: an answer is no longer what comes next."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1", consequence="record")})
    alleged = (start(0.5), "P", Allege(claim="k1", period=0, hold=False))
    history = folded(rules, alleged, *attests(start(0.6), MONITORS, 0, False))
    (name,) = history.state.allegations
    assert history.state.allegations[name].outcome == "UPHELD"
    assert history.state.allegations[name].answer is None
    assert "answer" not in " ".join(s for s in why(rules, history.state, name).sentences if s.startswith("Next"))
    (waits,) = [each for each in status(rules, history.state).deadlines if each.subject == name]
    assert waits.idle


def test_initial_state_of_small_terms_is_told() -> None:
    """Whatever is asked of terms that nobody has signed, there is an answer."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1")})
    for subject in ("arrangement", "k1", "k1#0", "d1"):
        assert why(rules, initial(rules), subject).sentences
