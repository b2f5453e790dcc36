"""Checkpoints (c2sp.org/tlog-checkpoint@v1.0.0): origin, size and root of a record, in three lines, and no more."""

from __future__ import annotations

import re
from dataclasses import dataclass

from armslength.core.canonical import LARGEST
from armslength.core.record.keys import from_base64, to_base64
from armslength.core.record.merkle import HASH_SIZE
from armslength.errors import Malformed

ORIGIN = "armslength/1/"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `root` is the RFC 6962 root over the first `size` leaves of the record named by `origin`."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def origin(arrangement: str) -> str:
    """The origin of an arrangement's record; also the name of the keeper's log key."""
    return ORIGIN + arrangement


def parse_checkpoint(text: str, place: str = "checkpoint") -> Checkpoint:
    """The checkpoint in a note's text. Extension lines are refused. Raises Malformed."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise Malformed("bad-checkpoint", "not exactly origin, size and root", place)
    return Checkpoint(lines[0], decimal(lines[1], place), from_base64(lines[2], place, HASH_SIZE))


def decimal(text: str, place: str) -> int:
    """A non-negative decimal without leading zeroes, at most 2^53 − 1. Raises Malformed."""
    if not _DECIMAL.fullmatch(text) or int(text) > LARGEST:
        raise Malformed("bad-number", "not a plain decimal number", place)
    return int(text)
