"""Small cases that random histories found (tests/oracle), each a rule that was read otherwise before."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.bodies import Allege, Notice, Respond, Resume, Waive
from armslength.core.arrangement.terms import CleanRun, Due, DutyIs, Excuse, TrancheIs
from armslength.errors import Refused
from tests.core.arrangement.small import (
    END,
    GRACE,
    D,
    achieve,
    attest,
    begun,
    clear,
    content,
    delivered,
    event,
    given,
    maintain,
    start,
    state_claim,
    tranche,
    when,
)

DUE = D + 100
LATE = {"consequence": "record", "due": Due(anchor="start", after=100), "cure": 50}


def test_waiver_that_waits_is_not_brought_forward() -> None:
    """Waived past due: OVERDUE fires first, also if an entry from before due arrives in between (decision 22)."""
    play = begun(claims={"e": event()}, duties={"d": achieve("e", **LATE)})
    play.say(DUE + 5, "P", Waive(duty="d"))
    play.say(DUE - 3, "P", Allege(claim="e", period=0))
    assert play.duty("d") == "ACTIVE"
    play.seal(DUE + GRACE)
    assert (play.duty("d"), play.when("d", "OVERDUE")) == ("DISCHARGED", [DUE + GRACE])


def test_waiver_within_the_cure_counts_though_the_cure_has_passed_when_due_fires() -> None:
    """The cure is shorter than grace: what was waived in its time is not BREACHED (decision 22)."""
    play = begun(claims={"e": event()}, duties={"d": achieve("e", **LATE | {"cure": 5, "still_owed": False})})
    play.say(DUE + 3, "P", Waive(duty="d"))
    play.seal(DUE + 2 * GRACE)
    assert play.duty("d") == "DISCHARGED"


def test_waiver_at_the_end_of_the_term_of_a_duty_that_will_be_found_breached_after_it() -> None:
    """Its cure has passed at the instant at which the term ends: what fires after that nobody can waive (decision 22);
    of a surviving duty it can be waived."""
    late = LATE | {"due": Due(anchor="end", after=-60), "cure": 55}
    for surviving in (False, True):
        play = begun(claims={"e": event()}, duties={"d": achieve("e", **late, surviving=surviving)})
        if surviving:
            play.say(END, "P", Waive(duty="d"))
        else:
            with pytest.raises(Refused, match="nothing left to waive"):
                play.say(END, "P", Waive(duty="d"))
        play.seal(END + GRACE)
        assert play.duty("d") == ("DISCHARGED" if surviving else "BREACHED")


def test_waiver_of_what_only_the_recipient_has_still_to_answer() -> None:
    """Release and key came in time: no deadline of the provider's is left that could be a breach (rule 6.4)."""
    play = begun(tranches={"t": tranche(release_cure=0, ack_by=200)})
    delivered(play, D)
    given(play, D + 10)
    play.say(D + 50, "Q", Waive(duty="t.release"))
    assert play.duty("t.release") == "DISCHARGED"


def test_duty_that_is_waived_as_it_falls_due_was_never_seen_overdue() -> None:
    """Each object goes as far as it goes before the next one looks (rule 2.4): a passing state triggers nothing."""
    asks = DutyIs(duty="a", states=("OVERDUE",))
    play = begun(
        claims={"e": event(), "f": event()},
        duties={"a": achieve("e", **LATE), "b": achieve("f", consequence="record", trigger=asks)},
    )
    play.say(DUE + 5, "P", Waive(duty="a"))
    play.seal(DUE + GRACE)
    assert (play.duty("a"), play.duty("b")) == ("DISCHARGED", "EXPIRED")


