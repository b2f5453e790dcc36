"""Histories of duties, as in `stories`."""

from __future__ import annotations

from typing import Any

from armslength.core.arrangement.bodies import (
    Notice,
    Waive,
)
from armslength.core.arrangement.terms import ClaimIs, Due, DutyIs, Excuse
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    D,
    achieve,
    attest,
    clear,
    event,
    judge,
    maintain,
    start,
    state_claim,
    tranche,
    when,
)
from tests.core.arrangement.stories import SOON, agree, begun, story

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
def deadlines_that_had_passed_before_they_were_paused() -> Play:
    """Within grace of due, and of the end of a cure: they get no time back, and fire."""
    play = begun(
        claims={name: event() for name in "efgh"},
        duties={
            "a": achieve("e", "P", due=SOON, consequence="record"),
            "b": achieve("f", "P", due=Due(anchor="start", after=50), cure=50, consequence="record"),
            "c": achieve("h", "P", due=Due(anchor="start", after=104), cure=50, consequence="record"),
            "q": achieve("g", due=Due(anchor="start", after=93), cure=0, still_owed=False),
        },
    )
    play.seal(D + 103)
    agree(play, D + 105)
    play.seal(D + 120)
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


@story
def a_breach_that_is_judged_again_suspends_no_more() -> Play:
    """It was remedied, and all have resumed, at the instant at which an earlier period joins."""
    play = begun(
        claims={"k": state_claim(report_by=2000)},
        duties={"d": maintain("k", consequence="suspend", cure=1, remedy_run=1)},
    )
    for number, value in ((1, True), (2, False), (3, False), (4, True)):
        attest(play, start(9), "k", number, value)
    agree(play, start(9))
    attest(play, start(9), "k", 0, False)
    return play


@story
def a_breach_in_the_last_period() -> Play:
    """Nothing is left that could remedy it, so that all may resume; the clean period before it is no remedy."""
    play = begun(
        claims={"k": state_claim(report_by=500)},
        duties={"d": maintain("k", consequence="suspend", cure=2, remedy_run=1)},
        end=start(4),
    )
    for number, value in ((1, False), (2, True), (3, False)):
        attest(play, start(3) + 5, "k", number, value)
    agree(play, start(3) + 5)
    return play


@story
def what_survives_the_end() -> Play:
    """Its claim is decided as long as it is owed, a breach of what is still owed included; and no longer."""
    past = Due(anchor="end", after=10)
    play = begun(
        claims={"e": event(), "f": event()},
        duties={
            "owed": achieve("e", surviving=True, consequence="record", due=past, cure=0),
            "lost": achieve("f", surviving=True, consequence="record", due=past, cure=0, still_owed=False),
        },
        end=D + 100,
    )
    play.seal(D + 130)
    for claim in "ef":
        attest(play, D + 140, claim, 0, True)
    return play
