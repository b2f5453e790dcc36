"""The audit trail: one line for each thing that somebody did or tried to do at the console, in the node's store. A line
that is written is never written again, and carries the hash of the one before: whoever has noted the last one's hash
can tell whether anything before it was altered or left out."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Final

from armslength.errors import Unavailable
from armslength.ports import AuditChain, AuditLine, Batch, Put, Row, Store

LINE: Final = "console-audit-line"  # kind in the store …
END: Final = "console-audit-end"  # … and that of how many there are, with the last one's hash
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
            row, end = await self._end()
            line = AuditLine(
                number=end.lines + 1,
                at=int(self._now()),
                subject=subject[:LONGEST],
                name=name[:LONGEST],
                action=action[:LONGEST],
                about=about[:LONGEST],
                outcome=outcome[:LONGEST],
                before=end.head,
            )
            body = json.dumps(asdict(line)).encode()
            puts = [
                Put(LINE, _key(line.number), 0, body),
                Put(END, "", row.version if row else 0, f"{line.number} {_hash(body)}".encode()),
            ]
            if not await self._store.commit(Batch(puts=puts)):
                raise Unavailable("busy", "the audit trail was written to by another process; try again")

    async def lines(self, before: int | None = None) -> list[AuditLine]:
        """The last lines before a number, the latest first."""
        if before is None:
            before = (await self._end())[1].lines + 1
        first = max(1, before - PAGE)
        rows = await self._store.find(LINE, start=_key(first), limit=max(0, before - first))
        return [line for row in reversed(rows) if (line := _read(row.body))]

    async def chain(self, *, check: bool = False) -> AuditChain:
        """Where the trail ends. With `check` every line up to there is read, in turn."""
        end = (await self._end())[1]
        head = ""
        for first in range(1, end.lines + 1 if check else 1, PAGE):
            wanted = range(first, min(first + PAGE, end.lines + 1))
            rows = {row.key: row.body for row in await self._store.find(LINE, start=_key(first), limit=len(wanted))}
            for number in wanted:
                body = rows.get(_key(number), b"")
                line = _read(body)
                if line is None or (line.number, line.before) != (number, head):
                    return replace(end, broken=number)
                head = _hash(body)
        return replace(end, broken=end.lines) if check and head != end.head else end

    async def _end(self) -> tuple[Row | None, AuditChain]:
        row = await self._store.get(END, "")
        count, _, head = (row.body.decode() if row else "0").partition(" ")
        return row, AuditChain(int(count), head)


def _read(body: bytes) -> AuditLine | None:
    """A line; None for what we have not written."""
    try:
        return AuditLine(**json.loads(body))
    except (ValueError, TypeError):
        return None


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _key(number: int) -> str:
    return f"{number:012}"
