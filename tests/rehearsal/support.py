"""Scripts as texts, played on the terms of the July 2016 arrangement or on a shipped one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from armslength.core.arrangement.terms import Arrangement
from armslength.rehearsal.play import Play, Rehearsal
from armslength.wire.script import Script
from armslength.wire.script_read import read_script
from armslength.wire.terms import compile_terms
from tests.golden.terms import golden_terms

EXAMPLES = Path(__file__).parents[2] / "examples"
TERMS = golden_terms()


@cache
def example(name: str) -> Arrangement:
    """The terms of a shipped example."""
    folder = EXAMPLES / name
    path = folder / "arrangement.yaml"
    return compile_terms(path.read_bytes(), lambda other: (folder / other).read_bytes(), file=str(path)).terms


def read(text: str, terms: Arrangement = TERMS) -> Script:
    """A script from its lines (below `script:`), which may begin with `otherwise: …` on a line of its own."""
    head, _, rest = text.strip().partition("\n") if text.strip().startswith("otherwise") else ("", "", text)
    return read_script(f"rehearse: a test\n{head}\nscript:\n{rest}\n".encode(), terms, file="test.yaml")


def play(text: str, terms: Arrangement = TERMS) -> Rehearsal:
    """The script, played to its end."""
    return Play(terms, read(text, terms)).run()
