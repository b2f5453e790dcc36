"""Tranches whose `while` looks at whether other tranches are withheld: the effect of such cycles.

Whether a tranche is withheld is all that can change back and forth at one instant: gates latch, and duties and claims
only go forward. So it is enough to follow, from tranche to tranche, whether being withheld makes the next one withheld
(the sign +) or free (the sign −).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from armslength.analysis.finding import WARNING, Finding
from armslength.core.arrangement import tables
from armslength.core.arrangement.tables import Stage
from armslength.core.arrangement.terms import AllOf, AnyOf, Arrangement, Condition, Not, TrancheIs
from armslength.views.words import listing

Edges = Mapping[str, tuple[tuple[str, int], ...]]


def unsettled(terms: Arrangement) -> Iterator[Finding]:
    """S04: circles with an odd number of "−": withheld makes free, and free makes withheld, at the same instant."""
    for circle in _circles(_edges(terms), -1):
        who = listing(circle)
        text = f"whether {who} {'is' if len(circle) == 1 else 'are'} withheld may never settle: "
        text += "each answer brings about the opposite one, and then the engine refuses every entry (unsettled)"
        yield Finding("S04", WARNING, f"tranches.{circle[0]}.while", text)


def locked_in(terms: Arrangement) -> Iterator[Finding]:
    """S05: circles with an even number of "−": once withheld for any reason, always withheld."""
    for circle in _circles(_edges(terms), 1):
        whose = "on its own account" if len(circle) == 1 else "on account of each other"
        text = f"once withheld, by a hold or anything else, {listing(circle)} may stay so for ever, {whose}"
        yield Finding("S05", WARNING, f"tranches.{circle[0]}.while", text)


def _edges(terms: Arrangement) -> Edges:
    return {id_: tuple(sorted(set(_signs(tranche.continuous, 1)))) for id_, tranche in terms.tranches.items()}


def _signs(condition: Condition, sign: int) -> Iterator[tuple[str, int]]:
    """The tranches on whose being withheld a condition depends, and how."""
    if isinstance(condition, TrancheIs):
        states = set(condition.states)
        if Stage.WITHHELD not in states and states & tables.UNRELEASED:
            yield condition.tranche, sign
        if Stage.WITHHELD in states and not states >= tables.UNRELEASED:
            yield condition.tranche, -sign
    elif isinstance(condition, AllOf | AnyOf | Not):
        for part in condition.of:
            yield from _signs(part, -sign if isinstance(condition, Not) else sign)


def _circles(edges: Edges, wanted: int) -> Iterator[list[str]]:
    """The shortest circle of the wanted sign through each tranche; of those that share one, only the first."""
    told: set[str] = set()
    found = sorted((circle for id_ in edges if (circle := _shortest(edges, id_, wanted))), key=len)
    for circle in found:
        if not told & set(circle):
            told |= set(circle)
            yield sorted(set(circle))


def _shortest(edges: Edges, start: str, wanted: int) -> list[str] | None:
    waiting = deque([([start], 1)])
    seen: set[tuple[str, int]] = set()
    while waiting:
        path, sign = waiting.popleft()
        for target, factor in edges[path[-1]]:
            if (target, sign * factor) == (start, wanted):
                return path
            if (target, sign * factor) not in seen:
                seen.add((target, sign * factor))
                waiting.append(([*path, target], sign * factor))
    return None
