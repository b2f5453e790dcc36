"""The state of an arrangement: a pure function of its terms and record, as frozen values.

Nothing here is a process id, a signature or a wall time, so state roots are equal on every node and in the verifier.
Maps are never changed in place by a finished step. Those that grow with the record (votes, notices, violations,
allegations) are `Parts`, of which a step replaces only what it changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from armslength.core.arrangement.agenda import Agenda
from armslength.core.arrangement.causes import Cause
from armslength.core.arrangement.tables import (
    AllegationAnswer,
    AllegationOutcome,
    DutyStatus,
    PeriodValue,
    Phase,
    Stage,
)
from armslength.core.canonical import names
from armslength.core.parts import Parts

T = TypeVar("T")

# One letter per period of a claim, in `ClaimState.decided`.
UNDECIDED, SUPPORTED, REFUTED, EXCUSED, UNKNOWN = ".", "S", "R", "X", "U"
NOTICED, LATE, TOO_LATE = "N", "l", "L"  # in `ClaimState.noticed`
CLEAN = SUPPORTED + EXCUSED
# Bound once, since every step asks for them: reading a member of its class is a call.
_ACTIVE, _OVERDUE, _EFFECTIVE, _OPEN = DutyStatus.ACTIVE, DutyStatus.OVERDUE, Phase.EFFECTIVE, AllegationOutcome.OPEN
VALUE_NAMES = dict(zip((UNDECIDED, SUPPORTED, REFUTED, EXCUSED, UNKNOWN), PeriodValue, strict=True))


def replace(value: T, **changes: object) -> T:
    """The frozen value with other fields: `dataclasses.replace` at half its cost, and every step takes several."""
    kind: Any = value.__class__
    made: T = object.__new__(kind)
    for name in names(kind):
        object.__setattr__(made, name, changes[name] if name in changes else getattr(value, name))
    return made


class Memoised:
    """A value whose canonical JSON is remembered once it was written (`root`): it never changes."""

    __slots__ = ("written",)
    written: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A monitor's latest attestation on an undecided period."""

    value: bool
    at: int
    entry: str  # entry hash, for `supersedes`


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeState:
    """A notified exception and whether it came in time."""

    start: int
    end: int
    at: int
    timely: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimState(Memoised):
    """decided[i] is the letter of period i; periods past its end are undecided. `open` holds the votes of undecided
    periods by index. noticed[i] is "N" if a timely notice overlaps period i; "L" if one does and the excuse was decided
    too late, "l" if none does and it was. `notified` holds notices by their times.
    `at` is when the last decision fell (for an event: when it was decided); `late` holds the instants of decisions that
    are too late to decide an allegation raised early in their period."""

    decided: str = ""
    open: Parts[dict[str, Vote]] = field(default_factory=Parts)
    noticed: str = ""
    notified: Parts[NoticeState] = field(default_factory=Parts)
    late: Parts[int] = field(default_factory=Parts)
    at: int | None = None

    @property
    def notices(self) -> tuple[NoticeState, ...]:
        """All notices, in the order of their entries' times."""
        return tuple(sorted(self.notified.values(), key=lambda notice: (notice.at, notice.start, notice.end)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One violation of a maintain duty: OVERDUE → CURED | BREACHED → REMEDIED. `broke` is the period that broke it."""

    first: int  # the earliest refuted period that belongs to it
    state: DutyStatus
    at: int
    broke: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyState(Memoised):
    """How it stands with a duty.

    For a maintain duty the worst open instance is shown; `violations` holds its instances by their first periods, and
    `violation` is that of the open one. `due` and `cure_due` already contain time given back by
    thawing; `frozen_at` is set while its clock stands."""

    state: DutyStatus
    at: int
    active_at: int | None = None
    due: int | None = None
    cure_due: int | None = None
    frozen_at: int | None = None
    performed_at: int | None = None
    violations: Parts[Instance] = field(default_factory=Parts)
    violation: int | None = None
    waived: tuple[str, ...] = ()
    waived_at: int | None = None  # the time of the latest waiver

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The violation instances, in the order of their first periods."""
        return tuple(sorted(self.violations.values(), key=lambda instance: instance.first))

    @property
    def deadline(self) -> int | None:
        """The deadline of the state it is in, without grace; a release duty's is in `releases`."""
        if self.state == _ACTIVE:
            return self.due
        return self.cure_due if self.state == _OVERDUE else None

    def stands(self, deadline: int) -> bool:
        """Whether the deadline is paused: it had not passed when the clock was stopped."""
        return self.frozen_at is not None and self.frozen_at <= deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class TrancheState(Memoised):
    """While `withheld` (a list of reasons such as "held", "suspended", "condition", "complaint") is not empty, LOCKED,
    READY and DELIVERED show as WITHHELD."""

    stage: Stage
    at: int
    withheld: tuple[str, ...] = ()
    fell: int | None = None  # when a deadline that fired made it WITHHELD
    gate_at: int | None = None
    commit: str | None = None  # entry hash of the commit
    agreement: str | None = None
    delivered_at: int | None = None
    recipient_key: str | None = None
    released_at: int | None = None
    wrapped: str | None = None
    key_due: int | None = None  # set by the first seal that covers the release
    key_at: int | None = None
    disputed_at: int | None = None
    complaint: AllegationOutcome | None = None
    votes: dict[str, bool]  # of determiners, on the complaint

    @property
    def contested(self) -> bool:
        """Whether a complaint about it is open."""
        return self.complaint == _OPEN

    @property
    def shown(self) -> Stage:
        """The state by its public name."""
        return Stage.WITHHELD if self.withheld else self.stage

    def shown_at(self, instant: int) -> Stage:
        """The same for an entry that lies behind: before a deadline that withholds it fired, it showed its stage."""
        return self.stage if self.fell is not None and instant < self.fell else self.shown


@dataclass(frozen=True, slots=True, kw_only=True)
class AllegationState:
    """Its answer and its outcome are two things. `holding`: its hold runs."""

    by: str
    raised_at: int
    claim: str | None = None
    period: int | None = None
    tranche: str | None = None
    answer: AllegationAnswer | None = None
    outcome: AllegationOutcome = AllegationOutcome.OPEN
    holding: bool = False
    votes: dict[str, bool]

    @property
    def open(self) -> bool:
        """Whether it waits for its outcome."""
        return self.outcome == _OPEN

    @property
    def alleged(self) -> tuple[str, int] | str:
        """What it is about: a claim and a period, or a tranche."""
        return (self.tranche or "") if self.claim is None else (self.claim, self.period or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """Runs from `since`; `duties` are those whose breach suspended; `resumed` names who has agreed to resume."""

    since: int
    duties: tuple[str, ...]
    resumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A party's notice, and when it ends."""

    at: int
    ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangementState(Memoised):
    """`over_at`: when all that the end of the term waits for was decided."""

    phase: Phase
    at: int
    over_at: int | None = None
    signed: dict[str, int]
    effective_at: int | None = None  # D
    winding_by: str | None = None  # "withdrawal" or "suspension"
    suspension: Suspension | None = None
    withdrawals: dict[str, Withdrawal]
    holds_used: dict[str, int]
    excluded: dict[str, int]  # equivocators, and since when they count no more


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalClock:
    """tau: logical time, moved by seals. now: the instant up to which deadlines have been worked."""

    tau: int
    now: int


class WithAgenda:
    """A state with its agenda, which is derived from it and no part of it. One that no step made has none."""

    __slots__ = ("_agenda",)
    _agenda: Agenda

    @property
    def agenda(self) -> Agenda | None:
        """The agenda, if it is at hand."""
        return getattr(self, "_agenda", None)

    def going(self, agenda: Agenda) -> Self:
        """This very state, which has its agenda now."""
        object.__setattr__(self, "_agenda", agenda)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class State(WithAgenda):
    """Everything. `root` = SHA-256 of its canonical JSON."""

    clock: LogicalClock
    arrangement: ArrangementState
    claims: dict[str, ClaimState]
    duties: dict[str, DutyState]  # the terms' duties and each tranche's release duty
    tranches: dict[str, TrancheState]
    allegations: Parts[AllegationState]  # by id: "<author>/<claim>/<period>" or "<author>/<tranche>"

    @property
    def holds(self) -> tuple[str, ...]:
        """The allegations whose holds run."""
        return tuple(self.agenda.holds if self.agenda else (n for n, said in self.allegations.items() if said.holding))

    @property
    def shown(self) -> Phase:
        """The arrangement's state by its public name: the phase, or HELD or SUSPENDED (rule 5.2b)."""
        if self.arrangement.phase != _EFFECTIVE:
            return self.arrangement.phase
        if self.arrangement.suspension:
            return Phase.SUSPENDED
        return Phase.HELD if (self.agenda.holds if self.agenda else self.holds) else _EFFECTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that a step changed, for timelines and "why". kind: arrangement claim duty instance tranche allegation.

    `subject` is the object's id (a claim's has "#period" appended); `rule` names the rule that fired; `cause` is what
    it rests on, besides the entry that made it and its author, which are None for what followed or time did."""

    kind: str
    subject: str
    before: str
    after: str
    at: int
    rule: str
    cause: Cause
    author: str | None = None
    entry: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step yields: the new state, the entry's time, and what changed, in order."""

    state: State
    at: int
    changes: tuple[Change, ...]
