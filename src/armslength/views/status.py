"""The overview: where an arrangement stands, what each party owes, what comes next, and what is still provisional."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from armslength.core.arrangement import tables
from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import DutyStatus
from armslength.core.arrangement.terms import Arrangement, release_duty
from armslength.views.deadlines import Deadline, deadlines
from armslength.views.explain import NodeFacts, stalled, why
from armslength.views.exposure import measure
from armslength.views.words import Words, meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyLine:
    """A duty now. `due`: while it is owed; `cure_due`: while it can still be cured; `frozen`: its clock stands;
    `remedied`: how many breaches of it were made good, whatever came of it since."""

    id: str
    debtor: str
    what: str
    state: str
    means: str
    since: int
    due: int | None = None
    cure_due: int | None = None
    frozen: bool = False
    remedied: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrancheLine:
    """A tranche now. `because` is the short answer of `why`."""

    id: str
    title: str
    provider: str
    recipient: str
    state: str
    stage: str
    means: str
    since: int
    withheld: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AllegationLine:
    """An allegation: who says what did not hold, how it was answered, and what came of it."""

    id: str
    by: str
    claim: str | None
    period: int | None
    tranche: str | None
    raised_at: int
    answer: str | None
    outcome: str
    holding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisional:
    """What no seal covers: leaves [sealed, size) may still be reordered or lost. `sealed_at`: the last seal's time."""

    sealed: int
    size: int
    sealed_at: int | None
    entries: int
    stalled: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The overview. `at` is the instant worked up to; parties and ids as in the terms."""

    title: str
    state: str
    means: str
    why: tuple[str, ...]
    at: int
    start: int
    end: int
    simulated: bool
    parties: dict[str, str]
    duties: tuple[DutyLine, ...]
    tranches: tuple[TrancheLine, ...]
    allegations: tuple[AllegationLine, ...]
    holds_left: dict[str, int]
    next: Deadline | None
    deadlines: tuple[Deadline, ...]
    exposure: dict[str, Fraction]
    provisional: Provisional | None = None


def status(
    terms: Arrangement, state: State, facts: NodeFacts | None = None, weights: Mapping[str, int] | None = None
) -> Status:
    """The overview of one state. `facts` add what is provisional, `weights` are private ones for the exposure."""
    words, arrangement = Words.of(terms, state), state.arrangement
    running = deadlines(terms, state)
    answer = why(terms, state, "arrangement", facts)
    return Status(
        title=terms.title,
        state=state.shown,
        means=meaning(state.shown),
        why=answer.sentences,
        at=state.clock.now,
        start=words.origin,
        end=terms.end,
        simulated=terms.clock == "simulated",
        parties={party: words.actor(party) for party in terms.parties},
        duties=_duties(terms, state),
        tranches=_tranches(terms, state),
        allegations=_allegations(state),
        holds_left={p: terms.allegations.holds_per_party - arrangement.holds_used.get(p, 0) for p in terms.parties},
        next=next((d for d in running if d.fires is not None and not d.idle), None),
        deadlines=running,
        exposure={party: balance.exposure for party, balance in measure(terms, state, weights).items()},
        provisional=_provisional(terms, state, facts) if facts else None,
    )


def _duties(terms: Arrangement, state: State) -> tuple[DutyLine, ...]:
    lines = []
    owed = [(name, duty.debtor, duty.statement) for name, duty in terms.duties.items()]
    owed += [
        (release_duty(n), t.provider, f"Release {n}, {t.title}, once it is delivered.")
        for n, t in terms.tranches.items()
    ]
    for name, debtor, what in owed:
        held = state.duties[name]
        lines.append(
            DutyLine(
                id=name,
                debtor=debtor,
                what=what,
                state=held.state,
                means=meaning(held.state),
                since=held.at,
                due=held.due if held.state in tables.DUE else None,
                cure_due=held.cure_due if held.state == DutyStatus.OVERDUE else None,
                frozen=held.frozen_at is not None,
                remedied=sum(instance.state == DutyStatus.REMEDIED for instance in held.instances),
            )
        )
    return tuple(lines)


def _tranches(terms: Arrangement, state: State) -> tuple[TrancheLine, ...]:
    return tuple(
        TrancheLine(
            id=name,
            title=tranche.title,
            provider=tranche.provider,
            recipient=tranche.recipient,
            state=state.tranches[name].shown,
            stage=state.tranches[name].stage,
            means=meaning(state.tranches[name].shown),
            since=state.tranches[name].at,
            withheld=state.tranches[name].withheld,
            because=why(terms, state, name).sentences[0],
        )
        for name, tranche in terms.tranches.items()
    )


def _allegations(state: State) -> tuple[AllegationLine, ...]:
    return tuple(
        AllegationLine(
            id=name,
            by=held.by,
            claim=held.claim,
            period=held.period,
            tranche=held.tranche,
            raised_at=held.raised_at,
            answer=held.answer,
            outcome=held.outcome,
            holding=held.holding,
        )
        for name, held in sorted(state.allegations.items(), key=lambda item: item[1].raised_at)
    )


def _provisional(terms: Arrangement, state: State, facts: NodeFacts) -> Provisional:  # rule 2.5a
    return Provisional(
        sealed=facts.sealed,
        size=facts.size,
        sealed_at=facts.sealed_at,
        entries=facts.size - facts.sealed,
        stalled=stalled(terms, facts, state),
    )