@pytest.mark.parametrize("again", [False, True])
def test_refutation_waits_for_an_excuse_that_comes_too_late(again: bool) -> None:
    """REFUTED waits until the excuse is decided or reportBy (rule 3.3), whatever arrives from before in between."""
    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=20)), "x": state_claim(report_by=300)},
        duties={"d": maintain("k", consequence="record", cure=0)},
    )
    play.say(start(1) - 20, "Q", Notice(claim="k", start=start(1), end=start(2), text=""))
    attest(play, start(2), "k", 1, False)
    attest(play, start(3) + 5, "x", 1, True)
    if again:
        attest(play, start(3), "k", 1, False, "n3")
        play.say(start(1) - 20, "Q", Notice(claim="k", start=start(1), end=start(2) + 1, text=""))
        assert play.duty("d") == "ACTIVE"
    play.seal(start(3) + GRACE)
    assert (play.letters("k"), play.when("d", "BREACHED")) == ("UR", [start(3) + GRACE])


@pytest.mark.parametrize("claim", ["e", "k"])
def test_decision_past_the_determination_deadline_of_an_allegation_that_arrives_after_it(claim: str) -> None:
    """What decides an allegation bears no later time than its deadline, whichever of the two is placed first."""
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=900)},
        duties={"a": achieve("e", consequence="record"), "d": maintain("k", consequence="record")},
    )
    attest(play, D + 215, claim, 0, False)
    play.say(D + 10, "P", Allege(claim=claim, period=0))
    assert play.state.allegations[f"P/{claim}/0"].outcome == "OPEN"
    play.seal(D + 10 + 200 + GRACE)
    assert play.state.allegations[f"P/{claim}/0"].outcome == "DISMISSED"


@pytest.mark.parametrize("order", [(8, 9), (9, 8)])
def test_trigger_and_gate_that_come_true_as_the_term_ends(order: tuple[int, int]) -> None:
    """The attestation that decides the last period completes a run: it triggers and opens before all is over, in
    either order of the instant (rules 2.4, 4.1)."""
    run = CleanRun(claims=("k",), length=1)
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=500)},
        duties={"d": maintain("k", consequence="record"), "a": achieve("e", trigger=run, consequence="record")},
        tranches={"t": tranche(gate=run)},
    )
    for number in range(8):
        attest(play, END - 1, "k", number, False)
    for number in order:
        attest(play, END + 5, "k", number, True)
    known = play.state.tranches["t"]
    assert (play.duty("a"), play.state.duties["a"].active_at, known.stage) == ("ACTIVE", END + 5, "FORFEITED")
    assert known.gate_at == END + 5


def test_trigger_on_what_the_term_forfeits_at_once_comes_true_before_it_is_over() -> None:
    """The last period opens the gate on which alone it bore: nothing is waited for any more, and at that same instant
    the tranche is FORFEITED, which is what the duty waits for (rule 2.4: each object goes as far as it goes)."""
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=2000)},
        duties={"a": achieve("e", consequence="record", trigger=TrancheIs(tranche="t", states=("FORFEITED",)))},
        tranches={"t": tranche(gate=CleanRun(claims=("k",), length=1))},
    )
    play.say(D + 1, "P", content("t"))
    attest(play, END + 5, "k", 0, True)
    assert (play.state.tranches["t"].stage, play.state.tranches["t"].gate_at) == ("FORFEITED", END + 5)
    assert (play.duty("a"), play.state.duties["a"].active_at) == ("ACTIVE", END + 5)


def test_duty_that_is_due_as_it_starts_while_suspended_stands_still() -> None:
    """Its deadline has not passed at the instant at which it starts, so that it gets its time back (rule 4.5)."""
    play = begun(
        grace=0,
        claims={"e": event(), "f": event()},
        duties={
            "a": achieve("e", due=Due(anchor="start", after=100), cure=0, still_owed=False),
            "b": achieve("f", "P", trigger=when("start", 200), due=Due(anchor="start", after=200)),
        },
    )
    play.seal(D + 250)
    assert (play.shown, play.duty("b"), play.state.duties["b"].frozen_at) == ("SUSPENDED", "ACTIVE", D + 200)


