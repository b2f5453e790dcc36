"""What a seal must hold: every line known, valid and in order, over exactly this record and state, by a quorum."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Seal
from armslength.core.record.entry import Leaf
from armslength.core.record.note import Note, parse
from armslength.errors import Malformed, Refused
from tests.core.record.test_replica import everything, seal_of, started
from tests.golden.terms import at
from tests.record_builder import Builder


def test_a_seal_moves_time_to_the_lower_median() -> None:
    """Of three cosignature times the middle counts; of two the earlier (rule 2.1c)."""
    builder = started()
    for times, expected in (
        ({"A": at(0, 3), "B": at(0, 1), "m5": at(0, 2)}, at(0, 2)),
        ({"A": at(0, 3), "m5": at(0, 2)}, at(0, 2)),
    ):
        trial = builder.replica.copy()
        note = builder.cosigned(times)
        trial.place(seal_of(builder, Seal(checkpoint=note.encode(), state_root=trial.state_root)))
        assert trial.state.clock.tau == expected
        assert trial.sealed_size == trial.size
        assert trial.checkpoint == note.encode()


def _bad_seals(builder: Builder) -> dict[str, tuple[Callable[[], Leaf], str]]:
    now = builder.seal_body(at(0, 1))
    note = parse(now.checkpoint)
    log, *lines = note.signatures

    def body(signatures: list[Any], text: str = note.text) -> Callable[[], Leaf]:
        made = Note(text, tuple(signatures)).encode()
        return lambda: seal_of(builder, dataclasses.replace(now, checkpoint=made))

    def at_text(text: str) -> Callable[[], Leaf]:
        made = builder.cosigned(dict.fromkeys(("A", "B", "m5"), at(0, 1)), text).encode()
        return lambda: seal_of(builder, dataclasses.replace(now, checkpoint=made))

    head = builder.replica.checkpoint_now()
    earlier = dataclasses.replace(head, size=2, root=bytes.fromhex(builder.replica.head_at(2).tree_root))
    plain_line = dataclasses.replace(log, name="did:web:localhost%3A8801")
    return {
        "too few": (body([log, lines[0]]), "bad-seal-quorum"),
        "none": (body([log]), "bad-seal-quorum"),
        "no log signature": (body(lines), "bad-log-signature"),
        "log signature last": (body([*lines, log]), "bad-log-signature"),
        "reordered": (body([log, lines[1], lines[0], lines[2]]), "bad-order"),
        "one twice": (body([log, lines[0], lines[0]]), "bad-order"),
        "an unknown line": (body([log, *lines, dataclasses.replace(lines[0], name="z")]), "unknown-cosigner"),
        "a wrong key id": (body([log, dataclasses.replace(lines[0], key_id=bytes(4))]), "bad-cosignature"),
        "another's line": (body([log, dataclasses.replace(lines[1], name=lines[0].name)]), "bad-cosignature"),
        "a plain line": (body([log, plain_line]), "bad-cosignature"),
        "an altered time": (
            body([log, dataclasses.replace(lines[0], blob=bytes(8) + lines[0].blob[8:]), *lines[1:]]),
            "bad-cosignature",
        ),
        "another size": (at_text(earlier.text), "bad-seal-size"),
        "a later size": (at_text(dataclasses.replace(head, size=head.size + 1).text), "bad-seal-size"),
        "another root": (at_text(dataclasses.replace(head, root=bytes(32)).text), "bad-seal-root"),
        "another origin": (at_text(dataclasses.replace(head, origin="armslength/1/x").text), "wrong-origin"),
        "an extension": (at_text(head.text + "extension\n"), "bad-checkpoint"),
        "another state": (
            lambda: seal_of(builder, dataclasses.replace(now, state_root="0" * 64)),
            "bad-seal-state",
        ),
        "not by the keeper": (lambda: seal_of(builder, now, "A"), "not-keeper"),
        "with a stamp": (lambda: builder.leaf(builder.entry("m5", now), at(0, 1)), "bad-stamp"),
    }


@pytest.mark.parametrize("name", list(_bad_seals(started())))
def test_a_seal_that_does_not_hold_is_refused(name: str) -> None:
    """Every line known, valid and in order; over exactly this record and state; by a quorum (rule 2.1b)."""
    builder = started()
    make, code = _bad_seals(builder)[name]
    leaf, before = make(), everything(builder.replica)
    with pytest.raises((Refused, Malformed)) as caught:
        builder.replica.place(leaf)
    places = {
        "bad-seal-size": "entry.body",
        "bad-seal-state": "entry.body.state_root",
        "not-keeper": "entry.author",
        "bad-stamp": "stamps",
    }
    assert (caught.value.code, caught.value.place) == (code, places.get(code, "entry.body.checkpoint"))
    assert everything(builder.replica) == before
