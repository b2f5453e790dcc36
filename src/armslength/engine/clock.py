"""What time it is: the machine's clock, or for arrangements with a simulated clock the one that `clock set` moves.

A time that a node has given never decreases (rule 2.1d): one second of a clock that is a day ahead would silence
it for a day. So a leap of the machine's clock, seen against the one that only counts on, is not followed until another
node says that it is right; until then time goes on as before (rule 11.4d).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final

from armslength.core.arrangement.draft import iso
from armslength.errors import Misuse, Unavailable
from armslength.ports import Batch, Put, Store

KIND, KEY = "clock", "simulated"
STEP_S: Final = 20.0  # a step of the machine's clock that is followed at once: others allow for 60 s
APART_S: Final = 60.0  # between two clocks that agree


class Clocks:
    """`ports.Clock`. The simulated time is stored, never goes back, and begins at 0.

    `wall` is the machine's clock, which may leap; `steady` only counts on, and may stand still while the machine
    sleeps. `leap` is how far the first is ahead of where it should be; `leaps` counts them.
    """

    def __init__(
        self,
        store: Store,
        *,
        development: bool,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._development = development
        self._wall = wall
        self._steady = steady
        self._apart = wall() - steady()  # where the two should stay
        self.leap = 0.0
        self.leaps = 0
        self._simulated = 0
        self._version = 0

    async def load(self) -> None:
        """Read the stored time. Call once, before use."""
        row = await self._store.get(KIND, KEY)
        if row is not None:
            self._simulated, self._version = int(row.body), row.version

    def now(self, *, simulated: bool) -> int:
        """Whole UTC seconds; while the machine's clock has leapt, as if it had not."""
        return self._simulated if simulated else int(self.look())

    def wall(self) -> int:
        """What the machine's clock says, whole UTC seconds."""
        return int(self._wall())

    def look(self) -> float:
        """The time, once it is known whether the machine's clock has leapt."""
        wall, expected = self._wall(), self._steady() + self._apart
        before, self.leap = self.leap, wall - expected
        if abs(self.leap) <= STEP_S:
            self._apart += self.leap
            self.leap = 0.0
            return wall
        if abs(self.leap - before) > STEP_S:
            self.leaps += 1
        return expected

    def believe(self, others: Collection[int]) -> bool:
        """Which of the two clocks goes right, by what others' say: the one that more of them agree with, else the
        earlier, which can still be put right. Whether any agrees with either."""
        expected = self.look()
        wall = expected + self.leap
        with_wall, with_steady = (sum(abs(t - each) <= APART_S for each in others) for t in (wall, expected))
        if self.leap and (with_wall > with_steady or (with_wall == with_steady > 0 and self.leap < 0)):
            self.follow()
        return max(with_wall, with_steady) > 0

    def follow(self) -> None:
        """The machine's clock is right after all."""
        self._apart += self.leap
        self.leap = 0.0

    async def set(self, to: int) -> None:
        """Move the simulated time forward. Raises Misuse if this is not a development node, or the time goes back
        (rule 2.7b)."""
        if not self._development:
            raise Misuse("not-development", "only nodes with `development = true` have a simulated clock")
        if to < self._simulated:
            raise Misuse("clock-back", f"the simulated time is {iso(self._simulated)} already and never goes back")
        if not await self._store.commit(Batch(puts=[Put(KIND, KEY, self._version, str(to).encode())])):
            raise Unavailable("busy", "another process writes to this node's folder")
        self._simulated, self._version = to, self._version + 1
