"""The canonical byte form, held to another implementation of RFC 8785."""

from __future__ import annotations

from collections import UserDict, UserList
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from armslength.core.arrangement.bodies import Allege, Attest
from armslength.core.arrangement.causes import Standing
from armslength.core.arrangement.tables import Stage
from armslength.core.canonical import LARGEST, canonical, digest, plain

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.text(st.characters(max_codepoint=127), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_it_is_rfc_8785(value: Any) -> None:
    """Every value that our documents may hold comes out as another implementation writes it."""
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [1.0, float("nan"), LARGEST + 1, -LARGEST - 1, b"x", {"é": 1}, {1: 2}, "\ud800", {1}])
def test_what_it_does_not_hold_is_an_error(value: Any) -> None:
    """Floats, large integers, bytes, other keys and lone surrogates raise ValueError, wherever they stand."""
    for nested in (value, [value], {"a": [value]}):
        with pytest.raises(ValueError):  # noqa: PT011
            canonical(nested)


def test_an_absent_field_has_one_spelling() -> None:
    """A dataclass's None is left out; its defaults are written out."""
    assert canonical(Attest(claim="k", period=0, value=True)) == b'{"claim":"k","period":0,"value":true}'
    assert canonical(Allege(claim="k", period=0)) == b'{"claim":"k","hold":false,"period":0,"text":""}'


def test_other_mappings_and_sequences_count_as_objects_and_arrays() -> None:
    """What quacks like a dict or list is written like one."""
    assert canonical(UserDict(b=UserList([1]), a=(2,))) == b'{"a":[2],"b":[1]}'


def test_a_state_is_written_by_its_name() -> None:
    """As plain data it is text and nothing more, as a value and as a key."""
    assert canonical({Stage.LOCKED: [Stage.READY]}) == b'{"LOCKED":["READY"]}'
    assert type(plain(Stage.READY)) is str
    assert type(plain(Standing("tranche", "T1", Stage.READY))["state"]) is str


def test_a_digest_is_hex_of_sha256() -> None:
    """Of nothing: e3b0…"""
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_class_variable_is_no_field_of_a_document() -> None:
    """Every field that a definition holds is written: a class that has variables besides is refused, not cut short."""

    @dataclass(frozen=True)
    class Both:
        field: int
        variable: ClassVar[dict[int, int]] = {1: 1}

    with pytest.raises(ValueError, match="key is not an ASCII string"):
        canonical(Both(field=1))
