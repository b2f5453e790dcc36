"""Well-signed nonsense: whatever an author signs, a leaf is placed or refused, and nothing else happens."""

from __future__ import annotations

import os
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from armslength.core.arrangement.bodies import BODIES, Seal
from armslength.core.canonical import LARGEST, canonical
from armslength.core.record.entry import leaf_of
from armslength.core.record.replica import Replica
from armslength.errors import Malformed, Refused
from armslength.wire.record import decode_leaf
from tests.golden.terms import A1, A2, D, at, dummy
from tests.record_builder import Builder, golden_record, keyed_terms

TERMS = keyed_terms()
IDS = ["", "A", "B", "C", "m1", A1, A2, "A/T4", "B/k2/1", "T1.release", *TERMS.claims, *TERMS.duties, *TERMS.tranches]
WORDS = ["cipher", "plain", "ADMITTED", "DENIED", "equivocation", "fork", "application/pdf", "0" * 64, dummy("x")]
TIMES = [0, 1, D, at(8, 20), at(14, 10), at(20, 10), at(30), at(46), at(76), LARGEST]
STAGES = [0, 3, 20, 130, 200, 262, 390, 480, 700, 810]

texts = st.sampled_from(IDS + WORDS)
numbers = st.sampled_from([0, 1, 2, 9, 14, 20, 44, 45, 46, 1000, LARGEST]) | st.sampled_from(TIMES)
HASHES = st.just("0" * 64)
FIXED: dict[str, st.SearchStrategy[Any]] = {
    "agreement": st.just("urn:uuid:00000000-0000-4000-8000-000000000001"),
    "plain_root": HASHES,
    "cipher_root": HASHES,
    "header": st.just("A" * 75 + "="),
    "key": st.none() | st.just(dummy("k")),
    "evidence": st.none() | HASHES,
    "supersedes": st.none() | HASHES,
    "wrapped": HASHES,
    "state_root": HASHES,
}
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "str": texts,
    "int": numbers,
    "bool": st.booleans(),
    "str | None": st.none() | texts,
    "int | None": st.none() | numbers,
    "bool | None": st.none() | st.booleans(),
}


def bodies(kind: str) -> st.SearchStrategy[Any]:
    """Bodies of one type: right in form, anything in meaning."""
    made = {
        field.name: FIXED.get(field.name, TYPES.get(str(field.type), st.nothing())) for field in fields(BODIES[kind])
    }
    return st.builds(BODIES[kind], **made)


@cache
def at_stage(size: int) -> Builder:
    """The golden record's first leaves, and everyone who can sign."""
    builder, whole = Builder(), golden_record()
    builder.replica = Replica.start(builder.terms)
    for leaf in whole.leaves[:size]:
        builder.replica.place(decode_leaf(leaf))
    builder.seen = builder.replica.head
    return builder


@settings(
    max_examples=5000 if "ARMSLENGTH_THOROUGH" in os.environ else 100,
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)
@given(
    st.sampled_from(STAGES),
    st.sampled_from([name for name in TERMS.actors if name != "C"]),
    st.sampled_from(sorted(set(BODIES) - {"seal"})).flatmap(bodies),
    st.sampled_from(TIMES),
)
def test_what_is_signed_is_placed_or_refused(size: int, author: str, body: Any, time: int) -> None:
    """At many places of the golden record, entries of any author and type with any values."""
    builder = at_stage(size)
    replica = builder.replica.copy()
    before = canonical(replica.snapshot())
    try:
        placed = replica.place(decode_leaf(canonical(builder.leaf(builder.entry(author, body), time))))
    except (Refused, Malformed):
        assert canonical(replica.snapshot()) == before
    else:
        assert placed.index == size
        assert replica.size == size + 1
        assert replica.next_link(author)[1] == placed.entry


@pytest.mark.parametrize("time", [0, LARGEST])
@pytest.mark.parametrize("size", STAGES)
def test_seals_at_absurd_times_are_harmless(size: int, time: int) -> None:
    """Time never goes back; far ahead, it fires what was due, once."""
    builder = at_stage(size)
    replica = builder.replica.copy()
    note = builder.cosigned(dict.fromkeys(("A", "B", "m5"), time)).encode()
    sealed = builder.submit(builder.entry("m5", Seal(checkpoint=note, state_root=replica.state_root)))
    tau = replica.state.clock.tau
    replica.place(leaf_of(sealed, ()))
    assert replica.state.clock.tau == max(tau, time)
