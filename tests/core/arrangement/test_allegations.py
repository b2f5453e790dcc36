"""Allegations: answers, outcomes, holds."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.bodies import Allege, Determine, Evidence, Respond, Waive
from armslength.core.arrangement.terms import Due, Excuse
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    GRACE,
    D,
    achieve,
    attest,
    begun,
    delivered,
    event,
    maintain,
    start,
    state_claim,
    tranche,
)

AT = D + 110  # in period 1


def play_of(parties: str = "PQ", **changes: object) -> Play:
    """Claims k of Q's duty d and j of P's duty p, reported within nine periods; a tranche that any hold withholds."""
    return begun(
        parties,
        claims={"k": state_claim(report_by=900), "j": state_claim(report_by=900), "e": event(), "x": event()},
        duties={
            "d": maintain("k", "Q", consequence="record"),
            "p": maintain("j", "P", consequence="record"),
            "a": achieve("e", "Q", consequence="record"),
        },
        tranches={"t": tranche()},
        **changes,
    )


def allege(play: Play, hold: bool = False, at: int = AT) -> str:
    """P alleges period 1 of k."""
    play.say(at, "P", Allege(claim="k", period=1, hold=hold))
    return "P/k/1"


def vote(play: Play, at: int, uphold: bool, allegation: str = "P/k/1", voters: str = "N n1") -> None:
    """Determiners vote."""
    for voter in voters.split():
        play.say(at, voter, Determine(allegation=allegation, uphold=uphold))


def outcome(play: Play, allegation: str = "P/k/1") -> tuple[str | None, str]:
    """Answer and outcome."""
    state = play.state.allegations[allegation]
    return state.answer, state.outcome


def test_alone_it_changes_nothing() -> None:
    """Without a hold nothing but the allegation itself changes, until it times out as DISMISSED (rule 5.1a)."""
    play = play_of()
    before = play.state
    allege(play)
    assert play.state.duties == before.duties
    assert play.state.tranches == before.tranches
    assert play.shown == "EFFECTIVE"
    play.seal(AT + 100 + GRACE)
    assert outcome(play) == ("UNANSWERED", "OPEN")
    play.seal(AT + 200 + GRACE)
    assert outcome(play) == ("UNANSWERED", "DISMISSED")
    assert play.when("P/k/1", "UNANSWERED") == [AT + 100 + GRACE]
    assert play.when("P/k/1", "DISMISSED") == [AT + 200 + GRACE]
    assert play.letters("k") == ""


def test_who_may_allege_what() -> None:
    """A party other than the debtor; a claim that shows a duty; a period that has begun; once (rule 5.1a)."""
    play = play_of("PQR")
    play.refused("authority", AT, "n1", Allege(claim="k", period=1))
    play.refused("authority", AT, "Q", Allege(claim="k", period=1))
    play.refused("authority", AT, "P", Allege(claim="x", period=0))
    play.refused("unknown", AT, "P", Allege(claim="nope", period=1))
    play.refused("unknown", AT, "P", Allege(claim="k"))
    play.refused("unknown", AT, "P", Allege(claim="k", period=10))
    play.refused("unknown", AT, "P", Allege(claim="k", period=1, tranche="t"))
    play.refused("early", AT, "P", Allege(claim="k", period=2))
    allege(play)
    play.refused("repeat", AT, "P", Allege(claim="k", period=1))
    play.say(AT, "P", Allege(claim="k", period=0))
    play.say(AT, "R", Allege(claim="k", period=1))
    assert set(play.state.allegations) == {"P/k/1", "P/k/0", "R/k/1"}


def test_answers() -> None:
    """The debtor answers once, in time, admitting or denying (rule 5.1b)."""
    play = play_of()
    allege(play)
    play.refused("authority", AT, "P", Respond(allegation="P/k/1", answer="DENIED"))
    play.refused("unknown", AT, "Q", Respond(allegation="P/k/2", answer="DENIED"))
    play.refused("unknown", AT, "Q", Respond(allegation="P/k/1", answer="PERHAPS"))
    play.refused("late", AT + 101, "Q", Respond(allegation="P/k/1", answer="DENIED"))
    play.say(AT + 100, "Q", Respond(allegation="P/k/1", answer="DENIED"))
    play.refused("repeat", AT + 100, "Q", Respond(allegation="P/k/1", answer="ADMITTED"))
    assert outcome(play) == ("DENIED", "OPEN")


def test_answer_arrives_within_grace() -> None:
    """An answer in time by its stamp counts although it arrives after the deadline, before deadline + grace."""
    play = play_of()
    allege(play)
    play.seal(AT + 100 + GRACE - 1)
    play.say(AT + 100, "Q", Respond(allegation="P/k/1", answer="DENIED"))
    assert outcome(play) == ("DENIED", "OPEN")


def test_admission_upholds_and_refutes() -> None:
    """ADMITTED upholds an open allegation and makes an undecided period REFUTED (rules 5.1d, 5.1e)."""
    play = play_of()
    allege(play)
    play.say(AT + 5, "Q", Respond(allegation="P/k/1", answer="ADMITTED"))
    assert outcome(play) == ("ADMITTED", "UPHELD")
    assert play.letters("k") == ".R"
    assert play.duty("d") == "OVERDUE"
    assert "claim.upheld" in play.rules("k#1")


@pytest.mark.parametrize(("uphold", "letters"), [(True, ".R"), (False, "")])
def test_determination(uphold: bool, letters: str) -> None:
    """An upheld vote makes an undecided period REFUTED; a dismissal leaves it to its attestations (rule 5.1d)."""
    play = play_of()
    allege(play)
    play.refused("authority", AT + 5, "n2", Determine(allegation="P/k/1", uphold=uphold))
    play.refused("unknown", AT + 5, "N", Determine(allegation="P/k/2", uphold=uphold))
    play.refused("mismatch", AT + 5, "N", Determine(allegation="P/k/1", tranche="t", uphold=uphold))
    vote(play, AT + 5, uphold, voters="N")
    play.refused("repeat", AT + 5, "N", Determine(allegation="P/k/1", uphold=uphold))
    assert outcome(play) == (None, "OPEN")
    vote(play, AT + 6, uphold, voters="n1")
    assert outcome(play) == (None, "UPHELD" if uphold else "DISMISSED")
    assert play.letters("k") == letters


def test_votes_on_a_closed_allegation() -> None:
    """Recorded without effect until the determination deadline, refused after it (rule 5.1g)."""
    play = play_of()
    allege(play)
    play.say(AT + 5, "Q", Respond(allegation="P/k/1", answer="ADMITTED"))
    vote(play, AT + 6, False)
    assert outcome(play) == ("ADMITTED", "UPHELD")
    assert play.state.allegations["P/k/1"].votes == {"N": False, "n1": False}
    play = play_of()
    allege(play)
    play.refused("late", AT + 201, "N", Determine(allegation="P/k/1", uphold=True))


@pytest.mark.parametrize(("value", "found"), [(False, "UPHELD"), (True, "DISMISSED")])
def test_the_period_decides(value: bool, found: str) -> None:
    """REFUTED upholds, SUPPORTED dismisses, before or after the raising (rule 5.1c)."""
    play = play_of()
    allege(play)
    attest(play, start(2), "k", 1, value)
    assert outcome(play)[1] == found
    play = play_of()
    attest(play, start(2), "k", 1, value)
    allege(play, at=start(2))
    assert outcome(play)[1] == found


def test_unknown_period_is_left_to_the_votes() -> None:
    """A period that is UNKNOWN for good stays so; the votes still decide the allegation."""
    play = begun(claims={"k": state_claim()}, duties={"d": maintain("k", consequence="record")})
    play.seal(start(3.5))
    allege(play, at=start(3.5))
    vote(play, start(3.6), True)
    assert outcome(play)[1] == "UPHELD"
    assert play.letters("k") == "UU"
    assert play.duty("d") == "ACTIVE"


def test_excuse_dismisses() -> None:
    """EXCUSED dismisses, and ends the hold."""
    from armslength.core.arrangement.bodies import Notice

    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=0), report_by=900), "x": state_claim(report_by=900)},
        duties={"d": maintain("k", consequence="record")},
    )
    play.say(start(1), "Q", Notice(claim="k", start=start(1.5), end=start(1.6), text=""))
    allege(play, hold=True)
    assert play.shown == "HELD"
    attest(play, start(2), "x", 1, True)
    assert outcome(play)[1] == "DISMISSED"
    assert play.shown == "EFFECTIVE"


def test_admission_overrides_a_pending_excuse() -> None:
    """An admission refutes the period although a notice could still have excused it."""
    from armslength.core.arrangement.bodies import Notice

    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=0), report_by=900), "x": state_claim(report_by=900)},
        duties={"d": maintain("k", consequence="record")},
    )
    play.say(start(1), "Q", Notice(claim="k", start=start(1.5), end=start(1.6), text=""))
    allege(play)
    play.say(AT, "Q", Respond(allegation="P/k/1", answer="ADMITTED"))
    attest(play, start(2), "x", 1, True)
    assert play.letters("k") == ".R"


# --- holds ------------------------------------------------------------------------------------------------------------


def test_hold_withholds_and_ends_at_its_limit() -> None:
    """A hold makes HELD, withholds, stops the release duty, and ends exactly at its limit (rules 5.1h, 5.2a)."""
    play = play_of()
    delivered(play, D)
    allege(play, hold=True)
    assert play.shown == "HELD"
    assert play.tranche("t") == "WITHHELD"
    play.seal(AT + 149)
    assert play.shown == "HELD"
    play.seal(AT + 150)
    assert play.shown == "EFFECTIVE"
    assert play.tranche("t") == "DELIVERED"
    assert play.state.allegations["P/k/1"].outcome == "OPEN"
    assert play.when("arrangement", "HELD") == [AT]
    assert play.when("arrangement", "EFFECTIVE")[-1] == AT + 150


def test_hold_ends_with_the_dismissal() -> None:
    """A dismissal ends the hold at once (rule 5.2a)."""
    play = play_of()
    allege(play, hold=True)
    vote(play, AT + 20, False)
    assert play.shown == "EFFECTIVE"


def test_hold_ends_when_upheld_and_cured() -> None:
    """Upheld, the hold runs on until the violation is cured, or its limit (rule 5.2a)."""
    play = play_of()
    allege(play, hold=True)
    attest(play, AT + 10, "k", 1, False)
    assert outcome(play)[1] == "UPHELD"
    assert play.shown == "HELD"
    play.seal(AT + 150)
    assert play.shown == "EFFECTIVE"
    quick = begun(
        claims={"k": state_claim(report_by=900)},
        duties={"d": maintain("k", consequence="record", cure=1)},
    )
    allege(quick, hold=True, at=start(1.9))
    attest(quick, start(1.9), "k", 1, False)
    attest(quick, start(3), "k", 2, True)
    assert quick.shown == "EFFECTIVE"
    assert quick.state.clock.now < start(1.9) + 150


def test_hold_ends_when_what_was_violated_is_waived() -> None:
    """Upheld, there is nothing left to cure: whether the duty is one to maintain or to achieve (rule 5.2a)."""
    play = begun(
        claims={"k": state_claim(report_by=900), "e": event()},
        duties={
            "d": maintain("k", consequence="record"),
            "f": achieve("e", consequence="record", due=Due(anchor="start", after=500)),
        },
    )
    for claim, duty in (("k", "d"), ("e", "f")):
        play.say(AT, "P", Allege(claim=claim, period=0, hold=True))
        play.say(AT, "Q", Respond(allegation=f"P/{claim}/0", answer="ADMITTED"))
        assert play.shown == "HELD"
        play.say(AT + 1, "P", Waive(duty=duty))
        assert (play.duty(duty), play.shown) == ("DISCHARGED", "EFFECTIVE")


def test_nothing_is_alleged_past_the_last_instant_to_resume() -> None:
    """Past maxSuspension it is too late, also before that has fired (rule 5.3d)."""
    play = begun(
        claims={"e": event(), "k": state_claim()},
        duties={"a": achieve("e", due=Due(anchor="start", after=30), cure=20), "d": maintain("k")},
    )
    play.seal(D + 60)
    last = D + 60 + 300
    play.refused("state", last + 1, "P", Allege(claim="k", period=2))
    play.say(last, "P", Allege(claim="k", period=2))


def test_holds_are_used_up_at_raising() -> None:
    """A party has so many holds; they count at the raising, even when dismissed; without one it may still allege
    (rule 5.1h)."""
    play = play_of()
    allege(play, hold=True)
    play.say(AT, "P", Allege(claim="k", period=0, hold=True))
    vote(play, AT, False)
    assert play.state.arrangement.holds_used == {"P": 2}
    assert "2" in play.refused("limit", AT, "P", Allege(claim="e", period=0, hold=True))
    play.say(AT, "P", Allege(claim="e", period=0))
    assert play.shown == "HELD"
    play.say(AT, "Q", Allege(claim="j", period=0, hold=True))
    assert play.state.arrangement.holds_used == {"P": 2, "Q": 1}
    vote(play, AT, False, "P/k/0")
    assert play.shown == "HELD"
    vote(play, AT, False, "Q/j/0")
    assert play.shown == "EFFECTIVE"


def test_equivocator_has_no_open_vote() -> None:
    """Evidence takes the author's open votes away, and later ones have no effect; closed ones stand (rule 1.4c)."""
    play = play_of()
    allege(play)
    play.say(AT, "P", Allege(claim="k", period=0))
    vote(play, AT, False, "P/k/0")
    vote(play, AT, True, voters="n1")
    play.say(AT, "P", Evidence(kind="equivocation", first="", second=""), culprit="n1")
    vote(play, AT, True)
    assert outcome(play)[1] == "OPEN"
    assert play.state.allegations["P/k/1"].votes == {"N": True}
    assert play.state.allegations["P/k/0"].votes == {"N": False, "n1": False}


