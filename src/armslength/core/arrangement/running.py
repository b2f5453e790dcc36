"""The arrangement itself: entry, suspension, withdrawal, the end of the term; and evidence against an author.

Rules 1.4, 2.6 and 5.2 to 5.5 in docs/rules.md. The running state is derived: SUSPENDED if entered and not resumed, else
HELD if any hold runs, else EFFECTIVE; so only what ends a phase for good is stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from armslength.core.arrangement import allegations, claims, duties, maintain, tables, tranches
from armslength.core.arrangement.bodies import Evidence, Resume, Sign, Withdraw
from armslength.core.arrangement.causes import Actors, Ground, Passed, Standing
from armslength.core.arrangement.conditions import term_over, time_of
from armslength.core.arrangement.draft import Draft, EntryInput, iso
from armslength.core.arrangement.state import Suspension, Withdrawal, replace
from armslength.core.arrangement.tables import AuthorState, DutyStatus, Phase
from armslength.core.arrangement.terms import release_duty
from armslength.errors import Refused

_SHOWN = {
    (Phase.EFFECTIVE, Phase.HELD): "arrangement.held",
    (Phase.HELD, Phase.EFFECTIVE): "arrangement.unheld",
}


def _move(draft: Draft, rule: str, *cause: Ground) -> Phase:
    draft.running = draft.move(tables.ARRANGEMENT, "arrangement", draft.running, rule, cause)
    return draft.running


def _enter(draft: Draft, rule: str, *cause: Ground) -> None:
    """Move to another phase."""
    phase = _move(draft, rule, *cause)
    draft.arrangement = replace(draft.arrangement, phase=phase, at=draft.at)


# --- entries ----------------------------------------------------------------------------------------------------------


def _party(draft: Draft, author: str, what: str) -> None:
    if author not in draft.terms.parties:
        raise Refused("authority", f"{author} is no party: only {', '.join(draft.terms.parties)} {what}")


def sign(draft: Draft, act: EntryInput, _: Sign) -> None:
    """A party signs the terms (rule 5.6a)."""
    _party(draft, act.author, "sign")
    if act.author in draft.arrangement.signed:
        raise Refused("repeat", f"{act.author} has signed")
    if draft.arrangement.phase != Phase.PROPOSED:
        raise Refused("state", f"the arrangement is {draft.arrangement.phase}")
    if draft.at > draft.terms.entry_by:
        raise Refused("late", f"the arrangement could be signed until {iso(draft.terms.entry_by)}")
    signed = draft.arrangement.signed | {act.author: draft.at}
    draft.arrangement = replace(draft.arrangement, signed=signed)
    if set(draft.terms.parties) <= set(signed):
        _enter(draft, "arrangement.signed", Actors(tuple(sorted(signed))))


def resume(draft: Draft, act: EntryInput, _: Resume) -> None:
    """A party or a determiner agrees to end the current suspension (rule 5.3a)."""
    determiners = draft.terms.allegations.determiners.of
    if act.author not in draft.terms.parties and act.author not in determiners:
        raise Refused("authority", f"{act.author} is neither a party nor a determiner")
    suspension = draft.arrangement.suspension
    if not draft.effective or suspension is None:
        raise Refused("state", f"the arrangement is {draft.running}, not SUSPENDED")
    if act.author in suspension.resumed:
        raise Refused("repeat", f"{act.author} has agreed to resume")
    last = suspension.since + draft.terms.max_suspension
    if not suspension.since <= draft.at <= last:
        code = "early" if draft.at < suspension.since else "late"
        raise Refused(code, f"the suspension could be ended from {iso(suspension.since)} until {iso(last)}")
    agreed = replace(suspension, resumed=tuple(sorted((*suspension.resumed, act.author))))
    draft.arrangement = replace(draft.arrangement, suspension=agreed)
    draft.moved = True


def withdraw(draft: Draft, act: EntryInput, _: Withdraw) -> None:
    """A party gives notice (rules 5.4a, 6.4d)."""
    _party(draft, act.author, "withdraw")
    if not draft.effective or draft.lapsing or draft.at >= draft.terms.end:
        over = "too late to be resumed" if draft.lapsing else "past the end of its term"
        raise Refused("state", f"nobody withdraws: the arrangement is {over if draft.effective else draft.running}")
    free = any(
        term.recipient == act.author and owed.state == DutyStatus.BREACHED and owed.at <= draft.at
        for tranche, term in draft.terms.tranches.items()
        for owed in [draft.duties[release_duty(tranche)]]
    )
    ends = draft.at if free else draft.at + draft.terms.withdrawal_notice
    known = draft.arrangement.withdrawals.get(act.author)
    if known is not None and known.ends <= ends:
        raise Refused("repeat", f"{act.author} has given notice, which ends {iso(known.ends)}")
    notices = draft.arrangement.withdrawals | {act.author: Withdrawal(at=draft.at, ends=ends)}
    draft.arrangement = replace(draft.arrangement, withdrawals=notices)
    draft.moved = True


def evidence(draft: Draft, act: EntryInput, body: Evidence) -> None:
    """Signed statements that contradict each other. Two entries in one place take their author's votes away
    (rule 1.4c)."""
    if body.kind != "equivocation":
        return
    culprit = act.culprit
    if culprit is None or culprit not in draft.terms.actors:
        raise Refused("unknown", "the evidence names nobody")
    if culprit in draft.arrangement.excluded:
        raise Refused("repeat", f"{culprit} counts no more since {iso(draft.arrangement.excluded[culprit])}")
    excluded = draft.arrangement.excluded | {culprit: draft.at}
    draft.arrangement = replace(draft.arrangement, excluded=excluded)
    draft.note("arrangement", culprit, AuthorState.COUNTED, AuthorState.EXCLUDED, "evidence.excluded")
    claims.exclude(draft, culprit)
    allegations.exclude(draft, culprit)
    tranches.exclude(draft, culprit)


# --- consequences -----------------------------------------------------------------------------------------------------


def consequences(draft: Draft) -> None:
    """Suspend for the breaches that fired; stop and start deadlines (rules 4.4b, 5.5b)."""
    breached, draft.breaches = draft.breaches, []
    if breached and draft.effective and draft.at < draft.terms.end:  # rule 5.5b
        known = draft.arrangement.suspension
        before = known or Suspension(since=draft.at, duties=())
        suspension = replace(before, duties=tuple(sorted({*before.duties, *breached})))
        draft.arrangement = replace(draft.arrangement, suspension=suspension)
        draft.moved = True
        if known is None:
            _move(
                draft,
                "arrangement.suspended",
                *(Standing("duty", duty, DutyStatus.BREACHED) for duty in suspension.duties),
            )
    duties.freeze(draft)


# --- work -------------------------------------------------------------------------------------------------------------


def work(draft: Draft) -> None:
    """Move the arrangement as far as it goes."""
    arrangement = draft.arrangement
    match arrangement.phase:
        case Phase.PROPOSED:
            if draft.at >= draft.terms.entry_by + draft.terms.grace:
                missing = Actors(tuple(party for party in draft.terms.parties if party not in arrangement.signed))
                _enter(draft, "arrangement.lapsed", missing, Passed(draft.terms.entry_by, "entry"))
        case Phase.SIGNED:  # rule 5.6b
            if draft.at >= _day_d(draft):
                _enter(draft, "arrangement.entered")
                draft.arrangement = replace(draft.arrangement, effective_at=_day_d(draft))
        case Phase.EFFECTIVE:
            _run(draft)
        case Phase.WINDING:  # rule 5.4e
            if all(tranches.final(draft, tranche) for tranche in draft.index.tranches):
                _enter(draft, "arrangement.terminated")
        case _:
            pass


def _day_d(draft: Draft) -> int:  # rule 2.6a
    return max(draft.terms.start, *draft.arrangement.signed.values())


def _run(draft: Draft) -> None:
    suspension = draft.arrangement.suspension
    if suspension is not None:
        _suspended(draft, suspension)
    shown = Phase.SUSPENDED if draft.arrangement.suspension else Phase.HELD if draft.holds else Phase.EFFECTIVE
    if draft.effective and (draft.running, shown) in _SHOWN:
        _move(draft, _SHOWN[draft.running, shown])
    leaving = [
        (notice.ends, party)
        for party, notice in draft.arrangement.withdrawals.items()
        if notice.ends <= draft.at and notice.ends < draft.terms.end  # rule 5.4b
    ]
    if draft.effective and leaving:
        _wind(draft, "withdrawal", "arrangement.withdrawn", Actors((min(leaving)[1],)))
    elif draft.effective and draft.running == Phase.EFFECTIVE and _final(draft):
        _enter(draft, "arrangement.completed")


def _suspended(draft: Draft, suspension: Suspension) -> None:
    """End the suspension if it is agreed and remedied, or wind down if its time is over (rules 5.3b, 5.3c, 5.5e)."""
    until = suspension.since + draft.terms.max_suspension
    ready = not draft.lapsing and not any(_blocks(draft, duty, until) for duty in suspension.duties)
    if ready and _agreed(draft, suspension):
        draft.arrangement = replace(draft.arrangement, suspension=None)
        rule = "arrangement.resumed-held" if draft.holds else "arrangement.resumed"
        _move(draft, rule, Actors(suspension.resumed))
    elif draft.at >= draft.terms.end:
        _wind(draft, "suspension", "arrangement.unresumed", Passed(draft.terms.end, "term"))
    elif draft.at >= until + draft.terms.grace:
        _wind(draft, "suspension", "arrangement.unresumed", Passed(until, "suspension"))


def _agreed(draft: Draft, suspension: Suspension) -> bool:
    if set(draft.terms.parties) <= set(suspension.resumed):
        return True
    voters = [name for name in suspension.resumed if name not in draft.arrangement.excluded]
    return draft.terms.allegations.determiners.met(draft.terms.actors, voters)


def _blocks(draft: Draft, duty: str, until: int) -> bool:
    """Whether its breach can still be remedied, or was remedied or waived too late (rule 5.3d)."""
    state = draft.duties[duty]
    return duties.remediable(draft, duty) if state.state == DutyStatus.BREACHED else state.at > until


def _wind(draft: Draft, by: str, rule: str, cause: Ground) -> None:
    """Enter WINDING: what is OVERDUE is BREACHED, whether it survives or not; what else does not survive is closed
    (rule 5.4d)."""
    _enter(draft, rule, cause)
    draft.arrangement = replace(draft.arrangement, winding_by=by, suspension=None)
    for duty in sorted(draft.terms.duties):
        state, machine = draft.duties[duty].state, draft.machine(duty)
        if state == DutyStatus.OVERDUE and machine is tables.MAINTAIN:
            maintain.abandon(draft, duty)
        elif state == DutyStatus.OVERDUE:
            duties.take(draft, duty, "duty.abandoned")
        elif state in tables.OWED and not draft.terms.duties[duty].surviving:
            duties.take(draft, duty, f"{machine.name}.discharged")


def _final(draft: Draft) -> bool:
    """Whether the term is over and nothing is open but surviving duties (rule 5.5d)."""
    return (
        term_over(draft)
        and all(tranches.final(draft, tranche) for tranche in draft.index.tranches)
        and not draft.open
        and not any(
            draft.duties[duty].state in tables.OWED
            for duty in draft.index.duties
            if duty in draft.index.release_of or not draft.terms.duties[duty].surviving
        )
    )


# --- time -------------------------------------------------------------------------------------------------------------


def deadlines(draft: Draft) -> Iterator[int]:
    """The instants that the arrangement, or a condition somewhere, waits for (rule 2.3b)."""
    arrangement, terms = draft.arrangement, draft.terms
    if arrangement.phase == Phase.PROPOSED:
        yield terms.entry_by + terms.grace
    elif arrangement.phase == Phase.SIGNED:
        yield _day_d(draft)
    if arrangement.effective_at is None:
        return
    if draft.at < terms.end:
        yield terms.end  # again after an entry that lies before it
    if draft.effective:
        if arrangement.suspension is not None:
            yield arrangement.suspension.since + terms.max_suspension + terms.grace
        for notice in arrangement.withdrawals.values():
            if notice.ends < terms.end:
                yield notice.ends
    for subject, waiting in draft.index.instants.items():
        known = draft.duties.get(subject) if subject in terms.duties else draft.tranches.get(subject)
        if known is not None:
            for atom in waiting:
                instant = time_of(draft, atom)
                if instant is not None and instant > draft.now:
                    yield instant
