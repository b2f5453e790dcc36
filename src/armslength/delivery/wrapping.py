"""Wraps a file key for its recipient: HPKE base mode (RFC 9180) to a key pair made for one tranche.

X25519, HKDF-SHA256, ChaCha20-Poly1305. What is wrapped is bound to arrangement, tranche and both roots through `info`,
so a wrapped key does not open in any other place. All keys are raw: 32 bytes, and 80 for a wrapped one.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from armslength.core.canonical import canonical
from armslength.delivery.chunks import KEY, Commitment, Complaint
from armslength.errors import Malformed

PRIVATE = 32
WRAPPED = 80  # bytes: encapsulated key, file key, tag
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A recipient's one-time key pair. The private key is stored before the public key is sent."""

    public: bytes
    private: bytes = field(repr=False)


def new_pair() -> KeyPair:
    """A fresh one-time key pair."""
    private = X25519PrivateKey.generate()
    return KeyPair(private.public_key().public_bytes_raw(), private.private_bytes_raw())


def info(arrangement: str, tranche: str, commit: Commitment) -> bytes:
    """What a wrapped key is bound to."""
    roots = {"plain_root": commit.plain_root, "cipher_root": commit.cipher_root}
    return b"armslength/key/1\n" + canonical({"arrangement": arrangement, "tranche": tranche, **roots})


def check_public(public: bytes) -> None:
    """Raise Malformed unless something can be wrapped to `public`: it must not be a point of small order."""
    wrap(bytes(KEY), public, b"")


def wrap(key: bytes, public: bytes, info: bytes) -> bytes:
    """Wrap a file key for the holder of `public`. Raises Malformed for invalid keys."""
    if len(key) != KEY:
        raise Malformed("key", f"a file key has {KEY} bytes, not {len(key)}")
    try:
        return _SUITE.encrypt(key, X25519PublicKey.from_public_bytes(public), info)
    except ValueError as error:
        raise Malformed("key", "not an X25519 public key of full order") from error


def unwrap(wrapped: bytes, private: bytes, info: bytes) -> bytes:
    """The file key. Raises Complaint ("wrapped-key") if this private key and `info` do not open what was released.

    Anyone who is given the private key can repeat that, which is why a complaint discloses it. Raises Malformed for
    a private key of another length.
    """
    if len(private) != PRIVATE:
        raise Malformed("key", f"a private key has {PRIVATE} bytes, not {len(private)}")
    try:
        key = _SUITE.decrypt(wrapped, X25519PrivateKey.from_private_bytes(private), info)
    except (InvalidTag, ValueError):
        key = b""
    if len(key) != KEY:
        facts: dict[str, object] = {
            "info": base64.b64encode(info).decode(),
            "wrapped": base64.b64encode(wrapped).decode(),
        }
        raise Complaint("wrapped-key", "the released key does not open for this tranche", facts)
    return key
