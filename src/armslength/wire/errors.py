"""How an error is sent, between nodes and from a node to its owner: its status, and a JSON object.

{"error": code, "reason": words}, and "place" where there is one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from armslength.core.canonical import canonical
from armslength.errors import (
    ArmslengthError,
    Malformed,
    Misuse,
    NotFound,
    Refused,
    Stuck,
    Unauthorised,
    Unavailable,
    Uncosigned,
)
from armslength.wire.strict import UNREADABLE

Kinds = Sequence[type[ArmslengthError]]

# What an answer's status is taken for; whatever else is answered is worth asking again.
FROM_PEER: Final[Kinds] = (Malformed, Unauthorised, NotFound, Refused, Uncosigned)
FROM_NODE: Final[Kinds] = (Misuse, Unauthorised, NotFound, Refused, Stuck, ArmslengthError)
MAX_CODE, MAX_REASON, MAX_PLACE = 64, 500, 200  # characters that are taken of what others say


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The body of an error. Its sender may be another program, so every field is optional."""

    error: str | None = None
    reason: str | None = None
    place: str | None = None


def encode_error(error: ArmslengthError) -> bytes:
    """An error as it is sent, beside its `http_status`."""
    return canonical(ErrorBody(error=error.code, reason=error.reason, place=error.place or None))


def decode_error(status: int, data: bytes, kinds: Kinds, place: str | None = None) -> ArmslengthError:
    """The error that an answer with this status and body is; `place` where it names none."""
    try:
        said = msgspec.json.decode(data, type=ErrorBody)
    except UNREADABLE:
        said = ErrorBody()
    kind = next((each for each in kinds if each.status == status), Unavailable)
    code, reason = said.error or f"http-{status}", said.reason or "no reason given"
    return kind(code[:MAX_CODE], reason[:MAX_REASON], (said.place or "")[:MAX_PLACE] or place)
