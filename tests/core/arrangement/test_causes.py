"""What is told of every change: its instant, its rule, whose entry made it, and what it rests on.

`changes.txt` was read against the rules, line by line; ARMSLENGTH_TELL=1 writes it anew, to be read again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from armslength.core.arrangement.causes import Actors, Ground, Passed, Periods, Standing
from armslength.core.arrangement.draft import EntryInput
from armslength.core.arrangement.state import Change
from armslength.core.arrangement.tables import ASIDE, MACHINES
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import D
from tests.core.arrangement.stories import STORIES

TOLD = Path(__file__).with_name("changes.txt")


def instant(at: int) -> str:
    """Counted from D."""
    return f"D{at - D:+}" if at != D else "D"


def entry(what: EntryInput) -> str:
    """Who says what when."""
    named = ((name, getattr(what.body, name)) for name in type(what.body).__slots__ if what.type not in {"commit"})
    short = [str(value)[:8] for name, value in named if value not in (None, "") and name not in {"header", "key"}]
    return " ".join((instant(what.stamp), what.author, what.type, *short))


def ground(found: Ground) -> str:
    """What it rests on."""
    match found:
        case Actors(names):
            return "word of " + " ".join(names)
        case Passed(at, of):
            return f"{of} {instant(at)}"
        case Standing(kind, subject, state):
            return f"{kind} {subject} is {state}"
        case Periods(claim, first, last, number):
            return f"{claim} {first}–{last}" + (f", of these {number}" if number is not None else "")


def line(change: Change) -> str:
    """One change; what an entry makes itself is marked."""
    made = "*" if change.entry else " "
    rests = "; ".join(map(ground, change.cause))
    moved = f"{change.kind} {change.subject}: {change.before} → {change.after}"
    return f"{made} {instant(change.at):6} {moved}, {change.rule}" + (f" [{rests}]" if rests else "")


def told(play: Play) -> list[str]:
    """Every entry that changes something, and what it does."""
    lines = []
    for what, outcome in play.placed:
        if outcome.changes:
            lines += [entry(what), *map(line, outcome.changes)]
        for change in outcome.changes:
            assert (change.author, change.entry) in {(None, None), (what.author, what.entry)}
    return lines


def read() -> dict[str, list[str]]:
    """The histories of the file."""
    parts = (part.strip("\n").split("\n") for part in TOLD.read_text().split("\n\n"))
    return {head.removeprefix("# "): lines for head, *lines in parts}


@pytest.mark.parametrize("name", STORIES)
def test_what_is_told_of_every_change(name: str) -> None:
    """Line by line as in the file."""
    assert told(STORIES[name]()) == read()[name]


def test_histories_take_every_row() -> None:
    """The file knows these histories and no other, and together they reach every rule of a change."""
    found = read()
    assert list(found) == list(STORIES)
    rules = {words.split(" [")[0].split(", ")[-1] for lines in found.values() for words in lines if ", " in words}
    assert rules == {row for machine in MACHINES for row in machine.rows} | set(ASIDE)


if os.environ.get("ARMSLENGTH_TELL"):
    TOLD.write_text("\n\n".join("\n".join((f"# {name}", *told(tell()))) for name, tell in STORIES.items()) + "\n")
