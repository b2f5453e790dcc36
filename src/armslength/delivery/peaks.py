"""The RFC 6962 root of a sequence of up to a hundred million leaf hashes, in logarithmic memory.

`core.record.merkle.Tree` keeps every node, since a record needs proofs; a file's chunks only need their root.
"""

from __future__ import annotations

from armslength.core.record.merkle import EMPTY_ROOT, node_hash


class Peaks:
    """Takes leaf hashes in order and keeps the roots of the full subtrees so far, the largest first."""

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add the next leaf hash."""
        size = self._size
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
        self._peaks.append(leaf)
        self._size += 1

    def root(self) -> str:
        """The root over all leaves so far, hex."""
        root = EMPTY_ROOT
        for peak in reversed(self._peaks):
            root = peak if root is EMPTY_ROOT else node_hash(peak, root)
        return root.hex()
