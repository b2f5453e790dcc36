"""The life of every duty, tranche, claim and allegation, step by step, with the entries that each step rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from armslength.core.arrangement.bodies import Attest, Determine, Resume, Sign
from armslength.core.arrangement.state import Change
from armslength.views.placed import PlacedEntry

Subject = tuple[str, str]  # (kind, id) as in `Change`


@dataclass(frozen=True, slots=True)
class LifeStep:
    """One change of one subject. `entries` are what it rests on, in order of the record; `of_itself` says that time
    alone made it, and then the last entry is the one (mostly a seal) that moved time past it."""

    change: Change
    entries: tuple[PlacedEntry, ...]
    of_itself: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A stay in one state, [start, end)."""

    state: str
    start: int
    end: int
    index: int | None  # the entry that led to it


def lives(placed: Iterable[PlacedEntry]) -> dict[Subject, tuple[LifeStep, ...]]:
    """Every subject's steps, oldest first; violation instances are filed under their duty."""
    said = _Evidence()
    found: dict[Subject, list[LifeStep]] = defaultdict(list)
    for entry in placed:
        behind = said.take(entry)
        for change in entry.changes:
            of_itself = entry.type == "seal" or change.at != entry.at
            entries = (entry,) if of_itself else behind
            subject = change.subject.partition("#")[0] if change.kind == "instance" else change.subject
            kind = "duty" if change.kind == "instance" else change.kind
            found[kind, subject].append(LifeStep(change, entries, of_itself))
    return {subject: tuple(steps) for subject, steps in found.items()}


def segments(steps: Iterable[LifeStep], begin: int, end: int) -> tuple[Segment, ...]:
    """The stays of one subject between two instants. Stays of no length are left out; a subject that never changed has
    none."""
    out: list[Segment] = []
    at, state = begin, ""
    index: int | None = None
    for step in steps:
        change = step.change
        if change.kind == "instance" or change.before == change.after:
            continue
        if change.at > at:
            out.append(Segment(change.before or state, at, change.at, index))
        at, state, index = max(at, change.at), change.after, step.entries[-1].index
    if state and end > at:
        out.append(Segment(state, at, end, index))
    return tuple(out)


class _Evidence:
    """Remembers who has said the same."""

    def __init__(self) -> None:
        self.said: dict[tuple[object, ...], list[PlacedEntry]] = defaultdict(list)

    def take(self, entry: PlacedEntry) -> tuple[PlacedEntry, ...]:
        """What an entry's effects rest on: the entries before it that said the same, and itself."""
        key = _same(entry)
        if not key:
            return (entry,)
        self.said[key].append(entry)
        return tuple(self.said[key])


def _same(entry: PlacedEntry) -> tuple[object, ...]:
    """Entries with equal keys say the same; an empty key stands alone."""
    match entry.body:
        case Attest(claim=claim, period=period, value=value):
            return ("attest", claim, period, value)
        case Determine(allegation=allegation, tranche=tranche, uphold=uphold):
            return ("determine", allegation, tranche, uphold)
        case Resume():
            return ("resume",)
        case Sign():
            return ("sign",)
        case _:
            return ()
