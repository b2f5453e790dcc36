"""The arrangement (rules 5.2–5.5): entry, suspension, winding down, the end."""

from __future__ import annotations

from tests.oracle import duties, tranches
from tests.oracle.world import World


def settle(world: World) -> bool:
    """Take the arrangement one step on; whether it moved."""
    terms, at = world.terms, world.at
    if world.phase == "PROPOSED":
        if set(terms.parties) <= set(world.signed):
            return phase(world, "SIGNED")
        return at >= terms.entry_by + terms.grace and phase(world, "LAPSED")
    if world.phase == "SIGNED" and at >= (day := max(terms.start, *world.signed.values())):
        world.day = day  # D (rule 2.6)
        return phase(world, "EFFECTIVE")
    if world.phase == "EFFECTIVE":
        return effective(world)
    if world.phase == "WINDING" and not any(tranches.owed(world, name) for name in world.tranches):
        return phase(world, "TERMINATED")
    return False


def phase(world: World, after: str) -> bool:
    """Another phase."""
    world.phase, world.phase_at = after, world.at
    return True


def effective(world: World) -> bool:
    """What ends it, or its suspension."""
    terms, suspension = world.terms, world.suspension
    if suspension is not None:
        if resumes(world):
            world.suspension = None
            return True
        if world.at >= terms.end or world.at >= suspension.since + terms.max_suspension + terms.grace:
            return wind(world, "suspension")
    if any(ends <= world.at and ends < terms.end for _, ends in world.withdrawals.values()):
        return wind(world, "withdrawal")
    if world.over and not world.held and complete(world):
        return phase(world, "COMPLETED")
    return False


def resumes(world: World) -> bool:
    """Rule 5.3: all parties or the determiners' quorum agree, and breach and remedy allow."""
    suspension = world.suspension
    assert suspension is not None
    agreed = set(world.terms.parties) <= suspension.resumed or world.quorum(
        world.terms.allegations.determiners, suspension.resumed - set(world.excluded)
    )
    last = suspension.since + world.terms.max_suspension
    owed = [world.duties[duty] for duty in suspension.duties]
    late = any(
        known.state != "BREACHED" and known.at > last for known in owed
    )  # what ended the breach bears a time past it
    return agreed and not (world.lapsing or late or any(duties.remediable(world, duty) for duty in suspension.duties))


def wind(world: World, by: str) -> bool:
    """WINDING; a suspension ends with it."""
    world.winding_by, world.suspension = by, None
    duties.wind_down(world)
    return phase(world, "WINDING")


def concluded(world: World, duty: str) -> bool:
    """Final, or surviving. A BREACHED duty that does not survive stays so when all is over (decision 13)."""
    state = world.duties[duty].state
    surviving = duty in world.terms.duties and world.terms.duties[duty].surviving
    return surviving or state in (*duties.FINAL, "BREACHED")


def complete(world: World) -> bool:
    """Rule 5.5: all is final."""
    return (
        all(concluded(world, duty) for duty in world.duties)
        and not any(tranches.owed(world, name) for name in world.tranches)
        and not any(known.outcome == "OPEN" for known in world.allegations.values())
    )