def test_period_refuted_before_a_violation_ended_belongs_to_it() -> None:
    """An attestation that arrives after a remedy, and is dated before it, joins the violation that was open then."""
    play = begun(
        claims={"k": state_claim(report_by=900)},
        duties={"d": maintain("k", consequence="record", cure=0, remedy_run=1)},
    )
    attest(play, start(3) + 1, "k", 1, False)
    attest(play, start(3) + 20, "k", 2, True)
    attest(play, start(3) + 10, "k", 0, False)
    assert [(known.first, known.state) for known in play.state.duties["d"].instances] == [(0, "REMEDIED")]


def test_hold_about_a_period_that_an_earlier_violation_waits_for_is_not_ended_by_one_that_was_cured_between() -> None:
    """p5's violation is cured before p1 is refuted, which opens one that is still open: what is admitted of p8 belongs
    to no violation that has ended, so its hold runs on (rule 5.2a)."""
    play = begun(
        claims={"k": state_claim(report_by=900)},
        duties={"d": maintain("k", consequence="record", cure=2, remedy_run=1)},
    )
    attest(play, start(6) + 1, "k", 5, False)
    attest(play, start(7) + 1, "k", 6, True)
    attest(play, start(8) + 1, "k", 7, True)
    attest(play, start(8) + 5, "k", 1, False)
    play.say(start(8) + 20, "P", Allege(claim="k", period=8, hold=True))
    play.say(start(8) + 30, "Q", Respond(allegation="P/k/8", answer="ADMITTED"))
    assert [(known.first, known.state) for known in play.state.duties["d"].instances] == [(1, "OVERDUE"), (5, "CURED")]
    assert (play.shown, play.state.allegations["P/k/8"].outcome) == ("HELD", "UPHELD")


def test_breach_of_the_instant_at_which_the_term_ends_is_remedied_by_what_is_done() -> None:
    """Triggered too late by the last period: what was done long before remedies the breach at once (rule 4.1)."""
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=1000)},
        duties={
            "d": maintain("k", consequence="record"),
            "a": achieve(
                "e",
                trigger=CleanRun(claims=("k",), length=10),
                consequence="record",
                due=Due(anchor="start", after=100),
                cure=0,
            ),
        },
    )
    attest(play, D + 500, "e", 0, True)
    for number in range(10):
        attest(play, END + 5, "k", number, True)
    assert (play.duty("a"), play.shown) == ("REMEDIED", "COMPLETED")


def test_suspended_at_the_end_winds_down_though_all_have_agreed_to_resume() -> None:
    """The breach could be remedied up to the end, and was not: SUSPENDED at the end is WINDING (rule 5.5)."""
    play = begun(claims={"e": event()}, duties={"a": achieve("e", due=Due(anchor="end", after=-50), cure=0)})
    play.seal(END - 50 + GRACE)
    for party in "PQ":
        play.say(END - 20, party, Resume())
    play.seal(END)
    assert play.shown == "TERMINATED"


@pytest.mark.parametrize("order", ["ke", "ek"])
def test_remedy_of_the_instant_at_which_all_is_complete(order: str) -> None:
    """The attestation that decides the last period and the one that remedies a breach, in either order (rule 2.4)."""
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=1000)},
        duties={
            "d": maintain("k", consequence="record"),
            "a": achieve("e", consequence="record", due=Due(anchor="start", after=100), cure=0),
        },
    )
    for number in range(9):
        attest(play, END, "k", number, True)
    for claim in order:
        attest(play, END + 5, claim, 9 if claim == "k" else 0, True)
    assert (play.duty("a"), play.shown) == ("REMEDIED", "COMPLETED")


def test_waiver_counts_by_the_latest_of_the_creditors() -> None:
    """The second waives before due, and is placed last: what the first said after due decides (decision 35)."""
    play = begun(parties="PQR", claims={"e": event()}, duties={"d": achieve("e", creditors=("P", "R"), **LATE)})
    play.say(DUE + 5, "P", Waive(duty="d"))
    play.say(DUE - 3, "R", Waive(duty="d"))
    assert play.duty("d") == "ACTIVE"
    play.seal(DUE + GRACE)
    assert (play.duty("d"), play.when("d", "OVERDUE")) == ("DISCHARGED", [DUE + GRACE])


