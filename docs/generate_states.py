"""Draw docs/states/*.svg from the state tables of the core. Run after changing a table; a test holds them current.

States stand in columns by how many steps they are from the start; each arrow has a number, and the rows below say what
makes it.
"""

import html
from dataclasses import dataclass
from pathlib import Path

from armslength.core.arrangement import tables
from armslength.core.arrangement.tables import Machine

FOLDER = Path(__file__).parent / "states"

WIDTH, HEIGHT = 112, 32  # of a state
COLUMN, LINE = 210, 76  # between states
MARGIN, ROW = 28, 17
INK, EDGE, PAPER, QUIET = "#1b2a3a", "#5b7083", "#ffffff", "#eef2f6"
STYLE = (
    f"text{{font:12px system-ui,sans-serif;fill:{INK}}}.s{{font-weight:600;text-anchor:middle}}"
    f".n{{font-size:10px;text-anchor:middle;fill:{PAPER};font-weight:600}}.h{{font-weight:600;font-size:14px}}"
    f".r{{fill:{EDGE}}}path{{fill:none;stroke:{EDGE};stroke-width:1.3}}"
)

# File → the machines in it, each with its heading.
PICTURES: dict[str, tuple[tuple[str, Machine], ...]] = {
    "arrangement": (("Arrangement", tables.ARRANGEMENT),),
    "claim": (("A claim's period", tables.CLAIM),),
    "duty": (("Duty to achieve", tables.ACHIEVE),),
    "maintain": (("Duty to maintain", tables.MAINTAIN), ("One violation of it", tables.INSTANCE)),
    "release": (("Duty to release a tranche", tables.RELEASE),),
    "tranche": (("Tranche", tables.TRANCHE),),
    "allegation": (("An allegation's outcome", tables.OUTCOME), ("Its answer", tables.ANSWER)),
}

Point = tuple[float, float]


@dataclass
class Arrow:
    """All rows that lead from one state to another, by number."""

    before: str
    after: str
    numbers: list[int]


def arrows(machine: Machine) -> list[Arrow]:
    """One arrow for each pair of states that some row joins."""
    found: dict[tuple[str, str], Arrow] = {}
    for number, row in enumerate(machine.rows.values(), 1):
        for before in row.before:
            found.setdefault((before, row.after), Arrow(before, row.after, [])).numbers.append(number)
    return list(found.values())


def columns(machine: Machine) -> list[list[str]]:
    """States by their distance from the start; those from which nothing leads stand after all that lead to them, last
    in their column."""
    steps = {machine.start: 0}
    todo = [machine.start]
    for state in todo:
        for arrow in arrows(machine):
            if arrow.before == state and arrow.after not in steps:
                steps[arrow.after] = steps[state] + 1
                todo.append(arrow.after)
    for state in machine.states:
        if final(machine, state):
            steps[state] = 1 + max(steps[arrow.before] for arrow in arrows(machine) if arrow.after == state)
    out: list[list[str]] = [[] for _ in range(max(steps.values()) + 1)]
    for state in machine.states:
        out[steps[state]].append(state)
    return [sorted(column, key=lambda state: final(machine, state)) for column in out]


def final(machine: Machine, state: str) -> bool:
    """Whether nothing leads on from the state."""
    return len(machine.reachable(state)) == 1


def places(machine: Machine, top: float) -> dict[str, Point]:
    """The middle of each state."""
    grid = columns(machine)
    tallest = max(3 if len(machine.states) > 5 else 2, *map(len, grid))
    out: dict[str, Point] = {}
    for x, column in enumerate(grid):
        for y, state in enumerate(column):
            line = y if not final(machine, state) else tallest - len(column) + y
            out[state] = (MARGIN + WIDTH / 2 + x * COLUMN, top + HEIGHT / 2 + line * LINE)
    return out


def bend(begin: Point, end: Point) -> tuple[Point, Point, Point, Point]:
    """The four points of an arrow's curve, between the edges of two states."""
    (x1, y1), (x2, y2) = begin, end
    if x1 == x2 and y1 == y2:
        return (x1 - 18, y1 - HEIGHT / 2), (x1 - 30, y1 - 52), (x1 + 30, y1 - 52), (x1 + 18, y1 - HEIGHT / 2)
    if x1 == x2:
        side = WIDTH / 2 if y2 > y1 else -WIDTH / 2
        reach = side * (1.3 + abs(y2 - y1) / 260)
        return (x1 + side, y1 + 6), (x1 + reach, y1 + 6), (x2 + reach, y2 - 6), (x2 + side, y2 - 6)
    way = 1 if x2 > x1 else -1
    far = abs(x2 - x1) > COLUMN + 1
    shift = 7 * way
    x1, x2 = x1 + way * WIDTH / 2, x2 - way * WIDTH / 2
    y1, y2 = y1 + shift, y2 + shift
    pull = (x2 - x1) / 2
    lift = -LINE * 0.62 * way if far and abs(y2 - y1) < LINE else 0
    return (x1, y1), (x1 + pull, y1 + lift), (x2 - pull, y2 + lift), (x2, y2)


