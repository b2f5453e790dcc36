"""What is asked of whom: the golden scenario at its turns, and that the engine would take each of it."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.bodies import Attest, Determine, Respond, Resume
from armslength.views.tasks import KINDS, Task, preview, tasks
from tests.golden.terms import A1, at
from tests.views.fold import golden


def asked(me: str, time: int) -> dict[tuple[str, str], Task]:
    """What is asked of an actor at an instant, by kind and subject."""
    found = tasks(golden().terms, golden().at(time), me, time)
    return {(task.kind, task.subject): task for task in found}


def test_a_party_is_asked_to_sign_until_it_has() -> None:
    """Before anybody has signed both parties are asked; nobody else is."""
    first = golden().placed[0]
    state = golden().states[0]
    for me in golden().terms.actors:
        found = {task.kind for task in tasks(golden().terms, state, me, first.at)}
        assert ("sign" in found) == (me in golden().terms.parties)


def test_a_monitor_is_asked_for_the_periods_that_have_ended() -> None:
    """Not for those that run, nor for those on which it has spoken; the limit is the first one's reportBy."""
    terms = golden().terms
    for time in (at(3), at(9, 3), at(22, 11)):
        state = golden().at(time)
        found = {claim: task for (kind, claim), task in asked("m1", time).items() if kind == "attest"}
        for claim, task in found.items():
            assert task.periods
            for period in task.periods:
                assert "m1" not in state.claims[claim].open.get(str(period), {})
                body = Attest(claim=claim, period=period, value=True)
                assert preview(terms, state, "m1", body, time) is None


def test_the_debtor_is_asked_to_answer_and_the_determiners_to_decide() -> None:
    """At D+14 10:00 the allegation has been answered and waits for its determiners."""
    terms, time = golden().terms, at(14, 10)
    state = golden().at(time)
    voters = terms.allegations.determiners.of
    for me in terms.actors:
        assert (("determine", A1) in asked(me, time)) == (me in voters and me not in state.allegations[A1].votes)
        assert ("answer", A1) not in asked(me, time)
    raised = state.allegations[A1].raised_at
    number = next(entry.index for entry in golden().placed if entry.type == "allege")
    before = golden().states[number + 1]  # alleged, and not answered yet
    for me in terms.actors:
        found = {(task.kind, task.subject): task for task in tasks(terms, before, me, raised)}
        may = preview(terms, before, me, Respond(allegation=A1, answer="DENIED"), raised) is None
        assert (("answer", A1) in found) == may == (me == "B")


def test_while_suspended_those_who_may_are_asked_to_resume() -> None:
    """Exactly those whose agreement the engine would take."""
    terms, time = golden().terms, at(22, 11)
    state = golden().at(time)
    assert state.shown == "SUSPENDED"
    for me in terms.actors:
        suspension = state.arrangement.suspension
        assert suspension is not None
        may = preview(terms, state, me, Resume(), time) is None and me not in suspension.resumed
        assert (("resume", "arrangement") in asked(me, time)) == may


@pytest.mark.parametrize("day", range(-2, 47, 3))
def test_tasks_come_soonest_first_and_only_where_the_engine_agrees(day: int) -> None:
    """Every task is of a known kind, says what is asked in a sentence, and is asked of nobody whose word is refused."""
    time = at(day, 10)
    for me in golden().terms.actors:
        found = tasks(golden().terms, golden().at(time), me, time)
        limits = [task.until for task in found if task.until is not None]
        assert limits == sorted(limits)
        for task in found:
            assert task.kind in KINDS
            assert task.text.endswith(".")


def test_what_may_not_be_said_is_refused_with_the_engine_s_own_reason() -> None:
    """A stranger to a claim, and a vote on what nobody alleged."""
    state, time = golden().at(at(9, 3)), at(9, 3)
    refused = preview(golden().terms, state, "A", Attest(claim="k2", period=0, value=True), time)
    assert refused is not None
    assert refused.code == "authority"
    refused = preview(golden().terms, state, "v", Determine(allegation="A/k2/99", uphold=True), time)
    assert refused is not None
    assert refused.code == "unknown"
