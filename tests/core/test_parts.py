"""`Parts` is a map like any other; and what its shape and roots promise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.core import parts
from armslength.core.canonical import canonical, plain
from armslength.core.parts import Parts, Rows

KEYS = st.one_of(st.integers(0, 2000).map(str), st.text(max_size=3), st.sampled_from(["007", "0", "1" * 12, "²"]))
DONE = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.integers(0, 9))), max_size=120)


def encode(value: object) -> str:
    """Plain data in its canonical form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@settings(max_examples=200, deadline=None)
@given(DONE)
def test_it_is_a_map(done: list[tuple[str, int | None]]) -> None:
    """Whatever is put and dropped, it holds what a dict would, and what was made before stays as it was."""
    made, plainly = Parts[int](), dict[str, int]()
    for key, value in done:
        before, copy = made, dict(plainly)
        if value is None:
            made = made.drop(key)
            plainly.pop(key, None)
        else:
            made = made.put(key, value)
            plainly[key] = value
        assert before == copy
        assert len(before) == len(copy)
    assert list(made) == sorted(plainly)
    assert dict(made.items()) == plainly
    assert all(made.get(key) == plainly.get(key) and (key in made) is (key in plainly) for key, _ in done)


@settings(max_examples=200, deadline=None)
@given(DONE, st.randoms(use_true_random=False))
def test_equal_maps_have_equal_roots(done: list[tuple[str, int | None]], random: object) -> None:
    """The root tells what the map holds, not how it came to it; and another value, or key, is another root."""
    made, held = Parts[int](), dict[str, int]()
    for key, value in done:
        made = made.drop(key) if value is None else made.put(key, value)
        made.root(encode)  # remembered along the way
        held = {known: kept for known, kept in held.items() if known != key} | ({} if value is None else {key: value})
    items = list(held.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    again = Parts(items)
    assert again == made
    assert again.root(encode) == made.root(encode)
    for key in held:
        assert made.put(key, 10).root(encode) != made.root(encode)
        assert made.drop(key).root(encode) != made.root(encode)


def test_a_change_leaves_the_rest_alone() -> None:
    """Of a hundred thousand items, one change makes as few new parts as of a hundred, within a logarithm."""
    for count, most in ((100, 2), (1000, 3), (100_000, 4)):
        made = Parts((str(number), number) for number in range(count))
        written: list[object] = []

        def counted(value: object, written: list[object] = written) -> str:
            written.append(value)
            return encode(value)

        made.root(counted)
        written.clear()
        made.put("7", 0).root(counted)
        assert len(written) == 1  # one leaf
        assert _depth(made._top) <= most


def _depth(part: parts._Part) -> int:
    return 1 if part.size is None else 1 + max(map(_depth, part.values()))


def test_its_canonical_form_is_its_root() -> None:
    """In a document that is hashed it stands as its root; in one that is stored, as the object that it is."""
    made = Parts({"b": 1, "a": [2]})
    assert plain({"x": made}) == {"x": made.root(encode).hex()}
    assert canonical({"x": made}, whole=True) == b'{"x":{"a":[2],"b":1}}'


def test_rows_are_a_list() -> None:
    """Copies share what they have in common, and go their own ways."""
    made, plainly = Rows(range(700)), list(range(700))
    copy = made.copy()
    for number in range(700, 1100):
        made.append(number)
        plainly.append(number)
    copy.append(-1)
    assert list(made) == plainly
    assert list(copy) == [*range(700), -1]
    assert [made[0], made[255], made[256], made[-1], made[-2], made[700]] == [0, 255, 256, 1099, 1098, 700]
    for wrong in (1100, -1101):
        with pytest.raises(IndexError):
            made[wrong]
