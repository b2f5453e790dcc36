"""Which keys of a caller's tokens terms pin.

Laws (rule 8.2b):

1. In a request about one arrangement, its own terms decide: what they pin for a DID counts there, and nothing else. So
   terms that pin a false key under somebody's name open no record but their own.
2. In a request that proposes something, the DID's own document decides: who writes terms may pin any key in them under
   any name, and neither speaks in that name elsewhere nor keeps its owner from speaking.
3. In any other request, the keys in living terms that we are engaged in will do: what it leads to is judged once more
   by the terms that it is about. Where only terms that have ended pin a key, it still counts (messages come late),
   beside the DID's own document, so that who has a new key since then can speak.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from armslength.core.record.keys import from_base64
from armslength.engine import name_index
from armslength.engine.repository import LiveArrangement, Repository
from armslength.errors import NotFound

ITSELF: Final = "itself"  # in place of an arrangement: a request in which the sender speaks for its DID as such


@dataclass(frozen=True, slots=True)
class Pins:
    """Public keys, and whether the DID's own document counts beside them."""

    keys: tuple[bytes, ...]
    document: bool


async def pins(repository: Repository, did: str, about: str) -> Pins:
    """What terms pin for this DID in a request about an arrangement ("" or unknown: about none of ours), or ITSELF."""
    if about == ITSELF:
        return Pins((), document=True)
    try:
        here = _keys(did, [await repository.open(about)]) if about else None
    except NotFound:
        here = None
    if here is not None:
        return Pins(here, document=not here)
    live = await repository.names.token_keys(did, name_index.LIVE)
    if live:
        return Pins(_decoded(live), document=False)
    return Pins(_decoded(await repository.names.token_keys(did, name_index.ENDED)), document=True)


def _keys(did: str, where: Iterable[LiveArrangement]) -> tuple[bytes, ...]:
    found = {
        actor.keys.tokens: None
        for live in where
        for actor in live.terms.actors.values()
        if actor.did == did and actor.keys is not None and actor.keys.tokens is not None
    }
    return _decoded(found)


def _decoded(keys: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(from_base64(key, "tokens") for key in keys)
