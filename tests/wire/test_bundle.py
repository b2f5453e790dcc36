"""Bundles: what an outsider recomputes, and that nothing in them can be altered, added or removed unseen."""

from __future__ import annotations

import dataclasses
import json
import os
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Attest, Sign
from armslength.core.canonical import canonical, digest
from armslength.core.record.checkpoint import parse_checkpoint
from armslength.core.record.keys import to_base64
from armslength.core.record.merkle import leaf_hash, verify_inclusion
from armslength.core.record.note import Note, Signature, parse
from armslength.core.record.replica import Replica
from armslength.errors import Malformed, Unverified
from armslength.wire import bundle
from armslength.wire.proof import parse_receipt
from armslength.wire.record import decode_leaf
from armslength.wire.terms_json import arrangement_hash, decode_terms, encode_terms
from tests.golden.terms import at
from tests.record_builder import Builder, clause_texts, golden_record, keyed_terms, keys_of, signer

Files = dict[str, bytes]
TERMS = "arrangement.json"
THOROUGH = "ARMSLENGTH_THOROUGH" in os.environ  # every byte of the small bundle, thousands of the golden one: minutes
SAMPLES = 3000 if THOROUGH else 200


def files_of(builder: Builder) -> Files:
    """The builder's bundle, exported by A."""
    return bundle.build(builder.replica, builder.leaves, clause_texts(), "A", signer("A"))


@cache
def _small() -> Builder:
    builder = Builder()
    builder.enter("A", Sign(), at(-3))
    builder.enter("B", Sign(), at(-3))
    builder.seal(at(-3))
    builder.enter("m1", Attest(claim="k1a", period=0, value=False), at(0, 1))
    builder.enter("m2", Attest(claim="k1a", period=0, value=False), at(0, 1))
    builder.seal(at(0, 1))
    return builder


@pytest.fixture(name="small")
def _small_files() -> Files:
    return files_of(_small())


@cache
def _golden() -> Files:
    return files_of(golden_record())


def failure(files: Files, expect: str | None = None) -> bundle.Failure:
    """The error of a bundle that must not hold."""
    verdict = bundle.verify_bundle(files, expect)
    assert not verdict.ok
    assert verdict.error is not None
    return verdict.error


# --- what holds -------------------------------------------------------------------------------------------------------


def test_a_small_bundle_holds(small: Files) -> None:
    """The set of files is the one that the format names, and the verdict says what was reached."""
    verdict = bundle.verify_bundle(small)
    assert verdict.error is None
    replica = _small().replica
    shown = verdict.to_json()
    assert (shown["ok"], shown["arrangement"], shown["entries"]) == (True, replica.arrangement, 6)
    assert (shown["time"], shown["clock"], shown["pinned"]) == (at(0, 1), "simulated", False)
    assert (shown["state_root"], shown["tree_root"]) == (replica.state_root, replica.tree_root)
    assert (shown["exporter"], shown["error"]) == ("A", None)
    assert set(shown["state"]) == {"arrangement", "duties", "tranches"}
    names = {path.partition("/")[0] for path in small}
    assert names == {
        "manifest.json", "arrangement.json", "clauses", "record", "checkpoint", "receipts", "keys", "vkeys",
    }  # fmt: skip
    assert len([path for path in small if path.startswith("receipts/")]) == 5
    assert [step.index for step in verdict.timeline] == list(range(6))
    assert verdict.timeline[3].entry.author == "m1"


def test_the_golden_bundle_holds() -> None:
    """The whole July 2016 record verifies, and ends as the table says."""
    builder = golden_record()
    verdict = bundle.verify_bundle(_golden(), builder.replica.arrangement)
    assert verdict.error is None
    assert verdict.pinned
    shown = verdict.to_json()
    assert shown["entries"] == len(builder.leaves)
    assert shown["state"]["arrangement"] == "COMPLETED"
    assert set(shown["state"]["tranches"].values()) == {"SETTLED"}
    assert shown["state"]["duties"]["C2"] == "REMEDIED"
    assert verdict.replica is not None
    assert verdict.replica.snapshot() == builder.replica.snapshot()


def test_a_party_may_keep_the_record() -> None:
    """The same script under A as keeper verifies too."""
    assert bundle.verify_bundle(files_of(golden_record("A"))).ok


