"""The provider's duty to release a tranche, which every tranche has.

1. It runs from DELIVERED. In time is `release` at or before due, and `key` at or before keyBy of the covering seal.
2. Once the key is placed no deadline of the provider's is left; what remains is the recipient's answer. SETTLED
   fulfils it, or cures it if the key came within the cure.
3. It never suspends nor gates its own tranche; its breach lets the recipient withdraw without notice.
"""

from __future__ import annotations

from armslength.core.arrangement import tables
from armslength.core.arrangement.causes import Cause, Passed
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import DutyState, TrancheState, replace
from armslength.core.arrangement.tables import DutyStatus, Stage


def work(draft: Draft, duty: str) -> None:
    """Move the release duty as far as it goes."""
    tranche = draft.tranches[draft.index.release_of[duty]]
    while moved := _next(draft, duty, draft.duties[duty], tranche):
        take(draft, duty, *moved)


def take(draft: Draft, duty: str, rule: str, cause: Cause = ()) -> None:
    """Take the row `rule`, with the deadlines that begin there."""
    state = draft.duties[duty]
    term, tranche = draft.terms.tranches[draft.index.release_of[duty]], draft.tranches[draft.index.release_of[duty]]
    after = draft.move(tables.RELEASE, duty, state.state, rule, cause)
    moved = replace(state, state=after, at=draft.at)
    if after == DutyStatus.ACTIVE:
        due = (tranche.delivered_at or 0) + term.release_by
        moved = replace(moved, active_at=tranche.delivered_at, due=due, cure_due=due + term.release_cure)
    elif after == DutyStatus.OVERDUE and _released_in_time(state, tranche):
        moved = replace(moved, cure_due=(tranche.key_due or 0) + term.release_cure)
    elif after != DutyStatus.OVERDUE:
        moved = replace(moved, frozen_at=None)
    draft.duties[duty] = moved


def _released_in_time(state: DutyState, tranche: TrancheState) -> bool:
    return tranche.released_at is not None and state.due is not None and tranche.released_at <= state.due


def _key_by(tranche: TrancheState, deadline: int | None) -> bool:
    return tranche.key_at is not None and deadline is not None and tranche.key_at <= deadline


def _next(draft: Draft, duty: str, state: DutyState, tranche: TrancheState) -> tuple[str, Cause] | None:
    """The row that the duty takes next, and why (rule 6.4a)."""
    if state.state not in tables.OWED:
        return None
    if tranche.stage == Stage.FORFEITED:
        rule = "release.abandoned" if state.state == DutyStatus.OVERDUE else "release.discharged"
        return rule, ()
    if state.state == DutyStatus.PENDING:
        return ("release.delivered", ()) if tranche.delivered_at is not None else None
    settled = tranche.stage == Stage.SETTLED
    if state.state == DutyStatus.ACTIVE:
        if settled and _released_in_time(state, tranche) and _key_by(tranche, tranche.key_due):
            return "release.fulfilled", ()
    elif settled and _key_by(tranche, state.cure_due):
        return "release.cured", ()
    found = deadline(draft, duty)
    if found is None or draft.at < found + draft.terms.grace:
        return None
    cause = (Passed(found, "key" if tranche.released_at is not None else "release"),)
    return ("release.overdue" if state.state == DutyStatus.ACTIVE else "release.breached"), cause


def deadline(draft: Draft, duty: str) -> int | None:
    """The deadline that runs now, without grace; None if none does."""
    state, tranche = draft.duties[duty], draft.tranches[draft.index.release_of[duty]]
    unreleased = state.state == DutyStatus.ACTIVE and not _released_in_time(state, tranche)
    found = tranche.key_due if state.state == DutyStatus.ACTIVE and not unreleased else state.deadline
    if found is None or state.stands(found) or (not unreleased and _key_by(tranche, found)):
        return None
    return found


def last(draft: Draft, duty: str) -> int | None:
    """When the last deadline of the provider runs out, without grace; None if it was met, or does not run yet."""
    state, tranche = draft.duties[duty], draft.tranches[draft.index.release_of[duty]]
    found = state.cure_due
    if state.state == DutyStatus.ACTIVE and _released_in_time(state, tranche):
        cure = draft.terms.tranches[draft.index.release_of[duty]].release_cure
        found = None if tranche.key_due is None else tranche.key_due + cure
    return None if _key_by(tranche, found) else found


def uphold(draft: Draft, duty: str, cause: Cause) -> None:
    """An allegation or a complaint about the tranche is UPHELD."""
    if draft.duties[duty].state in tables.RELEASE.rows["release.upheld"].before:
        take(draft, duty, "release.upheld", cause)
