"""Small histories that together take every row of every table, for what is told of each change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from armslength.core.arrangement.bodies import (
    Allege,
    Attest,
    Determine,
    Evidence,
    Notice,
    Respond,
    Resume,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Stage
from armslength.core.arrangement.terms import ClaimIs, CleanRun, Due, DutyIs, Excuse, Not, TrancheIs
from tests.core.arrangement import small
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    DISPUTE,
    END,
    GRACE,
    OK,
    D,
    achieve,
    answer,
    attest,
    clear,
    content,
    delivered,
    delivering,
    event,
    given,
    judge,
    maintain,
    release_and_key,
    start,
    state_claim,
    terms,
    tranche,
    when,
)

SOON = Due(anchor="start", after=100)
REFUTED, OVERDUE = PeriodValue.REFUTED, DutyStatus.OVERDUE
STORIES: dict[str, Callable[[], Play]] = {}


def story(tell: Callable[[], Play]) -> Callable[[], Play]:
    """Keep a history under its name."""
    STORIES[tell.__name__.replace("_", " ")] = tell
    return tell


def begun(*parties: str, **changes: Any) -> Play:
    """What is told begins at D."""
    play = small.begun(*parties, **changes)
    del play.placed[:-1]
    return play


def agree(play: Play, at: int, who: str = "PQ") -> None:
    """Each agrees to resume."""
    for name in who:
        play.say(at, name, Resume())


# --- the arrangement --------------------------------------------------------------------------------------------------


@story
def nobody_but_P_signs() -> Play:  # noqa: N802 - P is an actor
    """LAPSED."""
    play = Play(terms())
    play.say(D - 50, "P", Sign())
    play.seal(D + 100 + GRACE)
    return play


@story
def nothing_happens() -> Play:
    """Signed, entered and completed."""
    play = small.begun(end=D + 200)
    play.seal(D + 200)
    return play


@story
def a_hold_that_is_dismissed() -> Play:
    """HELD, and no longer; what waits is withheld."""
    play = begun(
        claims={"k": state_claim(report_by=400)},
        duties={"d": maintain("k")},
        tranches={"locked": tranche(gate=when("start", 500)), "ready": tranche(), "t": tranche()},
    )
    play.say(D, "P", content("ready"))
    delivered(play, D)
    play.say(D + 10, "P", Allege(claim="k", period=0, hold=True))
    play.say(D + 20, "Q", Respond(allegation="P/k/0", answer="DENIED"))
    play.say(D + 30, "N", Determine(allegation="P/k/0", uphold=False))
    play.say(D + 40, "n1", Determine(allegation="P/k/0", uphold=False))
    return play


@story
def a_hold_within_a_suspension() -> Play:
    """Resumed, to HELD: the reasons to withhold change from one to two to one."""
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=900)},
        duties={"a": achieve("e", due=SOON, cure=0), "d": maintain("k")},
        tranches={"t": tranche(continuous=clear("a"))},
    )
    play.say(D + 105, "P", Allege(claim="k", period=0, hold=True))
    play.seal(D + 110)
    attest(play, D + 120, "e", 0, True)
    agree(play, D + 130)
    play.seal(D + 105 + 150)
    return play


@story
def a_breach_that_is_remedied_and_resumed() -> Play:
    """The other party's duties and its tranche are paused meanwhile."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={"a": achieve("e", due=SOON, cure=0), "b": achieve("f", "P", consequence="record")},
        tranches={"t": tranche(release_by=300)},
    )
    delivered(play, D + 10)
    play.seal(D + 110)
    attest(play, D + 150, "e", 0, True)
    agree(play, D + 160)
    return play