def test_a_pinned_hash_is_compared(small: Files) -> None:
    """Another hash than the expected is refused before anything else (rule 7.1b)."""
    pinned = arrangement_hash(_small().terms)
    assert bundle.verify_bundle(small, pinned).pinned
    error = failure(small, "0" * 64)
    assert (error.code, error.file) == ("other-arrangement", TERMS)


def test_a_bundle_ends_with_a_seal() -> None:
    """An unsealed tail is not exported, nor accepted (rule 7.1c)."""
    builder = Builder()
    builder.enter("A", Sign(), at(-3))
    builder.seal(at(-3))
    builder.enter("B", Sign(), at(-3))
    with pytest.raises(Unverified):
        files_of(builder)


def test_large_records_are_split() -> None:
    """A thousand leaves a file; the split itself is part of the form."""
    leaves = [str(number).encode() for number in range(2001)]
    parts = bundle._records(leaves)
    assert list(parts) == [f"record/{number:08d}.jsonl" for number in range(3)]
    assert parts["record/00000002.jsonl"] == b"2000\n"


def test_a_rewriter_under_new_keys_is_consistent_and_not_the_expected(small: Files) -> None:
    """Whoever invents everything, keys included, makes a bundle that holds in itself: only the hash tells
    (rule 7.1b)."""
    terms = keyed_terms()
    actors = {
        name: actor
        if actor.keys is None
        else dataclasses.replace(actor, keys=keys_of(f"fake {name}", node=actor.keys.tokens is not None))
        for name, actor in terms.actors.items()
    }
    forged = Builder(dataclasses.replace(terms, actors=actors), alias="fake ")
    forged.enter("A", Sign(), at(-3))
    forged.seal(at(-3))
    files = bundle.build(forged.replica, forged.leaves, clause_texts(), "A", signer("fake A"))
    assert bundle.verify_bundle(files).ok
    assert failure(files, arrangement_hash(terms)).code == "other-arrangement"


# --- what does not ----------------------------------------------------------------------------------------------------


class _Resuming(bundle._Check):
    """A verification that takes over what `whole` has folded up to the first altered leaf, so that thousands of
    alterations can be tried. Everything else is the product's."""

    EVERY = 25

    def __init__(self, files: Files, whole: Files) -> None:
        super().__init__(files, None)
        self.whole = whole
        self.skip = 0

    def _fold(self, replica: Replica) -> None:
        if self.files[TERMS] == self.whole[TERMS]:
            given, known = ([line for _, line in lines] for lines in (super()._lines(), _saved().lines))
            same = next((i for i, pair in enumerate(zip(given, known, strict=False)) if pair[0] != pair[1]), len(known))
            self.skip = min(same, len(given)) // self.EVERY * self.EVERY
            self.replica = replica = _saved().replicas[self.skip // self.EVERY].copy()
            self.leaves = known[: self.skip]
        super()._fold(replica)

    def _lines(self) -> Iterator[tuple[str, bytes]]:
        yield from list(super()._lines())[self.skip :]


@dataclasses.dataclass
class _Saved:
    lines: list[tuple[str, bytes]]
    replicas: list[Replica]


@cache
def _saved() -> _Saved:
    builder = golden_record()
    replica, replicas = Replica.start(builder.terms), []
    for index, line in enumerate(builder.leaves):
        if index % _Resuming.EVERY == 0:
            replicas.append(replica.copy())
        replica.place(decode_leaf(line))
    return _Saved([("", line) for line in builder.leaves], [*replicas, replica])


def refuses(files: Files) -> bool:
    """Whether an altered golden bundle is refused."""
    check = _Resuming(files, _golden())
    try:
        check.run()
    except Unverified:
        return True
    return False


def test_resuming_judges_as_the_whole_does() -> None:
    """The shortcut of these tests accepts the bundle, and refuses with the same words as the product."""
    files = _golden()
    assert not refuses(files)
    for path, position in (("record/00000000.jsonl", 700_000), ("receipts/00000400.tlog-proof", 9), ("vkeys", 50)):
        altered = {**files, path: files[path][:position] + b"~" + files[path][position + 1 :]}
        assert refuses(altered)
        check = _Resuming(altered, files)
        with pytest.raises(Unverified) as caught:
            check.run()
        error = failure(altered)
        assert (caught.value.code, caught.value.entry, caught.value.file) == (error.code, error.entry, error.file)


def test_altered_bytes_of_a_small_bundle_are_found(small: Files) -> None:
    """Each byte of each file in turn, one bit flipped; some hundreds unless the run is thorough (rule 7.1a)."""
    spots = [(path, position) for path, data in sorted(small.items()) for position in range(len(data))]
    chosen = spots if THOROUGH else random.Random(14).sample(spots, 400)
    for path, position in chosen:
        altered = bytearray(small[path])
        altered[position] ^= 1 << (position % 8)
        assert not bundle.verify_bundle({**small, path: bytes(altered)}).ok, (path, position)


def test_altered_bytes_of_the_golden_bundle_are_found() -> None:
    """Bytes drawn over all its files, each replaced by another."""
    files, chance = _golden(), random.Random(2016)
    paths = sorted(files)
    weights = [len(files[path]) for path in paths]
    for path in chance.choices(paths, weights, k=SAMPLES):
        position = chance.randrange(len(files[path]))
        altered = bytearray(files[path])
        altered[position] = (altered[position] + chance.randrange(1, 256)) % 256
        assert refuses({**files, path: bytes(altered)}), (path, position)


# --- what a dishonest exporter, who signs the manifest again, changes -------------------------------------------------


def resigned(files: Files) -> Files:
    """The files under a new manifest of A's: what a dishonest exporter can always do."""
    rest = {path: data for path, data in files.items() if path != "manifest.json"}
    unsigned = bundle.Manifest(
        arrangement=_small().replica.arrangement,
        exporter="A",
        files={path: digest(data) for path, data in rest.items()},
        sig="",
    )
    sig = to_base64(signer("A")(bundle._manifest_message(unsigned)))
    return {**rest, "manifest.json": canonical(dataclasses.replace(unsigned, sig=sig))}


def _edit(path: str, change: Callable[[bytes], bytes]) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        files[path] = change(files[path])

    return edit


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Files], None]:
    return _edit("record/00000000.jsonl", lambda data: b"".join(change(data.splitlines(keepends=True))))


