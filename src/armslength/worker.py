"""The outbox: what has been committed to be sent is sent, at least once, in order within a lane.

Laws:

1. A send leaves the outbox only in the commit that takes in its result; a crash in between sends it again.
2. One send of a lane is on its way at a time; what comes after it waits.
3. Nobody there, and errors of the other side (5xx), are tried again for as long as it takes. A refusal (4xx) is
   final and reported, except where it may only say that we are early: that is tried again for a bounded time.
4. A commit wakes the loop at once; the clock finds what a crash or another process left behind.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, Protocol

from armslength.errors import ArmslengthError
from armslength.ports import Batch, Send, Store

LANES: Final = 64  # sends on their way at once
LOOK_S: Final = 0.5  # seconds between looks at the outbox when nothing wakes us
FIRST_S: Final = 0.1  # the first pause after a failure; it doubles
LONGEST_S: Final = 60.0
EARLY: Final = frozenset({404, 409})  # "I do not know that yet"
EARLY_ATTEMPTS: Final = 8  # about 20 s in all
PASSING: Final = frozenset({408, 425, 429})  # 4xx that say "later" by themselves

log = logging.getLogger(__name__)


class Posted(Protocol):
    """An answer, as far as it matters here."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


class Post(Protocol):
    """How sends leave: `net.client.Client.post`. Raises an ArmslengthError where there is no answer."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted: ...


OnResult = Callable[[Send, int, bytes], Awaitable[None]]
"""Takes in a final result, and forgets the send in the same commit."""


class Deliverer:
    """Delivers the outbox. `run` until cancelled; `wake` after a commit that sends something."""

    def __init__(
        self,
        store: Store,
        post: Post,
        tokens: Callable[[str, str], str],
        on_result: OnResult,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._post = post
        self._tokens = tokens
        self._on_result = on_result
        self._clock = clock
        self._jitter = jitter
        self._woken = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self.troubles: dict[str, str] = {}  # lane -> why its first send does not get through

    def wake(self) -> None:
        """Look at the outbox as soon as what is running has had its turn (so that an answer goes out first)."""
        self._woken.set()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way and nothing has asked us to look."""
        return not self._busy and not self._woken.is_set()

    async def run(self) -> None:
        """Deliver until cancelled; what is on its way then is broken off, and sent again another time."""
        try:
            while True:
                await self.look()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            await self.stop()

    async def look(self) -> None:
        """Put on its way whatever is due and has room."""
        self._woken.clear()
        if len(self._busy) >= LANES:
            return
        try:
            due = await self._store.due(self._clock(), 2 * LANES)
        except Exception:  # whatever it is, the loop lives on and looks again
            log.exception("the outbox cannot be read")
            return
        for send in due:
            if send.lane not in self._busy and len(self._busy) < LANES:
                task = asyncio.create_task(self._deliver(send))
                self._busy[send.lane] = task
                task.add_done_callback(partial(self._done, send.lane))

    async def settle(self) -> None:
        """Wait for what is on its way."""
        while self._busy:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Break off what is on its way."""
        for task in self._busy.values():
            task.cancel()
        await self.settle()

    def _done(self, lane: str, _: asyncio.Task[None]) -> None:
        del self._busy[lane]
        self._woken.set()  # the next of this lane, or one that found no room

    async def _deliver(self, send: Send) -> None:
        try:
            headers = {"Authorization": self._tokens(send.peer, send.url), "Content-Type": "application/json"}
            try:
                reply = await self._post(send.url, send.body, headers)
                status, body, trouble = reply.status, reply.body, f"answers {reply.status}"
            except ArmslengthError as error:
                status, body, trouble = 0, b"", error.reason
            if self._is_final(status, send.attempts):
                self.troubles.pop(send.lane, None)
                await self._on_result(send, status, body)
                return
            self.troubles[send.lane] = trouble
            await self._store.commit(Batch(retries=[(send.id, self._clock() + self._pause(send))]))
        except ArmslengthError as error:
            # The result could not be taken in (the store is closed, or full): it stays in the outbox for next time.
            log.warning("delivery of %s to %s: %s", send.lane, send.peer, error)
            self.troubles[send.lane] = error.reason
            await asyncio.sleep(LOOK_S)
        except Exception:
            log.exception("delivery of %s to %s failed", send.lane, send.peer)
            self.troubles[send.lane] = "internal error; see the log"
            await asyncio.sleep(LOOK_S)

    def _is_final(self, status: int, attempts: int) -> bool:
        if 200 <= status < 300:
            return True
        if not 400 <= status < 500 or status in PASSING:
            return False
        return status not in EARLY or attempts + 1 >= EARLY_ATTEMPTS

    def _pause(self, send: Send) -> float:
        longest = min(FIRST_S * 2.0 ** min(send.attempts, 16), LONGEST_S)
        return longest * (0.5 + self._jitter() / 2)
