"""The form of the fields that types alone do not pin: hashes, base64, counts. Meaning is for the step to judge."""

from __future__ import annotations

import re
from typing import Any

from armslength.core.arrangement.bodies import BODIES, Commit
from armslength.core.record.entry import Entry, Head, Refusal
from armslength.core.record.keys import KEY_SIZE, from_base64, is_hash
from armslength.errors import Malformed

HEADER, TAG, CHUNK = 56, 16, 16 * 1024  # bytes, of the sealed form

_HASHES: dict[str, tuple[str, ...]] = {
    "attest": ("supersedes",),
    "commit": ("plain_root", "cipher_root"),
    "ack": ("evidence",),
    "release": ("wrapped",),
    "seal": ("state_root",),
}
_COUNTS: dict[str, tuple[str, ...]] = {
    "attest": ("period",),
    "notice": ("start", "end"),
    "allege": ("period",),
    "commit": ("size", "cipher_size"),
}
_BASE64: dict[str, dict[str, int | None]] = {
    "commit": {"header": HEADER},
    "ack": {"key": KEY_SIZE},
    "key": {"wrapped": None},
}
_P = 2**255 - 19
_SMALL = {
    0,
    1,
    _P - 1,
    int.from_bytes(bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), "little"),
    int.from_bytes(bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"), "little"),
}
_AGREEMENT = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_entry(entry: Entry) -> None:
    """Check an entry's form. Raises Malformed at the first field that is not in the agreed form."""
    if entry.v != 1:
        raise Malformed("bad-version", f"version {entry.v} is not known", "v")
    if BODIES.get(entry.type) is not type(entry.body):
        raise Malformed("unknown-type", f"no entry of type {entry.type!r}, or the body is another's", "type")
    _count(entry.author_seq, "author_seq")
    if entry.author_prev:
        _hash(entry.author_prev, "author_prev")
    check_head(entry.seen, "seen")
    _body(entry)
    if entry.refused is not None:
        if not entry.refused:
            raise Malformed("not-canonical", "an empty list is left out", "refused")
        for position, refusal in enumerate(entry.refused):
            check_refusal(refusal, f"refused[{position}]")


def check_head(head: Head, place: str) -> None:
    """Check a head's form. Raises Malformed."""
    _count(head.size, f"{place}.size")
    _hash(head.tree_root, f"{place}.tree_root")
    _hash(head.state_root, f"{place}.state_root")


def check_refusal(refusal: Refusal, place: str = "refusal") -> None:
    """Check a refusal's form. Raises Malformed."""
    _hash(refusal.arrangement, f"{place}.arrangement")
    _hash(refusal.entry, f"{place}.entry")
    check_head(refusal.head, f"{place}.head")


def _body(entry: Entry) -> None:
    def value(field: str) -> Any:
        return getattr(entry.body, field)

    for field in _HASHES.get(entry.type, ()):
        if value(field) is not None:
            _hash(value(field), f"body.{field}")
    for field in _COUNTS.get(entry.type, ()):
        if value(field) is not None:
            _count(value(field), f"body.{field}")
    for field, size in _BASE64.get(entry.type, {}).items():
        if value(field) is not None:
            data = from_base64(value(field), f"body.{field}", size)
            if size == KEY_SIZE:
                _one_time_key(data)
    if isinstance(entry.body, Commit):
        _sealed_sizes(entry.body)
    if entry.type == "commit" and not _AGREEMENT.fullmatch(value("agreement")):
        raise Malformed("bad-agreement", "not a urn:uuid", "body.agreement")


def _one_time_key(key: bytes) -> None:
    """Refuse X25519 keys of small order: nothing can be wrapped to one, so it would force its provider into breach."""
    point = int.from_bytes(key, "little") % 2**255 % _P
    if point in _SMALL:
        raise Malformed("bad-key", "an X25519 key of small order", "body.key")


def _sealed_sizes(commit: Commit) -> None:
    """A sealed file has a header, and a tag for each chunk, the last of which may be empty (`delivery.chunks`)."""
    expected = HEADER + commit.size + TAG * (commit.size // CHUNK + 1)
    if commit.cipher_size != expected:
        reason = f"{commit.size} bytes make {expected} when sealed, not {commit.cipher_size}"
        raise Malformed("bad-size", reason, "body.cipher_size")


def _hash(text: str, place: str) -> None:
    if not is_hash(text):
        raise Malformed("bad-hash", "not 64 lower-case hex digits", place)


def _count(number: int, place: str) -> None:
    if number < 0:
        raise Malformed("bad-number", "is negative", place)
