"""What a keeper has finally refused, in one arrangement.

The first answer stands (rule 1.2d): a refused entry is never placed, even where it would be valid later. Its author may
have said something else in its place since, and whoever kept a copy could bring it back against its will. A refusal is
forgotten once the entry can never be placed anyway: another has its number, or stands where it names its predecessor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from armslength.core.canonical import canonical
from armslength.core.record.entry import Entry, Refusal
from armslength.ports import Put, Row
from armslength.wire.own import NumberedRefusal
from armslength.wire.strict import convert, parse

KIND = "refusal"
EACH = 512  # kept for one author; the next entry that is not valid gets no signed answer


class Refusals:
    """The refusals by entry hash. `puts` and `deletes` are what is to be stored before anyone hears of it."""

    def __init__(self, arrangement: str, rows: Iterable[Row] = ()) -> None:
        self._arrangement = arrangement
        found = (convert(NumberedRefusal, parse(row.body)) for row in rows)
        self._known = {each.refusal.entry: each for each in found}
        self.puts: list[Put] = []
        self.deletes: list[tuple[str, str]] = []

    def get(self, entry: str) -> Refusal | None:
        """Our refusal of the entry with this hash."""
        found = self._known.get(entry)
        return None if found is None else found.refusal

    def of(self, authors: Collection[str]) -> tuple[NumberedRefusal, ...]:
        """Our refusals of these authors' entries."""
        return tuple(each for each in self._known.values() if each.author in authors)

    def take_back(self, each: NumberedRefusal) -> None:
        """Keep a refusal that we gave once and did not know of any more."""
        if each.refusal.entry not in self._known:
            self._known[each.refusal.entry] = each
            self.puts.append(Put(KIND, self._key(each.refusal.entry), 0, canonical(each), self._arrangement))

    def add(self, entry: Entry, refusal: Refusal, link: tuple[int, str], is_placed: Callable[[str], bool]) -> bool:
        """Keep a refusal; False if this author has had too many.

        `link` is the author's next number and predecessor in the sealed record; `is_placed` knows the entries there and
        after it, by hash.
        """
        kept = self._forget_dead(entry.author, link, is_placed)
        if entry.author_seq < link[0]:
            return True
        if kept >= EACH:
            return False
        declined = NumberedRefusal(
            author=entry.author, number=entry.author_seq, prev=entry.author_prev, refusal=refusal
        )
        self._known[refusal.entry] = declined
        self.puts.append(Put(KIND, self._key(refusal.entry), 0, canonical(declined), self._arrangement))
        return True

    def _forget_dead(self, author: str, link: tuple[int, str], is_placed: Callable[[str], bool]) -> int:
        """Forget refusals of entries that can never be placed; how many of this author are left."""
        alive: set[str] = set()
        for each in sorted((e for e in self._known.values() if e.author == author), key=lambda each: each.number):
            name, follows = each.refusal.entry, each.prev in alive or is_placed(each.prev)
            if (each.number, each.prev) == link or (each.number > link[0] and follows):
                alive.add(name)
                continue
            del self._known[name]
            before = len(self.puts)
            self.puts = [put for put in self.puts if put.key != self._key(name)]
            if len(self.puts) == before:  # it is stored
                self.deletes.append((KIND, self._key(name)))
        return len(alive)

    def saved(self) -> None:
        """What was to be stored is stored."""
        self.puts, self.deletes = [], []

    def _key(self, entry: str) -> str:
        return f"{self._arrangement}/{entry}"