def _line(index: int, change: Callable[[bytes], bytes]) -> Callable[[Files], None]:
    return _lines(lambda lines: [*lines[:index], change(lines[index]), *lines[index + 1 :]])


def _leaf(index: int, change: Callable[[dict[str, Any]], object]) -> Callable[[Files], None]:
    def edit(line: bytes) -> bytes:
        leaf = json.loads(line)
        change(leaf)
        return canonical(leaf) + b"\n"

    return _line(index, edit)


def _body(leaf: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = leaf["entry"]["body"]
    return body


def _signatures(change: Callable[[tuple[Signature, ...]], tuple[Signature, ...]]) -> Callable[[Files], None]:
    def edit(data: bytes) -> bytes:
        note = parse(data)
        return Note(note.text, change(note.signatures)).encode().encode()

    return _edit("checkpoint", edit)


def _pop(path: str) -> Callable[[Files], None]:
    return lambda files: bool(files.pop(path))


def _put(path: str, data: bytes = b"x") -> Callable[[Files], None]:
    return lambda files: files.update({path: data})


def _swap(first: str, second: str) -> Callable[[Files], None]:
    return lambda files: files.update({first: files[second], second: files[first]})


R0, R1 = "receipts/00000000.tlog-proof", "receipts/00000001.tlog-proof"
R00001, RECORD = "record/00000001.jsonl", "record/00000000.jsonl"
BROKEN: dict[str, tuple[Callable[[Files], Any], str, int | None, str | None]] = {
    "no terms": (_pop(TERMS), "missing-file", None, TERMS),
    "no record": (_pop(RECORD), "missing-file", None, RECORD),
    "no checkpoint": (_pop("checkpoint"), "missing-file", None, "checkpoint"),
    "no vkeys": (_pop("vkeys"), "missing-file", None, "vkeys"),
    "no clause": (_pop("clauses/C5.txt"), "missing-file", None, "clauses/C5.txt"),
    "no identity": (_pop("keys/m3.json"), "missing-file", None, "keys/m3.json"),
    "no receipt": (_pop(R1), "missing-file", None, R1),
    "an extra file": (_put("notes.txt"), "unknown-file", None, "notes.txt"),
    "an extra receipt": (_put("receipts/00000005.tlog-proof"), "unknown-file", None, "receipts/00000005.tlog-proof"),
    "an extra clause": (_put("clauses/C99.txt"), "unknown-file", None, "clauses/C99.txt"),
    "a path outside": (_put("../x"), "unknown-file", None, "../x"),
    "an empty part of the record": (_put(R00001, b""), "unknown-file", None, R00001),
    "an empty record": (_put(RECORD, b""), "unsealed", 0, None),
    "no final newline": (_edit(RECORD, lambda data: data[:-1]), "bad-file", None, RECORD),
    "a spare newline": (_edit(RECORD, lambda data: data + b"\n"), "not-json", 6, RECORD),
    "a carriage return": (_line(0, lambda line: line[:-1] + b"\r\n"), "not-canonical", 0, RECORD),
    "a line twice": (_lines(lambda lines: [*lines[:2], *lines[1:]]), "repeat", 2, RECORD),
    "a line dropped": (_lines(lambda lines: [*lines[:3], *lines[4:]]), "bad-seal-size", 4, RECORD),
    "two lines swapped": (
        _lines(lambda lines: [*lines[:3], lines[4], lines[3], lines[5]]),
        "bad-seal-root",
        5,
        RECORD,
    ),
    "the tail cut off a seal": (_lines(lambda lines: lines[:-1]), "unsealed", 3, None),
    "the record cut at an earlier seal": (_lines(lambda lines: lines[:3]), "bad-file", None, "checkpoint"),
    "spaces in a leaf": (_line(0, lambda line: line.replace(b":", b": ", 1)), "not-canonical", 0, RECORD),
    "an attestation turned": (_leaf(3, lambda leaf: _body(leaf).update(value=True)), "bad-signature", 3, RECORD),
    "another author": (_leaf(3, lambda leaf: leaf["entry"].update(author="m3")), "bad-signature", 3, RECORD),
    "a stamp removed": (_leaf(3, lambda leaf: leaf["stamps"].pop()), "bad-seal-root", 5, RECORD),
    "all stamps removed": (_leaf(3, lambda leaf: leaf["stamps"].clear()), "no-stamp", 3, RECORD),
    "stamps reordered": (_leaf(3, lambda leaf: leaf["stamps"].reverse()), "bad-order", 3, RECORD),
    "a stamp backdated": (_leaf(3, lambda leaf: leaf["stamps"][0].update(time=at(0))), "bad-stamp", 3, RECORD),
    "base64 with spare bits": (
        _leaf(3, lambda leaf: leaf.update(sig=leaf["sig"][:-3] + chr(ord(leaf["sig"][-3]) + 1) + "==")),
        "bad-base64",
        3,
        RECORD,
    ),
    "another clause's text": (_edit("clauses/C5.txt", lambda data: data + b" "), "bad-clause", None, "clauses/C5.txt"),
    "clauses swapped": (_swap("clauses/C1.txt", "clauses/C2.txt"), "bad-clause", None, "clauses/C1.txt"),
    "receipts swapped": (_swap(R0, R1), "bad-file", None, R0),
    "identities swapped": (_swap("keys/A.json", "keys/B.json"), "bad-file", None, "keys/A.json"),
    "a foreign key": (_edit("vkeys", lambda data: data.replace(b"\n", b"\nx\n", 1)), "bad-file", None, "vkeys"),
    "cosignatures reordered": (_signatures(lambda lines: (lines[0], *lines[:0:-1])), "bad-file", None, "checkpoint"),
    "a cosignature dropped": (_signatures(lambda lines: lines[:-1]), "bad-file", None, "checkpoint"),
    "an unknown signature line": (
        _signatures(lambda lines: (*lines, dataclasses.replace(lines[0], name="x"))),
        "bad-file",
        None,
        "checkpoint",
    ),
    "a receipt with an extra line": (
        _edit(R0, lambda data: data.replace(b"index", b"extra AAAA\nindex")),
        "bad-file",
        None,
        R0,
    ),
    "terms with a spare newline": (_edit(TERMS, lambda data: data + b"\n"), "not-canonical", None, TERMS),
    "terms whose references dangle": (
        _edit(TERMS, lambda data: data.replace(b'"claim":"k9"', b'"claim":"k8"')),
        "bad-terms",
        None,
        TERMS,
    ),
    "other terms": (
        _edit(TERMS, lambda data: data.replace(b"July 2016", b"July 2017")),
        "wrong-arrangement",
        0,
        RECORD,
    ),
    "terms with an unusable id": (
        _edit(TERMS, lambda data: data.replace(b'"C10"', b'"../"')),
        "not-canonical",
        None,
        TERMS,
    ),
    "terms that are no JSON": (_put(TERMS, b"{"), "not-json", None, TERMS),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_dishonest_exporter_changes_is_found(small: Files, name: str) -> None:
    """With its category and the first entry or the file where it shows, although the manifest fits."""
    edit, code, entry, file = BROKEN[name]
    edit(small)
    error = failure(resigned(small))
    assert (error.code, error.entry, error.file) == (code, entry, file)
    assert failure(small).code == code


def _manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Files], None]:
    def edit(data: bytes) -> bytes:
        manifest = json.loads(data)
        change(manifest)
        return canonical(manifest)

    return _edit("manifest.json", edit)


