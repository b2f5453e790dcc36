"""The views' values as plain JSON data: dataclasses by field name, fractions as numbers with three decimals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any


def jsonable(value: Any) -> Any:
    """Return `value` as data that any JSON encoder takes."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else round(float(value), 3)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [jsonable(item) for item in value]
    raise TypeError(f"not JSON-able: {type(value).__name__}")
