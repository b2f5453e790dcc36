"""The audit trail: one line for each thing that somebody did or tried to do at the console, in the node's store. A line
that is written is never written again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from armslength.errors import Unavailable
from armslength.ports import AuditLine, Batch, Put, Store

LINE: Final = "console-audit"  # kind in the store …
COUNT: Final = "console-audit-count"  # … and that of how many there are
PAGE: Final = 50
LONGEST: Final = 300  # characters of a field


class AuditTrail:
    """`ports.Audit` over a store. `now`: UTC seconds."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._writing = asyncio.Lock()

    async def note(self, subject: str, name: str, action: str, about: str, outcome: str) -> None:
        """Keep a line."""
        async with self._writing:
            row = await self._store.get(COUNT, "")
            line = AuditLine(
                number=int(row.body) + 1 if row else 1,
                at=int(self._now()),
                subject=subject[:LONGEST],
                name=name[:LONGEST],
                action=action[:LONGEST],
                about=about[:LONGEST],
                outcome=outcome[:LONGEST],
            )
            puts = [
                Put(LINE, _key(line.number), 0, json.dumps(asdict(line)).encode()),
                Put(COUNT, "", row.version if row else 0, str(line.number).encode()),
            ]
            if not await self._store.commit(Batch(puts=puts)):
                raise Unavailable("busy", "the audit trail was written to by another process; try again")

    async def lines(self, before: int | None = None) -> list[AuditLine]:
        """The last lines before a number, the latest first."""
        if before is None:
            row = await self._store.get(COUNT, "")
            before = int(row.body) + 1 if row else 1
        first = max(1, before - PAGE)
        rows = await self._store.find(LINE, start=_key(first), limit=max(0, before - first))
        return [AuditLine(**json.loads(row.body)) for row in reversed(rows)]


def _key(number: int) -> str:
    return f"{number:012}"
