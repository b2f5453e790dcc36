"""Terms made to cost their reader: of the largest size, each is read or refused in a time that grows with its size."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from armslength.core.canonical import canonical
from armslength.errors import Malformed
from armslength.wire.terms import compile_terms, read_terms
from armslength.wire.terms_fields import suggest
from armslength.wire.terms_json import MAX_TERMS, encode_terms
from tests.record_builder import clause_texts
from tests.sim.harness import world_terms

Plain = dict[str, Any]
SECONDS = 10.0  # of the processor; what was quadratic took 60 and more


def listed(section: str, name: str, field: str, item: str) -> Callable[[Plain, int], None]:
    """Fill a list with `n` names."""

    def fill(document: Plain, n: int) -> None:
        holder = document[section][name] if name else document[section]
        holder[field] = [item.format(i) for i in range(n)]

    return fill


def entries(section: str, like: str) -> Callable[[Plain, int], None]:
    """Repeat an entry of a section `n` times."""

    def fill(document: Plain, n: int) -> None:
        document[section] |= {f"x{i}": copy.deepcopy(document[section][like]) for i in range(n)}

    return fill


def unknown_claims(document: Plain, n: int) -> None:
    """Gates that each name claims which are not there."""
    names = [f"kxxxxxx{i}" for i in range(100)]
    gate = {"op": "all", "of": [{"op": "claim", "claim": name, "states": ["SUPPORTED"]} for name in names]}
    for i in range(n // 100):
        document["tranches"][f"x{i}"] = copy.deepcopy(document["tranches"]["T1"]) | {"gate": gate}


CASES: dict[str, Callable[[Plain, int], None]] = {
    "media types": listed("tranches", "T2", "media_types", "a/b{:06}"),
    "unknown monitors": listed("claims", "k1a", "monitors", "m{:06}"),
    "unknown timekeepers": listed("timekeepers", "", "of", "zzz{:06}"),
    "tranches": entries("tranches", "T2"),
    "duties": entries("duties", "C2"),
    "claims": entries("claims", "k2"),
    "actors": entries("actors", "C"),
    "unknown claims": unknown_claims,
}


@pytest.mark.parametrize("case", CASES)
def test_terms_of_the_largest_size_are_refused_in_time(case: str) -> None:
    """Whatever fills them; and no suggestion is made to whoever sent them."""
    document, n = json.loads(encode_terms(world_terms())), 200
    data = b""
    while True:
        CASES[case](filled := copy.deepcopy(document), n)
        if len(larger := canonical(filled)) > MAX_TERMS:
            break
        data, n = larger, n * 3 // 2
    assert len(data) > MAX_TERMS / 3
    before = time.process_time()
    with pytest.raises(Malformed) as caught:
        read_terms(data, clause_texts())
    assert time.process_time() - before < SECONDS
    assert "did you mean" not in str(caught.value)


def test_an_author_whose_names_are_all_wrong_is_answered_in_time() -> None:
    """A file with ten thousand names that nothing declares: each is reported, the first ones with what is near."""
    many = ", ".join(f"qualiti{i}" for i in range(900))
    claims = "".join(f"  quality{i}: {{kind: state}}\n" for i in range(900))
    tranches = "".join(f"  T{i}: {{when: {{supported: [{many}]}}}}\n" for i in range(12))
    data = f"title: x\nclaims:\n{claims}tranches:\n{tranches}".encode()
    before = time.process_time()
    with pytest.raises(Malformed) as caught:
        compile_terms(data)
    assert time.process_time() - before < 6 * SECONDS  # most of it is the YAML's
    assert str(caught.value).count("there is no claim") > 10_000


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("keper", ["keeper", "clock"], "did you mean keeper?"),
        ("zebra", [f"claim{i}" for i in range(20)], None),
        ("T1", [f"k{i}" for i in range(20)], None),
        ("x" * 10_000, ["x" * 9_999], None),
    ],
)
def test_nothing_is_suggested_unless_it_is_near(name: str, known: list[str], said: str | None) -> None:
    """A name that only resembles is worse than none."""
    assert suggest(name, known) == said


def test_a_chain_of_runs_is_followed_once() -> None:
    """A thousand tranches, each after the one before it."""
    tranches = "".join(
        f"  T{i}: {{when: {{run: {{of: k, clean: 1{f', after: T{i - 1}' if i else ''}}}}}}}\n" for i in range(1000)
    )
    before = time.process_time()
    with pytest.raises(Malformed):
        compile_terms(f"title: x\nclaims:\n  k: {{kind: state}}\ntranches:\n{tranches}".encode())
    assert time.process_time() - before < 3 * SECONDS
