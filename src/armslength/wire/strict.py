"""Strict decoding of signed documents: typed, and only in the canonical form.

Bytes are decoded into their dataclass and encoded again; unless that yields the same bytes, they are refused. That
one comparison refuses unknown and duplicate keys, spare whitespace, floats, omitted defaults and every other second
spelling of a document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any, NoReturn, TypeVar, get_args, get_origin

import msgspec

from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    AtTime,
    ClaimIs,
    CleanRun,
    Clear,
    DutyIs,
    Effective,
    Not,
    Operator,
    TrancheIs,
)
from armslength.core.canonical import canonical, names, plain
from armslength.core.parts import Parts
from armslength.errors import Malformed

T = TypeVar("T")

MAX_DEPTH = 32
OPERATORS: dict[str, type[Operator]] = {
    "all": AllOf, "any": AnyOf, "not": Not, "effective": Effective, "time": AtTime,
    "claim": ClaimIs, "run": CleanRun, "duty": DutyIs, "tranche": TrancheIs, "clear": Clear,
}  # fmt: skip
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)  # all that a JSON decoder raises for hostile bytes
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)  # an open string runs to the end: never scanned twice
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_MIDDLE = ord("\\")  # between "[" and "]": a bracket's step is its distance from here


def decode(kind: type[T], data: bytes, limit: int) -> T:
    """The value of `kind` in `data`, at most `limit` bytes. Raises Malformed naming the place that is wrong."""
    check_size(data, limit)
    try:  # into its kind at once: of what does not belong there nothing is made
        value = msgspec.json.decode(data, type=kind, strict=True, dec_hook=_made)
    except msgspec.ValidationError as error:
        raise _bad_field(error) from None
    except UNREADABLE as error:
        raise Malformed("not-json", str(error)) from None
    check_canonical(value, data)
    return value


def check_size(data: bytes, limit: int) -> None:
    """Refuse documents that are too large or nested too deeply, before they are decoded."""
    if len(data) > limit:
        raise Malformed("too-large", f"{len(data)} bytes, at most {limit} are allowed")
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    brackets = _STRING.sub(b"", data).translate(_ALIKE, _NO_BRACKETS)
    depths = accumulate(map(_MIDDLE.__sub__, brackets))  # without a step in Python: bytes come from strangers
    if any(map(MAX_DEPTH.__lt__, depths)):
        raise Malformed("too-deep", f"nested more than {MAX_DEPTH} levels")


def parse(data: bytes) -> Any:
    """Plain data from JSON. Raises Malformed."""
    try:
        return msgspec.json.decode(data)
    except UNREADABLE as error:
        raise Malformed("not-json", str(error)) from None


def convert(kind: type[T], value: Any, place: str = "") -> T:
    """The value of `kind` that plain data describes. Raises Malformed naming the field."""
    try:
        return msgspec.convert(value, kind, strict=True, dec_hook=_made)
    except msgspec.ValidationError as error:
        raise _bad_field(error, place) from None


def exact(kind: type[T], data: bytes) -> T:
    """The value of `kind` in JSON of any spelling, which has no field that `kind` does not have. Raises Malformed."""
    given = parse(data)
    value = convert(kind, given)
    if (place := _surplus(value, given, "")) is not None:
        raise Malformed("unknown-field", "there is no such field", place.lstrip("."))
    return value


def _surplus(value: Any, given: Any, place: str) -> str | None:
    """Where the plain data has a field that the value made of it lacks."""
    if value is None or isinstance(value, (str, int, float)):
        return None
    if hasattr(value, "__dataclass_fields__"):
        extra = next((name for name in given if name not in names(value.__class__)), None)
        if extra is not None:
            return f"{place}.{extra}"
        inner = [(f".{name}", getattr(value, name), item) for name, item in given.items()]
    elif isinstance(value, Mapping):
        inner = [(f".{name}", value[name], item) for name, item in given.items()]
    else:
        inner = [(f"[{index}]", *pair) for index, pair in enumerate(zip(value, given, strict=True))]
    found = (_surplus(mine, theirs, place + step) for step, mine, theirs in inner)
    return next((each for each in found if each is not None), None)


def _bad_field(error: msgspec.ValidationError, place: str = "") -> Malformed:
    reason, *paths = str(error).split(" - at `$")  # the innermost first, where conditions lie in conditions
    return Malformed("bad-field", reason, "".join((place, *reversed(paths))).replace("`", "").lstrip(".") or None)


def _made(kind: Any, value: Any) -> Any:
    """What is no dataclass: a condition, whose class its `op` names, and `Parts[V]`, written as a whole."""
    if kind is Operator:
        op = value.get("op") if isinstance(value, dict) else None
        if not (isinstance(op, str) and op in OPERATORS):
            raise ValueError(f"a condition's op is one of {', '.join(OPERATORS)}")
        try:
            return msgspec.convert(value, OPERATORS[op], strict=True, dec_hook=_made)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None  # so that the place of the condition is told too
    if get_origin(kind) is not Parts or not isinstance(value, dict):
        raise NotImplementedError(f"{kind} is not decoded here")
    return Parts(msgspec.convert(value, dict[str, get_args(kind)[0]], strict=True, dec_hook=_made))  # type: ignore[misc]


def check_canonical(value: Any, data: bytes, write: Callable[[Any], bytes] = canonical) -> None:
    """Refuse `data` unless it is exactly the canonical form of `value`, as `write` writes it (rule 7.2d)."""
    try:
        expected = write(value)
    except ValueError as error:
        raise Malformed("not-canonical", str(error)) from None
    if expected != data:
        _explain(plain(value), data)


def _explain(expected: Any, data: bytes) -> NoReturn:
    """Say where the document and its canonical form part."""
    try:
        given = json.loads(data, object_pairs_hook=_unique)
    except _DuplicateKey as error:
        raise Malformed("not-canonical", "a key appears twice", str(error)) from None
    except ValueError as error:  # in a field that its kind does not have, and so was passed over
        raise Malformed("not-json", str(error)) from None
    place = _difference(expected, given, "")
    raise Malformed("not-canonical", "not in the canonical form", place.lstrip(".") or None)


class _DuplicateKey(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKey(key)
        found[key] = value
    return found


def _difference(expected: Any, given: Any, place: str) -> str:
    if isinstance(expected, dict) and isinstance(given, dict):
        for key in sorted(expected.keys() | given.keys()):
            if key not in expected or key not in given:
                return f"{place}.{key}"
            if found := _difference(expected[key], given[key], f"{place}.{key}"):
                return found
        return ""
    if isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        for index, (left, right) in enumerate(zip(expected, given, strict=True)):
            if found := _difference(left, right, f"{place}[{index}]"):
                return found
        return ""
    same = type(expected) is type(given) and expected == given
    return "" if same else place
