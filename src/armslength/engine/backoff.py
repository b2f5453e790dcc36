"""Waiting for others no longer than it is worth, and leaving alone for a while whoever does not answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar

FIRST_S: Final = 0.5  # the first pause; each that follows is twice as long …
LONGEST_S: Final = 60.0  # … up to this one

T = TypeVar("T")
Chance = Callable[[], float]
"""A number in [0, 1): whoever failed together does not come back together."""


def loop_time() -> float:
    """Seconds by the running loop's clock."""
    return asyncio.get_running_loop().time()


class Backoff:
    """What is left alone after it has failed, by the loop's clock, and what is said of it meanwhile.

    Each pause is twice as long as the one before, up to `longest` seconds; chance takes up to half of it. `reason` is
    the last failure in words ("": nothing to tell), `advice` what the owner can do, `since` the first of these failures
    in UNIX seconds, and `attempts` how many there were.
    """

    __slots__ = (
        "_chance",
        "_clock",
        "_length",
        "_longest",
        "_moment",
        "_until",
        "advice",
        "attempts",
        "reason",
        "since",
    )

    def __init__(
        self,
        *,
        longest: float = LONGEST_S,
        chance: Chance = random.random,
        clock: Callable[[], float] = time.time,
        moment: Callable[[], float] = loop_time,
    ) -> None:
        self._longest = longest
        self._moment = moment
        self._chance = chance
        self._clock = clock
        self._length = self._until = 0.0
        self.reason = self.advice = ""
        self.since = self.attempts = 0

    @property
    def is_over(self) -> bool:
        """Whether it is time to try again."""
        return not self.left

    @property
    def is_idle(self) -> bool:
        """Whether nothing has failed since the last success."""
        return not self._length and not self.reason

    def grow(self) -> None:
        """Begin the next, longer pause."""
        self._length = min(self._longest, 2 * self._length or FIRST_S)
        self._until = self._moment() + self._length * (0.5 + self._chance() / 2)

    def fail(self, reason: str, advice: str = "") -> None:
        """It has failed: begin the next pause, and say why."""
        self.grow()
        self.tell(reason, advice)

    @property
    def left(self) -> float:
        """For how many seconds it is left alone still."""
        return max(0.0, self._until - self._moment()) if self._until else 0.0

    def tell(self, reason: str, advice: str = "") -> None:
        """Say why what is left alone has failed; with "", that there is nothing to tell."""
        self.since = (self.since or int(self._clock())) if reason else 0
        self.attempts = self.attempts + 1 if reason else 0
        self.reason, self.advice = reason, advice

    def end(self) -> bool:
        """It went well, or may go well now: start over. True if there was a pause to end."""
        had = bool(self._length)
        self._length = self._until = 0.0
        self.tell("")
        return had


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that is to be done in so many seconds; or once `whom`, a peer by its DID, can be reached."""

    seconds: float
    whom: str | None = None


async def in_time(
    tasks: Collection[asyncio.Task[T]], longest: float, linger: float, enough: Callable[[set[asyncio.Task[T]]], bool]
) -> set[asyncio.Task[T]]:
    """Those of `tasks` that end within `longest` seconds, and within `linger` of there being enough of them. The
    others are cancelled; none outlives this call.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + longest
    done: set[asyncio.Task[T]] = set()
    pending: set[asyncio.Task[T]] = set(tasks)
    try:
        while pending and loop.time() < until:
            ended, pending = await asyncio.wait(pending, timeout=until - loop.time(), return_when="FIRST_COMPLETED")
            done |= ended
            if pending and ended and enough(done):
                until = min(until, loop.time() + linger)
    finally:
        await cancelled(pending)
    return done


async def woken_within(woken: asyncio.Event, seconds: float | None) -> bool:
    """Wait until woken, or for so long (None: for as long as it takes); whether woken."""
    if seconds is None:
        return await woken.wait()
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        pass
    return woken.is_set()


async def cancelled(tasks: Collection[asyncio.Task[T]]) -> None:
    """End these tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
