"""Every deadline that runs in a state: when it falls, when it fires, and what happens if nothing comes before.

A deadline that an entry can meet fires one `grace` after it; the start, a hold's limit, the end of a notice and the
end of the term fire exactly. Frozen clocks are left out: they do not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from armslength.core.arrangement import claims, releases, tables
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.duties import remediable
from armslength.core.arrangement.state import AllegationState, DutyState, State, TrancheState
from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Phase, Stage
from armslength.core.arrangement.terms import Arrangement, release_duty
from armslength.views.blocks import agreed, decided, denied, noticed
from armslength.views.words import Words

CONSEQUENCES = {
    "suspend": "the arrangement is suspended",
    "withhold": "tranches that depend on it stay withheld",
    "record": "it goes on record, and nothing else follows",
}
LATE = "it goes on record, and suspends nothing any more"  # a breach after the term, or after the end of it all


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """`at`: up to when an entry is in time. `fires`: when `then` follows automatically, or None if it only opens
    a right. `subject`: the object's id, with `kind` as in `Change`."""

    kind: str
    subject: str
    at: int
    fires: int | None
    waits_for: str
    then: str
    idle: bool = False  # nothing rests on it: an excuse that no notice asks for, an answer to what is decided already


def deadlines(terms: Arrangement, state: State) -> tuple[Deadline, ...]:
    """All running deadlines, soonest first; of each claim only its first undecided period's."""
    words = Words.of(terms, state)
    found = [*_arrangement(words, state), *_claims(words, state), *_duties(words, state)]
    found += [d for name, a in state.allegations.items() for d in _allegation(words, state, name, a)]
    if state.arrangement.phase in tables.LIVE:
        winding = state.arrangement.phase == Phase.WINDING
        for name, held in state.tranches.items():
            alleged = f"{terms.tranches[name].recipient}/{name}" in state.allegations
            found += _tranche(words, name, held, winding=winding, alleged=alleged)
    return tuple(sorted(found, key=lambda d: (d.at if d.fires is None else d.fires, d.kind, d.subject)))


def _arrangement(words: Words, state: State) -> Iterator[Deadline]:
    terms, arrangement = words.terms, state.arrangement
    if arrangement.phase == Phase.PROPOSED:
        missing = words.actors(p for p in terms.parties if p not in arrangement.signed)
        yield _of("arrangement", "arrangement", terms.entry_by, terms.grace, f"{missing} to sign", "it lapses")
    if arrangement.phase == Phase.SIGNED:
        start = max(terms.start, *arrangement.signed.values())
        yield _of("arrangement", "arrangement", start, 0, "the start", "it starts, and is in force")
    if arrangement.effective_at is None:
        return
    if arrangement.phase == Phase.EFFECTIVE:
        yield from _endings(words, state)
    if state.clock.now < terms.end:
        then = "the term ends"
        if arrangement.phase == Phase.EFFECTIVE:
            forfeit = "; what is still LOCKED or READY once its last periods are decided is forfeited"
            if arrangement.suspension:  # agreed, it may end by itself: what can be remedied no more is not waited for
                forfeit = ", and the suspension with it" if agreed(terms, state) else ", and it is wound up"
            then += forfeit
        end = _of("arrangement", "arrangement", terms.end, 0, "the end of the term", then)
        yield replace(end, idle=arrangement.phase != Phase.EFFECTIVE)


def _endings(words: Words, state: State) -> Iterator[Deadline]:
    """What ends the arrangement before its term does."""
    terms, arrangement = words.terms, state.arrangement
    if arrangement.suspension:
        at = arrangement.suspension.since + terms.max_suspension
        waits, then = "remedy and resumption", "it is wound up"
        if agreed(terms, state):
            waits, then = "remedy", "it is wound up, unless nothing is left to remedy"
        yield _of("arrangement", "arrangement", at, terms.grace, waits, then)
    for party, notice in arrangement.withdrawals.items():
        if notice.ends < terms.end:
            waits = f"{words.actor(party)}'s notice of withdrawal"
            yield _of("arrangement", "arrangement", notice.ends, 0, waits, f"{waits} ends, and it is wound up")


