"""That whoever equivocates can be convicted, whatever it has signed; and what proves nothing."""

from __future__ import annotations

import dataclasses

import pytest

from armslength.core.arrangement.bodies import Attest, Evidence, Withdraw
from armslength.core.canonical import canonical
from armslength.core.record import entry as entries
from armslength.core.record.entry import MAX_LEAF, MAX_QUOTED, Entry, leaf_bytes, quoted
from armslength.core.record.note import Note, parse
from armslength.errors import Malformed, Refused
from tests.core.record.test_replica import ATTEST, started
from tests.golden.terms import at
from tests.record_builder import Builder, signer


@pytest.mark.parametrize("text", ["x", '"', "\\", "\n", "\u0001", "ü", "\u05d0"])
def test_two_entries_are_evidence_however_large_they_are_and_whatever_they_say(text: str) -> None:
    """The largest that is accepted, twice: with all stamps, the evidence fits into a leaf (rule 1.1c)."""

    builder = started()

    def large(count: int) -> Entry:
        return builder.entry("A", Withdraw(text=text * count))

    room, count = True, 1
    while room:  # the largest, to within a few bytes
        room = quoted(canonical(large(count + 50))) <= MAX_QUOTED
        count += 50 * room
    with pytest.raises(Refused) as caught:
        builder.place(builder.leaf(large(count + 100), at(0, 1)))
    assert caught.value.code == "too-large"
    second = dataclasses.replace(first := large(count), body=Withdraw(text="y" + text * (count - 1)))
    builder.place(builder.leaf(first, at(0, 1)))
    leaf = builder.leaf(builder.entry("B", builder.equivocation(first, second)), at(0, 1))
    assert len(leaf_bytes(leaf)) < MAX_LEAF - 6 * 1024  # what the accuser carries, and more stamps
    builder.place(leaf)
    assert set(builder.replica.state.arrangement.excluded) == {"A"}


def _not_evidence(builder: Builder) -> dict[str, tuple[Evidence, str]]:
    first = builder.entry("m1", ATTEST)
    other = Attest(claim="k1b", period=0, value=False)
    second = builder.entry("m1", other)
    good = builder.equivocation(first, second)
    unsigned = canonical(entries.sign_entry(second, signer("B"))).decode()
    fork = builder.fork(at(0, 1))
    alone = parse(fork.first)
    return {
        "the same twice": (builder.equivocation(first, first), "no-evidence"),
        "two numbers": (builder.equivocation(first, builder.entry("m1", other, author_seq=1)), "no-evidence"),
        "two authors": (builder.equivocation(first, builder.entry("m2", other)), "no-evidence"),
        "another arrangement": (
            builder.equivocation(first, builder.entry("m1", other, arrangement="0" * 64)),
            "no-evidence",
        ),
        "forged": (dataclasses.replace(good, second=unsigned), "no-evidence"),
        "not canonical": (dataclasses.replace(good, second=good.second + " "), "not-canonical"),
        "not JSON": (dataclasses.replace(good, second="{"), "not-canonical"),
        "deep": (dataclasses.replace(good, second="[" * 5000), "not-canonical"),
        "surrogate": (dataclasses.replace(good, second='"\\ud800"'), "not-canonical"),
        "not a statement": (dataclasses.replace(good, second='{"entry":{}}'), "bad-evidence"),
        "no entry": (dataclasses.replace(good, second='{"entry":1,"sig":""}'), "bad-evidence"),
        "an empty entry": (dataclasses.replace(good, second='{"entry":{},"sig":""}'), "bad-evidence"),
        "unknown kind": (dataclasses.replace(good, kind="broken-promise"), "unknown-evidence"),
        "one head twice": (dataclasses.replace(fork, second=fork.first), "no-evidence"),
        "an unsigned head": (
            dataclasses.replace(fork, second=Note(parse(fork.second).text, alone.signatures).encode()),
            "no-evidence",
        ),
        "no head": (dataclasses.replace(fork, second="x"), "bad-note"),
        "first not canonical": (dataclasses.replace(good, first=good.first + " "), "not-canonical"),
        "no checkpoint": (dataclasses.replace(fork, second=fork.second.replace("\n3\n", "\nx\n", 1)), "bad-number"),
        "first no head": (dataclasses.replace(fork, first="x\n\nx\n"), "bad-note"),
        "no text for a signature": (dataclasses.replace(good, second='{"entry":{},"sig":1}'), "bad-evidence"),
        "something besides": (dataclasses.replace(good, second='{"entry":{},"sig":"","v":1}'), "bad-evidence"),
        "no name": (dataclasses.replace(good, second=_stated(author=1, author_seq=0)), "bad-evidence"),
        "no number": (dataclasses.replace(good, second=_stated(author="m1", author_seq="0")), "bad-evidence"),
        "a truth for a number": (
            dataclasses.replace(good, second=_stated(author="m1", author_seq=True)),
            "bad-evidence",
        ),
        "a stranger": (
            dataclasses.replace(
                good, second=_stated(arrangement=builder.replica.arrangement, author="x", author_seq=0)
            ),
            "no-evidence",
        ),
        "a signature that is none": (
            dataclasses.replace(
                good, second=_stated(arrangement=builder.replica.arrangement, author="m1", author_seq=0)
            ),
            "bad-base64",
        ),
        "two heads of two sizes": (dataclasses.replace(fork, second=_head(builder, 2)), "no-evidence"),
        "first of another record": (
            dataclasses.replace(fork, first=_head(builder, 3, "armslength/1/x")),
            "no-evidence",
        ),
    }


def _stated(**fields: object) -> str:
    return canonical({"entry": fields, "sig": "!"}).decode()


def _head(builder: Builder, size: int, origin: str = "") -> str:
    """A head under the keeper's signature."""
    now = builder.replica.checkpoint_now()
    root = bytes.fromhex(builder.replica.head_at(size).tree_root)
    return builder.cosigned(
        {}, dataclasses.replace(now, size=size, root=root, origin=origin or now.origin).text
    ).encode()


@pytest.mark.parametrize("name", list(_not_evidence(started())))
def test_what_proves_nothing_is_refused(name: str) -> None:
    """Evidence must show a contradiction under the culprit's own signatures (rule 1.4d)."""
    builder = started()
    evidence, code = _not_evidence(builder)[name]
    with pytest.raises((Refused, Malformed)) as caught:
        builder.replica.place(builder.leaf(builder.entry("A", evidence), at(0, 1)))
    both = name in {"the same twice", "two numbers", "two authors", "one head twice", "two heads of two sizes"}
    place = (
        "body.first"
        if name.startswith("first")
        else "body.kind"
        if code == "unknown-evidence"
        else "body"
        if both
        else "body.second"
    )
    place += ".sig" if code == "bad-base64" else ""
    assert (caught.value.code, caught.value.place) == (code, place)


def test_two_heads_of_one_size_are_a_fork() -> None:
    """Evidence that holds both is recorded for readers; it takes nobody's votes."""
    builder = started()
    placed = builder.enter("A", builder.fork(at(0, 1)), at(0, 1))
    assert placed.index == 3
    assert not builder.replica.state.arrangement.excluded
