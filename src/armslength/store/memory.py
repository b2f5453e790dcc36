"""A store in memory: the reference meaning of `ports.Store`. Nothing is durable; everything else is exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from armslength.ports import Batch, Row, Send


class MemoryStore:
    """Keeps `ports.Store`'s promises, except that nothing outlives the process."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {}  # by kind and key
        self._order = 0
        self._leaves: dict[str, tuple[bytes, ...]] = {}
        self._sends: dict[int, tuple[Send, float]] = {}  # by id, which is also the order of arrival
        self._last = 0
        self.generation = 0

    async def get(self, kind: str, key: str) -> Row | None:
        return self._rows.get(kind, {}).get(key)

    async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
        rows = [row for row in self._rows.get(kind, {}).values() if tag in (None, row.tag) and row.key >= start]
        return sorted(rows, key=lambda row: row.key)[: limit if limit >= 0 else None]

    async def commit(self, batch: Batch) -> bool:
        leaves, sends, order, last = dict(self._leaves), dict(self._sends), self._order, self._last
        written = {kind for kind, _ in batch.deletes} | {put.kind for put in batch.puts}
        rows = self._rows | {kind: dict(self._rows.get(kind, {})) for kind in written}
        for put in batch.puts:
            old = rows[put.kind].get(put.key)
            version = old.version if old else 0
            if put.seen not in (None, version):
                return False
            order += 0 if old else 1
            at = old.order if old else order
            rows[put.kind][put.key] = Row(put.kind, put.key, version + 1, put.body, put.tag, at)
        for kind, key in batch.deletes:
            rows[kind].pop(key, None)
        for arrangement, index, leaf in batch.leaves:
            kept = leaves.get(arrangement, ())
            if not 0 <= index <= len(kept):
                raise ValueError(f"leaf {index} would leave a gap: the record has {len(kept)}")
            leaves[arrangement] = (*kept[:index], leaf)
        for send in batch.sends:
            last += 1
            sends[last] = replace(send, id=last), 0.0
        for known in batch.delivered:
            sends.pop(known, None)
        for known, due in batch.retries:
            if known in sends:
                send = sends[known][0]
                sends[known] = replace(send, attempts=send.attempts + 1, due=due), due
        self._rows, self._leaves, self._sends, self._order, self._last = rows, leaves, sends, order, last
        return True

    async def leaves(self, arrangement: str, start: int, stop: int | None = None) -> list[bytes]:
        return list(self._leaves.get(arrangement, ())[start:stop])

    async def due(self, now: float, limit: int, room: Callable[[str], int] | None = None) -> list[Send]:
        heads: dict[str, tuple[Send, float]] = {}
        for send, due in self._sends.values():
            heads.setdefault(send.queue, (send, due))
        by_peer: dict[str, list[Send]] = {}
        for send, due in sorted(heads.values(), key=lambda head: head[1]):
            if due <= now:
                by_peer.setdefault(send.peer, []).append(send)
        found = [send for peer, sends in by_peer.items() for send in sends[: room(peer) if room else limit]]
        return sorted(found, key=lambda send: (send.due, send.id))[:limit]

    async def close(self) -> None:
        """Nothing to finish."""
