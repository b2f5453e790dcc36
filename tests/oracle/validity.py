"""Which entries are valid (rules 1.3, 1.5), and what each does by itself."""

from __future__ import annotations

from typing import Any

from tests.oracle.allegations import decide
from tests.oracle.claims import heard, survives
from tests.oracle.duties import bound_to_be_breached, remediable
from tests.oracle.tranches import become as tranche_becomes
from tests.oracle.tranches import complaint
from tests.oracle.world import Allegation, No, Said, World, claim_of


def need(there: bool, code: str) -> None:
    """Refuse unless."""
    if not there:
        raise No(code)


def begun(world: World) -> None:
    """Nothing but signing and committing comes before D."""
    need(world.day is not None, "state")


def sign(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """A party signs, by the entry long-stop."""
    need(who in world.terms.parties, "authority")
    need(who not in world.signed, "repeat")
    need(world.phase == "PROPOSED", "state")
    need(at <= world.terms.entry_by, "late")
    world.signed[who] = at


def commit(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """The provider pins the content, once, any time before READY (rules 6.2, 6.4)."""
    need(body.tranche in world.tranches, "unknown")
    known, term = world.tranches[body.tranche], world.terms.tranches[body.tranche]
    need(who == term.provider, "authority")
    need(known.commit is None, "repeat")
    need(world.phase in ("SIGNED", "EFFECTIVE") and known.stage == "LOCKED", "state")
    known.commit = entry


def perform(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """The debtor's claim to have performed."""
    need(body.duty in world.terms.duties, "unknown")
    need(who == world.debtor(body.duty), "authority")
    need(world.duties[body.duty].state in ("ACTIVE", "OVERDUE", "BREACHED"), "state")
    world.duties[body.duty].performed_at = at


def attest(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """Rule 3.1; what can no longer count is recorded (rule 3.2, decision 12)."""
    term = claim_of(world.terms, body.claim)
    need(who in term.monitors, "authority")
    begun(world)
    need(0 <= body.period < world.count(body.claim), "unknown")
    end = world.ends(body.claim, body.period)
    need(at >= world.begins(body.claim, body.period), "early")
    need(not body.value or end is None or at >= end, "early")
    by, votes = world.report_by(body.claim, body.period), world.votes(body.claim, body.period)
    counts = world.letter(body.claim, body.period) == "." and who not in world.excluded and (by is None or at <= by)
    counts = counts and heard(world, body.claim)
    if counts:
        need(who not in votes or body.supersedes is not None, "repeat")
        need(body.supersedes is None or (who in votes and body.supersedes == votes[who][2]), "unknown")
    if counts:
        world.attested[body.claim, body.period].append(Said(who, body, entry, at))


def notice(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """The debtor notifies an exception (rule 3.3)."""
    term = claim_of(world.terms, body.claim)
    begun(world)
    need(term.excuse is not None, "state")
    need(survives(world, body.claim) or (world.phase == "EFFECTIVE" and not world.lapsing), "state")
    need(who in {world.debtor(duty) for duty in world.shows(body.claim)}, "authority")
    need(body.start < body.end, "mismatch")
    world.noticed[body.claim].append(Said(who, body, entry, at))


def allege(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """A party other than the debtor alleges, once a claim and period (rule 5.1); or the recipient, a tranche (6.4)."""
    need(who in world.terms.parties, "authority")
    if body.tranche is not None:
        need(body.tranche in world.tranches, "unknown")
        known, term = world.tranches[body.tranche], world.terms.tranches[body.tranche]
        need(who == term.recipient, "authority")
        need(world.phase == "EFFECTIVE" and not world.lapsing and known.gate_at is not None, "state")
        need(known.stage in ("LOCKED", "READY"), "state")
        name = f"{who}/{body.tranche}"
        need(name not in world.allegations, "repeat")
        need(at > (known.gate_at or 0) + term.deliver_by, "early")
    else:
        claim_of(world.terms, body.claim)
        need(world.phase == "EFFECTIVE" and not world.lapsing, "state")
        shown = world.shows(body.claim)
        need(bool(shown), "state")
        need(who not in {world.debtor(duty) for duty in shown}, "authority")
        need(0 <= body.period < world.count(body.claim), "unknown")
        need(at >= world.begins(body.claim, body.period), "early")
        name = f"{who}/{body.claim}/{body.period}"
        need(name not in world.allegations, "repeat")
    if body.hold:
        used = world.holds_used.get(who, 0)
        need(used < world.terms.allegations.holds_per_party, "limit")
        world.holds_used[who] = used + 1  # counts at the raising
    world.allegations[name] = Allegation(who, at, body.claim, body.period, body.tranche, body.hold)


def respond(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """The debtor answers once; in its time it is always accepted (rule 5.1)."""
    from tests.oracle.duties import accused

    need(body.allegation in world.allegations, "unknown")
    known = world.allegations[body.allegation]
    need(who == accused(world, known), "authority")
    need(known.answer is None, "repeat")
    need(at <= known.raised_at + world.terms.allegations.reply, "late")
    known.answer, known.answered_at = body.answer, at
    decide(world, known)


def determine(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """A determiner votes, once, until the determination deadline; without effect if it is closed (rule 5.1)."""
    known: Any
    if body.tranche is not None:
        need(body.tranche in world.tranches, "unknown")
        need(who in world.terms.allegations.determiners.of, "authority")
        known = world.tranches[body.tranche]
        need(known.complaint is not None, "state")
        since = known.disputed_at
    else:
        need(body.allegation in world.allegations, "unknown")
        need(who in world.terms.allegations.determiners.of, "authority")
        known = world.allegations[body.allegation]
        since = known.raised_at
    need(at <= since + world.terms.allegations.determination, "late")
    need(who not in known.votes, "repeat")
    if who not in world.excluded:
        known.votes[who] = body.uphold
    if body.tranche is not None:
        complaint(world, body.tranche, known)  # it ends by the vote, before anything follows from that
    else:
        decide(world, known)


def evidence(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """Handled with its culprit in `engine`."""


def ack(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """The recipient acknowledges the ciphertext, or answers to the key (rule 6.3)."""
    need(body.tranche in world.tranches, "unknown")
    known, term = world.tranches[body.tranche], world.terms.tranches[body.tranche]
    need(who == term.recipient, "authority")
    if body.stage == "cipher":
        need(known.was(at) == "READY", "state")
        need(not world.closing(at), "late")
        need(world.phase != "WINDING" or at <= (known.gate_at or 0) + term.deliver_by, "late")
        known.delivered_at = at
        tranche_becomes(world, known, "DELIVERED")
        return
    need(known.stage == "RELEASED" and known.key_at is not None, "state")
    need(at <= (known.key_at or 0) + term.ack_by, "late")
    if not body.ok:
        known.disputed_at, known.complaint = at, "OPEN"
    tranche_becomes(world, known, "SETTLED" if body.ok else "DISPUTED")


def release(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """Valid only if DELIVERED, the conditions hold and the arrangement is EFFECTIVE, or it is still owed (5.4, 6.3)."""
    need(body.tranche in world.tranches, "unknown")
    known = world.tranches[body.tranche]
    need(who == world.terms.tranches[body.tranche].provider, "authority")
    need(known.shown == "DELIVERED" and world.shown in ("EFFECTIVE", "WINDING"), "state")
    known.released_at, known.wrapped = at, body.wrapped
    tranche_becomes(world, known, "RELEASED")


def key(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """Once a seal covers the release (rule 6.3)."""
    need(body.tranche in world.tranches, "unknown")
    known = world.tranches[body.tranche]
    need(who == world.terms.tranches[body.tranche].provider, "authority")
    need(known.stage == "RELEASED" and world.phase in ("EFFECTIVE", "WINDING"), "state")
    need(known.key_due is not None, "early")
    need(known.key_at is None, "repeat")
    duty = f"{body.tranche}.release"
    cure_due = world.duties[duty].cure_due
    breached = world.duties[duty].state in ("BREACHED", "DISCHARGED") and cure_due is not None and at > cure_due
    breached |= bound_to_be_breached(world, duty, at)
    final = world.over or world.closing(at) or world.lapsing
    need(not (final and breached), "late")  # it is final with its breach (decisions 13 and 22)
    known.key_at = at


def resume(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """Rule 5.3: for the current suspension only, by maxSuspension."""
    need(who in world.terms.parties or who in world.terms.allegations.determiners.of, "authority")
    suspension = world.suspension
    need(world.phase == "EFFECTIVE" and suspension is not None, "state")
    assert suspension is not None
    need(who not in suspension.resumed, "repeat")
    need(at >= suspension.since, "early")
    need(at <= suspension.since + world.terms.max_suspension, "late")
    suspension.resumed.add(who)


def withdraw(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """Rule 5.4; without notice for the recipient of a tranche whose release duty is BREACHED (rule 6.4)."""
    need(who in world.terms.parties, "authority")
    need(world.phase == "EFFECTIVE" and not world.lapsing and at < world.terms.end, "state")
    known = [world.duties[duty] for duty in world.releases if world.creditors(duty) == (who,)]
    wronged = any(duty.state == "BREACHED" and duty.at <= at for duty in known)
    ends = at if wronged else at + world.terms.withdrawal_notice
    need(who not in world.withdrawals or ends < world.withdrawals[who][1], "repeat")
    world.withdrawals[who] = (at, ends)


def outlives(world: World, duty: str) -> bool:
    """Whether winding down after a suspension leaves the duty as it is: it survives, or its tranche is RELEASED."""
    if duty in world.releases:
        return world.tranches[world.releases[duty]].released_at is not None
    return world.terms.duties[duty].surviving


def waive(world: World, who: str, at: int, body: Any, entry: str) -> None:
    """DISCHARGED once every creditor has waived (rule 4.1)."""
    need(body.duty in world.duties, "unknown")
    need(who in world.creditors(body.duty), "authority")
    begun(world)
    known = world.duties[body.duty]
    need(not world.lapsing or outlives(world, body.duty), "state")
    need(known.state in ("PENDING", "ACTIVE", "OVERDUE") or remediable(world, body.duty), "state")
    need(not bound_to_be_breached(world, body.duty, at), "state")
    need(who not in known.waived, "repeat")
    known.waived.add(who)
    known.waived_at = max(at, known.waived_at or at)


WHAT = {
    f.__name__: f
    for f in (
        sign, commit, perform, attest, notice, allege, respond, determine, evidence,
        ack, release, key, resume, withdraw, waive,
    )
}  # fmt: skip
