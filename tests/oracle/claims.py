"""Claims (part 3 of the rules): when a period is decided."""

from __future__ import annotations

from armslength.core.arrangement.terms import ClaimIs, CleanRun
from tests.oracle.world import World, atoms


def settle(world: World, claim: str) -> bool:
    """Decide what is to be decided; whether anything was."""
    if world.day is None or not (still_decided(world, claim) or heard(world, claim)):
        return False
    moved = False
    for period in range(world.count(claim)):
        if world.letter(claim, period) == "." and (letter := verdict(world, claim, period)) is not None:
            world.decide(claim, period, letter)
            moved = True
    return moved


def still_decided(world: World, claim: str) -> bool:
    """While EFFECTIVE; afterwards only what an open surviving duty rests on, for nothing else can come of it
    (decision 12: on a claim that is no longer decided an attestation changes nothing)."""
    if world.phase in ("PROPOSED", "SIGNED", "LAPSED"):
        return False
    return world.phase == "EFFECTIVE" or survives(world, claim)


def survives(world: World, claim: str) -> bool:
    """Whether an open surviving duty rests on the claim."""
    excused = {
        claim,
        *(other for other, term in world.terms.claims.items() if term.excuse and term.excuse.claim == claim),
    }
    for duty, term in world.terms.duties.items():
        rests = {term.claim}
        if world.duties[duty].state == "PENDING":
            rests |= {atom.claim for atom in atoms(term.trigger) if isinstance(atom, ClaimIs)}
            rests |= {name for atom in atoms(term.trigger) if isinstance(atom, CleanRun) for name in atom.claims}
        state = world.duties[duty].state
        live = state in ("PENDING", "ACTIVE", "OVERDUE") or (state == "BREACHED" and term.still_owed)
        if term.surviving and live and rests & excused:
            return True
    return False


def heard(world: World, claim: str) -> bool:
    """Whether what is said now counts: too late to resume is like winding down (decision 22). What is said by the
    instant that completed the arrangement counts, in whatever order that instant's entries came."""
    if world.phase == "COMPLETED" and world.at <= world.phase_at:
        return True
    return survives(world, claim) if world.lapsing else still_decided(world, claim)


def verdict(world: World, claim: str, period: int) -> str | None:
    """What an undecided period comes to now."""
    term, by = world.terms.claims[claim], world.report_by(claim, period)
    votes = world.votes(claim, period)
    yes = {who for who, (value, _, _) in votes.items() if value}
    no = set(votes) - yes
    if world.enough(yes, term.support, term.groups, term.including):
        return "S"
    waits = False
    if term.excuse is not None and world.notified(claim, period):
        excuse, decided = term.excuse.claim, world.decided_as_of.get((term.excuse.claim, period))
        # what is decided of the excuse past reportBy decides nothing here any more (rule 3.2, decision 22)
        waits = decided is None or (by is not None and decided > by)
        if not waits and world.letter(excuse, period) == "S":
            return "X"
    fired = by is not None and world.at >= by + world.terms.grace
    in_time = by is None or world.as_of <= by
    if world.enough(no, term.refute, term.groups, term.including) and (fired or (in_time and not waits)):
        return "R"
    return "U" if fired else None
