"""Duties (part 4 of the rules): how each goes on, whose clocks are paused, what a breach leads to."""

from __future__ import annotations

from armslength.core.arrangement.terms import ClaimIs, CleanRun, Clear, Condition, DutyIs, TrancheIs
from tests.oracle import maintain
from tests.oracle.conditions import holds, never
from tests.oracle.tranches import withheld
from tests.oracle.world import Duty, Suspension, World

FINAL = ("CURED", "REMEDIED", "FULFILLED", "DISCHARGED", "EXPIRED", "UNVERIFIED")
LIVE = ("EFFECTIVE", "WINDING")


def settle(world: World, duty: str) -> bool:
    """Take one duty one step on; whether it moved."""
    if world.day is None:
        return False
    known = world.duties[duty]
    if clock(world, duty):
        return True
    if duty in world.releases:
        after = release(world, duty)
    elif known.state == "PENDING":
        after = pending(world, duty)
    elif world.terms.duties[duty].kind == "achieve":
        after = achieve(world, duty)
    elif maintained(world, duty):
        return True
    else:
        after = None
    if after is None and waived(world, duty):
        after = "DISCHARGED"
    if after is not None:
        become(world, duty, after)
    return after is not None


def become(world: World, duty: str, after: str) -> None:
    """The duty is in another state."""
    known = world.duties[duty]
    known.state, known.at = after, world.at
    if after not in ("ACTIVE", "OVERDUE"):
        known.frozen_at = None
    term = world.terms.duties.get(duty)
    if term is not None and (after, term.kind, term.consequence) == ("BREACHED", "achieve", "suspend"):
        world.breaches.add(duty)


# --- clocks -------------------------------------------------------------------------------------------------------


def at_fault(world: World, who: str) -> bool:
    """Who is in breach, or whose breach made the current suspension (rule 4.5, decision 11)."""
    broken = {duty for duty, known in world.duties.items() if known.state == "BREACHED"}
    broken |= world.suspension.duties if world.suspension else set()
    return any(world.debtor(duty) == who for duty in broken)


def stands_still(world: World, duty: str) -> bool:
    """Whether its clock stands: rule 4.5 for duties, 6.4 for release duties. Maintain duties always run."""
    if world.duties[duty].state not in ("ACTIVE", "OVERDUE"):
        return False
    if duty in world.releases:
        tranche = world.tranches[world.releases[duty]]
        return tranche.shown == "WITHHELD" and not own_fault(world, duty)
    if world.terms.duties[duty].kind == "maintain":
        return False
    return world.shown == "SUSPENDED" and not at_fault(world, world.debtor(duty))


def own_fault(world: World, duty: str) -> bool:
    """Whether the provider's own fault withholds its tranche: nobody gains by it (rule 6.4)."""
    from tests.oracle.world import atoms

    name = world.releases[duty]
    tranche, provider = world.tranches[name], world.debtor(duty)
    late = {
        d for d, known in world.duties.items() if known.state in ("OVERDUE", "BREACHED") and world.debtor(d) == provider
    }
    if "suspended" in tranche.withheld and at_fault(world, provider):
        return True
    named = {duty for atom in atoms(world.terms.tranches[name].continuous) for duty in spoken_of(world, atom)}
    if "condition" in tranche.withheld and late & named:
        return True
    if "held" in tranche.withheld:
        for known in world.allegations.values():
            about = world.shows(known.claim) if known.claim else [f"{known.tranche}.release"]
            if known.holding and known.outcome == "UPHELD" and late & set(about):
                return True
    return False


def spoken_of(world: World, atom: Condition) -> list[str]:
    """The duties that a condition speaks of: by name, by the claims that show them, by the tranches to be released."""
    match atom:
        case Clear(duties=duties):
            return list(duties)
        case DutyIs(duty=duty):
            return [duty]
        case TrancheIs(tranche=tranche):
            return [f"{tranche}.release"]
        case ClaimIs(claim=claim):
            return list(world.shows(claim))
        case CleanRun(claims=claims):
            return [duty for claim in claims for duty in world.shows(claim)]
        case _:
            return []


def accused(world: World, allegation: object) -> str | None:
    """Whom an allegation speaks against."""
    claim, tranche = allegation.claim, allegation.tranche  # type: ignore[attr-defined]
    if tranche is not None:
        return world.terms.tranches[tranche].provider
    return next((world.terms.duties[duty].debtor for duty in world.shows(claim)), None)


def clock(world: World, duty: str) -> bool:
    """Stop or start its clock; the remaining time is given back."""
    known, still = world.duties[duty], stands_still(world, duty)
    if still == (known.frozen_at is not None):
        return False
    if still:
        known.frozen_at = max(world.at, still_since(world, duty), known.active_at or 0)
        return True
    assert known.frozen_at is not None
    gone = max(0, world.at - known.frozen_at)
    if known.state == "ACTIVE" and known.due is not None and stands(known, known.due):
        known.due += gone
    if known.cure_due is not None and stands(known, known.cure_due):
        known.cure_due += gone
    known.frozen_at = None
    return True


