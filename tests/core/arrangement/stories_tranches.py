"""Histories of tranches and of the duty to release them, as in `stories`."""

from __future__ import annotations

from armslength.core.arrangement.bodies import (
    Allege,
    Determine,
    Respond,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Stage
from armslength.core.arrangement.terms import ClaimIs, CleanRun, Due, DutyIs, Not, TrancheIs
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    DISPUTE,
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
    maintain,
    release_and_key,
    state_claim,
    terms,
    tranche,
    when,
)
from tests.core.arrangement.stories import SOON, begun, story

REFUTED, OVERDUE = PeriodValue.REFUTED, DutyStatus.OVERDUE


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
