"""What the second engine knows: the terms, every entry placed so far, and what each object has come to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from armslength.core.arrangement.bodies import Attest, Body, Notice
from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    Arrangement,
    Claim,
    CleanRun,
    Condition,
    Not,
    Quorum,
    release_duty,
)


class No(Exception):
    """The entry is not valid here (rule 1.3); the code says why."""


@dataclass
class Instance:
    """A violation of a maintain duty (rule 4.2); `last` is the last period that it has used up."""

    first: int
    state: str
    at: int
    broke: int | None = None
    last: int = 0


@dataclass
class Duty:
    """A duty, or a tranche's release duty."""

    state: str = "PENDING"
    at: int = 0
    active_at: int | None = None
    due: int | None = None
    cure_due: int | None = None
    frozen_at: int | None = None
    performed_at: int | None = None
    instances: list[Instance] = field(default_factory=list)
    letters: str = ""  # of its claim, when its instances were last computed
    abandoned: int | None = None  # the first period of the violation that the winding down breached
    waived: set[str] = field(default_factory=set)
    waived_at: int | None = None  # the latest waiver


@dataclass
class Tranche:
    """A tranche; `withheld` are the reasons for which it shows as WITHHELD."""

    stage: str = "LOCKED"
    at: int = 0
    withheld: tuple[str, ...] = ()
    fell: int | None = None  # since when it is WITHHELD
    by_deadline: bool = False  # … and whether by a deadline that fired
    gate_at: int | None = None
    commit: str | None = None
    delivered_at: int | None = None
    released_at: int | None = None
    wrapped: str | None = None
    key_due: int | None = None
    key_at: int | None = None
    disputed_at: int | None = None
    complaint: str | None = None
    votes: dict[str, bool] = field(default_factory=dict)

    def was(self, instant: int) -> str:
        """What it showed at an instant that lies behind: its stage, if a deadline has made it WITHHELD since then; that
        is taken as not yet made (decision 22)."""
        return self.stage if self.by_deadline and self.fell is not None and instant < self.fell else self.shown

    @property
    def shown(self) -> str:
        """The public name: WITHHELD remembers where it was (rule 6.1)."""
        return "WITHHELD" if self.withheld and self.stage in ("LOCKED", "READY", "DELIVERED") else self.stage


@dataclass
class Allegation:
    """An allegation's two fields, and its hold (rule 5.1)."""

    by: str
    raised_at: int
    claim: str | None
    period: int | None
    tranche: str | None
    holding: bool
    answer: str | None = None
    answered_at: int = 0
    outcome: str = "OPEN"
    votes: dict[str, bool] = field(default_factory=dict)


@dataclass
class Suspension:
    """The current one."""

    since: int
    duties: set[str]
    resumed: set[str] = field(default_factory=set)


@dataclass
class Said:
    """An entry in its place, and its time."""

    author: str
    body: Body
    entry: str
    at: int


