"""The `add-checkpoint` request of c2sp.org/tlog-witness@v1.0.0, by which timekeepers are asked to cosign;
and the verifier keys by which others know them."""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.record.checkpoint import decimal
from armslength.core.record.keys import from_base64, public_key, to_base64
from armslength.core.record.merkle import HASH_SIZE
from armslength.core.record.note import COSIGNATURE, ED25519, Note, Signature, is_name, parse, parse_signature, vkey
from armslength.errors import Malformed

MAX_PROOF = 63


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A checkpoint that extends the tree of `old` leaves, as `proof` shows."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Note

    def encode(self) -> str:
        """The request body."""
        lines = [f"old {self.old}", *(to_base64(node) for node in self.proof)]
        return "\n".join(lines) + "\n\n" + self.checkpoint.encode()


def parse_add_checkpoint(data: str, place: str = "add-checkpoint") -> AddCheckpoint:
    """The request in `data`; only the exact spelling that `encode` writes. Raises Malformed."""
    head, blank, note = data.partition("\n\n")
    first, *lines = head.split("\n")
    if not blank or not first.startswith("old "):
        raise Malformed("bad-request", "not an old size, a proof and a checkpoint", place)
    if len(lines) > MAX_PROOF:
        raise Malformed("bad-request", f"more than {MAX_PROOF} proof lines", place)
    old = decimal(first.removeprefix("old "), place)
    return AddCheckpoint(old, tuple(from_base64(line, place, HASH_SIZE) for line in lines), parse(note, place))


def encode_cosignatures(signatures: tuple[Signature, ...]) -> str:
    """The answer's body: signature lines."""
    return "".join(signature.line for signature in signatures)


def parse_cosignatures(data: str, place: str = "cosignatures") -> tuple[Signature, ...]:
    """The signature lines of an answer. Raises Malformed."""
    if not data.endswith("\n"):
        raise Malformed("bad-note", "no final newline", place)
    return tuple(parse_signature(line, place) for line in data.removesuffix("\n").split("\n"))


def parse_vkey(text: str) -> tuple[str, int, bytes]:
    """The name, algorithm and public key of a verifier key. Raises Malformed."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_name(parts[0]):
        raise Malformed("bad-vkey", "not <name>+<id>+<key>", "vkey")
    data = from_base64(parts[2], "vkey")
    name, algorithm, key = parts[0], data[:1], data[1:]
    if algorithm not in (bytes([ED25519]), bytes([COSIGNATURE])):
        raise Malformed("bad-vkey", "unknown algorithm", "vkey")
    public_key(to_base64(key), "vkey")
    if vkey(name, algorithm[0], key) != text:
        raise Malformed("bad-vkey", "the key id does not belong to the key", "vkey")
    return name, algorithm[0], key
