"""What was played, and what was explored, as the pages show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from armslength.analysis.exploration import explore
from armslength.console.render import environment
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from armslength.rehearsal.play import Play, Rehearsal
from armslength.report.exploration import drawn, ends, gained
from armslength.report.lanes import Picture, axis, picture
from armslength.report.lives import lives
from armslength.report.stakes import Chart, StakesRow, chart, rows
from armslength.views.exposure import series
from armslength.views.timeline import TimelineLine, timeline
from armslength.views.words import Words
from armslength.wire.script import Script

MOST_LINES: Final = 300  # of a timeline on one page


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A rehearsal as the page shows it. `step`: the line of the timeline up to which it is shown; `begun` and `held`
    are the states before everything, and then, each as (kind, subject, state)."""

    found: Rehearsal
    words: Words
    lines: tuple[TimelineLine, ...]
    more: int
    step: int
    begun: list[tuple[str, str, str]]
    held: list[tuple[str, str, str]]
    stakes: list[StakesRow]
    picture: Picture
    chart: Chart | None

    @property
    def at(self) -> int:
        """The instant up to which it is shown."""
        return self.lines[self.step].at if self.lines else self.words.origin


def played_html(terms: Arrangement, script: Script, step: int) -> str:
    """What happens by a script, shown up to a line of its timeline."""
    played = _played(terms, script, step)
    return environment().get_template("played.html.j2").render(played=played, terms=terms)


def explored_html(terms: Arrangement, told: Callable[[int], None]) -> str:
    """What can happen at worst. `told` learns how many courses have been looked at."""
    found = explore(terms, told=told)
    made, behind = drawn(terms, found)
    return environment().get_template("explored.html.j2").render(
        found=found, chart=made, picture=behind, terms=terms, words=Words.of(terms), ends=ends, gained=gained
    )  # fmt: skip


def _played(terms: Arrangement, script: Script, step: int) -> Played:
    found = Play(terms, script).run()
    words = Words.of(terms, found.state)
    lines = timeline(terms, found.placed, found.state)
    shown = lines[:MOST_LINES]
    step = max(0, min(step, len(shown) - 1))
    lines_of = series(terms, found.placed)
    return Played(
        found=found,
        words=words,
        lines=shown,
        more=len(lines) - len(shown),
        step=step,
        begun=_states(terms, found.at(0)),
        held=_states(terms, found.at(shown[step].until) if shown and step < len(lines) - 1 else found.state),
        stakes=[row for row in rows(lines_of) if row.kind != "claim"],
        picture=picture(terms, found.state, found.placed, lives(found.placed)),
        chart=chart(words, lines_of, axis(words, found.placed)) if found.placed else None,
    )


def _states(terms: Arrangement, state: State) -> list[tuple[str, str, str]]:
    """Where everything stands: kind, subject, state."""
    duties = [("duty", name, state.duties[name].state) for name in terms.duties]
    tranches = [("tranche", name, state.tranches[name].shown) for name in terms.tranches]
    return [("arrangement", "arrangement", state.shown), *tranches, *duties]
