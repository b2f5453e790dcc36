"""Receipts: offline proofs that a leaf is in the record (c2sp.org/tlog-proof@v1), without the `extra` line."""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.record.checkpoint import decimal
from armslength.core.record.keys import from_base64, to_base64
from armslength.core.record.merkle import HASH_SIZE
from armslength.core.record.note import Note, parse
from armslength.errors import Malformed

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63


@dataclass(frozen=True, slots=True)
class Receipt:
    """Leaf `index` is in the tree of the signed checkpoint, as `path` shows."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Note

    def encode(self) -> str:
        """The text of the proof."""
        lines = [HEADER, f"index {self.index}", *(to_base64(node) for node in self.path)]
        return "\n".join(lines) + "\n\n" + self.checkpoint.encode()


def parse_receipt(data: str, place: str = "receipt") -> Receipt:
    """The receipt in `data`; only the exact spelling that `encode` writes. Raises Malformed."""
    head, blank, note = data.partition("\n\n")
    header, *lines = head.split("\n")
    if not blank or header != HEADER or not lines or not lines[0].startswith("index "):
        raise Malformed("bad-receipt", "not a tlog-proof@v1 with an index", place)
    index = decimal(lines[0].removeprefix("index "), place)
    if len(lines) > MAX_PATH + 1:
        raise Malformed("bad-receipt", f"more than {MAX_PATH} hashes", place)
    return Receipt(index, tuple(from_base64(line, place, HASH_SIZE) for line in lines[1:]), parse(note, place))