def _claims(words: Words, state: State) -> Iterator[Deadline]:
    if state.arrangement.effective_at is None:
        return
    draft = Draft(words.terms, state)
    excuses = {claim.excuse.claim: name for name, claim in words.terms.claims.items() if claim.excuse}
    for name, claim in words.terms.claims.items():
        found = claims.deadline(draft, name)
        if found is not None:
            fires, period = found
            spot = words.subject("claim", f"{name}#{period}")
            waits, then = f"{words.quorum(claim, claim.support)} to decide {spot}", f"{spot} stays UNKNOWN for good"
            if claim.support != claim.refute:
                waits = f"{words.quorum(claim, claim.support)} to support {spot}, or {claim.refute} to refute it"
            excused = excuses.get(name, name)  # of which a refuting quorum may wait for this
            if denied(words, state, excused, period):
                other = words.subject("claim", f"{excused}#{period}")
                waits = waits if excused != name else f"its excuse, {claim.excuse.claim if claim.excuse else ''}"
                then = f"{spot} is REFUTED for good" if excused == name else f"{then}, and {other} is REFUTED"
            yield Deadline(
                kind="claim",
                subject=f"{name}#{period}",
                at=fires - words.terms.grace,
                fires=fires,
                waits_for=waits,
                then=then,
                idle=name in excuses and not noticed(words, state, excuses[name], period),
            )


def _duties(words: Words, state: State) -> Iterator[Deadline]:
    for name, duty in state.duties.items():
        if duty.frozen_at is not None:
            continue
        tranche = words.release_of(name)
        if tranche:
            yield from _release(words, tranche, state)
        elif words.terms.duties[name].kind == "achieve":
            yield from _achieve(words, name, duty, state)


def _achieve(words: Words, name: str, duty: DutyState, state: State) -> Iterator[Deadline]:
    terms = words.terms.duties[name]
    waits = f"{words.actor(terms.performer)} to perform, shown by claim {terms.claim}"
    at = duty.deadline
    if at is None:
        return
    came = state.claims[terms.claim].at if decided(state, terms.claim, 0) == PeriodValue.SUPPORTED else None
    then = f"{name} is OVERDUE"
    if came is not None and duty.state == DutyStatus.ACTIVE and duty.cure_due is not None and came <= duty.cure_due:
        then = f"{name} is CURED"
    elif duty.state == DutyStatus.OVERDUE or terms.cure == 0:  # without a cure it is broken at once
        follows = CONSEQUENCES.get(terms.consequence, terms.consequence)
        if terms.consequence == "suspend" and not _in_force(words, state, at):
            follows = LATE
        mended = came is not None and remediable(Draft(words.terms, state), name)
        then = f"{name} is BREACHED{', and REMEDIED at once' * mended}: {follows}"
    if came is None:
        yield _of("duty", name, at, words.terms.grace, waits, then)
    else:
        yield _settled(name, at + words.terms.grace, then)


def _settled(duty: str, fires: int, then: str) -> Deadline:
    """What follows whatever comes: what was owed has come, after its deadline, which has yet to fire."""
    return _of("duty", duty, fires, 0, "grace to be over", then)


def _in_force(words: Words, state: State, at: int) -> bool:
    """Whether what fires for the deadline `at` does so while the arrangement is in force and its term runs."""
    return state.arrangement.phase == Phase.EFFECTIVE and at + words.terms.grace < words.terms.end


