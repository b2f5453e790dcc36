"""The shipped arrangements compile, say what they should, and survive the way to canonical form and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armslength.core.arrangement.terms import Arrangement, Clause
from armslength.core.canonical import canonical
from armslength.wire.terms import Compiled, compile_terms, decompile_terms, read_terms
from tests.golden.terms import golden_terms

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*/arrangement.yaml"))


def compiled(path: Path) -> Compiled:
    """The terms of an example."""
    return compile_terms(path.read_bytes(), lambda name: (path.parent / name).read_bytes(), file=str(path))


def without_prose(terms: Arrangement) -> Arrangement:
    """The terms with every sentence emptied, so that two ways of wording the same rules compare equal."""
    return replace(
        terms,
        clauses={id_: Clause(title=clause.title, sha256="") for id_, clause in terms.clauses.items()},
        claims={id_: replace(claim, statement="") for id_, claim in terms.claims.items()},
        duties={id_: replace(duty, statement="") for id_, duty in terms.duties.items()},
    )


def test_july_2016_is_the_golden_arrangement() -> None:
    """The seed case as a file and the golden terms as values differ in prose and identities only."""
    terms = compiled(EXAMPLES / "july-2016" / "arrangement.yaml").terms
    golden = golden_terms()
    same_people = {
        id_: replace(actor, did=terms.actors[id_].did, keys=terms.actors[id_].keys)
        for id_, actor in golden.actors.items()
    }
    assert without_prose(terms) == without_prose(replace(golden, actors=same_people))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_example_survives_both_ways(path: Path) -> None:
    """Decompiled and compiled again, an example has the same canonical bytes and the same texts."""
    first = compiled(path)
    again = compile_terms(decompile_terms(first.terms, first.texts).encode())
    assert canonical(again.terms) == canonical(first.terms)
    assert again.texts == first.texts
    assert read_terms(canonical(first.terms), first.texts) == first.terms
