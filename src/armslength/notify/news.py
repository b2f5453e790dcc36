"""What there is to tell of one arrangement: a pure function of two states, of time, and of what has been told.

Laws:

1. Nothing is told twice: what has been told of each open task is kept with it (`OpenTask.told`), and changes are told
   of leaves that come after those that were told of. So each notification has one id, whenever it is made.
2. What is sealed has happened; what is provisional has not (rule 2.5a). What is asked is judged by all that is in view,
   so that nobody is asked for what it has just said.
3. A lead time that has passed when something comes to be asked is not told beside it, and of several that have passed
   together the last alone is told.
4. `next` is the first instant at which there may be more to tell though nobody says anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from armslength.core.arrangement import step, tables
from armslength.core.arrangement.state import Change, State
from armslength.core.arrangement.tables import Phase
from armslength.core.arrangement.terms import Arrangement, roles
from armslength.notify import catalogue
from armslength.notify.notification import ASKED, HAPPENED, NEAR, PASSED, SILENCE, Notification, id_of
from armslength.notify.settings import TERM, Leads
from armslength.views.blocks import closed
from armslength.views.deadlines import deadlines
from armslength.views.tasks import ATTEST, PUBLISH, RESUME, Task, tasks
from armslength.views.timeline import effects
from armslength.views.today import how_to
from armslength.views.words import Words, start_case

REMINDED: Final = "reminded"  # kind in the store: what has been told, by arrangement
MOST: Final = 50  # changes that are told of one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask:
    """One thing that is asked and not done, as it is kept: of a claim one period. `key` names it for as long as it is
    open, however its deadline moves; `sequence` counts these moves. While its clock is paused it has no deadline, and
    `latest` is the last instant at which it can be. `told`: of what has been told."""

    key: str
    kind: str
    subject: str
    period: int | None = None
    since: int | None = None
    until: int | None = None
    latest: int | None = None
    text: str
    then: str = ""
    told: tuple[str, ...] = ()
    sequence: int = 0

    @property
    def at(self) -> int | None:
        """Where it stands in a calendar."""
        return self.latest if self.until is None else self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    """What has been told of one arrangement: changes by its first `size` leaves, what is open, and of whose silence (by
    task). `sequence`: where that of a task begins, above those that have fallen away, since any may be asked again."""

    title: str = ""
    size: int = 0
    open: tuple[OpenTask, ...] = ()
    silent: tuple[str, ...] = ()
    next: int | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class SeenArrangement:
    """One arrangement as its node sees it at `now`: what is sealed, and all that is in view."""

    arrangement: str
    terms: Arrangement
    me: str
    sealed: State
    view: State
    size: int  # leaves that are sealed
    now: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to tell, and what will have been told then. `moved`: open tasks that have come into the calendar or
    moved in it; `cancelled`: those that have fallen out of it, with the sequence that says so; `gone`: those that have
    fallen away."""

    said: tuple[Notification, ...]
    reminded: Reminded
    moved: tuple[OpenTask, ...] = ()
    cancelled: tuple[OpenTask, ...] = ()
    gone: tuple[OpenTask, ...] = ()


def news(seen: SeenArrangement, changes: Sequence[Change], reminded: Reminded, leads: Leads) -> Outlook:
    """What there is to tell of an arrangement, of which `changes` have been sealed since `reminded`."""
    look = _Look(seen, leads)
    said = [*look.happened(changes), *look.asked(reminded)]
    silent, told = look.silence(reminded)
    kept = {task.key for task in look.open}
    gone = [each for each in reminded.open if each.key not in kept]
    shown = {each.key: each for each in reminded.open if each.at is not None}
    moved = [
        each for each in look.open if each.at is not None and (each.key not in shown or shown[each.key].at != each.at)
    ]
    cancelled = [replace(each, sequence=each.sequence + 1) for each in gone if each.at is not None]
    cancelled += [
        replace(shown[each.key], sequence=each.sequence) for each in look.open if each.at is None and each.key in shown
    ]
    done = replace(
        reminded,
        title=seen.terms.title,
        size=seen.size,
        open=tuple(look.open),
        silent=silent,
        next=look.next(),
        sequence=max([reminded.sequence, *(each.sequence + 2 for each in gone)]),  # what cancels it has the one between
    )
    return Outlook((*said, *told), done, tuple(moved), tuple(cancelled), tuple(gone))


