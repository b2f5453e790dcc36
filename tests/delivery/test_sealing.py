"""Sealing and opening, what is committed, and every way to spoil it."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import os
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.core.record.merkle import Tree
from armslength.delivery import chunks, sealing
from armslength.delivery.chunks import CHUNK, HEADER, SEALED_CHUNK, Complaint, chunk_list
from armslength.delivery.peaks import Peaks
from armslength.delivery.sealing import SealedFile, seal, unseal
from armslength.errors import Malformed, Unverified

from .support import HERE, commit_of, content, sealed_file

BATCH = 64 * CHUNK
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, BATCH - 1, BATCH, BATCH + 1, BATCH + CHUNK, 2 * BATCH]


@pytest.mark.parametrize("size", SIZES)
def test_opens_again(tmp_path: Path, size: int) -> None:
    """What was sealed opens to the same bytes, at every size around chunk and batch boundaries."""
    plain, cipher, sealed = sealed_file(tmp_path, size)
    unseal(cipher, tmp_path / "out", sealed.key, HERE, commit_of(sealed))
    assert (tmp_path / "out").read_bytes() == plain.read_bytes()
    assert cipher.stat().st_size == sealed.cipher_size == chunks.sealed_size(size)
    assert sealed.size == size
    assert {path.name for path in tmp_path.iterdir()} == {"plain", "cipher", "cipher.chunks", "out"}


def test_no_more_than_a_part_of_a_large_file_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealing and opening flush as they go: else whatever is written meanwhile waits for all of the file."""
    most, flushed = 2 * BATCH, [0]

    def flush(file: int) -> None:
        os.fsync(file)
        flushed.append(os.fstat(file).st_size)

    monkeypatch.setattr(chunks, "UNFLUSHED", most)
    monkeypatch.setattr(chunks, "_flushed", flush)
    _, cipher, sealed = sealed_file(tmp_path, 9 * BATCH)
    while_sealing, flushed[:] = list(flushed), [0]
    unseal(cipher, tmp_path / "out", sealed.key, HERE, commit_of(sealed))
    for sizes in (while_sealing, flushed):
        assert len(sizes) >= 4
        assert max(after - before for before, after in itertools.pairwise([*sizes, 9 * BATCH])) <= most + 2 * BATCH


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5 * CHUNK), st.binary(min_size=32, max_size=32), st.binary(max_size=64))
def test_opens_again_under_any_key_and_context(size: int, key: bytes, context: bytes) -> None:
    """Key and context may be any bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain").write_bytes(content(size))
        sealed = seal(folder / "plain", folder / "cipher", context, key)
        unseal(folder / "cipher", folder / "out", key, context, commit_of(sealed))
        assert (folder / "out").read_bytes() == content(size)


@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK + 5])
def test_follows_the_written_format(tmp_path: Path, size: int) -> None:
    """Header, chunks and both roots are what the format says, worked out here from HKDF, AES-GCM and SHA-256 alone."""
    plain, cipher, sealed = sealed_file(tmp_path, size)
    data, text = cipher.read_bytes(), plain.read_bytes()
    salt, committed = data[:24], data[24:HEADER]
    name = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
    derived = HKDFExpand(SHA512(), 32 + 12 + 32, name + salt + HERE).derive(sealed.key)
    assert (committed, sealed.header) == (derived[44:], base64.b64encode(data[:HEADER]).decode())
    plain_tree, cipher_tree, listing = Tree(), Tree(), b""
    for index in range(size // CHUNK + 1):
        chunk = data[HEADER + index * SEALED_CHUNK :][:SEALED_CHUNK]
        nonce = (int.from_bytes(derived[32:44], "big") ^ index).to_bytes(12, "big")
        piece = AESGCM(derived[:32]).decrypt(nonce, chunk, None)
        assert piece == text[index * CHUNK :][:CHUNK]
        leaf_salt = sha256(b"armslength/salt/1\n" + sealed.key + index.to_bytes(8, "big")).digest()
        plain_tree.append(sha256(b"\x00" + leaf_salt + piece).digest())
        cipher_tree.append(sha256(b"\x00" + chunk).digest())
        listing += cipher_tree.leaves[-1]
    assert sealed.plain_root == plain_tree.root().hex()
    assert sealed.cipher_root == cipher_tree.root().hex()
    assert chunk_list(cipher).read_bytes() == listing


@settings(max_examples=40)
@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_the_small_tree_agrees_with_the_records(leaves: list[bytes]) -> None:
    """Roots in logarithmic memory equal the record's Merkle tree."""
    peaks = Peaks()
    for leaf in leaves:
        peaks.append(leaf)
    assert peaks.root() == Tree(leaves).root().hex()