def test_each_whose_breach_made_the_suspension_has_no_pause_of_it() -> None:
    """Two breaches suspend at once; one of them is remedied. Its debtor's other duty runs on all the same: it is
    among those that made this suspension (rule 4.5b)."""
    due = Due(anchor="start", after=100)
    play = begun(
        claims={"e": event(), "f": event(), "g": event()},
        duties={
            "a": achieve("e", "Q", due=due, cure=0, still_owed=True),
            "b": achieve("f", "P", due=due, cure=0, still_owed=True),
            "c": achieve("g", "Q", due=Due(anchor="start", after=400), cure=50, consequence="record"),
        },
    )
    play.seal(DUE + GRACE)
    assert play.shown == "SUSPENDED"
    attest(play, DUE + GRACE + 5, "e", 0, True)
    assert (play.duty("a"), play.duty("b"), play.state.duties["c"].frozen_at) == ("REMEDIED", "BREACHED", None)


def test_nothing_is_alleged_once_it_is_too_late_to_resume() -> None:
    """Past maxSuspension, though WINDING comes a grace later (rule 5.3d)."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={"a": achieve("e", "Q", due=Due(anchor="start", after=100), cure=0), "b": achieve("f", "Q")},
    )
    play.seal(DUE + GRACE)
    since = play.state.arrangement.suspension.since
    last = since + play.terms.max_suspension
    play.say(last, "P", Allege(claim="f", period=0))
    play.refused("state", last + 1, "P", Allege(claim="e", period=0))


def test_breach_found_after_the_term_is_not_remedied_by_an_entry_from_before_that_is_about_something_else() -> None:
    """What was done late does not remedy a breach that fired once all was over, though an entry about another duty is
    dated before the end: had it come first, nothing would be different (rules 2.4, 4.1)."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={
            "d": achieve("e", consequence="record", due=Due(anchor="end", after=-60), cure=55, still_owed=True),
            "g": achieve("f", "P", consequence="record", due=Due(anchor="end", after=300)),
        },
    )
    attest(play, END - 4, "e", 0, True)
    play.seal(END + GRACE)
    assert play.duty("d") == "BREACHED"
    attest(play, END - 2, "f", 0, True)
    assert (play.duty("g"), play.duty("d")) == ("FULFILLED", "BREACHED")


def test_what_was_done_before_a_breach_fired_and_arrives_after_it_remedies_it() -> None:
    """Nothing undoes a breach that has fired; it is remedied at its own instant (rules 1.6, 4.1)."""
    play = begun(claims={"e": event(), "f": event()}, duties={"d": achieve("e", still_owed=True, **LATE)})
    attest(play, DUE + 60 + GRACE, "f", 0, True)
    assert (play.duty("d"), play.when("d", "BREACHED")) == ("BREACHED", [DUE + 50 + GRACE])
    attest(play, DUE + 20, "e", 0, True)
    assert (play.duty("d"), play.when("d", "REMEDIED")) == ("REMEDIED", [DUE + 50 + GRACE])


def test_no_clock_is_paused_before_the_suspension_that_pauses_it() -> None:
    """The provider's own breach keeps its clock running while suspended; it is remedied by an entry from before the
    suspension, which stops the clock from the suspension on, not before (rules 4.5, 6.4c)."""
    play = begun(
        claims={"e": event(), "k": state_claim()},
        duties={
            "own": achieve("e", "P", consequence="record", due=Due(anchor="start", after=100), cure=0),
            "d": maintain("k", consequence="suspend", cure=0),
        },
        tranches={"t": tranche(release_by=400)},
    )
    delivered(play, D)
    play.seal(DUE + GRACE)
    assert play.duty("own") == "BREACHED"
    suspended = start(2) + 20
    attest(play, suspended, "k", 1, False)
    assert play.state.shown == "SUSPENDED"
    assert play.state.duties["t.release"].frozen_at is None
    attest(play, suspended - 4, "e", 0, True)
    assert play.duty("own") == "REMEDIED"
    assert play.state.duties["t.release"].frozen_at == suspended


