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
    Withdraw,
)
from armslength.core.arrangement.terms import Due, Excuse
from tests.core.arrangement import small
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
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
    event,
    given,
    maintain,
    start,
    state_claim,
    terms,
    tranche,
    when,
)

SOON = Due(anchor="start", after=100)
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
def nothing_is_said() -> Play:
    """What every record begins with."""
    excused = state_claim(excuse=Excuse(claim="e", lead=0))
    return Play(terms(claims={"e": event(), "k": excused}, duties={"a": achieve("e")}, tranches={"t": tranche()}))


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
