"""Bundles: a closed set of files from which anyone recomputes, offline, who did what, when, and what it led to.

    manifest.json               {v, arrangement, exporter, files: {path: sha256}, sig}, signed by the exporter
    arrangement.json            the canonical terms; their hash names the arrangement
    clauses/<id>.txt            the clauses' texts, bound by the terms
    record/<number>.jsonl       the leaves, one a line, 1000 a file
    checkpoint                  the last seal's note: keeper's signature and cosignatures
    receipts/<index>.tlog-proof for every leaf below the checkpoint
    keys/<actor>.json           who an actor is and its keys, as in the terms
    vkeys                       verifier keys for foreign tools: the keeper's log key, then the cosigners

`verify` folds the record as every node does, rebuilds all that can be derived and compares it byte for byte. Whoever
rewrites everything under new keys is consistent too: only `expect`, the arrangement's hash, tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from armslength.core.arrangement.state import Change
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest, plain
from armslength.core.record.checkpoint import parse_checkpoint
from armslength.core.record.entry import Entry
from armslength.core.record.keys import Sign, from_base64, to_base64, verify
from armslength.core.record.note import parse
from armslength.core.record.replica import Replica
from armslength.errors import ArmslengthError, Malformed, Unverified
from armslength.wire.proof import Receipt
from armslength.wire.record import decode_leaf
from armslength.wire.strict import decode
from armslength.wire.terms import faults
from armslength.wire.terms_json import decode_terms, encode_terms

MANIFEST_PREFIX = b"armslength/manifest/1\n"
LEAVES_PER_FILE = 1000
MAX_MANIFEST = 256 * 1024 * 1024

MANIFEST, TERMS, CHECKPOINT, VKEYS = "manifest.json", "arrangement.json", "checkpoint", "vkeys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the exporter signs: the SHA-256 (hex) of every other file."""

    v: int = 1
    arrangement: str
    exporter: str
    files: dict[str, str]
    sig: str


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """One entry of a verified record: its index, the entry, its time and what it changed."""

    index: int
    entry: Entry
    at: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """What fails verification, and the first entry or the file concerned."""

    code: str
    reason: str
    entry: int | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bundle proves, as of its last seal. If verification fails, `error` says where, and the rest is what had
    been established before. `pinned`: it is the arrangement that the caller expected (rule 7.1c)."""

    error: Failure | None
    pinned: bool
    terms: Arrangement | None = None
    arrangement: str | None = None
    replica: Replica | None = None
    exporter: str | None = None
    timeline: tuple[VerifiedEntry, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.error is None

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain data, every field always present."""
        replica, state = self.replica, self.replica.state if self.replica else None
        return {
            "ok": self.ok,
            "arrangement": self.arrangement,
            "entries": replica.size if replica else 0,
            "time": state.clock.tau if state else None,
            "clock": self.terms.clock if self.terms else None,
            "pinned": self.pinned,
            "exporter": self.exporter,
            "state_root": replica.state_root if replica else None,
            "tree_root": replica.tree_root if replica else None,
            "state": state
            and {
                "arrangement": state.shown,
                "duties": {name: duty.state for name, duty in sorted(state.duties.items())},
                "tranches": {name: tranche.shown for name, tranche in sorted(state.tranches.items())},
            },
            "error": self.error
            and {
                "code": self.error.code,
                "entry": self.error.entry,
                "file": self.error.file,
                "reason": self.error.reason,
            },
        }


def build(
    replica: Replica, leaves: Sequence[bytes], texts: Mapping[str, str], exporter: str, sign: Sign
) -> dict[str, bytes]:
    """The files of a bundle, by path. `leaves` are the replica's; what follows the last seal is left out by the caller
    (`replica.sealed_size` leaves remain). `texts` are the clauses' texts by id; `sign` is the exporter's entries key.
    """
    if not replica.sealed_size == replica.size == len(leaves):
        raise Unverified("unsealed", "a bundle ends with a seal", entry=replica.sealed_size)
    files = _content(replica, leaves, texts)
    unsigned = Manifest(arrangement=replica.arrangement, exporter=exporter, files=_hashes(files), sig="")
    signed = {**plain(unsigned), "sig": to_base64(sign(_manifest_message(unsigned)))}
    return dict(sorted({**files, MANIFEST: canonical(signed)}.items()))


def verify_bundle(files: Mapping[str, bytes], expect: str | None = None) -> Verdict:
    """The verdict on a bundle's files, by path. Never raises because of their content (rule 7.1b)."""
    check = _Check(files, expect)
    try:
        check.run()
    except Unverified as error:
        return check.verdict(Failure(error.code, error.reason, error.entry, error.file))
    return check.verdict(None)


