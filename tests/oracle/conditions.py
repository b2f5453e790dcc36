"""Conditions: what holds, and what can no longer come to hold (rule 4.1: then a duty is EXPIRED).

"Never" looks at each atom by itself, and at nothing but the tables of states.
"""

from __future__ import annotations

from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    AtTime,
    ClaimIs,
    CleanRun,
    Clear,
    Condition,
    DutyIs,
    Effective,
    Not,
    TrancheIs,
)
from tests.oracle.world import World, atoms

NAMES = {"S": "SUPPORTED", "R": "REFUTED", "X": "EXCUSED", "U": "UNKNOWN"}

# Rule 4.1, 4.2, 6.1: what follows what. A maintain duty's CURED is an instance's; the duty goes back to ACTIVE.
ACHIEVE = {
    "PENDING": "ACTIVE EXPIRED DISCHARGED",
    "ACTIVE": "FULFILLED OVERDUE DISCHARGED",
    "OVERDUE": "CURED BREACHED DISCHARGED",
    "BREACHED": "REMEDIED DISCHARGED",
}
MAINTAIN = {
    "PENDING": "ACTIVE EXPIRED DISCHARGED",
    "ACTIVE": "OVERDUE BREACHED FULFILLED REMEDIED UNVERIFIED DISCHARGED",
    "OVERDUE": "ACTIVE BREACHED DISCHARGED",
    "BREACHED": "ACTIVE DISCHARGED",
}
RELEASE = {
    "PENDING": "ACTIVE BREACHED DISCHARGED",
    "ACTIVE": "FULFILLED OVERDUE BREACHED DISCHARGED",
    "OVERDUE": "CURED BREACHED DISCHARGED",
}
TRANCHE = {
    "LOCKED": "READY WITHHELD FORFEITED",
    "READY": "DELIVERED WITHHELD FORFEITED",
    "DELIVERED": "RELEASED WITHHELD FORFEITED",
    "WITHHELD": "LOCKED READY DELIVERED FORFEITED",
    "RELEASED": "SETTLED DISPUTED",
    "DISPUTED": "SETTLED",
}


def onward(table: dict[str, str], state: str) -> set[str]:
    """The state and all that it can still become."""
    found, todo = {state}, [state]
    while todo:
        for after in table.get(todo.pop(), "").split():
            if after not in found:
                found.add(after)
                todo.append(after)
    return found


def duty_onward(world: World, duty: str) -> set[str]:
    """What a duty can still become."""
    if broken_for_good(world, duty):
        return {"BREACHED"}
    table = RELEASE if duty in world.releases else ACHIEVE if world.terms.duties[duty].kind == "achieve" else MAINTAIN
    return onward(table, world.duties[duty].state)


def bad(world: World, duty: str) -> bool:
    """OVERDUE, BREACHED, or with an open instance, which shows in the state."""
    return world.duties[duty].state in ("OVERDUE", "BREACHED")


def runs(world: World, condition: Condition) -> int | None:
    """The period after the earliest run, or None: consecutive decided clean periods in every claim; an undecided one
    makes it wait (rule 3.2)."""
    return _run(world, condition, undecided=False)


def _run(world: World, condition: Condition, *, undecided: bool) -> int | None:
    """With `undecided`, as if every undecided period came out clean."""
    first: int | None = 0
    if condition.follows is not None:
        [before] = [atom for atom in atoms(world.terms.tranches[condition.follows].gate) if isinstance(atom, CleanRun)]
        first = _run(world, before, undecided=undecided)
    if first is None or world.day is None:
        return None
    claims, length = condition.claims, condition.length
    count, period = 0, first
    while count < length:
        if any(period >= world.count(claim) for claim in claims):
            return None
        letters = [world.letter(claim, period) for claim in claims]
        broken = any(letter in "RU" for letter in letters)  # whatever the others come to
        if not undecided and "." in letters and not broken:
            return None
        count = 0 if broken else count + 1
        period += 1
    return period


def holds(world: World, condition: Condition) -> bool:
    """Whether the condition holds now."""
    match condition:
        case AllOf(of=parts):
            return all(holds(world, part) for part in parts)
        case AnyOf(of=parts):
            return any(holds(world, part) for part in parts)
        case Not(of=(part,)):
            return not holds(world, part)
        case Effective():
            return world.day is not None
        case AtTime():  # how far time has been worked decides, not the entry's own time (decision 14)
            anchor = world.terms.end if condition.anchor == "end" else world.day
            return anchor is not None and world.now >= anchor + condition.after
        case ClaimIs(claim=claim, states=states):
            return NAMES.get(world.letter(claim, 0)) in states
        case CleanRun():
            return runs(world, condition) is not None
        case DutyIs(duty=duty, states=states):
            return world.duties[duty].state in states
        case TrancheIs(tranche=tranche, states=states):
            return world.tranches[tranche].shown in states
        case Clear(duties=duties):
            return not any(bad(world, duty) for duty in duties)
        case _:
            raise AssertionError(condition)


def never(world: World, condition: Condition) -> bool:
    """Whether it can no longer come to hold."""
    match condition:
        case AllOf(of=parts):
            return any(never(world, part) for part in parts)
        case AnyOf(of=parts):
            return all(never(world, part) for part in parts)
        case Not(of=(part,)):
            return always(world, part)
        case Effective():
            return world.phase == "LAPSED"
        case ClaimIs(claim=claim, states=states):
            letter = world.letter(claim, 0)
            return letter != "." and NAMES[letter] not in states
        case CleanRun():
            return world.day is not None and _run(world, condition, undecided=True) is None
        case DutyIs(duty=duty, states=states):
            return not duty_onward(world, duty) & set(states)
        case TrancheIs(tranche=tranche, states=states):
            return not onward(TRANCHE, world.tranches[tranche].shown) & set(states)
        case Clear(duties=duties):
            return any(duty_onward(world, duty) == {"BREACHED"} for duty in duties)
        case _:  # time comes to every instant
            return False


def broken_for_good(world: World, duty: str) -> bool:
    """BREACHED with nothing that can change it: a release duty, what is not still owed, what the end left open."""
    if world.duties[duty].state != "BREACHED":
        return False
    if duty in world.releases:
        return True
    term = world.terms.duties[duty]
    return (term.kind == "achieve" and not term.still_owed) or (world.over and not term.surviving)


def always(world: World, condition: Condition) -> bool:
    """Whether it holds whatever is still to come."""
    match condition:
        case AllOf(of=parts):
            return all(always(world, part) for part in parts)
        case AnyOf(of=parts):
            return any(always(world, part) for part in parts)
        case Not(of=(part,)):
            return never(world, part)
        case Effective() | AtTime() | ClaimIs() | CleanRun():
            return holds(world, condition)
        case DutyIs(duty=duty, states=states):
            return duty_onward(world, duty) <= set(states)
        case TrancheIs(tranche=tranche, states=states):
            return onward(TRANCHE, world.tranches[tranche].shown) <= set(states)
        case Clear(duties=duties):
            return not any({"OVERDUE", "BREACHED"} & duty_onward(world, duty) for duty in duties)
        case _:
            raise AssertionError(condition)
