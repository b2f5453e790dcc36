"""The shape of a sealed file, its leaf hashes, and what a commitment must look like.

A sealed file is one Cobblestone-256 message (C2SP chunked-encryption, SHA-512 and AES-256-GCM): 56 bytes of header
(24 of salt, 32 of key commitment), then chunks of 16 KiB plaintext with a 16-byte tag each, the last one shorter and
possibly empty. So plaintext and ciphertext have the same number of chunks, and chunk i of one is chunk i of the other.

    cipher leaf i = SHA-256(0x00 ‖ sealed chunk i)
    plain leaf i  = SHA-256(0x00 ‖ salt i ‖ plaintext chunk i),  salt i = SHA-256("armslength/salt/1\\n" ‖ key ‖ i)

with i as 8 bytes, big-endian; both roots are RFC 6962 over those leaves. Salted leaves hide the content until the key
is known, however guessable it is. The header is in no leaf: the commitment holds it whole.

Beside a sealed file lies its chunk list, the cipher leaves in order, 32 bytes each. Whoever holds the cipher root can
check the list, and with the list each chunk on its own, as it arrives and in any order.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Protocol

from armslength.core.canonical import canonical, digest
from armslength.errors import Malformed, Misuse, Unverified

CHUNK = 16 * 1024
TAG = 16
SEALED_CHUNK = CHUNK + TAG
HEADER = 56
HASH = 32
KEY = 32
BATCH = 64  # chunks worked on at a time: 1 MiB
UNFLUSHED = 64 * 1024 * 1024  # bytes of a file that may wait for the disk
LARGEST = CHUNK * 2**38 - 1  # what the cipher can number


class Commitment(Protocol):
    """What a provider commits to for a sealed file: sizes in bytes, roots in hex, the header in base64."""

    @property
    def size(self) -> int: ...
    @property
    def plain_root(self) -> str: ...
    @property
    def cipher_size(self) -> int: ...
    @property
    def cipher_root(self) -> str: ...
    @property
    def header(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """A sealed file that may be handed out, and its cipher root, which serves as its entity tag."""

    path: Path
    root: str


class Complaint(Unverified):
    """What was delivered contradicts what its provider committed to or released.

    `evidence` is canonical JSON and the same for everyone who repeats the check, so a judge who is given the ciphertext
    and the one-time key obtains the same `hash`, which the acknowledgement that complains contains.
    """

    def __init__(self, code: str, reason: str, evidence: dict[str, object]) -> None:
        super().__init__(code, reason)
        self.evidence = canonical({"v": 1, "code": code, **evidence})

    @property
    def hash(self) -> str:
        """SHA-256 of the evidence, hex."""
        return digest(self.evidence)


def count(size: int) -> int:
    """How many chunks a plaintext of `size` bytes has; the empty file has one."""
    return size // CHUNK + 1


def sealed_size(size: int) -> int:
    """How many bytes a plaintext of `size` bytes has once sealed."""
    return HEADER + size + TAG * count(size)


def chunk_list(path: Path) -> Path:
    """Where the chunk list of the sealed file at `path` lies."""
    return path.with_name(path.name + ".chunks")


def header(commit: Commitment) -> bytes:
    """The committed header. Raises Malformed unless every field of the commitment has its form and the sizes agree."""
    for name, root in (("plain_root", commit.plain_root), ("cipher_root", commit.cipher_root)):
        if not re.fullmatch("[0-9a-f]{64}", root):
            raise Malformed("commitment", "not 64 lower-case hex digits", name)
    if not 0 <= commit.size <= LARGEST:
        raise Malformed("commitment", "not a size the cipher can hold", "size")
    if commit.cipher_size != sealed_size(commit.size):
        reason = f"{commit.size} bytes make {sealed_size(commit.size)} when sealed, not {commit.cipher_size}"
        raise Malformed("commitment", reason, "cipher_size")
    try:
        value = base64.b64decode(commit.header, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != HEADER or base64.b64encode(value).decode() != commit.header:
        raise Malformed("commitment", f"not {HEADER} bytes of standard base64", "header")
    return value


def facts(commit: Commitment) -> dict[str, object]:
    """The commitment as plain data, for evidence."""
    names = ("size", "plain_root", "cipher_size", "cipher_root", "header")
    return {name: getattr(commit, name) for name in names}


def cipher_leaf(chunk: bytes | memoryview) -> bytes:
    """The leaf hash of a sealed chunk."""
    leaf = sha256(b"\x00")
    leaf.update(chunk)
    return leaf.digest()


class PlainLeaves:
    """Leaf hashes of plaintext chunks in order, each with the salt derived from key and index."""

    def __init__(self, key: bytes) -> None:
        self._salt = sha256(b"armslength/salt/1\n" + key)
        self._index = 0

    def next(self, chunk: bytes | memoryview) -> bytes:
        """The leaf hash of the next chunk."""
        salt = self._salt.copy()
        salt.update(self._index.to_bytes(8, "big"))
        self._index += 1
        leaf = sha256(b"\x00" + salt.digest())
        leaf.update(chunk)
        return leaf.digest()


_flushed = getattr(os, "fdatasync", os.fsync)  # not every system has it


@contextmanager
def plain_file(path: Path) -> Iterator[BufferedReader]:
    """A plain file to read, as its owner names it. Raises OSError, and Misuse for a folder, a device or a pipe."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))  # a pipe would make us wait
    mode = os.fstat(opened).st_mode
    if not stat.S_ISREG(mode):
        os.close(opened)
        raise Misuse("no-file", "is a directory" if stat.S_ISDIR(mode) else "is no plain file", str(path))
    with open(opened, "rb") as file:
        yield file


def draft(target: Path) -> Path:
    """Where a file is written until it is complete."""
    return target.with_name(target.name + ".tmp")


@contextmanager
def drafting(target: Path) -> Iterator[BinaryIO]:
    """A private file that `finish` may put in the place of `target`; where the block does not, it is removed."""
    aside = draft(target)
    try:
        with open(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
    finally:
        aside.unlink(missing_ok=True)


def finish(file: BinaryIO, target: Path) -> None:
    """Flush a draft of `target` to disk, and give it its name. That takes as long as the disk does."""
    file.flush()
    os.fsync(file.fileno())
    settle(draft(target), target)


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A private file that takes the place of `target`, flushed to disk, if the block ends well; else it is removed."""
    with drafting(target) as file:
        yield file
        finish(file, target)


def eased(file: BinaryIO, waiting: int) -> int:
    """How many written bytes may wait for the disk from now on, of these; flushes them first if they are too many.

    Whoever else writes meanwhile, the node's database above all, would otherwise wait until all of a large file is on
    disk.
    """
    if waiting < UNFLUSHED:
        return waiting
    file.flush()
    _flushed(file.fileno())
    return 0


def settle(draft: Path, target: Path) -> None:
    """Give a finished file its name, durably."""
    draft.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
