"""What is told of every change: its instant, its rule, whose entry made it, and what it rests on; when time is waited
for next; and the state that a history ends with.

`changes.txt` was read against the rules, line by line; ARMSLENGTH_TELL=1 writes it anew, to be read again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.causes import Actors, Ground, Passed, Periods, Standing
from armslength.core.arrangement.draft import EntryInput
from armslength.core.arrangement.state import Change
from armslength.core.arrangement.tables import ASIDE, MACHINES
from armslength.core.canonical import names
from armslength.core.parts import Parts
from tests.core.arrangement import stories_duties, stories_tranches  # noqa: F401 - they keep theirs there too
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import D
from tests.core.arrangement.stories import STORIES

LONG = {"entry", "commit", "agreement", "recipient_key", "wrapped"}
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


def value(found: object) -> str:
    """A value of the state, instants counted from D."""
    match found:
        case bool() | str():
            return str(found)
        case int():
            return instant(found) if found > D - 1000 else str(found)
        case Mapping():
            return "{" + ", ".join(f"{name}: {value(part)}" for name, part in found.items()) + "}"
        case tuple():
            return " ".join(map(value, found))
        case _:
            fields = {name: getattr(found, name) for name in names(type(found))}
            said = (f"{name} {value(part)}" for name, part in fields.items() if name not in LONG and said_of(part))
            return "(" + ", ".join(said) + ")"


def said_of(part: object) -> bool:
    """Whether a field is anything but empty."""
    return part is not None and part is not False and part != () and part != {} and part != "" and part != Parts()


def told(play: Play) -> list[str]:
    """Every entry that changes something, or what time is waited for; what it does; and the last state."""
    lines, known = [], None
    for what, outcome in play.placed:
        before, known = known, step.next_deadline(play.terms, outcome.state)
        if outcome.changes or known != before:
            lines.append(f"{entry(what)} (next {instant(known) if known else 'nothing'})")
            lines += map(line, outcome.changes)
        for change in outcome.changes:
            assert (change.author, change.entry) in {(None, None), (what.author, what.entry)}
    state = play.state
    kinds = {"claim": state.claims, "duty": state.duties, "tranche": state.tranches, "allegation": state.allegations}
    lines += [f"= clock {value(state.clock)}", f"= {value(state.arrangement)}"]
    return lines + [f"= {kind} {name} {value(found[name])}" for kind, found in kinds.items() for name in sorted(found)]


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
    rules = {words.split(" [")[0].split(", ")[-1] for lines in found.values() for words in lines if " → " in words}
    assert rules == {row for machine in MACHINES for row in machine.rows} | set(ASIDE)


if os.environ.get("ARMSLENGTH_TELL"):
    TOLD.write_text("\n\n".join("\n".join((f"# {name}", *told(tell()))) for name, tell in STORIES.items()) + "\n")
