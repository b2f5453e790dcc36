"""What the views read of one placed entry: its place, its author, what it said and what it changed."""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.state import Change
from armslength.core.record.entry import Entry, entry_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedEntry:
    """One entry at its place in the record. `at` is the entry's time; a change may bear an earlier instant of its own,
    when placing the entry first worked time forward past a deadline."""

    index: int
    entry: str  # the entry's hash
    author: str
    type: str
    body: Body
    at: int
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, index: int, entry: Entry, at: int, changes: tuple[Change, ...]) -> PlacedEntry:
        """From an entry and what placing it gave: a replica's `Placed`, or a step of a verified bundle."""
        name = entry_hash(entry)
        return cls(
            index=index, entry=name, author=entry.author, type=entry.type, body=entry.body, at=at, changes=changes
        )
