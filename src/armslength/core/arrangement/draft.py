"""What a step works on: the terms with their index, and a mutable copy of the state's maps.

The values in the maps stay frozen; a step replaces them. A draft lives inside one step only. Whatever allegations may
have to take up is noted in `asked`, so that no step looks at all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.arrangement import tables
from armslength.core.arrangement.agenda import Agenda, Heap, Wanted, merged
from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.causes import Cause
from armslength.core.arrangement.state import AllegationState, Change, LogicalClock, State
from armslength.core.arrangement.tables import DutyStatus, Machine, Phase, S
from armslength.core.arrangement.terms import Arrangement, AtTime, CleanRun, release_duty, walk
from armslength.core.parts import Parts

_EFFECTIVE = Phase.EFFECTIVE  # bound once: reading a member of its class is a call


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryInput:
    """An entry as the rules see it: who states what, stamped when (UTC seconds), under which entry hash.

    For a seal, `stamp` is the lower median of the cosignature times. For evidence, `culprit` is whom it proves to have
    signed two statements that contradict each other; the record layer has checked it, as it has all signatures."""

    author: str
    stamp: int
    type: str
    body: Body
    entry: str
    culprit: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """What a step looks up in the terms. The agenda keeps it from step to step."""

    claims: tuple[str, ...]  # ids in order
    duties: tuple[str, ...]
    tranches: tuple[str, ...]
    release_of: dict[str, str]  # release duty → tranche
    shown_by: dict[str, tuple[str, ...]]  # claim → the duties that it shows
    excuses: dict[str, tuple[str, ...]]  # excuse claim → the claims that it excuses
    runs: dict[str, CleanRun]  # tranche → the run in its gate
    wanted: dict[str, tuple[Wanted, ...]]  # claim → the runs over it that somebody waits for
    instants: dict[str, tuple[AtTime, ...]]  # duty or tranche → the time atoms that its conditions wait for
    debtors: dict[str, str]  # duty, release duties too → debtor


def index_of(terms: Arrangement) -> Index:
    """The index of `terms`."""
    shown_by: dict[str, tuple[str, ...]] = {}
    for duty in sorted(terms.duties):
        claim = terms.duties[duty].claim
        shown_by[claim] = (*shown_by.get(claim, ()), duty)
    excuses: dict[str, tuple[str, ...]] = {}
    for claim in sorted(terms.claims):
        if (excuse := terms.claims[claim].excuse) is not None:
            excuses[excuse.claim] = (*excuses.get(excuse.claim, ()), claim)
    waits = {duty: [terms.duties[duty].trigger] for duty in terms.duties}
    waits |= {tranche: [terms.tranches[tranche].gate, terms.tranches[tranche].continuous] for tranche in terms.tranches}
    parts = {subject: [part for each in conditions for part in walk(each)] for subject, conditions in waits.items()}
    instants = {subject: tuple(part for part in parts[subject] if isinstance(part, AtTime)) for subject in parts}
    gates = {tranche: reversed([*walk(term.gate)]) for tranche, term in terms.tranches.items()}
    runs = {tranche: run for tranche, gate in gates.items() for run in gate if isinstance(run, CleanRun)}
    wanted = {(run.claims, run.length) for found in parts.values() for run in found if isinstance(run, CleanRun)}
    wanted |= {((duty.claim,), duty.remedy_run) for duty in terms.duties.values() if duty.remedy_run is not None}
    releases = {release_duty(tranche): tranche for tranche in terms.tranches}
    return Index(
        claims=tuple(sorted(terms.claims)),
        duties=tuple(sorted((*terms.duties, *releases))),
        tranches=tuple(sorted(terms.tranches)),
        release_of=releases,
        shown_by=shown_by,
        excuses=excuses,
        runs=runs,
        wanted={claim: tuple(run for run in wanted if claim in run[0]) for claim in terms.claims},
        instants={subject: found for subject, found in instants.items() if found},
        debtors={duty: terms.duties[duty].debtor for duty in terms.duties}
        | {duty: terms.tranches[tranche].provider for duty, tranche in releases.items()},
    )


class Draft:
    """The state being worked on. `at` is the instant that what happens now bears; `now` is how far time has been
    worked, which an entry that arrived within grace may lie behind. `as_of` is the instant that decides whether what
    happens now is in time: an entry's own, or that of a deadline, which fires grace later (rule 2.3d)."""

    def __init__(self, terms: Arrangement, state: State) -> None:
        """Copy the maps: the state that came in stays as it is."""
        self.terms = terms
        self.tau = state.clock.tau
        self.now = self.at = self.as_of = state.clock.now
        self.arrangement = state.arrangement
        self.claims = dict(state.claims)
        self.duties = dict(state.duties)
        self.tranches = dict(state.tranches)
        self.allegations = state.allegations
        agenda = state.agenda or agenda_of(terms, state)
        self.index = agenda.index
        self.deadlines, self.holds, self.open = agenda.deadlines, agenda.holds, agenda.open
        self.runs, self.violations = agenda.runs, agenda.violations
        self.next = agenda.next
        self.reports = agenda.reports
        self.decided: list[tuple[str, int]] = []  # claim and period, which `marks` has not taken in
        self.asked: set[str] = set()  # allegations that something has happened to
        self.judged: set[str] = set()  # allegations of periods that are decided just now, or were when they were raised
        self.running = state.shown  # the arrangement's state as last told in `changes`
        self.changes: list[Change] = []
        self.breaches: list[str] = []  # duties whose breach suspends, not yet taken up
        self.firing = False  # a deadline makes what happens now
        self.again: dict[str, int] = {}  # how many of a duty's breaches are judged again, and fire no more
        self.act: EntryInput | None = None  # the entry, while its own changes are made
        self.moved = False  # something changed on which other objects may depend

    def move(self, machine: Machine[S], subject: str, before: S, rule: str, cause: Cause = ()) -> S:
        """Take the row `rule` of a machine; return the state it leads to. The caller stores it."""
        row = machine.rows[rule]
        if before not in row.before:
            raise AssertionError(f"{rule} does not start from {before}")
        self.note(machine.kind, subject, before, row.after, rule, cause)
        return row.after

    def note(self, kind: str, subject: str, before: str, after: str, rule: str, cause: Cause = ()) -> None:
        """Record a change and that things moved."""
        self.moved = True
        if self.holds and kind in {"duty", "instance", "arrangement"}:
            self.asked.update(self.holds)  # what is cured, or over, ends holds
        said = {"author": self.act.author, "entry": self.act.entry} if self.act else {}
        self.changes.append(
            Change(kind=kind, subject=subject, before=before, after=after, at=self.at, rule=rule, cause=cause, **said)
        )

    @property
    def effective(self) -> bool:
        """The phase in which everything runs (HELD and SUSPENDED lie within it)."""
        return self.arrangement.phase == _EFFECTIVE

    @property
    def closed(self) -> bool:
        """Whether the term, if it is over, was so before this instant."""
        known = self.arrangement
        over_at = known.over_at if self.effective else known.at if known.phase == Phase.COMPLETED else 0
        return over_at is not None and over_at < self.at

    @property
    def lapsing(self) -> bool:
        """Whether it is too late to resume, though an agreement that was in time may still arrive (rule 5.3d)."""
        suspension = self.arrangement.suspension
        return suspension is not None and self.as_of > suspension.since + self.terms.max_suspension

    def machine(self, duty: str) -> Machine[DutyStatus]:
        """The table that a duty follows."""
        if duty in self.index.release_of:
            return tables.RELEASE
        return tables.ACHIEVE if self.terms.duties[duty].kind == "achieve" else tables.MAINTAIN

    def finish(self) -> State:
        """The new state as a frozen value."""
        agenda = Agenda(
            self.index, self.deadlines, self.holds, self.open, self.runs, self.violations, self.reports, self.next
        )
        state = State(
            clock=LogicalClock(tau=self.tau, now=self.now),
            arrangement=self.arrangement,
            claims=self.claims,
            duties=self.duties,
            tranches=self.tranches,
            allegations=self.allegations,
        )
        return state.going(agenda)

    def allege(self, name: str, after: AllegationState) -> None:
        """Store an allegation, with what it now waits for."""
        before = self.allegations.get(name)
        self.allegations = self.allegations.put(name, after)
        self.asked.add(name)
        known = waits(self.terms, before) if before else ()
        for instant in waits(self.terms, after):
            if instant not in known:
                self.deadlines = merged(self.deadlines, Heap(instant, name))
        self.open += (after.open) - (before is not None and before.open)
        if after.holding:
            self.holds = self.holds.put(name, after.raised_at)
        elif before is not None and before.holding:
            self.holds = self.holds.drop(name)

    def due(self) -> int | None:
        """The next instant that an allegation waits for."""
        while (top := self.deadlines) is not None:
            if top.instant in waits(self.terms, self.allegations[top.name]):
                return top.instant
            self.deadlines = merged(top.left, top.right)
        return None


