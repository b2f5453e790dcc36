"""What stands beside tranches and duties on an arrangement's page: its people, and each claim's periods as a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from armslength.console.reading import LookedAt
from armslength.core.arrangement.tables import PeriodValue
from armslength.core.arrangement.terms import Claim, roles
from armslength.views.blocks import decided
from armslength.views.history import History

COLUMNS: Final = 10  # periods in a row
RECENT: Final = 6  # rows that are shown, unless all are asked for
MARKS: Final = {
    PeriodValue.SUPPORTED: "✓", PeriodValue.REFUTED: "R", PeriodValue.EXCUSED: "X", PeriodValue.UNKNOWN: "?",
    PeriodValue.UNDECIDED: "·",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody whom the terms name: the roles, when the last entry of theirs was placed (None: none was), and why they
    are not engaged ("": they are, or need not be)."""

    name: str
    label: str
    roles: tuple[str, ...]
    last: int | None
    absent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """One period: its number, its value, the mark for it, and its name."""

    number: int
    value: str
    mark: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodGrid:
    """A claim's periods in rows, as far as they have begun; `earlier`: how many are left out."""

    name: str
    claim: Claim
    rows: tuple[tuple[GridCell, ...], ...]
    earlier: int


def members(seen: LookedAt, history: History) -> list[Member]:
    """Everyone, in the order of the terms."""
    last = {placed.author: placed.at for placed in history.placed}
    found = []
    for name in seen.terms.actors:
        reply = seen.view.absent.get(name)
        absent = ": ".join(filter(None, (reply.answer, reply.reason))) if reply else ""
        found.append(
            Member(
                name=name,
                label=seen.words.actor(name),
                roles=roles(seen.terms, name),
                last=last.get(name),
                absent=absent,
            )
        )
    return found


def grids(seen: LookedAt, *, everything: bool) -> Iterator[PeriodGrid]:
    """One for each claim about a state; nothing before the arrangement has begun."""
    for name, claim in seen.terms.claims.items():
        if claim.period is not None:
            begun = seen.begun(claim)
            starts = range(0, begun, COLUMNS)
            shown = starts if everything else starts[-RECENT:]
            rows = tuple(tuple(_cell(seen, name, n) for n in range(at, min(at + COLUMNS, begun))) for at in shown)
            if rows:
                yield PeriodGrid(name=name, claim=claim, rows=rows, earlier=shown[0])


def _cell(seen: LookedAt, name: str, number: int) -> GridCell:
    value = decided(seen.state, name, number)
    label = seen.words.period(name, number) or str(number)
    return GridCell(number=number, value=value, mark=MARKS[PeriodValue(value)], label=label)
