"""What a step hands on beside the state is what anybody would find in the state, and never decides anything alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.core.arrangement import claims, marks, step
from armslength.core.arrangement.agenda import Heap, merged
from armslength.core.arrangement.bodies import Allege, Attest
from armslength.core.arrangement.draft import Draft, agenda_of
from armslength.core.arrangement.state import State
from armslength.core.canonical import canonical
from armslength.errors import Refused
from armslength.wire.strict import convert, parse
from tests.core.arrangement.play import Play, act
from tests.core.arrangement.small import END, D, P, begun, maintain, state_claim, when
from tests.core.arrangement.test_properties import LIGHT, RICH, Said, numbered, records, spoken
from tests.core.arrangement.test_properties import begun as rich


def leftist(heap: Heap | None) -> int:
    """How short the way down to an end is; the shortest leads to the right, and what comes first is on top."""
    if heap is None:
        return 0
    left, right = leftist(heap.left), leftist(heap.right)
    assert left >= right
    assert heap.rank == 1 + right
    for below in (heap.left, heap.right):
        assert below is None or (heap.instant, heap.name) <= (below.instant, below.name)
    return heap.rank


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc"))), st.lists(st.integers(0, 9)))
def test_heap_gives_what_is_in_it_in_order_and_stays_shallow(items: list[tuple[int, str]], more: list[int]) -> None:
    """Whatever is put together, in whatever order."""
    one: Heap | None = None
    other: Heap | None = None
    for instant, name in items:
        one = merged(one, Heap(instant, name))
        leftist(one)
    for instant in more:
        other = merged(Heap(instant, "d"), other)
    heap, found = merged(one, other), []
    while heap is not None:
        leftist(heap)
        found.append((heap.instant, heap.name))
        heap = merged(heap.left, heap.right)
    assert found == sorted([*items, *((instant, "d") for instant in more)])


def stored(state: State) -> State:
    """The state as a node finds it again."""
    return step.resumed(RICH, convert(State, parse(canonical(state, whole=True))))


@LIGHT
@given(records)
def test_a_state_that_was_stored_goes_on_as_if_it_had_not(record: Sequence[Said]) -> None:
    """At any place of any record: the same states, roots, changes and refusals, and the same instant to wait for."""
    kept, fresh = rich(), rich()
    clock = kept.state.clock.now
    for number, entry in numbered(record):
        clock = max(clock, kept.state.clock.now) + entry.later
        for what in spoken(kept.state, number, entry, clock - entry.back):
            fresh.state = stored(fresh.state)
            assert fresh.state == kept.state
            assert step.state_root(fresh.state) == step.state_root(kept.state)
            assert step.next_deadline(RICH, fresh.state) == step.next_deadline(RICH, kept.state)
            assert outcome(fresh, what) == outcome(kept, what)
    assert step.advance(RICH, stored(kept.state), END + 20000) == step.advance(RICH, kept.state, END + 20000)


def outcome(play: Play, what: step.EntryInput) -> object:
    """What comes of an entry."""
    try:
        found = play.place(what)
    except Refused as refusal:
        return refusal.code, refusal.reason
    return found.at, found.changes


@LIGHT
@given(records)
def test_the_agenda_is_that_of_the_state(record: Sequence[Said]) -> None:
    """Holds, open allegations and what they wait for are counted along the way as they are counted at the end."""
    play = rich()
    for number, entry in numbered(record):
        for what in spoken(play.state, number, entry, play.state.clock.now + entry.later - entry.back):
            outcome(play, what)
            kept, made = play.state.agenda, agenda_of(RICH, play.state)
            assert kept is not None
            assert (kept.holds, kept.open) == (made.holds, made.open)
            assert Draft(RICH, play.state).due() == (made.deadlines.instant if made.deadlines else None)
            draft = Draft(RICH, play.state)
            again = Draft(RICH, play.state)
            again.runs, again.violations = {}, {}
            for wanted in draft.runs:
                assert marks._run(draft, wanted) == marks._run(again, wanted)
            for duty in draft.violations:
                assert marks._violations(draft, duty).rstrip(".") == marks._violations(again, duty).rstrip(".")


@pytest.mark.slow("after every entry each period is looked at, which is what the product avoids")
@LIGHT
@given(records)
def test_what_passes_in_silence_is_what_would_follow(record: Sequence[Said]) -> None:
    """Periods that end with nobody to ask are closed at once; looking at everything each time comes to the same."""
    play = rich()
    for number, entry in numbered(record):
        for what in spoken(play.state, number, entry, play.state.clock.now + entry.later - entry.back):
            before = play.state
            until = max(before.clock.now + 350, END - 50)
            quick = step.advance(RICH, before, until)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(claims, "passes", lambda _: False)
                assert step.advance(RICH, before, until) == quick
            outcome(play, what)


LETTERS = st.lists(st.tuples(st.integers(0, 19), st.sampled_from("SSSRRXU")), max_size=40)


@settings(max_examples=300, deadline=None)
@given(LETTERS, LETTERS, st.integers(1, 6), st.integers(0, 20))
def test_runs_are_found_where_a_search_finds_them(
    one: list[tuple[int, str]], other: list[tuple[int, str]], length: int, begin: int
) -> None:
    """Over one claim and over two, however their periods come to be decided, in order or not."""
    two = {"k": state_claim(), "j": state_claim()}
    play = begun(end=D + 20 * P, claims=two, duties={"k.Q": maintain("k", remedy_run=length)})
    draft = Draft(play.terms, play.state)
    draft.index.wanted.update(dict.fromkeys(two, ((("k",), length), (("j", "k"), length))))
    for wanted in draft.index.wanted["k"]:
        marks.run_end(draft, wanted, 0)
    texts = {"k": ["."] * 20, "j": ["."] * 20}
    for claim, decided in (("k", one), ("j", other)):
        for number, letter in decided:
            if texts[claim][number] == ".":
                texts[claim][number] = letter
                draft.claims[claim] = replace(draft.claims[claim], decided="".join(texts[claim]))
                draft.decided.append((claim, number))
    alone = "".join(texts["k"])
    both = "".join(joint(pair) for pair in zip(texts["k"], texts["j"], strict=True))
    for wanted, text in (((("k",), length), alone), ((("j", "k"), length), both)):
        stop = re.search(r"\.", text[begin:])
        certain = text[: begin + stop.start()] if stop else text
        assert marks.run_end(draft, wanted, begin) == first(certain, "[SX]", length, begin)
        assert marks.hope(draft, wanted, begin) == first(text, "[SX.]", length, begin)


def joint(pair: tuple[str, str]) -> str:
    """Two letters as one."""
    if set(pair) & set("RU"):
        return "R"
    return "." if "." in pair else "S"


def first(text: str, clean: str, length: int, begin: int) -> int | None:
    """The end of the first run, by looking for it."""
    found = re.compile(f"{clean}{{{length}}}").search(text, begin)
    return None if found is None else found.end() - 1


@pytest.mark.parametrize("order", [sorted, reversed])
def test_terms_of_any_size_are_marked_at_no_cost(order: Callable[[Sequence[int]], Sequence[int]]) -> None:
    """A run longer than memory, and a cure longer than the term, are just never reached."""
    play = begun(
        claims={"k": state_claim(report_by=10 * P)},
        duties={"k.Q": maintain("k", cure=10**15, remedy_run=10**15, trigger=when("start", 0))},
    )
    for period in order(range(8)):
        for monitor in ("n1", "n2"):
            play.place(act(monitor, D + 8 * P, Attest(claim="k", period=period, value=period != 3)))
    assert play.duty("k.Q") == "OVERDUE"


def test_state_without_its_agenda_shows_and_does_the_same() -> None:
    """As it is read from bytes: whoever looks at it finds the holds, and a step the rest."""
    play = begun(claims={"k": state_claim(report_by=900)}, duties={"d": maintain("k")})
    vote = act("n1", D + 20, Attest(claim="k", period=0, value=False))
    for running, holds in (("HELD", ("P/k/0",)), ("EFFECTIVE", ())):
        if holds:
            play.say(D + 10, "P", Allege(claim="k", period=0, hold=True))
        else:
            play.seal(D + 160)
        bare = convert(State, parse(canonical(play.state, whole=True)))
        assert bare.agenda is None
        assert (bare.shown, bare.holds) == (play.state.shown, play.state.holds) == (running, holds)
        assert step.apply(play.terms, bare, vote) == step.apply(play.terms, play.state, vote)
        assert step.next_deadline(play.terms, bare) == step.next_deadline(play.terms, play.state)
