"""The signed terms of an arrangement, as frozen values. Their canonical JSON is what parties sign.

Field names here *are* the names in the canonical document. Times are UTC seconds, durations whole seconds. Ids are
the author's short names (`A`, `k2`, `C5a`, `T3`). Tuples whose order means nothing are sorted by the compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Stage

SEMANTICS = "armslength/arrangement/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorKeys:
    """Ed25519 public keys (32 bytes, standard base64), one per role.

    entries: signs entries, stamps, refusals and manifests. checkpoints: the keeper's log signature and a
    timekeeper's cosignatures. tokens: bearer tokens between nodes. A monitor without a node has only `entries`.
    """

    entries: str
    checkpoints: str | None = None
    tokens: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Anyone the terms name. Third parties that sign nothing have no did and no keys."""

    name: str
    did: str | None = None
    keys: ActorKeys | None = None
    address: str | None = None  # base URL of its node, no trailing slash
    group: str | None = None  # a monitor's group label, for group minima


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """At least `count` of `of`, with at least `groups[g]` from each named group, and all of `including`."""

    of: tuple[str, ...]
    count: int
    groups: dict[str, int]
    including: tuple[str, ...]

    def met(self, actors: Mapping[str, Actor], names: Iterable[str]) -> bool:
        """Whether those of `names` who count are enough."""
        found = {name for name in names if name in self.of}
        if len(found) < self.count or not found.issuperset(self.including):
            return False
        grouped = [actors[name].group for name in found] if self.groups else ()
        return all(grouped.count(group) >= least for group, least in self.groups.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A clause's title and the SHA-256 (hex) of its human text (UTF-8), which travels beside the document."""

    title: str
    sha256: str


class Operator:
    """What a formula is made of. Each class of it has an `op`, which names it in the canonical document."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Operator):
    """All of its parts hold; there is at least one."""

    of: tuple[Condition, ...]
    op: Literal["all"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(Operator):
    """One of its parts holds; there is at least one."""

    of: tuple[Condition, ...]
    op: Literal["any"] = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Operator):
    """Its only part does not hold."""

    of: tuple[Condition]
    op: Literal["not"] = "not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective(Operator):
    """The arrangement has become EFFECTIVE."""

    op: Literal["effective"] = "effective"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtTime(Operator):
    """It is `anchor` ("start" is D) + `after` seconds, or later."""

    anchor: Literal["start", "end"]
    after: int
    op: Literal["time"] = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimIs(Operator):
    """An event claim's value is one of `states`: SUPPORTED, REFUTED."""

    claim: str
    states: tuple[PeriodValue, ...]
    op: Literal["claim"] = "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanRun(Operator):
    """There is an earliest run of `length` consecutive clean periods in every one of `claims`, beginning after the run
    of tranche `follows` (None: from period 0)."""

    claims: tuple[str, ...]
    length: int
    follows: str | None = None
    op: Literal["run"] = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyIs(Operator):
    """The duty's state is one of `states`."""

    duty: str
    states: tuple[DutyStatus, ...]
    op: Literal["duty"] = "duty"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrancheIs(Operator):
    """The tranche's state is one of `states`."""

    tranche: str
    states: tuple[Stage, ...]
    op: Literal["tranche"] = "tranche"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear(Operator):
    """None of `duties` is OVERDUE or BREACHED or has an open violation instance."""

    duties: tuple[str, ...]
    op: Literal["clear"] = "clear"


if TYPE_CHECKING:
    Condition: TypeAlias = AllOf | AnyOf | Not | Effective | AtTime | ClaimIs | CleanRun | DutyIs | TrancheIs | Clear
else:  # decoders know no unions of classes; they are told the class by its `op`
    Condition = Operator


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and all that it is made of: each before its parts, and these in order."""
    yield condition
    if isinstance(condition, AllOf | AnyOf | Not):
        for part in condition.of:
            yield from walk(part)


def claims_of(condition: Condition) -> set[str]:
    """The claims that a condition is about."""
    parts = list(walk(condition))
    runs = {claim for part in parts if isinstance(part, CleanRun) for claim in part.claims}
    return runs | {part.claim for part in parts if isinstance(part, ClaimIs)}


def duties_of(condition: Condition) -> set[str]:
    """The duties that a condition names."""
    parts = list(walk(condition))
    clear = {duty for part in parts if isinstance(part, Clear) for duty in part.duties}
    return clear | {part.duty for part in parts if isinstance(part, DutyIs)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuse:
    """Periods of the claim are EXCUSED when a timely notice overlaps and the excuse `claim` is SUPPORTED."""

    claim: str
    lead: int  # a notice is timely if its entry time ≤ the interval's start − lead


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something monitors attest. kind "state": per period; kind "event": period 0 only, which never ends."""

    kind: str
    clause: str
    statement: str
    monitors: tuple[str, ...]
    support: int  # k⁺
    refute: int  # k⁻
    groups: dict[str, int]  # minima, for both sides
    including: tuple[str, ...]  # monitors that every quorum must contain, for both sides
    offset: int = 0  # the claim's anchor is D + offset
    period: int | None = None  # state only
    report_by: int | None = None  # after the period's end (state), or after the anchor (event; None: no limit)
    excuse: Excuse | None = None

    def quorum(self, value: bool) -> Quorum:
        """Who decides that it held in a period, or that it did not."""
        least = self.support if value else self.refute
        return Quorum(of=self.monitors, count=least, groups=self.groups, including=self.including)

    def periods(self, begun: int, end: int) -> int:
        """How many periods begin before the end of the term, where D is `begun`; 1 for an event."""
        return 1 if self.period is None else max(0, -(-(end - begun - self.offset) // self.period))


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An instant: `anchor` ("trigger", "start" or "end") + `after` seconds."""

    anchor: str
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a debtor owes. kind "achieve": by `due`, shown by an event claim. kind "maintain": in every period."""

    kind: str
    clause: str
    statement: str
    debtor: str
    creditors: tuple[str, ...]
    performer: str
    claim: str
    trigger: Condition
    consequence: str  # "suspend", "withhold" (a `clear` continuous condition on tranches) or "record"
    cure: int  # achieve: seconds after due; maintain: number of whole periods after the first refuted one
    due: Due | None = None  # achieve only
    remedy_run: int | None = None  # maintain only: clean periods that remedy a breach
    still_owed: bool = True  # achieve only: still owed, and remediable, after a breach
    surviving: bool = False
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tranche:
    """A unit of release: one sealed dataset from `provider` to `recipient`."""

    clause: str
    title: str
    media_types: tuple[str, ...]
    max_size: int  # bytes of plaintext
    provider: str
    recipient: str
    gate: Condition  # pre-condition; latched
    continuous: Condition  # must hold until released
    deliver_by: int  # after the gate
    release_by: int  # after DELIVERED
    release_cure: int
    key_by: int  # after the seal that covers the release
    ack_by: int  # after the key
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allegations:
    """Clocks of allegations, all from the raising, and who determines."""

    reply: int
    determination: int
    hold: int
    holds_per_party: int
    determiners: Quorum
    default: str  # outcome of a complaint on a tranche that nobody determines: "DISMISSED" or "UPHELD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """The whole of the terms. Its id is the SHA-256 of its canonical JSON."""

    semantics: str
    title: str
    clock: str  # "utc" or "simulated"
    actors: dict[str, Actor]
    parties: tuple[str, ...]
    third_parties: tuple[str, ...]
    monitors: tuple[str, ...]
    keeper: str
    fallback_keepers: tuple[str, ...]  # in order; take-over comes later
    timekeepers: Quorum
    start: int
    end: int
    entry_by: int
    grace: int
    max_suspension: int
    withdrawal_notice: int
    allegations: Allegations
    clauses: dict[str, Clause]
    claims: dict[str, Claim]
    duties: dict[str, Duty]
    tranches: dict[str, Tranche]


def release_duty(tranche: str) -> str:
    """The id of the duty to release `tranche`, which every tranche has; its debtor is the tranche's provider."""
    return f"{tranche}.release"


def roles(terms: Arrangement, actor: str) -> tuple[str, ...]:
    """What these terms ask of an actor: to sign as "party", or which offices to accept."""
    there = {
        "party": terms.parties,
        "keeper": (terms.keeper,),
        "fallback-keeper": terms.fallback_keepers,
        "timekeeper": terms.timekeepers.of,
        "determiner": terms.allegations.determiners.of,
        "monitor": terms.monitors,
    }
    return tuple(role for role, actors in there.items() if actor in actors)


def named_as(terms: Arrangement, did: str, key: str) -> str | None:
    """The actor in these terms with this DID and this key for entries, in base64."""
    for name, actor in terms.actors.items():
        if actor.did == did and actor.keys is not None and actor.keys.entries == key:
            return name
    return None
