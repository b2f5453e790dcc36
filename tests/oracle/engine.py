"""Placing entries, and time (part 2 of the rules)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from armslength.core.arrangement.draft import EntryInput
from armslength.core.arrangement.terms import Arrangement, AtTime, Condition
from tests.oracle import allegations, claims, duties, running, tranches
from tests.oracle.validity import WHAT
from tests.oracle.world import Allegation, Duty, Instance, No, Suspension, Tranche, World, atoms

LIMIT = 200


class Oracle:
    """An arrangement as the second engine sees it."""

    def __init__(self, terms: Arrangement) -> None:
        self.world = World(terms)

    def place(self, what: EntryInput) -> str:
        """Place an entry: "placed", or the code of its refusal, which changes nothing (rule 1.3)."""
        before = copied(self.world, self.world.terms)
        try:
            place(self.world, what)
        except No as refusal:
            self.world = before
            return str(refusal)
        return "placed"


def copied(value: Any, terms: Arrangement) -> Any:
    """A copy that shares nothing that changes."""
    if isinstance(value, dict):
        new = copy.copy(value)
        new.update((name, copied(part, terms)) for name, part in value.items())
        return new
    if isinstance(value, list | set):
        return type(value)(copied(part, terms) for part in value)
    if isinstance(value, World | Duty | Tranche | Allegation | Suspension | Instance):
        twin = copy.copy(value)
        twin.__dict__.update((name, copied(part, terms)) for name, part in vars(value).items() if part is not terms)
        return twin
    return value


def place(world: World, what: EntryInput) -> None:
    """Rules 2.1, 2.2: a seal moves τ; any other entry's time is max(stamp, τ − grace). Placing works time forward."""
    if what.author not in world.terms.actors:
        raise No("unknown")
    if what.type == "seal":
        if what.author != world.terms.keeper:
            raise No("authority")
        world.tau = max(world.tau, what.stamp)
        work(world, world.tau)
        for name, known in world.tranches.items():
            if known.stage == "RELEASED" and known.key_due is None:
                known.key_due = world.tau + world.terms.tranches[name].key_by  # the seal that covers it (rule 6.3)
        world.at = world.as_of = world.tau
        catch_up(world)
        return
    at = max(what.stamp, world.tau - world.terms.grace)
    work(world, at)
    world.at = world.as_of = at
    if what.type == "evidence":
        exclude(world, what, at)
    else:
        WHAT[what.type](world, what.author, at, what.body, what.entry)
    catch_up(world)


def exclude(world: World, what: EntryInput, at: int) -> None:
    """Rule 1.4: from there on the author counts in no undecided period and no open vote."""
    if what.body.kind != "equivocation":  # type: ignore[union-attr]
        return
    if what.culprit not in world.terms.actors:
        raise No("unknown")
    assert what.culprit is not None
    if what.culprit in world.excluded:
        raise No("repeat")
    world.excluded.setdefault(what.culprit, at)
    votes = [known.votes for known in world.allegations.values() if known.outcome == "OPEN"]
    votes += [known.votes for known in world.tranches.values() if known.complaint == "OPEN"]
    for each in votes:
        each.pop(what.culprit, None)


def catch_up(world: World) -> None:
    """What an entry causes bears its time; deadlines that it made and that lie behind fire at their own instants, up
    to where time has been worked (rules 1.6, 2.4; decision 14)."""
    world.firing = False
    settle(world)
    world.now = max(world.now, world.at)
    while (then := upcoming(world)) is not None and then <= world.now:
        world.firing, world.at, world.as_of = True, then, max(world.as_of, then - world.terms.grace)
        settle(world)


def work(world: World, until: int) -> None:
    """Work time forward deadline by deadline, each at its own instant (rule 2.4)."""
    world.at = world.now
    while (then := upcoming(world)) is not None and then <= until:
        world.at = world.now = then
        world.firing, world.as_of = True, then - world.terms.grace
        settle(world)
    world.now = max(world.now, until)
    world.at = world.now


