"""Cosigned checkpoints: what a seal carries, what timekeepers answer, what a receipt ends with.

Such a note holds the keeper's log signature first, then cosignatures of timekeepers in the order of their actor ids:
every line known and valid, none twice. So a set of signatures has one spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from armslength.core.record.checkpoint import Checkpoint, parse_checkpoint
from armslength.core.record.cosignature import verify_cosignature
from armslength.core.record.note import Note, Signature, parse, verify_note
from armslength.core.record.roster import Roster
from armslength.errors import Malformed, Refused


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint under the keeper's signature, and the times at which timekeepers cosigned it."""

    checkpoint: Checkpoint
    times: dict[str, int]
    note: Note


def by_keeper(roster: Roster, text: str, signatures: Iterable[Signature]) -> Signature | None:
    """The keeper's log signature on the checkpoint text, if it is among these."""
    key = roster.checkpoints[roster.keeper]
    return next((s for s in signatures if s.name == roster.origin and verify_note(text, s, key, roster.verify)), None)


def open_checkpoint(roster: Roster, data: str | bytes, place: str = "checkpoint") -> Cosigned:
    """The signed checkpoint in `data`, every signature verified. Raises Malformed or Refused."""
    note = parse(data, place)
    checkpoint = parse_checkpoint(note.text, place)
    if checkpoint.origin != roster.origin:
        raise Refused("wrong-origin", "a checkpoint of another record", place)
    log, *lines = note.signatures
    if by_keeper(roster, note.text, [log]) is None:
        raise Refused("bad-log-signature", "not signed by the keeper", place)
    return Cosigned(checkpoint, _times(roster, note.text, lines, place), note)


def open_cosignature(roster: Roster, text: str, signature: Signature, place: str = "cosignature") -> tuple[str, int]:
    """Whose cosignature on the checkpoint text this is, and its time. Raises Refused."""
    actor = next((actor for actor in roster.timekeepers if roster.names[actor] == signature.name), None)
    if actor is None:
        raise Refused("unknown-cosigner", f"{signature.name} is no timekeeper", place)
    time = verify_cosignature(text, signature, roster.checkpoints[actor], roster.verify)
    if time is None:
        raise Refused("bad-cosignature", f"not a cosignature of {actor}", place)
    return actor, time


def assemble(roster: Roster, text: str, log: Signature, cosignatures: Mapping[str, Signature]) -> Note:
    """The note with the keeper's signature and the cosignatures, by actor, in their one order."""
    ordered = tuple(cosignatures[actor] for actor in roster.timekeepers if actor in cosignatures)
    return Note(text, (log, *ordered))


def _times(roster: Roster, text: str, lines: list[Signature], place: str) -> dict[str, int]:
    times: dict[str, int] = {}
    for line in lines:
        actor, time = open_cosignature(roster, text, line, place)
        if times and actor <= max(times):
            raise Malformed("bad-order", "cosignatures are not in the order of their actors, or repeat", place)
        times[actor] = time
    return times
