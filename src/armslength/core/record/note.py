"""Signed notes and verifier keys (c2sp.org/signed-note@v1.0.0), strictly: one text, one spelling.

A note is a text, a blank line and signature lines `— <key name> base64(4-byte key id ‖ signature)`. `parse` accepts
exactly what `Note.encode` writes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from armslength.core.record.keys import Sign, Verify, from_base64, to_base64, verify
from armslength.errors import Malformed

ED25519 = 1  # a plain Ed25519 signature over the text
COSIGNATURE = 4  # cosignature/v1: time and Ed25519 signature

MAX_NOTE = 64 * 1024
MAX_SIGNATURES = 64
KEY_ID_SIZE = 4
_DASH = "— "
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line. `blob` is what follows the key id."""

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        """The line with its newline."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and its signatures in order."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> str:
        """The whole note."""
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)

    def find(self, name: str, key_id: bytes) -> Signature | None:
        """The first signature by this key."""
        return next((s for s in self.signatures if s.name == name and s.key_id == key_id), None)


def key_id(name: str, algorithm: int, key: bytes) -> bytes:
    """The four bytes that, with the name, point to a key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + key).digest()[:KEY_ID_SIZE]


def vkey(name: str, algorithm: int, key: bytes) -> str:
    """The verifier key: `<name>+<hex key id>+base64(algorithm ‖ key)`."""
    return f"{name}+{key_id(name, algorithm, key).hex()}+{to_base64(bytes([algorithm]) + key)}"


def is_name(name: str) -> bool:
    """Whether `name` may name a key: printable, not empty, without spaces and plus signs."""
    return bool(name) and "+" not in name and name.isprintable() and not _SPACE.search(name)


def sign_note(text: str, name: str, key: bytes, sign: Sign) -> Signature:
    """A plain Ed25519 signature on the text."""
    return Signature(name, key_id(name, ED25519, key), sign(text.encode()))


def verify_note(text: str, signature: Signature, key: bytes, verify: Verify = verify) -> bool:
    """Whether this is `key`'s plain signature on the text, under the signature's own name."""
    expected = key_id(signature.name, ED25519, key)
    return signature.key_id == expected and verify(key, text.encode(), signature.blob)


def parse(data: str | bytes, place: str = "note") -> Note:
    """The note in `data`; only the exact spelling that `encode` writes. Raises Malformed."""
    text = _decode(data, place)
    body, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise Malformed("bad-note", "not a text, a blank line and signature lines", place)
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed("bad-note", f"more than {MAX_SIGNATURES} signatures", place)
    return Note(body + "\n", tuple(parse_signature(line, place) for line in lines))


def parse_signature(line: str, place: str = "note") -> Signature:
    """One signature line without its newline. Raises Malformed."""
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not is_name(name):
        raise Malformed("bad-note", "not a signature line", place)
    blob = from_base64(encoded, place)
    if len(blob) <= KEY_ID_SIZE:
        raise Malformed("bad-note", "a signature line without a signature", place)
    return Signature(name, blob[:KEY_ID_SIZE], blob[KEY_ID_SIZE:])


def _decode(data: str | bytes, place: str) -> str:
    try:
        raw = data.encode() if isinstance(data, str) else data
        text = raw.decode()
    except UnicodeError:
        raise Malformed("bad-note", "not UTF-8", place) from None
    if len(raw) > MAX_NOTE:
        raise Malformed("too-large", f"a note of more than {MAX_NOTE} bytes", place)
    if _CONTROLS.search(text):
        raise Malformed("bad-note", "holds control characters", place)
    return text
