"""What can happen, before anyone signs: how far each party may get behind, who gains by breaking off, and what each
silence leads to (S11 to S13).

Courses of events are played on the production step, as `rehearse` plays them: the one in which everybody does as
agreed, and those that depart from it once and for good, at each step. So every figure here is of a course that can
happen, and its script plays it; courses with more departures are not looked at, and may be worse. docs/exposure.md says
how exposure is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from armslength.core.arrangement.terms import Arrangement
from armslength.rehearsal.departures import Departure
from armslength.rehearsal.search import ENTRIES, Course, Search
from armslength.views.exposure import Point, Series, series
from armslength.views.words import listing
from armslength.wire.script_read import in_one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorationStep:
    """A step of what was agreed: what it moves, each party's exposure after it, how high that comes at worst where
    somebody else departs for good before the next step, and by how much less exposed each ends that departs itself (0:
    it ends no better than as agreed)."""

    at: int
    why: str
    exposure: dict[str, Fraction]
    worst: dict[str, Fraction]
    gain: dict[str, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The highest exposure of a party that was found, when and by what it comes to that, and the script of it. `line`
    is the departure; empty where it is what was agreed."""

    exposure: Fraction
    at: int
    why: str
    line: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """The most that a party was found to gain by departing alone and for good: by so much less is it exposed in the end
    than as agreed. From when on, by what line, and the script of it."""

    gain: Fraction
    at: int
    line: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEnding:
    """Something that ends otherwise than agreed."""

    kind: str
    subject: str
    agreed: str
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceOutcome:
    """What one silence alone leads to: by whom, the line of it, how the arrangement ends and since when, and all that
    ends otherwise. `stands`: the record stands still, and nothing more happens."""

    by: tuple[str, ...]
    line: str
    state: str
    at: int
    stands: bool
    differences: tuple[OtherEnding, ...]
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What was found. `looked` counts the courses by their departures; `whole`: the bound was not reached."""

    agreed: dict[str, Series]
    steps: tuple[ExplorationStep, ...]
    worst: dict[str, Worst]
    gains: dict[str, Gain]
    silences: tuple[SilenceOutcome, ...]
    looked: tuple[int, ...]
    whole: bool

    def alone(self) -> dict[str, tuple[SilenceOutcome, ...]]:
        """Who alone can keep tranches from being received, or the arrangement from its end, by saying nothing at all:
        by actor, what that leads to."""
        found: dict[str, tuple[SilenceOutcome, ...]] = {}
        for each in self.silences:
            lost = any(d.kind == "tranche" or d.kind == "arrangement" for d in each.differences)
            if len(each.by) == 1 and " on " not in each.line and " never " not in each.line and (lost or each.stands):
                found[each.by[0]] = (*found.get(each.by[0], ()), each)
        return found


def explore(
    terms: Arrangement,
    weights: Mapping[str, int] | None = None,
    entries: int = ENTRIES,
    told: Callable[[int], None] = lambda _: None,
) -> Exploration:
    """Explore what can happen, within a bound of statements that are placed; `told` learns how many courses have been
    looked at, after each. Raises Malformed for weights that name nothing."""
    search = Search(terms, entries, told)
    agreed = search.agreed()
    silences = tuple(_silences(search, agreed))
    plain = series(terms, agreed.placed, weights)
    steps = _steps(plain)
    private = weights is not None
    worst = {party: _of(party, line.peak, "", agreed, private=private) for party, line in plain.items()}
    looks, gains = list[_Departed](), dict[str, Gain]()
    for course in search.lasting():
        (departure,) = course.departures
        lines = series(terms, course.placed, weights)
        look = _Departed(departure, lines, plain)
        looks.append(look)
        for party, line in lines.items():
            if party not in departure.by and line.peak.exposure > worst[party].exposure:
                worst[party] = _of(party, line.peak, _line(departure), course, private=private)
            best = gains[party].gain if party in gains else Fraction(0)
            if (gain := look.gains.get(party, best)) > best:
                script = course.script("What somebody gains by breaking off")
                gains[party] = Gain(
                    gain=gain, at=max(departure.since, terms.start), line=_line(departure), script=script
                )
    return Exploration(
        agreed=plain,
        steps=tuple(_with_departures(steps, looks, terms.parties)),
        worst=worst,
        gains=gains,
        silences=silences,
        looked=tuple(search.looked),
        whole=not search.exhausted,
    )


def _of(party: str, peak: Point, line: str, course: Course, *, private: bool) -> Worst:
    """A party's worst. Its script expects it, unless the figure rests on private weights."""
    limit = -(-peak.exposure * 100 // 1)
    expected = "" if private else f"exposure of {party} is never above {limit // 100}.{limit % 100:02}"
    script = course.script("The worst that was found", expected)
    return Worst(exposure=peak.exposure, at=peak.at, why=peak.why, line=line, script=script)


def _steps(lines: Mapping[str, Series]) -> list[ExplorationStep]:
    """The moments at which a tranche or a single duty moves somebody's exposure."""
    moments: dict[int, dict[str, None]] = {}
    for line in lines.values():
        for point in line.points:
            if point.kind != "claim":
                moments.setdefault(point.at, {}).update(dict.fromkeys(point.why.split("; ")))
    return [
        ExplorationStep(
            at=at,
            why=listing(why for why in whys if why.replace("released", "received") not in set(whys) - {why}),
            exposure={party: _at(line, at) for party, line in lines.items()},
            worst={},
            gain={},
        )
        for at, whys in sorted(moments.items())
    ]


def _at(line: Series, at: int) -> Fraction:
    """The exposure after an instant."""
    upto = [point.exposure for point in line.points if point.at <= at]
    return upto[-1] if upto else Fraction(0)


class _Departed:
    """One departure: from when on, by whom, how high it brings each party's exposure, and what it gains who departs
    alone."""

    def __init__(self, departure: Departure, lines: Mapping[str, Series], agreed: Mapping[str, Series]) -> None:
        self.since, self.by = departure.since, departure.by
        self.peaks = {party: line.peak.exposure for party, line in lines.items()}
        alone = self.by if len(self.by) == 1 else frozenset[str]()
        self.gains = {party: _end(agreed[party]) - _end(line) for party, line in lines.items() if party in alone}


def _end(line: Series) -> Fraction:
    return line.points[-1].exposure if line.points else Fraction(0)


def _with_departures(
    steps: list[ExplorationStep], looks: list[_Departed], parties: Iterable[str]
) -> Iterable[ExplorationStep]:
    ends = [*(step.at for step in steps[1:]), None]  # one more than steps where there is none
    for step, until in zip(steps, ends, strict=False):
        here = [look for look in looks if step.at <= look.since + 1 and (until is None or look.since + 1 < until)]
        yield replace(
            step,
            worst={p: max([step.exposure[p], *(look.peaks[p] for look in here if p not in look.by)]) for p in parties},
            gain={p: max([Fraction(0), *(look.gains[p] for look in here if p in look.gains)]) for p in parties},
        )


def _silences(search: Search, agreed: Course) -> Iterable[SilenceOutcome]:
    """Every single actor's silence, every node's, and of every claim that nobody confirms."""
    made = search.departures
    events = (each for each in made.beside(agreed.placed) if " on " in _line(each))
    for departure in (*made.silences(), *made.outages(), *made.unconfirmed(), *events):
        if search.exhausted:
            return
        course = search.from_the_start(agreed, departure)
        changes = [change for entry in course.placed for change in entry.changes if change.subject == "arrangement"]
        yield SilenceOutcome(
            by=tuple(sorted(departure.by)),
            line=_line(departure),
            state=course.end.state.shown,
            at=changes[-1].at if changes else search.terms.start,
            stands=bool(course.end.stands()),
            differences=tuple(_differences(agreed, course)),
            script=course.script("What a silence leads to"),
        )


def _differences(agreed: Course, course: Course) -> Iterable[OtherEnding]:
    one, other = agreed.end.state, course.end.state
    if one.shown != other.shown:
        yield OtherEnding(kind="arrangement", subject="arrangement", agreed=one.shown, instead=other.shown)
    for name, tranche in one.tranches.items():
        if tranche.shown != other.tranches[name].shown:
            instead = other.tranches[name].shown
            yield OtherEnding(kind="tranche", subject=name, agreed=tranche.shown, instead=instead)
    for name, duty in one.duties.items():
        if duty.state != other.duties[name].state:
            yield OtherEnding(kind="duty", subject=name, agreed=duty.state, instead=other.duties[name].state)


def _line(departure: Departure) -> str:
    """A departure in one line, as a script has it."""
    return in_one_line(departure.plain)
