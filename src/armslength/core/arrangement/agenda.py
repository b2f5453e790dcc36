"""What a step would otherwise look for in all of a state: what comes next, and what is open.

An agenda is derived from its state and handed on from step to step; it is never written, sent or compared. Like the
state, no agenda is ever changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from armslength.core.parts import Parts

if TYPE_CHECKING:
    from armslength.core.arrangement.draft import Index

SOUGHT = -1
Wanted: TypeAlias = tuple[tuple[str, ...], int]  # a run of clean periods: over which claims, how long


@dataclass(frozen=True, slots=True)
class Heap:
    """A leftist heap of (instant, name): the earliest on top; adding and taking cost a logarithm."""

    instant: int
    name: str
    left: Heap | None = None
    right: Heap | None = None
    rank: int = 1  # the shortest way down to an end


def merged(one: Heap | None, other: Heap | None) -> Heap | None:
    """A heap of what is in both."""
    if one is None or other is None:
        return one or other
    if (other.instant, other.name) < (one.instant, one.name):
        one, other = other, one
    left, right = one.left, merged(one.right, other)
    if left is None or (right is not None and left.rank < right.rank):
        left, right = right, left
    return Heap(one.instant, one.name, left, right, 1 + (right.rank if right else 0))


@dataclass(frozen=True, slots=True)
class Agenda:
    """`index`: what is looked up in the terms. `deadlines`: what allegations wait for; void entries may be among them,
    but not on top. `holds`: the allegations whose holds run; `open`: how many are not decided. `runs`
    and `violations`: what `marks` keeps, by wanted run and by maintain duty. `reports`: while EFFECTIVE, when each
    claim's first undecided period is over, and its number. `next`: the next instant at which anything but a claim or an
    allegation fires by itself; None if nothing will; SOUGHT if that is to be found out (rule 11.2a)."""

    index: Index
    deadlines: Heap | None
    holds: Parts[int]
    open: int
    runs: dict[Wanted, tuple[str, str]]
    violations: dict[str, str]
    reports: dict[str, tuple[int, int]] | None = None
    next: int | None = SOUGHT
