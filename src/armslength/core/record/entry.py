"""Entries, leaves, stamps and refusals: the values of the record, the bytes that are signed, and their hashes.

An author signs an entry; timekeepers stamp its hash; the keeper places {entry, sig, stamps} as a leaf, or answers with
a signed refusal. Every signature has its own prefix, so that none can be taken for another. Private keys live
elsewhere: whoever signs passes a callable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from armslength.core.arrangement.bodies import BODIES, Body
from armslength.core.arrangement.state import Memoised
from armslength.core.canonical import canonical, digest, plain
from armslength.core.record.keys import Sign, to_base64

ENTRY_PREFIX = b"armslength/entry/1\n"
STAMP_PREFIX = b"armslength/stamp/1\n"
REFUSAL_PREFIX = b"armslength/refusal/1\n"
MAX_LEAF = 64 * 1024
MAX_QUOTED = 28 * 1024  # bytes of an entry as evidence quotes it: a leaf holds two of them

TYPE_OF: dict[type[Body], str] = {kind: name for name, kind in BODIES.items()}


def quoted(data: bytes) -> int:
    """How many bytes canonical JSON takes within a text of canonical JSON: there each quotation mark and backslash is
    two."""
    return len(data) + data.count(b'"') + data.count(b"\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The record after its first `size` leaves: the Merkle root over them and the root of the state they led to."""

    size: int
    tree_root: str
    state_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The keeper's signed answer that it does not place an entry: which, at which head, and why."""

    arrangement: str
    entry: str  # entry hash
    head: Head
    code: str
    reason: str
    by: str
    sig: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Memoised):
    """One statement. `author_seq` counts the author's placed entries from 0; `author_prev` is the hash of the one
    before ("" for the first). `seen` is any earlier head. `refused` holds the keeper's refusals of every earlier entry
    that had the same author_seq."""

    v: int = 1
    arrangement: str
    author: str
    author_seq: int
    author_prev: str
    seen: Head
    type: str
    body: Body
    refused: tuple[Refusal, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A signed entry on its way to the timekeepers and the keeper."""

    entry: Entry
    sig: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A timekeeper's signed time for an entry."""

    by: str
    time: int
    sig: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A signed entry with its stamps, ordered by timekeeper. The leaf's index is its place in the record."""

    entry: Entry
    sig: str
    stamps: tuple[Stamp, ...]


def entry_bytes(entry: Entry) -> bytes:
    """The canonical bytes of an entry, which are written once: its hash is asked for again and again."""
    try:
        return entry.written.encode()
    except AttributeError:
        data = canonical(entry)
        object.__setattr__(entry, "written", data.decode())
        return data


def entry_hash(entry: Entry) -> str:
    """The name of an entry."""
    return digest(entry_bytes(entry))


def entry_message(entry: Entry) -> bytes:
    """What the author signs (rule 1.1a)."""
    return ENTRY_PREFIX + entry_bytes(entry)


def stamp_message(arrangement: str, entry: str, time: int) -> bytes:
    """What a timekeeper signs for the entry with this hash (rule 2.2a)."""
    return STAMP_PREFIX + canonical({"arrangement": arrangement, "entry": entry, "time": time})


def refusal_message(refusal: Refusal) -> bytes:
    """What the keeper signs: the refusal without its signature."""
    fields = plain(refusal)
    del fields["sig"]
    return REFUSAL_PREFIX + canonical(fields)


def leaf_bytes(leaf: Leaf) -> bytes:  # rule 1.1b
    """The leaf as it enters the tree: its canonical bytes."""
    return b'{"entry":' + entry_bytes(leaf.entry) + b"," + canonical({"sig": leaf.sig, "stamps": leaf.stamps})[1:]


def sign_entry(entry: Entry, sign: Sign) -> Submission:
    """The entry with its author's signature."""
    return Submission(entry=entry, sig=to_base64(sign(entry_message(entry))))


def stamp(arrangement: str, entry: str, by: str, time: int, sign: Sign) -> Stamp:
    """Timekeeper `by`'s stamp for the entry with this hash."""
    return Stamp(by=by, time=time, sig=to_base64(sign(stamp_message(arrangement, entry, time))))


def refuse(refusal: Refusal, sign: Sign) -> Refusal:
    """The refusal with its signature in place of whatever `sig` held."""
    return replace(refusal, sig=to_base64(sign(refusal_message(refusal))))


def leaf_of(submission: Submission, stamps: Iterable[Stamp]) -> Leaf:
    """The leaf that carries this submission, its stamps in their one order."""
    ordered = tuple(sorted(stamps, key=lambda each: each.by))
    return Leaf(entry=submission.entry, sig=submission.sig, stamps=ordered)