class World:
    """Everything, changed in place. `at` is the instant that what happens now bears, `now` how far time was worked,
    `as_of` what decides whether it is in time: an entry's own time, or the deadline that fires (grace earlier)."""

    def __init__(self, terms: Arrangement) -> None:
        self.terms = terms
        self.tau = self.now = self.at = self.as_of = 0
        self.over_at: int | None = None  # since when the term is over
        self.firing = False  # what happens now is made by a deadline
        self.phase, self.phase_at = "PROPOSED", 0
        self.signed: dict[str, int] = {}
        self.day: int | None = None  # D
        self.winding_by: str | None = None
        self.suspension: Suspension | None = None
        self.withdrawals: dict[str, tuple[int, int]] = {}
        self.holds_used: dict[str, int] = {}
        self.excluded: dict[str, int] = {}
        self.attested: dict[tuple[str, int], list[Said]] = defaultdict(list)
        self.noticed: dict[str, list[Said]] = defaultdict(list)
        self.periods: dict[str, dict[int, str]] = {claim: {} for claim in terms.claims}  # decided ones
        self.decided_at: dict[tuple[str, int], int] = {}
        self.decided_as_of: dict[tuple[str, int], int] = {}
        self.releases = {release_duty(tranche): tranche for tranche in sorted(terms.tranches)}
        self.duties = {duty: Duty() for duty in sorted([*terms.duties, *self.releases])}
        self.tranches = {tranche: Tranche() for tranche in sorted(terms.tranches)}
        self.allegations: dict[str, Allegation] = {}
        self.breaches: set[str] = set()  # fired, and not yet followed by their consequence

    # --- who --------------------------------------------------------------------------------------------------------

    def debtor(self, duty: str) -> str:
        """Who owes it; a release duty is its provider's (rule 6.4)."""
        return (
            self.terms.tranches[self.releases[duty]].provider
            if duty in self.releases
            else self.terms.duties[duty].debtor
        )

    def creditors(self, duty: str) -> tuple[str, ...]:
        """To whom it is owed."""
        return (
            (self.terms.tranches[self.releases[duty]].recipient,)
            if duty in self.releases
            else self.terms.duties[duty].creditors
        )

    def shows(self, claim: str) -> list[str]:
        """The duties that a claim shows."""
        return [duty for duty in sorted(self.terms.duties) if self.terms.duties[duty].claim == claim]

    def quorum(self, quorum: Quorum, who: set[str]) -> bool:
        """Enough of those who may, with each group's minimum and all who must be there."""
        return self.enough(who & set(quorum.of), quorum.count, quorum.groups, quorum.including)

    def enough(self, who: set[str], count: int, groups: dict[str, int], including: tuple[str, ...]) -> bool:
        """Rule 3.1: k and the group minima."""
        of_group = {group: sum(self.terms.actors[name].group == group for name in who) for group in groups}
        return len(who) >= count and set(including) <= who and all(of_group[group] >= groups[group] for group in groups)

    # --- periods ----------------------------------------------------------------------------------------------------

    def anchor(self, claim: str) -> int:
        """Anchors count from D (rule 2.6)."""
        assert self.day is not None
        return self.day + self.terms.claims[claim].offset

    def count(self, claim: str) -> int:
        """How many periods there are: as long as one begins within the term. An event has one."""
        known = self.terms.claims[claim]
        if known.period is None:
            return 1
        return max(0, -(-(self.terms.end - self.anchor(claim)) // known.period))

    def begins(self, claim: str, period: int) -> int:
        """pᵢ begins at anchor + i·period."""
        return self.anchor(claim) + period * (self.terms.claims[claim].period or 0)

    def ends(self, claim: str, period: int) -> int | None:
        """… and ends at anchor + (i+1)·period, or with the term; an event never ends."""
        length = self.terms.claims[claim].period
        return None if length is None else min(self.begins(claim, period) + length, self.terms.end)

    def whole(self, claim: str, period: int) -> bool:
        """Whether the term's end does not cut it."""
        length = self.terms.claims[claim].period
        return length is not None and self.begins(claim, period) + length <= self.terms.end

    def report_by(self, claim: str, period: int) -> int | None:
        """Until when it may be decided: after the period's end, or an event's anchor."""
        known = self.terms.claims[claim]
        if known.report_by is None:
            return None
        end = self.ends(claim, period)
        return (self.anchor(claim) if end is None else end) + known.report_by

    def letter(self, claim: str, period: int) -> str:
        """S, R, X, U, or a dot while undecided."""
        return self.periods[claim].get(period, ".")

    def letters(self, claim: str) -> str:
        """All periods."""
        return "".join(self.letter(claim, period) for period in range(self.count(claim) if self.day is not None else 0))

    def decide(self, claim: str, period: int, letter: str) -> None:
        """For good (rule 3.1)."""
        assert period not in self.periods[claim]
        self.periods[claim][period] = letter
        self.decided_at[claim, period] = self.at
        self.decided_as_of[claim, period] = self.as_of

    # --- the arrangement --------------------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """HELD comes from allegations alone (rule 5.2)."""
        return any(allegation.holding for allegation in self.allegations.values())

    @property
    def shown(self) -> str:
        """Rule 5.2: SUSPENDED if entered and not resumed, else HELD if any hold runs, else EFFECTIVE."""
        if self.phase != "EFFECTIVE":
            return self.phase
        return "SUSPENDED" if self.suspension else "HELD" if self.held else "EFFECTIVE"

    @property
    def lapsing(self) -> bool:
        """Too late to resume, though an agreement in time may still arrive (rules 2.3, 5.3)."""
        return self.suspension is not None and self.as_of > self.suspension.since + self.terms.max_suspension

    @property
    def over(self) -> bool:
        """Rule 5.5 and decision 13: it winds down, or its end has passed and its periods are decided."""
        if self.phase in ("WINDING", "COMPLETED", "TERMINATED"):
            return True
        return self.phase == "EFFECTIVE" and self.at >= self.terms.end and not self.waited_for()

    @property
    def closed(self) -> bool:
        """Whether the term, if it is over, was so before this instant."""
        if self.phase == "COMPLETED":
            return self.phase_at < self.at
        return self.phase != "EFFECTIVE" or (self.over_at is not None and self.over_at < self.at)

    def waited_for(self) -> bool:
        """Whether a period is undecided on which a maintain duty or a LOCKED tranche rests (decision 13)."""
        return any("." in self.letters(claim) for claim in self.awaited())

    def closing(self, at: int) -> bool:
        """Whether the last reportBy of the term has passed at this instant, though it may not have fired: nothing can
        decide a period any more that is waited for (decision 22)."""
        if self.phase != "EFFECTIVE" or at < self.terms.end:
            return False
        open_until = [
            self.report_by(claim, period)
            for claim in self.awaited()
            for period in range(self.count(claim))
            if self.letter(claim, period) == "."
        ]
        return all(by is not None and by < at for by in open_until)

    def awaited(self) -> set[str]:
        """The claims whose periods the end of the term waits for (decision 13)."""
        claims = {
            term.claim
            for name, term in self.terms.duties.items()
            if term.kind == "maintain" and self.duties[name].state in ("ACTIVE", "OVERDUE", "BREACHED")
        }
        for name, tranche in self.terms.tranches.items():
            if self.tranches[name].stage == "LOCKED":
                claims |= {c for atom in atoms(tranche.gate) if isinstance(atom, CleanRun) for c in atom.claims}
        return claims

    def own(self, duty: str) -> range:
        """The periods of a maintain duty: those that begin once it is ACTIVE."""
        claim, since = self.terms.duties[duty].claim, self.duties[duty].active_at
        if since is None:
            return range(0)
        first = next((p for p in range(self.count(claim)) if self.begins(claim, p) >= since), self.count(claim))
        return range(first, self.count(claim))

    # --- votes ------------------------------------------------------------------------------------------------------

    def votes(self, claim: str, period: int) -> dict[str, tuple[bool, int, str]]:
        """Each monitor's latest attestation in time, by those who count (rules 1.4, 3.1, 3.2). What is found of them
        past reportBy takes no vote out of the period (decision 22)."""
        by, found = self.report_by(claim, period), {}
        for said in self.attested[claim, period]:
            assert isinstance(said.body, Attest)
            out = self.excluded.get(said.author)
            if (by is None or said.at <= by) and (out is None or (by is not None and out > by)):
                found[said.author] = (said.body.value, said.at, said.entry)
        return found

    def notified(self, claim: str, period: int) -> bool:
        """Whether a timely notice overlaps the period (rule 3.3)."""
        excuse = self.terms.claims[claim].excuse
        for said in self.noticed[claim]:
            assert isinstance(said.body, Notice)
            assert excuse is not None
            end = self.ends(claim, period)
            overlaps = said.body.end > self.begins(claim, period) and (end is None or said.body.start < end)
            if overlaps and said.at <= said.body.start - excuse.lead:
                return True
        return False


def atoms(condition: Condition) -> list[Condition]:
    """The parts that have no parts."""
    if isinstance(condition, AllOf | AnyOf | Not):
        return [atom for part in condition.of for atom in atoms(part)]
    return [condition]


def claim_of(terms: Arrangement, claim: str) -> Claim:
    """A claim, or a refusal."""
    if claim not in terms.claims:
        raise No("unknown")
    return terms.claims[claim]