def test_no_clock_is_paused_before_the_hold_that_pauses_it() -> None:
    """The same with a hold: the provider's own breach withholds its tranche until it is remedied by an entry from
    before the hold, which alone pauses the clock (rules 4.5, 6.4c)."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={
            "own": achieve("e", "P", consequence="withhold", due=Due(anchor="start", after=100), cure=0),
            "d": achieve("f", "Q"),
        },
        tranches={"t": tranche(release_by=400, continuous=clear("own"))},
    )
    delivered(play, D)
    play.seal(DUE + GRACE)
    assert (play.duty("own"), play.state.tranches["t"].shown) == ("BREACHED", "WITHHELD")
    play.say(DUE + 50, "P", Allege(claim="f", period=0, hold=True))
    attest(play, DUE + 50 - 4, "e", 0, True)
    assert (play.duty("own"), play.shown) == ("REMEDIED", "HELD")
    assert play.state.duties["t.release"].frozen_at == DUE + 50


@pytest.mark.parametrize("cured", ["both", "one", "none of the accuser's"])
def test_hold_ends_once_every_violation_that_was_upheld_is_cured(cured: str) -> None:
    """A claim shows two duties to maintain, of which one is cured sooner: the hold ends with the later one; duties of
    the accuser, and those that were not owed in the period, have no part in it (rule 5.2a)."""
    own = cured == "none of the accuser's"
    slow = maintain("k", "P" if own else "Q", consequence="record", cure=3)
    play = begun(
        claims={"k": state_claim(report_by=900)},
        duties={
            "slow": slow,
            "quick": maintain("k", consequence="record", cure=1),
            "later": maintain("k", consequence="record", trigger=when("start", 500)),
        },
    )
    hold = play.terms.allegations.hold
    play.say(start(2) - 1, "P", Allege(claim="k", period=1, hold=True))
    attest(play, start(2), "k", 1, False)
    assert (play.shown, play.state.allegations["P/k/1"].outcome) == ("HELD", "UPHELD")
    attest(play, start(3), "k", 2, True)
    assert (play.duty("quick"), play.duty("slow")) == ("ACTIVE", "OVERDUE")
    assert play.shown == ("EFFECTIVE" if own else "HELD")
    if cured == "both":
        play.say(start(3) + 20, "P", Waive(duty="slow"))
        assert play.shown == "EFFECTIVE"
    elif cured == "one":
        play.seal(start(2) - 1 + hold)
        assert play.shown == "EFFECTIVE"


def test_period_of_a_claim_that_is_no_longer_decided_is_not_excused() -> None:
    """Winding down: the excuse claim is decided, because a surviving duty waits for a run of it; the period that it
    would excuse is nobody's any more (rule 3.2d)."""
    play = begun(
        claims={
            "e": event(),
            "k": state_claim(report_by=900, excuse=Excuse(claim="x", lead=0)),
            "x": state_claim(report_by=900),
        },
        duties={
            "a": achieve("e", cure=0, due=Due(anchor="start", after=100)),
            "d": maintain("k", consequence="record"),
            "s": achieve("e", "P", trigger=CleanRun(claims=("x",), length=3), surviving=True),
        },
        max_suspension=50,
    )
    play.say(start(1.2), "Q", Notice(claim="k", start=start(1.2), end=start(1.5), text=""))
    play.seal(DUE + 50 + 3 * GRACE)
    assert play.shown == "TERMINATED"
    attest(play, start(2) + 1, "x", 1, True)
    assert (play.letters("x"), play.letters("k")) == (".S", "")
