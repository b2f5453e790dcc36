"""The product against a second engine that was written from the rules alone (tests/oracle), on random histories; and
the laws of rule 2.4 on the same.

ARMSLENGTH_HISTORIES=50000 plays as many (and the laws on a tenth of them); ARMSLENGTH_FIRST is the first seed. A
failing seed is told by `python -m tests.oracle duel SEED 1`, made small.
"""

from __future__ import annotations

import os

import pytest

from tests.core.arrangement.play import act
from tests.golden.terms import golden_script, golden_terms
from tests.oracle.duel import Duel, history
from tests.oracle.laws import LAWS, ours, theirs

HISTORIES = int(os.environ.get("ARMSLENGTH_HISTORIES", "100"))
FIRST = int(os.environ.get("ARMSLENGTH_FIRST", "0"))
PARTS = 4  # so that they can be played side by side


@pytest.mark.parametrize("part", range(PARTS))
def test_both_engines_come_to_the_same(part: int) -> None:
    """Entry by entry: the same entries are valid, and the whole state is the same."""
    seeds = range(FIRST + part, FIRST + HISTORIES, PARTS)
    differ = {seed: found for seed in seeds if (found := history(seed).found)}
    assert not differ, f"{len(differ)} of {len(seeds)} differ: {list(differ.items())[:3]}; all seeds: {list(differ)}"


@pytest.mark.parametrize("law", LAWS)
def test_laws_of_time_hold(law: str) -> None:
    """How often seals come changes nothing, and neither does the order of one instant's attestations."""
    seeds = range(FIRST, FIRST + max(20, HISTORIES // 10))
    differ = {seed: found for seed in seeds if (found := LAWS[law](seed).broken(ours))}
    assert not differ, f"{len(differ)} of {len(seeds)} differ: {list(differ.items())[:3]}; all seeds: {list(differ)}"


@pytest.mark.parametrize("law", LAWS)
def test_the_second_engine_keeps_its_laws(law: str) -> None:
    """What is compared with is worth comparing with."""
    assert not [seed for seed in range(10) if LAWS[law](seed).broken(theirs)]


def test_both_engines_play_the_golden_scenario() -> None:
    """Entry by entry the same states, up to COMPLETED."""
    duel = Duel(golden_terms())
    for when, entries in golden_script():
        for author, body in entries:
            assert duel.place(act(author, when, body)), (when, author, body, duel.found)
    assert duel.oracle.world.shown == "COMPLETED"
