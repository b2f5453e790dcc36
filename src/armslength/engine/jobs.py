"""Long work on files: in threads of its own, with how far it has come, and broken off when the node stops.

A thread cannot be ended from outside, so the work says how far it is as it goes, and that call is where it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from armslength.errors import Stuck

AT_ONCE: Final = 2  # jobs under way; more wait, and disks are no faster for it

T = TypeVar("T")
Tell = Callable[[int], None]
"""Called by the work with the bytes that are done; raises BrokenOff when it shall end."""


class BrokenOff(Exception):
    """The work shall not go on."""


class Progress:
    """How far a piece of work has come, in bytes; `tell` is for its thread, the rest for everybody else."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._broken = False

    def tell(self, done: int) -> None:
        """So many bytes are done. Raises BrokenOff."""
        if self._broken:
            raise BrokenOff
        self.done = done

    def break_off(self) -> None:
        """The work ends where it next says how far it is."""
        self._broken = True


async def aside(work: Callable[[Tell], T], progress: Progress, pool: ThreadPoolExecutor | None = None) -> T:
    """Do blocking work in a thread and see it end, also when cancelled: its files are its own until then."""
    running = asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(pool, work, progress.tell))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        progress.break_off()
        if not running.done():
            await asyncio.wait([running])
        running.exception()  # nobody else asks for it
        raise


class Job(Generic[T]):
    """Work that goes on whoever waits for it. `what` says what it is of, to tell one wish from another."""

    def __init__(self, what: object, progress: Progress, task: asyncio.Task[T]) -> None:
        self.what = what
        self.progress = progress
        self._task = task

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self._task.done()

    async def wait(self, seconds: float) -> bool:
        """Wait for its end, no longer than this; whether it has ended."""
        return bool((await asyncio.wait([self._task], timeout=seconds))[0])

    async def result(self) -> T:
        """What came of it, once it has ended. Raises what it raised, and Stuck where it was broken off."""
        await asyncio.wait([self._task])
        if self._task.cancelled():
            raise Stuck("stopped", "the node was stopped before it had finished, and nothing was kept; try again")
        return self._task.result()

    async def stop(self) -> None:
        """Break it off, and wait until it has ended."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
