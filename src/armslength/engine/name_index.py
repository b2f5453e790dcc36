"""Who appears in which terms: an index over the arrangements that a node is engaged in.

Laws:

1. A row for each DID that terms name, made in the commit in which we engage and gone in the one that undoes it. When
   the arrangement has ended, the rows move from "live" to "ended".
2. Whatever is asked of the index costs what it finds, however many arrangements there are: keys in the store are
   sorted, and what is alike in them lies side by side.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from armslength.core.arrangement.terms import Arrangement
from armslength.ports import Batch, Put, Store

NAMED: Final = "named"  # kind in the store; a key is: DID, live or ended, party or other, token key, arrangement
LIVE, ENDED = "live", "ended"
PARTY, OTHER = "party", "other"
NONE: Final = "-"  # no token key
PORTION: Final = 200  # rows read at once
_AFTER: Final = "!"  # comes right after a blank: the first key that does not begin so


class NameIndex:
    """The index in a store (rule 10.2c)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def token_keys(self, did: str, state: str) -> list[str]:
        """The keys that live (or ended) terms pin for the tokens of this DID, each once, in base64."""
        found = dict[str, None]()
        for role in (PARTY, OTHER):
            prefix = f"{did} {state} {role} "
            start = prefix
            while rows := await self._store.find(NAMED, start=start, limit=1):
                if not rows[0].key.startswith(prefix):
                    break
                key = rows[0].key.removeprefix(prefix).partition(" ")[0]
                found[key] = None
                start = f"{prefix}{key}{_AFTER}"
        found.pop(NONE, None)
        return list(found)

    async def is_party(self, did: str) -> bool:
        """Whether this DID is a party of live terms."""
        return await self._has(f"{did} {LIVE} {PARTY} ")

    async def is_named(self, did: str) -> bool:
        """Whether live terms name this DID."""
        return await self._has(f"{did} {LIVE} ")

    async def _has(self, prefix: str) -> bool:
        rows = await self._store.find(NAMED, start=prefix, limit=1)
        return bool(rows) and rows[0].key.startswith(prefix)

    async def dids(self, prefix: str = "") -> AsyncIterator[str]:
        """Whom live terms name by a DID that begins so, each once."""
        start = prefix
        while rows := await self._store.find(NAMED, start=start, limit=1):
            if not rows[0].key.startswith(prefix):
                return
            did = rows[0].key.partition(" ")[0]
            live = await self._store.find(NAMED, start=f"{did} {LIVE} ", limit=1)
            if live and live[0].key.startswith(f"{did} "):
                yield did
            start = f"{did}{_AFTER}"

    async def naming(self, did: str, place: str = "") -> AsyncIterator[tuple[str, str]]:
        """The arrangements whose terms name this DID, one after another: each with its place among them, from which to
        go on another time."""
        prefix = f"{did} "
        start = prefix + place
        while True:
            rows = await self._store.find(NAMED, start=start, limit=PORTION)
            for row in rows:
                if not row.key.startswith(prefix):
                    return
                yield row.key.removeprefix(prefix), row.key.rpartition(" ")[2]
            if len(rows) < PORTION:
                return
            start = rows[-1].key + "\0"


def named(arrangement: str, terms: Arrangement) -> list[Put]:
    """The rows of live terms."""
    return [Put(NAMED, key, None, b"") for key in _keys(arrangement, terms, LIVE)]


def ended(arrangement: str, terms: Arrangement) -> Batch:
    """What is written once they have ended."""
    puts = [Put(NAMED, key, None, b"") for key in _keys(arrangement, terms, ENDED)]
    return Batch(puts=puts, deletes=[(NAMED, key) for key in _keys(arrangement, terms, LIVE)])


def rows(arrangement: str, terms: Arrangement) -> list[tuple[str, str]]:
    """All rows of these terms, to be deleted."""
    return [(NAMED, key) for state in (LIVE, ENDED) for key in _keys(arrangement, terms, state)]


def _keys(arrangement: str, terms: Arrangement, state: str) -> list[str]:
    found = set[str]()
    for name, actor in terms.actors.items():
        if actor.did:
            role = PARTY if name in terms.parties else OTHER
            key = actor.keys.tokens if actor.keys and actor.keys.tokens else NONE
            found.add(f"{actor.did} {state} {role} {key} {arrangement}")
    return sorted(found)
