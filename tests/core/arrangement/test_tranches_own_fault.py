"""Withholding that rests on the provider's own violation gives its release no time."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.bodies import Allege, Determine
from armslength.core.arrangement.terms import AnyOf, ClaimIs, Condition, Due, DutyIs, Not, TrancheIs
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    GRACE,
    D,
    achieve,
    attest,
    begun,
    clear,
    content,
    delivered,
    event,
    maintain,
    state_claim,
    tranche,
    when,
)


def held(debtor: str, alleging: str) -> Play:
    """Tranche t, DELIVERED from D + 10 on and HELD by an allegation of period 0 of k, which shows d of `debtor`."""
    play = begun(
        claims={"k": state_claim()},
        duties={"d": maintain("k", debtor, consequence="record")},
        tranches={"t": tranche(release_by=300)},
    )
    delivered(play, D + 10)
    play.say(D + 20, alleging, Allege(claim="k", period=0, hold=True))
    assert play.tranche("t") == "WITHHELD"
    return play


def test_hold_for_the_provider_s_own_violation_stops_no_clock() -> None:
    """While the allegation is open the release duty is paused; once the provider is found in violation it runs."""
    play = held("P", "Q")
    assert play.state.duties["t.release"].frozen_at == D + 20
    attest(play, D + 30, "k", 0, False)
    assert (play.duty("d"), play.tranche("t")) == ("OVERDUE", "WITHHELD")
    assert play.state.duties["t.release"].frozen_at is None
    assert play.state.duties["t.release"].due == D + 10 + 300 + 10


def test_hold_for_the_recipient_s_violation_stops_the_clock() -> None:
    """The other way round it is paused until the hold ends."""
    play = held("Q", "P")
    attest(play, D + 30, "k", 0, False)
    assert (play.duty("d"), play.tranche("t")) == ("OVERDUE", "WITHHELD")
    assert play.state.duties["t.release"].frozen_at == D + 20


def test_hold_for_the_provider_s_own_breach_of_another_release_stops_no_clock() -> None:
    """The same for an upheld allegation about another tranche of the provider."""
    play = begun(tranches={"t": tranche(release_by=300), "u": tranche()})
    play.say(D, "P", content("u"))
    delivered(play, D + 10)
    play.say(D + 101, "Q", Allege(tranche="u", hold=True))
    assert play.state.duties["t.release"].frozen_at == D + 101
    for voter in ("N", "n1"):
        play.say(D + 102, voter, Determine(allegation="Q/u", uphold=True))
    assert (play.duty("u.release"), play.shown) == ("BREACHED", "HELD")
    assert play.state.duties["t.release"].frozen_at is None


@pytest.mark.parametrize(
    "condition",
    [
        ClaimIs(claim="e", states=("SUPPORTED",)),
        DutyIs(duty="d", states=("FULFILLED", "CURED")),
        clear("d"),
    ],
)
@pytest.mark.parametrize(("debtor", "frozen"), [("P", None), ("Q", D + 10)])
def test_condition_on_the_provider_s_own_duty_stops_no_clock(
    condition: Condition, debtor: str, frozen: int | None
) -> None:
    """However the condition names what the provider owes."""
    either = AnyOf(of=(condition, Not(of=(when("start", 10),))))
    play = begun(
        claims={"e": event()},
        duties={"d": achieve("e", debtor, consequence="record", due=Due(anchor="start", after=-GRACE), cure=500)},
        tranches={"t": tranche(continuous=either, release_by=300)},
    )
    delivered(play, D)
    play.seal(D + 20)
    assert (play.duty("d"), play.tranche("t")) == ("OVERDUE", "WITHHELD")
    assert play.state.duties["t.release"].frozen_at == frozen


def test_whoever_has_caused_a_suspension_gains_no_time_by_it() -> None:
    """Of two breaches that suspend together each debtor's deadlines run on, though its breach is remedied; only the
    deadlines of those at no fault are paused."""
    late = Due(anchor="start", after=500)
    play = begun(
        "PQR",
        claims={name: event() for name in "abcde"},
        duties={
            "a": achieve("a", "P", due=Due(anchor="start", after=50), cure=0),
            "b": achieve("b", "Q", due=Due(anchor="start", after=50), cure=0),
            "c": achieve("c", "P", due=late),
            "d": achieve("d", "Q", due=late),
            "e": achieve("e", "R", due=late),
        },
    )
    play.seal(D + 50 + GRACE)
    assert play.shown == "SUSPENDED"
    for claim in "ab":
        attest(play, D + 70, claim, 0, True)
    assert [play.duty(name) for name in "ab"] == ["REMEDIED", "REMEDIED"]
    assert [play.state.duties[name].frozen_at for name in "cde"] == [None, None, D + 50 + GRACE]


@pytest.mark.parametrize(("provider", "frozen"), [("P", None), ("Q", D + 160)])
def test_condition_on_another_tranche_s_release_stops_no_clock_of_who_owes_it(
    provider: str, frozen: int | None
) -> None:
    """A condition on a tranche is about the duty to release it."""
    either = AnyOf(of=(TrancheIs(tranche="u", states=("SETTLED",)), Not(of=(when("start", 160),))))
    play = begun(
        tranches={
            "t": tranche(continuous=either, release_by=300),
            "u": tranche(provider=provider, recipient="Q" if provider == "P" else "P", release_cure=500),
        },
    )
    delivered(play, D)
    delivered(play, D, "u")
    play.seal(D + 160)
    assert (play.duty("u.release"), play.tranche("t")) == ("OVERDUE", "WITHHELD")
    assert play.state.duties["t.release"].frozen_at == frozen