class _Look:
    """One look at one arrangement."""

    def __init__(self, seen: SeenArrangement, leads: Leads) -> None:
        self._seen = seen
        self._leads = leads
        self._words = Words.of(seen.terms, seen.view)
        state = seen.view
        self._state = step.advance(seen.terms, state, seen.now).state if state.clock.now < seen.now else state
        self._roles = roles(seen.terms, seen.me)
        self._running = deadlines(seen.terms, self._state)
        self.open: list[OpenTask] = []
        self._instants: set[int] = set()

    # --- what has happened -----------------------------------------------------------------------------------------

    def happened(self, changes: Iterable[Change]) -> Iterator[Notification]:
        """The changes that are news, those that are alike as one."""
        words = Words.of(self._seen.terms, self._seen.sealed)
        by_event: dict[str, list[Change]] = {}
        for change in changes:
            name = catalogue.event(change)
            if name is not None and self._concerns(name, change):
                by_event.setdefault(name, []).append(change)
        found = [(name, effect) for name, alike in by_event.items() for effect in effects(words, alike)]
        for name, effect in found[:MOST]:
            first = effect.changes[0]
            form = catalogue.CHANGED_WHY if effect.cause else catalogue.CHANGED
            text = form.format(what=start_case(effect.text), cause=effect.cause)
            subjects = tuple(dict.fromkeys(change.subject for change in effect.changes))
            yield self._made(HAPPENED, name, ",".join(subjects), first.at, text, first.rule)
        if len(found) > MOST:
            text = catalogue.MORE.format(count=len(found) - MOST)
            yield self._made(HAPPENED, "more", "", self._seen.now, text, str(self._seen.size))

    def _concerns(self, name: str, change: Change) -> bool:
        """Parties and the keeper hear all; whoever else is named, what concerns everybody or itself."""
        if self._seen.me in self._seen.terms.parties or self._seen.me == self._seen.terms.keeper:
            return True
        if change.kind == "allegation":
            return self._seen.me in self._seen.terms.allegations.determiners.of
        return name in catalogue.FOR_ALL

    # --- what is asked ---------------------------------------------------------------------------------------------

    def asked(self, reminded: Reminded) -> Iterator[Notification]:
        """What has come to be asked, what is near, and what has passed: of each task what is most pressing."""
        before = {task.key: task for task in reminded.open}
        for task in (*self._tasks(self._seen.me), *self._term()):
            yield from self._told(task, [_known(each, before, reminded.sequence) for each in self._split(task)])

    def _told(self, task: Task, found: Iterable[OpenTask]) -> Iterator[Notification]:
        """What is told of these parts of a task, which are open from here on."""
        by_mark: dict[tuple[str, str], list[OpenTask]] = {}
        for each in found:
            kind, mark, told = self._stage(each)
            self.open.append(replace(each, told=told))
            if kind:
                by_mark.setdefault((kind, mark), []).append(each)
        for (kind, mark), parts in by_mark.items():
            text = parts[0].text if len(parts) == 1 else task.text
            keys = tuple(each.key for each in parts)
            until = min((each.until for each in parts if each.until is not None), default=None)
            said = self._made(kind, task.kind, task.subject, self._seen.now, text, f"{mark} {' '.join(keys)}")
            periods = [each.period for each in parts if each.period is not None]
            how = how_to(self._seen.arrangement, task.kind, task.subject, periods)
            yield replace(said, until=until, keys=keys, then=task.then, how=how)

    def _stage(self, task: OpenTask) -> tuple[str, str, tuple[str, ...]]:
        """What is told of a task just now ("": nothing) with what tells it from the last time, and what has been told
        of it then."""
        now, until, before = self._seen.now, task.until, set(task.told)
        if until is None:
            return "" if ASKED in before else ASKED, ASKED, (ASKED,)
        leads = self._leads.of(task.kind)
        self._instants |= {until + 1, *(until - lead for lead in leads)}
        passed, reached = f"{PASSED} {until}", [lead for lead in leads if until - lead <= now]
        near = [f"{NEAR} {lead} {until}" for lead in reached]
        told = {each for each in before if each.endswith(f" {until}")} | {ASKED, *near}
        is_asked = task.kind != TERM
        if now > until:
            said = (PASSED, passed) if passed not in before and is_asked else ("", "")
            return *said, tuple(sorted(told | {passed}))
        if is_asked and ASKED not in before:
            return ASKED, ASKED, tuple(sorted(told))
        if near and near[-1] not in before:
            return NEAR, near[-1], tuple(sorted(told))
        return "", "", tuple(sorted(told))

    def _tasks(self, actor: str) -> tuple[Task, ...]:
        return tasks(self._seen.terms, self._state, actor, self._seen.now)

    def _split(self, task: Task) -> Iterator[OpenTask]:
        """A task as it is kept: of a claim period by period, each with its own limit."""
        again = f"@{task.since}" if task.kind == RESUME else ""  # it may be asked several times
        whole = OpenTask(
            key=f"{task.kind}/{task.subject}{again}",
            kind=task.kind,
            subject=task.subject,
            since=task.since,
            until=task.until,
            latest=task.latest,
            text=task.text,
            then=task.then,
        )
        claim = self._seen.terms.claims.get(task.subject)
        if task.kind != ATTEST or claim is None or claim.kind != "state":
            yield whole
            return
        for period in task.periods:
            ended = self._words.ends(claim, period)
            spot = f"{self._words.unit(claim)} {period}"
            text = catalogue.ATTEST_PERIOD.format(claim=self._words.claim(task.subject), period=spot)
            yield replace(
                whole,
                key=f"{whole.key}#{period}",
                period=period,
                since=ended,
                until=None if claim.report_by is None else ended + claim.report_by,
                text=text,
            )

    def _term(self) -> Iterator[Task]:
        """What comes upon the arrangement as a whole, of which one is reminded and nothing is asked."""
        arrangement = self._state.arrangement
        for each in self._running:
            if each.kind != "arrangement" or each.idle or arrangement.phase == Phase.PROPOSED:
                continue
            name = "start" if arrangement.phase == Phase.SIGNED else "end" if each.at == self._seen.terms.end else ""
            if arrangement.suspension and not name:
                name = f"suspension@{arrangement.suspension.since}"
            text = catalogue.TERM_TEXT.format(waits=start_case(each.waits_for), then=each.then)
            yield Task(kind=TERM, subject=name or f"notice@{each.at}", until=each.at, text=text, then=each.then)

    # --- the silence of others -------------------------------------------------------------------------------------

    def silence(self, reminded: Reminded) -> tuple[tuple[str, ...], list[Notification]]:
        """Who has not spoken of what is due soon; the keys of which that has been told then. Parties are told."""
        if self._seen.me not in self._seen.terms.parties:
            return (), []
        coming = [each for each in self._running if not each.idle]
        self._instants.update(each.at - self._leads.silence for each in coming)
        if not any(each.at - self._leads.silence <= self._seen.now for each in coming):
            return (), []
        asked: dict[str, list[tuple[str, OpenTask]]] = {}
        for name, actor in self._seen.terms.actors.items():
            if name != self._seen.me and actor.did is not None:
                for task in self._tasks(name):
                    for part in self._split(task):
                        if self._is_overdue(part):
                            asked.setdefault(part.key, []).append((name, part))
        told = set(reminded.silent)
        fresh = [(key, found) for key, found in asked.items() if key not in told]
        return tuple(sorted(asked)), [self._silent(key, found) for key, found in fresh]

    def _is_overdue(self, task: OpenTask) -> bool:
        """Whether one may have expected a word by now: never before half of the time to say it is over. What is shown
        by publishing comes in its own time."""
        if task.until is None or task.kind == PUBLISH:
            return False
        since = task.until if task.since is None else task.since
        at = max(task.until - self._leads.silence, min(task.until, (since + task.until) // 2))
        self._instants.add(at)
        return at <= self._seen.now

    def _silent(self, key: str, found: Sequence[tuple[str, OpenTask]]) -> Notification:
        who, task = tuple(name for name, _ in found), found[0][1]
        verb = catalogue.HAS if len(who) == 1 else catalogue.HAVE
        form = catalogue.SILENT_NEVER if task.since is None else catalogue.SILENT
        since = "" if task.since is None else self._words.moment(task.since)
        text = form.format(who=self._words.actors(who), verb=verb, since=since, what=task.text)
        said = self._made(SILENCE, task.kind, task.subject, task.since or self._seen.now, text, f"{key} {task.until}")
        return replace(said, until=task.until, who=who, then=task.then)

    # --- what comes next -------------------------------------------------------------------------------------------

    def next(self) -> int | None:
        """The first instant at which there may be more to tell."""
        terms, now = self._seen.terms, self._seen.now
        ahead = {at for at in self._instants if at > now}
        coming = step.next_deadline(terms, self._state)
        if coming is not None:
            ahead.add(coming)
        if self._state.arrangement.phase in tables.UNDER_WAY:
            ahead |= {at for name in terms.claims for at in self._ends(name)}
        return min((at for at in ahead if at > now), default=None)

    def _ends(self, name: str) -> Iterator[int]:
        """When the period of a claim that runs ends: then it can be attested."""
        claim, words = self._seen.terms.claims[name], self._words
        if self._seen.me not in claim.monitors or self._state.arrangement.effective_at is None:
            return
        if claim.period is None or closed(self._seen.terms, self._state, name):
            return
        running = max(0, (self._seen.now - words.starts(claim, 0)) // claim.period)
        if running < words.periods(claim):
            yield words.ends(claim, running)

    def _made(self, kind: str, event: str, subject: str, at: int, text: str, mark: str) -> Notification:
        seen = self._seen
        return Notification(
            id=id_of(seen.arrangement, kind, event, subject, mark, at if kind == HAPPENED else ""),
            kind=kind,
            event=event,
            arrangement=seen.arrangement,
            title=seen.terms.title,
            subject=subject,
            roles=self._roles,
            at=at,
            text=text,
        )


def _known(task: OpenTask, before: Mapping[str, OpenTask], sequence: int) -> OpenTask:
    """The task with what has been told of it; the sequence of one that was not open is this."""
    known = before.get(task.key)
    if known is None:
        return replace(task, sequence=sequence)
    return replace(task, told=known.told, sequence=known.sequence + (known.at != task.at))
