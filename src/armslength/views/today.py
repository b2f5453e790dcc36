"""What waits for one actor in one arrangement, what waits for others there, and whether its last word counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from armslength.core.arrangement import step, tables
from armslength.core.arrangement.bodies import Attest
from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import PeriodValue
from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.entry import Entry, entry_hash
from armslength.views.blocks import closed, decided
from armslength.views.tasks import ANSWER, ATTEST, DETERMINE, PERFORM, PUBLISH, RESUME, SIGN, Task, tasks
from armslength.views.words import Words, ranges
from armslength.wire.manage import ListedProposal
from armslength.wire.news import AskedNow, LastWord, StalledTask, WordOutcome

ACCEPT, APPROVE = "accept", "approve"  # tasks that no record asks for
NAMED: Final = 12  # characters of a hash that name an arrangement to people
HOW: Final[Mapping[str, str]] = {  # how what is asked is done: one command for each kind of task
    SIGN: "armslength sign {short}",
    ATTEST: "armslength attest {spot} --true (or --false) -a {short}",
    PERFORM: "armslength perform {subject} -a {short}",
    PUBLISH: "armslength publish {subject} FILE -a {short}",
    ANSWER: "armslength respond {subject} --admit (or --deny) -a {short}",
    DETERMINE: "armslength determine {subject} --uphold (or --dismiss) -a {short}",
    RESUME: "armslength resume -a {short}",
}


OUTCOMES: Final[Mapping[WordOutcome, str]] = {
    WordOutcome.PENDING: "no seal covers it yet",
    WordOutcome.STANDS: "it counts, and no quorum has decided yet",
    WordOutcome.CONFIRMED: "decided as it says: {value}",
    WordOutcome.OVERRULED: "decided otherwise: {value}",
    WordOutcome.UNKNOWN: "no quorum was there in time: {value}",
    WordOutcome.VOID: "it does not count",
}


@dataclass(frozen=True, slots=True)
class Outline:
    """All of it. `expires`: when that may be different though nobody says anything."""

    asked: tuple[AskedNow, ...]
    stalled: tuple[StalledTask, ...]
    expires: int | None


def how_to(arrangement: str, kind: str, subject: str, periods: Sequence[int]) -> str:
    """The command that does a task; periods are named in runs, `k2#7-9 k2#11`."""
    runs = ranges("", periods).split(", ") if periods else []
    spot = " ".join(f"{subject}#{run.replace('–', '-')}" for run in runs) or subject
    return HOW.get(kind, "").format(subject=subject, spot=spot, short=arrangement[:NAMED])


def outline(arrangement: str, terms: Arrangement, state: State, me: str, now: int) -> Outline:
    """What waits for `me` and for others at `now`, soonest first. `state` is that once what `me` has said is placed."""
    if state.clock.now < now:
        state = step.advance(terms, state, now).state
    words, instants = Words.of(terms, state), set(_period_ends(terms, state, now))
    coming = step.next_deadline(terms, state)
    instants |= {coming} if coming is not None else set()
    asked = tuple(_asked(arrangement, terms, task) for task in tasks(terms, state, me, now))
    stalled = _stalled(arrangement, words, state, me, now, instants)
    return Outline(asked, stalled, min((at for at in instants if at > now), default=None))


def _asked(arrangement: str, terms: Arrangement, task: Task) -> AskedNow:
    """A task as it travels."""
    periods = task.periods if task.subject in terms.claims and terms.claims[task.subject].kind == "state" else ()
    return AskedNow(
        arrangement=arrangement,
        title=terms.title,
        kind=task.kind,
        subject=task.subject,
        periods=periods,
        since=task.since,
        until=task.until,
        text=task.text,
        then=task.then,
        how=how_to(arrangement, task.kind, task.subject, periods),
        simulated=terms.clock == "simulated",
    )


def _period_ends(terms: Arrangement, state: State, now: int) -> Iterator[int]:
    """When periods end, which can be attested then."""
    words = Words.of(terms, state)
    if state.arrangement.effective_at is None or state.arrangement.phase not in tables.UNDER_WAY:
        return
    for name, claim in terms.claims.items():
        if claim.period is None or closed(terms, state, name):
            continue
        running = max(0, (now - words.starts(claim, 0)) // claim.period)
        if running < words.periods(claim):
            yield words.ends(claim, running)


def _stalled(
    arrangement: str, words: Words, state: State, me: str, now: int, instants: set[int]
) -> tuple[StalledTask, ...]:
    """What others are asked for, for more than half of its time."""
    found: dict[tuple[str, str], tuple[Task, list[str]]] = {}
    for name, actor in words.terms.actors.items():
        for task in tasks(words.terms, state, name, now) if name != me and actor.did is not None else ():
            if task.until is None or task.kind == PUBLISH:
                continue
            half = ((task.until if task.since is None else task.since) + task.until) // 2
            instants |= {half, task.until + 1}
            if half <= now:
                found.setdefault((task.kind, task.subject), (task, []))[1].append(name)
    return tuple(
        StalledTask(
            arrangement=arrangement,
            title=words.terms.title,
            names=tuple(words.actor(name) for name in who),
            kind=task.kind,
            subject=task.subject,
            who=tuple(who),
            since=task.since,
            until=task.until,
            text=task.text,
            then=task.then,
            simulated=words.terms.clock == "simulated",
        )
        for task, who in sorted(found.values(), key=lambda each: (each[0].until or 0, each[0].kind, each[0].subject))
    )


def attested(
    arrangement: str, terms: Arrangement, state: State, me: str, pending: Sequence[Entry], last: Entry | None
) -> LastWord | None:
    """The last attestation of `me`, in what is pending or else the last that is placed, and whether it counted."""
    waiting = [each for each in pending if isinstance(each.body, Attest)]
    entry = waiting[-1] if waiting else last
    if entry is None or not isinstance(entry.body, Attest):
        return None
    return _last_word(arrangement, terms, state, me, entry.body, entry_hash(entry), placed=not waiting)


def _last_word(
    arrangement: str, terms: Arrangement, state: State, me: str, said: Attest, entry: str, *, placed: bool
) -> LastWord:
    """What has become of an attestation of `me` by this state; `placed`: whether the state knows it."""
    value, words = decided(state, said.claim, said.period), Words.of(terms, state)
    vote = state.claims[said.claim].open.get(str(said.period), {}).get(me)
    if not placed:
        outcome = WordOutcome.PENDING
    elif value == PeriodValue.UNDECIDED:
        outcome = WordOutcome.STANDS if vote is not None and vote.value == said.value else WordOutcome.VOID
    elif value == PeriodValue.UNKNOWN:
        outcome = WordOutcome.UNKNOWN
    else:
        agrees = (value == PeriodValue.REFUTED) != said.value
        outcome = WordOutcome.CONFIRMED if agrees else WordOutcome.OVERRULED
    spot = words.subject("claim", f"{said.claim}#{said.period}")
    what = f"that {spot} {'held' if said.value else 'did not hold'}"
    text = f"Your last attestation, {what}: {OUTCOMES[outcome].format(value=value)}."
    return LastWord(
        arrangement=arrangement,
        title=terms.title,
        claim=said.claim,
        period=said.period,
        value=said.value,
        entry=entry,
        outcome=outcome,
        text=text,
    )


def proposed(found: ListedProposal) -> AskedNow:
    """What proposed terms that wait ask for."""
    short, is_party = found.arrangement[:NAMED], "party" in found.roles
    title = found.title or short
    text = f"Sign the proposed terms, or decline them: {title}."
    if not is_party:
        text = f"Accept what the proposed terms give you ({', '.join(found.roles) or 'no role'}), or decline: {title}."
    if found.fault:
        text = f"Decline terms that were proposed and cannot be read: {found.fault}."
    return AskedNow(
        arrangement=found.arrangement,
        title=title,
        kind=SIGN if is_party else ACCEPT,
        subject="arrangement",
        since=found.at,
        text=text,
        how=f"armslength {'sign' if is_party else 'accept'} {short} (or armslength decline {short})",
    )


def to_approve(arrangement: str, title: str, draft: str, act: str, by: str, since: int, until: int) -> AskedNow:
    """What a draft asks of officials."""
    about = f" in {title}" if title else ""
    return AskedNow(
        arrangement=arrangement,
        title=title,
        kind=APPROVE,
        subject=draft[:NAMED],
        since=since,
        until=until,
        text=f"Approve `{act}`{about}, asked for by {by or 'this node'}, or object.",
        then="it is not done",
        how=f"armslength approvals approve {draft[:NAMED]} (or armslength approvals object {draft[:NAMED]})",
    )


def soonest(each: AskedNow | StalledTask) -> tuple[bool, int, str, str]:
    """What to sort by: what has no limit comes last."""
    return (each.until is None, each.until or 0, each.title, each.subject)
