"""The state's root: what a seal, and everyone who verifies one, says the state to be.

It is the SHA-256 of the state's canonical JSON in which each `Parts` stands as its own root, in hex. So a step costs
what it changes: every value and every part that it leaves alone is written and hashed once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.encoder import encode_basestring

from armslength.core.arrangement.state import Memoised, State
from armslength.core.canonical import Json, digest, names
from armslength.core.parts import Parts


def state_root(state: State) -> str:
    """The root of the state, as 64 hex digits (rule 1.6b)."""
    whole = (
        f'{{"allegations":"{state.allegations.root(_encode).hex()}"',
        f'"arrangement":{_text(state.arrangement)}',
        f'"claims":{_texts(state.claims)}',
        f'"clock":{_encode(state.clock)}',
        f'"duties":{_texts(state.duties)}',
        f'"tranches":{_texts(state.tranches)}}}',
    )
    return digest(",".join(whole).encode())


def _texts(values: Mapping[str, Memoised]) -> str:
    return "{" + ",".join([f"{encode_basestring(key)}:{_text(values[key])}" for key in sorted(values)]) + "}"


def _text(value: Memoised) -> str:
    try:
        return value.written
    except AttributeError:
        text = _encode(value)
        object.__setattr__(value, "written", text)
        return text


def _plain(value: object) -> Json:
    if isinstance(value, Parts):
        return value.root(_encode).hex()
    return {name: item for name in names(value.__class__) if (item := getattr(value, name)) is not None}


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode
