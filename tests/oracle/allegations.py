"""Allegations (rule 5.1) and their holds (rule 5.2)."""

from __future__ import annotations

from tests.oracle.world import Allegation, World


def settle(world: World, name: str) -> bool:
    """Take one allegation one step on; whether it moved."""
    known, rules, grace = world.allegations[name], world.terms.allegations, world.terms.grace
    if decide(world, known):
        return True
    if known.answer is None and world.at >= known.raised_at + rules.reply + grace:
        known.answer = "UNANSWERED"  # alone it decides nothing
        return True
    if known.holding and hold_ends(world, known):
        known.holding = False
        return True
    return False


def decide(world: World, known: Allegation) -> bool:
    """Close it if there is an outcome now; whether there was. What is said decides it before anything follows."""
    if known.outcome != "OPEN" or (outcome := found(world, known)) is None:
        return False
    close(world, known, outcome)
    return True


def close(world: World, known: Allegation, outcome: str) -> None:
    """UPHELD by a vote or an admission in the period's time makes an undecided period REFUTED."""
    known.outcome = outcome
    if outcome == "UPHELD" and known.claim is not None and known.period is not None:
        by = world.report_by(known.claim, known.period)
        if world.letter(known.claim, known.period) == "." and (by is None or world.as_of <= by):
            world.decide(known.claim, known.period, "R")


def found(world: World, known: Allegation) -> str | None:
    """The outcome of an open allegation, if there is one now."""
    last = known.raised_at + world.terms.allegations.determination
    if known.claim is not None and known.period is not None:
        letter = world.letter(known.claim, known.period)
        if letter in "RSX" and world.decided_as_of[known.claim, known.period] <= last:
            return "UPHELD" if letter == "R" else "DISMISSED"
    if known.answer == "ADMITTED" and known.answered_at <= last:
        return "UPHELD"
    if (voted := vote(world, known.votes)) is not None:
        return "UPHELD" if voted else "DISMISSED"
    return "DISMISSED" if world.at >= last + world.terms.grace else None


def vote(world: World, votes: dict[str, bool]) -> bool | None:
    """What a quorum of determiners says; who has equivocated counts in no open vote (rule 1.4)."""
    for word in (True, False):
        who = {voter for voter, value in votes.items() if value is word and voter not in world.excluded}
        if world.quorum(world.terms.allegations.determiners, who):
            return word
    return None


def hold_ends(world: World, known: Allegation) -> bool:
    """At the earliest of dismissal, excuse, its limit (exactly), or upheld and cured (rule 5.2); nothing is held back
    once the arrangement winds down."""
    if world.phase != "EFFECTIVE":
        return True
    if known.outcome == "DISMISSED" or world.at >= known.raised_at + world.terms.allegations.hold:
        return True
    return known.outcome == "UPHELD" and cured(world, known)


def cured(world: World, known: Allegation) -> bool:
    """Whether the violation that was alleged is over, or owed no more: of each duty that it concerns, and that another
    than the accuser owes."""
    if known.claim is None or known.period is None:
        return False
    owed = [duty for duty in world.shows(known.claim) if world.debtor(duty) != known.by]
    concerned = [duty for duty in owed if concerns(world, duty, known.period)]
    return bool(concerned) and not any(violated(world, duty, known.period) for duty in concerned)


def concerns(world: World, duty: str, period: int) -> bool:
    """Whether the duty was owed in the period, or has been waived since."""
    known, term = world.duties[duty], world.terms.duties[duty]
    if known.state == "DISCHARGED":
        return True
    return known.active_at is not None and (term.kind == "achieve" or period in world.own(duty))


def violated(world: World, duty: str, period: int) -> bool:
    """Whether what was upheld is still a violation: until it is cured, or the duty is owed no more."""
    known = world.duties[duty]
    if known.state == "DISCHARGED":
        return False
    if world.terms.duties[duty].kind == "achieve":
        return known.state not in ("FULFILLED", "CURED", "REMEDIED")
    return not any(i.first <= period <= i.last and i.state in ("CURED", "REMEDIED") for i in known.instances)
