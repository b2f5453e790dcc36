"""Tranches (part 6 of the rules)."""

from __future__ import annotations

from armslength.core.arrangement.terms import Clear
from tests.oracle.conditions import holds, never
from tests.oracle.world import Tranche, World, atoms

OPEN = ("LOCKED", "READY", "DELIVERED")


def settle(world: World, name: str) -> bool:
    """Take one tranche one step on; whether it moved."""
    if world.day is None:
        return False
    known, term = world.tranches[name], world.terms.tranches[name]
    opens = known.stage == "LOCKED" and known.gate_at is None and world.phase == "EFFECTIVE"
    opens = opens and not (world.over and world.closed)
    if opens and not withheld(world, name) and holds(world, term.gate):
        known.gate_at, known.withheld = world.at, ()  # latched, even as the term ends
        return True
    if forfeited(world, name):
        become(world, known, "FORFEITED")
        known.withheld = ()
        return True
    reasons = withheld(world, name)
    if reasons != known.withheld:
        if reasons and not known.withheld:
            known.fell, known.by_deadline = world.at, world.firing
        known.withheld, known.at = reasons, world.at
        return True
    ready = known.gate_at is not None and known.commit is not None and world.phase == "EFFECTIVE"
    if ready and known.stage == "LOCKED" and not known.withheld:
        become(world, known, "READY")
        return True
    silent = None if known.key_at is None else known.key_at + term.ack_by + world.terms.grace
    if known.stage == "RELEASED" and silent is not None and world.at >= silent:
        become(world, known, "SETTLED")  # silence after the key settles (rule 6.3)
        return True
    return known.stage == "DISPUTED" and complaint(world, name, known)


def become(world: World, known: Tranche, stage: str) -> None:
    """The tranche is at another stage."""
    known.stage, known.at = stage, world.at


def withheld(world: World, name: str) -> tuple[str, ...]:
    """Why it is WITHHELD: HELD, SUSPENDED, a continuous condition false, or a complaint (rules 6.1, 6.5)."""
    known, term = world.tranches[name], world.terms.tranches[name]
    if known.stage not in OPEN:
        return ()
    disputed = any(
        other.complaint == "OPEN"
        and world.terms.tranches[which].provider == term.provider
        and world.terms.tranches[which].recipient == term.recipient
        for which, other in world.tranches.items()
    )
    reasons = {
        "complaint": disputed,
        "condition": not holds(world, term.continuous),
        "held": world.shown == "HELD",
        "suspended": world.shown == "SUSPENDED",
    }
    return tuple(sorted(reason for reason, there in reasons.items() if there))


def forfeited(world: World, name: str) -> bool:
    """Rules 5.4, 5.5 and decision 13: what is no longer owed at the end."""
    known, term = world.tranches[name], world.terms.tranches[name]
    if known.stage not in OPEN or not world.over:
        return False
    if world.phase == "WINDING" and world.winding_by == "suspension":
        return True
    if known.stage == "READY" and world.phase == "WINDING":
        assert known.gate_at is not None
        if no_longer_owed(world, name):
            return True
        return world.at >= known.gate_at + term.deliver_by + world.terms.grace
    if known.stage != "DELIVERED":
        return True
    return no_longer_owed(world, name)


def no_longer_owed(world: World, name: str) -> bool:
    """Decision 13: its release duty is over, or its condition can no longer hold."""
    continuous = world.terms.tranches[name].continuous
    if world.duties[f"{name}.release"].state in ("BREACHED", "DISCHARGED"):
        return True
    wanted = [duty for atom in atoms(continuous) if isinstance(atom, Clear) for duty in atom.duties]
    broken = any(world.duties[duty].state == "BREACHED" for duty in wanted)
    return never(world, continuous) or (broken and not holds(world, continuous))


def complaint(world: World, name: str, known: Tranche) -> bool:
    """Rule 6.5: votes, or the time-out's named default."""
    from tests.oracle.allegations import vote

    if known.complaint != "OPEN":
        return False
    assert known.disputed_at is not None
    word = vote(world, known.votes)
    if word is None and world.at >= known.disputed_at + world.terms.allegations.determination + world.terms.grace:
        word = world.terms.allegations.default == "UPHELD"
    if word is None:
        return False
    known.complaint = "UPHELD" if word else "DISMISSED"
    if word:
        breach(world, name)
    else:
        become(world, known, "SETTLED")
    return True


def breach(world: World, name: str) -> None:
    """What was upheld breaches the release duty, there and then (rules 6.4, 6.5)."""
    from tests.oracle.duties import become as duty_becomes

    if world.duties[f"{name}.release"].state in ("PENDING", "ACTIVE", "OVERDUE"):
        duty_becomes(world, f"{name}.release", "BREACHED")


def owed(world: World, name: str) -> bool:
    """Whether something is still to come of it."""
    known = world.tranches[name]
    if known.stage == "RELEASED" and known.key_at is None:
        return world.duties[f"{name}.release"].state not in ("BREACHED", "DISCHARGED")  # decision 13
    return known.stage in (*OPEN, "RELEASED") or known.complaint == "OPEN"
