"""The record under entries that are in form, signed and stamped, and say anything whatever."""

from __future__ import annotations

import dataclasses
import signal
from functools import cache
from random import Random
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import (
    BODIES,
    Allege,
    Attest,
    Body,
    Determine,
    Resume,
    Seal,
    Waive,
    Withdraw,
)
from armslength.core.record.entry import TYPE_OF, leaf_of
from armslength.errors import Malformed, Refused
from armslength.wire.record import decode_leaf, encode
from tests.golden.terms import golden_script
from tests.record_builder import Builder, keyed_terms

from .mutations import EXAMPLES, fuzzed

DAY = 86_400
LARGEST = 2**53 - 1
AUTHORS = ["A", "B", "C", "m1", "m2", "m3", "m4", "m5", "v", "h", "nobody"]
NAMES = [
    *("C1.A", "T1", "k2", "A/k2/14/", "", "x", "\u00e9\u2028", "0" * 64, "ab" * 32, "A" * 43 + "=", "text/csv", "{}"),
    "urn:uuid:00000000-0000-0000-0000-000000000000",
]  # fmt: skip
FITTING: dict[str, list[Any]] = {
    "claim": ["k1a", "k1b", "k2", "x2", "k5a", "k5b", "k6a", "k9"],
    "duty": ["C1.A", "C1.B", "C2", "C5a", "C5b", "C6.A", "C6.B", "C9", "T1.release", "T2.release"],
    "tranche": ["T1", "T2", "T3", "T4", "T5", "T6"],
    "allegation": ["A/k2/14", "B/k1a/0", "B/k1a/9", "A/T2", "B/T1", "B/T2", "A/k2/20"],
    "answer": ["ADMITTED", "DENIED"],
    "stage": ["cipher", "plain"],
    "agreement": ["urn:uuid:00000000-0000-0000-0000-000000000000"],
    "header": ["AAAA"],
    "media_type": ["text/csv", "application/json"],
    "key": ["A" * 43 + "="],
    "kind": ["equivocation", "fork"],
}
LIKELY = {
    "sign": ["A", "B"],
    "commit": ["A", "B"],
    "attest": ["m1", "m2", "m3", "m4", "m5", "v", "h"],
    "determine": ["m1", "m2", "m3", "m4", "m5"],
    "seal": ["m5"],
}


@cache
def start() -> int:
    """The start of the golden terms."""
    return keyed_terms().start


@cache
def stage(groups: int) -> Builder:
    """The golden record after so many groups of its script, each made from the one before it."""
    if groups == 0:
        return Builder()
    builder = after(stage(groups - 1))
    builder.run(list(golden_script())[groups - 1 : groups])
    return builder


def after(other: Builder) -> Builder:
    """A record that goes on where this one stands."""
    builder = Builder(other.terms)
    builder.replica, builder.seen = other.replica.copy(), other.seen
    return builder


def times(now: int) -> st.SearchStrategy[int]:
    """Instants around now and the term, and the ends of what an integer may be."""
    near = st.tuples(st.integers(-2, 20).map(lambda hours: now + hours * 3600), st.sampled_from([-1, 0, 1])).map(sum)
    days = st.integers(-5, 90).map(lambda day: start() + day * DAY)
    ends = st.sampled_from([0, 1, LARGEST - 1, LARGEST])
    return st.one_of(near, near, near, days, ends).map(lambda time: min(max(time, 0), LARGEST))


