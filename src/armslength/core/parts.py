"""Maps and lists of which a copy costs nothing, and a change no more than a logarithm.

`Rows` is a list to which one appends. `Parts` is a map that is never changed: a changed one is made from it, and shares
the rest.

Parts are a tree of parts. A part of few items is a leaf; a larger one has up to 32 parts below it, by five bits of each
key's slot. Its shape follows from what it holds alone, whatever the order in which that came, so that equal maps have
equal roots; and each part remembers its root, so that the root of a changed map costs no more than the change.

Slots: a number in decimal without leading zeros, below 10⁹, is its own slot; of any other text it is the SHA-256. So
nobody chooses keys that crowd into one part.

Roots: of a leaf, the SHA-256 of a byte 0 and the canonical JSON of its items; of a larger part, the SHA-256 of a byte 1
and, in order, each digit (one byte, 0 to 31) that occurs with the root below it (32 bytes).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

V = TypeVar("V")

_BITS: Final = 5
_WIDE: Final = 8  # the most items of a leaf
_CHUNK: Final = 256
_BYTES: Final = tuple(bytes((digit,)) for digit in range(1 << _BITS))


def _slot(key: str) -> int:
    if len(key) < 10 and key.isdecimal() and key.isascii() and (key[0] != "0" or key == "0"):
        return int(key)
    return int.from_bytes(hashlib.sha256(key.encode()).digest(), "big")


class _Part(dict[Any, Any]):
    """A leaf: key → value. Or, with `size` items in all below it: digit → part."""

    __slots__ = ("root", "size")

    def __init__(self, items: Any = (), size: int | None = None) -> None:
        super().__init__(items)
        self.size = size  # None: a leaf
        self.root: bytes | None = None


def _count(part: _Part) -> int:
    return len(part) if part.size is None else part.size


def _grown(items: dict[str, Any], depth: int) -> _Part:
    """The part that holds these items at this depth."""
    if len(items) <= _WIDE:
        return _Part(items)
    shares: dict[int, dict[str, Any]] = {}
    for key, value in items.items():
        shares.setdefault(_slot(key) >> depth * _BITS & 31, {})[key] = value
    return _Part({digit: _grown(share, depth + 1) for digit, share in shares.items()}, len(items))


def _put(part: _Part, slot: int, depth: int, key: str, value: Any) -> _Part:
    made = _Part(part, part.size)
    if part.size is None:
        made[key] = value
        return made if len(made) <= _WIDE else _grown(made, depth)
    digit = slot & 31
    below = part.get(digit)
    made[digit] = after = _Part({key: value}) if below is None else _put(below, slot >> _BITS, depth + 1, key, value)
    made.size = part.size + _count(after) - (0 if below is None else _count(below))
    return made


def _drop(part: _Part, slot: int, key: str) -> _Part:
    """The part without a key that it holds."""
    made = _Part(part, part.size)
    if part.size is None:
        del made[key]
        return made
    digit = slot & 31
    after = _drop(part[digit], slot >> _BITS, key)
    made.size = part.size - 1
    if after:
        made[digit] = after
    else:
        del made[digit]
    return made if made.size > _WIDE else _Part(_items(made))


def _items(part: _Part) -> Iterator[tuple[str, Any]]:
    if part.size is None:
        yield from part.items()
    else:
        for below in part.values():
            yield from _items(below)


class Parts(Mapping[str, V], Generic[V]):
    """Text → value. `put` and `drop` make another map."""

    __slots__ = ("_top",)

    def __init__(self, items: Mapping[str, V] | Iterable[tuple[str, V]] = ()) -> None:
        self._top = _grown(dict(items), 0)

    def _with(self, top: _Part) -> Parts[V]:
        made: Parts[V] = object.__new__(type(self))
        made._top = top
        return made

    def put(self, key: str, value: V) -> Parts[V]:
        """The map in which `key` has this value."""
        return self._with(_put(self._top, _slot(key), 0, key, value))

    def drop(self, key: str) -> Parts[V]:
        """The map without `key`."""
        return self._with(_drop(self._top, _slot(key), key)) if key in self else self

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or the default."""
        part = self._top
        if part.size is not None:
            slot = _slot(key)
            while part.size is not None:
                below = part.get(slot & 31)
                if below is None:
                    return default
                part, slot = below, slot >> _BITS
        return dict.get(part, key, default)

    def __getitem__(self, key: str) -> V:
        found: V | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        """The keys in order."""
        return iter(sorted(key for key, _ in _items(self._top)))

    def __len__(self) -> int:
        return _count(self._top)

    def __eq__(self, other: object) -> bool:
        return self._top == other._top if isinstance(other, Parts) else super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def root(self, encode: Callable[[Any], str]) -> bytes:
        """The map's root. `encode` gives a value's canonical JSON, always the same for this map and those from it."""
        return _root(self._top, encode)


def _root(part: _Part, encode: Callable[[Any], str]) -> bytes:
    if part.root is None:
        if part.size is None:
            data = b"\x00" + encode(dict(part)).encode()
        else:
            data = b"\x01" + b"".join([_BYTES[digit] + _root(part[digit], encode) for digit in sorted(part)])
        part.root = hashlib.sha256(data).digest()
    return part.root


class Rows(Sequence[V]):
    """A list to which one appends. Whole chunks are shared by all copies."""

    __slots__ = ("_chunks", "_last")

    def __init__(self, items: Iterable[V] = ()) -> None:
        given = tuple(items)
        whole = len(given) // _CHUNK * _CHUNK
        self._chunks = tuple(given[start : start + _CHUNK] for start in range(0, whole, _CHUNK))
        self._last = list(given[whole:])

    def append(self, item: V) -> None:
        """Add an item. Copies do not see it."""
        self._last.append(item)
        if len(self._last) == _CHUNK:
            self._chunks, self._last = (*self._chunks, tuple(self._last)), []

    def copy(self) -> Rows[V]:
        """A list of its own, with the same items."""
        other: Rows[V] = Rows()
        other._chunks, other._last = self._chunks, self._last.copy()
        return other

    def __len__(self) -> int:
        return len(self._chunks) * _CHUNK + len(self._last)

    def __getitem__(self, index: int) -> V:  # type: ignore[override]  # no slices
        chunk = index // _CHUNK
        if 0 <= chunk < len(self._chunks):
            return self._chunks[chunk][index % _CHUNK]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(index)
        return self._last[at % _CHUNK] if at // _CHUNK == len(self._chunks) else self[at]
