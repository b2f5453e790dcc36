"""Maintain duties: the violation instances of a duty that holds in every period.

1. Periods count that start at or after the duty became ACTIVE. A REFUTED one opens an instance, or joins the open
   one.
2. The cure window is the next n whole periods. All clean: CURED. One REFUTED: BREACHED at once. One UNKNOWN:
   BREACHED when it becomes so. Periods that are missing, or cut by the end of the term: BREACHED once the others
   are decided clean and the term is over. A period refuted beyond an undecided window waits for the window. Without
   a window (n = 0) the first period breaches.
3. After a breach, the earliest run of clean periods that the terms ask for remedies it. It begins after the period
   that broke the duty: the first one that is not clean in the window, or the first of all if there is no window.
4. What an instance comes to depends on the set of decided periods, not on their order: when an earlier period joins
   it, window and outcome are computed anew. What is CURED or REMEDIED has ended and stays so.
5. Concluded once the term is over and all periods are decided; worst wins: BREACHED, UNVERIFIED (a period is
   UNKNOWN), REMEDIED, FULFILLED.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from armslength.core.arrangement import claims, tables
from armslength.core.arrangement.conditions import find_run
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import REFUTED, UNDECIDED, UNKNOWN, VALUE_NAMES, Instance

_OPEN = frozenset({"OVERDUE", "BREACHED"})
_SHOWN = {
    ("ACTIVE", "OVERDUE"): "maintain.violated",
    ("OVERDUE", "ACTIVE"): "maintain.cured",
    ("OVERDUE", "BREACHED"): "maintain.breached",
    ("BREACHED", "OVERDUE"): "maintain.reopened",
    ("BREACHED", "ACTIVE"): "maintain.remedied",
}


def work(draft: Draft, duty: str) -> None:
    """Judge the duty's periods as far as they are decided, and conclude it if all are."""
    decided = draft.claims[draft.terms.duties[duty].claim].decided
    if draft.duties[duty].instances or REFUTED in decided:
        while _open(draft, duty, decided) or _judge(draft, duty, decided):
            pass
    if draft.now >= draft.terms.end:
        _conclude(draft, duty, decided)


