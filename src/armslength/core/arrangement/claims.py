"""Claims: attestations, notices, and how a period is decided (rules 3.1 to 3.3 in docs/rules.md).

What decides a period bears a time not past its reportBy; grace is for its arrival only. The first quorum decides, for
good. An event is one period that never ends. Attestations on what is no longer decided are recorded and change
nothing: one just after the deciding one is as good as before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from armslength.core.arrangement import tables
from armslength.core.arrangement.bodies import Attest, Notice
from armslength.core.arrangement.causes import Actors, Ground, Passed, Standing
from armslength.core.arrangement.draft import Draft, EntryInput, iso
from armslength.core.arrangement.state import (
    EXCUSED,
    LATE,
    NOTICED,
    REFUTED,
    SUPPORTED,
    TOO_LATE,
    UNDECIDED,
    UNKNOWN,
    ClaimState,
    NoticeState,
    Vote,
    replace,
)
from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Phase
from armslength.core.arrangement.terms import Claim, CleanRun, claims_of, walk
from armslength.errors import Refused

_NOTICED = str.maketrans(UNDECIDED + LATE, NOTICED + TOO_LATE)
_DONE = frozenset(
    {
        DutyStatus.FULFILLED,
        DutyStatus.CURED,
        DutyStatus.REMEDIED,
        DutyStatus.DISCHARGED,
        DutyStatus.EXPIRED,
        DutyStatus.UNVERIFIED,
    }
)


# --- periods ----------------------------------------------------------------------------------------------------------


def anchor(draft: Draft, claim: Claim) -> int:
    """Where period 0 begins. The arrangement has become EFFECTIVE."""
    begun = draft.arrangement.effective_at
    assert begun is not None  # noqa: S101 - callers look at the phase first
    return begun + claim.offset


def count(draft: Draft, claim: Claim) -> int:
    """The number of periods, the last one cut at the end of the term."""
    return claim.periods(anchor(draft, claim) - claim.offset, draft.terms.end)


def starts(draft: Draft, claim: Claim, number: int) -> int:
    """When period `number` begins."""
    return anchor(draft, claim) + number * (claim.period or 0)


def ends(draft: Draft, claim: Claim, number: int) -> int | None:
    """When period `number` ends; None for an event (rule 3.1a)."""
    if claim.period is None:
        return None
    return min(starts(draft, claim, number + 1), draft.terms.end)


def report_by(draft: Draft, claim: Claim, number: int) -> int | None:
    """The last instant at which period `number` may still be decided; None if there is none."""
    if claim.report_by is None:
        return None
    end = ends(draft, claim, number)
    return (anchor(draft, claim) if end is None else end) + claim.report_by


def undecided(draft: Draft, claim: str, number: int) -> bool:
    """Whether the period is undecided, and what bears the time of now may decide it (rule 3.2b)."""
    last = report_by(draft, draft.terms.claims[claim], number)
    return letter(draft.claims[claim], number) == UNDECIDED and (last is None or draft.as_of <= last)


def letter(state: ClaimState, number: int) -> str:
    """The letter of a period."""
    return state.decided[number] if number < len(state.decided) else UNDECIDED


def name(claim: str, number: int) -> str:
    """A period's name in changes and reasons."""
    return f"{claim}#{number}"


def live(draft: Draft, claim: str) -> bool:
    """Whether the claim's periods are still being decided (rule 3.2d)."""
    return draft.effective or (draft.arrangement.effective_at is not None and _survives(draft, claim))


def awaited(draft: Draft, claim: str) -> bool:
    """Whether what is said now may decide a period: also at the instant at which all was COMPLETED."""
    return live(draft, claim) or (draft.arrangement.phase == Phase.COMPLETED and not draft.closed)


def heard(draft: Draft, claim: str) -> bool:
    """Whether what is said now of the claim counts (rule 3.2d)."""
    return live(draft, claim) and not (draft.lapsing and not _survives(draft, claim))


