"""Searching what could happen: courses of events, those with the fewest departures from what was agreed first.

A course is the arrangement as agreed but for some departures. Courses are played on the production step. New ones set
out from a course where something changed in it; of those that differ only in when, the first alone is followed. So what
is found can happen, and its script plays it; what is not found within the bound may happen all the same, and the search
says how much it looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from armslength.core.arrangement.state import Change
from armslength.core.arrangement.terms import Arrangement
from armslength.rehearsal.checking import reaches
from armslength.rehearsal.departures import Departure, Departures
from armslength.rehearsal.play import Play
from armslength.views.placed import PlacedEntry
from armslength.views.words import count, listing
from armslength.wire.script import AGREED, Goal, Script
from armslength.wire.script_read import write_script
from armslength.wire.script_times import Anchors, write_time

ENTRIES = 60_000  # that are placed in all
DEPARTURES = 3  # of one course, at most
INSTANTS = 12  # of one course from which others set out

_SETS_OUT = frozenset({"arrangement", "duty", "tranche", "allegation"})  # changes after which others may set out

Fact = tuple[str, str, str]  # kind, subject, state


@dataclass(slots=True)
class Course:
    """One course of events: its departures, what happened in it, how it ended, and from where others may set out."""

    departures: tuple[Departure, ...]
    placed: list[PlacedEntry]
    end: Play
    shots: list[tuple[int, Play]]
    reached: Change | None = None  # what reaches the goal, at which it was left

    @property
    def facts(self) -> set[Fact]:
        """All that came to be in it."""
        return {(change.kind, change.subject, change.after) for entry in self.placed for change in entry.changes}

    def at(self, instant: int) -> Play:
        """Where others set out that depart at this instant, or soon after."""
        return [play for at, play in self.shots if at <= max(instant, self.shots[0][0])][-1]

    def script(self, title: str, expected: str = "") -> str:
        """The script that plays it, and expects this."""
        rows = [departure.plain for departure in self.departures]
        return write_script(title, [*rows, {"expect": expected}] if expected else rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search for a goal comes to. `course` is None if none was found; `looked` counts the courses by the number
    of their departures; `whole` says that the bound was not reached before all with fewer departures were looked at."""

    goal: Goal
    course: Course | None
    reached: Change | None
    looked: tuple[int, ...]
    whole: bool
    d: int  # the start, from which its script counts


