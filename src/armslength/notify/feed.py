"""The calendar of a node: all open deadlines over all arrangements, at an address that only its owner knows.

Whoever has the address reads it: no calendar program sends a token of ours. It is as long as a key, is shown to the
owner alone, and is revoked or renewed with one command.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final

from armslength.notify.calendar import calendar, entry_of
from armslength.notify.news import REMINDED, Reminded
from armslength.ports import Batch, Put, Store
from armslength.wire.own import BASE
from armslength.wire.strict import convert, parse

FEED: Final = "news-feed"  # kind and key in the store: the secret part of the address
BYTES: Final = 32
FRESH_S: Final = 60.0  # for which what was written is given out again
PAST_S: Final = 7 * 86400  # for which what is overdue stays


class Feed:
    """The calendar of one node."""

    def __init__(self, store: Store, address: str, host: str, wall: Callable[[], float] = time.time) -> None:
        self._store = store
        self._address = address
        self._host = host
        self._wall = wall
        self._written = ("", 0.0)

    async def url(self, *, renew: bool = False, revoke: bool = False) -> str | None:
        """The address; None once it is revoked, or before there is one. A renewed one is another."""
        row = await self._store.get(FEED, FEED)
        token = row.body.decode() if row else ""
        if revoke:
            await self._store.commit(Batch(deletes=[(FEED, FEED)]))
            return None
        if renew:
            token = secrets.token_urlsafe(BYTES)
            await self._store.commit(Batch(puts=[Put(FEED, FEED, None, token.encode())]))
        return f"{self._address}{BASE}/calendar/{token}.ics" if token else None

    async def read(self, token: str) -> str | None:
        """The calendar, for whoever knows its address."""
        row = await self._store.get(FEED, FEED)
        if row is None or not hmac.compare_digest(row.body, token.encode("utf-8", "replace")):
            return None
        text, at = self._written
        if not text or self._wall() - at > FRESH_S:
            text = await self._write()
            self._written = (text, self._wall())
        return text

    async def _write(self) -> str:
        now = int(self._wall())
        entries = []
        for row in await self._store.find(REMINDED):
            found = convert(Reminded, parse(row.body))
            made = (entry_of(row.key, found.title, task, self._host, now) for task in found.open)
            entries += [each for each in made if each is not None and each.at > now - PAST_S]
        return calendar(sorted(entries, key=lambda each: (each.at, each.uid)))
