"""One node that takes in the record of a keeper, as the keeper sees it: how far it is, and what it is asked.

One sync of a follower runs at a time; pushes and reminders run in the background, so that whoever is stuck delays
only itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from itertools import accumulate
from typing import Final

from armslength.core.record.entry import Leaf
from armslength.core.record.note import Note, Signature
from armslength.core.record.seal import open_checkpoint
from armslength.engine.backoff import cancelled
from armslength.engine.recorder import Readiness
from armslength.engine.repository import LiveArrangement
from armslength.engine.troubles import advice
from armslength.errors import ArmslengthError, NotFound, Refused, Unavailable
from armslength.ports import Peers, Store
from armslength.wire.own import BASE, MAX_BODY, MAX_LEAVES, decode_synced
from armslength.wire.queries import LeavesQuery
from armslength.wire.record import decode_leaf, encode
from armslength.wire.witness import AddCheckpoint, parse_cosignatures

SLOW: Final = "it is slow to take leaves"
SHOW_S: Final = 15.0  # how long it may take to take in what it lacks

log = logging.getLogger(__name__)


class Follower:
    """A follower in one arrangement. `ended` hears of what ran in the background.

    Where nothing was left to do when the arrangement was opened, it had everything by then; else nothing is known of it
    until it has answered once.
    """

    def __init__(
        self,
        live: LiveArrangement,
        name: str,
        store: Store,
        peers: Peers,
        readiness: Readiness,
        ended: Callable[[str], None],
    ) -> None:
        actor, rested = live.terms.actors[name], live.rested
        self.name = name
        self.cosigned = max(0, (rested or 0) - 1)  # the size of the head that it cosigned last: before the seal
        self.pause = live.backoffs.of(name)
        self.reminder = live.backoffs.reminding(name)
        self._live = live
        self._store = store
        self._peers = peers
        self._readiness = readiness
        self._did, self._address = actor.did or "", actor.address or ""
        self._size = live.record.sealed.size if rested is None else rested  # how many of our sealed leaves it has …
        self._is_sure = rested is not None  # … if that is known
        self._ended = ended
        self._turn = asyncio.Lock()
        self._running: dict[str, asyncio.Task[None]] = {}

    def has(self, size: int) -> bool:
        """Whether it has sealed this many leaves."""
        return not size or (self._is_sure and self._size >= size)

    @property
    def is_running(self) -> bool:
        """Whether something is under way in the background."""
        return bool(self._running)

    # --- in the background -------------------------------------------------------------------------------------

    def push(self) -> None:
        """Bring it up to our last seal, unless that is under way, or it has just failed."""
        if not self.has(self._live.record.sealed.size) and self.pause.is_over:
            self._begin("push", self._push())

    def remind(self, note: Note, size: int) -> None:
        """Ask it to cosign a sealed head still."""
        if self.cosigned < size and self.pause.is_over and self.reminder.is_over:
            self._begin("remind", self._remind(note, size))

    async def stop(self) -> None:
        """End what is under way."""
        await cancelled(list(self._running.values()))

    def _begin(self, what: str, work: Coroutine[None, None, None]) -> None:
        if what in self._running:
            work.close()
            return
        self._running[what] = task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._over(what))

    def _over(self, what: str) -> None:
        self._running.pop(what, None)
        self._ended(self._live.arrangement)

    async def _push(self) -> None:
        try:
            while not self.has(size := self._live.record.sealed.size):
                await self.show(size)
        except ArmslengthError as error:
            log.info("%s: %s lacks leaves: %s", self._live.arrangement[:12], self.name, error)

    async def _remind(self, note: Note, size: int) -> None:
        try:
            await self.cosign(note, size)
            self.reminder.end()
        except ArmslengthError as error:
            self.reminder.fail(str(error), advice(error))
            log.info("%s: %s does not cosign: %s", self._live.arrangement[:12], self.name, error)

    # --- requests ----------------------------------------------------------------------------------------------

    async def show(self, size: int) -> list[Leaf]:
        """Bring it up to `size`; what it has stamped and misses in them. Raises Unavailable or what it answered;
        then it is left alone for a while.
        """
        try:
            async with asyncio.timeout(SHOW_S), self._turn:
                missing = await self._bring(size)
        except TimeoutError:
            self.pause.late(SLOW, SHOW_S)
            raise Unavailable("slow", f"{self.name} is slow to take leaves", self.name) from None
        except ArmslengthError as error:
            self.pause.fail(error)
            raise
        except Exception as error:
            self.pause.here.fail("it gives an unexpected answer")
            log.exception("%s: unexpected answer of %s", self._live.arrangement[:12], self.name)
            raise Unavailable("unexpected", f"{self.name} gives an unexpected answer", self.name) from error
        self._live.backoffs.answered(self.name)
        return missing

    async def _bring(self, size: int) -> list[Leaf]:
        """Sealed leaves first, in portions that each end in a seal or at `size`."""
        live, back = self._live, False
        while True:
            start = self._size
            path = f"{BASE}/sync/{live.arrangement}?{LeavesQuery(start=start)}"
            answer = decode_synced(await self._post(path, await self._portion(start, size)))
            self._size, self._is_sure = min(answer.sealed, live.record.sealed.size), True
            if answer.sealed > self._size:
                await self._readiness.doubt(live, f"{self.name} has {answer.sealed} sealed leaves", proven=False)
            if answer.size >= size and (self.has(size) or size > live.record.sealed.size):
                return [decode_leaf(line.encode()) for line in answer.missing[:MAX_LEAVES]]
            if answer.sealed <= start and (back or answer.sealed == start):
                raise Unavailable("stuck", f"{self.name} does not take leaves from {start} on", self.name)
            back = back or answer.sealed < start

    async def _portion(self, start: int, size: int) -> bytes:
        """Leaves from `start` on, as many as go into one message: at least up to the next seal, or to `size`."""
        live, stop = self._live, min(size, start + MAX_LEAVES)
        async with live.lock:
            sealed = live.record.sealed.size
            tail = live.record.tail[max(0, start - sealed) : max(0, stop - sealed)]
        stored = await self._store.leaves(live.arrangement, start, min(stop, sealed)) if start < sealed else []
        lines = [*stored, *(encode(leaf) for leaf in tail)]
        sizes = accumulate(len(line) + 1 for line in lines)
        return b"".join(line + b"\n" for line, total in zip(lines, sizes, strict=True) if total <= MAX_BODY)

    async def cosign(self, note: Note, size: int) -> tuple[Signature, ...]:
        """Its answer to add-checkpoint; once more if it has cosigned another head last than we thought."""
        for last_try in (False, True):
            old = self.cosigned
            proof = tuple(self._live.record.view.consistency(old, size)) if 0 < old < size else ()
            body = AddCheckpoint(old, proof, note).encode().encode()
            try:
                answer = await self._post(f"{BASE}/add-checkpoint", body)
                self.cosigned = size
                return parse_cosignatures(answer.decode("utf-8", "replace"))
            except Refused:
                self.cosigned = await self._last_cosigned()
                if self.cosigned > self._live.record.fixed:
                    word = f"a head of {self.cosigned} leaves that we have signed"
                    await self._readiness.doubt(self._live, word, proven=True)
                if last_try or self.cosigned == old:
                    raise
        return ()

    async def _last_cosigned(self) -> int:
        """The size of the head that it cosigned last."""
        try:
            note = await self._peers.get(self._did, self._address, f"{BASE}/cosigned/{self._live.arrangement}")
        except NotFound:
            return 0
        return open_checkpoint(self._live.record.sealed.roster, note).checkpoint.size

    async def _post(self, path: str, body: bytes) -> bytes:
        answer = await self._peers.post(self._did, self._address, path, body)
        self.pause.heard()
        return answer
