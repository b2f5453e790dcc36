"""Every deadline that runs in a state: when it falls, when it fires, and what happens if nothing comes before.

A deadline that an entry can meet fires one `grace` after it; the start, a hold's limit, the end of a notice and the
end of the term fire exactly. Frozen clocks are left out: they do not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from armslength.core.arrangement.state import UNDECIDED, AllegationState, DutyState, State, TrancheState
from armslength.core.arrangement.terms import Arrangement
from armslength.views.words import Words

CONSEQUENCES = {
    "suspend": "the arrangement is suspended",
    "withhold": "tranches that depend on it stay withheld",
    "record": "it goes on record, and nothing else follows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """`at`: up to when an entry is in time. `fires`: when the consequence `then` follows of itself, or None if it only
    opens a right. `subject`: the object's id, with `kind` as in `Change`."""

    kind: str
    subject: str
    at: int
    fires: int | None
    waits_for: str
    then: str


def deadlines(terms: Arrangement, state: State) -> tuple[Deadline, ...]:
    """All running deadlines, soonest first; of each claim only its first undecided period's."""
    words = Words.of(terms, state)
    found = [*_arrangement(words, state), *_claims(words, state), *_duties(words, state)]
    found += [d for name, a in state.allegations.items() for d in _allegation(words, name, a)]
    found += [d for name, t in state.tranches.items() for d in _tranche(words, name, t)]
    return tuple(sorted(found, key=lambda d: (d.at if d.fires is None else d.fires, d.kind, d.subject)))


def _arrangement(words: Words, state: State) -> Iterator[Deadline]:
    terms, arrangement = words.terms, state.arrangement
    if arrangement.phase == "PROPOSED":
        missing = words.actors(p for p in terms.parties if p not in arrangement.signed)
        yield _of("arrangement", "arrangement", terms.entry_by, terms.grace, f"{missing} to sign", "it lapses")
    if arrangement.phase == "SIGNED":
        yield _of("arrangement", "arrangement", terms.start, 0, "the stated start", "it takes effect")
    if arrangement.phase != "EFFECTIVE":
        return
    if arrangement.suspension:
        at = arrangement.suspension.since + terms.max_suspension
        yield _of("arrangement", "arrangement", at, terms.grace, "remedy and resumption", "it is wound up")
    for party, notice in arrangement.withdrawals.items():
        waits = f"the end of {words.actor(party)}'s notice of withdrawal"
        yield _of("arrangement", "arrangement", notice.ends, 0, waits, "it is wound up")
    waits = "the end of the term"
    then = "it is wound up" if arrangement.suspension else "what is still locked is forfeited once all is decided"
    yield _of("arrangement", "arrangement", terms.end, 0, waits, then)


def _claims(words: Words, state: State) -> Iterator[Deadline]:
    if state.arrangement.effective_at is None:
        return
    for name, claim in words.terms.claims.items():
        if claim.report_by is None:
            continue
        decided = state.claims[name].decided
        for period in range(words.periods(claim)):
            if period >= len(decided) or decided[period] == UNDECIDED:
                at = words.ends(claim, period) + claim.report_by
                waits = f"a quorum of {words.actors(claim.monitors)} on {words.subject('claim', f'{name}#{period}')}"
                yield _of("claim", f"{name}#{period}", at, words.terms.grace, waits, "it stays UNKNOWN for good")
                break


def _duties(words: Words, state: State) -> Iterator[Deadline]:
    for name, duty in state.duties.items():
        if duty.frozen_at is not None:
            continue
        tranche = words.release_of(name)
        if tranche:
            yield from _release(words, tranche, duty, state.tranches[tranche])
        elif words.terms.duties[name].kind == "achieve":
            yield from _achieve(words, name, duty)


def _achieve(words: Words, name: str, duty: DutyState) -> Iterator[Deadline]:
    terms = words.terms.duties[name]
    waits = f"{words.actor(terms.performer)} to perform, shown by claim {terms.claim}"
    if duty.state == "ACTIVE" and duty.due is not None:
        yield _of("duty", name, duty.due, words.terms.grace, waits, f"{name} is OVERDUE")
    if duty.state == "OVERDUE" and duty.cure_due is not None:
        then = f"{name} is BREACHED: {CONSEQUENCES.get(terms.consequence, terms.consequence)}"
        yield _of("duty", name, duty.cure_due, words.terms.grace, waits, then)


def _release(words: Words, tranche: str, duty: DutyState, held: TrancheState) -> Iterator[Deadline]:
    terms = words.terms.tranches[tranche]
    if held.key_at is not None:
        return
    provider = words.actor(terms.provider)
    waits = f"{provider} to release {tranche}" if held.released_at is None else f"{provider} to hand over the key"
    at = duty.due if held.released_at is None else held.key_due
    if duty.state == "ACTIVE" and at is not None:
        yield _of("duty", f"{tranche}.release", at, words.terms.grace, waits, f"{tranche}'s release is OVERDUE")
    if duty.state == "OVERDUE" and duty.cure_due is not None:
        then = f"{tranche}'s release is BREACHED: {words.actor(terms.recipient)} may withdraw at once"
        yield _of("duty", f"{tranche}.release", duty.cure_due, words.terms.grace, waits, then)


def _allegation(words: Words, name: str, held: AllegationState) -> Iterator[Deadline]:
    rules, grace = words.terms.allegations, words.terms.grace
    if held.holding:
        yield _of("allegation", name, held.raised_at + rules.hold, 0, "a determination", "its hold ends")
    if held.outcome != "OPEN":
        return
    if held.answer is None:
        waits = "an answer by the debtor"
        yield _of("allegation", name, held.raised_at + rules.reply, grace, waits, "it counts as UNANSWERED")
    waits = "the monitors or the determiners to decide"
    yield _of("allegation", name, held.raised_at + rules.determination, grace, waits, "it is DISMISSED")


def _tranche(words: Words, name: str, held: TrancheState) -> Iterator[Deadline]:
    terms, grace = words.terms.tranches[name], words.terms.grace
    recipient = words.actor(terms.recipient)
    if held.stage == "READY" and held.gate_at is not None:
        then = f"{recipient} may allege that {name} was not delivered sealed in time"
        waits = f"{recipient} to confirm that the sealed data has arrived"
        yield _of("tranche", name, held.gate_at + terms.arm_by, None, waits, then)
    if held.stage == "RELEASED" and held.key_at is not None:
        waits = f"{recipient} to confirm the content or to complain"
        yield _of("tranche", name, held.key_at + terms.ack_by, grace, waits, f"{name} counts as delivered: SETTLED")
    if held.stage == "COMPLAINED" and held.complained_at is not None:
        default = words.terms.allegations.default
        at = held.complained_at + words.terms.allegations.determination
        yield _of("tranche", name, at, grace, "the determiners to decide", f"the complaint is {default} by default")


def _of(kind: str, subject: str, at: int, grace: int | None, waits: str, then: str) -> Deadline:
    fires = None if grace is None else at + grace
    return Deadline(kind=kind, subject=subject, at=at, fires=fires, waits_for=waits, then=then)
