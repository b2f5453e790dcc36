"""The one strict rule for keys and signatures."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_sign_open,
)
from nacl.signing import SigningKey

from armslength.core.record import keys
from armslength.errors import Malformed
from tests.record_builder import public, signer

P = 2**255 - 19
IDENTITY = (1).to_bytes(32, "little")
ORDER_2 = (P - 1).to_bytes(32, "little")
ORDER_4 = bytes(32)
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
L = 2**252 + 27742317777372353535851937790883648493

SMALL_ORDER = {
    "identity": IDENTITY,
    "order 2": ORDER_2,
    "order 4": ORDER_4,
    "order 8": ORDER_8,
    "order 8, other": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    "identity, sign bit": IDENTITY[:31] + b"\x80",
    "identity, not canonical": (P + 1).to_bytes(32, "little"),
    "order 4, not canonical": P.to_bytes(32, "little"),
}


@pytest.mark.parametrize("key", SMALL_ORDER.values(), ids=SMALL_ORDER.keys())
def test_keys_of_small_order_are_not_admitted(key: bytes) -> None:
    """A key under which one signature fits every message is refused."""
    assert not keys.admitted(key)
    forged = IDENTITY + bytes(32)  # R = identity, S = 0: valid for any message under the bare equation
    assert not keys.verify(key, b"owes 1", forged)
    assert not keys.verify(key, b"owes 1000000", forged)


def test_what_cannot_be_read_is_no_signature() -> None:
    """In text, only the strict base64 of a signature is one."""
    key, message = public("A", "entries"), b"owes 1"
    good = keys.to_base64(signer("A")(message))
    assert keys.is_signed(key, message, good)
    for wrong in ("", "!", good + "=", good[:-4], " " + good, keys.to_base64(bytes(64))):
        assert not keys.is_signed(key, message, wrong)


@pytest.mark.parametrize("point", [ORDER_2, ORDER_4, ORDER_8])
def test_keys_of_mixed_order_are_not_admitted(point: bytes) -> None:
    """A good key with a point of small order added is on the curve, and refused."""
    mixed = crypto_core_ed25519_add(public("A", "entries"), point)
    assert len(mixed) == 32
    assert not keys.admitted(mixed)


def test_key_of_mixed_order_verifies_nothing_though_the_equation_holds() -> None:
    """Its owner can sign so that the added point falls away: one verifier would accept what another refuses."""
    secret = crypto_core_ed25519_scalar_reduce(b"a secret scalar".ljust(64, b"\0"))
    mixed = crypto_core_ed25519_add(crypto_scalarmult_ed25519_base_noclamp(secret), ORDER_8)
    nonce = crypto_core_ed25519_scalar_reduce(b"a nonce".ljust(64, b"\0"))
    first = crypto_scalarmult_ed25519_base_noclamp(nonce)
    for number in range(200):
        message = b"owes %d" % number
        hashed = crypto_core_ed25519_scalar_reduce(hashlib.sha512(first + mixed + message).digest())
        if hashed[0] % 8 == 0:
            last = crypto_core_ed25519_scalar_add(nonce, crypto_core_ed25519_scalar_mul(hashed, secret))
            assert crypto_sign_open(first + last + message, mixed) == message
            assert not keys.verify(mixed, message, first + last)
            return
    raise AssertionError("no message was found")


def test_signature_of_another_length_takes_nothing_from_the_message() -> None:
    """Were signature and message put together, the message's first byte could be the signature's last."""
    signature = signer("A")(b"rest")
    assert not keys.verify(public("A", "entries"), signature[63:] + b"rest", signature[:63])
    assert not keys.verify(public("A", "entries"), b"est", signature + b"r")


def test_keys_off_the_curve_or_of_another_length_are_not_admitted() -> None:
    """What is no point is no key."""
    assert not keys.admitted(bytes([2]) + bytes(31))
    assert not keys.admitted(public("A", "entries")[:31])
    assert not keys.admitted(public("A", "entries") + b"\x00")
    assert not keys.admitted(b"")


def test_a_signature_fits_its_message_and_key_only() -> None:
    """verify is true for the signed message under the signing key, and for nothing near it."""
    signature = signer("A")(b"message")
    key = public("A", "entries")
    assert keys.verify(key, b"message", signature)
    assert not keys.verify(key, b"messagf", signature)
    assert not keys.verify(public("B", "entries"), b"message", signature)
    assert not keys.verify(key, b"message", signature[:63])
    assert not keys.verify(key, b"message", signature + b"\x00")
    for position in range(64):
        bad = bytes(byte ^ (position == index) for index, byte in enumerate(signature))
        assert not keys.verify(key, b"message", bad)


def test_a_second_spelling_of_s_is_refused() -> None:
    """S + L satisfies the bare equation; only the reduced S counts."""
    signature = signer("A")(b"message")
    larger = int.from_bytes(signature[32:], "little") + L
    assert not keys.verify(public("A", "entries"), b"message", signature[:32] + larger.to_bytes(32, "little"))


def test_the_rfc_8032_vector_holds() -> None:
    """RFC 8032 §7.1, test 2."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert bytes(SigningKey(seed).verify_key) == key
    assert keys.verify(key, b"\x72", signature)


@given(st.binary(max_size=70))
def test_base64_round_trips(data: bytes) -> None:
    """from_base64 reads what to_base64 writes."""
    assert keys.from_base64(keys.to_base64(data), "here") == data


@pytest.mark.parametrize(
    "text", ["AA", "AA=", "AB==", "AAA=\n", " AAA=", "AAA=AAA=", "-_==", "A", "AAA==", "ÄAA=", "AA\n=="]
)
def test_base64_has_one_spelling(text: str) -> None:
    """Missing or spare padding, unused bits, spaces and the URL alphabet are refused, and the place is named."""
    with pytest.raises(Malformed, match=r"^here: ") as refusal:
        keys.from_base64(text, "here")
    assert refusal.value.code == "bad-base64"


def test_the_length_is_checked_where_it_is_known() -> None:
    """A key of 31 bytes is refused as such."""
    with pytest.raises(Malformed) as refusal:
        keys.public_key(keys.to_base64(bytes(31)), "key")
    assert refusal.value.code == "bad-length"
    with pytest.raises(Malformed) as refusal:
        keys.public_key(keys.to_base64(IDENTITY), "key")
    assert refusal.value.code == "bad-key"


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", "٠" * 64])
def test_a_hash_is_64_lower_case_hex_digits(text: str) -> None:
    """Anything else is no hash."""
    assert not keys.is_hash(text)
    assert keys.is_hash("0123456789abcdef" * 4)


def test_a_key_is_admitted_when_it_is_made() -> None:
    """A `PublicKey` is its bytes, and cannot be made of a key of small order."""
    key = bytes(SigningKey(b"k" * 32).verify_key)
    assert keys.PublicKey(key, "key") == key
    with pytest.raises(Malformed, match="prime order"):
        keys.PublicKey(bytes(32), "key")
