"""Which arrangement is meant by whoever says nothing."""

from __future__ import annotations

import pytest

from armslength.engine.selection import SHOWN, Candidate, choice, chosen
from armslength.errors import Misuse, NotFound


def terms(name: str, replaces: str | None = None, *, stands: bool = False, ours: bool = True) -> Candidate:
    """Terms whose hash is a letter."""
    return Candidate(
        arrangement=name * 64,
        title=f"terms {name}",
        replaces=replaces and replaces * 64,
        stands=stands,
        ours=ours,
    )


def meant(*found: Candidate) -> str:
    """The letter of those that are meant."""
    return chosen(found, "none").arrangement[0]


def test_the_answer_to_other_terms_is_meant() -> None:
    """Of terms that replace others those are meant, though the others are known."""
    assert meant(terms("a")) == "a"
    assert meant(terms("a"), terms("b", "a")) == "b"
    assert meant(terms("a"), terms("b", "a"), terms("c", "b")) == "c"


def test_what_is_in_force_is_replaced_by_nothing() -> None:
    """Terms of ours beside what is in force are a choice; what others only propose in its place is none."""
    with pytest.raises(Misuse, match=r"aaaaaaaaaaaa \(terms a\), bbbbbbbbbbbb \(terms b; to replace aaaaaaaaaaaa\)"):
        meant(terms("a", stands=True), terms("b", "a"))
    assert meant(terms("a", stands=True, ours=False), terms("b", "a", ours=False)) == "a"


def test_where_nothing_is_clear_it_is_said() -> None:
    """Two that have nothing to do with each other are shown; of many only some; none is none."""
    with pytest.raises(Misuse, match="say which with --arrangement"):
        meant(terms("a"), terms("b"))
    with pytest.raises(NotFound, match="none"):
        meant()
    many = choice([terms(each) for each in "abcdefghijkl"])
    assert many.reason.count("terms") == SHOWN
    assert many.reason.endswith("and more")
