"""Seal a file and open a sealed one: streamed, a mebibyte at a time, whatever the size.

The cipher is Cobblestone-256 rather than -128: a ciphertext is sent to a counterparty that may never receive the key
and can keep the ciphertext for ever; the longer key costs no measurable time. The cipher commits to its key, so that no
sealed file opens to two contents under two keys, and its tags detect chunks that are removed, added or reordered.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from armslength.core.arrangement.bodies import Commit
from armslength.core.canonical import canonical
from armslength.delivery import chunks
from armslength.delivery.chunks import BATCH, CHUNK, HEADER, SEALED_CHUNK, Commitment, Complaint
from armslength.delivery.peaks import Peaks
from armslength.errors import Malformed, Unverified

Tell = Callable[[int], None]


def _nobody(_: int) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """A sealed file: its commitment (see `chunks.Commitment`) and the key that opens it, which stays secret."""

    size: int
    plain_root: str
    cipher_size: int
    cipher_root: str
    header: str
    key: bytes = field(repr=False)


def new_key() -> bytes:
    """A fresh file key, 32 bytes."""
    return Cobblestone256Encryptor.generate_key()


def context(arrangement: str, tranche: str, provider: str, recipient: str) -> bytes:
    """What a sealed file is bound to: it opens only as this tranche, from this provider to this recipient."""
    names = {"arrangement": arrangement, "tranche": tranche, "provider": provider, "recipient": recipient}
    return b"armslength/seal/1\n" + canonical(names)


def describe(sealed: SealedFile, *, tranche: str, agreement: str, media_type: str) -> Commit:
    """The `commit` entry's body for a sealed tranche."""
    return Commit(
        tranche=tranche,
        agreement=agreement,
        media_type=media_type,
        size=sealed.size,
        plain_root=sealed.plain_root,
        cipher_size=sealed.cipher_size,
        cipher_root=sealed.cipher_root,
        header=sealed.header,
    )


def seal(source: Path, target: Path, context: bytes, key: bytes | None = None, *, tell: Tell = _nobody) -> SealedFile:
    """Seal `source` into `target`, with its chunk list beside it, both durable on return. One key seals one file.

    `tell` receives the number of bytes done, and may raise to abort. Raises Malformed for a key of another length,
    Misuse if `source` is no plain file, OSError if a file cannot be read or written; then there is nothing at `target`.
    """
    key = new_key() if key is None else _key(key)
    cipher = Cobblestone256Encryptor(key, context)
    leaves, plain_tree, cipher_tree = chunks.PlainLeaves(key), Peaks(), Peaks()
    block, out = bytearray(BATCH * CHUNK), bytearray((BATCH + 1) * SEALED_CHUNK)
    size = waiting = 0
    with chunks.plain_file(source) as reader, chunks.replacing(target) as file:
        header = cipher.update(b"")
        file.write(header)
        with chunks.replacing(chunks.chunk_list(target)) as listing:
            while True:
                got = reader.readinto(block)
                size += got
                tell(size)
                done = cipher.update_into(memoryview(block)[:got], out)
                for chunk in _pieces(memoryview(block)[: got - got % CHUNK], CHUNK):
                    plain_tree.append(leaves.next(chunk))
                sealed = memoryview(out)[:done]
                listing.write(_append(cipher_tree, sealed))
                file.write(sealed)
                waiting = chunks.eased(file, waiting + done)
                if got < len(block):  # the end: what is left, even nothing, is the last chunk
                    plain_tree.append(leaves.next(memoryview(block)[got - got % CHUNK : got]))
                    last = memoryview(cipher.finalize())
                    listing.write(_append(cipher_tree, last))
                    file.write(last)
                    break
    return SealedFile(
        size=size,
        plain_root=plain_tree.root(),
        cipher_size=chunks.sealed_size(size),
        cipher_root=cipher_tree.root(),
        header=base64.b64encode(header).decode(),
        key=key,
    )


def plain_root(source: Path, key: bytes, tell: Tell = _nobody) -> str:
    """The plaintext root that sealing `source` with this key gives; for `tell` see `seal`. Raises Malformed, Misuse,
    OSError."""
    leaves, tree, size = chunks.PlainLeaves(_key(key)), Peaks(), 0
    with chunks.plain_file(source) as reader:
        while len(block := reader.read(CHUNK)) == CHUNK:
            tree.append(leaves.next(memoryview(block)))
            size += CHUNK
            tell(size)
        tree.append(leaves.next(memoryview(block)))  # what is left, even nothing, is the last chunk
    return tree.root()


