"""How much may wait for a seal, so that nobody fills our memory or makes the next seal too large to send."""

from __future__ import annotations

from collections.abc import Mapping

from armslength.core.record.entry import Leaf, leaf_bytes
from armslength.errors import Refused

EACH = 250  # entries of one author (rule 11.1g)
EACH_BYTES = 1024 * 1024
ALL = 750  # entries of everyone but ourselves and the keeper, who cannot seal until its own are placed
ALL_BYTES = 8 * 1024 * 1024


class TailBounds:
    """What waits for a seal, by author: the number of entries, and their bytes. The sum over all authors does not
    bind those who are `free`."""

    def __init__(self, free: tuple[str, str], by: Mapping[str, tuple[int, int]] | None = None) -> None:
        self._free = free
        self._by = by or {}

    def with_one_more(self, leaf: Leaf) -> TailBounds:
        """What waits with this leaf, too. Raises Refused "too-many"."""
        author = leaf.entry.author
        count, size = self._by.get(author, (0, 0))
        count, size = count + 1, size + len(leaf_bytes(leaf))
        if count > EACH or size > EACH_BYTES:
            raise Refused(
                "too-many", f"{count - 1} entries of {author} wait for a seal; no more are taken until it comes"
            )
        if author not in self._free:
            others = [waiting for name, waiting in self._by.items() if name not in (author, *self._free)]
            if sum(n for n, _ in others) + count > ALL or sum(n for _, n in others) + size > ALL_BYTES:
                raise Refused("too-many", "too much waits for a seal; nothing more is taken until it comes")
        return TailBounds(self._free, {**self._by, author: (count, size)})
