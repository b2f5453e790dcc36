"""Why no seal comes: who is missing, since when, and what waits for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armslength.core.arrangement.step import next_deadline
from armslength.views.explain import NodeFacts, Timekeeper, stalled
from tests.golden.terms import DAY, HOUR, MINUTE, at
from tests.views.fold import golden


def test_missing_timekeepers_are_named_with_since_when() -> None:
    """With two of three silent or behind, time stands still, and each is named (rule 2.5d)."""
    now = at(10)
    keepers = {
        "A": Timekeeper(heard=now - 5),
        "B": Timekeeper(heard=now - 10 * MINUTE),
        "m5": Timekeeper(heard=now, behind=2 * HOUR),
    }
    texts = stalled(golden().terms, NodeFacts(now=now, size=10, sealed=9, timekeepers=keepers))
    assert texts[0].startswith("Borovia has not answered as a timekeeper for 10 min")
    assert texts[1] == "Neutral body (m5) has a clock that lags 2 h behind."
    assert texts[2].startswith("1 of 3 timekeepers answer and 2 are needed: time stands still")


def test_one_silent_timekeeper_of_three_stops_nothing() -> None:
    """With two of three answering the text says that time still moves."""
    now = at(10)
    keepers = {"A": Timekeeper(heard=now), "B": Timekeeper(), "m5": Timekeeper(heard=now)}
    texts = stalled(golden().terms, NodeFacts(now=now, size=1, sealed=1, timekeepers=keepers))
    assert texts == (
        "Borovia has not answered as a timekeeper yet.",
        "2 of 3 timekeepers answer and 2 are enough: time still moves.",
    )


@pytest.mark.parametrize("me", ["", "A", "B"])
def test_without_any_fresh_seal_only_the_keeper_is_named(me: str) -> None:
    """With no timekeeper in a fresh seal, not even ourselves, the keeper's seals are missing: nobody else is named."""
    now = at(10)
    keepers = {name: Timekeeper(heard=now - DAY) for name in ("A", "B", "m5")}
    facts = NodeFacts(now=now, size=12, sealed=10, timekeepers=keepers, me=me)
    assert stalled(golden().terms, facts) == (
        "No seal has come from Neutral body (m5), the keeper, for 1 d, since 24 Jul 2016 00:00 UTC (D+9).",
        "2 entries wait for one.",
    )


def test_a_keeper_without_cosignatures_does_not_accuse_itself() -> None:
    """Asked by the keeper, the same is told of its own node, with how many must cosign."""
    facts = NodeFacts(now=at(10), size=12, sealed=10, sealed_at=at(9), me="m5")
    text = stalled(golden().terms, facts)[0]
    assert text.startswith("This node keeps the record, and has got no seal cosigned for 1 d")
    assert text.endswith("it takes 2 of 3 timekeepers to cosign one.")


def test_a_node_that_was_restarted_still_misses_the_keeper() -> None:
    """Having heard of no timekeeper since it began, a node tells from the last seal that a passed deadline waits."""
    state = golden().at(at(9))
    facts = NodeFacts(now=at(12), size=10, sealed=10, sealed_at=at(9))
    texts = stalled(golden().terms, facts, state)
    assert texts[0].startswith("No seal has come from Neutral body (m5), the keeper, for 3 d")
    assert "does not take effect before one" in texts[1]


def test_what_survives_the_end_is_told_while_the_keeper_is_silent() -> None:
    """After the end, with an entry that no seal covers, the surviving duty is named beside the silent keeper."""
    facts = NodeFacts(now=at(60), size=11, sealed=10, sealed_at=at(50))
    texts = stalled(golden().terms, facts, golden().at(at(50)))
    assert texts[1] == "1 entry waits for one; C9 survives the end."


def test_a_keeper_is_given_a_minute() -> None:
    """In real time an entry of a few seconds ago is no silence, however old the last seal is; one of an hour ago is."""
    terms, state = replace(golden().terms, clock="utc"), golden().at(at(9, 7))
    soon, later = (
        NodeFacts(
            now=at(9, 7) + wait,
            size=11,
            sealed=10,
            sealed_at=at(9, 6) - 600,
            timekeepers={"A": Timekeeper(heard=at(9))},
        )
        for wait in (5, HOUR)
    )
    assert stalled(terms, soon, state) == ()
    assert stalled(terms, later, state)[0].startswith("No seal has come from Neutral body (m5), the keeper, for 8 h")


def test_a_keeper_is_not_silent_while_nothing_waits() -> None:
    """With everything sealed and no deadline passed, an old seal is no news."""
    facts = NodeFacts(now=at(9, 8), size=10, sealed=10, sealed_at=at(9))
    state = golden().at(at(9, 7))
    assert (next_deadline(golden().terms, state) or 0) > facts.now
    assert stalled(golden().terms, facts, state) == ()


def test_timekeepers_of_whom_nothing_is_known_are_not_accused() -> None:
    """Facts without timekeepers name nobody."""
    assert stalled(golden().terms, NodeFacts(now=at(10) + DAY, size=1, sealed=1)) == ()
