"""Duties to achieve: deadlines, cure, waiver, and the pausing of deadlines."""

from __future__ import annotations

from typing import Any

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Perform, Resume, Waive
from armslength.core.arrangement.terms import ClaimIs, Due, Duty, Excuse
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    EFFECTIVE,
    END,
    GRACE,
    D,
    P,
    achieve,
    attest,
    begun,
    clear,
    event,
    maintain,
    state_claim,
    tranche,
    when,
)

DUE, CURE = D + 3 * P, D + 5 * P


def play_of(parties: str = "PQ", **changes: Any) -> Play:
    """One duty d of Q, shown by the event e; due three periods after D, cure two."""
    return begun(parties, claims={"e": event()}, duties={"d": achieve("e", **{"consequence": "record"} | changes)})


@pytest.mark.parametrize(
    ("at", "state", "since"),
    [
        (D, "FULFILLED", D),
        (DUE, "FULFILLED", DUE),
        (DUE + 1, "CURED", DUE + GRACE),
        (DUE + GRACE + 5, "CURED", DUE + GRACE + 5),
        (CURE, "CURED", CURE),
        (CURE + 1, "REMEDIED", CURE + GRACE),
        (CURE + 50, "REMEDIED", CURE + 50),
    ],
)
def test_by_when_it_is_done(at: int, state: str, since: int) -> None:
    """Timely is the time of the deciding entry; the deadline fires grace later; each state bears its own instant
    (rules 2.3a, 4.1a)."""
    play = play_of()
    attest(play, at, "e", 0, True)
    play.seal(CURE + 100)
    assert play.duty("d") == state
    assert play.when("d", state) == [since]


def test_undone() -> None:
    """OVERDUE at due + grace, BREACHED at the end of cure + grace (rules 2.3c, 4.1b)."""
    play = play_of()
    play.seal(END)
    assert play.when("d", "OVERDUE") == [DUE + GRACE]
    assert play.when("d", "BREACHED") == [CURE + GRACE]


def test_not_still_owed_is_never_remedied() -> None:
    """A breach of a duty that is not still_owed stays one (rule 4.1c)."""
    play = play_of(still_owed=False)
    attest(play, CURE + 20, "e", 0, True)
    assert play.duty("d") == "BREACHED"


def test_refuted_event_runs_to_the_breach() -> None:
    """An event refuted for good cannot be done; the deadlines still run."""
    play = play_of()
    attest(play, D, "e", 0, False)
    assert play.duty("d") == "ACTIVE"
    play.seal(END)
    assert play.duty("d") == "BREACHED"


@pytest.mark.parametrize(
    ("due", "instant"),
    [
        (Due(anchor="trigger", after=50), D + 150),
        (Due(anchor="start", after=50), D + 50),
        (Due(anchor="end", after=-100), END - 100),
    ],
)
def test_anchors(due: Due, instant: int) -> None:
    """Due counts from the trigger, from D, or from the end (rule 4.1a)."""
    play = play_of(trigger=when("start", 100), due=due)
    play.seal(D + 99)
    assert play.duty("d") == "PENDING"
    play.seal(D + 100)
    assert play.state.duties["d"].due == instant
    assert play.state.duties["d"].active_at == D + 100


def test_deadline_that_lies_behind_fires_at_once() -> None:
    """A duty that comes ACTIVE after its due fires then, and never before it was there (rule 2.3e)."""
    play = play_of(trigger=when("start", 100), due=Due(anchor="start", after=20))
    play.seal(D + 100)
    assert play.when("d", "OVERDUE") == [D + 100]


def test_expired_when_the_trigger_can_no_longer_hold() -> None:
    """A trigger that rests on a refuted claim can no longer hold (rule 4.1d)."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={"d": achieve("e", trigger=ClaimIs(claim="f", states=("SUPPORTED",)))},
    )
    attest(play, D, "f", 0, False)
    assert play.duty("d") == "EXPIRED"


def test_pending_expires_with_the_term() -> None:
    """A duty whose trigger still could hold EXPIRES when the term is over, and nothing waits for it (rule 4.1d)."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={"d": achieve("e", trigger=ClaimIs(claim="f", states=("SUPPORTED",)))},
    )
    play.seal(END)
    assert play.duty("d") == "EXPIRED"
    assert play.shown == "COMPLETED"


def test_nothing_starts_before_day_d() -> None:
    """A trigger that would hold before the arrangement is EFFECTIVE starts nothing (rule 5.6b)."""
    play = play_of(trigger=clear("d"))
    fresh = Play(play.terms)
    fresh.seal(D - 10)
    assert fresh.duty("d") == "PENDING"
    assert play.duty("d") == "ACTIVE"


