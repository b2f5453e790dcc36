"""The queries of our own paths (`wire.own`): written by whoever asks, read by whoever answers.

Whoever answers may know fewer fields than whoever asks: what is not known is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from armslength.errors import Malformed

Pairs = Iterable[tuple[str, str]]

MOST_DIGITS = 15
START, AUTHOR, ENTRY, KNOWN, FROM = "start", "author", "entry", "known", "from"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavesQuery:
    """From which leaf on."""

    start: int = 0

    def __str__(self) -> str:
        return urlencode({START: self.start})

    @classmethod
    def read(cls, pairs: Pairs) -> Self:
        """Raises Malformed."""
        text = dict(pairs).get(START, "0")
        if not (text.isascii() and text.isdecimal()) or len(text) > MOST_DIGITS:
            raise Malformed("bad-start", "not a number of leaves", START)
        return cls(start=int(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadQuery:
    """Whose last entry, and which entries by their hashes, are to be shown in a head."""

    author: str = ""
    entries: tuple[str, ...] = ()

    def __str__(self) -> str:
        return urlencode([(AUTHOR, self.author), *((ENTRY, name) for name in self.entries)])

    @classmethod
    def read(cls, pairs: Pairs) -> Self:
        """Whatever is asked."""
        found = list(pairs)
        entries = tuple(value for name, value in found if name == ENTRY)
        return cls(author=dict(found).get(AUTHOR, ""), entries=entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingQuery:
    """From which place on the arrangements are to be listed that name the caller, but for those that it knows."""

    start: str = ""
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        return urlencode([*((KNOWN, name) for name in self.known), (FROM, self.start)])

    @classmethod
    def read(cls, pairs: Pairs) -> Self:
        """Whatever is asked."""
        found = list(pairs)
        known = tuple(value for name, value in found if name == KNOWN)
        return cls(start=dict(found).get(FROM, ""), known=known)
