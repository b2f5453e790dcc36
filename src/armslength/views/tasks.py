"""What is asked of one actor now: what it may say or do, until when it is in time, and what follows if nothing comes.

Whether a statement may be made is asked of the pure step (`preview`), never decided here: a task is there only where
the step would take the statement, or where it is a node's own command (publish) that the state still waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from armslength.core.arrangement import step, tables
from armslength.core.arrangement.bodies import (
    Attest,
    Body,
    Determine,
    Perform,
    Respond,
    Resume,
    Sign,
)
from armslength.core.arrangement.state import DutyState, State
from armslength.core.arrangement.tables import AllegationAnswer, DutyStatus, Phase, Stage
from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.entry import TYPE_OF
from armslength.errors import Refused
from armslength.views.blocks import closed, noticed, outstanding
from armslength.views.deadlines import Deadline, deadlines
from armslength.views.idle import without_effect
from armslength.views.words import Words, count, ranges

SIGN, ATTEST, PERFORM, PUBLISH = "sign", "attest", "perform", "publish"
ANSWER, DETERMINE, RESUME = "answer", "determine", "resume"
KINDS = (SIGN, ATTEST, PERFORM, PUBLISH, ANSWER, DETERMINE, RESUME)  # the verbs of the command line, or nearly


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that is asked of an actor.

    kind: one of `KINDS`. subject: the object's id (of a claim, without periods). periods: those of a claim that have
    ended, are undecided and without a word of the actor's (event claims: period 0). since: when it came to be asked, as
    far as is known. until: up to when it is in time (of several periods, the earliest); None if there is no limit, and
    while its clock is paused: then `latest` is the last instant at which its deadline can be. text: what is asked, a
    sentence; then: what follows if nothing comes, a phrase."""

    kind: str
    subject: str
    periods: tuple[int, ...] = ()
    since: int | None = None
    until: int | None = None
    latest: int | None = None
    text: str
    then: str = ""


def preview(terms: Arrangement, state: State, author: str, body: Body, now: int) -> Refused | None:
    """The engine's own refusal if this statement were placed now; None if it would be taken."""
    try:
        act = step.EntryInput(author=author, stamp=now, type=TYPE_OF[type(body)], body=body, entry="")
        step.apply(terms, state, act)
    except Refused as error:
        return error
    return None


def ahead(terms: Arrangement, state: State, author: str, said: Iterable[Body], now: int) -> State:
    """The state once these statements are placed, in order; one that would be refused changes nothing."""
    for body in said:
        act = step.EntryInput(author=author, stamp=now, type=TYPE_OF[type(body)], body=body, entry="")
        with suppress(Refused):
            state = step.apply(terms, state, act).state
    return state


def tasks(terms: Arrangement, state: State, me: str, now: int) -> tuple[Task, ...]:
    """What is asked of `me` at `now` (UTC seconds), soonest first; what has no limit comes last."""
    if state.clock.now < now:
        state = step.advance(terms, state, now).state
    asked = _Asked(terms, state, me, now)
    return tuple(sorted(asked.all(), key=lambda task: (task.until is None, task.until or 0, task.kind, task.subject)))


