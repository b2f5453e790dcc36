"""What must come before what, and how early anything can be.

One fixpoint answers both: the earliest second after D at which each duty can be triggered and each tranche released,
if everybody does everything at once. What has no earliest instant waits for itself, directly or by way of others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from armslength.analysis.chase import unsettled
from armslength.analysis.finding import ERROR, Finding
from armslength.core.arrangement.terms import Arrangement, Condition, release_duty
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
    if condition.op == "not":
        return
    if condition.of is None:
        yield condition
    for part in condition.of or ():
        yield from atoms(part)


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
    match condition.op:
        case "all":
            return max(_earliest(terms, part, found, length) for part in condition.of or ())
        case "any":
            return min(_earliest(terms, part, found, length) for part in condition.of or ())
        case "time":
            base = length if condition.anchor == "end" else 0
            return max(0, base + (condition.after or 0))
        case "claim":
            return terms.claims[condition.claim or ""].offset
        case "run":
            return _run_end(terms, condition, found)
        case "duty" | "tranche":
            node = needed(terms, condition)
            return 0 if node is None else found[node]
        case _:
            return 0


def _run_end(terms: Arrangement, condition: Condition, found: Mapping[str, int]) -> int:
    """The end of the earliest run: its own periods after all those of the runs that it follows."""
    if condition.follows is not None and found[f"tranche {condition.follows}"] >= NEVER:
        return NEVER
    periods, follows = condition.length or 0, condition.follows
    while follows is not None:  # comes to an end: the language sees to it
        before = runs(terms.tranches[follows].gate)[0]
        periods += before.length or 0
        follows = before.follows
    claims = [terms.claims[claim] for claim in condition.claims or ()]
    return max(claim.offset + periods * (claim.period or 0) for claim in claims)


def needed(terms: Arrangement, condition: Condition) -> str | None:
    """The duty or tranche that must have started for this atom to hold, if any."""
    states = set(condition.states or ())
    if condition.op == "run" and condition.follows is not None:
        return f"tranche {condition.follows}"
    if condition.op == "tranche" and not states & {"LOCKED", "WITHHELD", "FORFEITED"}:
        return f"tranche {condition.tranche}"
    if condition.op == "duty" and not states & {"PENDING", "EXPIRED", "DISCHARGED"}:
        for tranche in terms.tranches:
            if condition.duty == release_duty(tranche):
                return f"tranche {tranche}"
        return f"duty {condition.duty}"
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
                claims = [terms.claims[claim] for claim in run.claims or ()]
                if len({(claim.period, claim.offset) for claim in claims}) > 1:
                    yield Finding("S04", ERROR, place, "a run needs claims with the same periods")
                if run.follows is None:
                    continue
                before = runs(terms.tranches[run.follows].gate)[0]
                followed = terms.claims[(before.claims or ("",))[0]]
                if (followed.period, followed.offset) != (claims[0].period, claims[0].offset):
                    yield Finding("S04", ERROR, place, f"counts other periods than the run of {run.follows}")
    for id_ in terms.tranches:
        own = release_duty(id_)
        for place, condition in conditions(terms, id_).items():
            if any(own == atom.duty or own in (atom.duties or ()) for atom in _all_atoms(condition)):
                yield Finding("S04", ERROR, place, f"{own} is the duty to release this very tranche and cannot gate it")


def _all_atoms(condition: Condition) -> Iterator[Condition]:
    if condition.of is None:
        yield condition
    for part in condition.of or ():
        yield from _all_atoms(part)
