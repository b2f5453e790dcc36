"""Of which arrangement a dataset is, and who its counterparty is: nothing else decides it (rule 10.6a)."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from armslength.engine.contents import dataset_id
from armslength.engine.datasets import Tranches
from armslength.errors import NotFound
from tests.golden.terms import golden_terms

ONE, TWO, UNKNOWN = "1" * 64, "2" * 64, "3" * 64
FORCE = ("SIGNED", "EFFECTIVE", "SUSPENDED", "WINDING")


class Repository:
    """What a node is engaged in: the golden terms, and others that put B elsewhere."""

    def __init__(self, phase: str = "EFFECTIVE") -> None:
        terms = golden_terms()
        self.did = terms.actors["A"].did
        elsewhere = dataclasses.replace(terms.actors["B"], address="https://elsewhere.example")
        others = dataclasses.replace(terms, actors=terms.actors | {"B": elsewhere})
        self._held = {name: _held(name, each, phase) for name, each in ((ONE, terms), (TWO, others))}

    async def open(self, arrangement: str) -> Any:
        if arrangement not in self._held:
            raise NotFound("unknown-arrangement", "none")
        return self._held[arrangement]


def _held(name: str, terms: Any, phase: str) -> Any:
    state = SimpleNamespace(arrangement=SimpleNamespace(phase=phase))
    return SimpleNamespace(arrangement=name, terms=terms, record=SimpleNamespace(sealed=SimpleNamespace(state=state)))


async def test_a_counterparty_is_where_the_dataset_s_own_terms_say() -> None:
    """Two arrangements put one DID in two places: each counts for its own datasets, and neither for any other
    (rule 10.6a)."""
    repository: Any = Repository()
    found, terms = Tranches(repository), golden_terms()
    b = terms.actors["B"].did or ""
    assert await found.address(b, dataset_id(ONE, "T1")) == terms.actors["B"].address
    assert await found.address(b, dataset_id(TWO, "T1")) == "https://elsewhere.example"
    assert await found.address(b, dataset_id(UNKNOWN, "T1")) is None
    assert await found.address("did:web:stranger.example", dataset_id(ONE, "T1")) is None


@pytest.mark.parametrize("phase", ["PROPOSED", "LAPSED", "COMPLETED", "TERMINATED", *FORCE])
async def test_only_what_is_in_force_has_datasets(phase: str) -> None:
    """Before all have signed and after the end there is no dataset, and nobody's address."""
    repository: Any = Repository(phase)
    found, b = Tranches(repository), golden_terms().actors["B"].did or ""
    assert (await found.dataset(dataset_id(ONE, "T1")) is not None) is (phase in FORCE)
    assert (await found.address(b, dataset_id(ONE, "T1")) is not None) is (phase in FORCE)