def test_the_same_file_seals_differently_each_time(tmp_path: Path) -> None:
    """Neither ciphertext nor plaintext root tells that two sealed files hold the same."""
    first = sealed_file(tmp_path, 100)[2]
    second = sealed_file(tmp_path, 100)[2]
    assert first.key != second.key
    assert first.plain_root != second.plain_root
    assert first.cipher_root != second.cipher_root


def test_a_sealed_value_does_not_print_its_key(tmp_path: Path) -> None:
    """A key in a log line would be a release."""
    assert "key" not in repr(sealed_file(tmp_path, 1)[2])


def spoil(data: bytes, how: str) -> bytes:
    """A sealed file of four chunks, spoilt."""
    first, second = (slice(HEADER + i * SEALED_CHUNK, HEADER + (i + 1) * SEALED_CHUNK) for i in (0, 1))
    if how == "swap":
        return data[:HEADER] + data[second] + data[first] + data[second.stop :]
    if how == "truncate":
        return data[:-1]
    if how == "drop the last chunk":
        return data[: HEADER + 3 * SEALED_CHUNK]
    if how == "extend":
        return data + b"\x00"
    if how == "repeat":
        return data[: first.stop] + data[first] + data[second.stop :]
    place = {"flip the salt": 3, "flip the key commitment": 40, "flip a chunk": 2 * SEALED_CHUNK, "flip a tag": -1}[how]
    spoilt = bytearray(data)
    spoilt[place] ^= 1
    return bytes(spoilt)


@pytest.mark.parametrize(
    "how",
    [
        "swap",
        "truncate",
        "drop the last chunk",
        "extend",
        "repeat",
        "flip the salt",
        "flip the key commitment",
        "flip a chunk",
        "flip a tag",
    ],
)
def test_refuses_a_file_that_was_altered(tmp_path: Path, how: str) -> None:
    """A file that is not the committed one is ours to fetch again, no grounds for a complaint, and leaves nothing."""
    _, cipher, sealed = sealed_file(tmp_path, 3 * CHUNK + 10)
    cipher.write_bytes(spoil(cipher.read_bytes(), how))
    with pytest.raises(Unverified) as caught:
        unseal(cipher, tmp_path / "out", sealed.key, HERE, commit_of(sealed))
    assert caught.value.code == "altered"
    assert not isinstance(caught.value, Complaint)
    assert not list(tmp_path.glob("out*"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 4 * CHUNK), st.data())
def test_refuses_any_flipped_bit(size: int, data: st.DataObject) -> None:
    """No bit of a sealed file can change unnoticed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, cipher, sealed = sealed_file(folder, size)
        spoilt = bytearray(cipher.read_bytes())
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        cipher.write_bytes(spoilt)
        with pytest.raises(Unverified, match="committed to"):
            unseal(cipher, folder / "out", sealed.key, HERE, commit_of(sealed))
        assert not (folder / "out").exists()


def complaint(folder: Path, cipher: Path, key: bytes, context: bytes, sealed: SealedFile) -> Complaint:
    """What opening complains of, having left nothing behind."""
    with pytest.raises(Complaint) as caught:
        unseal(cipher, folder / "out", key, context, commit_of(sealed))
    assert not list(folder.glob("out*"))
    return caught.value


def test_complains_of_a_key_that_is_not_the_committed_one(tmp_path: Path) -> None:
    """The header commits to one key; the evidence is the same for whoever repeats the check."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    first = complaint(tmp_path, cipher, os.urandom(32), HERE, sealed)
    second = complaint(tmp_path, cipher, bytes(32), HERE, sealed)
    assert first.code == "wrong-key"
    assert first.hash == second.hash == sha256(first.evidence).hexdigest()


