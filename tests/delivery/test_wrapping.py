"""Wrapping a file key for its recipient."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.delivery import wrapping
from armslength.delivery.chunks import Complaint
from armslength.errors import Malformed

from .support import commit_of, sealed_file

KEY = bytes(range(32))


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_unwraps_to_the_same_key(key: bytes, info: bytes) -> None:
    """A wrapped key comes back with the private half and the same info, and is 80 bytes."""
    pair = wrapping.new_pair()
    wrapped = wrapping.wrap(key, pair.public, info)
    assert len(wrapped) == wrapping.WRAPPED
    assert wrapping.unwrap(wrapped, pair.private, info) == key


def test_binds_arrangement_tranche_and_roots(tmp_path: Path) -> None:
    """A wrapped key opens for the very tranche it was released for and nothing else."""
    pair = wrapping.new_pair()
    commit = commit_of(sealed_file(tmp_path, 5)[2])
    here = wrapping.info("ab" * 32, "T1", commit)
    wrapped = wrapping.wrap(KEY, pair.public, here)
    others = [
        wrapping.info("cd" * 32, "T1", commit),
        wrapping.info("ab" * 32, "T2", commit),
        wrapping.info("ab" * 32, "T1", dataclasses.replace(commit, plain_root="00" * 32)),
        wrapping.info("ab" * 32, "T1", dataclasses.replace(commit, cipher_root="00" * 32)),
        b"",
    ]
    for other in others:
        with pytest.raises(Complaint) as caught:
            wrapping.unwrap(wrapped, pair.private, other)
        assert caught.value.code == "wrapped-key"
    assert wrapping.unwrap(wrapped, pair.private, here) == KEY


@pytest.mark.parametrize("place", [0, 31, 32, 60, 79])
def test_complains_of_an_altered_wrapped_key(place: int) -> None:
    """Every byte counts, and the evidence is the same for whoever repeats the check."""
    pair = wrapping.new_pair()
    wrapped = bytearray(wrapping.wrap(KEY, pair.public, b"here"))
    wrapped[place] ^= 1
    found = []
    for _ in range(2):
        with pytest.raises(Complaint) as caught:
            wrapping.unwrap(bytes(wrapped), pair.private, b"here")
        found.append(caught.value.hash)
    assert found[0] == found[1]


@pytest.mark.parametrize("wrapped", [b"", bytes(31), bytes(80), bytes(81)])
def test_complains_of_garbage(wrapped: bytes) -> None:
    """Whatever was released in place of a wrapped key is grounds for a complaint."""
    with pytest.raises(Complaint):
        wrapping.unwrap(wrapped, wrapping.new_pair().private, b"")


def test_complains_of_a_wrapped_value_that_is_no_file_key() -> None:
    """A provider may wrap anything; what is not 32 bytes is no file key."""
    pair = wrapping.new_pair()
    public = wrapping.X25519PublicKey.from_public_bytes(pair.public)
    with pytest.raises(Complaint):
        wrapping.unwrap(wrapping._SUITE.encrypt(KEY[:16], public, b""), pair.private, b"")


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),
        b"\x01" + bytes(31),
        b"\xec" + b"\xff" * 30 + b"\x7f",
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes(31),
        b"",
    ],
)
def test_refuses_to_wrap_to_a_degenerate_key(public: bytes) -> None:
    """Under a key of small order anyone could unwrap; such keys are refused before an acknowledgement is accepted."""
    with pytest.raises(Malformed):
        wrapping.check_public(public)


def test_refuses_keys_of_another_length() -> None:
    """File keys and private keys have 32 bytes."""
    pair = wrapping.new_pair()
    with pytest.raises(Malformed):
        wrapping.wrap(KEY[:16], pair.public, b"")
    with pytest.raises(Malformed):
        wrapping.unwrap(bytes(80), pair.private[:31], b"")


def test_a_pair_does_not_print_its_private_half() -> None:
    """Neither logs nor tracebacks show it."""
    assert "private" not in repr(wrapping.new_pair())
