"""Every deadline to the second: what may be said at it and no later, or from it on and no sooner; and when it fires."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from armslength.core.arrangement.bodies import (
    Allege,
    Attest,
    Body,
    Commit,
    Determine,
    Notice,
    Respond,
    Resume,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.terms import Due, Excuse
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    DISPUTE,
    END,
    OK,
    D,
    achieve,
    answer,
    begun,
    content,
    delivered,
    delivering,
    event,
    given,
    maintain,
    release_and_key,
    start,
    state_claim,
    terms,
    tranche,
    when,
)

Case = tuple[Callable[[], Play], int, str, Body, str]
SOON = Due(anchor="start", after=100)


def plain() -> Play:
    """A claim with exceptions, of which both duties rest."""
    return begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=20)), "x": state_claim(), "e": event(report_by=100)},
        duties={"d": maintain("k", consequence="record"), "a": achieve("e", consequence="record")},
    )


def alleged() -> Play:
    """With a hold, at D+10."""
    play = plain()
    play.say(D + 10, "P", Allege(claim="k", period=0, hold=True))
    return play


def suspended() -> Play:
    """From D+110 on."""
    play = begun(claims={"e": event()}, duties={"a": achieve("e", due=SOON, cure=0, still_owed=False)})
    play.seal(D + 110)
    return play


def ready(**changes: int) -> Play:
    """One tranche that is READY from D on."""
    play = begun(tranches={"t": tranche(**changes)})
    play.say(D, "P", content("t"))
    return play


def keyed() -> Play:
    """Its key is placed at D+20."""
    play = begun(tranches={"t": tranche()})
    delivered(play, D + 10)
    given(play, D + 20)
    return play


def disputed() -> Play:
    """A complaint at D+30."""
    play = keyed()
    play.say(D + 30, "Q", answer("t", DISPUTE))
    return play


def winding() -> Play:
    """A notice has ended, and the tranche may be delivered until D+250."""
    play = ready(deliver_by=250)
    play.say(D + 10, "Q", Withdraw())
    play.seal(D + 210)
    return play


def released(at: int = D + 20) -> Play:
    """Without its key; a seal covers it."""
    play = begun(tranches={"t": tranche()}, end=D + 60)
    delivered(play, D + 10)
    play.say(at, "P", release_and_key("t")[0])
    play.seal(at + 5)
    return play


def no_periods_left() -> Play:
    """The term is over, but its last period may still be reported until D+200."""
    play = begun(
        claims={"k": state_claim()}, duties={"d": maintain("k")}, tranches={"t": tranche(deliver_by=900)}, end=D + 100
    )
    play.say(D, "P", content("t"))
    return play


def ended_with_a_release() -> Play:
    """A tranche is owed past the term: it was delivered within it."""
    play = begun(
        claims={"k": state_claim()}, duties={"d": maintain("k")}, tranches={"t": tranche(deliver_by=900)}, end=D + 100
    )
    delivered(play, D + 50)
    return play


def waivable() -> Play:
    """Suspended from D+110 on; what is waived later would not outlive the suspension."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={
            "a": achieve("e", due=SOON, cure=0, still_owed=False),
            "b": achieve("f", due=Due(anchor="start", after=900), consequence="record"),
        },
    )
    play.seal(D + 110)
    return play


