"""Negotiations and transfers in the store, and the loop that changes one: load, decide, commit, or start again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast
from weakref import WeakValueDictionary

import msgspec

from armslength.core.negotiation import Negotiation
from armslength.core.process import Message, Process
from armslength.core.transfer import Transfer
from armslength.errors import ArmslengthError, NotFound
from armslength.ports import Batch, Put, Send, Store
from armslength.wire import binding, dsp

QUEUE: Final = "dsp/"  # prefix of the queues of our sends; the rest is kind and pid
KEPT: Final = 4096  # records remembered
FEW: Final = 64  # more than there are of one dataset as a rule
KINDS: Final[dict[type[Process], str]] = {Negotiation: "negotiation", Transfer: "transfer"}
_DECODERS: Final[dict[type[Process], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Negotiation, Transfer)
}
_encode = msgspec.json.Encoder().encode

R = TypeVar("R", Negotiation, Transfer)
Gone = Sequence[tuple[str, str]]
"""Kind and key of documents that go."""


@dataclass(frozen=True, slots=True)
class ProcessChange:
    """What one input does: the record after it, what is sent because of it, what else is written, and what goes."""

    record: Negotiation | Transfer
    sends: Sequence[Message] = ()
    puts: Sequence[Put] = ()
    gone: Gone = ()


class Processes:
    """Keeps records under their version. `changed` hears of each new record, and what went for it, after it is durable.

    Changes of one record wait for each other. The last records are remembered: a memory that another process has made
    stale loses the race for the version, and whatever would change nothing is decided again on what is stored.
    """

    def __init__(self, store: Store, wake: Callable[[], None], changed: Callable[[Process, Gone], None]) -> None:
        self._store = store
        self._wake = wake
        self._changed = changed
        self._kept: OrderedDict[tuple[str, str], tuple[Process, int]] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def load(self, kind: type[R], pid: str) -> tuple[R | None, int]:
        """A record and its version; (None, 0) if there is none."""
        row = await self._store.get(KINDS[kind], pid)
        return (None, 0) if row is None else (_DECODERS[kind].decode(row.body), row.version)

    async def find(self, kind: type[Process], pid: str) -> Process | None:
        """A record, of a kind that only its caller knows; what never changes in it may be relied upon."""
        known = self._kept.get((KINDS[kind], pid))
        if known is not None:
            return known[0]
        row = await self._store.get(KINDS[kind], pid)
        return None if row is None else cast(Process, _DECODERS[kind].decode(row.body))

    async def of_dataset(self, kind: type[R], dataset: str) -> list[R]:
        """All records of one kind about a dataset, in the order in which they began."""
        rows = await self._store.find(KINDS[kind], dataset, limit=FEW)
        if len(rows) == FEW:  # there may be more, which is rare
            rows = await self._store.find(KINDS[kind], dataset)
        return [_DECODERS[kind].decode(row.body) for row in sorted(rows, key=lambda row: row.order)]

    async def begin(self, change: ProcessChange) -> bool:
        """Store a new record; False, and nothing done, if the change lost a race."""
        return await self._commit(change, None, 0, None)

    async def change(
        self,
        kind: type[R],
        pid: str,
        decide: Callable[[R | None], Awaitable[ProcessChange] | ProcessChange],
        done: Send | None = None,
        *,
        opening: bool = False,
    ) -> R:
        """Change the record `pid` as `decide` says, and forget the send `done`; returns the record.

        `decide` sees the record, or None, and may be asked more than once. What it raises is passed on. `opening`
        says that there is most probably none yet.
        """
        lock = self._locks.setdefault(pid, asyncio.Lock())
        async with lock:
            place = KINDS[kind], pid
            guess: tuple[Process | None, int] | None = self._kept.get(place, (None, 0) if opening else None)
            if guess is not None:
                change = await self._guessed(decide, guess[0])
                if change is not None and await self._commit(change, *guess, done):
                    return cast(R, change.record)
                self._kept.pop(place, None)
            while True:
                record, version = await self.load(kind, pid)
                change = await _decision(decide(record))
                if await self._commit(change, record, version, done):
                    return cast(R, change.record)

    async def _guessed(
        self, decide: Callable[[Any], Awaitable[ProcessChange] | ProcessChange], record: Process | None
    ) -> ProcessChange | None:
        """What would follow if this is the record; None where only what is stored can tell."""
        try:
            change = await _decision(decide(record))
        except ArmslengthError:
            return None
        return None if change.record == record else change

    async def _commit(self, change: ProcessChange, old: Process | None, version: int, done: Send | None) -> bool:
        record, puts = change.record, list(change.puts)
        place = KINDS[type(record)], record.pid
        if record != old:
            puts.insert(0, Put(*place, version, _encode(record), record.dataset))
        sends = [outgoing(record, message) for message in change.sends]
        if not (puts or sends or done):
            return True
        delivered = () if done is None else (done.id,)
        if not await self._store.commit(Batch(puts=puts, deletes=change.gone, sends=sends, delivered=delivered)):
            return False
        for each in change.gone:
            self._kept.pop(each, None)
        if record != old:
            self._kept[place] = record, version + 1
            self._kept.move_to_end(place)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if sends:
            self._wake()
        if record != old:
            self._changed(record, change.gone)
        return True


async def _decision(decided: Awaitable[ProcessChange] | ProcessChange) -> ProcessChange:
    return await decided if isinstance(decided, Awaitable) else decided


def outgoing(record: Process, message: Message) -> Send:
    """`message` as the outbox holds it: one queue for each process, so that order holds inside it."""
    queue = f"{QUEUE}{KINDS[type(record)]}/{record.pid}"
    return Send(queue=queue, peer=record.peer, url=binding.url(record, message), body=dsp.write(message))


def process_of(send: Send) -> tuple[type[Negotiation] | type[Transfer], str]:
    """The process that a send belongs to, by its queue. Raises NotFound for any other queue."""
    name, _, pid = send.queue.removeprefix(QUEUE).partition("/")
    for kind in (Negotiation, Transfer):
        if send.queue.startswith(QUEUE) and KINDS[kind] == name:
            return kind, pid
    raise NotFound("unknown-queue", "not a queue of this protocol", send.queue)
