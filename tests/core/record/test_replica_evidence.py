"""That whoever equivocates can be convicted, whatever it has signed."""

from __future__ import annotations

import dataclasses

import pytest

from armslength.core.arrangement.bodies import Withdraw
from armslength.core.canonical import canonical
from armslength.core.record.entry import MAX_LEAF, MAX_QUOTED, Entry, leaf_bytes, quoted
from armslength.errors import Refused
from tests.core.record.test_replica import started
from tests.golden.terms import at


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
