"""When each arrangement is to be looked at next: a small stored row for each, which is all that a node reads when it
starts.

Laws:

1. A row says when there is something to do by itself: now (`UNFINISHED`), at an instant, or never.
2. Whatever is committed about an arrangement marks it as unfinished in the same commit, since all commits about
   arrangements go through here. So no crash comes between a change and its mark, and nobody has to think of it.
3. Only who has looked, and found nothing left to do, takes the mark away (`settle`), and only if nothing was committed
   since that look began.
4. Where all that is left waits for peers that cannot be reached, the arrangement is parked: it stays marked in the
   store, and is looked at when one of them answers, its own instant comes, or something is committed.
5. What is marked, or whose instant has come by the clock of its terms, is ripe; so is what is called, because something
   has changed there. Nothing else is looked at.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from armslength.ports import Batch, Clock, Put, Row, Send, Store

SCHEDULE: Final = "schedule"  # kind in the store, by arrangement
UNFINISHED: Final = b""
TO_SIGN: Final = "to-sign"  # tag of those that ask for our signature
NEVER: Final = b"never"
_UNKNOWN: Final = b"?"  # a commit failed half way: the store may hold what stood there before
_REAL, _SIMULATED = b"utc", b"simulated"
_NAME: Final = re.compile("[0-9a-f]{64}")


def row(
    arrangement: str, instant: int | None = None, *, simulated: bool = False, unfinished: bool = False, tag: str = ""
) -> Put:
    """The row of an arrangement that is unfinished, or has nothing to do until this instant of its clock."""
    body = NEVER if instant is None else b"%s %d" % (_SIMULATED if simulated else _REAL, instant)
    return Put(SCHEDULE, arrangement, None, UNFINISHED if unfinished else body, tag)


class Schedule:
    """What is ripe among the arrangements of a node; and `ports.Store` for all that is about them (rule 11.2c)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[str, bytes] = {}  # of all arrangements: what is stored, or on its way there
        self._unfinished: set[str] = set()
        self._moves = Counter[
            str
        ]()  # commits about each that have begun or ended: only ever more, so that no old look passes
        self._parked: dict[str, tuple[bytes, frozenset[str]]] = {}  # until when, as a row says it, and for whom
        self._waiting: dict[str, dict[str, None]] = {}  # the parked ones by whom they wait for, the first ones first
        self._flying = Counter[str]()  # commits about each that are on their way
        self._called: set[str] = set()
        self.woken = asyncio.Event()  # something was called
        self._heaps: dict[bytes, list[tuple[int, str]]] = {_REAL: [], _SIMULATED: []}  # instants; some are outdated

    async def load(self) -> None:
        """Read the rows. Call once, before use."""
        for found in await self._store.find(SCHEDULE):
            self._note(found.key, found.body)

    # --- what is ripe ----------------------------------------------------------------------------------------------

    def __contains__(self, arrangement: str) -> bool:
        """Whether this arrangement is among them."""
        return arrangement in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def unfinished(self) -> list[str]:
        """Those in which something is to be done."""
        return sorted(self._unfinished)

    def was_finished(self, arrangement: str) -> bool:
        """Whether nothing was left to do when it was looked at last, and nothing was committed since."""
        return self._rows.get(arrangement, UNFINISHED) not in {UNFINISHED, _UNKNOWN}

    def ripe(self, clock: Clock) -> list[str]:
        """What is unfinished, or has become so by now."""
        for kind, heap in self._heaps.items():
            now = clock.now(simulated=kind == _SIMULATED) if heap else 0
            while heap and heap[0][0] <= now:
                instant, name = heapq.heappop(heap)
                until, _ = self._parked.get(name, (self._rows.get(name), None))
                if until == b"%s %d" % (kind, instant):
                    self.resume(name)
                    self._unfinished.add(name)
        return sorted(self._unfinished)

    def call(self, arrangement: str = "") -> None:
        """Something has changed in this arrangement, or wherever something is to be done: it is looked at at once."""
        self._called.add(arrangement)
        self.woken.set()

    def called(self) -> set[str]:
        """What was called since this was asked last."""
        called, self._called = self._called, set()
        self.woken.clear()
        return called

    def next_instant(self) -> int | None:
        """The next instant of the machine's clock at which something may become ripe."""
        heap = self._heaps[_REAL]
        return heap[0][0] if heap else None

    def upcoming(self, until: int, limit: int) -> list[str]:
        """A few of those that become ripe by this instant of the machine's clock, the first ones first."""
        found = heapq.nsmallest(limit, self._heaps[_REAL])
        return [name for instant, name in found if instant <= until and name in self._rows]

    def names(self) -> list[str]:
        """All of them."""
        return sorted(self._rows)

    async def mark(self, names: Sequence[str]) -> None:
        """Have these looked at anew."""
        await self.commit(Batch(puts=[row(name, unfinished=True) for name in names if name in self._rows]))

    # --- what waits for peers --------------------------------------------------------------------------------------

    async def park(self, put: Put, since: int, whom: frozenset[str]) -> bool:
        """All that is left to do waits for these peers, or for the instant of `put`. False if something was committed
        meanwhile: look again. Raises Unavailable where the disk fails."""
        name = put.key
        if self._rows.get(name) != UNFINISHED:  # the next process must know that something is left
            await self.settle(row(name, unfinished=True), since)
        if self._moves[name] != since or self._flying[name] or self._rows.get(name) != UNFINISHED:
            return False
        self.resume(name)
        self._unfinished.discard(name)
        self._parked[name] = put.body, whom
        for did in whom:
            self._waiting.setdefault(did, {})[name] = None
        self._push(name, put.body)
        return True

    def resume(self, arrangement: str) -> None:
        """It is looked at again."""
        _, whom = self._parked.pop(arrangement, (b"", None))
        for did in whom or ():
            del self._waiting[did][arrangement]
            if not self._waiting[did]:
                del self._waiting[did]
        if whom is not None:
            self._unfinished.add(arrangement)

    def waited_for(self) -> list[str]:
        """For whom anything waits, by DID."""
        return list(self._waiting)

    def waiting(self, did: str) -> list[str]:
        """What waits for a peer."""
        return list(self._waiting.get(did, ()))

    # --- what was looked at ----------------------------------------------------------------------------------------

    def moves(self, arrangement: str) -> int:
        """What to give to `settle`, taken before the look."""
        return self._moves[arrangement]

    async def settle(self, put: Put, since: int, also: Batch | None = None) -> bool:
        """Take the mark away: `put` says until when nothing is left to do. `also` is committed with it. False if
        something was committed meanwhile: look again. Raises Unavailable where the disk fails."""
        name = put.key
        if self._moves[name] != since or self._flying[name] or name not in self._rows:
            return False
        if self._rows[name] != put.body or also is not None:
            batch = also or Batch()
            self._rows[name] = put.body  # whatever is committed from here on comes after it, with a mark of its own
            done = False
            try:
                done = await self._store.commit(replace(batch, puts=[*batch.puts, put]))
            finally:
                if not done and self._rows.get(name) == put.body:
                    self._note(name, _UNKNOWN)
            if not done or self._moves[name] != since or name not in self._rows:
                return False
        self._flying.pop(name, None)
        self._note(name, put.body)
        return True

    def _note(self, name: str, body: bytes) -> None:
        self._rows[name] = body
        if body in {UNFINISHED, _UNKNOWN}:
            self._unfinished.add(name)
            return
        self._unfinished.discard(name)
        self._push(name, body)

    def _push(self, name: str, body: bytes) -> None:
        if body != NEVER:
            kind, _, instant = body.partition(b" ")
            heapq.heappush(self._heaps[kind], (int(instant), name))

    # --- the store -------------------------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """See `ports.Store`, as for all that follows."""
        return self._store.generation

    async def get(self, kind: str, key: str) -> Row | None:
        return await self._store.get(kind, key)

    async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
        return await self._store.find(kind, tag, start=start, limit=limit)

    async def leaves(self, arrangement: str, start: int, stop: int | None = None) -> list[bytes]:
        return await self._store.leaves(arrangement, start, stop)

    async def due(self, now: float, limit: int, room: Callable[[str], int] | None = None) -> list[Send]:
        return await self._store.due(now, limit, room)

    async def close(self) -> None:
        await self._store.close()

    async def commit(self, batch: Batch) -> bool:
        names = self._touched(batch)
        marks = [name for name in names if self._rows[name] != UNFINISHED]
        for name in names:
            self._moves[name] += 1
            self._flying[name] += 1
            self.resume(name)
        try:
            marked = [row(name, unfinished=True) for name in marks]
            done = await self._store.commit(replace(batch, puts=[*batch.puts, *marked]) if marked else batch)
        finally:
            for name in names:
                self._moves[name] += 1
                self._flying[name] -= 1
        if done:
            self._update(batch, marks)
        return done

    def _update(self, batch: Batch, marks: list[str]) -> None:
        for name in marks:
            if name in self._rows:
                self._note(name, UNFINISHED)
        for put in batch.puts:
            if put.kind == SCHEDULE:
                self._note(put.key, put.body)
        for kind, name in batch.deletes:
            if kind == SCHEDULE:
                self._rows.pop(name, None)
                self.resume(name)
                self._unfinished.discard(name)
                self._moves.pop(name, None)

    def _touched(self, batch: Batch) -> list[str]:
        """The arrangements that a batch is about: those whose hash is in a key or a tag."""
        if not self._rows:
            return []
        texts = [text for put in batch.puts for text in (put.key, put.tag)]
        texts += [key for _, key in batch.deletes]
        found = {name for text in texts for name in _NAME.findall(text)}
        found |= {arrangement for arrangement, _, _ in batch.leaves}
        return sorted(found & self._rows.keys())
