"""Duties to achieve something, what all duties share, and the pausing of deadlines.

1. In time is a claim decided at or before the deadline; the deadline fires grace later. A claim decided in between
   is late: nothing happens until the deadline fires, and then the duty is CURED.
2. While SUSPENDED, deadlines of parties at no fault are paused and get their remaining time back; one that had
   passed before has none left, and fires (rules 4.5a and 4.5b).
3. What is done while the deadline is paused is in time if the deadline had not passed before.
4. A release duty is paused while its tranche is WITHHELD, unless by its provider's own fault (rule 6.4c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from armslength.core.arrangement import claims, maintain, releases, tables, tranches
from armslength.core.arrangement.bodies import Perform, Waive
from armslength.core.arrangement.causes import Actors, Cause, Passed, Standing
from armslength.core.arrangement.conditions import ended, holds, never, term_over
from armslength.core.arrangement.draft import Draft, EntryInput
from armslength.core.arrangement.state import EXCUSED, SUPPORTED, VALUE_NAMES, DutyState, replace
from armslength.core.arrangement.tables import AllegationOutcome, DutyStatus, PeriodValue, Phase, Stage
from armslength.core.arrangement.terms import TrancheIs, claims_of, duties_of, release_duty, walk
from armslength.errors import Refused

Guard = Callable[[Draft, str], Cause]  # what it rests on, or nothing


def work(draft: Draft) -> None:
    """Move every duty as far as it goes."""
    if draft.arrangement.effective_at is None:
        return
    closed = not draft.effective and draft.closed
    for duty in draft.index.duties:
        if duty in draft.index.release_of:
            releases.work(draft, duty)
        elif not closed or draft.terms.duties[duty].surviving:  # rule 5.5f
            _work(draft, duty)
        if draft.duties[duty].waived:
            _forgive(draft, duty)


def _work(draft: Draft, duty: str) -> None:
    term = draft.terms.duties[duty]
    state = draft.duties[duty].state
    if state == DutyStatus.PENDING:
        _start(draft, duty)
        state = draft.duties[duty].state
    if term.kind == "maintain":
        if state in tables.RUNNING:
            maintain.work(draft, duty)
        return
    while guards := _GUARDS.get(state):
        for rule, guard in guards:
            if cause := guard(draft, duty):
                take(draft, duty, rule, cause)
                break
        else:
            return
        state = draft.duties[duty].state


def take(draft: Draft, duty: str, rule: str, cause: Cause = ()) -> None:
    """Take the row `rule` of the duty's table."""
    state = draft.duties[duty]
    after = draft.move(draft.machine(duty), duty, state.state, rule, cause)
    draft.duties[duty] = replace(
        state, state=after, at=draft.at, frozen_at=None if after != DutyStatus.OVERDUE else state.frozen_at
    )
    if after == DutyStatus.BREACHED:
        term = draft.terms.duties.get(duty)
        if term is not None and term.consequence == "suspend":
            draft.breaches.append(duty)


def _start(draft: Draft, duty: str) -> None:
    term = draft.terms.duties[duty]
    machine = draft.machine(duty)
    over = term_over(draft) and not term.surviving
    if not (over and draft.closed) and holds(draft, term.trigger):
        take(draft, duty, f"{machine.name}.triggered")
        state = draft.duties[duty]
        if term.due is None:
            draft.duties[duty] = replace(state, active_at=draft.at)
            return
        base = {"trigger": draft.at, "start": draft.arrangement.effective_at, "end": draft.terms.end}[term.due.anchor]
        due = (base or 0) + term.due.after
        draft.duties[duty] = replace(state, active_at=draft.at, due=due, cure_due=due + term.cure)  # rule 2.3c
        if stands := _stands(draft, duty):
            _freeze(draft, duty, draft.duties[duty], stands)
    elif over or never(draft, term.trigger):
        take(draft, duty, f"{machine.name}.expired", ended(draft) if over else ())


# --- achieve: one guard a row -----------------------------------------------------------------------------------------


def _in_time(draft: Draft, duty: str, value: str) -> Cause:
    """Whether the claim came to `value` by the deadline, or while that stood still. What is late waits for it
    (rules 4.1a, 4.5c)."""
    claim, deadline = draft.claims[draft.terms.duties[duty].claim], draft.duties[duty].deadline
    if claims.letter(claim, 0) != value or deadline is None:
        return ()
    met = (claim.at or 0) <= deadline or draft.duties[duty].stands(deadline)
    return (Standing("claim", claims.name(draft.terms.duties[duty].claim, 0), VALUE_NAMES[value]),) if met else ()


def _fires(draft: Draft, duty: str) -> Cause:  # rule 4.1b
    deadline = draft.duties[duty].deadline
    if deadline is None or draft.duties[duty].stands(deadline) or draft.at < deadline + draft.terms.grace:
        return ()
    return (Passed(deadline, "due" if draft.duties[duty].state == DutyStatus.ACTIVE else "cure"),)


