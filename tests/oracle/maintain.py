"""Maintain duties (rule 4.2): violation instances, computed anew from the set of decided periods."""

from __future__ import annotations

from tests.oracle.world import Instance, World

CLEAN = "SX"


def settle(world: World, duty: str) -> bool:
    """Bring the instances of a duty to what the decided periods say; whether anything changed.

    What had ended before this instant stays; so does what ended later, unless a period before it is refuted only now.
    All else follows from the set of decided periods, in whatever order they were placed.
    """
    known, before = world.duties[duty], [(i.first, i.state, i.broke) for i in world.duties[duty].instances]
    letters, old = world.letters(world.terms.duties[duty].claim), known.letters
    fresh = [period for period, letter in enumerate(letters) if letter == "R" and old[period : period + 1] != "R"]
    ended = [
        i
        for i in known.instances
        if i.state in ("CURED", "REMEDIED") and (i.at < world.at or not any(period < i.first for period in fresh))
    ]
    known.letters = letters
    found = Instances(world, duty, letters, world.at).all(ended)
    for new in found:  # what stays as it was keeps its instant
        new.at = next((i.at for i in known.instances if (i.first, i.state) == (new.first, new.state)), new.at)
    breaches = [sum(i.state in ("BREACHED", "REMEDIED") for i in which) for which in (known.instances, found)]
    known.instances = found
    if breaches[1] > breaches[0]:  # a breach fires, even if it is remedied at once
        known.at = world.at
        if world.terms.duties[duty].consequence == "suspend":
            world.breaches.add(duty)
    return before != [(i.first, i.state, i.broke) for i in found]


class Instances:
    """The violation instances of a duty, as its periods are decided by an instant."""

    def __init__(self, world: World, duty: str, letters: str, at: int) -> None:
        self.world, self.duty, self.letters, self.at = world, duty, letters, at
        self.term = world.terms.duties[duty]

    def all(self, ended: list[Instance]) -> list[Instance]:
        """What has ended stays; then from left to right, one after the other, until one is still open."""
        found = list(ended)
        used = {period for instance in ended for period in range(instance.first, instance.last + 1)}
        for period in self.world.own(self.duty):
            if self.letters[period] == "R" and period not in used:
                instance = self.outcome(period)
                found.append(instance)
                used |= set(range(period, instance.last + 1))
                if instance.state in ("OVERDUE", "BREACHED"):
                    break
        return sorted(found, key=lambda instance: instance.first)

    def outcome(self, first: int) -> Instance:
        """What becomes of the instance that begins with the refuted period `first`."""
        world, total, known = self.world, len(self.letters), self.world.duties[self.duty].instances
        window = range(first + 1, min(first + 1 + self.term.cure, total))
        if self.term.cure == 0:
            return self.breached(first, first)  # n = 0: at once, no window
        for period in window:
            if self.letters[period] in "RU":
                return self.breached(first, period)
        if first == world.duties[self.duty].abandoned:
            return Instance(first, "BREACHED", self.at, last=total)
        undecided = any(self.letters[period] == "." for period in window)
        whole = len(window) == self.term.cure and all(world.whole(self.term.claim, period) for period in window)
        if not undecided and whole:
            return Instance(first, "CURED", self.at, last=first + self.term.cure)
        cut = any((i.first, i.state, i.broke) == (first, "BREACHED", None) for i in known)
        if not undecided and (cut or world.at >= world.terms.end):
            return Instance(first, "BREACHED", self.at, last=total)  # cut short by the end of the term while clean
        return Instance(first, "OVERDUE", self.at, last=first)

    def breached(self, first: int, broke: int) -> Instance:
        """BREACHED by `broke`; REMEDIED by the run that the terms ask for, after it. An undecided period makes it
        wait."""
        count = 0
        for period in range(broke + 1, len(self.letters)):
            if self.letters[period] == ".":
                break
            count = count + 1 if self.letters[period] in CLEAN else 0
            if count == self.term.remedy_run:
                return Instance(first, "REMEDIED", self.at, broke, last=period)
        return Instance(first, "BREACHED", self.at, broke, last=len(self.letters))


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
