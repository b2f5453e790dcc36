"""What a script says, as values: who says what and when, who is silent, and what must then be so.

docs/rehearsal.md is the format's reference; `reading` makes a Script of a file, and `play` plays it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from armslength.core.arrangement.bodies import Body
from armslength.errors import Misuse
from armslength.wire.terms_tree import Problem

AGREED, SILENT = "agreed", "silent"  # what those do of whom the script says nothing

FOREVER = 1 << 62  # later than any instant of an arrangement


class BadScript(Misuse):
    """A script that cannot be read; `problems` holds everything found, in the order of the file."""

    closing = "this script cannot be played"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("bad-script", "\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One statement at its instant. `corrects`: it replaces the author's earlier attestation. `culprit`: whom it proves
    to have signed two statements that exclude each other. `refused`: the code with which it must be refused."""

    at: int
    author: str
    body: Body
    line: int
    corrects: bool = False
    culprit: str | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must be so. how: "is" (then, at this instant), "becomes" (it comes to it at this very instant) or "never"
    (at no time). Of kind "exposure", `state` is a number: "is" at most that, or "never" above it. `text` is the line as
    it was written."""

    at: int
    kind: str  # as in `Change`
    subject: str
    how: str
    state: str
    line: int
    text: str


Cue = Spoken | Expectation  # what a script gives at an instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Who says nothing from `since` on, before `until`. `spots`: only of these periods of claims; empty: of anything,
    with what their nodes do by themselves. `down`: their nodes are gone, and their offices are not kept either."""

    who: frozenset[str]
    since: int = 0
    until: int = FOREVER
    spots: frozenset[tuple[str, int]] = frozenset()
    down: bool = False
    line: int = 0

    def covers(self, author: str, at: int, spot: tuple[str, int] | None = None) -> bool:
        """Whether the author says nothing then; `spot`: of this period of a claim."""
        if author not in self.who or not self.since <= at < self.until:
            return False
        return not self.spots or spot in self.spots


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script. `cues` are in the order in which they are played. `told`: the acts of nodes, as (type, tranche), that
    the script tells itself or rules out, so that no node does them by itself."""

    title: str
    otherwise: str = SILENT
    cues: tuple[Cue, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    told: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a rehearsal is to come to: a subject (any of its kind, if none is named) in one of some states."""

    kind: str
    subject: str | None
    states: frozenset[str]
    text: str = field(compare=False, default="")
