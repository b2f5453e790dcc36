"""What the views read of one placed entry: its place, its author, what it said and what it changed."""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.state import Change
from armslength.core.record.entry import Leaf
from armslength.core.record.replica import Placed


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
    stamped: tuple[tuple[str, int], ...] = ()  # (timekeeper, its time)

    @classmethod
    def of(cls, leaf: Leaf, placed: Placed) -> PlacedEntry:
        """Join a leaf with what placing it gave."""
        return cls(
            index=placed.index,
            entry=placed.entry,
            author=leaf.entry.author,
            type=leaf.entry.type,
            body=leaf.entry.body,
            at=placed.at,
            changes=placed.changes,
            stamped=tuple((stamp.by, stamp.time) for stamp in leaf.stamps),
        )