@pytest.mark.parametrize(
    "there",
    [
        ("cd" * 32, "T1", "did:web:a.example", "did:web:b.example"),
        ("ab" * 32, "T2", "did:web:a.example", "did:web:b.example"),
        ("ab" * 32, "T1", "did:web:b.example", "did:web:a.example"),
    ],
)
def test_complains_of_a_file_sealed_for_elsewhere(tmp_path: Path, there: tuple[str, str, str, str]) -> None:
    """A file sealed for another arrangement, tranche or direction does not open here, whoever has the key."""
    _, cipher, sealed = sealed_file(tmp_path, 10, sealing.context(*there))
    assert complaint(tmp_path, cipher, sealed.key, HERE, sealed).code == "wrong-key"


@pytest.mark.parametrize("bad", [0, 64, 65])
def test_complains_of_a_committed_chunk_that_does_not_open(tmp_path: Path, bad: int) -> None:
    """A provider that commits to garbage is named with the chunk."""
    _, cipher, sealed = sealed_file(tmp_path, 65 * CHUNK + 7)
    data = bytearray(cipher.read_bytes())
    data[HEADER + bad * SEALED_CHUNK + 5] ^= 1
    cipher.write_bytes(data)
    leaves = [sha256(b"\x00" + data[at : at + SEALED_CHUNK]).digest() for at in range(HEADER, len(data), SEALED_CHUNK)]
    sealed = dataclasses.replace(sealed, cipher_root=Tree(leaves).root().hex())
    found = complaint(tmp_path, cipher, sealed.key, HERE, sealed)
    assert (found.code, f'"chunk":{bad},' in found.evidence.decode()) == ("chunk", True)
    assert f"chunk {bad} of 66" in found.reason


def test_complains_of_other_content_than_committed(tmp_path: Path) -> None:
    """Good ciphertext of other content shows in the plaintext root."""
    _, cipher, sealed = sealed_file(tmp_path, 2 * CHUNK)
    other = dataclasses.replace(sealed, plain_root="00" * 32)
    found = complaint(tmp_path, cipher, sealed.key, HERE, other)
    assert found.code == "plain-root"
    assert sealed.plain_root in found.evidence.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plain_root", "AB" * 32),
        ("cipher_root", "ab" * 31),
        ("size", -1),
        ("size", 11),
        ("size", 2**60),
        ("cipher_size", 0),
        ("header", "!"),
        ("header", "AAAA"),
    ],
)
def test_refuses_a_commitment_out_of_form(tmp_path: Path, name: str, value: object) -> None:
    """Sizes must agree, roots and header must have their one spelling, before anything is opened."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    wrong = dataclasses.replace(commit_of(sealed), **{name: value})
    with pytest.raises(Malformed) as caught:
        unseal(cipher, tmp_path / "out", sealed.key, HERE, wrong)
    assert caught.value.place in {name, "cipher_size"}


def test_refuses_a_header_in_a_second_spelling(tmp_path: Path) -> None:
    """Unused base64 bits and line breaks are refused: one header, one commitment."""
    sealed = sealed_file(tmp_path, 10)[2]
    text = sealed.header
    last = text[-2]
    swapped = text[:-2] + chr(ord(last) + 1) + "=" if last.isalnum() else text
    for wrong in (text + "\n", " " + text, text.rstrip("="), swapped):
        if wrong != text:
            with pytest.raises(Malformed):
                chunks.header(dataclasses.replace(sealed, header=wrong))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_refuses_a_key_of_another_length(tmp_path: Path, length: int) -> None:
    """A file key has 32 bytes, for sealing as for opening."""
    plain, cipher, sealed = sealed_file(tmp_path, 10)
    with pytest.raises(Malformed, match="32 bytes"):
        seal(plain, tmp_path / "other", HERE, bytes(length))
    with pytest.raises(Malformed, match="32 bytes"):
        unseal(cipher, tmp_path / "out", bytes(length), HERE, commit_of(sealed))
    assert not list(tmp_path.glob("o*"))


def test_an_earlier_result_survives_a_failed_opening(tmp_path: Path) -> None:
    """The target is replaced only by a whole, true file."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    (tmp_path / "out").write_bytes(b"kept")
    with pytest.raises(Complaint):
        unseal(cipher, tmp_path / "out", bytes(32), HERE, commit_of(sealed))
    assert (tmp_path / "out").read_bytes() == b"kept"


def test_files_are_private(tmp_path: Path) -> None:
    """Only their owner reads sealed and opened files."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    unseal(cipher, tmp_path / "out", sealed.key, HERE, commit_of(sealed))
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("cipher", "cipher.chunks", "out")} == {0o600}
