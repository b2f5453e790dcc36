"""Geometry of the report's pictures: a lane for each thing that lives, on one axis of time, in SVG user units.

Only numbers and words come out of here; the template draws them. Every picture has the same width, so that a moment
lies on the same vertical line in all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from armslength.core.arrangement.bodies import Allege
from armslength.core.arrangement.state import UNDECIDED, UNKNOWN, VALUE_NAMES, State
from armslength.core.arrangement.tables import Phase, Stage
from armslength.core.arrangement.terms import Arrangement
from armslength.report.lives import LifeStep, Segment, Subject, segments
from armslength.views.placed import PlacedEntry
from armslength.views.words import DAY, Words, date, meaning, tone

WIDTH = 1120
LEFT = 118  # labels
RIGHT = 1104
BAR = 20
LANE = 26
CELL = 15
CELLS = 60  # that stand one by one in a lane
HEAD = 34
TICK = 70  # width of a tick's label
MARK = 7  # half the width of a mark
CHARACTER = 6.4  # width of one character of a bar's label


SHOWN = {"R": "R", "U": "?", "X": "x", "S": ""}  # of a cell, by the letter of its period …
GRAVEST = tuple(SHOWN)  # … the gravest first


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps instants to x."""

    begin: int
    end: int

    def x(self, at: int) -> float:
        """The x of an instant, kept inside the picture."""
        share = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return round(LEFT + share * (RIGHT - LEFT), 1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled moment of the axis."""

    x: float
    label: str
    date: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A stay in one state. `label` is empty where the name does not fit; `title` always tells all."""

    label_x: float

    x: float
    width: float
    tone: str
    state: str
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on a lane: "allegation", "release" or "dismissed"."""

    x: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Cell:
    """Decided periods of a claim, mostly one. `letter` is shown unless all was well."""

    x: float
    width: float
    tone: str
    letter: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One row. `link` is the id of the section of the page that tells this life in full."""

    label: str
    link: str
    y: int
    title: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """A group's name above its lanes."""

    text: str
    y: int


@dataclass(frozen=True, slots=True)
class Band:
    """A hold or a suspension, shaded across all lanes."""

    x: float
    width: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The swim-lanes, ready to draw."""

    height: int
    ticks: tuple[Tick, ...]
    headings: tuple[Heading, ...]
    lanes: tuple[Lane, ...]
    bands: tuple[Band, ...]
    end_x: float | None
    summary: str


def axis(words: Words, placed: Sequence[PlacedEntry]) -> Axis:
    """From the day of the first entry to a little past the last change; days after that show nothing new."""
    times = [change.at for entry in placed for change in entry.changes] or [words.origin, words.terms.end]
    begin = min(times) // DAY * DAY
    last = max(times)
    return Axis(begin, last + max(DAY, (last - begin) // 12))


def ticks(words: Words, on: Axis) -> tuple[Tick, ...]:
    """Days counted from D, about nine labels at most."""
    days = (on.end - words.origin) // DAY
    step = next(step for step in (1, 2, 7, 14, 28, 91, 182, 365, 10**6) if days <= step * 9)
    ats = [words.origin + day * DAY for day in range(0, max(0, days) + 1, step)]
    ats = [at for at in ats if on.x(at) <= RIGHT - TICK]
    return tuple(Tick(on.x(at), words.relative(at).split()[0], date(at).rsplit(" ", 1)[0]) for at in ats)


def picture(
    terms: Arrangement, state: State, placed: Sequence[PlacedEntry], told: Mapping[Subject, Sequence[LifeStep]]
) -> Picture:
    """The swim-lanes of a record: arrangement, each party's duties, tranches, and claims period by period."""
    words = Words.of(terms, state)
    drawn = _Drawing(words, state, axis(words, placed), told)
    drawn.group("The arrangement", [drawn.life("Arrangement", ("arrangement", "arrangement"), drawn.alleged(placed))])
    for party in terms.parties:
        duties = [name for name, duty in terms.duties.items() if duty.debtor == party]
        drawn.group(f"{words.actor(party)} owes", [drawn.life(name, ("duty", name)) for name in duties])
    drawn.group("Information", [drawn.life(name, ("tranche", name), drawn.released(name)) for name in terms.tranches])
    decided = [drawn.periods(name) for name, claim in terms.claims.items() if claim.kind == "state"]
    drawn.group("What the monitors found", decided, CELL + 4)
    return drawn.finish()


class _Drawing:
    def __init__(self, words: Words, state: State, on: Axis, told: Mapping[Subject, Sequence[LifeStep]]) -> None:
        self.words = words
        self.state = state
        self.on = on
        self.told = told
        self.y = HEAD
        self.headings: list[Heading] = []
        self.lanes: list[Lane] = []

    def group(self, name: str, lanes: Iterable[Lane | None], step: int = LANE) -> None:
        """Stack lanes under a heading; an empty group is left out."""
        rows = [lane for lane in lanes if lane]
        if not rows:
            return
        self.headings.append(Heading(name, self.y + 16))
        self.y += 24
        for lane in rows:
            self.lanes.append(Lane(lane.label, lane.link, self.y, lane.title, lane.bars, lane.marks, lane.cells))
            self.y += step
        self.y += 8

    def stays(self, subject: Subject) -> tuple[Segment, ...]:
        """The states of a subject over the whole picture."""
        return segments(self.told.get(subject, ()), self.on.begin, self.on.end)

    def life(self, label: str, subject: Subject, marks: tuple[Mark, ...] = ()) -> Lane:
        """A lane of coloured stays."""
        name = self.words.subject(*subject)
        taken = {mark.x for mark in marks}
        bars = tuple(self._bar(name, stay, taken) for stay in self.stays(subject))
        story = ", ".join(f"{s.state} from {self.words.short(s.start)}" for s in self.stays(subject))
        link = "where" if subject[0] == "arrangement" else f"{subject[0]}-{slug(subject[1])}"
        return Lane(label, link, 0, f"{name}: {story or 'nothing happened'}", bars, marks)

    def periods(self, claim: str) -> Lane | None:
        """A lane of the decided periods; None where nothing was decided. Excuses that nobody asked for are left
        out, as they are in the timeline."""
        rules, letters = self.words.terms.claims[claim], self.state.claims[claim].decided
        excuse = any(c.excuse and c.excuse.claim == claim for c in self.words.terms.claims.values())
        hidden = UNDECIDED + (UNKNOWN if excuse else "")
        told = [(number, letter) for number, letter in enumerate(letters) if letter not in hidden]
        cells = tuple(self._cell(claim, part) for part in _parts(told))
        return Lane(claim, f"claim-{slug(claim)}", 0, f"{claim}: {rules.statement}", cells=cells) if cells else None

    def alleged(self, placed: Iterable[PlacedEntry]) -> tuple[Mark, ...]:
        """A mark for every allegation raised."""
        found = []
        for entry in placed:
            if isinstance(entry.body, Allege):
                spot = f"{entry.body.claim}#{entry.body.period}"
                about = self.words.subject("claim", spot) if entry.body.claim else entry.body.tranche
                title = f"{self.words.actor(entry.author)} alleges a violation: {about}, {self.words.moment(entry.at)}"
                found.append(Mark(self.on.x(entry.at), "allegation", title))
        return tuple(found)

    def released(self, name: str) -> tuple[Mark, ...]:
        """A mark where a tranche was released."""
        steps = self.told.get(("tranche", name), ())
        times = [step.change.at for step in steps if step.change.after == Stage.RELEASED]
        return tuple(Mark(self.on.x(at), "release", f"{name} released, {self.words.moment(at)}") for at in times)

    def finish(self) -> Picture:
        """The whole picture."""
        stays = self.stays(("arrangement", "arrangement"))
        bands = tuple(self._band(s) for s in stays if s.state in {Phase.HELD, Phase.SUSPENDED})
        end = self.words.terms.end
        end_x = self.on.x(end) if self.on.begin < end < self.on.end else None
        story = "; ".join(f"{s.state} from {self.words.moment(s.start)}" for s in stays)
        return Picture(
            self.y + 4, ticks(self.words, self.on), tuple(self.headings), tuple(self.lanes), bands, end_x, story
        )

    def _bar(self, name: str, stay: Segment, taken: set[float]) -> Bar:
        x, width = self.on.x(stay.start), round(self.on.x(stay.end) - self.on.x(stay.start), 1)
        before, after = (MARK if edge in taken else 0 for edge in (x, round(x + width, 1)))
        label = stay.state if len(stay.state) * CHARACTER + 8 + before + after <= width else ""
        until = "on" if stay.end >= self.on.end else f"to {self.words.moment(stay.end)}"
        title = f"{name}: {stay.state} ({meaning(stay.state)}) from {self.words.moment(stay.start)} {until}"
        return Bar(x + 5 + before, x, max(width, 1.5), tone(stay.state), stay.state, label, title)

    def _band(self, stay: Segment) -> Band:
        x = self.on.x(stay.start)
        title = f"{stay.state} from {self.words.moment(stay.start)} to {self.words.moment(stay.end)}"
        return Band(x, max(2.0, round(self.on.x(stay.end) - x, 1)), stay.state.lower(), title)

    def _cell(self, claim: str, part: Sequence[tuple[int, str]]) -> Cell:
        """The cell of consecutive periods; where they differ it shows the gravest, and says how many there are."""
        rules, (first, _), (last, _) = self.words.terms.claims[claim], part[0], part[-1]
        found = Counter(letter for _, letter in part)
        letter = next(each for each in GRAVEST if each in found)
        start, end = self.words.starts(rules, first), self.words.ends(rules, last)
        x, value, spot = self.on.x(start), VALUE_NAMES[letter], self.words.subject("claim", f"{claim}#{first}")
        span = f"{spot}, {date(start)}" if first == last else f"{spot}–{last}, {date(start)} to {date(end)}"
        numbers = ", ".join(f"{found[each]} {VALUE_NAMES[each]}" for each in GRAVEST if each in found)
        what = f"{value} ({meaning(value)})" if len(found) == 1 else numbers
        return Cell(x, max(1.0, round(self.on.x(end) - x - 1, 1)), tone(value), SHOWN[letter], f"{span}: {what}")


def _parts(told: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Periods with their letters, as cells: one each as long as there is room, then those that follow each other alike
    together, and in the end as many to a cell as it takes."""
    if len(told) <= CELLS:
        return [[each] for each in told]
    parts: list[list[tuple[int, str]]] = []
    for number, letter in told:
        if parts and parts[-1][-1] == (number - 1, letter):
            parts[-1].append((number, letter))
        else:
            parts.append([(number, letter)])
    if len(parts) <= 2 * CELLS:
        return parts
    many = -(-len(told) // (2 * CELLS))
    return [told[at : at + many] for at in range(0, len(told), many)]


def slug(name: str) -> str:
    """An id that is safe in a page: letters, digits and dashes; other characters by their number."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else f"-{ord(c):x}-" for c in name)
