"""What a node does automatically for its tranches, as a pure plan over the sealed state.

Nobody has to remember what comes next: every act follows from the sealed record, from what lies on our disk and from
where the Dataspace Protocol processes stand. So a node that was killed picks up where the record says it is. Each act
changes what the plan rests on, or waits for something that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from armslength.core.arrangement import tranches
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import State, TrancheState
from armslength.core.arrangement.tables import FINISHED, Phase, Stage
from armslength.core.arrangement.terms import Arrangement, Tranche
from armslength.core.process import Role
from armslength.core.transfer import FINAL, TransferState


class Action(StrEnum):
    """Acts of a provider (first group) and of a recipient (second)."""

    COMMIT = "commit"
    START = "start"
    SUSPEND = "suspend"
    RELEASE = "release"
    KEY = "key"
    TERMINATE = "terminate"

    NEGOTIATE = "negotiate"
    REQUEST = "request"
    DOWNLOAD = "download"
    ACK_CIPHER = "ack-cipher"
    OPEN = "open"
    ACK_PLAIN = "ack-plain"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrancheFacts:
    """What a node knows about one tranche besides the record.

    published: a sealed file lies ready; release_after: the provider's own embargo. agreed, transfer: where the
    Dataspace Protocol stands (transfer None: not asked for); suspended_by: who suspended the transfer, and resumes it;
    unheard: the provider has finally refused the request; addressed: the transfer says where the data is.
    downloaded, opened: what the recipient holds. said: the actions whose entries are written and not sealed yet.
    """

    published: bool = False
    release_after: int = 0
    negotiating: bool = False
    agreed: bool = False
    transfer: str | None = None
    suspended_by: Role | None = None
    unacknowledged: bool = False
    addressed: bool = True
    downloaded: bool = False
    opened: bool = False
    said: frozenset[Action] = frozenset()


def next_action(terms: Arrangement, state: State, me: str, name: str, known: TrancheFacts, now: int) -> Action | None:
    """The action on this tranche that is open to `me` now, if there is one (rule 2.5b)."""
    if state.arrangement.phase in {Phase.PROPOSED, Phase.LAPSED}:
        return None
    tranche, there = terms.tranches[name], state.tranches[name]
    chosen: Action | None = None
    if me == tranche.provider:
        chosen = _provider(terms, state, name, known, now)
    elif me == tranche.recipient:
        chosen = _recipient(state, there, known, tranche, now)
    return None if chosen in known.said else chosen


def _provider(  # rule 6.6b
    terms: Arrangement, state: State, name: str, known: TrancheFacts, now: int
) -> Action | None:
    there = state.tranches[name]
    if there.stage == Stage.FORFEITED:
        return None if known.transfer is None or known.transfer in FINAL else Action.TERMINATE
    if there.shown == Stage.WITHHELD and known.transfer == TransferState.STARTED:
        return Action.SUSPEND
    if there.stage == Stage.LOCKED and there.commit is None and known.agreed and known.published:
        return Action.COMMIT
    if there.shown in {Stage.READY, Stage.DELIVERED} and _may_start(known):
        return Action.START
    if there.shown == Stage.DELIVERED and known.published and now >= known.release_after and _may_release(state):
        return Action.RELEASE
    if there.stage == Stage.RELEASED and there.key_due is not None and there.key_at is None:
        return None if _is_too_late_for_the_key(terms, state, name, now) else Action.KEY
    return None


def _is_too_late_for_the_key(terms: Arrangement, state: State, name: str, now: int) -> bool:
    """Where nothing can be remedied any more a late key is refused: the tranche is final with its breach."""
    draft = Draft(terms, state)
    draft.at = draft.as_of = max(now, draft.at)
    last = tranches.key_until(draft, name)
    return last is not None and draft.at > last


def _may_start(known: TrancheFacts) -> bool:
    """Whoever suspended a transfer resumes it; a recipient that has done so waits for a new address (rule 6.6d)."""
    if known.transfer == TransferState.SUSPENDED:
        return known.suspended_by is Role.PROVIDER
    return known.transfer == TransferState.REQUESTED or (
        known.transfer == TransferState.STARTED and not known.addressed
    )


def _may_release(state: State) -> bool:
    return state.shown == Phase.EFFECTIVE or state.arrangement.winding_by == "withdrawal"


def _recipient(  # rule 6.6a
    state: State, there: TrancheState, known: TrancheFacts, terms: Tranche, now: int
) -> Action | None:
    if there.stage == Stage.FORFEITED:
        return None
    if not known.agreed:
        return None if known.negotiating or there.stage != Stage.LOCKED else Action.NEGOTIATE
    if known.transfer is None or (known.unacknowledged and there.stage not in FINISHED):
        return Action.REQUEST
    if (
        there.commit is not None
        and not known.downloaded
        and known.transfer == TransferState.STARTED
        and known.addressed
    ):
        return Action.DOWNLOAD
    if there.shown == Stage.READY and known.downloaded:
        return None if _is_too_late_to_deliver(state, there, terms, now) else Action.ACK_CIPHER
    if there.stage == Stage.RELEASED and there.key_at is not None:
        if not known.opened:
            return Action.OPEN
        return Action.ACK_PLAIN if now <= there.key_at + terms.ack_by else None  # later it is silence, whatever it says
    if there.stage == Stage.SETTLED and known.transfer == TransferState.STARTED:
        return Action.COMPLETE
    return None


def _is_too_late_to_deliver(state: State, there: TrancheState, terms: Tranche, now: int) -> bool:
    """In WINDING nothing is delivered after deliverBy, though the tranche is forfeited after the grace only."""
    return state.arrangement.phase == Phase.WINDING and now > (there.gate_at or 0) + terms.deliver_by