UNTIL: dict[str, Case] = {
    "signing": (lambda: Play(terms()), D + 100, "P", Sign(), "late"),
    "an answer": (alleged, D + 110, "Q", Respond(allegation="P/k/0", answer="ADMITTED"), "late"),
    "a vote": (alleged, D + 210, "N", Determine(allegation="P/k/0", uphold=True), "late"),
    "agreeing to resume": (suspended, D + 110 + 300, "P", Resume(), "late"),
    "answering the key": (keyed, D + 80, "Q", answer("t", OK), "late"),
    "complaining": (keyed, D + 80, "Q", answer("t", DISPUTE), "late"),
    "a vote on a complaint": (disputed, D + 230, "N", Determine(tranche="t", uphold=True), "late"),
    "delivering while winding down": (winding, D + 250, "Q", delivering("t"), "late"),
    "delivering as the term is over": (no_periods_left, D + 200, "Q", delivering("t"), "late"),
    "a key past the term": (released, D + 25 + 20 + 50, "P", release_and_key("t")[1], "late"),
    "waiving what the suspension's end would discharge": (waivable, D + 110 + 300, "P", Waive(duty="b"), "state"),
    "withdrawing": (plain, END - 1, "P", Withdraw(), "state"),
    "committing": (lambda: begun(tranches={"t": tranche(gate=when("start", 50))}, end=D + 99), D + 98, "P",
                   content("t"), "state"),
}  # fmt: skip
FROM: dict[str, Case] = {
    "saying true": (plain, D + 100, "n1", Attest(claim="k", period=0, value=True), "early"),
    "saying true of a last period that is cut": (
        lambda: begun(claims={"k": state_claim()}, duties={}, end=D + 150), D + 150, "n1",
        Attest(claim="k", period=1, value=True), "early",
    ),
    "saying false": (plain, D + 100, "n1", Attest(claim="k", period=1, value=False), "early"),
    "saying so of an event": (lambda: begun(claims={"e": event(offset=50)}, duties={}), D + 50, "n1",
                              Attest(claim="e", period=0, value=True), "early"),
    "alleging a period": (plain, D + 100, "P", Allege(claim="k", period=1), "early"),
    "alleging a tranche": (ready, D + 101, "Q", Allege(tranche="t"), "early"),
    "agreeing to resume": (suspended, D + 110, "P", Resume(), "early"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTIL)
def test_until_when_it_may_be_said(name: str) -> None:
    """At the last instant, and not a second later (rule 2.3a)."""
    make, last, author, body, code = UNTIL[name]
    for at in (last - 1, last):
        make().say(at, author, body)
    make().refused(code, last + 1, author, body)


@pytest.mark.parametrize("name", FROM)
def test_from_when_it_may_be_said(name: str) -> None:
    """At the first instant, and not a second sooner."""
    make, first, author, body, code = FROM[name]
    for at in (first, first + 1):
        make().say(at, author, body)
    make().refused(code, first - 1, author, body)


@pytest.mark.parametrize(("at", "timely"), [(D + 79, True), (D + 80, True), (D + 81, False)])
def test_notice_is_in_time_up_to_its_lead(at: int, timely: bool) -> None:
    """A lead of 20 before D+100 (rule 3.3a); what it overlaps is marked, to the period."""
    play = plain()
    play.say(at, "Q", Notice(claim="k", start=D + 100, end=D + 200, text=""))
    assert [notice.timely for notice in play.state.claims["k"].notices] == [timely]
    assert play.state.claims["k"].noticed == (".N" if timely else "")


@pytest.mark.parametrize(
    ("begin", "end", "marks"),
    [
        (99, 100, "N"),
        (100, 101, ".N"),
        (99, 101, "NN"),
        (200, 300, "..N"),
        (899, 5000, "........NN"),
        (999, 1000, ".........N"),
        (1000, 1001, ""),
    ],
)
def test_periods_that_a_notice_overlaps(begin: int, end: int, marks: str) -> None:
    """Half-open intervals (rule 3.3a)."""
    play = plain()
    play.say(D, "Q", Notice(claim="k", start=D + begin, end=D + end, text=""))
    assert play.state.claims["k"].noticed == marks


@pytest.mark.parametrize(("at", "letters"), [(start(2) - 1, "R"), (start(2), "R"), (start(2) + 1, "")])
def test_period_is_decided_up_to_its_report_by(at: int, letters: str) -> None:
    """By what is said at reportBy, and not by what is said later (rule 3.2b)."""
    play = plain()
    for monitor in ("n1", "n2"):
        play.say(at, monitor, Attest(claim="k", period=0, value=False))
    assert play.letters("k") == letters


@pytest.mark.parametrize("at", [D + 109, D + 110, D + 111])
def test_delivery_before_a_deadline_fired_that_withholds(at: int) -> None:
    """A READY tranche that a deadline withholds may be acknowledged by what is dated before it fired (rule 2.3d)."""
    play = begun(claims={"e": event()}, duties={"a": achieve("e", due=SOON, cure=0)}, tranches={"t": tranche()})
    play.say(D, "P", content("t"))
    play.seal(D + 110)
    assert play.tranche("t") == "WITHHELD"
    if at < D + 110:
        play.say(at, "Q", delivering("t"))
        assert (play.state.tranches["t"].stage, play.tranche("t")) == ("DELIVERED", "WITHHELD")
    else:
        play.refused("state", at, "Q", delivering("t"))


def signed() -> Play:
    """Not yet begun."""
    play = Play(terms())
    for party in "PQ":
        play.say(D - 100, party, Sign())
    return play


def withdrawn() -> Play:
    """A notice from D+10 on."""
    play = plain()
    play.say(D + 10, "P", Withdraw())
    return play


def late() -> Play:
    """Released too late."""
    play = begun(tranches={"t": tranche()})
    delivered(play, D + 10)
    return play


FIRES: dict[str, tuple[Callable[[], Play], int, str, str]] = {
    "the long-stop for signatures": (lambda: Play(terms()), D + 110, "arrangement", "LAPSED"),
    "the start": (signed, D, "arrangement", "EFFECTIVE"),
    "reportBy": (plain, D + 210, "k#0", "UNKNOWN"),
    "reportBy of an event": (plain, D + 110, "e#0", "UNKNOWN"),
    "due": (plain, D + 310, "a", "OVERDUE"),
    "cure": (plain, D + 510, "a", "BREACHED"),
    "reply": (alleged, D + 120, "P/k/0", "UNANSWERED"),
    "determination": (alleged, D + 220, "P/k/0", "DISMISSED"),
    "a hold": (alleged, D + 160, "arrangement", "EFFECTIVE"),
    "maxSuspension": (suspended, D + 420, "arrangement", "WINDING"),
    "a notice": (withdrawn, D + 210, "arrangement", "WINDING"),
    "release": (late, D + 120, "t.release", "OVERDUE"),
    "its cure": (late, D + 170, "t.release", "BREACHED"),
    "key": (released, D + 55, "t.release", "OVERDUE"),
    "the key's cure": (released, D + 105, "t.release", "BREACHED"),
    "ack": (keyed, D + 90, "t", "SETTLED"),
    "the determination of a complaint": (disputed, D + 240, "t", "SETTLED"),
    "delivery while winding down": (winding, D + 260, "t", "FORFEITED"),
    "the end": (lambda: begun(tranches={"t": tranche()}), END, "t", "FORFEITED"),
    "release past the term": (ended_with_a_release, D + 160, "t.release", "OVERDUE"),
}


@pytest.mark.parametrize("name", FIRES)
def test_when_it_fires(name: str) -> None:
    """At its instant, with grace or without, and neither sooner nor later (rules 2.3a, 2.3b)."""
    make, at, subject, state = FIRES[name]
    play = make()
    known = play.when(subject, state)
    play.seal(at - 1)
    assert play.when(subject, state) == known
    play.seal(at)
    assert play.when(subject, state) == [*known, at]


def test_content_is_refused_that_no_tranche_waits_for() -> None:
    """What a commit may hold, to the byte (rule 6.2a)."""
    for size, fits in ((10_000, True), (10_001, False)):
        play = begun(tranches={"t": tranche(gate=when("start", 50))})
        body = content("t")
        made = Commit(**{name: getattr(body, name) for name in Commit.__slots__} | {"size": size})
        if fits:
            play.say(D, "P", made)
        else:
            play.refused("limit", D, "P", made)


@pytest.mark.parametrize(
    ("at", "outcome", "late"), [(209, "UPHELD", None), (210, "UPHELD", None), (211, "DISMISSED", 211)]
)
def test_decision_decides_an_allegation_up_to_its_determination_deadline(
    at: int, outcome: str, late: int | None
) -> None:
    """Whatever decides it, and whichever of the two is placed first (rule 5.1f)."""
    for first in (True, False):
        play = begun(claims={"k": state_claim(report_by=900, offset=10)}, duties={"d": maintain("k", cure=9)})
        if first:
            play.say(D + 10, "P", Allege(claim="k", period=0))
        for monitor in ("n1", "n2"):
            play.say(D + at, monitor, Attest(claim="k", period=0, value=False))
        if not first:
            play.say(D + 10, "P", Allege(claim="k", period=0))
        assert play.state.claims["k"].late.get("0") == (late and D + late)
        play.seal(D + 220)
        assert play.state.allegations["P/k/0"].outcome == outcome


@pytest.mark.parametrize(("ends", "marks"), [(50, ""), (51, "N"), (500, "N")])
def test_notice_overlaps_an_event_that_has_begun(ends: int, marks: str) -> None:
    """From its anchor on (rule 3.3a)."""
    excused = event(offset=50, excuse=Excuse(claim="x", lead=0))
    play = begun(claims={"e": excused, "x": event()}, duties={"a": achieve("e")})
    play.say(D, "Q", Notice(claim="e", start=D, end=D + ends, text=""))
    assert play.state.claims["e"].noticed == marks


def test_excuse_that_was_decided_too_late_marks_its_period_alone() -> None:
    """As noticed and too late, or as too late (rule 3.3b)."""
    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=20)), "x": state_claim(report_by=300)},
        duties={"d": maintain("k", consequence="record")},
    )
    play.say(D, "Q", Notice(claim="k", start=D + 100, end=D + 101, text=""))
    for period, marks in ((0, "lN"), (1, "lL"), (2, "lLl")):
        for monitor in ("n1", "n2"):
            play.say(start(period + 2) + 5, monitor, Attest(claim="x", period=period, value=True))
        assert play.state.claims["k"].noticed == marks


def test_notice_that_arrives_after_its_excuse_excuses_each_of_its_periods() -> None:
    """It was in time; the excuse was decided meanwhile (rule 3.3b)."""
    play = plain()
    for period in (2, 3):
        for monitor in ("n1", "n2"):
            play.say(start(4), monitor, Attest(claim="x", period=period, value=True))
    play.say(D, "Q", Notice(claim="k", start=D + 100, end=D + 400, text=""))
    assert play.letters("k") == "UUXX"