MANIFESTS: dict[str, tuple[Callable[[Files], Any], str]] = {
    "missing": (_pop("manifest.json"), "missing-file"),
    "not canonical": (_edit("manifest.json", lambda data: data + b"\n"), "not-canonical"),
    "another exporter": (_manifest(lambda manifest: manifest.update(exporter="B")), "bad-manifest"),
    "a stranger": (_manifest(lambda manifest: manifest.update(exporter="x")), "bad-manifest"),
    "another version": (_manifest(lambda manifest: manifest.update(v=2)), "bad-manifest"),
    "another arrangement": (_manifest(lambda manifest: manifest.update(arrangement="0" * 64)), "bad-manifest"),
    "a file fewer": (_manifest(lambda manifest: manifest["files"].pop("vkeys")), "bad-manifest"),
    "a file more": (_manifest(lambda manifest: manifest["files"].update(x="0" * 64)), "bad-manifest"),
    "itself": (_manifest(lambda manifest: manifest["files"].update({"manifest.json": "0" * 64})), "bad-manifest"),
    "an unknown field": (_manifest(lambda manifest: manifest.update(note="x")), "not-canonical"),
    "no signature": (_manifest(lambda manifest: manifest.update(sig="")), "bad-manifest"),
    "a short signature": (_manifest(lambda manifest: manifest.update(sig="!")), "bad-base64"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_manifest_is_the_exporter_s(small: Files, name: str) -> None:
    """It names exactly these files, under the signature of someone the terms name."""
    edit, code = MANIFESTS[name]
    edit(small)
    error = failure(small)
    assert (error.code, error.file) == (code, "manifest.json")


def test_receipts_prove_single_leaves(small: Files) -> None:
    """Each one is a tlog-proof of its leaf under the bundle's checkpoint."""
    leaves = small[RECORD].splitlines()
    for index in range(5):
        receipt = parse_receipt(small[f"receipts/{index:08d}.tlog-proof"].decode())
        head = parse_checkpoint(receipt.checkpoint.text)
        assert receipt.index == index
        assert receipt.checkpoint.encode().encode() == small["checkpoint"]
        assert verify_inclusion(leaf_hash(leaves[index]), index, head.size, receipt.path, head.root)


def test_terms_round_trip() -> None:
    """The canonical arrangement document is read as it was written, and its hash names it."""
    terms = keyed_terms()
    assert decode_terms(encode_terms(terms)) == terms
    assert arrangement_hash(terms) == digest(encode_terms(terms))


def test_terms_that_must_not_be_used_are_refused() -> None:
    """Unknown semantics, unusable ids and bad keys."""
    terms = keyed_terms()
    clause = terms.clauses["C10"]
    for wrong, code in (
        (dataclasses.replace(terms, semantics="armslength/arrangement/2"), "unknown-semantics"),
        (dataclasses.replace(terms, clauses={**terms.clauses, "../C10": clause}), "bad-id"),
        (dataclasses.replace(terms, clauses={**terms.clauses, "": clause}), "bad-id"),
        (dataclasses.replace(terms, keeper="m1"), "no-key"),
    ):
        with pytest.raises(Malformed) as caught:
            decode_terms(encode_terms(wrong))
        assert caught.value.code == code
