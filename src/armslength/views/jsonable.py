"""The views' values as plain JSON data: dataclasses by field name, fractions as numbers with three decimals."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from armslength.core.canonical import Json

# Valid in JSON as they are, but a terminal obeys them, a line of a log breaks at them, or no encoding has them.
_RAW = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def json_text(value: object, indent: int | None = 2) -> str:
    """The JSON text of a value, in which no control or direction character stands as itself."""
    text = json.dumps(jsonable(value), ensure_ascii=False, indent=indent)
    return _RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def jsonable(value: object) -> Json:
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