def settle(world: World) -> None:
    """To a fixpoint, in the order of rule 2.4: claims, duties, allegations, consequences, arrangement, tranches."""
    for _ in range(LIMIT):
        moved = False
        moved |= until_it_rests(partial(claims_settle, world))
        for duty in world.duties:
            moved |= until_it_rests(partial(duties.settle, world, duty))
        for name in sorted(world.allegations):
            moved |= until_it_rests(partial(allegations.settle, world, name))
        moved |= duties.consequences(world)
        moved |= until_it_rests(partial(running.settle, world))
        for name in world.tranches:
            moved |= until_it_rests(partial(tranches.settle, world, name))
        if not moved:
            if world.over and world.over_at is None:
                world.over_at = world.at
            return
    raise No("unsettled")


def claims_settle(world: World) -> bool:
    """All claims, by id; an excuse claim may decide one that comes before it."""
    moved = [claims.settle(world, claim) for claim in sorted(world.terms.claims)]
    return any(moved)


def until_it_rests(step: Callable[[], bool]) -> bool:
    """One object as far as it goes."""
    for turn in range(LIMIT):
        if not step():
            return turn > 0
    raise No("unsettled")


def upcoming(world: World) -> int | None:
    """The next instant after `at` at which something could fire: any instant that any rule speaks of."""
    return min((instant for instant in instants(world) if instant > world.at), default=None)


def instants(world: World) -> set[int]:
    """All of them, whether or not they still matter; settling at one that does not changes nothing."""
    terms, grace = world.terms, world.terms.grace
    found = {terms.entry_by + grace, terms.start, terms.end, *world.signed.values()}
    found |= {ends for _, ends in world.withdrawals.values()}
    if world.suspension:
        found.add(world.suspension.since + terms.max_suspension + grace)
    if world.day is not None:
        found |= set(world.decided_at.values())  # what was decided later than an entry that lies behind
        for claim in terms.claims:
            found |= {by + grace for p in range(world.count(claim)) if (by := world.report_by(claim, p)) is not None}
        for name, tranche in terms.tranches.items():
            found |= times(world, tranche.gate) | times(world, tranche.continuous)
            known = world.tranches[name]
            if known.gate_at is not None:
                found.add(known.gate_at + tranche.deliver_by + grace)
            if known.key_due is not None:
                found.add(known.key_due + grace)
            if known.key_at is not None:
                found.add(known.key_at + tranche.ack_by + grace)
            if known.disputed_at is not None:
                found.add(known.disputed_at + terms.allegations.determination + grace)
        for duty, known_duty in world.duties.items():
            found |= {by + grace for by in (known_duty.due, known_duty.cure_due) if by is not None}
            if duty in terms.duties:
                found |= times(world, terms.duties[duty].trigger)
        for known_allegation in world.allegations.values():
            raised, rules = known_allegation.raised_at, terms.allegations
            found |= {raised + rules.hold, raised + rules.reply + grace, raised + rules.determination + grace}
    return found


def exact(world: World) -> set[int]:
    """Those that fire exactly (rule 2.3): start, hold limits, ends of notices, the end, and conditions on time."""
    terms, found = world.terms, {world.terms.start, world.terms.end}
    found |= {ends for _, ends in world.withdrawals.values()}
    found |= {known.raised_at + terms.allegations.hold for known in world.allegations.values()}
    if world.day is not None:
        conditions = [duty.trigger for duty in terms.duties.values()]
        conditions += [part for t in terms.tranches.values() for part in (t.gate, t.continuous)]
        found |= {world.day, *(instant for condition in conditions for instant in times(world, condition))}
    return found


def times(world: World, condition: Condition) -> set[int]:
    """The instants that a condition waits for."""
    assert world.day is not None
    return {
        (world.terms.end if atom.anchor == "end" else world.day) + atom.after
        for atom in atoms(condition)
        if isinstance(atom, AtTime)
    }
