"""Waiting for others no longer than it is worth, and leaving alone for a while whoever does not answer."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

FIRST_S: Final = 0.5  # the first pause; each that follows is twice as long …
LONGEST_S: Final = 10.0  # … up to this one

T = TypeVar("T")


class Pause:
    """Time between attempts that come to nothing, by the loop's clock."""

    def __init__(self) -> None:
        self._length = 0.0
        self._until = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it is time to try again."""
        return asyncio.get_running_loop().time() >= self._until

    def grow(self) -> bool:
        """Begin the next, longer pause; True if it is the first one."""
        first = not self._length
        self._length = min(LONGEST_S, 2 * self._length or FIRST_S)
        self._until = asyncio.get_running_loop().time() + self._length
        return first

    def end(self) -> bool:
        """Begin anew; True if there was a pause to end."""
        had = bool(self._length)
        self._length = self._until = 0.0
        return had


class Pauses:
    """In one arrangement: how long each peer is left alone, and our own entries before they are sent again (`own`)."""

    def __init__(self) -> None:
        self.own = Pause()
        self._peers: defaultdict[str, Pause] = defaultdict(Pause)

    def of(self, actor: str) -> Pause:
        """The pause of a peer."""
        return self._peers[actor]

    def heard(self, actor: str) -> None:
        """A sign of life: if it was silent before, whatever waits is sent to it at once."""
        if self._peers[actor].end():
            self.own.end()


async def in_time(
    tasks: Collection[asyncio.Task[T]], patience: float, linger: float, enough: Callable[[set[asyncio.Task[T]]], bool]
) -> set[asyncio.Task[T]]:
    """Those of `tasks` that end within `patience` seconds, and within `linger` of there being enough of them. The
    others are cancelled; none outlives this call.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
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


async def cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
    """End these tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
