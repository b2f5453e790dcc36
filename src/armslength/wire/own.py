"""Armslength's own messages between nodes, under `/armslength/1/`, and what a node stores about them.

Leaves are sent as they enter the record: canonical, one per line. Everything else is canonical JSON. The paths:

    POST propose               a Proposal -> a Reply
    GET  propose/{arrangement} -> a Reply: what this node says to these terms
    POST submit/{arrangement}  leaves without our stamp -> Answers
    POST sync/{arrangement}    ?start=N, leaves from index N -> SyncAnswer
    POST add-checkpoint        c2sp.org/tlog-witness -> cosignature lines
    GET  head/{arrangement}    ?entry=HASH… -> the last sealed head, and which of these entries it covers (Sealed)
    GET  cosigned/{arrangement}-> the head that this timekeeper stands by (a signed note)
    GET  own/{arrangement}     -> what this node holds of the caller's own words that no seal covers (RecallAnswer)
    GET  rest/{arrangement}    -> whether there is anything left to do (Rest)
    GET  leaves/{arrangement}  ?start=N -> leaves up to the last seal
    POST hello                 the caller is up, after it was not
    GET  arrangements          ?from=PLACE&known=HASH… -> those that name the caller
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from armslength.core.canonical import canonical
from armslength.core.record.entry import MAX_LEAF, Entry, Head, Leaf, Refusal, Stamp, Submission, entry_hash
from armslength.core.record.keys import from_base64
from armslength.core.record.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from armslength.errors import Malformed
from armslength.wire.record import decode_leaf, decode_submission, encode
from armslength.wire.strict import convert, decode, parse

BASE = "/armslength/1"  # rule 8.1a
MAX_LEAVES = 1000  # in one message
PORTION = 20  # leaves that are read or judged before others have their turn
MAX_ASKED = 100  # entries that one request for a head may ask about
MAX_BODY = 16 * 1024 * 1024
MAX_TEXTS = 2000  # clauses' texts beside terms
MAX_PROPOSAL = 2 * 1024 * 1024
MAX_ANSWER = 8 * 1024 * 1024
MAX_NOTE = 2000  # characters beside a proposal
MAX_REASON = 500  # characters of why terms are declined
WAITING, ACCEPTED, DECLINED = ANSWERS = ("waiting", "accepted", "declined")  # what a node says to proposed terms
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionAnswer:
    """A timekeeper's answer to one submission: its stamp, or why not. `refusal` is the keeper's, signed and final;
    `code` and `reason` alone mean "not now, by what I see"."""

    entry: str
    stamp: Stamp | None = None
    refusal: Refusal | None = None
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One answer for each submission, in order."""

    answers: tuple[SubmissionAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAnswer:
    """Where a follower stands after a sync, and (as text lines) the leaves that it stamped and misses."""

    sealed: int
    size: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleReport:
    """How many leaves a node has sealed, its time, and what is still going on there, in words."""

    sealed: int
    now: int
    pending_work: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Terms that a party proposes: the canonical document as text, the clause texts, and what they replace."""

    document: str
    texts: Annotated[dict[str, str], msgspec.Meta(max_length=MAX_TEXTS)]
    replaces: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReply:
    """What a node says to proposed terms: "waiting" (for its owner), "accepted" (it is engaged) or "declined", with the
    owner's reason."""

    arrangement: str
    answer: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """A leaf (as a text line) and the way from it to a head's root, hashes in base64."""

    index: int
    leaf: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHead:
    """The last sealed head: what an author states to have seen, and the checkpoint that shows it. `included` are those
    of the entries asked for that it covers, and the last entry of the author asked for."""

    head: Head
    checkpoint: str
    time: int
    included: tuple[InclusionProof, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedRefusal:
    """A refusal of the keeper's, and whose entry with which number and predecessor it is about."""

    author: str
    number: int
    prev: str
    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallAnswer:
    """What a node holds of a caller's own words, for one that was restored from an older copy.

    now, sealed: the time on the node's machine (0: not said) and how many sealed leaves it can show; waiting: leaves
    (as text lines) that no seal covers, by the caller or with its stamp; record: for the keeper, the leaves after the
    last seal in the order in which it has shown them; cosigned: the head that the node cosigned last; refusals: the
    keeper's, of the caller's entries or, if the caller is the keeper, of the node's.
    """

    now: int
    sealed: int
    waiting: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    cosigned: str = ""
    refusals: tuple[NumberedRefusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangements:
    """The arrangements that a node holds and that name the caller. `more` says from where to ask for the others."""

    arrangements: tuple[Proposal, ...]
    more: str | None = None


PENDING, PLACED, REFUSED, PAST = "pending", "placed", "refused", "past"  # of an entry in the journal


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """An entry in the journal. status: pending (sent until sealed), placed, refused, past (refused, long since)."""

    submission: Submission
    stamps: tuple[Stamp, ...] = ()
    status: str = PENDING
    refusal: Refusal | None = None

    @property
    def entry(self) -> Entry:
        """The entry itself."""
        return self.submission.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that fails and is tried again.

    what: what does not get through; whom: the actor, DID or host at which it fails ("" : here); arrangement: its hash,
    or "" for what concerns no single one; since: UNIX seconds of the first failure; reason: the last one in words;
    attempts: how many there were.
    """

    what: str
    whom: str = ""
    arrangement: str = ""
    since: int
    reason: str
    advice: str = ""
    attempts: int = 1


def encode_leaves(leaves: Iterable[Leaf]) -> bytes:
    """Leaves as lines."""
    return b"".join(encode(leaf) + b"\n" for leaf in leaves)


def split_lines(data: bytes) -> list[bytes]:
    """The lines of a body, each one leaf's bytes. Raises Malformed."""
    if not data:
        return []
    if not data.endswith(b"\n"):
        raise Malformed("bad-lines", "no final newline")
    lines = data[:-1].split(b"\n")
    if len(lines) > MAX_LEAVES:
        raise Malformed("too-large", f"more than {MAX_LEAVES} leaves in one message")
    return lines


def decode_leaves(data: bytes) -> list[Leaf]:
    """The leaves in a body, at most MAX_LEAVES. Raises Malformed naming the line."""
    return [leaf for portion in decode_portions(data) for leaf in portion]


def decode_portions(data: bytes) -> Iterator[list[Leaf]]:
    """The same, a few at a time, so that other work can be done in between."""
    lines = split_lines(data)
    for start in range(0, len(lines), PORTION):
        yield _decoded(lines[start : start + PORTION], start)


def _decoded(lines: Sequence[bytes], start: int) -> list[Leaf]:
    found = []
    for number, line in enumerate(lines, start):
        try:
            found.append(decode_leaf(line))
        except Malformed as error:
            raise Malformed(error.code, error.reason, f"line {number + 1}: {error.place or ''}".rstrip(": ")) from None
    return found


def encode_answers(answers: Sequence[SubmissionAnswer]) -> bytes:
    """The answers to a submit."""
    return canonical(Answers(answers=tuple(answers)))


def decode_answers(data: bytes) -> list[SubmissionAnswer]:
    """The answers to a submit. Raises Malformed."""
    return list(decode(Answers, data, MAX_ANSWER).answers)


def decode_synced(data: bytes) -> SyncAnswer:
    """The answer to a sync. Raises Malformed."""
    synced = decode(SyncAnswer, data, MAX_BODY)
    if not 0 <= synced.sealed <= synced.size:
        raise Malformed("bad-number", "not 0 ≤ sealed ≤ size", "sealed")
    return synced


def decode_idle(data: bytes) -> IdleReport:
    """What work a node has pending, if any. Raises Malformed."""
    return decode(IdleReport, data, MAX_LEAF)


def decode_shown(data: bytes) -> RecallAnswer:
    """What a node holds of our words. Raises Malformed."""
    return decode(RecallAnswer, data, MAX_BODY)


def decode_proposal(data: bytes) -> Proposal:
    """A proposal as it is sent; the terms in it are not examined. Raises Malformed."""
    found = decode(Proposal, data, MAX_PROPOSAL)
    if len(found.note) > MAX_NOTE:
        raise Malformed("too-large", f"at most {MAX_NOTE} characters", "note")
    if found.replaces is not None and not _HASH.fullmatch(found.replaces):
        raise Malformed("bad-hash", "not a SHA-256 in hex", "replaces")
    return found


def decode_reply(data: bytes, arrangement: str) -> ProposalReply:
    """What a node says to these terms. Raises Malformed."""
    found = decode(ProposalReply, data, MAX_LEAF)
    if found.arrangement != arrangement or found.answer not in ANSWERS:
        raise Malformed("bad-answer", f"no answer to {arrangement[:12]}", "answer")
    return found


def decode_sealed(data: bytes) -> SealedHead:
    """A sealed head. Raises Malformed."""
    return decode(SealedHead, data, MAX_BODY)


def covered(sealed: SealedHead) -> dict[str, Entry]:
    """The entries that are shown to be in the tree of this head, by hash. Raises Malformed."""
    root, found = bytes.fromhex(sealed.head.tree_root), dict[str, Entry]()
    for each in sealed.included:
        line = each.leaf.encode()
        path = [from_base64(node, "path", HASH_SIZE) for node in each.path]
        if verify_inclusion(leaf_hash(line), each.index, sealed.head.size, path, root):
            entry = decode_leaf(line).entry
            found[entry_hash(entry)] = entry
    return found


def decode_arrangements(data: bytes) -> Arrangements:
    """What a node holds. Raises Malformed."""
    return decode(Arrangements, data, MAX_BODY)


def encode_written(item: JournalEntry) -> bytes:
    """A journal entry as it is stored."""
    return canonical(item)


def decode_written(data: bytes) -> JournalEntry:
    """A stored journal entry. Raises Malformed."""
    fields = parse(data)
    return JournalEntry(
        submission=decode_submission(canonical(fields["submission"])),
        stamps=convert(tuple[Stamp, ...], fields["stamps"]),
        status=fields["status"],
        refusal=convert(Refusal, fields["refusal"]) if fields.get("refusal") else None,
    )
