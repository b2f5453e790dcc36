"""An event loop whose clock stands still while there is work, and jumps to the next timer when there is none.

So days of retries take no time, and with work in threads done in place one seed gives one run. What truly lies
outside (a store with a writer thread) says so with `outside`, and the loop waits for it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 3_000_000  # seconds of the loop's own time: far more than any test needs


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Never waits by itself: it moves the loop's clock instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.loop.waiting:
            return super().select(0.02)
        if timeout is None:
            raise RuntimeError("nothing is left that could happen")
        self.loop.now += timeout
        if self.loop.now > PATIENCE:
            raise RuntimeError("never comes to an end")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual; `run_in_executor` runs at once."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self.now = 0.0
        self.waiting = 0
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  whatever the thread would have raised
            done.set_exception(error)
        return done

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Something outside the loop is at work: its clock waits."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1


def play(story: Coroutine[Any, Any, T]) -> T:
    """Run a story on a virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)