def values(hint: Any, name: str, now: int) -> st.SearchStrategy[Any]:
    """Values of a field's type, most of them from where such a field's values come."""
    periods = st.integers(0, max(0, (now - start()) // DAY) + 2)
    kinds = {
        "str": st.sampled_from(NAMES),
        "bool": st.booleans(),
        "int": st.one_of(periods, periods, times(now), st.sampled_from([0, LARGEST])),
    }
    parts = [part.strip() for part in str(hint).replace("<class '", "").replace("'>", "").split("|")]
    options = [st.none() if part == "None" else kinds[part] for part in parts]
    if name in FITTING:
        options += [st.sampled_from(FITTING[name])] * 6
    if name.endswith("_root") or name in ("evidence", "supersedes", "wrapped"):
        options += [st.sampled_from(["ab" * 32, "0" * 64])] * 4
    return st.one_of(options)


def bodies(now: int) -> st.SearchStrategy[Body]:
    """A body of any type with any content."""

    def of(kind: type[Body]) -> st.SearchStrategy[Body]:
        hints = get_type_hints(kind)
        fields = {field.name: values(hints[field.name], field.name, now) for field in dataclasses.fields(kind)}
        return st.builds(kind, **fields)

    return st.one_of([of(kind) for kind in BODIES.values()])


def authors(body: Body) -> st.SearchStrategy[str]:
    """Mostly those who may state such a thing."""
    return st.sampled_from(LIKELY.get(TYPE_OF[type(body)], ["A", "B"]) * 4 + AUTHORS)


def alarm(*_: object) -> None:
    """Ends a fold that does not."""
    raise AssertionError("placing an entry takes more than ten seconds")


def attempt(builder: Builder, author: str, body: Body, time: int, by: list[str] | None) -> bool:
    """Whether the entry is placed. A refusal has changed nothing; either comes soon. `by`: who cosigns, for a seal."""
    before = (builder.replica.size, builder.replica.state_root, builder.replica.tree_root)
    signal.alarm(10)
    try:
        if isinstance(body, Seal) and by:
            made = builder.entry(builder.keeper, builder.seal_body(time, by))
            leaf = leaf_of(builder.submit(made), ())
        else:
            leaf = builder.leaf(builder.entry(author, body), time)
        placed = builder.replica.place(decode_leaf(encode(leaf)))
    except (Malformed, Refused):
        assert (builder.replica.size, builder.replica.state_root, builder.replica.tree_root) == before
        return False
    finally:
        signal.alarm(0)
    assert placed.index == before[0]
    assert builder.replica.size == before[0] + 1
    step.next_deadline(builder.terms, builder.replica.state)
    return True


def at_stage(groups: int) -> Builder:
    """The golden record after so many groups, to go on from."""
    builder = after(stage(groups))
    signal.signal(signal.SIGALRM, alarm)
    return builder


def cosigners(builder: Builder) -> st.SearchStrategy[list[str] | None]:
    """Who cosigns a seal; None leaves the seal as it was made up."""
    return st.lists(st.sampled_from(builder.terms.timekeepers.of), min_size=1, unique=True) | st.none()


@pytest.mark.slow("each example goes on from a record of the golden scenario, with entries that are signed and stamped")
@given(st.sampled_from([0, 2, 9, 16, 40]), st.data())
@fuzzed
def test_an_entry_is_placed_or_refused_whatever_it_says(groups: int, data: st.DataObject) -> None:
    """Placing ends, soon, in a new state with a root, or in a refusal that has changed nothing."""
    builder = at_stage(groups)
    for _ in range(data.draw(st.integers(1, 8))):
        now = builder.replica.state.clock.tau or start()
        body = data.draw(bodies(now))
        by = data.draw(cosigners(builder)) if isinstance(body, Seal) else None
        attempt(builder, data.draw(authors(body)), body, data.draw(times(now)), by)


@pytest.mark.slow("each example signs and places up to twelve groups of the golden scenario, disturbed")
@given(st.integers(0, 70), st.randoms(use_true_random=False))
@settings(fuzzed, max_examples=EXAMPLES // 3 + 1)
def test_a_disturbed_history_goes_on(groups: int, chance: Random) -> None:
    """The golden history with entries dropped, repeated, contradicted, moved in time and out of order: each is placed
    or refused, and the record always takes the next seal.
    """
    builder = at_stage(groups)
    for time, entries in list(golden_script())[groups : groups + 12]:
        items = list(entries)
        chance.shuffle(items) if chance.random() < 0.3 else None
        shift = chance.choice([0, 0, 0, -3600, 3600, 40_000, 200_000])
        for author, body in items:
            if isinstance(body, Seal) or chance.random() < 0.15:
                continue
            if isinstance(body, Attest | Determine) and chance.random() < 0.2:
                flag = "value" if isinstance(body, Attest) else "uphold"
                body = dataclasses.replace(body, **{flag: not getattr(body, flag)})
            for _ in range(chance.choice([1, 1, 1, 2])):
                attempt(builder, author, body, time + shift, None)
            if chance.random() < 0.05:
                extra = chance.choice(
                    [Withdraw(), Resume(), Waive(duty="C2"), Waive(duty="C5a"), Allege(claim="k2", period=9)]
                )
                attempt(builder, chance.choice("AB"), extra, time + shift, None)
        if chance.random() < 0.5:
            attempt(builder, "m5", Seal(checkpoint="", state_root=""), time + shift, chance.sample(["A", "B", "m5"], 2))
    last = max(builder.replica.state.clock.tau, builder.replica.state.clock.now) + DAY
    assert attempt(builder, "m5", Seal(checkpoint="", state_root=""), last, ["A", "m5"])
    assert builder.replica.state.clock.tau == last
