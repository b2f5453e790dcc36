"""Statements that change nothing are known before they are made."""

from __future__ import annotations

from armslength.core.arrangement.bodies import Attest, Body, Determine, Notice, Sign
from armslength.core.arrangement.step import advance
from armslength.views.idle import without_effect
from tests.golden.terms import A1, at
from tests.views.fold import golden


def told(time: int, author: str, body: Body) -> str:
    """What is said of a statement in the golden scenario at an instant."""
    return without_effect(golden().terms, golden().at(time), author, body, time)


def test_a_word_on_a_decided_period_changes_nothing() -> None:
    """Day 7 is SUPPORTED: another attestation is recorded only; day 8 is still open."""
    assert told(at(8, 12), "m5", Attest(claim="k2", period=7, value=True)) == "k2 day 7 is already decided: SUPPORTED"
    assert told(at(8, 12), "m5", Attest(claim="k2", period=8, value=False)) == ""


def test_saying_the_same_again_changes_nothing() -> None:
    """m1 and m2 deny day 9 at D+9 10:00: to deny it once more changes nothing, to think better of it may."""
    assert golden().at(at(9, 10)).claims["k2"].open["9"]["m1"].value is False
    again, other = (Attest(claim="k2", period=9, value=value, supersedes="0" * 64) for value in (False, True))
    assert told(at(9, 10), "m1", again) == "First monitor (m1) has said the same of k2 day 9 already"
    assert told(at(9, 10), "m1", other) == ""
    assert told(at(9, 10), "m3", again) == ""


def test_a_word_after_the_end_changes_nothing() -> None:
    """k5b was never attested and the arrangement is over: nothing survives on it."""
    state = advance(golden().terms, golden().at(at(10)), at(60)).state
    text = without_effect(golden().terms, state, "v", Attest(claim="k5b", period=0, value=True), at(60))
    assert "is decided no more" in text


def test_a_late_notice_changes_nothing() -> None:
    """Twelve hours are asked for: a notice eleven hours before the flight excuses nothing, one of thirteen may."""
    flight = Notice(claim="k2", start=at(9, 9), end=at(9, 12), text="")
    assert "too late to excuse anything: 12 h before" in told(at(8, 22), "B", flight)
    assert told(at(8, 20), "B", flight) == ""


def test_a_notice_for_decided_days_changes_nothing() -> None:
    """Every day that the interval touches is decided already."""
    state = golden().at(at(12))
    past = Notice(claim="k2", start=at(3), end=at(3, 5), text="")
    assert "no undecided day of k2" in without_effect(golden().terms, state, "B", past, at(1))


def test_a_vote_on_a_closed_allegation_changes_nothing() -> None:
    """a1 is DISMISSED at D+15 10:00; the vote before may still count."""
    vote = Determine(allegation=A1, uphold=True)
    assert told(at(16), "m1", vote) == f"allegation {A1} is already DISMISSED"
    assert told(at(14, 12), "m1", vote) == ""


def test_other_statements_may_change_something() -> None:
    """A signature is never called idle here."""
    assert told(at(10), "A", Sign()) == ""