def stands(known: Duty, deadline: int) -> bool:
    """Whether this deadline is paused: one that had passed before has no time left to be given back (rule 4.5)."""
    return known.frozen_at is not None and known.frozen_at <= deadline


def still_since(world: World, duty: str) -> int:
    """Since when there is what stops its clock: the earliest of what is there now."""
    if duty in world.releases:
        return min(
            (begun(world, world.releases[duty], why) for why in withheld(world, world.releases[duty])), default=0
        )
    return world.suspension.since if world.suspension else 0


def begun(world: World, name: str, why: str) -> int:
    """Since when a reason withholds the tranche; of a condition only what made it WITHHELD is known."""
    term = world.terms.tranches[name]
    if why == "suspended":
        return world.suspension.since if world.suspension else 0
    if why == "held":
        return min(known.raised_at for known in world.allegations.values() if known.holding)
    if why == "complaint":
        return min(
            known.disputed_at or 0
            for other, known in world.tranches.items()
            if known.complaint == "OPEN"
            and world.terms.tranches[other].provider == term.provider
            and world.terms.tranches[other].recipient == term.recipient
        )
    return (world.tranches[name].fell or 0) if world.tranches[name].by_deadline else 0


# --- a duty to do something ---------------------------------------------------------------------------------------


def pending(world: World, duty: str) -> str | None:
    """PENDING → ACTIVE by its trigger, or EXPIRED, or DISCHARGED by the winding down."""
    term, known = world.terms.duties[duty], world.duties[duty]
    if holds(world, term.trigger) and (term.surviving or not world.over or not world.closed):
        known.active_at = world.at
        if term.due is not None:
            anchors = {"trigger": world.at, "start": world.day, "end": world.terms.end}
            known.due = (anchors[term.due.anchor] or 0) + term.due.after
            known.cure_due = known.due + term.cure  # clocks that follow count from the deadline without grace (2.3)
        return "ACTIVE"
    return "EXPIRED" if never(world, term.trigger) or (world.over and not term.surviving) else None


def achieve(world: World, duty: str) -> str | None:
    """Rule 4.1. What is done late but before the deadline has fired makes it OVERDUE when it fires, and then CURED."""
    term, known, grace = world.terms.duties[duty], world.duties[duty], world.terms.grace
    done = world.decided_at[term.claim, 0] if world.letter(term.claim, 0) == "S" else None
    if known.state == "ACTIVE":
        assert known.due is not None
        if world.letter(term.claim, 0) == "X":
            return "DISCHARGED"
        if done is not None and (done <= known.due or stands(known, known.due)):
            return "FULFILLED"  # performance of a frozen duty counts (rule 4.5)
        if not stands(known, known.due) and world.at >= known.due + grace:
            return "OVERDUE"
    if known.state == "OVERDUE":
        assert known.cure_due is not None
        if world.letter(term.claim, 0) == "X":
            return "DISCHARGED"
        if done is not None and (done <= known.cure_due or stands(known, known.cure_due)):
            return "CURED"
        if not stands(known, known.cure_due) and world.at >= known.cure_due + grace:
            return "BREACHED"
    if known.state == "BREACHED" and term.still_owed and done is not None:
        still = not (world.over and world.closed)
        return "REMEDIED" if max(done, known.at) <= world.at and (term.surviving or still) else None
    return None


def maintained(world: World, duty: str) -> bool:
    """Rule 4.2: shown is the worst open instance."""
    term, known = world.terms.duties[duty], world.duties[duty]
    if known.state not in ("ACTIVE", "OVERDUE", "BREACHED"):
        return False
    if world.phase != "EFFECTIVE" and not term.surviving and known.state == "BREACHED":
        return False  # decision 13
    if maintain.settle(world, duty):
        state = maintain.shown(known.instances)
        if state != known.state:
            become(world, duty, state)
        return True
    after = maintain.conclusion(world, duty) if known.state == "ACTIVE" else None
    if after is not None:
        become(world, duty, after)
    return after is not None


def wind_down(world: World) -> None:
    """Rule 5.4: OVERDUE duties and open instances become BREACHED, for nobody withdraws out of a breach; other open
    duties but surviving ones are DISCHARGED. Release duties follow their tranches."""
    for duty, term in world.terms.duties.items():
        known = world.duties[duty]
        if known.state == "OVERDUE":
            for instance in known.instances:
                if instance.state == "OVERDUE":
                    instance.state, instance.at, known.abandoned = "BREACHED", world.at, instance.first
            become(world, duty, "BREACHED")
        elif known.state in ("PENDING", "ACTIVE") and not term.surviving:
            become(world, duty, "DISCHARGED")


# --- a release duty -----------------------------------------------------------------------------------------------


