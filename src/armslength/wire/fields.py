"""Strict reading of plain JSON objects: every error names the field, as in `offer.permission[0].action`."""

from __future__ import annotations

from typing import Any

from armslength.errors import Malformed


def missing(place: str) -> Malformed:
    """The error for a field that is required."""
    return Malformed("missing-field", "required, but not there", place)


def wrong(place: str, expected: str) -> Malformed:
    """The error for a field that has a wrong value."""
    return Malformed("wrong-field", f"must be {expected}", place)


def join(place: str, name: str) -> str:
    """The name of a field inside another."""
    return f"{place}.{name}" if place else name


def mapping(value: Any, place: str) -> dict[str, Any]:
    """`value` as an object."""
    if not isinstance(value, dict):
        raise wrong(place, "an object")
    return value


def text(source: dict[str, Any], name: str, place: str = "") -> str:
    """A required, non-empty string."""
    value = source.get(name)
    if value is None:
        raise missing(join(place, name))
    if not isinstance(value, str) or not value:
        raise wrong(join(place, name), "a non-empty string")
    return value


def maybe_text(source: dict[str, Any], name: str, place: str = "") -> str | None:
    """An optional string; null counts as absent."""
    return None if source.get(name) is None else text(source, name, place)


def items(source: dict[str, Any], name: str) -> list[Any]:
    """An optional list; a single value counts as a list of one, as the compact form allows."""
    value = source.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
