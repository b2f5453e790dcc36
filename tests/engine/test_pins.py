"""Which keys terms pin for a caller, by what the request is about."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from armslength.core.record.keys import to_base64
from armslength.engine.pins import Pins, pins
from armslength.errors import NotFound

X = "did:web:x.example"
OLD, NEW = b"o" * 32, b"n" * 32


def _held(key: bytes | None, phase: str = "EFFECTIVE", *, signed: bool = True) -> Any:
    keys = SimpleNamespace(tokens=to_base64(key) if key else None)
    arrangement = SimpleNamespace(phase=phase, signed={"me": 1} if signed else {})
    view = SimpleNamespace(state=SimpleNamespace(arrangement=arrangement))
    me = SimpleNamespace(actor="me")
    return SimpleNamespace(
        terms=SimpleNamespace(actors={"x": SimpleNamespace(did=X, keys=keys)}), book=SimpleNamespace(me=me, view=view)
    )


class Shelf:
    """Arrangements by name. Nothing here walks them all."""

    def __init__(self, **held: Any) -> None:
        self._held = held

    async def open(self, arrangement: str) -> Any:
        if arrangement not in self._held:
            raise NotFound("unknown-arrangement", "none")
        return self._held[arrangement]

    async def naming(self, did: str) -> list[Any]:
        return list(self._held.values()) if did == X else []


async def _pins(about: str = "", did: str = X, **held: Any) -> Pins:
    shelf: Any = Shelf(**held)
    return await pins(shelf, did, about)


@pytest.mark.parametrize("phase", ["PROPOSED", "EFFECTIVE", "COMPLETED"])
@pytest.mark.parametrize("signed", [True, False])
async def test_about_an_arrangement_its_own_terms_decide(phase: str, signed: bool) -> None:
    """Whatever else is signed, and whether or not we have signed it: what it pins counts there, and nothing else."""
    held = {"one": _held(OLD, phase, signed=signed), "two": _held(NEW)}
    assert await _pins("one", **held) == Pins((OLD,), document=False)
    assert await _pins("two", **held) == Pins((NEW,), document=False)


async def test_an_arrangement_that_pins_no_key_leaves_it_to_the_document() -> None:
    """Neither what another one pins nor anything but the DID's own document counts."""
    held = {"one": _held(None), "two": _held(NEW)}
    assert await _pins("one", **held) == Pins((), document=True)
    assert await _pins("one", "did:web:y.example", **held) == Pins((), document=True)


@pytest.mark.parametrize("about", ["", "unknown"])
async def test_elsewhere_every_signed_and_living_one_counts(about: str) -> None:
    """Keys of terms that we have signed and that have not ended, each once; unsigned terms count for nothing."""
    held = {"a": _held(OLD), "b": _held(NEW, "WINDING"), "c": _held(OLD, "SIGNED")}
    assert await _pins(about, **held) == Pins((OLD, NEW), document=False)
    assert await _pins(about, a=_held(OLD, signed=False), b=_held(NEW)) == Pins((NEW,), document=False)
    assert await _pins(about, a=_held(OLD, signed=False)) == Pins((), document=True)


@pytest.mark.parametrize("phase", ["COMPLETED", "TERMINATED", "LAPSED"])
async def test_ended_terms_count_beside_the_document(phase: str) -> None:
    """Late messages still come from the old key; who has a new one since can speak; living terms end both."""
    assert await _pins(a=_held(OLD, phase)) == Pins((OLD,), document=True)
    assert await _pins(a=_held(OLD, phase), b=_held(NEW)) == Pins((NEW,), document=False)
