"""The outbox: what has been committed to be sent is sent, at least once, in order within a queue.

Laws:

1. A send leaves the outbox only in the commit that takes in its result; a crash in between sends it again.
2. One send of a queue is on its way at a time; what comes after it waits.
3. Nobody there, errors of the other side (5xx), and whoever stands before it and lets nobody in (401, 403) are tried
   again, less and less often, until it has been tried so often that it ends. A refusal (any other 4xx) is final and
   reported, except where it may only say that we are early: that is tried again for a bounded time.
4. A commit wakes the loop at once; else it sleeps until the next send is due.
5. A peer holds a few queues only: the more the better it answers, and one while it does not. What waits for one peer
   delays no other.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, Protocol

from armslength.engine.backoff import Backoff, woken_within
from armslength.engine.exchange import freely
from armslength.engine.troubles import Troubles, advice, advise
from armslength.errors import ArmslengthError
from armslength.ports import Batch, Send, Store

QUEUES: Final = 128  # sends on their way at once, …
EACH: Final = 32  # … of which to one peer that answers … (rule 11.1e)
NEW: Final = 4  # … and to one of which that is not known yet
LOOK_S: Final = 0.5  # seconds before the outbox is looked at again where it, or a result, could not be taken in
SLEEP_S: Final = 60.0  # the longest sleep while something waits: the clock may leap
FIRST_S: Final = 0.1  # the first pause after a failure; it doubles
LONGEST_S: Final = 60.0
NOT_KNOWN_YET: Final = frozenset({404, 409})  # "I do not know that yet"
NOT_KNOWN_YET_ATTEMPTS: Final = 8  # about 20 s in all
TRY_LATER: Final = frozenset({408, 425, 429})  # 4xx that say "later" by themselves
NO_ACCESS: Final = frozenset({401, 403, 407})  # said by whoever guards the peer, and not of this message
UNREACHABLE: Final = frozenset({0, 502, 503, 504, *TRY_LATER, *NO_ACCESS})  # from then on it is left alone as a whole
LAST_S: Final = 10 * 86400  # for which a peer may be silent before what is sent to it is given up … (rule 11.3b)
LAST: Final = 20_000  # … and attempts of one send, in about the same time

MESSAGES: Final = "messages of the Dataspace Protocol"

log = logging.getLogger(__name__)


class SendAnswer(Protocol):
    """An answer, as far as it matters here."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


