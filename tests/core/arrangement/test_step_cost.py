"""What an entry costs does not grow with what was entered before: counted in calls, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import islice

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from tests.core.arrangement.floods import FLOODS, Flood, begun, silence

SOME, MORE = 200, 3200  # entries before those that are counted


def counted(work: Callable[[], object]) -> int:
    """How many calls, of C functions too, the work takes."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def folded(terms: Arrangement, state: State, entries: Iterable[step.EntryInput]) -> State:
    """The state after these entries, the root of each worked out as a record does."""
    for entry in entries:
        state = step.apply(terms, state, entry).state
        step.state_root(state)
    return state


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_an_entry_costs_the_same_after_many(flood: Callable[[int], Flood]) -> None:
    """Sixteen times as many entries make the next ones dearer by a logarithm: within 1.5 (rule 11.2a)."""
    terms, entries = flood(MORE + SOME)
    state = folded(terms, begun(terms), islice(entries, SOME))
    first = list(islice(entries, 64))
    early = counted(lambda: folded(terms, state, first))
    state = folded(terms, state, first)
    state = folded(terms, state, islice(entries, MORE - SOME - 64))
    last = list(islice(entries, 64))
    late = counted(lambda: folded(terms, state, last))
    assert late < early * 1.5


def test_periods_that_pass_in_silence_cost_the_same_each() -> None:
    """Twice as many take twice as long."""
    cost = {}
    for count in (500, 1000):
        terms, _ = silence(count)
        state = begun(terms)
        cost[count] = counted(lambda terms=terms, state=state: step.advance(terms, state, terms.end + 10**6))  # type: ignore[misc]
    assert cost[1000] < 2.1 * cost[500]
