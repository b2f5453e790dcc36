"""The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1) over SHA-256, its proofs and their verification.

`Tree` keeps every complete subtree, so appending costs one hash on average, and roots and proofs at any earlier size
cost a logarithm. Verification follows RFC 9162 §2.1.3.2 and §2.1.4.2 and never raises: what does not fit is False.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from armslength.core.parts import Rows

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf's bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """An append-only tree. levels[h][i] is the root of the complete subtree of leaves [i·2ʰ, (i+1)·2ʰ)."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Start from the hashes of the first leaves."""
        self._levels: list[Rows[bytes]] = [Rows()]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    @property
    def leaves(self) -> Sequence[bytes]:
        """The hashes of the leaves."""
        return self._levels[0]

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        node, height = leaf, 0
        self._levels[0].append(leaf)
        while len(self._levels[height]) % 2 == 0:
            node = node_hash(self._levels[height][-2], node)
            height += 1
            if height == len(self._levels):
                self._levels.append(Rows())
            self._levels[height].append(node)

    def copy(self) -> Tree:
        """An independent tree with the same leaves."""
        other = Tree()
        other._levels = [level.copy() for level in self._levels]
        return other

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves (default: all)."""
        size = self._within(self.size if size is None else size)
        return self._hash(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that leaf `index` is in the tree of `size` leaves: sibling first, root's child last."""
        size = self._within(self.size if size is None else size)
        if not 0 <= index < size:
            raise ValueError(f"no leaf {index} in a tree of size {size}")
        start, stop, path = 0, size, []
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._hash(middle, stop))
                stop = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """The proof that the tree of `second` leaves extends the tree of `first` leaves; empty if either is trivial."""
        second = self._within(self.size if second is None else second)
        if not 0 <= first <= second:
            raise ValueError(f"sizes out of order: {first} > {second}")
        if first in (0, second):
            return []
        start, stop, path, whole = 0, second, [], True
        while first != stop:
            middle = start + _split(stop - start)
            if first <= middle:
                path.append(self._hash(middle, stop))
                stop = middle
            else:
                path.append(self._hash(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._hash(start, stop))
        return path[::-1]

    def _within(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"no tree of size {size} here")
        return size

    def _hash(self, start: int, stop: int) -> bytes:
        """The root over leaves [start, stop): `start` is a multiple of the smallest power of two ≥ the width."""
        width = stop - start
        if width & (width - 1) == 0:
            height = width.bit_length() - 1
            return self._levels[height][start >> height]
        middle = start + _split(width)
        return node_hash(self._hash(start, middle), self._hash(middle, stop))


def _split(width: int) -> int:
    """The largest power of two below `width` (≥ 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows the leaf hash at `index` of the tree with `size` leaves and `root`."""
    if not (0 <= index < size and _hashes(leaf, *proof)):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the second tree extends the first. Size 0 proves nothing and is refused."""
    if not (0 < first <= second and _hashes(*proof)):
        return False
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
