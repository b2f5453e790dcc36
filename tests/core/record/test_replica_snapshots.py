"""A replica that was stored, or copied, goes on as the first would."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from armslength.core.canonical import canonical
from armslength.core.record.entry import entry_hash
from armslength.core.record.replica import Replica, Snapshot
from armslength.errors import Malformed, Repeat
from armslength.wire.record import decode_leaf
from armslength.wire.strict import convert, parse
from tests.core.record.test_replica import ATTEST, everything, started
from tests.golden.terms import at
from tests.record_builder import Builder, golden_record


def test_a_snapshot_restores_the_replica() -> None:
    """Through JSON and back, a replica goes on exactly as the first would."""
    builder = started()
    data = canonical(builder.replica.snapshot(), whole=True)
    restored = Replica.restore(builder.terms, convert(Snapshot, parse(data)), [builder.replica.hashes()])
    assert everything(restored) == everything(builder.replica)
    leaf = builder.leaf(builder.entry("m1", ATTEST), at(0, 1))
    restored.place(leaf)
    builder.place(leaf)
    assert everything(restored) == everything(builder.replica)
    assert restored.head == builder.replica.head
    with pytest.raises(Repeat):
        restored.place(leaf)


def test_the_hashes_of_a_replica_may_be_kept_in_pieces() -> None:
    """Of a golden record, cut anywhere; and hashes that are not those of the snapshot's leaves are found out."""
    builder = golden_record()
    whole, pieces, cut = builder.replica, [], 0
    for size in (0, 1, 256, 300, whole.size):
        part = Builder()
        for leaf in builder.leaves[:size]:
            part.place(decode_leaf(leaf))
        pieces.append(part.replica.hashes(cut))
        cut = size
    snapshot = whole.snapshot()
    assert everything(Replica.restore(builder.terms, snapshot, pieces)) == everything(whole)
    first, state = pieces[2], dataclasses.replace(snapshot.state, tranches={})
    for wrong, hashes in ((snapshot, pieces[:-1]), (snapshot, [first, *pieces]), (with_state(snapshot, state), pieces)):
        with pytest.raises(Malformed) as caught:
            Replica.restore(builder.terms, wrong, hashes)
        assert (caught.value.code, caught.value.place) == ("bad-snapshot", "snapshot")
    with pytest.raises(Malformed) as caught:
        Replica.restore(builder.terms, snapshot, ["!"])
    assert (caught.value.code, caught.value.place) == ("bad-base64", "snapshot")


def with_state(snapshot: Snapshot, state: Any) -> Snapshot:
    """The snapshot with another state."""
    return dataclasses.replace(snapshot, state=state)


def test_what_a_copy_takes_on_its_original_does_not_see() -> None:
    """Two copies go different ways from one record, and each proves its own."""
    builder = started()
    before, first, second = everything(builder.replica), builder.replica.copy(), builder.replica.copy()
    one, other = builder.entry("m1", ATTEST), builder.entry("m2", ATTEST)
    first.place(builder.leaf(one, at(0, 1)))
    second.place(builder.leaf(other, at(0, 1)))
    second.place(builder.leaf(one, at(0, 1)))
    assert everything(builder.replica) == before
    assert first.index_of(entry_hash(one)) == builder.replica.size
    assert first.index_of(entry_hash(other)) is None
    assert second.index_of(entry_hash(one)) == builder.replica.size + 1
    assert first.head_at(builder.replica.size) == second.head_at(builder.replica.size) == builder.replica.head
    assert first.tree_root != second.tree_root