def _remedied(draft: Draft, duty: str) -> Cause:  # rule 4.1c
    claim, name = draft.claims[draft.terms.duties[duty].claim], draft.terms.duties[duty].claim
    since = max(claim.at or 0, draft.duties[duty].at)  # an entry may lie before either
    done = claims.letter(claim, 0) == SUPPORTED and since <= draft.at
    return (Standing("claim", claims.name(name, 0), PeriodValue.SUPPORTED),) if done and remediable(draft, duty) else ()


_supported, _excused = partial(_in_time, value=SUPPORTED), partial(_in_time, value=EXCUSED)  # rule 4.1e
_GUARDS: dict[str, tuple[tuple[str, Guard], ...]] = {
    DutyStatus.ACTIVE: (("duty.fulfilled", _supported), ("duty.excused", _excused), ("duty.overdue", _fires)),
    DutyStatus.OVERDUE: (("duty.cured", _supported), ("duty.excused", _excused), ("duty.breached", _fires)),
    DutyStatus.BREACHED: (("duty.remedied", _remedied),),
}


def remediable(draft: Draft, duty: str) -> bool:
    """Whether a BREACHED duty of the terms can still be remedied."""
    term = draft.terms.duties[duty]
    if term_over(draft) and draft.closed and not term.surviving:
        return False
    if term.kind == "maintain":
        return maintain.remediable(draft, duty)
    value = claims.letter(draft.claims[term.claim], 0)
    return term.still_owed and value in {".", SUPPORTED}


# --- entries ----------------------------------------------------------------------------------------------------------


def perform(draft: Draft, act: EntryInput, body: Perform) -> None:
    """The debtor states that it has performed (rule 4.1g)."""
    term = draft.terms.duties.get(body.duty)
    if term is None:
        raise Refused("unknown", f"the terms have no duty {body.duty}")
    if act.author != term.debtor:
        raise Refused("authority", f"{term.debtor} owes {body.duty}, not {act.author}")
    state = draft.duties[body.duty]
    if state.state not in tables.RUNNING:
        raise Refused("state", f"{body.duty} is {state.state}: nothing is to be performed")
    draft.duties[body.duty] = replace(state, performed_at=draft.at)


def waive(draft: Draft, act: EntryInput, body: Waive) -> None:
    """A creditor waives; the duty is DISCHARGED once every creditor has (rule 4.1f)."""
    if body.duty not in draft.duties:
        raise Refused("unknown", f"the terms have no duty {body.duty}")
    creditors = _creditors(draft, body.duty)
    if act.author not in creditors:
        raise Refused("authority", f"{act.author} is no creditor of {body.duty}: {', '.join(creditors)} are")
    state, begun = draft.duties[body.duty], draft.arrangement.effective_at is not None
    if not begun or _concluded(draft, body.duty, draft.at):
        raise Refused("state", f"{body.duty} is {state.state}: there is nothing left to waive")
    if act.author in state.waived:
        raise Refused("repeat", f"{act.author} has waived {body.duty}")
    waived = tuple(sorted((*state.waived, act.author)))
    draft.duties[body.duty] = replace(state, waived=waived, waived_at=max(draft.at, state.waived_at or draft.at))
    draft.moved = True


def _creditors(draft: Draft, duty: str) -> tuple[str, ...]:
    tranche = draft.index.release_of.get(duty)
    return (draft.terms.tranches[tranche].recipient,) if tranche else draft.terms.duties[duty].creditors


def _forgive(draft: Draft, duty: str) -> None:
    """Discharge what every creditor has waived, once the deadlines that had passed before have fired."""
    state = draft.duties[duty]
    deadline = releases.deadline(draft, duty) if duty in draft.index.release_of else state.deadline
    since = state.waived_at or 0
    waits = deadline is not None and not state.stands(deadline) and deadline < since
    if set(_creditors(draft, duty)) <= set(state.waived) and not waits and not _concluded(draft, duty, since):
        take(draft, duty, f"{draft.machine(duty).name}.waived", (Actors(state.waived),))


def _concluded(draft: Draft, duty: str, at: int) -> bool:
    """Whether nothing is left to waive: a breach that nothing remedies, or what is about to be one, or to be closed."""
    state, tranche, machine = draft.duties[duty], draft.index.release_of.get(duty), draft.machine(duty)
    if state.state not in machine.rows[f"{machine.name}.waived"].before:
        return True
    kept = draft.tranches[tranche].released_at is not None if tranche else draft.terms.duties[duty].surviving
    if draft.lapsing and not kept:
        return True
    last = releases.last(draft, duty) if tranche else state.cure_due
    passed = last is not None and last < at and not state.stands(last)
    lost = tranche is not None or not remediable(draft, duty)
    if state.state == DutyStatus.BREACHED:
        return lost
    return passed and (lost or (term_over(draft) and not kept))  # it fires later than the instant that ends the term


