"""What depends on what, and how early anything can happen.

One fixpoint answers both: the earliest second after D at which each duty can be triggered and each tranche released, if
everyone acts at once. What has no earliest instant waits for itself, directly or indirectly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import assert_never

from armslength.analysis.chase import unsettled
from armslength.analysis.finding import ERROR, Finding
from armslength.core.arrangement.tables import DutyStatus, Stage
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
    duties_of,
    release_duty,
)
from armslength.wire.terms_conditions import runs

NEVER = 2**62


def conditions(terms: Arrangement, id_: str) -> dict[str, Condition]:
    """The conditions that a duty or tranche waits for, by their place."""
    if id_ in terms.duties:
        return {f"duties.{id_}.trigger": terms.duties[id_].trigger}
    tranche = terms.tranches[id_]
    return {f"tranches.{id_}.when": tranche.gate, f"tranches.{id_}.while": tranche.continuous}


def atoms(condition: Condition) -> Iterator[Condition]:
    """The conditions without parts that must hold, or might: what stands under `not` is left out."""
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.of:
            yield from atoms(part)
    elif not isinstance(condition, Not):
        yield condition


def earliest(terms: Arrangement, delay: int = 0) -> dict[str, int]:
    """Seconds after D by duty and tranche id; NEVER for what waits for itself. Ids of the two never coincide here:
    a duty is written "duty <id>". `delay` is how long after the stated start D is: the end does not move with it."""
    length = terms.end - terms.start - delay
    found = {f"duty {id_}": NEVER for id_ in terms.duties} | {f"tranche {id_}": NEVER for id_ in terms.tranches}
    for _ in range(len(found) + 1):
        before = dict(found)
        for id_ in terms.duties:
            found[f"duty {id_}"] = _earliest(terms, terms.duties[id_].trigger, found, length)
        for id_, tranche in terms.tranches.items():
            parts = (tranche.gate, tranche.continuous)
            found[f"tranche {id_}"] = max(_earliest(terms, part, found, length) for part in parts)
        if found == before:
            break
    return found


def _earliest(terms: Arrangement, condition: Condition, found: Mapping[str, int], length: int) -> int:
    match condition:
        case AllOf():
            return max(_earliest(terms, part, found, length) for part in condition.of)
        case AnyOf():
            return min(_earliest(terms, part, found, length) for part in condition.of)
        case AtTime():
            base = length if condition.anchor == "end" else 0
            return max(0, base + condition.after)
        case ClaimIs():
            return terms.claims[condition.claim].offset
        case CleanRun():
            return _run_end(terms, condition, found)
        case DutyIs() | TrancheIs():
            node = needed(terms, condition)
            return 0 if node is None else found[node]
        case Not() | Effective() | Clear():
            return 0
        case _:
            assert_never(condition)


def _run_end(terms: Arrangement, condition: CleanRun, found: Mapping[str, int]) -> int:
    """The end of the earliest run: its own periods after all those of the runs that it follows."""
    if condition.follows is not None and found[f"tranche {condition.follows}"] >= NEVER:
        return NEVER
    periods, follows = condition.length, condition.follows
    while follows is not None:  # comes to an end: the language sees to it
        before = runs(terms.tranches[follows].gate)[0]
        periods += before.length
        follows = before.follows
    claims = [terms.claims[claim] for claim in condition.claims]
    return max(claim.offset + periods * (claim.period or 0) for claim in claims)


def needed(terms: Arrangement, condition: Condition) -> str | None:
    """The duty or tranche that must have started for this atom to hold, if any."""
    match condition:
        case CleanRun(follows=str(tranche)):
            return f"tranche {tranche}"
        case TrancheIs() if not {Stage.LOCKED, Stage.WITHHELD, Stage.FORFEITED}.intersection(condition.states):
            return f"tranche {condition.tranche}"
        case DutyIs() if not {DutyStatus.PENDING, DutyStatus.EXPIRED, DutyStatus.DISCHARGED}.intersection(
            condition.states
        ):
            released = (tranche for tranche in terms.tranches if condition.duty == release_duty(tranche))
            return next((f"tranche {tranche}" for tranche in released), f"duty {condition.duty}")
        case _:
            return None


def circles(terms: Arrangement) -> Iterator[Finding]:
    """S04: every kind of circle in what comes before what."""
    yield from circular(terms)
    yield from unsettled(terms)


def circular(terms: Arrangement) -> Iterator[Finding]:
    """What waits for itself, with the shortest circle; and runs that do not line up."""
    found = earliest(terms)
    blocked = {node for node, when in found.items() if when >= NEVER}
    waits = {
        node: [
            need
            for condition in conditions(terms, node.split(" ", 1)[1]).values()
            for atom in atoms(condition)
            if (need := needed(terms, atom)) in blocked and need is not None
        ]
        for node in sorted(blocked)
    }
    told: set[str] = set()
    circles = sorted((circle for node in waits if (circle := _shortest(waits, node))), key=len)
    for circle in circles:
        if told & set(circle):
            continue
        told |= set(circle)
        names = [node.split(" ", 1)[1] for node in circle]
        chain = ", which waits for ".join([*names[1:], names[0]])
        yield Finding("S04", ERROR, _place(circle[0]), f"{names[0]} waits for {chain}: none of them can ever begin")
    for node in sorted(blocked - told):
        stuck = " and ".join(sorted({need.split(" ", 1)[1] for need in waits[node]}))
        yield Finding("S04", ERROR, _place(node), f"can never begin: it waits for {stuck}, which never does")
    yield from _misfit_runs(terms)


def _shortest(waits: Mapping[str, list[str]], start: str) -> list[str] | None:
    """The shortest circle through `start`, by breadth-first search."""
    paths = deque([[start]])
    seen: set[str] = set()
    while paths:
        path = paths.popleft()
        for need in waits[path[-1]]:
            if need == start:
                return path
            if need not in seen:
                seen.add(need)
                paths.append([*path, need])
    return None


def _place(node: str) -> str:
    kind, id_ = node.split(" ", 1)
    return f"duties.{id_}.trigger" if kind == "duty" else f"tranches.{id_}.when"


def _misfit_runs(terms: Arrangement) -> Iterator[Finding]:
    for id_ in [*terms.duties, *terms.tranches]:
        for place, condition in conditions(terms, id_).items():
            for run in runs(condition):
                claims = [terms.claims[claim] for claim in run.claims]
                if len({(claim.period, claim.offset) for claim in claims}) > 1:
                    yield Finding("S04", ERROR, place, "a run needs claims with the same periods")
                if run.follows is None:
                    continue
                before = runs(terms.tranches[run.follows].gate)[0]
                followed = terms.claims[before.claims[0]]
                if (followed.period, followed.offset) != (claims[0].period, claims[0].offset):
                    yield Finding("S04", ERROR, place, f"counts other periods than the run of {run.follows}")
    for id_ in terms.tranches:
        own = release_duty(id_)
        for place, condition in conditions(terms, id_).items():
            if own in duties_of(condition):
                yield Finding("S04", ERROR, place, f"{own} is the duty to release this very tranche and cannot gate it")
