"""What happens by itself in a rehearsal: what nodes do for their tranches, and what those do who do as agreed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from armslength.core.arrangement.bodies import Attest, Body, Resume
from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import RUNNING, DutyStatus, PeriodValue, Phase, Stage
from armslength.core.arrangement.terms import Arrangement
from armslength.views.blocks import decided
from armslength.views.words import HOUR, Words
from armslength.wire.script_sentences import node_act


@dataclass(frozen=True, slots=True)
class NodeAct:
    """An act of a node: by whom, of which type (`commit`, `cipher`, `release`, `key`, `plain`), of which tranche."""

    author: str
    kind: str
    tranche: str

    def body(self, terms: Arrangement) -> Body:
        """The statement that it makes."""
        return node_act(self.kind, self.tranche, terms)


def next_act(terms: Arrangement, state: State, name: str) -> NodeAct | None:
    """What a node does next for a tranche, where files are published and data comes through at once (rule 2.5b): as
    the plan of a node has it, which a test compares."""
    term, there, phase = terms.tranches[name], state.tranches[name], state.arrangement.phase
    if phase in {Phase.PROPOSED, Phase.LAPSED} or there.stage == Stage.FORFEITED:
        return None
    if there.stage == Stage.LOCKED and there.commit is None:
        return NodeAct(term.provider, "commit", name)
    if there.shown == Stage.READY:
        return NodeAct(term.recipient, "cipher", name)
    if there.shown == Stage.DELIVERED and (
        state.shown == Phase.EFFECTIVE or state.arrangement.winding_by == "withdrawal"
    ):
        return NodeAct(term.provider, "release", name)
    if there.stage == Stage.RELEASED and there.key_at is None:
        return NodeAct(term.provider, "key", name) if there.key_due is not None else None
    return NodeAct(term.recipient, "plain", name) if there.stage == Stage.RELEASED else None


def attestations(terms: Arrangement, begun: int) -> list[tuple[int, str, Attest]]:
    """What monitors say who do as agreed, where D is `begun`: of each period that it held, an hour after its end (or
    sooner, where reportBy asks for it). Events, and excuses, are said when they are needed: `events`."""
    words, said = Words(terms, begun), []
    excuses = {claim.excuse.claim for claim in terms.claims.values() if claim.excuse}
    for name, claim in sorted(terms.claims.items()):
        if claim.period is None or name in excuses:
            continue
        pause = HOUR if claim.report_by is None else min(HOUR, claim.report_by)
        for period in range(words.periods(claim)):
            at = words.ends(claim, period) + pause
            said += [(at, monitor, Attest(claim=name, period=period, value=True)) for monitor in claim.monitors]
    return sorted(said, key=lambda each: each[0])


def needed(terms: Arrangement, state: State) -> Iterator[tuple[int, str, Body]]:
    """What is said by those who do as agreed because of where things stand, and when: that what is owed has happened,
    an hour before it is due; what no duty asks for, at once; that exceptions lay within their notice; and, while the
    arrangement is SUSPENDED, that it may resume."""
    now, words = state.clock.now, Words.of(terms, state)
    if state.arrangement.effective_at is None:
        return
    owed = {duty.claim: name for name, duty in terms.duties.items() if duty.kind == "achieve"}
    for name, claim in terms.claims.items():
        if claim.period is None and decided(state, name, 0) == PeriodValue.UNDECIDED:
            at = words.starts(claim, 0)
            if name in owed:
                duty = state.duties[owed[name]]
                if duty.state not in RUNNING:
                    continue
                at = max(at, (duty.due or now) - HOUR if duty.state == DutyStatus.ACTIVE else now)
            for monitor in claim.monitors:
                if monitor not in state.claims[name].open.get(str(0), {}):
                    yield max(at, now), monitor, Attest(claim=name, period=0, value=True)
        elif claim.excuse is not None:
            yield from _excuses(terms, state, words, name, now)
    paused = state.arrangement.suspension
    if paused is not None and state.arrangement.phase == Phase.EFFECTIVE:
        for party in terms.parties:
            if party not in paused.resumed:
                yield now, party, Resume()


def _excuses(terms: Arrangement, state: State, words: Words, name: str, now: int) -> Iterator[tuple[int, str, Body]]:
    excuse = terms.claims[name].excuse
    if excuse is None:
        return
    claim, marks = terms.claims[excuse.claim], state.claims[name].noticed
    for period, mark in enumerate(marks):
        if mark != "N" or decided(state, excuse.claim, period) != PeriodValue.UNDECIDED:
            continue
        pause = HOUR if claim.report_by is None else min(HOUR, claim.report_by)
        at, last = words.ends(claim, period) + pause, words.ends(claim, period) + (claim.report_by or now)
        for monitor in claim.monitors:
            if now <= last and monitor not in state.claims[excuse.claim].open.get(str(period), {}):
                yield max(at, now), monitor, Attest(claim=excuse.claim, period=period, value=True)
