"""S06: conditions that can never hold or always do, and clauses that nothing carries out.

Each condition is considered by itself: every subject in it may be in any state that its table allows, independently of
the others. "Never" and "always" are therefore certain; for a condition that is not reported, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import TypeAlias, assert_never

from armslength.analysis.finding import ERROR, NOTE, WARNING, Finding
from armslength.analysis.order import conditions
from armslength.core.arrangement import tables
from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Stage
from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    Arrangement,
    AtTime,
    ClaimIs,
    CleanRun,
    Clear,
    Condition,
    DutyIs,
    Effective,
    Not,
    TrancheIs,
    walk,
)
from armslength.views.blocks import describe
from armslength.views.words import Words, listing

MOST = 20_000  # combinations that are tried; larger conditions are left alone …
WORK = 2_000_000  # … and so is what is left when all together took this many steps: anybody may propose terms

Atom: TypeAlias = Effective | AtTime | ClaimIs | CleanRun | DutyIs | TrancheIs | Clear  # has no parts
World = dict[str, str]  # a state by subject: "duty C1", "tranche T1", "claim e1", "time end", "run …"


class StepBudget:
    """How many steps are left."""

    def __init__(self) -> None:
        self.left = WORK

    def takes(self, steps: int) -> bool:
        """Whether there are so many left; then they are taken."""
        enough = steps <= self.left
        self.left -= steps if enough else 0
        return enough


def unreachable(terms: Arrangement) -> Iterator[Finding]:
    """S06: tranches and duties that can never begin, alternatives without effect, clauses without consequence."""
    words, work = Words.of(terms), StepBudget()
    for id_, tranche in terms.tranches.items():
        alone = {place: truth(terms, part, work) for place, part in conditions(terms, id_).items()}
        yield from _told(alone)
        both = AllOf(of=(tranche.gate, tranche.continuous))
        if "never" not in alone.values() and truth(terms, both, work, {f"tranche {id_}": {Stage.LOCKED}}) == "never":
            text = "can never hold together with while, and it must for the tranche to open"
            yield Finding("S06", ERROR, f"tranches.{id_}.when", text)
    for id_ in terms.duties:
        yield from _told({place: truth(terms, part, work) for place, part in conditions(terms, id_).items()})
    for id_ in (*terms.tranches, *terms.duties):
        for place, whole in conditions(terms, id_).items():
            verdict = truth(terms, whole, work)
            for branch in (part for either in walk(whole) if isinstance(either, AnyOf) for part in either.of):
                if truth(terms, branch, work) == "never" != verdict:
                    text = f"one of its alternatives can never hold: {describe(words, branch)}"
                    yield Finding("S06", WARNING, place, text)
    used = {rule.clause for rules in (terms.claims, terms.duties, terms.tranches) for rule in rules.values()}
    if unused := sorted(set(terms.clauses) - used):
        text = f"{listing(unused)}: text alone, which no claim, duty or tranche carries out"
        yield Finding("S06", NOTE, "clauses", text)


def _told(verdicts: dict[str, str]) -> Iterator[Finding]:
    for place, verdict in verdicts.items():
        if verdict == "never":
            yield Finding("S06", ERROR, place, "can never hold, whatever happens")
        if verdict == "always":
            text = "always holds once the arrangement is in force: leave it out, or say what was meant"
            yield Finding("S06", WARNING, place, text)


def truth(terms: Arrangement, condition: Condition, work: StepBudget, fixed: dict[str, set[str]] | None = None) -> str:
    """ "never", "always" (but not for a mere `effective`) or "open"; `fixed` narrows the states of a subject."""
    if isinstance(condition, Effective):
        return "open"
    atoms = [part for part in walk(condition) if not isinstance(part, AllOf | AnyOf | Not)]
    named = sum(1 + len(atom.duties if isinstance(atom, Clear) else ()) for atom in atoms)
    if not work.takes(len(atoms) * named):
        return "open"
    spoken = [(atom, _subjects(terms, atom, atoms)) for atom in atoms]
    subjects = {subject: values for _, about in spoken for subject, values in about.items()}
    subjects |= {subject: values for subject, values in (fixed or {}).items() if subject in subjects}
    # States between which no atom tells a difference count as one.
    told: list[list[tuple[str, str]]] = []
    for subject, values in sorted(subjects.items()):
        mine = [atom for atom, about in spoken if subject in about]
        kinds = {tuple(_says(atom, {subject: value}) for atom in mine): value for value in sorted(values)}
        told.append([(subject, value) for value in kinds.values()])
    combinations = prod(map(len, told))
    if combinations > MOST or not work.takes(combinations * named):
        return "open"
    found = set[bool]()
    for each in product(*told):
        found.add(_holds(condition, dict(each)))
        if len(found) > 1:
            return "open"
    return "always" if True in found else "never"


def _holds(condition: Condition, world: World) -> bool:
    match condition:
        case AllOf():
            return all(_holds(part, world) for part in condition.of)
        case AnyOf():
            return any(_holds(part, world) for part in condition.of)
        case Not():
            return not _holds(condition.of[0], world)
        case _:
            return _says(condition, world)


def _subjects(terms: Arrangement, atom: Atom, atoms: list[Atom]) -> dict[str, set[str]]:
    """What an atom speaks of, and the states in which each may be."""
    match atom:
        case DutyIs():
            return {f"duty {atom.duty}": _duty(terms, atom.duty)}
        case Clear():
            return {f"duty {duty}": _duty(terms, duty) for duty in atom.duties}
        case TrancheIs():
            return {f"tranche {atom.tranche}": set(tables.TRANCHE.reachable(Stage.LOCKED)) | {Stage.WITHHELD}}
        case ClaimIs():
            late = {PeriodValue.UNKNOWN} if terms.claims[atom.claim].report_by is not None else set()
            return {f"claim {atom.claim}": {PeriodValue.UNDECIDED, PeriodValue.SUPPORTED, PeriodValue.REFUTED} | late}
        case CleanRun():
            return {_run(atom): {"yes", "no"}}
        case AtTime():
            return {f"time {atom.anchor}": {str(at) for at in _passed(terms, atom, atoms)}}
        case Effective():
            return {}
        case _:
            assert_never(atom)


def _passed(terms: Arrangement, atom: AtTime, atoms: list[Atom]) -> list[int]:
    """Instants of one anchor that tell apart which of the condition's times have come: the earliest, and each time."""
    first = 0 if atom.anchor == "start" else terms.start - terms.end
    times = [each.after for each in atoms if isinstance(each, AtTime) and each.anchor == atom.anchor]
    return sorted({first, *(at for at in times if at > first)})


def _duty(terms: Arrangement, duty: str) -> set[str]:
    if duty not in terms.duties:
        return set(tables.RELEASE.reachable(DutyStatus.PENDING))
    machine = tables.ACHIEVE if terms.duties[duty].kind == "achieve" else tables.MAINTAIN
    return set(machine.reachable(DutyStatus.PENDING))


def _run(atom: CleanRun) -> str:
    return f"run {atom.claims} {atom.length} {atom.follows}"


def _says(atom: Atom, world: World) -> bool:
    """Whether an atom holds where its subjects are as given; a duty that is not given is in order."""
    match atom:
        case DutyIs():
            return world[f"duty {atom.duty}"] in atom.states
        case Clear():
            return not any(world.get(f"duty {duty}") in tables.BAD for duty in atom.duties)
        case TrancheIs():
            return world[f"tranche {atom.tranche}"] in atom.states
        case ClaimIs():
            return world[f"claim {atom.claim}"] in atom.states
        case CleanRun():
            return world[_run(atom)] == "yes"
        case AtTime():
            return int(world[f"time {atom.anchor}"]) >= atom.after
        case Effective():
            return True
        case _:
            assert_never(atom)
