"""The one canonical byte form: JSON by RFC 8785 (JCS), restricted to what our documents hold.

Values are objects, arrays, strings, booleans, null and integers within ±(2^53 − 1). Floats are refused, and keys are
ASCII, so that code-point order and JCS's UTF-16 order agree. Dataclasses are written by field name; a field that is
None is left out, so "absent" has one spelling. `Parts` are written as their root, in hex, or as an object if asked
for the whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from armslength.core.parts import Parts

LARGEST = 2**53 - 1

Json = Any
"""JSON as it is read or written: null, a boolean, a number, a text, a list of such, or a `JsonObject`."""
JsonObject = dict[str, Json]


def names(kind: Any) -> Collection[str]:
    """The fields of a dataclass in order, as its definition holds them: all of them are written."""
    fields: Mapping[str, Any] = kind.__dataclass_fields__
    return fields


def plain(value: Any, *, whole: bool = False) -> Json:
    """Return `value` as plain JSON data. Raises ValueError for anything the canonical form does not hold."""
    kind = value.__class__
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        if not -LARGEST <= value <= LARGEST:
            raise ValueError(f"integer out of range: {value}")
        return value
    if kind is dict:
        return _object(value, whole=whole)
    if kind is tuple or kind is list:
        return [item if item.__class__ is str else plain(item, whole=whole) for item in value]
    if hasattr(kind, "__dataclass_fields__"):
        found = {}
        for name in names(kind):
            item = getattr(value, name)
            if item is not None:
                found[name] = item if item.__class__ is str else plain(item, whole=whole)
        return found
    return _other(value, whole=whole)


def _object(value: Mapping[object, object], *, whole: bool) -> JsonObject:
    found = {}
    for key, item in value.items():
        if not (isinstance(key, str) and key.isascii()):
            raise ValueError(f"key is not an ASCII string: {key!r}")
        found[key] = item if item.__class__ is str else plain(item, whole=whole)
    return found


def _other(value: object, *, whole: bool) -> Json:
    """What is met less often: the name of a state, `Parts`, and whatever else behaves like an object or an array."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Parts) and not whole:
        return value.root(_text).hex()
    if isinstance(value, Mapping):
        return _object(value, whole=whole)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(item, whole=whole) for item in value]
    raise ValueError(f"not representable: {type(value).__name__}")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object, *, whole: bool = False) -> bytes:
    """Return the canonical bytes of plain data or of a dataclass (RFC 8785)."""
    return _ENCODER.encode(plain(value, whole=whole)).encode("utf-8")


def _text(value: object) -> str:
    return _ENCODER.encode(plain(value))


def digest(data: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits, the form in which every document here names another."""
    return hashlib.sha256(data).hexdigest()