def test_event_allegation() -> None:
    """An allegation of an event's only period: upheld, the event is REFUTED for good."""
    play = play_of()
    play.say(AT, "P", Allege(claim="e", period=0, hold=True))
    play.say(AT, "Q", Respond(allegation="P/e/0", answer="ADMITTED"))
    assert play.letters("e") == "R"
    assert play.shown == "HELD"


@pytest.mark.parametrize("seal", [False, True])
@pytest.mark.parametrize("admitted", [False, True])
@pytest.mark.parametrize(("late", "letter"), [(0, "R"), (1, "U")])
def test_upheld_past_report_by_leaves_the_period(seal: bool, admitted: bool, late: int, letter: str) -> None:
    """A vote or an admission refutes an undecided period if its time lies not past reportBy; else it is UNKNOWN
    (rule 5.1e)."""
    play = begun(claims={"k": state_claim(report_by=50)}, duties={"d": maintain("k", consequence="record")})
    last = start(1) + 50
    play.say(last - 20, "P", Allege(claim="k", period=0))
    if seal:
        play.seal(last + (GRACE if late else GRACE - 1))
    if admitted:
        play.say(last + late, "Q", Respond(allegation="P/k/0", answer="ADMITTED"))
    else:
        vote(play, last + late, True, "P/k/0")
    play.seal(last + GRACE)
    assert outcome(play, "P/k/0")[1] == "UPHELD"
    assert play.letters("k") == letter
