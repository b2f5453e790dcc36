"""The state machines, as tables.

Laws:

1. Nothing changes state but a row of these tables (rule 1.6c). `Draft.move` takes the row by its rule and refuses any
   other state than the row starts from; every change in a timeline carries that rule.
2. A row is made by an entry (`by` names its type), by an instant that time reaches ("time"), or by what other objects
   have come to ("follows"). Rows of the last two kinds have one guard each in the module of their machine.
3. HELD and SUSPENDED are derived (`State.shown`), and so is WITHHELD (`TrancheState.shown`); a maintain duty shows its
   worst open violation instance. They are in the tables because people see them.
4. RELEASED is for ever (rule 6.1d): no row leads from it but to its settlement or its complaint.
5. What a state can still become is the closure of its table (`Machine.reachable`); "can no longer hold" rests on it.
6. The states of a table are the members of one class, which stands beside it. They are written by their names.

The pictures in docs/states are drawn from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Generic, TypeVar

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Transition(Generic[S]):
    """One transition: in any of the states `before`, `rule` leads to `after`; `by` says what makes it."""

    rule: str
    before: tuple[S, ...]
    after: S
    by: str
    words: str


@dataclass(frozen=True)
class Machine(Generic[S]):
    """A named table. `kind` is the `Change.kind` of its changes."""

    name: str
    kind: str
    start: S
    rows: dict[str, Transition[S]]

    @property
    def states(self) -> tuple[S, ...]:
        """Every state, in order of first mention."""
        seen = {self.start: None}
        for row in self.rows.values():
            seen |= dict.fromkeys((*row.before, row.after))
        return tuple(seen)

    def reachable(self, state: S) -> frozenset[S]:
        """`state` and all that it can still become."""
        return self._onward[state]

    @cached_property
    def _onward(self) -> dict[S, frozenset[S]]:
        onward = {state: {state} for state in self.states}
        for _ in self.states:
            for row in self.rows.values():
                for before in row.before:
                    onward[before] |= onward[row.after]
        return {state: frozenset(reached) for state, reached in onward.items()}


def _machine(name: str, kind: str, start: S, *rows: tuple[str, str, str, str, str]) -> Machine[S]:
    """Rows are (rule, states before separated by spaces, state after, made by, words)."""
    states, table = type(start), {}
    for row, before, after, by, words in rows:
        rule = f"{name}.{row}"
        table[rule] = Transition(rule, tuple(map(states, before.split())), states(after), by, words)
    return Machine(name, kind, start, table)


class PeriodValue(StrEnum):
    """What a period of a claim was decided to be."""

    UNDECIDED = "UNDECIDED"
    SUPPORTED = "SUPPORTED"
    REFUTED = "REFUTED"
    EXCUSED = "EXCUSED"
    UNKNOWN = "UNKNOWN"


# A period of a claim is decided once, for good. The first quorum decides; an upheld allegation decides an undecided
# period; while a timely notice overlaps, a refuting quorum waits for the excuse; at reportBy + grace all is over.
CLAIM = _machine(
    "claim",
    "claim",
    PeriodValue.UNDECIDED,
    ("supported", "UNDECIDED", "SUPPORTED", "attest", "a quorum says true"),
    ("refuted", "UNDECIDED", "REFUTED", "attest", "a quorum says false, and no notice excuses"),
    ("excused", "UNDECIDED", "EXCUSED", "follows", "timely notice, excuse claim SUPPORTED"),
    ("upheld", "UNDECIDED", "REFUTED", "follows", "an allegation of it is UPHELD"),
    ("waited", "UNDECIDED", "REFUTED", "follows", "quorum of false, and the excuse failed"),
    ("unknown", "UNDECIDED", "UNKNOWN", "time", "reportBy + grace"),
)


class DutyStatus(StrEnum):
    """How it stands with a duty of any kind, or with one violation of a duty to maintain."""

    NONE = "NONE"  # a violation before it is opened
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    OVERDUE = "OVERDUE"
    CURED = "CURED"
    BREACHED = "BREACHED"
    REMEDIED = "REMEDIED"
    FULFILLED = "FULFILLED"
    DISCHARGED = "DISCHARGED"
    EXPIRED = "EXPIRED"
    UNVERIFIED = "UNVERIFIED"


# A duty to do something by an instant, shown by an event claim. In time is a claim decided at or before `due`; the
# deadline fires at due + grace, since grace is for the arrival of what was in time.
ACHIEVE = _machine(
    "duty",
    "duty",
    DutyStatus.PENDING,
    ("triggered", "PENDING", "ACTIVE", "follows", "trigger holds"),
    ("expired", "PENDING", "EXPIRED", "follows", "trigger can no longer hold, or the term is over"),
    ("fulfilled", "ACTIVE", "FULFILLED", "follows", "claim SUPPORTED at or before due"),
    ("overdue", "ACTIVE", "OVERDUE", "time", "due + grace"),
    ("cured", "OVERDUE", "CURED", "follows", "claim SUPPORTED within the cure"),
    ("breached", "OVERDUE", "BREACHED", "time", "end of cure + grace"),
    ("remedied", "BREACHED", "REMEDIED", "follows", "still_owed, and claim SUPPORTED"),
    ("excused", "ACTIVE OVERDUE", "DISCHARGED", "follows", "claim EXCUSED"),
    ("waived", "PENDING ACTIVE OVERDUE BREACHED", "DISCHARGED", "waive", "every creditor waives"),
    ("abandoned", "OVERDUE", "BREACHED", "follows", "WINDING: nobody withdraws out of a breach"),
    ("discharged", "PENDING ACTIVE", "DISCHARGED", "follows", "WINDING, not surviving"),
)

# A duty that holds in every period. It stays ACTIVE and owns violation instances; the worst open one is shown. It is
# concluded once all its periods are decided and the term is over: worst wins.
MAINTAIN = _machine(
    "maintain",
    "duty",
    DutyStatus.PENDING,
    ("triggered", "PENDING", "ACTIVE", "follows", "trigger holds"),
    ("expired", "PENDING", "EXPIRED", "follows", "trigger can no longer hold, or the term is over"),
    ("violated", "ACTIVE", "OVERDUE", "follows", "a violation instance opens"),
    ("cured", "OVERDUE", "ACTIVE", "follows", "its instance is CURED"),
    ("breached", "ACTIVE OVERDUE", "BREACHED", "follows", "its instance is BREACHED"),
    ("remedied", "BREACHED", "ACTIVE", "follows", "its instance is REMEDIED"),
    ("reopened", "BREACHED", "OVERDUE", "follows", "its instance is OVERDUE again"),
    ("fulfilled", "ACTIVE", "FULFILLED", "follows", "concluded: all clean or cured"),
    ("concluded", "ACTIVE", "REMEDIED", "follows", "concluded: a breach was remedied"),
    ("unverified", "ACTIVE", "UNVERIFIED", "follows", "concluded: a period is UNKNOWN"),
    ("waived", "PENDING ACTIVE OVERDUE BREACHED", "DISCHARGED", "waive", "every creditor waives"),
    ("discharged", "PENDING ACTIVE", "DISCHARGED", "follows", "WINDING, not surviving"),
)

# One violation of a maintain duty. The cure window is the next n whole periods.
INSTANCE = _machine(
    "instance",
    "instance",
    DutyStatus.NONE,
    ("opened", "NONE", "OVERDUE", "follows", "a period is REFUTED, no instance is open"),
    ("joined", "OVERDUE CURED", "OVERDUE", "follows", "an earlier period is REFUTED, by the instant that ended it"),
    ("joined-breach", "BREACHED REMEDIED", "BREACHED", "follows", "the same after a breach, and its window breaks too"),
    ("reopened", "BREACHED REMEDIED", "OVERDUE", "follows", "the same, and its window does not break"),
    ("cured", "OVERDUE", "CURED", "follows", "cure window all clean"),
    ("breached", "OVERDUE", "BREACHED", "follows", "cure window has a REFUTED or UNKNOWN period, or none is given"),
    ("cut", "OVERDUE", "BREACHED", "follows", "cure window cut short by the end of the term"),
    ("abandoned", "OVERDUE", "BREACHED", "follows", "WINDING: nobody withdraws out of a breach"),
    ("remedied", "BREACHED", "REMEDIED", "follows", "the run that the terms ask for"),
)

# The provider's duty to release a tranche once it is DELIVERED: release by due, key by keyBy of the covering seal.
RELEASE = _machine(
    "release",
    "duty",
    DutyStatus.PENDING,
    ("delivered", "PENDING", "ACTIVE", "follows", "tranche DELIVERED"),
    ("fulfilled", "ACTIVE", "FULFILLED", "follows", "SETTLED; release and key in time"),
    ("overdue", "ACTIVE", "OVERDUE", "time", "due + grace without release, or keyBy + grace without key"),
    ("cured", "OVERDUE", "CURED", "follows", "SETTLED; key within the cure"),
    ("breached", "OVERDUE", "BREACHED", "time", "end of cure + grace without key"),
    ("upheld", "PENDING ACTIVE OVERDUE", "BREACHED", "follows", "allegation or complaint UPHELD"),
    ("waived", "PENDING ACTIVE OVERDUE", "DISCHARGED", "waive", "the recipient waives"),
    ("abandoned", "OVERDUE", "BREACHED", "follows", "tranche FORFEITED while OVERDUE"),
    ("discharged", "PENDING ACTIVE", "DISCHARGED", "follows", "tranche FORFEITED"),
)


class Stage(StrEnum):
    """How far a tranche has come. WITHHELD is shown, never stored."""

    LOCKED = "LOCKED"
    READY = "READY"
    DELIVERED = "DELIVERED"
    RELEASED = "RELEASED"
    SETTLED = "SETTLED"
    DISPUTED = "DISPUTED"
    FORFEITED = "FORFEITED"
    WITHHELD = "WITHHELD"


# A tranche. Its gate latches only while it is not withheld; its continuous condition must hold until it is RELEASED.
TRANCHE = _machine(
    "tranche",
    "tranche",
    Stage.LOCKED,
    ("ready", "LOCKED", "READY", "follows", "gate latched, content committed"),
    ("delivered", "READY", "DELIVERED", "ack", "recipient acknowledges the ciphertext"),
    ("released", "DELIVERED", "RELEASED", "release", "provider releases; conditions hold"),
    ("settled", "RELEASED", "SETTLED", "ack", "recipient acknowledges the plaintext"),
    ("silent", "RELEASED", "SETTLED", "time", "ackBy + grace after the key"),
    ("disputed", "RELEASED", "DISPUTED", "ack", "recipient complains"),
    ("dismissed", "DISPUTED", "SETTLED", "determine", "complaint dismissed, by votes or by default"),
    ("withheld", "LOCKED READY DELIVERED", "WITHHELD", "follows", "HELD, SUSPENDED, condition false, or complaint"),
    ("back-locked", "WITHHELD", "LOCKED", "follows", "no reason is left (was LOCKED)"),
    ("back-ready", "WITHHELD", "READY", "follows", "no reason is left (was READY)"),
    ("back-delivered", "WITHHELD", "DELIVERED", "follows", "no reason is left (was DELIVERED)"),
    ("forfeited", "LOCKED READY DELIVERED WITHHELD", "FORFEITED", "follows", "the end, unless still owed"),
)


class AllegationOutcome(StrEnum):
    """What an allegation, or a complaint about a tranche, has come to."""

    NONE = "NONE"  # before it is raised
    OPEN = "OPEN"
    UPHELD = "UPHELD"
    DISMISSED = "DISMISSED"


# An allegation's outcome.
OUTCOME = _machine(
    "allegation",
    "allegation",
    AllegationOutcome.NONE,
    ("raised", "NONE", "OPEN", "allege", "a party alleges"),
    ("refuted", "OPEN", "UPHELD", "follows", "the period is REFUTED"),
    ("admitted", "OPEN", "UPHELD", "respond", "the debtor admits"),
    ("upheld", "OPEN", "UPHELD", "determine", "determiners uphold"),
    ("clean", "OPEN", "DISMISSED", "follows", "the period is SUPPORTED or EXCUSED"),
    ("dismissed", "OPEN", "DISMISSED", "determine", "determiners dismiss"),
    ("timeout", "OPEN", "DISMISSED", "time", "determination time + grace"),
)


class AllegationAnswer(StrEnum):
    """What the debtor has answered to an allegation."""

    NONE = "NONE"
    ADMITTED = "ADMITTED"
    DENIED = "DENIED"
    UNANSWERED = "UNANSWERED"


# An allegation's answer. UNANSWERED alone decides nothing.
ANSWER = _machine(
    "answer",
    "allegation",
    AllegationAnswer.NONE,
    ("admitted", "NONE", "ADMITTED", "respond", "the debtor admits"),
    ("denied", "NONE", "DENIED", "respond", "the debtor denies"),
    ("unanswered", "NONE", "UNANSWERED", "time", "reply time + grace"),
)


class Phase(StrEnum):
    """How far an arrangement has come. HELD and SUSPENDED are shown while it is EFFECTIVE, never stored."""

    PROPOSED = "PROPOSED"
    SIGNED = "SIGNED"
    EFFECTIVE = "EFFECTIVE"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    WINDING = "WINDING"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"
    LAPSED = "LAPSED"


# The arrangement, with its running state.
ARRANGEMENT = _machine(
    "arrangement",
    "arrangement",
    Phase.PROPOSED,
    ("signed", "PROPOSED", "SIGNED", "sign", "all parties have signed"),
    ("lapsed", "PROPOSED", "LAPSED", "time", "entry long-stop + grace"),
    ("entered", "SIGNED", "EFFECTIVE", "time", "start, or the last signature if later"),
    ("held", "EFFECTIVE", "HELD", "follows", "a hold runs"),
    ("unheld", "HELD", "EFFECTIVE", "follows", "no hold runs"),
    ("suspended", "EFFECTIVE HELD", "SUSPENDED", "follows", "a duty that suspends is BREACHED"),
    ("resumed", "SUSPENDED", "EFFECTIVE", "follows", "resume agreed, breach remedied"),
    ("resumed-held", "SUSPENDED", "HELD", "follows", "resume agreed, breach remedied, a hold runs"),
    ("withdrawn", "EFFECTIVE HELD SUSPENDED", "WINDING", "time", "end of a withdrawal's notice"),
    ("unresumed", "SUSPENDED", "WINDING", "time", "maxSuspension + grace, or the end of the term"),
    ("completed", "EFFECTIVE", "COMPLETED", "follows", "term over, all is final"),
    ("terminated", "WINDING", "TERMINATED", "follows", "no tranche is owed"),
)


class AuthorState(StrEnum):
    """Whether what somebody states counts (rule 1.4c)."""

    COUNTED = "COUNTED"
    EXCLUDED = "EXCLUDED"


# What changes no state: when a deadline falls, and who counts.
ASIDE = ("evidence.excluded", "clock.frozen", "clock.thawed")

# Sets of states that have a name.
BAD: Final = frozenset({DutyStatus.OVERDUE, DutyStatus.BREACHED})  # of a duty, or of a violation instance
OWED: Final = frozenset({DutyStatus.PENDING, DutyStatus.ACTIVE, DutyStatus.OVERDUE})  # … not broken, and not done
RUNNING: Final = frozenset({DutyStatus.ACTIVE, DutyStatus.OVERDUE, DutyStatus.BREACHED})  # … to be performed
DUE: Final = frozenset({DutyStatus.ACTIVE, DutyStatus.OVERDUE})  # … with a deadline that runs
MENDED: Final = frozenset({DutyStatus.CURED, DutyStatus.REMEDIED})
# … of a tranche: WITHHELD is shown in place of these
UNRELEASED: Final = frozenset({Stage.LOCKED, Stage.READY, Stage.DELIVERED})
GIVEN: Final = frozenset({Stage.RELEASED, Stage.SETTLED, Stage.DISPUTED})
FINISHED: Final = frozenset({Stage.SETTLED, Stage.DISPUTED, Stage.FORFEITED})
LIVE: Final = frozenset({Phase.EFFECTIVE, Phase.WINDING})  # of the arrangement: tranches move
UNDER_WAY: Final = frozenset({Phase.PROPOSED, Phase.SIGNED, Phase.EFFECTIVE})  # … it is neither winding down nor done
ENDED: Final = frozenset({Phase.COMPLETED, Phase.TERMINATED, Phase.LAPSED})

MACHINES = (ARRANGEMENT, CLAIM, ACHIEVE, MAINTAIN, INSTANCE, RELEASE, TRANCHE, OUTCOME, ANSWER)