# --- time -------------------------------------------------------------------------------------------------------------


def deadlines(draft: Draft) -> Iterator[int]:
    """The instants at which a duty's deadline fires, and those that a pending trigger waits for."""
    grace = draft.terms.grace
    for duty in draft.index.duties:
        state = draft.duties[duty]
        if duty in draft.index.release_of:
            found = releases.deadline(draft, duty)
            if found is not None:
                yield found + grace
        elif state.deadline is not None and not state.stands(state.deadline):
            yield state.deadline + grace
        elif state.state == DutyStatus.BREACHED and state.due is not None:
            since = max(draft.claims[draft.terms.duties[duty].claim].at or 0, state.at)
            if since > draft.at:  # it may be remedied then; an entry lies before that
                yield since


# --- pauses -----------------------------------------------------------------------------------------------------------


def freeze(draft: Draft) -> None:
    """Stop the deadlines that are paused now, and start those that run again."""
    for duty in draft.index.duties:
        state = draft.duties[duty]
        if state.state not in tables.DUE or state.due is None:  # rule 4.5d
            continue
        stands = _stands(draft, duty)
        if stands and state.frozen_at is None:
            _freeze(draft, duty, state, stands)
        elif not stands and state.frozen_at is not None:
            _thaw(draft, duty, state, state.due, state.frozen_at)


def _freeze(draft: Draft, duty: str, state: DutyState, cause: Cause) -> None:
    """Stop the clock when that began which pauses it; an entry within grace may bear an earlier time."""
    tranche, suspension = draft.index.release_of.get(duty), draft.arrangement.suspension
    began = tranches.withheld_since(draft, tranche) if tranche else suspension.since if suspension else 0
    draft.duties[duty] = replace(state, frozen_at=max(draft.at, began, state.active_at or 0))
    draft.note("duty", duty, state.state, state.state, "clock.frozen", cause)


def _thaw(draft: Draft, duty: str, state: DutyState, due: int, since: int) -> None:
    """Give back to each deadline that had not passed before the time for which it was paused."""
    given, cure = max(0, draft.at - since), state.cure_due
    if state.state == DutyStatus.ACTIVE and state.stands(due):
        due += given
    if cure is not None and state.stands(cure):
        cure += given
    draft.duties[duty] = replace(state, frozen_at=None, due=due, cure_due=cure)
    again = due if state.state == DutyStatus.ACTIVE or cure is None else cure
    draft.note("duty", duty, state.state, state.state, "clock.thawed", (Passed(again, "due"),))


def _stands(draft: Draft, duty: str) -> Cause:
    """Why the duty's deadline is paused; nothing if it runs (rule 4.5a)."""
    debtor = draft.index.debtors[duty]
    tranche = draft.index.release_of.get(duty)
    if tranche is not None:
        state = draft.tranches[tranche]
        if state.stage != Stage.DELIVERED or not state.withheld or _own_fault(draft, tranche, debtor):
            return ()
        return (Standing("tranche", tranche, Stage.WITHHELD),)
    if draft.arrangement.suspension is None or not draft.effective or at_fault(draft, debtor):
        return ()
    return Standing("arrangement", "arrangement", Phase.SUSPENDED), Actors((debtor,))


def at_fault(draft: Draft, party: str) -> bool:
    """Whether `party` is in breach, or owes a duty whose breach made the current suspension (rule 4.5b)."""
    suspension = draft.arrangement.suspension
    if suspension is not None and any(draft.index.debtors[duty] == party for duty in suspension.duties):
        return True
    return any(
        draft.index.debtors[duty] == party and draft.duties[duty].state == DutyStatus.BREACHED
        for duty in draft.index.duties
    )


def _own_fault(draft: Draft, tranche: str, provider: str) -> bool:
    """Whether a suspension, a condition or a hold that withholds the tranche rests on its provider's own fault
    (rule 6.4c)."""
    withheld = draft.tranches[tranche].withheld
    if "suspended" in withheld and at_fault(draft, provider):
        return True
    named: set[str] = set()
    if "condition" in withheld:
        condition = draft.terms.tranches[tranche].continuous
        named |= duties_of(condition)
        named.update(*(draft.index.shown_by.get(claim, ()) for claim in claims_of(condition)))
        named.update(release_duty(part.tranche) for part in walk(condition) if isinstance(part, TrancheIs))
    if "held" in withheld:
        for held in map(draft.allegations.__getitem__, draft.holds):
            if held.outcome == AllegationOutcome.UPHELD:
                about = held.alleged
                shown = [release_duty(about)] if isinstance(about, str) else draft.index.shown_by[about[0]]
                named.update(shown)
    return any(draft.index.debtors[duty] == provider and draft.duties[duty].state in tables.BAD for duty in named)