@story
def determiners_resume() -> Play:
    """Their quorum is enough, and two breaches made the suspension."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={
            "a": achieve("e", due=SOON, cure=0, still_owed=False),
            "b": achieve("f", "P", due=SOON, cure=0, still_owed=False),
        },
    )
    play.seal(D + 110)
    for name in ("n1", "N"):
        play.say(D + 120, name, Resume())
    return play


@story
def nobody_resumes() -> Play:
    """WINDING at maxSuspension; what is OVERDUE is BREACHED, the rest discharged."""
    play = begun(
        claims={"e": event(), "f": event(), "g": event(), "k": state_claim(report_by=900)},
        duties={
            "a": achieve("e", due=SOON, cure=0),
            "late": achieve("f", consequence="record", due=SOON, cure=500),
            "later": achieve("g", trigger=when("start", 900)),
            "kept": achieve("g", surviving=True, trigger=when("end", 0)),
            "d": maintain("k", consequence="record"),
            "fine": maintain("k", "P", consequence="record", trigger=when("start", 50)),
        },
        tranches={"t": tranche(), "u": tranche(gate=when("start", 500))},
    )
    delivered(play, D + 20)
    attest(play, D + 30, "k", 0, False)
    play.seal(D + 110 + 300 + GRACE)
    return play


@story
def suspended_at_the_end_of_the_term() -> Play:
    """WINDING then."""
    play = begun(claims={"e": event()}, duties={"a": achieve("e", due=Due(anchor="end", after=-50), cure=0)})
    play.seal(END)
    return play


@story
def a_party_withdraws() -> Play:
    """Both have; the earlier notice counts. What is delivered stays owed, what is ready for as long as it may be
    delivered; the rest is forfeited."""
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=900)},
        duties={"a": achieve("e", due=Due(anchor="start", after=900)), "d": maintain("k", cure=9)},
        tranches={
            "t": tranche(release_by=400),
            "ready": tranche(deliver_by=250),
            "locked": tranche(gate=when("start", 900)),
        },
    )
    delivered(play, D)
    play.say(D, "P", content("ready"))
    attest(play, D + 5, "k", 0, False)
    play.say(D + 10, "Q", Withdraw())
    play.say(D + 12, "P", Withdraw())
    play.seal(D + 210)
    play.seal(D + 260)
    given(play, D + 280)
    play.say(D + 285, "Q", answer("t", OK))
    return play


@story
def a_determiner_contradicts_itself() -> Play:
    """Its votes count no more, from the evidence on."""
    play = begun(claims={"k": state_claim(report_by=400)}, duties={"d": maintain("k")})
    play.say(D + 10, "P", Allege(claim="k", period=0))
    play.say(D + 20, "n1", Determine(allegation="P/k/0", uphold=True))
    play.say(D + 20, "n1", Attest(claim="k", period=0, value=False))
    play.say(D + 30, "P", Evidence(kind="equivocation", first="", second=""), culprit="n1")
    play.say(D + 40, "N", Determine(allegation="P/k/0", uphold=True))
    play.say(D + 40, "n2", Attest(claim="k", period=0, value=False))
    play.seal(D + 220)
    return play


# --- claims -----------------------------------------------------------------------------------------------------------


def excusable(report_by: int = 100) -> Play:
    """k has exceptions, which x tells, and may tell later than k is decided."""
    return begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=20)), "x": state_claim(report_by=report_by)},
        duties={"d": maintain("k", consequence="record")},
        end=D + 500,
    )


def notice(play: Play, period: int) -> None:
    """In time, of a part of the period."""
    play.say(start(period) - 20, "Q", Notice(claim="k", start=start(period), end=start(period) + 10, text=""))


@story
def periods_are_decided() -> Play:
    """SUPPORTED, REFUTED and UNKNOWN."""
    play = begun(claims={"k": state_claim()}, duties={}, end=D + 300)
    attest(play, start(1), "k", 0, True, "n3 n1")
    attest(play, start(1), "k", 1, False, "n2 n3")
    play.seal(start(4) + GRACE)
    return play


@story
def an_exception_is_excused() -> Play:
    """A quorum of false waits for it; it excuses, or it fails."""
    play = excusable()
    notice(play, 1)
    notice(play, 2)
    notice(play, 3)
    attest(play, start(2), "k", 1, False)
    attest(play, start(2), "x", 1, True, "n2 n3")
    attest(play, start(3), "k", 2, False)
    attest(play, start(3), "x", 2, False)
    attest(play, start(4), "k", 3, False)
    play.seal(start(5) + GRACE)
    return play


@story
def an_excuse_that_comes_too_late() -> Play:
    """It excuses nothing: of the one that was notified REFUTED waits for reportBy; of the other it does not."""
    play = excusable(300)
    attest(play, start(1), "k", 0, True)
    attest(play, start(2) + 5, "x", 0, True)
    notice(play, 1)
    attest(play, start(3) + 5, "x", 1, True)
    attest(play, start(3), "k", 1, False)
    attest(play, start(4) + 5, "x", 2, True)
    attest(play, start(4), "k", 2, False)
    attest(play, start(5) + 5, "x", 3, True)
    notice(play, 3)
    attest(play, start(5), "k", 3, False)
    play.seal(start(5) + GRACE)
    return play


# --- duties to achieve ------------------------------------------------------------------------------------------------


@story
def done_in_time() -> Play:
    """FULFILLED."""
    play = begun(claims={"e": event()}, duties={"a": achieve("e", trigger=when("start", 50))})
    attest(play, D + 60, "e", 0, True)
    return play


@story
def done_within_the_cure() -> Play:
    """CURED."""
    play = begun(claims={"e": event()}, duties={"a": achieve("e", due=SOON)})
    attest(play, D + 150, "e", 0, True)
    return play


@story
def done_at_last() -> Play:
    """REMEDIED."""
    play = begun(claims={"e": event()}, duties={"a": achieve("e", due=SOON, consequence="record")})
    attest(play, D + 350, "e", 0, True)
    return play


@story
def excused_by_what_the_excuse_says() -> Play:
    """DISCHARGED, ACTIVE and OVERDUE."""
    excuse = Excuse(claim="x", lead=0)
    play = begun(
        claims={"e": event(excuse=excuse), "f": event(excuse=excuse), "x": event()},
        duties={"a": achieve("e"), "b": achieve("f", due=SOON)},
    )
    for claim in "ef":
        play.say(D, "Q", Notice(claim=claim, start=D, end=D + 10, text=""))
    attest(play, D + 120, "x", 0, True)
    return play


@story
def waived() -> Play:
    """By every creditor, in the end."""
    play = begun(
        "PQR",
        claims={"e": event(), "k": state_claim()},
        duties={"a": achieve("e", creditors=("P", "R")), "d": maintain("k"), "b": achieve("e", "P", due=SOON)},
        tranches={"t": tranche()},
    )
    play.say(D + 10, "R", Waive(duty="a"))
    play.say(D + 20, "P", Waive(duty="a"))
    play.say(D + 30, "P", Waive(duty="d"))
    play.say(D + 105, "Q", Waive(duty="b"))
    play.say(D + 140, "Q", Waive(duty="t.release"))
    return play


@story
def triggers_that_come_to_nothing() -> Play:
    """EXPIRED: the trigger can no longer hold, or the term is over."""
    play = begun(
        claims={"e": event(), "f": event(), "k": state_claim()},
        duties={
            "a": achieve("f", trigger=ClaimIs(claim="e", states=("SUPPORTED",))),
            "b": achieve("f", trigger=DutyIs(duty="a", states=("FULFILLED",))),
            "c": achieve("f", trigger=when("end", 10)),
            "d": maintain("k", trigger=when("end", 10)),
        },
        end=D + 200,
    )
    attest(play, D + 10, "e", 0, False)
    judge(play, "k", "SS")
    return play


# --- duties to maintain -----------------------------------------------------------------------------------------------


def kept(letters: str, **changes: Any) -> Play:
    """One duty over a short term whose periods come to these letters."""
    report_by = changes.pop("report_by", 100)
    end = changes.pop("end", start(len(letters)))
    play = begun(
        claims={"k": state_claim(report_by=report_by)},
        duties={"d": maintain("k", **{"consequence": "record"} | changes)},
        end=end,
    )
    judge(play, "k", letters)
    return play


@story
def kept_throughout() -> Play:
    """FULFILLED, its one violation cured."""
    return kept("SRSS")


@story
def broken_and_remedied() -> Play:
    """REMEDIED in the end; the breach suspends."""
    play = kept("RSRSS", consequence="suspend", end=start(6))
    agree(play, start(5) + 1)
    judge(play, "k", "S", first=5)
    return play


@story
def broken_without_a_window() -> Play:
    """BREACHED at once."""
    return kept("SRS", cure=0)


@story
def broken_by_silence() -> Play:
    """The window has an UNKNOWN period; remedied by a run of one; UNVERIFIED."""
    return kept("RUSS", remedy_run=1)


@story
def a_window_cut_by_the_end() -> Play:
    """BREACHED as the term is over."""
    return kept("SSRS")


@story
def earlier_periods_join() -> Play:
    """An open violation, a breach that reopens, and a breach that breaks anew."""
    play = begun(
        claims={"k": state_claim(report_by=2000)},
        duties={"d": maintain("k", consequence="record")},
        tranches={"t": tranche(continuous=clear("d"))},
    )
    for number, value in ((6, False), (5, False), (2, False), (1, False), (0, False), (3, True), (4, True)):
        attest(play, start(8) + number, "k", number, value)
    return play


@story
def an_earlier_period_joins_what_ended_at_this_instant() -> Play:
    """One violation was cured just now, and another opened: both are judged again with the earlier one."""
    play = begun(
        claims={"k": state_claim(report_by=2000)}, duties={"d": maintain("k", consequence="suspend", remedy_run=1)}
    )
    for number, value in ((2, False), (3, True), (4, True), (6, False), (7, False), (5, False), (1, False), (8, True)):
        attest(play, start(9), "k", number, value)
    return play


# --- tranches and the duty to release ---------------------------------------------------------------------------------


@story
def a_tranche_goes_the_whole_way() -> Play:
    """SETTLED, its release duty FULFILLED."""
    play = begun(tranches={"t": tranche()})
    delivered(play, D + 10)
    given(play, D + 20)
    play.say(D + 30, "Q", answer("t", OK))
    return play


@story
def a_late_release_and_silence() -> Play:
    """OVERDUE, CURED; settled by silence."""
    play = begun(tranches={"t": tranche()})
    delivered(play, D + 10)
    given(play, D + 125)
    play.seal(D + 125 + 60 + GRACE)
    return play


@story
def a_release_without_its_key() -> Play:
    """OVERDUE and BREACHED for want of the key."""
    play = begun(tranches={"t": tranche()})
    delivered(play, D + 10)
    play.say(D + 20, "P", release_and_key("t")[0])
    play.seal(D + 25)
    play.seal(D + 200)
    return play


@story
def no_release() -> Play:
    """OVERDUE and BREACHED for want of the release."""
    play = begun(tranches={"t": tranche()})
    delivered(play, D + 10)
    play.seal(D + 200)
    return play


@story
def a_late_release_is_forfeited() -> Play:
    """The arrangement winds down for a suspension while it is OVERDUE."""
    play = begun(
        claims={"e": event()},
        duties={"a": achieve("e", "P", due=Due(anchor="start", after=200), cure=0)},
        tranches={"t": tranche(release_cure=900)},
    )
    delivered(play, D + 10)
    play.seal(D + 210 + 300 + GRACE)
    return play


def disputed(default: str = "DISMISSED") -> Play:
    """A complaint about one tranche withholds another."""
    rules = terms().allegations
    play = begun(
        tranches={"t": tranche(), "u": tranche(gate=when("start", 10))},
        allegations=type(rules)(**{name: getattr(rules, name) for name in rules.__slots__} | {"default": default}),
    )
    delivered(play, D + 10)
    given(play, D + 20)
    play.say(D + 30, "Q", answer("t", DISPUTE))
    return play


@story
def a_complaint_is_upheld() -> Play:
    """The release duty is BREACHED."""
    play = disputed()
    for name in ("n1", "N"):
        play.say(D + 40, name, Determine(tranche="t", uphold=True))
    return play


@story
def a_complaint_is_dismissed() -> Play:
    """The tranche is SETTLED."""
    play = disputed()
    for name in ("N", "n1"):
        play.say(D + 40, name, Determine(tranche="t", uphold=False))
    return play


@story
def a_complaint_that_nobody_determines_is_dismissed() -> Play:
    """By default."""
    play = disputed()
    play.seal(D + 30 + 200 + GRACE)
    return play


@story
def a_complaint_that_nobody_determines_is_upheld() -> Play:
    """By default."""
    play = disputed("UPHELD")
    play.seal(D + 30 + 200 + GRACE)
    return play


@story
def a_condition_withholds() -> Play:
    """A duty that is OVERDUE, then BREACHED; and a condition that names none. In the end all is forfeited."""
    play = begun(
        claims={"e": event(), "f": event(), "k": state_claim(report_by=10)},
        duties={
            "a": achieve("e", consequence="withhold", due=SOON, cure=100, still_owed=False),
            "b": achieve("f", "P", consequence="withhold", due=SOON, cure=100),
        },
        tranches={
            "t": tranche(continuous=clear("a", "b")),
            "u": tranche(continuous=CleanRun(claims=("k",), length=1)),
        },
        end=D + 500,
    )
    delivered(play, D + 10)
    play.seal(D + 120)
    attest(play, D + 130, "f", 0, True)
    attest(play, D + 130, "k", 0, True)
    play.seal(D + 520)
    return play


@story
def a_condition_that_can_no_longer_hold() -> Play:
    """What is delivered is forfeited at the end, though no duty is broken; and so it is after a waiver."""
    play = begun(
        claims={"e": event()},
        tranches={"t": tranche(continuous=Not(of=(ClaimIs(claim="e", states=(REFUTED,)),))), "u": tranche()},
        end=D + 400,
    )
    delivered(play, D)
    delivered(play, D, "u")
    play.say(D + 5, "Q", Waive(duty="u.release"))
    attest(play, D + 10, "e", 0, False)
    play.seal(D + 400)
    return play


@story
def a_key_that_is_placed_after_a_waiver() -> Play:
    """The tranche is not done with until the recipient has answered, or its time has passed."""
    play = begun(tranches={"t": tranche(ack_by=100)}, end=D + 100)
    delivered(play, D + 10)
    play.say(D + 15, "Q", Waive(duty="t.release"))
    given(play, D + 80)
    play.seal(D + 190)
    return play


@story
def the_provider_s_own_fault_withholds() -> Play:
    """Its clock runs on: while the condition rests on its duty, on its claim, or on another of its tranches; and while
    what was upheld against it holds."""
    play = begun(
        claims={"e": event(), "k": state_claim(report_by=900)},
        duties={
            "a": achieve("e", "P", consequence="withhold", due=SOON, cure=300),
            "d": maintain("k", "P", consequence="record"),
        },
        tranches={
            "by duty": tranche(continuous=Not(of=(DutyIs(duty="a", states=(OVERDUE,)),)), release_by=300),
            "by claim": tranche(continuous=Not(of=(ClaimIs(claim="e", states=(REFUTED,)),)), release_by=300),
            "by tranche": tranche(
                continuous=Not(of=(TrancheIs(tranche="late", states=(Stage.DELIVERED,)),)), release_by=300
            ),
            "held": tranche(release_by=300),
            "late": tranche(),
        },
    )
    for name in play.terms.tranches:
        delivered(play, D, name)
    attest(play, D + 20, "e", 0, False)
    play.say(D + 30, "Q", Allege(claim="k", period=0, hold=True))
    play.say(D + 40, "P", Respond(allegation="Q/k/0", answer="ADMITTED"))
    play.seal(D + 120)
    play.seal(D + 400)
    return play


@story
def a_tranche_that_is_not_delivered() -> Play:
    """Alleged and upheld: the release duty is BREACHED; the other's is waited for in vain."""
    play = begun(tranches={"t": tranche(), "u": tranche()}, end=D + 400)
    play.say(D, "P", content("t"))
    play.say(D + 101, "Q", Allege(tranche="t"))
    for name in ("n1", "N"):
        play.say(D + 110, name, Determine(allegation="Q/t", uphold=True))
    play.say(D + 120, "Q", delivering("t"))
    play.say(D + 130, "Q", Withdraw())
    return play


