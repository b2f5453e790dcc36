"""What time it is: the machine's clock, or for arrangements with a simulated clock the one that `clock set` moves."""

from __future__ import annotations

import time

from armslength.core.arrangement.draft import iso
from armslength.errors import Misuse, Unavailable
from armslength.ports import Batch, Put, Store

KIND, KEY = "clock", "simulated"


class Clocks:
    """`ports.Clock`. The simulated time is stored, never goes back, and begins at 0."""

    def __init__(self, store: Store, *, development: bool) -> None:
        self._store = store
        self._development = development
        self._simulated = 0
        self._version = 0

    async def load(self) -> None:
        """Read the stored time. Call once, before use."""
        row = await self._store.get(KIND, KEY)
        if row is not None:
            self._simulated, self._version = int(row.body), row.version

    def now(self, *, simulated: bool) -> int:
        """Whole UTC seconds."""
        return self._simulated if simulated else int(time.time())

    async def set(self, to: int) -> None:
        """Move the simulated time forward. Raises Misuse if this is not a development node, or the time goes back."""
        if not self._development:
            raise Misuse("not-development", "only nodes with `development = true` have a simulated clock")
        if to < self._simulated:
            raise Misuse("clock-back", f"the simulated time is {iso(self._simulated)} already and never goes back")
        if not await self._store.commit(Batch(puts=[Put(KIND, KEY, self._version, str(to).encode())])):
            raise Unavailable("busy", "another process writes to this node's folder")
        self._simulated, self._version = to, self._version + 1