class Sender(Protocol):
    """How sends leave: `net.client.Client.post`. Raises an ArmslengthError where there is no answer."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> SendAnswer: ...


OnResult = Callable[[Send, int, bytes], Awaitable[None]]
"""Takes in a final result, and forgets the send in the same commit."""


class Deliverer:
    """Delivers the outbox. `run` until cancelled; `wake` after a commit that sends something."""

    def __init__(
        self,
        store: Store,
        post: Sender,
        tokens: Callable[[str, str], str],
        on_result: OnResult,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        troubles: Troubles | None = None,
        speak_to: Callable[[str], Awaitable[None]] = freely,
    ) -> None:
        self._speak_to = speak_to
        self._store = store
        self._post = post
        self._tokens = tokens
        self._on_result = on_result
        self._clock = clock
        self._jitter = jitter
        self._woken = asyncio.Event()
        self._busy: dict[str, tuple[str, asyncio.Task[None]]] = {}  # by queue: to which peer
        self._most: dict[str, int] = {}  # queues that a peer may hold, where that is not NEW
        self._troubles = troubles or Troubles()

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
                wait = await self.look()
                await woken_within(self._woken, wait)
        finally:
            await self.stop()

    async def look(self) -> float | None:
        """Put on its way whatever is due and has room; in how many seconds the next is due, None where that does not
        matter before something wakes us."""
        self._woken.clear()
        free = QUEUES - len(self._busy)
        if not free:
            return None
        now = self._clock()
        held = Counter(peer for peer, _ in self._busy.values())
        pauses: list[float] = []

        def room(peer: str) -> int:
            if left := self._backoff(peer).left:
                pauses.append(left)
                return 0
            most = self._most_of(peer)
            return most if held[peer] < most else 0

        try:  # what is on its way is among what is found
            found = await self._store.due(math.inf, 2 * QUEUES, room)
        except Exception:  # whatever it is, the loop lives on and looks again
            log.exception("the outbox cannot be read")
            return LOOK_S
        for send in found:
            if send.due > now:
                pauses.append(send.due - now)
                break
            if send.queue not in self._busy and free and held[send.peer] < self._most_of(send.peer):
                task = asyncio.create_task(self._deliver(send))
                self._busy[send.queue] = (send.peer, task)
                held[send.peer] += 1
                free -= 1
                task.add_done_callback(partial(self._done, send.queue))
        return min([SLEEP_S, *pauses]) if pauses else None

    def _most_of(self, peer: str) -> int:
        """How many queues a peer that answers may hold."""
        return self._most.get(peer, NEW)

    def _backoff(self, peer: str) -> Backoff:
        return self._troubles.at(MESSAGES, peer)

    async def settle(self) -> None:
        """Wait for what is on its way."""
        while self._busy:
            await asyncio.gather(*(task for _, task in self._busy.values()), return_exceptions=True)

    async def stop(self) -> None:
        """Break off what is on its way."""
        for _, task in self._busy.values():
            task.cancel()
        await self.settle()

    def _done(self, queue: str, _: asyncio.Task[None]) -> None:
        del self._busy[queue]
        self._woken.set()  # the next of this queue, or one that found no room

    async def _deliver(self, send: Send) -> None:
        try:
            headers = {"Authorization": self._tokens(send.peer, send.url), "Content-Type": "application/json"}
            try:
                await self._speak_to(send.peer)
                reply = await self._post(send.url, send.body, headers)
                status, body, trouble = reply.status, reply.body, f"answers {reply.status}"
                hint = advise(f"http-{reply.status}")
            except ArmslengthError as error:
                status, body, trouble, hint = 0, b"", error.reason, advice(error)
            self._learn(send.peer, status, trouble, hint)
            if self._is_final(status, send.attempts) or self._has_ended(send):
                self._troubles.over(*_named(send))
                await self._on_result(send, status, body)
                return
            if status not in UNREACHABLE:  # the peer as a whole answers well
                self._troubles.at(*_named(send)).tell(trouble, hint)
            await self._store.commit(Batch(retries=[(send.id, self._clock() + self._wait(send))]))
        except ArmslengthError as error:
            # The result could not be taken in (the store is closed, or full): it stays in the outbox for next time.
            log.warning("delivery of %s to %s: %s", send.queue, send.peer, error)
            self._troubles.at(*_named(send)).tell(error.reason, advice(error))
            await asyncio.sleep(LOOK_S)
        except Exception:
            log.exception("delivery of %s to %s failed", send.queue, send.peer)
            self._troubles.at(*_named(send)).tell("internal error; see the log")
            await asyncio.sleep(LOOK_S)

    def _learn(self, peer: str, status: int, trouble: str, hint: str) -> None:
        """What an answer, or none, says about the peer as a whole."""
        if status in UNREACHABLE:
            if self._backoff(peer).is_over:  # of those that were on their way together the first counts
                self._backoff(peer).fail(trouble, hint)
            self._most[peer] = 1
        else:
            self._backoff(peer).end()
            self._most[peer] = min(EACH, self._most_of(peer) + 1)

    def _has_ended(self, send: Send) -> bool:
        """Whether it has been tried for so long that it is given up."""
        since = self._backoff(send.peer).since
        return send.attempts + 1 >= LAST or bool(since and self._clock() - since > LAST_S)

    def _is_final(self, status: int, attempts: int) -> bool:
        if 200 <= status < 300:
            return True
        if not 400 <= status < 500 or status in TRY_LATER or status in NO_ACCESS:
            return False
        return status not in NOT_KNOWN_YET or attempts + 1 >= NOT_KNOWN_YET_ATTEMPTS

    def _wait(self, send: Send) -> float:
        longest = min(FIRST_S * 2.0 ** min(send.attempts, 16), LONGEST_S)
        return longest * (0.5 + self._jitter() / 2)


def _named(send: Send) -> tuple[str, str]:
    """A send that does not get through, as a trouble names it: what, and at whom."""
    return f"the messages of {send.queue}", send.peer
