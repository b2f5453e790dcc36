"""The scripts that ship with the examples, and those of docs/rehearsal.md, hold; the golden one is the golden run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from armslength.core.arrangement.state import Change
from armslength.rehearsal.play import Play
from armslength.views.placed import PlacedEntry
from armslength.wire.script_read import read_script
from armslength.wire.script_sentences import VERBS, Grammar
from armslength.wire.script_times import Anchors
from tests.golden.terms import END, D, at
from tests.rehearsal.support import EXAMPLES, TERMS, example
from tests.views.fold import golden

SCRIPTS = sorted(EXAMPLES.glob("*/rehearsals/*.yaml"))
PAGE = (EXAMPLES.parent / "docs" / "rehearsal.md").read_text(encoding="utf-8")


def told(placed: tuple[PlacedEntry, ...] | list[PlacedEntry], until: int) -> list[tuple[object, ...]]:
    """What changed up to an instant, and why, in an order of its own: without the entries' hashes."""

    def known(change: Change) -> tuple[object, ...]:
        return (change.at, change.kind, change.subject, change.before, change.after, change.rule, change.cause)

    return sorted((known(change) for entry in placed for change in entry.changes if change.at <= until), key=repr)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_shipped_scripts_hold(path: Path) -> None:
    """Every expectation of a shipped script holds, and there are some."""
    terms = example(path.parts[-3])
    found = Play(terms, read_script(path.read_bytes(), terms, file=path.name)).run()
    assert not found.mismatches
    assert found.checked
    assert not found.unplayed


def test_every_example_has_scripts() -> None:
    """Every arrangement that ships has a script beside it."""
    assert {path.parts[-3] for path in SCRIPTS} == {path.parent.name for path in EXAMPLES.glob("*/arrangement.yaml")}


def test_the_golden_script_is_the_golden_run() -> None:
    """The golden script makes the very changes, at the very instants and for the very causes, that the golden scenario
    makes entry by entry."""
    terms = example("july-2016")
    path = EXAMPLES / "july-2016" / "rehearsals" / "golden.yaml"
    found = Play(terms, read_script(path.read_bytes(), terms, file="golden.yaml")).run()
    assert told(found.placed, at(46, 1)) == told(golden().placed, at(46, 1))


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(rehearse:.*?)```", PAGE, re.DOTALL))
def test_scripts_of_the_page_hold(text: str) -> None:
    """Every script in docs/rehearsal.md can be played, and holds."""
    found = Play(TERMS, read_script(text.encode(), TERMS, file="rehearsal.md")).run()
    assert not found.mismatches
    assert found.checked


def test_sentences_of_the_page_are_read() -> None:
    """Every sentence in the table of docs/rehearsal.md is one, and all verbs are in it."""
    grammar = Grammar(TERMS, Anchors(d=D, start=D, end=END, before=D))
    table = PAGE.split("| sentence | statement |")[1].split("\n\n")[0]
    sentences = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE) + re.findall(r"`([A-Bm]\d? [a-z][^`]+)`", table)
    assert len(sentences) > 15
    for sentence in sentences:
        assert grammar.read(sentence)
    words = set(re.findall(r"[a-z]+", table))
    missing = {verb for verb in VERBS if not words & {verb, f"{verb}s", f"{verb}es", f"{verb[:-1]}ies"}}
    assert not missing
