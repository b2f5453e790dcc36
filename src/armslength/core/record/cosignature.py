"""Timestamped cosignatures of checkpoints (c2sp.org/tlog-cosignature, Ed25519, `cosignature/v1`).

The line's blob is the 8-byte big-endian time (POSIX seconds) and the 64-byte signature. It says: as of that time,
this is the largest consistent head that the cosigner has seen of this record.
"""

from __future__ import annotations

from collections.abc import Sequence

from armslength.core.canonical import LARGEST
from armslength.core.record.keys import SIGNATURE_SIZE, Sign, Verify, verify
from armslength.core.record.note import COSIGNATURE, Signature, key_id

TIME_SIZE = 8


def message(text: str, time: int) -> bytes:
    """What is signed for a checkpoint's note text."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosign(text: str, time: int, name: str, key: bytes, sign: Sign) -> Signature:
    """`name`'s cosignature on the checkpoint text at `time`."""
    blob = time.to_bytes(TIME_SIZE, "big") + sign(message(text, time))
    return Signature(name, key_id(name, COSIGNATURE, key), blob)


def verify_cosignature(text: str, signature: Signature, key: bytes, verify: Verify = verify) -> int | None:
    """The time of `key`'s cosignature on the text, under the signature's own name; None if it is not one."""
    if signature.key_id != key_id(signature.name, COSIGNATURE, key):
        return None
    if len(signature.blob) != TIME_SIZE + SIGNATURE_SIZE:
        return None
    time = int.from_bytes(signature.blob[:TIME_SIZE], "big")
    if time > LARGEST or not verify(key, message(text, time), signature.blob[TIME_SIZE:]):
        return None
    return time


def lower_median(times: Sequence[int]) -> int:
    """The middle of the sorted times, the earlier of the two middles if their number is even (rule 2.1c)."""
    return sorted(times)[(len(times) - 1) // 2]