class _Asked:
    """One state as one actor sees it."""

    def __init__(self, terms: Arrangement, state: State, me: str, now: int) -> None:
        self._terms = terms
        self._state = state
        self._me = me
        self._now = now
        self._words = Words.of(terms, state)
        self._running = {(each.kind, each.subject): each for each in deadlines(terms, state)}

    def all(self) -> Iterator[Task]:
        """Everything, in no order."""
        yield from self._arrangement()
        yield from self._attestations()
        if self._state.arrangement.phase in tables.LIVE:
            yield from self._performances()
            yield from self._publications()
        yield from self._allegations()
        yield from self._complaints()

    def _may(self, body: Body) -> bool:
        """Whether the step would take it, and it would change something."""
        if preview(self._terms, self._state, self._me, body, self._now) is not None:
            return False
        return not without_effect(self._terms, self._state, self._me, body, self._now)

    def _deadline(self, kind: str, subject: str) -> Deadline | None:
        return self._running.get((kind, subject))

    def _arrangement(self) -> Iterator[Task]:
        arrangement, due = self._state.arrangement, self._deadline("arrangement", "arrangement")
        limit, then = (due.at, due.then) if due else (None, "")
        unsigned = arrangement.phase == Phase.PROPOSED and self._me not in arrangement.signed
        if unsigned and self._me in self._terms.parties and self._may(Sign()):
            text = f"Sign these terms, or decline them: {self._terms.title}."
            yield Task(kind=SIGN, subject="arrangement", until=limit, text=text, then=then)
        paused = arrangement.suspension
        if paused is not None and self._me not in paused.resumed and self._may(Resume()):
            text = "Agree to resume the arrangement, or leave it suspended."
            yield Task(kind=RESUME, subject="arrangement", since=paused.since, until=limit, text=text, then=then)

    def _attestations(self) -> Iterator[Task]:
        """An excuse's periods are asked for only where a notice in time rests on them."""
        excused = {claim.excuse.claim: name for name, claim in self._terms.claims.items() if claim.excuse}
        for name, claim in self._terms.claims.items():
            if self._me not in claim.monitors or self._me in self._state.arrangement.excluded:
                continue
            if closed(self._terms, self._state, name):
                continue
            votes = self._state.claims[name].open
            mine = [p for p in outstanding(self._terms, self._state, name) if self._me not in votes.get(str(p), {})]
            ended = [p for p in mine if claim.period is None or self._words.ends(claim, p) <= self._now]
            if name in excused:
                ended = [p for p in ended if noticed(self._words, self._state, excused[name], p)]
            if not ended or not self._may(Attest(claim=name, period=ended[0], value=True)):
                continue
            yield self._attestation(name, tuple(ended))

    def _attestation(self, name: str, periods: tuple[int, ...]) -> Task:
        claim, first = self._terms.claims[name], periods[0]
        ended = self._words.ends(claim, first)
        spot, unit = "", self._words.unit(claim)
        if claim.kind == "state":
            which = ranges("", periods)
            spot = f" in {unit} {which}" if len(periods) == 1 else f" in {count(len(periods), unit)}: {which}"
        text = f"Attest whether {self._words.claim(name)} held{spot}."
        if claim.period is None:
            text = f"Attest {self._words.claim(name)} once it has happened, or that it did not."
        return Task(
            kind=ATTEST,
            subject=name,
            periods=periods,
            since=ended,
            until=None if claim.report_by is None else ended + claim.report_by,
            text=text,
            then=f"{self._words.subject('claim', f'{name}#{first}')} may stay UNKNOWN for good",
        )

    def _performances(self) -> Iterator[Task]:
        for name, duty in self._terms.duties.items():
            held = self._state.duties[name]
            if duty.kind != "achieve" or held.state not in tables.DUE:
                continue
            if held.performed_at is not None and held.performed_at >= held.at:
                continue
            is_debtor = self._me == duty.debtor and self._may(Perform(duty=name))
            if not is_debtor and self._me != duty.performer:
                continue
            due, latest = self._deadline("duty", name), self._latest(held)
            until = due.at if due else held.cure_due if held.state == DutyStatus.OVERDUE else held.due
            paused = "" if latest is None else "; its clock is paused"
            yield Task(
                kind=PERFORM,
                subject=name,
                since=held.active_at,
                until=until if latest is None else None,
                latest=latest,
                text=f"Perform {self._words.duty(name)}{', and say so' * is_debtor}{paused}.",
                then=due.then if due else "",
            )

    def _latest(self, held: DutyState) -> int | None:
        """The last instant at which a deadline can be whose clock is paused; None while it runs. What is left of it is
        given back when the suspension ends, which has a limit."""
        deadline, paused = held.deadline, self._state.arrangement.suspension
        if deadline is None or held.frozen_at is None or paused is None or not held.stands(deadline):
            return None
        return deadline - held.frozen_at + paused.since + self._terms.max_suspension

    def _publications(self) -> Iterator[Task]:
        for name, tranche in self._terms.tranches.items():
            held = self._state.tranches[name]
            if tranche.provider != self._me or held.commit is not None or held.stage not in {Stage.LOCKED, Stage.READY}:
                continue
            if self._state.arrangement.effective_at is None:
                continue
            due = self._deadline("tranche", name)
            text = f"Publish the file of {self._words.tranche(name)}, sealed, so that it can be delivered."
            yield Task(
                kind=PUBLISH,
                subject=name,
                since=held.gate_at,
                until=due.at if due else None,
                text=text,
                then=due.then if due else f"{name} cannot be delivered",
            )

    def _allegations(self) -> Iterator[Task]:
        for name, said in self._state.allegations.items():
            due = self._deadline("allegation", name)
            if said.answer is None and self._may(Respond(allegation=name, answer=AllegationAnswer.DENIED)):
                limit = said.raised_at + self._terms.allegations.reply
                text = f"Answer allegation {name} by {self._words.actor(said.by)}: admit or deny it."
                then = f"{name} counts as UNANSWERED"
                yield Task(kind=ANSWER, subject=name, since=said.raised_at, until=limit, text=text, then=then)
            if said.open and self._me not in said.votes and self._may(Determine(allegation=name, uphold=True)):
                limit = said.raised_at + self._terms.allegations.determination
                text = f"Decide allegation {name} by {self._words.actor(said.by)}: uphold or dismiss it."
                then = due.then if due else f"{name} is DISMISSED"
                yield Task(kind=DETERMINE, subject=name, since=said.raised_at, until=limit, text=text, then=then)

    def _complaints(self) -> Iterator[Task]:
        rules = self._terms.allegations
        for name, held in self._state.tranches.items():
            if not held.contested or held.disputed_at is None or self._me in held.votes:
                continue
            if self._may(Determine(tranche=name, uphold=True)):
                text = f"Decide the complaint about {self._words.tranche(name)}: uphold or dismiss it."
                limit, then = held.disputed_at + rules.determination, f"the complaint is {rules.default} by default"
                yield Task(kind=DETERMINE, subject=name, since=held.disputed_at, until=limit, text=text, then=then)