def _survives(draft: Draft, claim: str) -> bool:
    """Whether a surviving duty needs the claim."""
    needs = (claim, *draft.index.excuses.get(claim, ()))
    for duty, term in draft.terms.duties.items():
        state = draft.duties[duty].state
        if not term.surviving or state in _DONE or (state == DutyStatus.BREACHED and not term.still_owed):
            continue
        if term.claim in needs:
            return True
        if state == DutyStatus.PENDING and not claims_of(term.trigger).isdisjoint(needs):
            return True
    return False


# --- deciding ---------------------------------------------------------------------------------------------------------


def decide(draft: Draft, claim: str, number: int, value: str, rule: str, *cause: Ground) -> None:
    """Decide an undecided period for good; `value` is its letter (rule 3.1d)."""
    state = draft.claims[claim]
    draft.move(tables.CLAIM, name(claim, number), PeriodValue.UNDECIDED, rule, cause)
    before = state.decided.ljust(number, UNDECIDED)
    decided = before[:number] + value + before[number + 1 :]
    last, late = starts(draft, draft.terms.claims[claim], number) + draft.terms.allegations.determination, state.late
    if draft.as_of > last:
        late = late.put(str(number), draft.as_of)
    draft.claims[claim] = replace(state, decided=decided, open=state.open.drop(str(number)), late=late, at=draft.at)
    draft.decided.append((claim, number))
    if draft.reports is not None:
        draft.reports = {other: over for other, over in draft.reports.items() if other != claim}
        if over := deadline(draft, claim):
            draft.reports[claim] = over
    about = (f"{party}/{claim}/{number}" for party in draft.terms.parties)
    draft.judged.update(known for known in about if known in draft.allegations)
    for base in draft.index.excuses.get(claim, ()):
        if number < count(draft, draft.terms.claims[base]):
            if awaited(draft, base):
                judge(draft, base, number)
            _unexcused(draft, base, number)


def _unexcused(draft: Draft, claim: str, number: int) -> None:
    """The excuse was decided too late for an undecided period: no notice can excuse it, and what waits for it goes on
    waiting."""
    state = draft.claims[claim]
    if letter(state, number) == UNDECIDED and not undecided(draft, claim, number):
        marks = state.noticed.ljust(number + 1, UNDECIDED)
        late = TOO_LATE if marks[number] == NOTICED else LATE
        draft.claims[claim] = replace(state, noticed=marks[:number] + late + marks[number + 1 :])


def judge(draft: Draft, claim: str, number: int) -> None:
    """Decide a period, if it is undecided and its votes, or its excuse, now do (rules 3.3b, 3.3c)."""
    if not undecided(draft, claim, number):
        return
    term, state = draft.terms.claims[claim], draft.claims[claim]
    excuse = _excuse(draft, term, state, number)
    if excuse == SUPPORTED:
        excused = name(term.excuse.claim, number) if term.excuse else ""
        decide(draft, claim, number, EXCUSED, "claim.excused", Standing("claim", excused, PeriodValue.SUPPORTED))
        return
    votes = state.open.get(str(number))
    if not votes:
        return
    if said := _quorum(draft, term, votes, True):
        decide(draft, claim, number, SUPPORTED, "claim.supported", Actors(said))
    elif excuse != UNDECIDED and (said := _quorum(draft, term, votes, False)):
        rule = "claim.refuted" if excuse is None else "claim.waited"
        decide(draft, claim, number, REFUTED, rule, Actors(said))


def _quorum(draft: Draft, claim: Claim, votes: dict[str, Vote], value: bool) -> tuple[str, ...]:
    """Who says `value`, if they are a quorum; else nothing (rule 3.1c)."""
    voters = [monitor for monitor, vote in votes.items() if vote.value is value]
    enough = len(voters) >= (claim.support if value else claim.refute)  # asked first: it costs little
    return tuple(sorted(voters)) if enough and claim.quorum(value).met(draft.terms.actors, voters) else ()


def _excuse(draft: Draft, claim: Claim, state: ClaimState, number: int) -> str | None:
    """The letter of the excuse claim's same period if a timely notice overlaps this one; else None."""
    mark = state.noticed[number : number + 1]
    if claim.excuse is None or mark not in (NOTICED, TOO_LATE):
        return None
    return UNDECIDED if mark == TOO_LATE else letter(draft.claims[claim.excuse.claim], number)


