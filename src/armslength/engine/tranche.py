"""One tranche of a live arrangement at this node: what it does next, by the plan, and how that goes.

`engine.provider` and `engine.recipient` are its two roles. Laws:

1. One action at a time is under way. It does its deed, or makes a statement, which goes on to the writer: nobody is
   called back, and what became of it is told once, to the tranche that asked.
2. Whatever an action needs again after a crash (a one-time key, a wrapped key, a bearer token) is stored before
   anything that rests on it is sent. Secrets lie in the node's database only, whose file is private to its owner.
3. What failed is retried after a growing backoff; a statement that was refused, until the record has grown: every
   refused entry makes the next one larger.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final, TypeVar

from armslength.core.arrangement.bodies import Ack, Body, Commit, Key, Release
from armslength.core.arrangement.state import TrancheState
from armslength.core.arrangement.tables import FINISHED
from armslength.core.arrangement.terms import Tranche
from armslength.core.negotiation import NegotiationState
from armslength.core.transfer import FINAL, Transfer
from armslength.engine.actions import Action, TrancheFacts, next_action
from armslength.engine.approvals import WAITS
from armslength.engine.backoff import Backoff
from armslength.engine.contents import Contents, dataset_id
from armslength.engine.exchange import Exchange
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository
from armslength.engine.troubles import advice
from armslength.engine.writer import Writer
from armslength.errors import ArmslengthError, NotFound, unusable
from armslength.ports import Fetcher, Peers
from armslength.wire.record import decode_leaf

LONGEST_S: Final = 300.0  # before an action that failed is tried again
WHILE_RUNNING_S: Final = 60.0  # what runs says so when it ends
LOOK_S: Final = 5.0  # before an action is looked at again that came to nothing
LOST: Final = "is not here: it must be newer than the copy from which this node was restored"
PORTION: Final = 500  # leaves read at once
AT_PROVIDER: Final = frozenset({Action.NEGOTIATE, Action.REQUEST, Action.DOWNLOAD})

T = TypeVar("T")
log = logging.getLogger(__name__)


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


class LiveTranche(ABC):
    """A tranche in which this node is provider or recipient."""

    def __init__(self, live: LiveArrangement, name: str, tools: TrancheServices) -> None:
        self.live = live
        self.name = name
        self.dataset = dataset_id(live.arrangement, name)
        self._tools = tools
        self._task: asyncio.Task[None] | None = None
        self._failed: dict[Action, Backoff] = {}
        self._refused: dict[Action, int] = {}  # statements: the sealed record's size then
        self._awaited: set[Action] = set()  # that wait for our own officials
        self._standing: DspStanding | None = None  # until it changes
        self._moves = 0  # changes of it so far
        self._is_over = False  # nothing is to be done any more

    # --- what the roles say ----------------------------------------------------------------------------------------

    @abstractmethod
    async def facts(self) -> TrancheFacts:
        """What we know besides the record."""

    @abstractmethod
    async def do(self, action: Action) -> Body | None:
        """Carry out an action, or make the statement that it is. Raises what is in its way."""

    def left_alone(self, action: Action) -> float | None:
        """For how many seconds an action is left alone; None if only the record can move it."""
        if self._refused.get(action) == self.live.record.sealed.size:
            return None
        failed = self._failed.get(action)
        return failed.left if failed else 0.0

    # --- the plan --------------------------------------------------------------------------------------------------

    @property
    def terms(self) -> Tranche:
        """What the terms say of it."""
        return self.live.terms.tranches[self.name]

    @property
    def there(self) -> TrancheState:
        """What the sealed record says of it."""
        return self.live.record.sealed.state.tranches[self.name]

    @property
    def is_running(self) -> bool:
        """Whether an action is under way."""
        return self._task is not None

    @property
    def trouble(self) -> str | None:
        """Why an action does not get through."""
        return next((f"{action}: {backoff.reason}" for action, backoff in self._failed.items()), None)

    def is_awaited(self, action: Action) -> bool:
        """Whether an action waits for our own officials: nobody need wait for it here."""
        return action in self._awaited

    def hurry(self) -> None:
        """What has failed is tried at once: something has changed that is not in the record."""
        self._refused.clear()
        self._awaited.clear()
        for backoff in self._failed.values():
            backoff.end()

    async def next_action(self) -> Action | None:
        """What the sealed record asks of us now."""
        if self._is_over:
            return None
        live, known = self.live, await self.facts()
        state, me, now = live.record.sealed.state, live.record.me.actor, self._tools.recorder.now(live)
        return next_action(live.terms, state, me, self.name, known, now)

    async def turn(self) -> None:
        """Begin what is open, unless something is under way, or it is left alone."""
        action = await self.next_action()
        for other in [each for each in self._failed if each is not action]:
            self._went_well(other)  # or is not asked any more
        if action is not None and not self.is_running and self.left_alone(action) == 0.0:
            self._task = task = asyncio.create_task(self._carry_out(action))
            self._tools.under_way.add(task)
            task.add_done_callback(self._ended)

    async def left(self) -> float | None:
        """For how many seconds what is to be done waits; None if nothing is, or only the record can move it."""
        if self.is_running:
            return WHILE_RUNNING_S
        action = await self.next_action()
        if action is None:
            return None
        seconds = self.left_alone(action)
        return LOOK_S if seconds == 0.0 and action not in self._failed else seconds

    async def _carry_out(self, action: Action) -> None:
        try:
            if action is await self.next_action():  # the turn may have rested on older facts
                said = await self.do(action)
                reason = None if said is None else await self._tools.writer.write(self.live, said)
                if reason is not None:
                    self._refused[action] = self.live.record.sealed.size
                    self._backoff(action).tell(reason)
                    return
            self._went_well(action)
        except Exception as error:  # noqa: BLE001  whatever a peer has sent us: tried again after a while
            self._went_wrong(action, error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self._tools.under_way.discard(task)
        self._tools.repository.on_change(self.live.arrangement)

    def _went_wrong(self, action: Action, error: Exception) -> None:
        known = unusable(error, self._tools.contents.folder) if isinstance(error, OSError) else error
        self._backoff(action).fail(str(known), advice(known))
        if isinstance(known, ArmslengthError) and known.code == WAITS:
            self._awaited.add(action)
            log.info("%s of %s: %s", action, self.name, known)
            return
        unexpected = None if isinstance(known, ArmslengthError) else known
        log.warning("%s of %s: %s", action, self.name, known, exc_info=unexpected)

    def _backoff(self, action: Action) -> Backoff:
        found = self._tools.repository.troubles.at(*self._named(action), longest=LONGEST_S)
        self._failed[action] = found
        return found

    def _went_well(self, action: Action) -> None:
        self._awaited.discard(action)
        if self._failed.pop(action, None) is not None:
            self._tools.repository.troubles.over(*self._named(action))

    def _named(self, action: Action) -> tuple[str, str, str]:
        """An action as a trouble names it: what fails, at whom, in which arrangement."""
        whom = self.terms.provider if action in AT_PROVIDER else ""
        return f"{action} of {self.name}", whom, self.live.arrangement

    # --- what is known ---------------------------------------------------------------------------------------------

    def exchange_moved(self) -> None:
        """A negotiation or transfer has moved on: where it stands is looked at again."""
        self._moves += 1
        self._standing = None

    async def standing(self) -> DspStanding:
        """Where the Dataspace Protocol stands."""
        found = self._standing
        if found is None:
            exchange, before = self._tools.exchange, self._moves
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
            self._is_over = True
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
            leaves = await self._tools.repository.store.leaves(self.live.arrangement, start, stop)
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