class Search:
    """Courses of events under some terms. `entries` bounds how many statements are placed in all; `told` learns how
    many courses have been looked at."""

    def __init__(
        self, terms: Arrangement, entries: int = ENTRIES, told: Callable[[int], None] = lambda _: None
    ) -> None:
        """Nothing is played yet."""
        self._told = told
        self.terms = terms
        self.departures = Departures(terms)
        self.left = entries
        self.looked: list[int] = []
        self._known: set[Fact] = set()
        self._agreed: Course | None = None

    @property
    def exhausted(self) -> bool:
        """Whether the bound is reached."""
        return self.left <= 0

    def agreed(self) -> Course:
        """The course in which everybody does as agreed."""
        if self._agreed is None:
            self._agreed = self._play(Play(self.terms, Script(title="-", otherwise=AGREED), brief=True), ())
            self._count(0)
            self._known |= self._agreed.facts
        return self._agreed

    def courses(self, goal: Goal | None = None, depth: int = DEPARTURES) -> Iterator[Course]:
        """Every course, those with fewer departures first, as long as the bound lasts."""
        first = self.agreed()
        yield first
        level = [first]
        for number in range(1, depth + 1):
            following: list[Course] = []
            for course in level:
                for departure, play in self._setting_out(course):
                    if self.exhausted:
                        return
                    found = self.course(play, (*course.departures, departure), goal)
                    self._count(number)
                    yield found
                    fresh = found.facts - self._known
                    self._known |= fresh
                    if fresh:
                        following.append(found)
                if course is not self._agreed:
                    course.shots.clear()
            level = following

    def course(self, play: Play, departures: tuple[Departure, ...], goal: Goal | None = None) -> Course:
        """The course that departs from where `play` stands."""
        return self._play(play.departing(departures[-1].part), departures, goal)

    def from_the_start(self, agreed: Course, departure: Departure) -> Course:
        """The course that departs by this from the course as agreed."""
        self._count(1)
        return self.course(agreed.at(departure.since), (departure,))

    def lasting(self) -> Iterator[Course]:
        """The courses that depart from what was agreed once and for good, at each of its steps, as long as the bound
        lasts: somebody falls silent or leaves, something no longer holds or is not confirmed, a node does not act."""
        agreed = self.agreed()
        beside = self.departures.beside(agreed.placed)
        at_steps = (each for _, play in agreed.shots for each in self.departures.for_good(play.state))
        for departure in (*at_steps, *beside):
            if self.exhausted:
                return
            yield self.from_the_start(agreed, departure)

    def towards(self, goal: Goal) -> Course | None:
        """A course that reaches the goal by departures that speak of it alone, with as few of them as can be."""
        level = [self.agreed()]
        for number in range(DEPARTURES):
            following = []
            for course in level:
                told = {each.row for each in course.departures}
                for departure in self.departures.towards(goal, course.end.state):
                    since = max(departure.since, course.shots[0][0])
                    if departure.row in told or self.exhausted:
                        continue
                    found = self.course(course.at(since), (*course.departures, departure), goal)
                    self._count(number + 1)
                    if found.reached is not None:
                        return found
                    following.append(found)
            level = following
        return None

    def _setting_out(self, course: Course) -> Iterator[tuple[Departure, Play]]:
        """The departures from a course, each with where it sets out."""
        shots = [(at, play) for at, play in course.shots if at >= max([0, *(each.since for each in course.departures)])]
        if not course.departures:
            for departure in (*self.departures.silences(), *self.departures.beside(course.placed)):
                yield departure, course.at(departure.since)
        told: set[tuple[tuple[str, str], ...]] = {each.row for each in course.departures}
        for _, play in shots:
            for departure in self.departures.at(play.state):
                if departure.row not in told:
                    told.add(departure.row)
                    yield departure, play

    def _play(self, play: Play, departures: tuple[Departure, ...], goal: Goal | None = None) -> Course:
        begun, reached = len(play.placed), None
        shots = [(play.state.clock.now if departures else -1, play.copy())]
        while (when := play.next_instant()) is not None:
            before = len(play.placed)
            play.play(when)
            changes = [change for entry in play.placed[before:] for change in entry.changes]
            if goal is not None and (reached := reaches(goal, changes)):
                break
            if len(shots) < INSTANTS and any(
                change.kind in {"arrangement", "duty", "tranche", "allegation"} for change in changes
            ):
                shots.append((when, play.copy()))
        self.left -= len(play.placed) - begun
        return Course(departures, play.placed, play, shots, reached)

    def _count(self, number: int) -> None:
        self.looked += [0] * (number + 1 - len(self.looked))
        self.looked[number] += 1
        self._told(sum(self.looked))


def summed(looked: tuple[int, ...]) -> str:
    """How much was looked at: `1 course as agreed, 43 with 1 departure`."""
    parts = [f"{count(number, 'course')} with {count(index, 'departure')}" for index, number in enumerate(looked)][1:]
    return listing(["the course as agreed", *parts])


def told(found: Found) -> str:
    """The script that comes to the goal, and expects it; empty if none was found."""
    if found.course is None or found.reached is None:
        return ""
    at, change = found.reached.at, found.reached
    anchors = Anchors(d=found.d, start=found.d, end=found.d, before=found.d)
    name = "The arrangement" if change.kind == "arrangement" else change.subject
    expected = f"{change.subject} becomes {change.after} at {write_time(at, anchors)}"
    return found.course.script(f"How {name} comes to be {change.after}", expected)


def shortest(terms: Arrangement, goal: Goal, entries: int = ENTRIES) -> Found:
    """A course with as few departures as possible that reaches the goal, within the bound."""
    search = Search(terms, entries)
    agreed = search.agreed()
    agreed.reached = reaches(goal, (change for entry in agreed.placed for change in entry.changes))
    best = agreed if agreed.reached else search.towards(goal)
    fewer = len(best.departures) - 1 if best else DEPARTURES
    shorter = (course for course in search.courses(goal, fewer) if course.reached) if fewer > 0 else iter(())
    found = next(shorter, best)
    whole = not search.exhausted or (found is not best and found is not None)
    return Found(
        goal=goal,
        course=found,
        reached=found.reached if found else None,
        looked=tuple(search.looked),
        whole=whole,
        d=terms.start,
    )
