"""A folded record: what views of the past rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.replica import Replica
from armslength.views.placed import PlacedEntry
from armslength.wire.manage import SealedRecord
from armslength.wire.record import decode_leaf
from armslength.wire.terms_json import decode_terms


@dataclass(frozen=True, slots=True)
class History:
    """The terms, every entry with what it changed, and the state after the last."""

    terms: Arrangement
    state: State
    placed: tuple[PlacedEntry, ...]


class GrowingHistory:
    """A history that takes further leaves at its end."""

    def __init__(self, terms: Arrangement) -> None:
        self._replica = Replica.start(terms)
        self._placed: list[PlacedEntry] = []

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return len(self._placed)

    def take(self, lines: Sequence[str]) -> History:
        """The history with these leaves, one text line each. Raises what an invalid leaf raises."""
        for line in lines:
            leaf = decode_leaf(line.encode())
            done = self._replica.place(leaf)
            self._placed.append(PlacedEntry.of(done.index, leaf.entry, done.at, done.changes))
        return History(self._replica.terms, self._replica.state, tuple(self._placed))


def history_of_leaves(answer: SealedRecord) -> History:
    """The history of a node's sealed leaves."""
    return GrowingHistory(decode_terms(answer.document.encode())).take(answer.leaves)
