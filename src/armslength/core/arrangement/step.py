"""The pure step: an entry and a state give the next state, or a refusal with its reason.

1. An entry's time is max(stamp, τ − grace); a seal moves τ to the lower median of its cosignature times, if later,
   and its time is τ. Placing an entry first works time forward to its time, deadline by deadline, each at its own
   instant. What the entry causes bears the entry's time, even where time has moved on; what has fired stays fired.
2. At one instant: claims, duties, allegations, consequences, arrangement, tranches; each by id; until nothing changes.
3. A refusal changes nothing. Its code is one of: unknown (no such thing), authority (not the author's to say), state
   (not now), early, late, repeat (done already), limit, mismatch (does not fit together), unsettled (the terms have
   no fixpoint here: nothing is placed).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from armslength.core.arrangement import allegations, claims, duties, marks, running, tranches
from armslength.core.arrangement.agenda import SOUGHT
from armslength.core.arrangement.bodies import BODIES, Determine, Seal
from armslength.core.arrangement.conditions import term_over
from armslength.core.arrangement.draft import Draft, EntryInput, agenda_of, iso
from armslength.core.arrangement.root import state_root
from armslength.core.arrangement.state import (
    ArrangementState,
    ClaimState,
    DutyState,
    LogicalClock,
    Outcome,
    State,
    TrancheState,
    replace,
)
from armslength.core.arrangement.tables import DutyStatus, Phase, Stage
from armslength.core.arrangement.terms import Arrangement as Terms
from armslength.core.arrangement.terms import release_duty
from armslength.core.parts import Parts
from armslength.errors import Refused

__all__ = ["EntryInput", "advance", "apply", "initial", "next_deadline", "resumed", "state_root"]


def initial(terms: Terms) -> State:
    """The state of a record without entries."""
    owed = [*terms.duties, *(release_duty(tranche) for tranche in terms.tranches)]
    state = State(
        clock=LogicalClock(tau=0, now=0),
        arrangement=ArrangementState(phase=Phase.PROPOSED, at=0, signed={}, withdrawals={}, holds_used={}, excluded={}),
        claims={claim: ClaimState() for claim in terms.claims},
        duties={duty: DutyState(state=DutyStatus.PENDING, at=0) for duty in owed},
        tranches={tranche: TrancheState(stage=Stage.LOCKED, at=0, votes={}) for tranche in terms.tranches},
        allegations=Parts(),
    )
    return resumed(terms, state)


def resumed(terms: Terms, state: State) -> State:
    """A state that was stored, with the agenda to go on from."""
    return state.going(agenda_of(terms, state))


def apply(terms: Terms, state: State, act: EntryInput) -> Outcome:
    """Place an entry. Raises Refused, and then has changed nothing (rule 1.3d)."""
    if act.author not in terms.actors:
        raise Refused("unknown", f"the terms name no {act.author}")
    kind = BODIES.get(act.type)
    if kind is None or not isinstance(act.body, kind):
        raise Refused("unknown", f"there is no entry of type {act.type} with this body")
    draft = Draft(terms, state)
    if act.type == "seal":
        if act.author != terms.keeper:
            raise Refused("authority", f"{terms.keeper} keeps the record and seals it, not {act.author}")
        draft.tau = time = max(draft.tau, act.stamp)  # rule 2.1c
    else:
        time = max(act.stamp, draft.tau - terms.grace)  # rule 2.2c
    _forward(draft, time)
    draft.firing = False
    draft.at = draft.as_of = time  # rule 1.6a
    draft.moved = False
    draft.act = act
    _HANDLERS[act.type](draft, act, act.body)
    draft.act = None
    if draft.moved:
        draft.next = SOUGHT
        _settle(draft)
        _catch_up(draft)
    marks.catch_up(draft)
    return Outcome(state=draft.finish(), at=time, changes=tuple(draft.changes))


def advance(terms: Terms, state: State, until: int) -> Outcome:
    """Work time forward to `until` (UTC seconds) without an entry: what would be if none came."""
    draft = Draft(terms, state)
    _forward(draft, until)
    marks.catch_up(draft)
    return Outcome(state=draft.finish(), at=until, changes=tuple(draft.changes))


def next_deadline(terms: Terms, state: State) -> int | None:
    """The next instant (UTC seconds) at which something fires by itself; None if nothing will."""
    return _next(Draft(terms, state))


# --- entries ----------------------------------------------------------------------------------------------------------


def _determine(draft: Draft, act: EntryInput, body: Determine) -> None:
    match body:
        case Determine(allegation=str(known), tranche=None):
            allegations.determine(draft, act, known, uphold=body.uphold)
        case Determine(allegation=None, tranche=str(tranche)):
            tranches.determine(draft, act, tranche, uphold=body.uphold)
        case _:
            raise Refused("mismatch", "a vote names an allegation, or the tranche of a complaint")


def _seal(draft: Draft, _act: EntryInput, _body: Seal) -> None:
    tranches.sealed(draft)


_HANDLERS: dict[str, Callable[[Draft, EntryInput, Any], None]] = {  # rule 1.5b
    "sign": running.sign,
    "commit": tranches.commit,
    "perform": duties.perform,
    "attest": claims.attest,
    "notice": claims.notify,
    "allege": allegations.allege,
    "respond": allegations.respond,
    "determine": _determine,
    "evidence": running.evidence,
    "ack": tranches.ack,
    "release": tranches.release,
    "key": tranches.key,
    "resume": running.resume,
    "withdraw": running.withdraw,
    "waive": duties.waive,
    "seal": _seal,
}


# --- time -------------------------------------------------------------------------------------------------------------


def _next(draft: Draft) -> int | None:
    if draft.next == SOUGHT:
        found = chain(duties.deadlines(draft), running.deadlines(draft), tranches.deadlines(draft))
        draft.next = min(found, default=None)
    rest = (instant for instant in (draft.next, draft.due()) if instant is not None)
    return min(chain(rest, claims.deadlines(draft)), default=None)


def _forward(draft: Draft, until: int) -> None:
    """Work time forward, deadline by deadline, each at its own instant (rule 2.4a)."""
    while draft.now < until:
        found = _next(draft)
        if found is None or found > until:
            draft.now = until
            return
        draft.firing = True
        draft.now = draft.at = max(draft.now, found)
        draft.as_of = draft.at - draft.terms.grace  # rule 2.3a
        if claims.passes(draft) and draft.next != draft.now:
            claims.work(draft)  # nothing else waits for this instant, or is touched by what it ends
            continue
        draft.next = SOUGHT
        _settle(draft)
        _catch_up(draft)


def _catch_up(draft: Draft) -> None:
    """Fire deadlines that were made just now but lie behind: at their own instant, never before what made them
    (rule 2.3e)."""
    while (found := _next(draft)) is not None and found <= draft.now:
        draft.firing, before = True, draft.at
        draft.at = max(draft.at, found)
        draft.as_of = max(draft.as_of, draft.at - draft.terms.grace)
        draft.next = SOUGHT
        if not _settle(draft) and found <= before:
            raise AssertionError(f"nothing meets the deadline at {iso(found)}")


_WORKERS = (claims.work, duties.work, allegations.work, running.consequences, running.work, tranches.work)  # rule 2.4b


def _settle(draft: Draft) -> bool:
    """Let everything follow that follows at this instant: until each has looked since anything moved, and nothing did.
    True if anything did."""
    objects = len(draft.claims) + len(draft.duties) + len(draft.tranches) + len(draft.allegations)
    rounds = 20 + 10 * objects  # far more than any terms with a fixpoint need
    quiet = looked = 0
    while quiet < len(_WORKERS):
        if looked == rounds * len(_WORKERS):
            raise Refused("unsettled", "the terms have no fixpoint here: conditions chase each other")  # rule 2.4c
        draft.moved = False
        _WORKERS[looked % len(_WORKERS)](draft)
        quiet = 0 if draft.moved else quiet + 1
        looked += 1
    if draft.arrangement.over_at is None and draft.effective and term_over(draft):
        draft.arrangement = replace(draft.arrangement, over_at=draft.at)
    return looked > quiet