def first_period(draft: Draft, duty: str) -> int:
    """The first period that counts."""
    claim = draft.terms.claims[draft.terms.duties[duty].claim]
    since = (draft.duties[duty].active_at or 0) - claims.anchor(draft, claim)
    return max(0, -(-since // (claim.period or 1)))


def _open_instance(instances: tuple[Instance, ...]) -> Instance | None:
    return next((instance for instance in instances if instance.state in _OPEN), None)


def _refuted(decided: str, begin: int) -> Iterator[int]:
    number = decided.find(REFUTED, begin)
    while number >= 0:
        yield number
        number = decided.find(REFUTED, number + 1)


def _broke(draft: Draft, duty: str, first: int, decided: str) -> int | None:
    """The period that breaks an instance which begins with `first`; None if none does yet."""
    cure = draft.terms.duties[duty].cure
    if cure == 0:
        return first
    window = enumerate(decided[first + 1 : first + cure + 1], first + 1)
    return next((number for number, value in window if value in (REFUTED, UNKNOWN)), None)


def _run(draft: Draft, duty: str, instance: Instance, decided: str) -> int | None:
    """The last period of the run that remedies a breach, if it is there."""
    length = draft.terms.duties[duty].remedy_run
    if instance.broke is None or length is None:
        return None
    return find_run(decided.translate({ord("X"): "S"}), instance.broke + 1, length)


def _owns(draft: Draft, duty: str, instance: Instance, number: int, decided: str) -> bool:
    """Whether a refuted period belongs to the instance."""
    if number < instance.first:
        return False
    match instance.state:
        case "BREACHED":
            return True
        case "REMEDIED":
            end = _run(draft, duty, instance, decided)
            return end is None or number <= end
        case _:
            return number <= instance.first + draft.terms.duties[duty].cure


def _open(draft: Draft, duty: str, decided: str) -> bool:
    """Let the first refuted period that no instance owns open one, or join the open one. True if it did."""
    for number in _refuted(decided, first_period(draft, duty)):
        instances = draft.duties[duty].instances
        if any(_owns(draft, duty, instance, number, decided) for instance in instances):
            continue
        current = _open_instance(instances)
        cause = f"{claims.name(draft.terms.duties[duty].claim, number)} is REFUTED"
        if current is None:
            _change(draft, duty, None, Instance(first=number, state="NONE", at=draft.at), "instance.opened", cause)
            return True
        if number < current.first:
            broke = _broke(draft, duty, number, decided) if current.state == "BREACHED" else None
            breach = "instance.joined-breach" if broke is not None else "instance.reopened"
            rule = "instance.joined" if current.state == "OVERDUE" else breach
            _change(draft, duty, current, replace(current, first=number, broke=broke), rule, cause)
            return True
    return False


def _judge(draft: Draft, duty: str, decided: str) -> bool:
    """Move the open instance if its cure window, or its remedy, says so. True if it moved."""
    current = _open_instance(draft.duties[duty].instances)
    if current is None:
        return False
    term = draft.terms.duties[duty]
    claim = draft.terms.claims[term.claim]
    broke = _broke(draft, duty, current.first, decided)
    if current.state == "BREACHED":
        if broke is not None and broke != current.broke:
            current = _store(draft, duty, current, replace(current, broke=broke))
        end = _run(draft, duty, current, decided)
        if end is None:
            return False
        cause = f"{term.remedy_run} clean periods of {term.claim} up to {end}"
        _change(draft, duty, current, current, "instance.remedied", cause)
        return True
    if broke is not None:
        cause = f"{claims.name(term.claim, broke)} is {VALUE_NAMES[decided[broke]]}"
        cause += " within the cure window" if term.cure else ", and there is no cure window"
        _change(draft, duty, current, replace(current, broke=broke), "instance.breached", cause)
        return True
    window = range(current.first + 1, current.first + term.cure + 1)
    there = [number for number in window if number < claims.count(draft, claim)]
    letters = [decided[number] if number < len(decided) else UNDECIDED for number in there]
    if UNDECIDED in letters:
        return False
    if claims.starts(draft, claim, window.stop) <= draft.terms.end:
        cause = f"{term.claim} is clean in periods {window.start} to {window.stop - 1}"
        _change(draft, duty, current, current, "instance.cured", cause)
        return True
    if draft.now < draft.terms.end:
        return False
    _change(draft, duty, current, current, "instance.cut", "the term ended within the cure window")
    return True


def _change(draft: Draft, duty: str, old: Instance | None, new: Instance, rule: str, cause: str) -> None:
    """Take a row of the instance's table, store it, and show the duty's worst open instance."""
    state = draft.duties[duty]
    after = draft.move(tables.INSTANCE, claims.name(duty, new.first), new.state, rule, cause)
    _store(draft, duty, old, replace(new, state=after, at=new.at if after == new.state else max(draft.at, new.at)))
    current = _open_instance(draft.duties[duty].instances)
    shown = current.state if current else "ACTIVE"
    if shown != state.state:
        draft.move(tables.MAINTAIN, duty, state.state, _SHOWN[state.state, shown], cause)
        draft.duties[duty] = replace(draft.duties[duty], state=shown, at=max(draft.at, state.at))
        if shown == "BREACHED" and draft.terms.duties[duty].consequence == "suspend":
            draft.breaches.append(duty)


def _store(draft: Draft, duty: str, old: Instance | None, new: Instance) -> Instance:
    """Put an instance in the place of an old one; they stand in the order of their first periods."""
    others = (known for known in draft.duties[duty].instances if known is not old)
    instances = tuple(sorted((*others, new), key=lambda known: known.first))
    draft.duties[duty] = replace(draft.duties[duty], instances=instances)
    return new


def _conclude(draft: Draft, duty: str, decided: str) -> None:
    state = draft.duties[duty]
    claim = draft.terms.claims[draft.terms.duties[duty].claim]
    if state.state != "ACTIVE" or UNDECIDED in decided or len(decided) < claims.count(draft, claim):
        return
    if UNKNOWN in decided[first_period(draft, duty) :]:
        rule, cause = "maintain.unverified", f"{decided.count(UNKNOWN)} of {len(decided)} periods are UNKNOWN"
    elif any(instance.state == "REMEDIED" for instance in state.instances):
        rule, cause = "maintain.concluded", "all periods are decided, and its breach is remedied"
    else:
        rule, cause = "maintain.fulfilled", "all periods are decided, clean or cured"
    after = draft.move(tables.MAINTAIN, duty, state.state, rule, cause)
    draft.duties[duty] = replace(state, state=after, at=max(draft.at, state.at))


def remediable(draft: Draft, duty: str) -> bool:
    """Whether the open breach can still be remedied: enough periods are left, taking the undecided ones as clean."""
    term = draft.terms.duties[duty]
    current = _open_instance(draft.duties[duty].instances)
    if current is None or current.broke is None or term.remedy_run is None:
        return False
    total = claims.count(draft, draft.terms.claims[term.claim])
    text = draft.claims[term.claim].decided.ljust(total, UNDECIDED)
    hopeful = text.translate({ord("X"): "S", ord(UNDECIDED): "S"})
    return find_run(hopeful, current.broke + 1, term.remedy_run) is not None


def abandon(draft: Draft, duty: str) -> None:
    """WINDING: an open OVERDUE instance becomes BREACHED."""
    current = _open_instance(draft.duties[duty].instances)
    if current is not None and current.state == "OVERDUE":
        cause = "the arrangement winds down, and nobody withdraws out of a breach"
        _change(draft, duty, current, current, "instance.abandoned", cause)