# --- entries ----------------------------------------------------------------------------------------------------------


def attest(draft: Draft, act: EntryInput, body: Attest) -> None:
    """A monitor attests (rules 3.1b, 3.1e, 3.2b)."""
    term = draft.terms.claims.get(body.claim)
    if term is None:
        raise Refused("unknown", f"the terms have no claim {body.claim}")
    if act.author not in term.monitors:
        raise Refused("authority", f"{act.author} is no monitor of {body.claim}: {', '.join(term.monitors)} are")
    if draft.arrangement.effective_at is None:
        raise Refused("state", f"nothing is attested while the arrangement is {draft.arrangement.phase}")
    if not 0 <= body.period < count(draft, term):
        raise Refused("unknown", f"{body.claim} has periods 0 to {count(draft, term) - 1}, not {body.period}")
    begin, end = starts(draft, term, body.period), ends(draft, term, body.period)
    earliest = end if end is not None and body.value else begin
    if draft.at < earliest:
        word = "true" if body.value else "false"
        raise Refused(
            "early", f"{word} on {name(body.claim, body.period)} may be said from {iso(earliest)}, not {iso(draft.at)}"
        )
    state = draft.claims[body.claim]
    in_time = draft.arrangement.phase == Phase.COMPLETED and not draft.closed
    if not (undecided(draft, body.claim, body.period) and (in_time or heard(draft, body.claim))):
        return
    if act.author in draft.arrangement.excluded:
        return
    votes = state.open.get(str(body.period), {})
    earlier = votes.get(act.author)
    if earlier is not None and body.supersedes != earlier.entry:
        raise Refused("repeat", f"{act.author} has attested {name(body.claim, body.period)} in entry {earlier.entry}")
    if earlier is None and body.supersedes is not None:
        raise Refused("unknown", f"{act.author} has no attestation {body.supersedes} that counts")
    votes = votes | {act.author: Vote(value=body.value, at=draft.at, entry=act.entry)}
    draft.claims[body.claim] = replace(state, open=state.open.put(str(body.period), votes))
    judge(draft, body.claim, body.period)


def notify(draft: Draft, act: EntryInput, body: Notice) -> None:
    """The debtor notifies an exception before it happens (rule 3.3a)."""
    term = draft.terms.claims.get(body.claim)
    if term is None:
        raise Refused("unknown", f"the terms have no claim {body.claim}")
    if all(draft.index.debtors[duty] != act.author for duty in draft.index.shown_by.get(body.claim, ())):
        raise Refused("authority", f"{act.author} is not the debtor of a duty that {body.claim} shows")
    if term.excuse is None:
        raise Refused("state", f"{body.claim} has no exceptions")
    if not heard(draft, body.claim):
        raise Refused("state", f"no notice for {body.claim} while the arrangement is {draft.running}")
    if body.start >= body.end:
        raise Refused("mismatch", f"the interval ends at {iso(body.end)}, not after its start {iso(body.start)}")
    state = draft.claims[body.claim]
    timely = draft.at <= body.start - term.excuse.lead
    notice = NoticeState(start=body.start, end=body.end, at=draft.at, timely=timely)
    notified = state.notified.put(f"{draft.at}/{body.start}/{body.end}", notice)
    first, stop = _overlapped(draft, term, notice) if timely else (0, 0)
    noticed, fresh = _marked(state.noticed, first, stop)
    draft.claims[body.claim] = replace(state, notified=notified, noticed=noticed)
    for number in fresh:
        judge(draft, body.claim, number)


