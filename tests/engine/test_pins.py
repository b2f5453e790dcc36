"""Which keys terms pin for a caller, by what the request is about."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from armslength.core.record.keys import to_base64
from armslength.engine.name_index import ENDED, NameIndex, ended, named
from armslength.engine.pins import Pins, pins
from armslength.errors import NotFound
from armslength.ports import Batch
from armslength.store.memory import MemoryStore

X = "did:web:x.example"
OLD, NEW = b"o" * 32, b"n" * 32


def _terms(key: bytes | None) -> Any:
    keys = SimpleNamespace(tokens=to_base64(key) if key else None)
    return SimpleNamespace(actors={"x": SimpleNamespace(did=X, keys=keys)}, parties=("x",))


class Repository:
    """Arrangements that we are engaged in, by name, and the index of whom they name. Nothing here walks them all."""

    def __init__(self, **live: Any) -> None:
        self._held = live
        self.names = NameIndex(MemoryStore())

    async def open(self, arrangement: str) -> Any:
        if arrangement not in self._held:
            raise NotFound("unknown-arrangement", "none")
        return SimpleNamespace(terms=self._held[arrangement][0])


def _held(key: bytes | None, state: str = "live") -> tuple[Any, str]:
    return _terms(key), state


async def _pins(about: str = "", did: str = X, **live: Any) -> Pins:
    repository: Any = Repository(**live)
    for name, (terms, state) in live.items():
        await repository.names._store.commit(Batch(puts=named(name, terms)))
        if state == ENDED:
            await repository.names._store.commit(ended(name, terms))
    return await pins(repository, did, about)


@pytest.mark.parametrize("state", ["live", "ended"])
async def test_about_an_arrangement_its_own_terms_decide(state: str) -> None:
    """Whatever other terms say: what it pins counts there, and nothing else (rule 8.2b)."""
    live = {"one": _held(OLD, state), "two": _held(NEW)}
    assert await _pins("one", **live) == Pins((OLD,), document=False)
    assert await _pins("two", **live) == Pins((NEW,), document=False)


async def test_an_arrangement_that_pins_no_key_leaves_it_to_the_document() -> None:
    """Neither what another one pins nor anything but the DID's own document counts."""
    live = {"one": _held(None), "two": _held(NEW)}
    assert await _pins("one", **live) == Pins((), document=True)
    assert await _pins("one", "did:web:y.example", **live) == Pins((), document=True)


@pytest.mark.parametrize("about", ["", "unknown"])
async def test_elsewhere_every_living_one_counts(about: str) -> None:
    """Keys of terms that we are engaged in and that have not ended, each once."""
    live = {"a": _held(OLD), "b": _held(NEW), "c": _held(OLD), "d": _held(None)}
    assert await _pins(about, **live) == Pins((OLD, NEW), document=False)
    assert await _pins(about, "did:web:x.exampl", **live) == Pins((), document=True)
    assert await _pins(about, d=_held(None)) == Pins((), document=True)


async def test_ended_terms_count_beside_the_document() -> None:
    """Late messages still come from the old key; who has a new one since can speak; living terms end both."""
    assert await _pins(a=_held(OLD, "ended")) == Pins((OLD,), document=True)
    assert await _pins(a=_held(OLD, "ended"), b=_held(NEW)) == Pins((NEW,), document=False)
