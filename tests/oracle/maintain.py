"""Maintain duties (rule 4.2): violation instances, computed anew from the set of decided periods."""

from __future__ import annotations

from tests.oracle.world import Instance, World

CLEAN = "SX"


def settle(world: World, duty: str) -> bool:
    """Bring the instances of a duty to what the decided periods say; whether anything changed."""
    known, before = world.duties[duty], [(i.first, i.state, i.broke) for i in world.duties[duty].instances]
    ended = [i for i in known.instances if i.state in ("CURED", "REMEDIED") and i.at != world.at]
    found = instances(world, duty, ended)
    for new in found[len(ended) :]:  # what stays as it was keeps its instant
        for old in known.instances[len(ended) :]:
            if (old.first, old.state) == (new.first, new.state):
                new.at = old.at
    breaches = [sum(i.state in ("BREACHED", "REMEDIED") for i in which) for which in (known.instances, found)]
    known.instances = found
    if breaches[1] > breaches[0]:  # a breach fires, even if it is remedied at once
        known.at = world.at
        if world.terms.duties[duty].consequence == "suspend":
            world.breaches.add(duty)
    return before != [(i.first, i.state, i.broke) for i in found]


def instances(world: World, duty: str, ended: list[Instance]) -> list[Instance]:
    """What has ended stays; then from left to right, one instance after the other, until one is still open."""
    claim, found = world.terms.duties[duty].claim, list(ended)
    used = {period for instance in ended for period in range(instance.first, instance.last + 1)}
    for period in world.own(duty):
        if world.letter(claim, period) == "R" and period not in used:
            instance = outcome(world, duty, period)
            found.append(instance)
            used |= set(range(period, instance.last + 1))
            if instance.state in ("OVERDUE", "BREACHED"):
                break
    return sorted(found, key=lambda instance: instance.first)


def outcome(world: World, duty: str, first: int) -> Instance:
    """What becomes of the instance that begins with the refuted period `first`."""
    term = world.terms.duties[duty]
    claim, total = term.claim, world.count(term.claim)
    window = range(first + 1, min(first + 1 + term.cure, total))
    if term.cure == 0:
        return breached(world, duty, first, first)  # n = 0: at once, no window
    for period in window:
        if world.letter(claim, period) in "RU":
            return breached(world, duty, first, period)
    if any(i.abandoned for i in world.duties[duty].instances):
        return Instance(first, "BREACHED", world.at, last=total, abandoned=True)
    undecided = any(world.letter(claim, period) == "." for period in window)
    whole = len(window) == term.cure and all(world.whole(claim, period) for period in window)
    if not undecided and whole:
        return Instance(first, "CURED", world.at, last=first + term.cure)
    cut = any((i.first, i.state, i.broke) == (first, "BREACHED", None) for i in world.duties[duty].instances)
    if not undecided and (cut or world.at >= world.terms.end):
        return Instance(first, "BREACHED", world.at, last=total)  # cut short by the end of the term while clean
    return Instance(first, "OVERDUE", world.at, last=first)


def breached(world: World, duty: str, first: int, broke: int) -> Instance:
    """BREACHED by `broke`; REMEDIED by the run that the terms ask for, after it. An undecided period makes it wait."""
    term, count = world.terms.duties[duty], 0
    for period in range(broke + 1, world.count(term.claim)):
        letter = world.letter(term.claim, period)
        if letter == ".":
            break
        count = count + 1 if letter in CLEAN else 0
        if count == term.remedy_run:
            return Instance(first, "REMEDIED", world.at, broke, last=period)
    return Instance(first, "BREACHED", world.at, broke, last=world.count(term.claim))


def remediable(world: World, duty: str) -> bool:
    """Whether a run can still come, if every undecided period turns out clean."""
    term, count = world.terms.duties[duty], 0
    broken = next((i for i in world.duties[duty].instances if i.state == "BREACHED"), None)
    if broken is None or broken.broke is None:
        return False
    for period in range(broken.broke + 1, world.count(term.claim)):
        count = count + 1 if world.letter(term.claim, period) in CLEAN + "." else 0
        if count == term.remedy_run:
            return True
    return False


def shown(known: list[Instance]) -> str:
    """The worst open instance, else ACTIVE."""
    states = {instance.state for instance in known}
    return "BREACHED" if "BREACHED" in states else "OVERDUE" if "OVERDUE" in states else "ACTIVE"


def conclusion(world: World, duty: str) -> str | None:
    """Once the term has ended and all its periods are decided: the worst wins."""
    known, claim = world.duties[duty], world.terms.duties[duty].claim
    letters = [world.letter(claim, period) for period in world.own(duty)]
    if world.at < world.terms.end or "." in world.letters(claim) or shown(known.instances) != "ACTIVE":
        return None
    if "U" in letters:
        return "UNVERIFIED"
    return "REMEDIED" if any(i.state == "REMEDIED" for i in known.instances) else "FULFILLED"