class _Check:
    """One verification, in the order in which a failure is most informative: terms, record, derived files, manifest."""

    def __init__(self, files: Mapping[str, bytes], expect: str | None) -> None:
        self.files = files
        self.expect = expect
        self.pinned = False
        self.terms: Arrangement | None = None
        self.arrangement: str | None = None
        self.replica: Replica | None = None
        self.exporter: str | None = None
        self.leaves: list[bytes] = []
        self.timeline: list[VerifiedEntry] = []

    def verdict(self, error: Failure | None) -> Verdict:
        """What was established."""
        return Verdict(
            error, self.pinned, self.terms, self.arrangement, self.replica, self.exporter, tuple(self.timeline)
        )

    def run(self) -> None:
        """Raises Unverified at the first failure."""
        data = self._file(TERMS)
        self.arrangement = digest(data)
        if self.expect is not None and self.arrangement != self.expect:
            raise Unverified("other-arrangement", f"is {self.arrangement}, not the expected one", file=TERMS)
        self.pinned = self.expect is not None
        try:
            self.terms = decode_terms(data)
            texts = self._clauses(self.terms)
            for fault in faults(self.terms, texts):
                raise Unverified("bad-terms", f"{fault.path}: {fault.reason}", file=TERMS)
            self.replica = Replica.start(self.terms)
        except Malformed as error:
            raise Unverified(error.code, str(error), file=TERMS) from None
        self._fold(self.replica)
        expected = _content(self.replica, self.leaves, texts)
        self._compare(expected)
        self._manifest(self.replica, expected)

    def _file(self, path: str) -> bytes:
        if path not in self.files:
            raise Unverified("missing-file", "is missing", file=path)
        return self.files[path]

    def _fold(self, replica: Replica) -> None:
        """Place every leaf."""
        for path, line in self._lines():
            index = len(self.leaves)
            try:
                leaf = decode_leaf(line)
                placed = replica.place(leaf)
            except ArmslengthError as error:
                raise Unverified(error.code, str(error), entry=index, file=path) from None
            self.leaves.append(line)
            self.timeline.append(VerifiedEntry(index, leaf.entry, placed.at, placed.changes))
        if not self.leaves or replica.sealed_size != replica.size:
            raise Unverified("unsealed", "the record does not end with a seal", entry=replica.sealed_size)

    def _lines(self) -> Iterator[tuple[str, bytes]]:
        number = 0
        while (path := _record_path(number)) in self.files or number == 0:
            *lines, rest = self._file(path).split(b"\n")
            if rest:
                raise Unverified("bad-file", "does not end with a newline", file=path)
            yield from ((path, line) for line in lines)
            number += 1

    def _clauses(self, terms: Arrangement) -> dict[str, str]:
        """The clauses' texts, each the one that was signed."""
        texts: dict[str, str] = {}
        for name, clause in sorted(terms.clauses.items()):
            path = _clause_path(name)
            data = self._file(path)
            try:
                texts[name] = data.decode()
            except UnicodeDecodeError:
                raise Unverified("bad-clause", "is not UTF-8", file=path) from None
            if digest(data) != clause.sha256:
                raise Unverified("bad-clause", "is not the text that was signed", file=path)
        return texts

    def _compare(self, expected: Mapping[str, bytes]) -> None:
        """Every file is there, is what the record yields, and there is no other (rule 7.1a)."""
        for path, data in expected.items():
            if self._file(path) != data:
                raise Unverified("bad-file", "is not what the record yields", file=path)
        self._file(MANIFEST)
        for path in sorted(self.files):
            if path not in expected and path != MANIFEST:
                raise Unverified("unknown-file", "does not belong to a bundle", file=path)

    def _manifest(self, replica: Replica, expected: Mapping[str, bytes]) -> None:
        try:
            manifest = decode(Manifest, self.files[MANIFEST], MAX_MANIFEST)
            signature = from_base64(manifest.sig, "sig")
        except ArmslengthError as error:
            raise Unverified(error.code, str(error), file=MANIFEST) from None
        if manifest.v != 1 or manifest.arrangement != replica.arrangement:
            raise Unverified("bad-manifest", "is of another arrangement or version", file=MANIFEST)
        if manifest.files != _hashes(expected):
            raise Unverified("bad-manifest", "does not name exactly these files", file=MANIFEST)
        key = replica.roster.entries.get(manifest.exporter)
        if key is None or not verify(key, _manifest_message(manifest), signature):
            raise Unverified("bad-manifest", f"is not signed by {manifest.exporter!r}", file=MANIFEST)
        self.exporter = manifest.exporter


def _content(replica: Replica, leaves: Sequence[bytes], texts: Mapping[str, str]) -> dict[str, bytes]:
    """Every file but the manifest, for a record that ends with a seal."""
    files = {TERMS: encode_terms(replica.terms), **_records(leaves)}
    files |= {_clause_path(clause): texts[clause].encode() for clause in replica.terms.clauses}
    files[VKEYS] = "".join(f"{line}\n" for line in replica.roster.vkeys()).encode()
    for actor, named in replica.terms.actors.items():
        if named.keys is not None:
            files[f"keys/{actor}.json"] = canonical(named)
    return files | _receipts(replica)


def _receipts(replica: Replica) -> dict[str, bytes]:
    """The last seal's checkpoint, and a receipt for every leaf below it."""
    assert replica.checkpoint is not None  # noqa: S101 - a sealed record has one
    note = parse(replica.checkpoint)
    size = parse_checkpoint(note.text).size
    files = {CHECKPOINT: replica.checkpoint.encode()}
    for index in range(size):
        path = tuple(replica.inclusion(index, size))
        files[receipt_path(index)] = Receipt(index, path, note).encode().encode()
    return files


def receipt_path(index: int) -> str:
    """Where a bundle has the receipt of a leaf."""
    return f"receipts/{index:08d}.tlog-proof"


def _records(leaves: Sequence[bytes]) -> dict[str, bytes]:
    starts = range(0, len(leaves), LEAVES_PER_FILE)
    parts = (leaves[start : start + LEAVES_PER_FILE] for start in starts)
    return {_record_path(number): b"".join(leaf + b"\n" for leaf in part) for number, part in enumerate(parts)}


def _record_path(number: int) -> str:
    return f"record/{number:08d}.jsonl"


def _clause_path(clause: str) -> str:
    return f"clauses/{clause}.txt"


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: digest(data) for path, data in files.items()}


def _manifest_message(manifest: Manifest) -> bytes:
    fields = plain(manifest)
    del fields["sig"]
    return MANIFEST_PREFIX + canonical(fields)
