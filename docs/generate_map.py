"""Draw docs/map.svg from the import table of tests/test_layers.py. Run after changing it, or adding a module; a test
holds the picture current.

Each part stands in the lowest row that is above all that it imports and below all that import it. An arrow is an import
that exists. One that a chain of arrows already leads to is written in its box instead, after a plus sign, so that the
picture can be read.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.test_layers import MAY_IMPORT, SOURCE  # noqa: E402  the table stands beside the tests, outside the package

TARGET = Path(__file__).with_name("map.svg")

WIDTH, MARGIN, GAP = 1000, 16, 18
PAD, LINE, CHARACTER = 9, 15, 6.2  # inside a box; CHARACTER is generous, fonts differ
NARROW = 12  # the width of an arrow's lane beside boxes
BETWEEN = 44  # height between rows
STYLE = """
svg{--ink:#1b2a3a;--quiet:#52677a;--box:#f3f6f9;--edge:#8297a8;--paper:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--quiet:#a3b3c2;--box:#1c2632;--edge:#6f8496;--paper:#10161d}}
.paper{fill:var(--paper)}.box{fill:var(--box);stroke:var(--edge)}
text{font:11.5px system-ui,sans-serif;fill:var(--quiet)}.part{font-size:14px;font-weight:600;fill:var(--ink)}
.also{font-style:italic}.arrow{fill:none;stroke:var(--edge);stroke-width:1.3}.tip{fill:var(--edge)}
""".strip().replace("\n", "")

Arrows = dict[str, set[str]]


@dataclass(eq=False)
class Cell:
    """A part in its row, or the lane (no part) of an arrow that passes the row."""

    row: int
    part: str | None = None
    above: list["Cell"] = field(default_factory=list)
    below: list["Cell"] = field(default_factory=list)
    text: list[tuple[str, str]] = field(default_factory=list)  # class, line
    x: float = 0
    y: float = 0
    width: float = NARROW

    @property
    def middle(self) -> float:
        """Where the cell is, from left to right."""
        return self.x + self.width / 2


def reached(arrows: Arrows, part: str) -> set[str]:
    """Whatever a part leads to, by any chain."""
    return {found for target in arrows[part] for found in {target, *reached(arrows, target)}}


def drawn(arrows: Arrows) -> Arrows:
    """The arrows that no chain of others replaces."""
    return {
        part: {
            target for target in targets if not any(target in reached(arrows, other) for other in targets - {target})
        }
        for part, targets in arrows.items()
    }


def rows(arrows: Arrows) -> dict[str, int]:
    """The row of each part, 0 on top: below all that import it, and no lower than that needs."""

    def depth(part: str) -> int:
        return max((1 + depth(other) for other, targets in arrows.items() if part in targets), default=0)

    return {part: depth(part) for part in arrows}


def names(part: str) -> list[str]:
    """The modules of a part, those of a folder inside it after the folder's name."""
    folder = SOURCE / part
    own = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        own += [f"{inner.name}/", *names(f"{part}/{inner.name}")]
    return own


def wrapped(words: list[str], width: float) -> list[str]:
    """Words in lines that fit; a folder's name begins a line."""
    lines: list[str] = []
    for word in words:
        if lines and not word.endswith("/") and (len(lines[-1]) + 3 + len(word)) * CHARACTER <= width - 2 * PAD:
            lines[-1] += f" {word}" if lines[-1].endswith("/") else f" · {word}"
        else:
            lines.append(word)
    return lines


def lattice(arrows: Arrows) -> list[list[Cell]]:
    """All cells, row by row, each arrow a chain of cells in neighbouring rows."""
    place, few = rows(arrows), drawn(arrows)
    found = {part: Cell(row, part) for part, row in place.items()}
    out: list[list[Cell]] = [[] for _ in range(max(place.values()) + 1)]
    for part in sorted(found):
        out[place[part]].append(found[part])
    for part in sorted(few):
        for target in sorted(few[part]):
            last = found[part]
            for row in range(place[part] + 1, place[target] + 1):
                cell = found[target] if row == place[target] else Cell(row)
                if cell.part is None:
                    out[row].append(cell)
                last.below.append(cell)
                cell.above.append(last)
                last = cell
    return out


def spread(row: list[Cell]) -> None:
    """Give each cell of a row its width and place: boxes share the width by how much they have to say."""
    boxes = [cell for cell in row if cell.part]
    room = WIDTH - 2 * MARGIN - GAP * (len(row) - 1) - NARROW * (len(row) - len(boxes))
    weights = {id(cell): 3 + len(names(cell.part or "")) ** 0.6 for cell in boxes}
    x = float(MARGIN)
    for cell in row:
        cell.width = room * weights[id(cell)] / sum(weights.values()) if cell.part else NARROW
        cell.x = x
        x += cell.width + GAP


def settle(grid: list[list[Cell]]) -> None:
    """Order each row by where its neighbours are, up and down a few times, so that few arrows cross."""

    def pull(cells: list[Cell], cell: Cell) -> float:
        return sum(other.middle for other in cells) / len(cells) if cells else cell.middle

    for row in grid:
        spread(row)
    for turn in range(8):
        for row in grid if turn % 2 == 0 else reversed(grid):
            row.sort(key=lambda cell: pull(cell.above if turn % 2 == 0 else cell.below, cell))
            spread(row)


def fill(grid: list[list[Cell]], arrows: Arrows) -> float:
    """Write into the boxes, and put the rows one below the other. The height of the whole."""
    few = drawn(arrows)
    y = float(MARGIN)
    for row in grid:
        for cell in row:
            cell.y = y
            if cell.part is None:
                continue
            inside = names(cell.part)
            also = sorted(arrows[cell.part] - few[cell.part])
            cell.text = [("part", f"{cell.part}/" if inside else f"{cell.part}.py")]
            cell.text += [("", line) for line in wrapped(inside, cell.width)]
            cell.text += [("also", line) for line in wrapped([f"+ {also[0]}", *also[1:]], cell.width)] if also else []
        y += height(row) + BETWEEN
    return y - BETWEEN + MARGIN


def height(row: list[Cell]) -> float:
    """The height of a row: that of its fullest box."""
    return 2 * PAD + LINE * max(len(cell.text) for cell in row)


def ends(cell: Cell, others: list[Cell], other: Cell) -> float:
    """Where an arrow meets a cell's edge: side by side, in the order of the arrows' other ends."""
    order = sorted(others, key=lambda one: one.middle)
    return cell.x + cell.width * (order.index(other) + 1) / (len(order) + 1)


def lines(grid: list[list[Cell]]) -> list[str]:
    """Every arrow, in pieces from row to row."""
    out = []
    for row in grid:
        bottom = row[0].y + height(row)
        for cell in row:
            if cell.part is None:
                out.append(f'<path class="arrow" d="M{cell.middle:.0f},{cell.y:.0f} V{bottom:.0f}"/>')
            for other in cell.below:
                x1, x2 = ends(cell, cell.below, other), ends(other, other.above, cell)
                y2 = other.y - (7 if other.part else 0)
                bend = BETWEEN * 0.6
                curve = (
                    f"M{x1:.0f},{bottom:.0f} C{x1:.0f},{bottom + bend:.0f} {x2:.0f},{y2 - bend:.0f} {x2:.0f},{y2:.0f}"
                )
                out.append(f'<path class="arrow" d="{curve}"/>')
                if other.part:
                    out.append(f'<path class="tip" d="M{x2 - 4:.0f},{y2:.0f} h8 l-4,7 z"/>')
    return out


def picture() -> str:
    """The SVG text."""
    arrows: Arrows = {part: targets for part, (targets, _) in MAY_IMPORT.items()}
    grid = lattice(arrows)
    settle(grid)
    tall = fill(grid, arrows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{tall:.0f}"'
        f' viewBox="0 0 {WIDTH} {tall:.0f}">',
        "<title>The parts of the package, their modules, and who imports whom</title>",
        f'<style>{STYLE}</style><rect class="paper" width="100%" height="100%"/>',
        *lines(grid),
    ]
    for row in grid:
        for cell in row:
            if cell.part is None:
                continue
            size = f'width="{cell.width:.0f}" height="{height(row):.0f}" rx="6"'
            out.append(f'<rect class="box" x="{cell.x:.0f}" y="{cell.y:.0f}" {size}/>')
            for number, (kind, line) in enumerate(cell.text, 1):
                where = f'x="{cell.x + PAD:.0f}" y="{cell.y + PAD + number * LINE - 4:.0f}"'
                out.append(f"<text {f'class={chr(34)}{kind}{chr(34)} ' if kind else ''}{where}>{line}</text>")
    return "\n".join([*out, "</svg>\n"])


if __name__ == "__main__":
    TARGET.write_text(picture(), encoding="utf-8")