def test_excused_event_discharges() -> None:
    """An event that is EXCUSED discharges the duty (rule 4.1e)."""
    from armslength.core.arrangement.bodies import Notice

    play = begun(
        claims={"e": event(excuse=Excuse(claim="x", lead=0)), "x": event()},
        duties={"d": achieve("e")},
    )
    play.say(D, "Q", Notice(claim="e", start=D + 10, end=D + 20, text=""))
    attest(play, D, "x", 0, True)
    assert play.duty("d") == "DISCHARGED"
    assert play.rules("d")[-1] == "duty.excused"


def test_perform_is_the_debtors_word_only() -> None:
    """The debtor's statement is recorded and proves nothing; others cannot make it (rule 4.1g)."""
    play = play_of()
    play.say(D + 5, "Q", Perform(duty="d"))
    assert play.duty("d") == "ACTIVE"
    assert play.state.duties["d"].performed_at == D + 5
    play.refused("authority", D + 5, "P", Perform(duty="d"))
    play.refused("unknown", D + 5, "Q", Perform(duty="nope"))
    attest(play, D + 6, "e", 0, True)
    play.refused("state", D + 6, "Q", Perform(duty="d"))


@pytest.mark.parametrize("every", [1, 40])
def test_trigger_on_an_event_that_nobody_attests_expires_with_its_reporting(every: int) -> None:
    """At reportBy + grace the claim is UNKNOWN and the duty EXPIRED, at that very instant, however late the next seal
    (rules 3.2a, 4.1d)."""
    play = begun(
        claims={"e": event(report_by=P), "f": event()},
        duties={"d": achieve("f", trigger=ClaimIs(claim="e", states=("SUPPORTED",)))},
    )
    for step_number in range(1, every + 1):
        play.seal(D + 4 * P * step_number // every)
    assert play.when("d", "EXPIRED") == [D + P + GRACE]


# --- waiver -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [DUE - 1, DUE + GRACE + 1, CURE + GRACE + 1])
def test_what_stands_still_is_waived_as_if_nothing_had_passed(at: int) -> None:
    """While another's breach suspends, a duty's deadlines lie behind in no sense: it is DISCHARGED at once."""
    play = begun(
        max_suspension=9 * P,
        claims={"e": event(), "f": event()},
        duties={
            "d": achieve("e", "P", still_owed=False),
            "late": achieve("f", due=Due(anchor="start", after=50), cure=0),
        },
    )
    play.seal(at)
    assert (play.shown, play.duty("d"), play.state.duties["d"].frozen_at) == ("SUSPENDED", "ACTIVE", D + 50 + GRACE)
    play.say(at, "Q", Waive(duty="d"))
    assert play.duty("d") == "DISCHARGED"
    assert play.when("d", "DISCHARGED") == [at]


def test_waived_by_all_creditors() -> None:
    """A duty is DISCHARGED once every creditor has waived, not before; nobody else can (rule 4.1f)."""
    play = play_of("PQR", creditors=("P", "R"))
    play.refused("authority", D, "Q", Waive(duty="d"))
    play.refused("unknown", D, "P", Waive(duty="nope"))
    play.say(D, "P", Waive(duty="d"))
    play.refused("repeat", D, "P", Waive(duty="d"))
    assert play.duty("d") == "ACTIVE"
    play.say(D, "R", Waive(duty="d"))
    assert play.duty("d") == "DISCHARGED"
    play.refused("state", D, "P", Waive(duty="d"))


@pytest.mark.parametrize(("still_owed", "waivable"), [(True, True), (False, False)])
def test_waiving_a_breach(still_owed: bool, waivable: bool) -> None:
    """What is still owed after a breach can be waived; a breach for good cannot be undone."""
    play = play_of(still_owed=still_owed)
    play.seal(CURE + GRACE)
    if waivable:
        play.say(CURE + GRACE, "P", Waive(duty="d"))
        assert play.duty("d") == "DISCHARGED"
    else:
        play.refused("state", CURE + GRACE, "P", Waive(duty="d"))


def test_waiver_unblocks_resumption() -> None:
    """A waived breach leaves nothing to remedy, so both can resume."""
    play = play_of(consequence="suspend")
    play.seal(CURE + GRACE)
    assert play.shown == "SUSPENDED"
    for party in "PQ":
        play.say(CURE + 20, party, Resume())
    assert play.shown == "SUSPENDED"
    play.say(CURE + 30, "P", Waive(duty="d"))
    assert play.shown == "EFFECTIVE"


# --- pauses -----------------------------------------------------------------------------------------------------------


def suspended(**more: Duty) -> Play:
    """SUSPENDED since D + 110 by P's duty p, remedied by the event f; with more duties over e, g, k."""
    return begun(
        "PQR",
        claims={"e": event(), "f": event(), "g": event(), "k": state_claim()},
        duties={"p": achieve("f", "P", due=Due(anchor="start", after=50), cure=50), **more},
    )


def resume(play: Play, at: int) -> None:
    """All agree."""
    for party in "PQR":
        play.say(at, party, Resume())


def test_deadlines_of_others_stand_still() -> None:
    """While SUSPENDED by P, Q's deadline is paused and gets its remaining time back; P's and maintain duties run
    (rules 4.5a, 4.5d)."""
    play = suspended(
        q=achieve("e", "Q", consequence="record", due=Due(anchor="start", after=200), cure=30),
        p2=achieve("g", "P", consequence="record", due=Due(anchor="start", after=200), cure=30),
        m=maintain("k", "Q", consequence="record"),
    )
    play.seal(D + 110)
    assert play.shown == "SUSPENDED"
    assert play.state.duties["q"].frozen_at == D + 110
    assert play.state.duties["p2"].frozen_at is None
    assert play.state.duties["m"].frozen_at is None
    attest(play, D + 250, "f", 0, True)
    resume(play, D + 260)
    assert play.shown == "EFFECTIVE"
    assert play.duty("p2") == "BREACHED"
    assert play.duty("q") == "ACTIVE"
    assert play.state.duties["q"].due == D + 350
    assert play.state.duties["q"].cure_due == D + 380
    play.seal(D + 360)
    assert play.when("q", "OVERDUE") == [D + 360]


def test_nobody_gains_time_by_a_breach() -> None:
    """The breacher's other deadlines run on for the whole suspension, even after the remedy (rule 4.5b)."""
    play = suspended(p2=achieve("g", "P", consequence="record", due=Due(anchor="start", after=300)))
    play.seal(D + 110)
    attest(play, D + 120, "f", 0, True)
    assert play.duty("p") == "REMEDIED"
    assert play.shown == "SUSPENDED"
    assert play.state.duties["p2"].frozen_at is None
    resume(play, D + 200)
    assert play.state.duties["p2"].due == D + 300


def test_frozen_in_the_cure() -> None:
    """An OVERDUE duty keeps its remaining cure; its due does not move."""
    play = suspended(q=achieve("e", "Q", consequence="record", due=Due(anchor="start", after=90), cure=100))
    play.seal(D + 110)
    assert play.duty("q") == "OVERDUE"
    attest(play, D + 150, "f", 0, True)
    resume(play, D + 160)
    assert (play.state.duties["q"].due, play.state.duties["q"].cure_due) == (D + 90, D + 240)


def test_performance_while_frozen_counts() -> None:
    """What is done while the deadline is paused is in time, however late (rule 4.5c)."""
    play = suspended(q=achieve("e", "Q", consequence="record", due=Due(anchor="start", after=120), cure=30))
    play.seal(D + 110)
    attest(play, D + 350, "e", 0, True)
    assert play.duty("q") == "FULFILLED"
    assert play.state.duties["q"].frozen_at is None


def test_frozen_after_the_deadline_is_late() -> None:
    """Frozen between due and due + grace: done then, it is late, and CURED once the deadline fires."""
    play = suspended(q=achieve("e", "Q", consequence="record", due=Due(anchor="start", after=105), cure=30))
    play.seal(D + 110)
    attest(play, D + 112, "e", 0, True)
    assert play.duty("q") == "ACTIVE"
    play.seal(D + 200)
    assert play.duty("q") == "CURED"


def test_a_new_breach_ends_the_standing_still() -> None:
    """Who comes in breach while SUSPENDED runs on from there."""
    play = suspended(
        q=achieve("e", "Q", consequence="record", due=Due(anchor="start", after=300)),
        m=maintain("k", "Q", consequence="record"),
    )
    play.seal(D + 110)
    attest(play, D + 120, "k", 0, False, "n1 n3")
    attest(play, D + 150, "k", 1, False, "n1 n3")
    assert play.duty("m") == "BREACHED"
    assert play.state.duties["q"].frozen_at is None
    assert play.state.duties["q"].due == D + 340


def test_duty_that_starts_while_suspended_stands_still() -> None:
    """A duty that comes ACTIVE during a suspension begins to run when it ends."""
    play = suspended(q=achieve("e", "Q", trigger=when("start", 150), due=Due(anchor="trigger", after=50)))
    play.seal(D + 160)
    assert play.state.duties["q"].frozen_at == D + 150
    attest(play, D + 190, "f", 0, True)
    resume(play, D + 200)
    assert play.state.duties["q"].due == D + 250


def test_next_deadline_is_the_earliest() -> None:
    """The next deadline is the earliest instant at which something fires by itself."""
    play = begun(
        claims={"e": event()},
        duties={"d": achieve("e", consequence="record"), "w": achieve("e", trigger=when("start", 30))},
        tranches={"t": tranche(gate=when("start", 20), continuous=EFFECTIVE)},
    )
    assert step.next_deadline(play.terms, play.state) == D + 20
    play.seal(D + 20)
    assert step.next_deadline(play.terms, play.state) == D + 30
    play.seal(D + 30)
    assert step.next_deadline(play.terms, play.state) == DUE + GRACE
