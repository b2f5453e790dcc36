"""How often somebody may do something: so many at once, and so many a minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MOST: Final = 4096  # of whom it is known at a time; the longest silent is forgotten


class Rates:
    """A bucket for each key. `now` is a clock that never goes back, in seconds."""

    def __init__(self, now: Callable[[], float], *, at_once: int, a_minute: int) -> None:
        self._now = now
        self._size = float(at_once)
        self._per_s = a_minute / 60
        self._left: dict[str, tuple[float, float]] = {}  # how many are left, and as of when; last used last

    def wait(self, key: str) -> float:
        """Take one: 0.0; or for how many seconds there is none."""
        now = self._now()
        left, at = self._left.pop(key, (self._size, now))
        left = min(self._size, left + (now - at) * self._per_s)
        taken = left >= 1
        self._left[key] = (left - 1 if taken else left), now
        if len(self._left) > MOST:
            del self._left[next(iter(self._left))]
        return 0.0 if taken else (1 - left) / self._per_s
