"""What a role in a tranche knows and does: `engine.provider` gives it out, `engine.recipient` receives it.

A role is asked by its live tranche (`engine.tranche`) and asks nothing of it: what it has done, or wants stated, is the
answer.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final, TypeVar

from armslength.core.arrangement.bodies import Ack, Body, Commit, Key, Release
from armslength.core.arrangement.state import TrancheState
from armslength.core.arrangement.tables import FINISHED
from armslength.core.arrangement.terms import Tranche
from armslength.core.negotiation import NegotiationState
from armslength.core.transfer import FINAL, Transfer
from armslength.engine.actions import Action, TrancheFacts
from armslength.engine.contents import Contents, dataset_id
from armslength.engine.exchange import Exchange
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository
from armslength.engine.writer import Writer
from armslength.errors import NotFound
from armslength.ports import Fetcher, Peers
from armslength.wire.record import decode_leaf

LOST: Final = "is not here: it must be newer than the copy from which this node was restored"
PORTION: Final = 500  # leaves read at once

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrancheServices:
    """What tranches work with. `address` is this node's own."""

    repository: Repository
    contents: Contents
    exchange: Exchange
    fetcher: Fetcher
    peers: Peers
    recorder: Recorder
    writer: Writer
    address: str
    under_way: set[asyncio.Task[None]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class DspStanding:
    """Where the Dataspace Protocol stands: the dataset's transfer, whether a negotiation runs or went well, and whether
    there is an agreement."""

    transfer: Transfer | None
    negotiating: bool
    agreed: bool


class TrancheRole(ABC):
    """A tranche as one of its two sides sees it."""

    def __init__(self, live: LiveArrangement, name: str, tools: TrancheServices) -> None:
        self.live = live
        self.name = name
        self.dataset = dataset_id(live.arrangement, name)
        self.tools = tools
        self.is_over = False  # nothing is to be done any more
        self._standing: DspStanding | None = None  # until it changes
        self._moves = 0  # changes of it so far

    @abstractmethod
    async def facts(self) -> TrancheFacts:
        """What we know besides the record."""

    @abstractmethod
    async def do(self, action: Action) -> Body | None:
        """Carry out an action, or make the statement that it is. Raises what is in its way."""

    def refusals(self, _: Action) -> int:
        """How often the other side has finally refused this."""
        return 0

    def pause(self, _: Action) -> float:
        """For how many seconds the other side is not to be asked for this."""
        return 0.0

    @property
    def terms(self) -> Tranche:
        """What the terms say of it."""
        return self.live.terms.tranches[self.name]

    @property
    def there(self) -> TrancheState:
        """What the sealed record says of it."""
        return self.live.record.sealed.state.tranches[self.name]

    def exchange_moved(self) -> None:
        """A negotiation or transfer has moved on: where it stands is looked at again."""
        self._moves += 1
        self._standing = None

    async def standing(self) -> DspStanding:
        """Where the Dataspace Protocol stands."""
        found = self._standing
        if found is None:
            exchange, before = self.tools.exchange, self._moves
            negotiation = await exchange.negotiation_for(self.dataset)
            found = DspStanding(
                await exchange.transfer_for(self.dataset),
                negotiation is not None and negotiation.state != NegotiationState.TERMINATED,
                await exchange.agreement_for(self.dataset) is not None,
            )
            if self._moves == before:  # nothing has changed meanwhile
                self._standing = found
        transfer = found.transfer
        if self.there.stage in FINISHED and transfer and transfer.state in FINAL:
            self.is_over = True
        return found

    async def said(self) -> frozenset[Action]:
        """The actions whose entries are written and not sealed yet."""
        bodies = [each.entry.body for each in await self.live.journal.pending()]
        found = {_action_of(each) for each in bodies if getattr(each, "tranche", None) == self.name}
        return frozenset(each for each in found if each is not None)

    async def find(self, kind: type[T]) -> tuple[int, T]:
        """The last statement of this kind about the tranche in the sealed record, with its index. Raises NotFound."""
        mark, stop = f'"tranche":"{self.name}"'.encode(), self.live.record.sealed.size
        while stop > 0:
            start = max(0, stop - PORTION)
            leaves = await self.tools.repository.store.leaves(self.live.arrangement, start, stop)
            for index, data in reversed(list(enumerate(leaves, start))):
                body = decode_leaf(data).entry.body if mark in data else None
                if isinstance(body, kind):
                    return index, body
            stop = start
        raise NotFound("not-in-record", f"the record holds no {kind.__name__.lower()} of {self.name}", self.name)

    async def committed(self) -> Commit:
        """The body of the tranche's commit entry, from the record. Raises NotFound."""
        return (await self.find(Commit))[1]


def _action_of(body: Body) -> Action | None:
    """Which action has made this statement."""
    if isinstance(body, Ack):
        return Action.ACK_CIPHER if body.stage == "cipher" else Action.ACK_PLAIN
    return {Commit: Action.COMMIT, Release: Action.RELEASE, Key: Action.KEY}.get(type(body))