def _overlapped(draft: Draft, claim: Claim, notice: NoticeState) -> tuple[int, int]:
    """The first of the periods that the notice overlaps, and the one after the last."""
    begun = anchor(draft, claim)
    if claim.period is None:
        return 0, int(notice.end > begun)
    if notice.start >= draft.terms.end:
        return 0, 0
    stop = min(count(draft, claim), -(-(notice.end - begun) // claim.period))
    return max(0, (notice.start - begun) // claim.period), stop


def _marked(noticed: str, first: int, stop: int) -> tuple[str, list[int]]:
    """The marks of noticed periods with those from `first` to before `stop`, and which of these are new: a period of
    which another notice was in time gains nothing by this one."""
    if first >= stop:
        return noticed, []
    noticed, fresh = noticed.ljust(stop, UNDECIDED), []
    number = noticed.find(UNDECIDED, first, stop)
    while number >= 0:
        fresh.append(number)
        number = noticed.find(UNDECIDED, number + 1, stop)
    return noticed[:first] + noticed[first:stop].translate(_NOTICED) + noticed[stop:], fresh


def exclude(draft: Draft, culprit: str) -> None:
    """Take the culprit's votes out of every undecided period."""
    for claim, state in draft.claims.items():
        left = {
            number: {monitor: vote for monitor, vote in votes.items() if monitor != culprit}
            for number, votes in state.open.items()
            if culprit in votes and undecided(draft, claim, int(number))
        }
        still = state.open
        for number, votes in left.items():
            still = still.put(number, votes) if votes else still.drop(number)
        draft.claims[claim] = replace(state, open=still)


# --- time -------------------------------------------------------------------------------------------------------------


def deadline(draft: Draft, claim: str) -> tuple[int, int] | None:
    """When the earliest undecided period is over, and its number."""
    term = draft.terms.claims[claim]
    if term.report_by is None or not live(draft, claim):
        return None
    decided = draft.claims[claim].decided
    number = decided.find(UNDECIDED)
    if number < 0:
        number = len(decided)
    if starts(draft, term, number) >= draft.terms.end if term.period is not None else number > 0:
        return None
    last = report_by(draft, term, number)
    return None if last is None else (last + draft.terms.grace, number)


def _reports(draft: Draft) -> dict[str, tuple[int, int]]:
    """The deadline of every claim that has one. While EFFECTIVE it moves only when a period is decided."""
    if draft.reports is None or not draft.effective:
        found = {claim: deadline(draft, claim) for claim in draft.index.claims}
        draft.reports = {claim: over for claim, over in found.items() if over is not None}
    return draft.reports


def deadlines(draft: Draft) -> Iterator[int]:
    """The next instant at which an undecided period is over."""
    if draft.arrangement.effective_at is not None and (reports := _reports(draft)):
        yield min(reports.values())[0]


def passes(draft: Draft) -> bool:
    """Whether the periods that are over now end in silence, and nobody asks how: no vote and no allegation is about
    them, none is decided after them, and their claims are of no open violation, pending trigger or event."""
    if not draft.effective or draft.now >= draft.terms.end or draft.allegations:
        return False
    over = {claim: number for claim, (instant, number) in _reports(draft).items() if instant <= draft.at}
    return not any(number == 0 or _asked(draft, claim) for claim, number in over.items())


def _asked(draft: Draft, claim: str) -> bool:
    pending = (
        duty.trigger for name, duty in draft.terms.duties.items() if draft.duties[name].state == DutyStatus.PENDING
    )
    runs = (part for trigger in pending for part in walk(trigger) if isinstance(part, CleanRun))
    return (
        UNDECIDED in draft.claims[claim].decided
        or any(draft.claims[about].open for about in (claim, *draft.index.excuses.get(claim, ())))
        or any(draft.duties[duty].violation is not None for duty in draft.index.shown_by.get(claim, ()))
        or any(run.follows or claim in run.claims for run in runs)
    )


def work(draft: Draft) -> None:
    """Close the periods whose reportBy + grace has come (rule 3.2a)."""
    if draft.arrangement.effective_at is None or not (reports := _reports(draft)):
        return
    if min(reports.values())[0] > draft.at:
        return
    for claim in draft.index.claims:
        while (found := _reports(draft).get(claim)) is not None and found[0] <= draft.at:
            number = found[1]
            votes = draft.claims[claim].open.get(str(number), {})
            last = Passed(found[0] - draft.terms.grace, "report")
            if said := _quorum(draft, draft.terms.claims[claim], votes, False):
                decide(draft, claim, number, REFUTED, "claim.waited", Actors(said), last)
            else:
                decide(draft, claim, number, UNKNOWN, "claim.unknown", last)