def waits(terms: Arrangement, said: AllegationState) -> tuple[int, ...]:
    """The instants of reply, determination and hold that an allegation waits for (rule 5.1h)."""
    clocks, found = terms.allegations, []
    if said.answer is None:
        found.append(said.raised_at + clocks.reply + terms.grace)
    if said.open:
        found.append(said.raised_at + clocks.determination + terms.grace)
    if said.holding:
        found.append(said.raised_at + clocks.hold)
    return tuple(found)


def agenda_of(terms: Arrangement, state: State) -> Agenda:
    """The agenda of a state that has none, or whose agenda is not believed."""
    deadlines, holds, still = None, Parts[int](), 0
    for name, said in state.allegations.items():
        for instant in waits(terms, said):
            deadlines = merged(deadlines, Heap(instant, name))
        still += said.open
        if said.holding:
            holds = holds.put(name, said.raised_at)
    return Agenda(index_of(terms), deadlines, holds, still, {}, {})


def iso(instant: int) -> str:
    """An instant in words: 2016-07-15T00:00:00Z (proleptic Gregorian calendar)."""
    days, seconds = divmod(instant, 86400)
    era, day = divmod(days + 719468, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    rest = day - (365 * year + year // 4 - year // 100)
    month = (5 * rest + 2) // 153
    date = rest - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    hour, minute = divmod(seconds // 60, 60)
    return f"{era * 400 + year + (month <= 2):04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{seconds % 60:02}Z"
