"""did:key: an Ed25519 public key as an identifier. Source: the did:key method specification."""

from __future__ import annotations

from typing import Final

from armslength.core.record.keys import PublicKey
from armslength.errors import Malformed

ED25519: Final = b"\xed\x01"  # multicodec prefix of an Ed25519 public key
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def key_did(public: bytes) -> str:
    """The did:key of an Ed25519 public key."""
    return f"did:key:{multibase(public)}"


def key_of(did: str) -> PublicKey:
    """The Ed25519 public key that a did:key is. Raises Malformed."""
    method, segments = _parts(did)
    if method != "key" or len(segments) != 1:
        raise Malformed("not-did-key", "not a did:key", did)
    return key_of_multibase(segments[0], did)


def multibase(public: bytes) -> str:
    """An Ed25519 public key in base58btc, with its multicodec prefix."""
    return "z" + _base58(ED25519 + public)


def key_of_multibase(text: str, place: str) -> PublicKey:
    """The key in this text, if it is of prime order and in its one spelling. Raises Malformed."""
    data = _unbase58(text[1:]) if text.startswith("z") else b""
    if data[:2] != ED25519 or multibase(data[2:]) != text:
        raise Malformed("bad-key", "not an Ed25519 key of prime order in base58btc", place)
    return PublicKey(data[2:], place)


def _parts(did: str) -> tuple[str, list[str]]:
    scheme, *rest = did.split(":")
    if scheme != "did" or len(rest) < 2 or not all(rest):
        raise Malformed("bad-did", "not a DID", did)
    return rest[0], rest[1:]


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def _unbase58(text: str) -> bytes:
    number = 0
    for character in text[:128]:
        digit = _ALPHABET.find(character)
        if digit < 0:
            return b""
        number = number * 58 + digit
    return number.to_bytes((number.bit_length() + 7) // 8)