def unseal(source: Path, target: Path, key: bytes, context: bytes, commit: Commitment, *, tell: Tell = _nobody) -> None:
    """Open the sealed file `source` into `target`, which appears only when every chunk and the plaintext root hold.
    `tell` receives the number of bytes opened, and may raise to abort.

    Raises Complaint when the provider's own statements contradict each other: the committed header is not for this key
    and context ("wrong-key"), a chunk that is the committed one does not open ("chunk"), or the plaintext's root is not
    the committed one ("plain-root"). Raises Unverified ("altered") when `source` is not what was committed, and has to
    be downloaded again; Malformed for a commitment or key out of form; OSError.
    """
    header = chunks.header(commit)
    key = _key(key)
    found = source.stat().st_size
    if found != commit.cipher_size:
        raise Unverified("altered", f"{found} bytes, not the {commit.cipher_size} committed to", file=source.name)
    facts: dict[str, object] = {"commit": chunks.facts(commit), "context": base64.b64encode(context).decode()}
    cipher = Cobblestone256Decryptor(key, context)
    with source.open("rb") as reader, chunks.replacing(target) as file:
        if reader.read(HEADER) != header:
            raise Unverified("altered", "the header is not the one committed to", file=source.name)
        try:
            cipher.update(header)
        except InvalidTag:
            reason = "the key does not open the committed header for this arrangement, tranche, provider and recipient"
            raise Complaint("wrong-key", reason, facts) from None
        tree = Peaks()
        broken = _open(reader, file, cipher, chunks.PlainLeaves(key), tree, tell)
        if broken is None and tree.root() == commit.plain_root:
            return
        if (altered := _cipher_root(source)) != commit.cipher_root:
            place = "" if broken is None else f"chunk {broken} does not open, and "
            raise Unverified("altered", f"{place}the ciphertext root is {altered}, not the one committed to")
        if broken is not None:
            reason = f"chunk {broken} of {chunks.count(commit.size)} is as committed and does not open"
            raise Complaint("chunk", reason, {**facts, "chunk": broken})
        reason = f"the plaintext root is {tree.root()}, not the one committed to"
        raise Complaint("plain-root", reason, {**facts, "found": tree.root()})


def _open(
    reader: BinaryIO,
    file: BinaryIO,
    cipher: Cobblestone256Decryptor,
    leaves: chunks.PlainLeaves,
    tree: Peaks,
    tell: Tell,
) -> int | None:
    """Open every chunk from `reader` into `file` and `tree`; the number of the first that does not open, or None."""
    index = waiting = 0
    plain = bytearray(CHUNK)
    last = b""
    try:
        while block := reader.read(BATCH * SEALED_CHUNK):
            for chunk in _pieces(memoryview(block), SEALED_CHUNK):
                if cipher.update_into(
                    chunk, plain
                ):  # nothing for the last chunk, which is shorter: it waits for the end
                    tree.append(leaves.next(memoryview(plain)))
                    file.write(plain)
                    index += 1
            waiting = chunks.eased(file, waiting + len(block))
            tell(index * CHUNK)
        last = cipher.finalize()
    except InvalidTag:
        return index
    tree.append(leaves.next(last))
    file.write(last)
    return None


def _append(tree: Peaks, sealed: memoryview) -> bytes:
    """Add sealed chunks to the tree; their leaf hashes, one after the other."""
    leaves = [chunks.cipher_leaf(chunk) for chunk in _pieces(sealed, SEALED_CHUNK)]
    for leaf in leaves:
        tree.append(leaf)
    return b"".join(leaves)


def _cipher_root(source: Path) -> str:
    tree = Peaks()
    with source.open("rb") as reader:
        reader.seek(HEADER)
        while chunk := reader.read(SEALED_CHUNK):
            tree.append(chunks.cipher_leaf(chunk))
    return tree.root()


def _key(key: bytes) -> bytes:
    if len(key) != chunks.KEY:
        raise Malformed("key", f"a file key has {chunks.KEY} bytes, not {len(key)}")
    return key


def _pieces(view: memoryview, size: int) -> Iterator[memoryview]:
    return (view[start : start + size] for start in range(0, len(view), size))
