"""Searching for the shortest course that comes to a goal: what is found plays, and what is not is told honestly."""

from __future__ import annotations

import pytest

from armslength.rehearsal.checking import reaches
from armslength.rehearsal.play import Play
from armslength.rehearsal.search import Found, Search, shortest, summed, told
from armslength.wire.script_expect import read_goal
from armslength.wire.script_read import read_script
from tests.rehearsal.support import TERMS, example

QUALITY = example("quality")


def found(goal: str) -> Found:
    """What is found for a goal of the small example."""
    return shortest(QUALITY, read_goal(QUALITY, goal))


@pytest.mark.parametrize(
    ("goal", "departures"),
    [
        ("completion", 0), ("settled:Forecast", 0), ("refuted:quality#2", 1), ("unknown:quality#0", 1), ("breach", 1),
        ("withheld:Forecast", 1), ("forfeited:Results", 1), ("overdue:Results.release", 1), ("dispute", 1), ("hold", 1),
        ("termination", 1), ("lapsed:arrangement", 1), ("remedied:Quality", 1), ("dismissed:B/quality/1", 1),
        ("admitted:B/quality/1", 2), ("upheld:B/quality/1", 2),
    ],
)  # fmt: skip
def test_what_is_found_plays(goal: str, departures: int) -> None:
    """The script comes to the goal at the instant that it says, on a play of its own, with as few departures."""
    result = found(goal)
    assert result.course is not None
    assert len(result.course.departures) == departures
    played = Play(QUALITY, read_script(told(result).encode(), QUALITY, file="found.yaml")).run()
    assert not played.mismatches
    assert played.checked == 1
    assert reaches(result.goal, (change for entry in played.placed for change in entry.changes))


def test_nothing_shorter_is_passed_over() -> None:
    """Where two departures were found, all with one were looked at, unless it says that the bound was reached."""
    whole = found("upheld:B/quality/1")
    assert (whole.whole, whole.looked[1] > 20) == (True, True)
    bounded = shortest(QUALITY, read_goal(QUALITY, "upheld:B/quality/1"), entries=600)
    assert bounded.course is not None
    assert not bounded.whole


def test_what_is_not_found_is_not_called_impossible() -> None:
    """What never happens is not found, with the number of courses that were looked at."""
    result = shortest(QUALITY, read_goal(QUALITY, "suspension"), entries=3000)
    assert (result.course, result.whole, told(result)) == (None, False, "")
    assert sum(result.looked) > 10
    assert summed((1, 43, 2)) == "the course as agreed, 43 courses with 1 departure and 2 courses with 2 departures"


def test_brief_courses_are_those_of_a_rehearsal() -> None:
    """What a search leaves unsaid changes no state: its course as agreed ends as the rehearsal does."""
    course = Search(TERMS).agreed()
    whole = Play(TERMS, read_script(course.script("all").encode(), TERMS, file="all.yaml")).run()
    brief, full = course.end.state, whole.state
    assert {name: duty.state for name, duty in brief.duties.items()} == {
        n: duty.state for n, duty in full.duties.items()
    }
    assert {name: claim.decided for name, claim in brief.claims.items()} == {
        n: c.decided for n, c in full.claims.items()
    }
    assert len(course.placed) < len(whole.placed)