def on(curve: tuple[Point, Point, Point, Point], t: float) -> Point:
    """The point at t of a cubic curve."""
    weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
    return (
        sum(weight * point[0] for weight, point in zip(weights, curve, strict=True)),
        sum(weight * point[1] for weight, point in zip(weights, curve, strict=True)),
    )


def badge_place(curve: tuple[Point, Point, Point, Point], taken: list[Point]) -> Point:
    """Where on the arrow its number has most room."""

    def room(point: Point) -> float:
        return min((abs(point[0] - x) + 1.5 * abs(point[1] - y) for x, y in taken), default=99)

    tries = [on(curve, t) for t in (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78)]
    return next((point for point in tries if room(point) > 38), max(tries, key=room))


def drawn(machine: Machine, top: float) -> tuple[list[str], float]:
    """A machine's states, arrows and rows, and where they end."""
    where = places(machine, top)
    out: list[str] = []
    badges: list[str] = []
    taken: list[Point] = [(x + side * WIDTH / 4, y) for x, y in where.values() for side in (-1, 0, 1)]
    for arrow in arrows(machine):
        curve = bend(where[arrow.before], where[arrow.after])
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in curve[1:])
        out.append(f'<path d="M{curve[0][0]:.0f},{curve[0][1]:.0f} C{path}" marker-end="url(#a)"/>')
        x, y = badge_place(curve, taken)
        taken.append((x, y))
        text = " ".join(map(str, arrow.numbers))
        wide = 10 + 6 * len(text)
        badges.append(
            f'<rect x="{x - wide / 2:.0f}" y="{y - 8:.0f}" width="{wide}" height="16" rx="8" fill="{EDGE}"/>'
            f'<text class="n" x="{x:.0f}" y="{y + 3.5:.0f}">{text}</text>'
        )
    for state, (x, y) in where.items():
        box = f'x="{x - WIDTH / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="6"'
        thick = 2.4 if final(machine, state) else 1.2
        out.append(f'<rect {box} fill="{QUIET}" stroke="{INK}" stroke-width="{thick}"/>')
        out.append(f'<text class="s" x="{x:.0f}" y="{y + 4:.0f}">{state}</text>')
    bottom = max(y for _, y in where.values()) + HEIGHT / 2 + 34
    for number, row in enumerate(machine.rows.values(), 1):
        y = bottom + (number - 1) * ROW
        words = html.escape(row.words)
        out.append(f'<text x="{MARGIN}" y="{y:.0f}">{number}</text>')
        out.append(f'<text class="r" x="{MARGIN + 26}" y="{y:.0f}">{row.rule}</text>')
        out.append(f'<text x="{MARGIN + 205}" y="{y:.0f}">{words}</text>')
    return out + badges, bottom + len(machine.rows) * ROW


def picture(name: str) -> str:
    """The SVG text of one picture."""
    body: list[str] = []
    top = float(MARGIN)
    widest = 640
    for heading, machine in PICTURES[name]:
        body.append(f'<text class="h" x="{MARGIN}" y="{top + 6:.0f}">{html.escape(heading)}</text>')
        parts, bottom = drawn(machine, top + 46)
        body += parts
        top = bottom + 30
        widest = max(widest, MARGIN * 2 + WIDTH + (len(columns(machine)) - 1) * COLUMN + 40)
    arrow = (
        '<marker id="a" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" style="fill:{EDGE};stroke:none"/></marker>'
    )
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{widest}" height="{top:.0f}"'
            f' viewBox="0 0 {widest} {top:.0f}">',
            f"<style>{STYLE}</style><defs>{arrow}</defs>",
            f'<rect width="100%" height="100%" fill="{PAPER}"/>',
            *body,
            "</svg>\n",
        )
    )


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(picture(name), encoding="utf-8")


if __name__ == "__main__":
    main()
