"""The record's documents as bytes: submissions, stamps, leaves and refusals, each in the one canonical form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from armslength.core.arrangement.bodies import BODIES
from armslength.core.canonical import canonical
from armslength.core.record.entry import (
    MAX_LEAF,
    Entry,
    Head,
    Leaf,
    Refusal,
    Stamp,
    Submission,
    entry_bytes,
    leaf_bytes,
)
from armslength.core.record.forms import check_entry, check_refusal
from armslength.errors import Malformed
from armslength.wire.strict import check_canonical, check_size, convert, decode, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """An entry whose body is still plain data: its type says which class it is."""

    v: int
    arrangement: str
    author: str
    author_seq: int
    author_prev: str
    seen: Head
    type: str
    body: dict[str, Any]
    refused: tuple[Refusal, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    entry: _Envelope
    sig: str
    stamps: tuple[Stamp, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submission:
    entry: _Envelope
    sig: str


def encode(document: Entry | Submission | Stamp | Leaf | Refusal) -> bytes:
    """The canonical bytes of a document of the record."""
    if isinstance(document, Leaf):
        return leaf_bytes(document)
    return entry_bytes(document) if isinstance(document, Entry) else canonical(document)


def decode_entry(data: bytes) -> Entry:
    """The entry in `data`. Raises Malformed."""
    check_size(data, MAX_LEAF)
    entry = _entry(convert(_Envelope, parse(data)))
    check_canonical(entry, data, entry_bytes)
    return entry


def decode_submission(data: bytes) -> Submission:
    """The signed entry in `data`. Raises Malformed."""
    check_size(data, MAX_LEAF)
    wire = convert(_Submission, parse(data))
    submission = Submission(entry=_entry(wire.entry), sig=wire.sig)
    check_canonical(submission, data)
    return submission


def decode_leaf(data: bytes) -> Leaf:
    """The leaf in `data`. Raises Malformed."""
    check_size(data, MAX_LEAF)
    wire = convert(_Leaf, parse(data))
    leaf = Leaf(entry=_entry(wire.entry), sig=wire.sig, stamps=wire.stamps)
    check_canonical(leaf, data, leaf_bytes)
    return leaf


def decode_stamp(data: bytes) -> Stamp:
    """The stamp in `data`. Raises Malformed."""
    return decode(Stamp, data, MAX_LEAF)


def decode_refusal(data: bytes) -> Refusal:
    """The refusal in `data`. Raises Malformed."""
    refusal = decode(Refusal, data, MAX_LEAF)
    check_refusal(refusal)
    return refusal


def _entry(wire: _Envelope) -> Entry:
    kind = BODIES.get(wire.type)
    if kind is None:
        raise Malformed("unknown-type", f"no entry of type {wire.type!r}", "entry.type")
    entry = Entry(
        v=wire.v,
        arrangement=wire.arrangement,
        author=wire.author,
        author_seq=wire.author_seq,
        author_prev=wire.author_prev,
        seen=wire.seen,
        type=wire.type,
        body=convert(kind, wire.body, "entry.body"),
        refused=wire.refused,
    )
    check_entry(entry)
    return entry
