"""Geometry of the exposure chart: one step line for each party, on the same axis of time as the swim-lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from armslength.report.lanes import LEFT, RIGHT, Axis
from armslength.views.exposure import Point, Series, number
from armslength.views.words import Words

TOP, BOTTOM = 30, 252
HEIGHT = 292
GAP = 15  # least distance between two labels


@dataclass(frozen=True, slots=True)
class StakesLine:
    """One party's steps. `style` is its number, for a dash pattern that does not rest on colour."""

    party: str
    name: str
    path: str
    style: int
    end_y: float
    label_y: float
    last: str


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal grid line."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a party stood to lose the most."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything to draw."""

    height: int
    zero: float
    lines: tuple[StakesLine, ...]
    levels: tuple[Level, ...]
    peaks: tuple[Peak, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class StakesRow:
    """One moment in the table beside the chart: every party's exposure from then on."""

    at: int
    index: int | None
    why: str
    kind: str
    values: dict[str, str]


def chart(words: Words, series: Mapping[str, Series], on: Axis) -> Chart:
    """The chart of these series; at least one unit high."""
    values = [p.exposure for line in series.values() for p in (*line.points, line.peak)] or [Fraction(0)]
    low, high = min(Fraction(0), *values), max(Fraction(1), *values)
    step = next(size for size in _sizes() if high - low <= size * 8)
    low, high = Fraction(low // step * step), Fraction(-(-high // step) * step)

    def y(value: Fraction | int) -> float:
        return round(float(BOTTOM - (value - low) * (BOTTOM - TOP) / (high - low)), 1)

    lines: list[StakesLine] = []
    taken: list[float] = []
    for style, (party, line) in enumerate(series.items()):
        last = line.points[-1].exposure if line.points else Fraction(0)
        label = y(last) + (GAP if last < 0 else -6)
        while any(abs(label - other) < GAP for other in taken):
            label += GAP
        taken.append(label)
        path = "".join(_steps(line, on, y))
        lines.append(StakesLine(party, words.actor(party), path, style, y(last), label, number(last)))
    levels = tuple(Level(y(v), number(Fraction(v))) for v in range(int(low), int(high) + 1, step))
    peaks = tuple(
        Peak(on.x(line.peak.at), y(line.peak.exposure), _peak(words, party, line.peak))
        for party, line in series.items()
        if line.peak.index is not None
    )
    summary = " ".join(f"{_peak(words, party, line.peak)}." for party, line in series.items())
    return Chart(HEIGHT, y(0), tuple(lines), levels, peaks, summary)


def _sizes() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50, …"""
    size = 1
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def rows(series: Mapping[str, Series]) -> list[StakesRow]:
    """Every moment at which any party's exposure moved, with what all of them were from then on."""
    moments: dict[tuple[int, int], Point] = {}
    for line in series.values():
        for point in line.points:
            moments.setdefault((point.at, point.index if point.index is not None else -1), point)
    found, now = [], dict.fromkeys(series, Fraction(0))
    for key, point in sorted(moments.items()):
        for party, line in series.items():
            here = [p for p in line.points if (p.at, p.index) == key]
            now[party] = here[-1].exposure if here else now[party]
        found.append(StakesRow(point.at, point.index, point.why, point.kind, {p: number(v) for p, v in now.items()}))
    return found


def _steps(line: Series, on: Axis, y: Callable[[Fraction], float]) -> Iterator[str]:
    yield f"M{LEFT} {y(Fraction(0))}"
    moments = {point.at: point for point in line.points}  # what happens at one moment is one step
    for point in moments.values():
        yield f"H{on.x(point.at)}V{y(point.exposure)}"
    yield f"H{RIGHT}"


def _peak(words: Words, party: str, peak: Point) -> str:
    if peak.index is None:
        return f"{words.actor(party)}'s exposure was never above 0"
    when = f"on {words.moment(peak.at)} ({peak.why})"
    return f"{words.actor(party)}'s exposure was highest, {number(peak.exposure)}, {when}"
