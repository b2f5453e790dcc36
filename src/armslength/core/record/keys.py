"""The one strict rule for Ed25519, and strict text forms of bytes.

A key is admitted only if it is the canonical encoding of a point of prime order: keys of small order exist under
which one signature fits every message, and common libraries accept them. Signatures are verified by libsodium only,
so that every verifier agrees on every signature. This is part of the format, not of an implementation.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import BadSignatureError

from armslength.errors import Malformed

KEY_SIZE = 32
SIGNATURE_SIZE = 64

Sign = Callable[[bytes], bytes]
"""Signs a message with a private key that lives elsewhere; returns the 64-byte signature."""

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether (key, message, signature) belong together: `verify`, or one that remembers what `verify` said."""

_HASH = re.compile(r"[0-9a-f]{64}")


def admitted(key: bytes) -> bool:
    """Whether `key` is a canonical Ed25519 public key of prime order. It costs as much as to verify a signature."""
    return len(key) == KEY_SIZE and bool(crypto_core_ed25519_is_valid_point(key))


class PublicKey(bytes):
    """The bytes of a key that was admitted when this was made, and so need not be again."""

    __slots__ = ()

    def __new__(cls, key: bytes, place: str) -> PublicKey:
        """Raises Malformed unless the key is admitted."""
        if not admitted(key):
            raise Malformed("bad-key", "not a canonical Ed25519 key of prime order", place)
        return super().__new__(cls, key)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is `key`'s on `message`, by the strict rule. Never raises."""
    if len(signature) != SIGNATURE_SIZE or not (isinstance(key, PublicKey) or admitted(key)):
        return False
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


def is_signed(key: bytes, message: bytes, signature: str, verify: Verify = verify) -> bool:
    """Whether `signature`, in strict base64, is `key`'s on `message`. Never raises: what cannot be read is none."""
    try:
        return verify(key, message, from_base64(signature, "sig"))
    except Malformed:
        return False


def to_base64(data: bytes) -> str:
    """Standard base64 with padding, the one text form of keys and signatures."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str, place: str, size: int | None = None) -> bytes:
    """The bytes of strict standard base64: only the form that `to_base64` writes. Raises Malformed."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed("bad-base64", "not standard base64", place) from None
    if to_base64(data) != text:
        raise Malformed("bad-base64", "not the canonical base64 of its bytes", place)
    if size is not None and len(data) != size:
        raise Malformed("bad-length", f"holds {len(data)} bytes, not {size}", place)
    return data


def public_key(text: str, place: str) -> PublicKey:
    """The public key in base64. Raises Malformed unless it is admitted."""
    return PublicKey(from_base64(text, place, KEY_SIZE), place)


def is_hash(text: str) -> bool:
    """Whether `text` is a SHA-256 in the form used everywhere: 64 lower-case hex digits."""
    return _HASH.fullmatch(text) is not None