def release(world: World, duty: str) -> str | None:
    """Rule 6.4: from DELIVERED on; on time if release ≤ due and key ≤ keyBy; upheld, it is BREACHED."""
    name = world.releases[duty]
    term, tranche, known, grace = (
        world.terms.tranches[name],
        world.tranches[name],
        world.duties[duty],
        world.terms.grace,
    )
    if known.state not in ("PENDING", "ACTIVE", "OVERDUE"):
        return None
    if tranche.complaint == "UPHELD" or any(
        a.tranche == name and a.outcome == "UPHELD" for a in world.allegations.values()
    ):
        return "BREACHED"
    if tranche.stage == "FORFEITED":
        return "BREACHED" if known.state == "OVERDUE" else "DISCHARGED"
    if known.state == "PENDING":
        if tranche.delivered_at is None:
            return None
        known.active_at, known.due = world.at, tranche.delivered_at + term.release_by
        known.cure_due = known.due + term.release_cure
        return "ACTIVE"
    if known.state == "ACTIVE":
        assert known.due is not None
        given = tranche.released_at is not None and tranche.released_at <= known.due
        in_time = given and tranche.key_at is not None and tranche.key_at <= (tranche.key_due or 0)
        if tranche.stage == "SETTLED" and in_time:
            return "FULFILLED"
        if not given and not stands(known, known.due) and world.at >= known.due + grace:
            return "OVERDUE"
        if given and tranche.key_due is not None and not in_time and world.at >= tranche.key_due + grace:
            known.cure_due = tranche.key_due + term.release_cure
            return "OVERDUE"
    if known.state == "OVERDUE":
        assert known.cure_due is not None
        cured = tranche.key_at is not None and tranche.key_at <= known.cure_due
        if tranche.stage == "SETTLED" and cured:
            return "CURED"
        if not cured and not stands(known, known.cure_due) and world.at >= known.cure_due + grace:
            return "BREACHED"
    return None


def passed(world: World, duty: str, at: int) -> list[int]:
    """The deadlines of an open duty that have passed at an instant, though they may not have fired: due, then cure.
    One that was met, or is paused, is none."""
    known = world.duties[duty]
    if duty in world.releases:
        tranche = world.tranches[world.releases[duty]]
        given = tranche.released_at is not None and tranche.released_at <= (known.due or 0)
        first, cure, done = known.due, known.cure_due, tranche.key_at
        if given and known.state == "ACTIVE":
            first = tranche.key_due
            cure = None if first is None else first + world.terms.tranches[world.releases[duty]].release_cure
        met = done if given else None  # only a release meets its due; what came late may still be cured
    elif world.terms.duties[duty].kind == "maintain":
        return []
    else:
        first, cure = known.due, known.cure_due
        claim = world.terms.duties[duty].claim
        met = done = world.decided_at[claim, 0] if world.letter(claim, 0) == "S" else None
    deadlines = {"ACTIVE": [(first, met), (cure, done)], "OVERDUE": [(cure, done)]}.get(known.state, [])
    return [
        by
        for by, met in deadlines
        if by is not None and by < at and not stands(known, by) and not (met is not None and met <= by)
    ]


def bound_to_be_breached(world: World, duty: str, at: int) -> bool:
    """Whether its last deadline has passed, and a breach is left that nobody can waive (decision 22)."""
    known = world.duties[duty]
    late = passed(world, duty, at)
    if len(late) < {"ACTIVE": 2, "OVERDUE": 1}.get(known.state, 9):
        return False
    if duty in world.releases:
        return True
    term = world.terms.duties[duty]
    return not (term.still_owed and world.letter(term.claim, 0) in ".S" and (term.surviving or not world.over))


def waived(world: World, duty: str) -> bool:
    """All creditors have waived, and what had passed by then has fired (decision 22)."""
    known = world.duties[duty]
    owed = known.state in ("PENDING", "ACTIVE", "OVERDUE") or remediable(world, duty)
    if not (owed and set(world.creditors(duty)) <= known.waived):
        return False
    return not passed(world, duty, known.waived_at or 0)


def remediable(world: World, duty: str) -> bool:
    """Whether it is BREACHED, and can still be remedied: still owed, its claim not decided otherwise, not all over."""
    if world.duties[duty].state != "BREACHED" or duty in world.releases:
        return False
    term = world.terms.duties[duty]
    if world.over and world.closed and not term.surviving:
        return False  # decision 13
    return (
        maintain.remediable(world, duty)
        if term.kind == "maintain"
        else term.still_owed and world.letter(term.claim, 0) in ".S"  # done later than the instant that is looked at
    )


# --- what follows a breach ----------------------------------------------------------------------------------------


def consequences(world: World) -> bool:
    """Rule 4.4: the breach of a duty that suspends suspends when it fires; one found after the term does not (5.5)."""
    fired, world.breaches = world.breaches, set()
    if not fired or world.phase != "EFFECTIVE" or world.at >= world.terms.end:
        return False
    if world.suspension is None:
        world.suspension = Suspension(world.at, set())
    new = fired - world.suspension.duties
    world.suspension.duties |= fired
    return bool(new)
