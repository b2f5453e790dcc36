"""Messages between an owner and its node, and errors as they travel."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Attest, Resume
from armslength.errors import (
    ArmslengthError,
    Malformed,
    Misuse,
    NotFound,
    Refused,
    Repeat,
    Stuck,
    Unauthorised,
    Unavailable,
    Uncosigned,
)
from armslength.wire import manage
from armslength.wire.errors import FROM_NODE, FROM_PEER, Kinds, decode_error, encode_error
from tests.golden.terms import at
from tests.views.fold import golden

BODIES = [Attest(claim="k2", period=7, value=True), Resume()]


def test_statements_travel_as_they_were_made() -> None:
    """Type and body of each, in order; an unknown type or a body of another form is refused with its place."""
    order = manage.StatementsOrder(statements=manage.statements(BODIES))
    again = manage.decode_question(manage.SAY, manage.encode_message(order))
    assert manage.bodies_of(again) == BODIES
    for spoilt, place in (({"type": "promise"}, "statements[1].type"), ({"body": {"claim": 5}}, "statements[0].body")):
        changed: list[manage.PlainStatement] = list(again.statements)
        index = int(place[11])
        changed[index] = dataclasses.replace(changed[index], **spoilt)  # type: ignore[arg-type]
        with pytest.raises(Malformed) as refused:
            manage.bodies_of(dataclasses.replace(again, statements=tuple(changed)))
        assert str(refused.value.place).startswith(place)


def test_a_whole_state_travels() -> None:
    """The view has the state itself, its large maps whole, and it is the same state at the other end."""
    state = golden().at(at(10, 2))
    view = manage.NodeView(
        arrangement="a" * 64,
        document="",
        state=state,
        sealed_state=state,
        state_root="",
        tree_root="",
        size=1,
        sealed=1,
        now=1,
        heard={"m1": (1, 2)},
        transfers={},
        suspended={"T1": manage.Suspender(by="A")},
        sealing={"T1": (1, 2)},
        troubles=(),
        me="A",
        absent={"B": manage.ActorReply(answer="waiting")},
        others={},
        arrangements=1,
    )
    assert manage.decode_answer(manage.VIEW, manage.encode_message(view)) == view


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"extra": 1}, "extra"),
        ({"said": [{"entry": "e", "type": "t", "status": "s", "mood": "good"}]}, "said[0].mood"),
    ],
)
def test_a_field_too_many_is_refused_with_its_place(document: dict[str, Any], place: str) -> None:
    """At the top and within, whatever else is right."""
    data = json.dumps({"arrangement": "a", "title": "t", "said": [], **document}).encode()
    with pytest.raises(Malformed) as refused:
        manage.decode_answer(manage.SAY, data)
    assert (refused.value.code, refused.value.place) == ("unknown-field", place)


def test_a_body_that_is_nested_for_ever_is_malformed() -> None:
    """Whatever stands in the place of a statement's body, it is refused and ends nothing."""
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    for data in (deep, b'{"statements":[{"type":"sign","body":' + deep + b"}]}"):
        with pytest.raises(Malformed) as refused:
            manage.decode_question(manage.SAY, data)
        assert refused.value.code == "too-deep"


@pytest.mark.parametrize(
    ("error", "kinds", "kind"),
    [
        (Malformed("bad-field", "why", "a.b"), FROM_PEER, Malformed),
        (Refused("state", "why"), FROM_PEER, Refused),
        (Repeat(3), FROM_PEER, Refused),
        (Uncosigned("fork", "why", "size"), FROM_PEER, Uncosigned),
        (Unauthorised("no-token", "why"), FROM_PEER, Unauthorised),
        (NotFound("unknown-log", "why"), FROM_PEER, NotFound),
        (Unavailable("busy", "why"), FROM_PEER, Unavailable),
        (Stuck("no-room", "why"), FROM_PEER, Unavailable),
        (ArmslengthError("internal", "why"), FROM_PEER, Unavailable),
        (Misuse("which-arrangement", "why"), FROM_NODE, Misuse),
        (Stuck("store-failed", "why"), FROM_NODE, Stuck),
        (Refused("state", "why", "x"), FROM_NODE, Refused),
        (Unavailable("busy", "why"), FROM_NODE, Unavailable),
        (ArmslengthError("internal", "why"), FROM_NODE, ArmslengthError),
    ],
)
def test_an_error_is_the_same_at_the_other_end(
    error: ArmslengthError, kinds: Kinds, kind: type[ArmslengthError]
) -> None:
    """Code, reason and place, and a class that ends a command alike; a peer's own trouble is worth asking again."""
    again = decode_error(error.http_status, encode_error(error), kinds)
    assert (type(again), again.code, again.reason, again.place) == (kind, error.code, error.reason, error.place)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 5}', b'{"reason": null}', b"\xff"])
def test_whatever_is_answered_is_some_error(body: bytes) -> None:
    """A proxy's page, or anything else in an error's place, is told by its status."""
    error = decode_error(502, body, FROM_PEER, "https://node.example")
    assert (type(error), error.code, error.place) == (Unavailable, "http-502", "https://node.example")


def test_what_others_say_is_bounded() -> None:
    """An error of a hostile peer is cut."""
    error = decode_error(409, encode_error(Refused("c" * 1000, "r" * 10_000, "p" * 1000)), FROM_PEER)
    assert (len(error.code), len(error.reason), len(error.place or "")) == (64, 500, 200)
