"""The record's documents on the wire: one spelling each, and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armslength.core.arrangement.bodies import BODIES, Attest, Commit, Sign
from armslength.core.record.entry import TYPE_OF, Entry, Head, Leaf, Refusal, Stamp, Submission
from armslength.core.record.keys import to_base64
from armslength.delivery.chunks import sealed_size
from armslength.errors import Malformed
from armslength.wire.record import (
    decode_entry,
    decode_leaf,
    decode_refusal,
    decode_stamp,
    decode_submission,
    encode,
)

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
keys = st.binary(min_size=32, max_size=32).map(to_base64)
sigs = st.binary(min_size=64, max_size=64).map(to_base64)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
counts = st.integers(0, 2**53 - 1)
heads = st.builds(Head, size=counts, tree_root=hashes, state_root=hashes)
stamps = st.builds(Stamp, by=texts, time=counts, sig=sigs)
refusals = st.builds(
    Refusal, arrangement=hashes, entry=hashes, head=heads, code=texts, reason=texts, by=texts, sig=sigs
)

FORMS: dict[str, st.SearchStrategy[Any]] = {
    "plain_root": hashes,
    "cipher_root": hashes,
    "state_root": hashes,
    "header": st.binary(min_size=56, max_size=56).map(to_base64),
    "agreement": st.uuids().map(lambda value: f"urn:uuid:{value}"),
}
SPECIAL: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("attest", "supersedes"): st.none() | hashes,
    ("commit", "size"): st.integers(0, 2**50),
    ("ack", "evidence"): st.none() | hashes,
    ("ack", "key"): st.none() | st.binary(min_size=31, max_size=31).map(lambda rest: to_base64(b"\x09" + rest)),
    ("release", "wrapped"): hashes,
    ("key", "wrapped"): keys,
}
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "str": texts,
    "int": counts,
    "bool": st.booleans(),
    "str | None": st.none() | texts,
    "int | None": st.none() | counts,
    "bool | None": st.none() | st.booleans(),
}


def bodies(kind: str) -> st.SearchStrategy[Any]:
    """Bodies of one type in the right form."""
    made = {
        field.name: SPECIAL.get((kind, field.name), FORMS.get(field.name, TYPES.get(str(field.type), st.nothing())))
        for field in fields(BODIES[kind])
    }
    return st.builds(BODIES[kind], **made).map(sized)


def sized(body: Any) -> Any:
    """A commit's sealed size follows from its plain one."""
    return replace(body, cipher_size=sealed_size(body.size)) if isinstance(body, Commit) else body


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Entries of any type in the right form."""
    body = draw(st.sampled_from(sorted(BODIES)).flatmap(bodies))
    return Entry(
        arrangement=draw(hashes),
        author=draw(texts),
        author_seq=draw(counts),
        author_prev=draw(hashes | st.just("")),
        seen=draw(heads),
        type=TYPE_OF[type(body)],
        body=body,
        refused=draw(st.none() | st.lists(refusals, min_size=1, max_size=2).map(tuple)),
    )


@given(entries(), sigs, st.lists(stamps, max_size=3).map(tuple))
def test_documents_round_trip(entry: Entry, sig: str, given_stamps: tuple[Stamp, ...]) -> None:
    """Entries, submissions and leaves of every type decode to what they were encoded from."""
    submission = Submission(entry=entry, sig=sig)
    leaf = Leaf(entry=entry, sig=sig, stamps=given_stamps)
    assert decode_entry(encode(entry)) == entry
    assert decode_submission(encode(submission)) == submission
    assert decode_leaf(encode(leaf)) == leaf


@given(stamps, refusals)
def test_answers_round_trip(stamp: Stamp, refusal: Refusal) -> None:
    """So do stamps and refusals."""
    assert decode_stamp(encode(stamp)) == stamp
    assert decode_refusal(encode(refusal)) == refusal


HEAD = Head(size=0, tree_root="0" * 64, state_root="0" * 64)
ENTRY = Entry(
    arrangement="0" * 64,
    author="m1",
    author_seq=0,
    author_prev="",
    seen=HEAD,
    type="attest",
    body=Attest(claim="k", period=0, value=True),
)
STAMP = Stamp(by="A", time=5, sig="AA==")
LEAF = Leaf(entry=ENTRY, sig="AA==", stamps=(STAMP,))


def test_the_bytes_are_what_the_format_says() -> None:
    """A leaf, written out (rule 1.1b)."""
    zeros = "0" * 64
    assert encode(LEAF).decode() == (
        f'{{"entry":{{"arrangement":"{zeros}","author":"m1","author_prev":"","author_seq":0,'
        '"body":{"claim":"k","period":0,"value":true},'
        f'"seen":{{"size":0,"state_root":"{zeros}","tree_root":"{zeros}"}},"type":"attest","v":1}},'
        '"sig":"AA==","stamps":[{"by":"A","sig":"AA==","time":5}]}'
    )


def change(path: str, value: Any) -> bytes:
    """The leaf with one value changed or added, in canonical spelling."""
    document = json.loads(encode(LEAF))
    *way, last = path.split(".")
    place = document
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (change("entry.type", "amend"), "unknown-type", "entry.type"),
        (change("entry.type", "sign"), "not-canonical", "entry.body.claim"),
        (change("entry.type", "resume"), "not-canonical", "entry.body.claim"),
        (change("entry.type", "release"), "bad-field", "entry.body"),
        (change("entry.v", 2), "bad-version", "v"),
        (change("entry.v", "1"), "bad-field", "entry.v"),
        (change("entry.body.period", "0"), "bad-field", "entry.body.period"),
        (change("entry.body.period", -1), "bad-number", "body.period"),
        (change("entry.body.value", 1), "bad-field", "entry.body.value"),
        (change("entry.body.supersedes", None), "not-canonical", "entry.body.supersedes"),
        (change("entry.body.supersedes", "x"), "bad-hash", "body.supersedes"),
        (change("entry.body.note", "x"), "not-canonical", "entry.body.note"),
        (change("entry.body", []), "bad-field", "entry.body"),
        (change("entry.seen.size", -1), "bad-number", "seen.size"),
        (change("entry.seen.tree_root", "A" * 64), "bad-hash", "seen.tree_root"),
        (change("entry.author_prev", "x"), "bad-hash", "author_prev"),
        (change("entry.refused", []), "not-canonical", "refused"),
        (change("entry.refused", None), "not-canonical", "entry.refused"),
        (change("entry.stranger", 1), "not-canonical", "entry.stranger"),
        (change("stamps.0.time", 5.0), "bad-field", "stamps[0].time"),
        (change("stamps.0.zone", "UTC"), "not-canonical", "stamps[0].zone"),
        (change("stamps", {}), "bad-field", "stamps"),
        (change("comment", "x"), "not-canonical", "comment"),
    ],
)
def test_what_is_not_in_the_agreed_form_is_refused(data: bytes, code: str, place: str) -> None:
    """With its category and its place."""
    with pytest.raises(Malformed) as caught:
        decode_leaf(data)
    assert (caught.value.code, caught.value.place) == (code, place)


def test_documents_are_bounded() -> None:
    """More than 64 KiB are refused."""
    with pytest.raises(Malformed) as caught:
        decode_leaf(change("entry.body.claim", "x" * 65536))
    assert caught.value.code == "too-large"


def test_documents_do_not_pass_for_each_other() -> None:
    """A submission is no leaf, a stamp no refusal."""
    for decoder, data in (
        (decode_leaf, encode(Submission(entry=ENTRY, sig="AA=="))),
        (decode_submission, encode(LEAF)),
        (decode_entry, encode(LEAF)),
        (decode_refusal, encode(STAMP)),
        (decode_stamp, encode(ENTRY)),
    ):
        with pytest.raises(Malformed):
            decoder(data)


def test_an_empty_body_is_an_empty_object() -> None:
    """A signature states nothing more."""
    signed = Entry(arrangement="0" * 64, author="A", author_seq=0, author_prev="", seen=HEAD, type="sign", body=Sign())
    assert b'"body":{},' in encode(signed)
    assert decode_entry(encode(signed)) == signed
