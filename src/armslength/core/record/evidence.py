"""Judging evidence: whether two signed statements contradict each other, and whose they are.

equivocation  Two different entries of one author, arrangement and author_seq. Two entries of which one carries the
              keeper's refusal of the other are none: a refused entry's number is free again.
fork          Two checkpoints under the keeper's signature, of one origin and size, with different roots.
refusals      Accuses nobody: its entry carries the keeper's refusals of its author's entries with this number, and so
              puts them on record. Whatever its author says next has a number of its own, and need not carry them.

Nothing else is accepted: a broken promise needs proof that no refusal was given, which two statements cannot hold.
"""

from __future__ import annotations

import json

from armslength.core.arrangement.bodies import Evidence
from armslength.core.canonical import Json, JsonObject, canonical, digest
from armslength.core.record.checkpoint import parse_checkpoint
from armslength.core.record.entry import ENTRY_PREFIX, REFUSAL_PREFIX, Entry, Refusal, Submission, refusal_message
from armslength.core.record.keys import from_base64
from armslength.core.record.note import parse
from armslength.core.record.roster import Roster
from armslength.core.record.seal import by_keeper
from armslength.errors import Malformed, Refused


def judge(roster: Roster, entry: Entry) -> str | None:
    """The actor against whom the entry is evidence, or None. Raises Malformed or Refused if it proves nothing."""
    if not isinstance(entry.body, Evidence):
        return None
    if entry.body.kind != "refusals":
        return culprit(roster, entry.body)
    if entry.body.first or entry.body.second or not entry.refused:
        raise Refused("no-evidence", "carries no refusals, or states something besides them", "body")
    return None


def equivocation(first: Submission, second: Submission) -> Evidence:
    """The evidence that two entries of one author and number are; it is for `culprit` to judge."""
    return Evidence(kind="equivocation", first=canonical(first).decode(), second=canonical(second).decode())


def culprit(roster: Roster, evidence: Evidence) -> str:
    """The actor against whom the evidence speaks. Raises Malformed or Refused if it proves nothing (rule 1.4d)."""
    if evidence.kind == "equivocation":
        return _equivocation(roster, evidence)
    if evidence.kind == "fork":
        return _fork(roster, evidence)
    raise Refused("unknown-evidence", f"evidence of kind {evidence.kind!r} is not accepted", "body.kind")


def _equivocation(roster: Roster, evidence: Evidence) -> str:  # rule 1.4a
    first = _entry(roster, evidence.first, "body.first")
    second = _entry(roster, evidence.second, "body.second")
    if (first["author"], first["author_seq"]) != (second["author"], second["author_seq"]):
        raise Refused("no-evidence", "two entries of different authors or numbers", "body")
    hashes = digest(canonical(first)), digest(canonical(second))
    if hashes[0] == hashes[1]:
        raise Refused("no-evidence", "one entry, twice", "body")
    if hashes[0] in _refused(roster, second) or hashes[1] in _refused(roster, first):
        raise Refused("no-evidence", "one of the entries carries the keeper's refusal of the other", "body")
    return str(first["author"])


def _entry(roster: Roster, text: str, place: str) -> JsonObject:
    """The entry of a signed statement {entry, sig}. Its body is not judged: a signature on anything is one."""
    statement = _json(text, place)
    if not isinstance(statement, dict) or statement.keys() != {"entry", "sig"}:
        raise Malformed("bad-evidence", "not {entry, sig}", place)
    entry, sig = statement["entry"], statement["sig"]
    if not isinstance(entry, dict) or not isinstance(sig, str):
        raise Malformed("bad-evidence", "not {entry, sig}", place)
    author, number = entry.get("author"), entry.get("author_seq")
    if not isinstance(author, str) or not isinstance(number, int) or isinstance(number, bool):
        raise Malformed("bad-evidence", "an entry without author and number", place)
    if entry.get("arrangement") != roster.arrangement or author not in roster.entries:
        raise Refused("no-evidence", "an entry of another arrangement or author", place)
    if not roster.verify(roster.entries[author], ENTRY_PREFIX + canonical(entry), from_base64(sig, f"{place}.sig")):
        raise Refused("no-evidence", f"not signed by {author}", place)
    return entry


def _refused(roster: Roster, entry: JsonObject) -> set[str]:  # rule 1.4b
    """The entries whose refusal by the keeper this entry carries; refusals that do not verify count for nothing."""
    carried = entry.get("refused")
    named = set()
    for refusal in carried if isinstance(carried, list) else ():
        if not isinstance(refusal, dict) or refusal.get("arrangement") != roster.arrangement:
            continue
        sig, name = refusal.get("sig"), refusal.get("entry")
        if refusal.get("by") != roster.keeper or not isinstance(sig, str) or not isinstance(name, str):
            continue
        signed = canonical({field: value for field, value in refusal.items() if field != "sig"})
        if roster.is_signed(roster.entries[roster.keeper], REFUSAL_PREFIX + signed, sig):
            named.add(name)
    return named


def _fork(roster: Roster, evidence: Evidence) -> str:
    heads = []
    for text, place in ((evidence.first, "body.first"), (evidence.second, "body.second")):
        note = parse(text, place)
        checkpoint = parse_checkpoint(note.text, place)
        if checkpoint.origin != roster.origin:
            raise Refused("no-evidence", "a checkpoint of another record", place)
        if by_keeper(roster, note.text, note.signatures) is None:
            raise Refused("no-evidence", "not signed by the keeper", place)
        heads.append(checkpoint)
    if heads[0].size != heads[1].size or heads[0].root == heads[1].root:
        raise Refused("no-evidence", "two heads that agree, or of different sizes", "body")
    return roster.keeper


def refuses(roster: Roster, refusal: Refusal, name: str) -> bool:
    """Whether this is the keeper's signed refusal of the entry with this hash."""
    if (refusal.entry, refusal.by, refusal.arrangement) != (name, roster.keeper, roster.arrangement):
        return False
    return roster.is_signed(roster.entries[roster.keeper], refusal_message(refusal), refusal.sig)


def _json(text: str, place: str) -> Json:
    """Canonical JSON only: its re-encoding must be the text itself."""
    try:
        value = json.loads(text)
        same = canonical(value) == text.encode()
    except (ValueError, RecursionError):
        same, value = False, None
    if not same:
        raise Malformed("not-canonical", "not canonical JSON", place)
    return value