def _release(words: Words, tranche: str, state: State) -> Iterator[Deadline]:
    terms, name = words.terms.tranches[tranche], release_duty(tranche)
    at = releases.deadline(Draft(words.terms, state), name)
    if at is None:
        return
    provider = words.actor(terms.provider)
    released = state.tranches[tranche].released_at is not None
    waits = f"{provider} to hand over the key of {tranche}" if released else f"{provider} to release {tranche}"
    then = f"{tranche}'s release is OVERDUE"
    key_at, cure_due = state.tranches[tranche].key_at, _cure_due(state, tranche, terms.release_cure)
    settled = key_at is not None and state.tranches[tranche].stage == Stage.SETTLED
    if settled and cure_due is not None and key_at is not None and key_at <= cure_due:
        then = f"{tranche}'s release is CURED"
    elif state.duties[name].state == DutyStatus.OVERDUE or terms.release_cure == 0:
        leave = f", and {words.actor(terms.recipient)} may withdraw at once" if _in_force(words, state, at) else ""
        then = f"{tranche}'s release is BREACHED{leave}"
    if key_at is not None:
        yield _settled(name, at + words.terms.grace, then)
        return
    yield _of("duty", name, at, words.terms.grace, waits, then)


def _cure_due(state: State, tranche: str, cure: int) -> int | None:
    """Until when the key cures a release that is late; from the key's deadline on where the release itself was not."""
    held, duty = state.tranches[tranche], state.duties[release_duty(tranche)]
    if held.key_due is None or held.released_at is None or duty.due is None or held.released_at > duty.due:
        return duty.cure_due
    return held.key_due + cure


def _allegation(words: Words, state: State, name: str, held: AllegationState) -> Iterator[Deadline]:
    rules, grace = words.terms.allegations, words.terms.grace
    if held.holding:
        waits = "a decision" if held.open else "the limit of the hold"
        then = f"the hold of {name} ends{', unless a decision ends it first' if held.open else ''}"
        yield _of("allegation", name, held.raised_at + rules.hold, 0, waits, then)
    if held.answer is None:
        waits = "an answer by the debtor"
        reply = _of("allegation", name, held.raised_at + rules.reply, grace, waits, f"{name} counts as UNANSWERED")
        yield replace(reply, idle=not held.open)
    if held.open:
        waits = "the determiners to decide"
        if held.claim is not None and decided(state, held.claim, held.period or 0) == PeriodValue.UNDECIDED:
            waits = "the monitors or the determiners to decide"
        yield _of("allegation", name, held.raised_at + rules.determination, grace, waits, f"{name} is DISMISSED")


def _tranche(words: Words, name: str, held: TrancheState, *, winding: bool, alleged: bool) -> Iterator[Deadline]:
    terms, grace = words.terms.tranches[name], words.terms.grace
    recipient = words.actor(terms.recipient)
    if held.stage == Stage.READY and held.gate_at is not None:
        waits = f"{recipient} to confirm that the sealed data has arrived"
        at = held.gate_at + terms.deliver_by
        if winding:
            yield _of("tranche", name, at, grace, waits, f"{name} is FORFEITED")
        elif held.shown == Stage.READY and not alleged:  # while it is WITHHELD nobody is late
            then = f"{recipient} may allege that {name} was not delivered sealed in time"
            yield _of("tranche", name, at, None, waits, then)
    if held.stage == Stage.RELEASED and held.key_at is not None:
        waits = f"{recipient} to confirm the content or to complain"
        yield _of("tranche", name, held.key_at + terms.ack_by, grace, waits, f"{name} counts as received: SETTLED")
    if held.contested and held.disputed_at is not None:
        default = words.terms.allegations.default
        at = held.disputed_at + words.terms.allegations.determination
        yield _of("tranche", name, at, grace, "the determiners to decide", f"the complaint is {default} by default")


def _of(kind: str, subject: str, at: int, grace: int | None, waits: str, then: str) -> Deadline:
    fires = None if grace is None else at + grace
    return Deadline(kind=kind, subject=subject, at=at, fires=fires, waits_for=waits, then=then)
