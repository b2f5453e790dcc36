"""Floods: entries of one kind without end, over small terms whose term is long enough for them.

Each takes how many entries there will be and gives the terms and the entries, which `begun` starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Allege, Attest, Body, Determine, Notice, Perform, Respond, Seal, Sign
from armslength.core.arrangement.state import State
from armslength.core.arrangement.step import EntryInput
from armslength.core.arrangement.terms import Arrangement, CleanRun, Due, Excuse
from tests.core.arrangement.play import act
from tests.core.arrangement.small import D, P, achieve, clear, event, maintain, state_claim, terms, tranche

Flood = tuple[Arrangement, Iterator[EntryInput]]
FOR_EVER = 10**9


def _terms(periods: int, **claim: object) -> Arrangement:
    """Two maintain duties, one with exceptions; tranches that wait for runs that never come."""
    small = terms()
    return replace(
        small,
        end=D + periods * P,
        max_suspension=periods * P,
        claims={
            "k": state_claim(excuse=Excuse(claim="x", lead=20), **claim),
            "x": state_claim(report_by=FOR_EVER),
            "j": state_claim(report_by=FOR_EVER),
            "e": event(),
        },
        duties={
            "k.Q": maintain("k", "Q", consequence="withhold"),
            "j.P": maintain("j", "P", consequence="withhold", cure=1, remedy_run=1),
            "e.Q": achieve("e", "Q", due=Due(anchor="end", after=0)),
        },
        tranches={
            "t": tranche(gate=CleanRun(claims=("k",), length=periods), continuous=clear("k.Q")),
            "u": tranche(gate=CleanRun(claims=("j", "k"), length=7, follows="t"), continuous=clear("j.P")),
        },
        allegations=replace(
            small.allegations, reply=FOR_EVER, determination=FOR_EVER, hold=FOR_EVER, holds_per_party=FOR_EVER
        ),
    )


def begun(terms: Arrangement) -> State:
    """The state at D, signed by all."""
    state = step.initial(terms)
    for party in terms.parties:
        state = step.apply(terms, state, act(party, D - P, Sign())).state
    return step.apply(terms, state, act(terms.keeper, D, SEAL)).state


SEAL = Seal(checkpoint="", state_root="")


def _said(number: int, author: str, stamp: int, body: Body) -> EntryInput:
    return act(author, stamp, body, f"{number:064x}")


def _attested(count: int, value: Callable[[int], bool], order: int = 1, **claim: object) -> Flood:
    """Two monitors decide each period of k, one after the other, or backwards."""
    periods = count // 2 + 2

    def entries() -> Iterator[EntryInput]:
        for turn in range(count):
            period = turn // 2 if order > 0 else periods - 1 - turn // 2
            at = D + (period + 1 if order > 0 else periods) * P
            yield _said(turn, ("n1", "n2")[turn % 2], at, Attest(claim="k", period=period, value=value(period)))

    return _terms(periods, **claim), entries()


def attestations(count: int) -> Flood:
    """All is well, period by period."""
    return _attested(count, lambda _: True)


def refuted(count: int) -> Flood:
    """Every other period is REFUTED."""
    return _attested(count, lambda period: period % 2 == 0)


def backwards(count: int) -> Flood:
    """The same, and the last period comes first."""
    return _attested(count, lambda period: period % 2 == 0, order=-1, report_by=FOR_EVER)


def cured(count: int) -> Flood:
    """Every fourth period is REFUTED, and its violation CURED."""
    return _attested(count, lambda period: period % 4 != 0)


def opened(count: int) -> Flood:
    """One vote on each period: nothing is decided."""
    return _terms(count + 1, report_by=FOR_EVER), (
        _said(turn, "n1", D + (count + 1) * P, Attest(claim="k", period=turn, value=True)) for turn in range(count)
    )


def superseding(count: int) -> Flood:
    """One monitor changes its mind again and again."""
    return _terms(10), (
        _said(
            turn,
            "n1",
            D + P,
            Attest(claim="k", period=0, value=turn % 2 == 0, supersedes=f"{turn - 1:064x}" if turn else None),
        )
        for turn in range(count)
    )


def without_effect(count: int) -> Flood:
    """A period that is decided is attested again and again."""
    return _terms(10), (
        _said(turn, f"n{min(turn, 2) + 1}", D + P, Attest(claim="k", period=0, value=True)) for turn in range(count)
    )


def performed(count: int) -> Flood:
    """The debtor says that it has performed."""
    return _terms(10), (_said(turn, "Q", D, Perform(duty="e.Q")) for turn in range(count))


def notices(count: int) -> Flood:
    """Notice after notice, each of a period of its own."""
    return _terms(2 * count + 4), (
        _said(turn, "Q", D, Notice(claim="k", start=D + 2 * turn * P + 50, end=D + 2 * turn * P + 60, text=""))
        for turn in range(count)
    )


def endless_notices(count: int) -> Flood:
    """Notices that each reach to the end, the later ones from earlier on."""
    return _terms(count), (
        _said(turn, "Q", D, Notice(claim="k", start=D + (count - turn) * P, end=D + FOR_EVER, text=""))
        for turn in range(count)
    )


def alleged(count: int, *, hold: bool = False) -> Flood:
    """Allegations, answers and votes that leave them open."""
    periods = count // 3 + 2

    def entries() -> Iterator[EntryInput]:
        for turn in range(count):
            period = turn // 3
            name, at = f"P/k/{period}", D + period * P
            yield _said(
                turn,
                *(
                    ("P", at, Allege(claim="k", period=period, hold=hold)),
                    ("Q", at, Respond(allegation=name, answer="DENIED")),
                    ("N", at, Determine(allegation=name, uphold=True)),
                )[turn % 3],
            )

    return _terms(periods, report_by=FOR_EVER), entries()


def holding(count: int) -> Flood:
    """The same, and the hold of each runs for ever."""
    return alleged(count, hold=True)


def upheld(count: int) -> Flood:
    """Allegations that the debtor admits: each period is REFUTED so."""
    periods = count // 2 + 2

    def entries() -> Iterator[EntryInput]:
        for turn in range(count):
            period = turn // 2
            answer = Respond(allegation=f"P/k/{period}", answer="ADMITTED")
            allege = Allege(claim="k", period=period)
            yield _said(turn, "PQ"[turn % 2], D + period * P, answer if turn % 2 else allege)

    return _terms(periods, report_by=FOR_EVER), entries()


def silence(count: int) -> Flood:
    """Nobody attests: a period comes to be UNKNOWN with each seal."""
    return _terms(count + 2), (_said(turn, "N", D + turn * P, SEAL) for turn in range(count))


FLOODS: tuple[Callable[[int], Flood], ...] = (
    attestations,
    refuted,
    backwards,
    cured,
    opened,
    superseding,
    without_effect,
    performed,
    notices,
    endless_notices,
    alleged,
    holding,
    upheld,
    silence,
)
