"""What a keeper has refused for good, in one arrangement.

The first answer stands: a refused entry is never placed, even where it would be valid later. Its author may have said
something else in its place since, and whoever kept a copy could bring it back against the author's will. A refusal is
forgotten once another entry has its number, since then it can never be placed anyway.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from armslength.core.canonical import canonical
from armslength.core.record.entry import Entry, Refusal
from armslength.ports import Put, Row
from armslength.wire.strict import convert, parse

KIND = "refusal"
EACH = 256  # kept for one author; the next entry that is not valid gets no signed answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A refusal, and whose entry with which number it is about."""

    author: str
    number: int
    refusal: Refusal


class Refusals:
    """The refusals by entry hash. `puts` and `deletes` are what is to be stored before anyone hears of it."""

    def __init__(self, arrangement: str, rows: Iterable[Row] = ()) -> None:
        self._arrangement = arrangement
        found = (convert(Declined, parse(row.body)) for row in rows)
        self._known = {each.refusal.entry: each for each in found}
        self.puts: list[Put] = []
        self.deletes: list[tuple[str, str]] = []

    def get(self, entry: str) -> Refusal | None:
        """Our refusal of the entry with this hash."""
        found = self._known.get(entry)
        return None if found is None else found.refusal

    def add(self, entry: Entry, refusal: Refusal, next_number: int) -> bool:
        """Keep a refusal; False if this author has had too many. `next_number` is the author's next in the record."""
        theirs = [each for each in self._known.values() if each.author == entry.author]
        for each in theirs:
            if each.number < next_number:
                del self._known[each.refusal.entry]
                self.deletes.append((KIND, self._key(each.refusal.entry)))
        if entry.author_seq < next_number:
            return True
        if sum(each.number >= next_number for each in theirs) >= EACH:
            return False
        declined = Declined(author=entry.author, number=entry.author_seq, refusal=refusal)
        self._known[refusal.entry] = declined
        self.puts.append(Put(KIND, self._key(refusal.entry), 0, canonical(declined), self._arrangement))
        return True

    def saved(self) -> None:
        """What was to be stored is stored."""
        self.puts, self.deletes = [], []

    def _key(self, entry: str) -> str:
        return f"{self._arrangement}/{entry}"