# --- allegations ------------------------------------------------------------------------------------------------------


def alleged(**changes: Any) -> Play:
    """P alleges the first period."""
    play = begun(claims={"k": state_claim(report_by=900)}, duties={"d": maintain("k", cure=1, consequence="record")})
    play.say(D + 10, "P", Allege(claim="k", period=0, **changes))
    return play


@story
def an_allegation_is_admitted() -> Play:
    """UPHELD: the period is REFUTED, and the hold lasts until it is cured."""
    play = alleged(hold=True)
    play.say(D + 20, "Q", Respond(allegation="P/k/0", answer="ADMITTED"))
    attest(play, D + 140, "k", 1, False)
    return play


@story
def an_upheld_violation_is_cured() -> Play:
    """The hold ends with it."""
    play = begun(
        claims={"k": state_claim(report_by=900)},
        duties={"d": maintain("k", cure=1, consequence="record")},
    )
    play.say(D + 80, "P", Allege(claim="k", period=0, hold=True))
    play.say(D + 85, "Q", Respond(allegation="P/k/0", answer="ADMITTED"))
    attest(play, D + 200, "k", 1, True)
    return play


@story
def an_allegation_is_upheld() -> Play:
    """By the determiners."""
    play = alleged()
    for name in ("n1", "N"):
        play.say(D + 20, name, Determine(allegation="P/k/0", uphold=True))
    return play


@story
def an_allegation_is_refuted_by_what_monitors_say() -> Play:
    """UPHELD, or DISMISSED."""
    play = alleged()
    attest(play, D + 50, "k", 0, False)
    play.say(D + 110, "P", Allege(claim="k", period=1))
    attest(play, D + 200, "k", 1, True)
    return play


@story
def an_allegation_that_nobody_answers_or_determines() -> Play:
    """UNANSWERED and DISMISSED."""
    play = alleged()
    play.seal(D + 300)
    return play
