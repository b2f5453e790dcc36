"""The journal of approvals, as a chain of lines and what follows from them.

Every line names the hash of the one before. What may follow what is decided here alone: whoever appends a line, opens
the journal again or audits an export folds the same lines by the same rules (rule 12.4a).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from armslength.approvals import policy as named
from armslength.approvals.drafts import (
    APPROVE,
    ASK,
    OBJECT,
    Act,
    Decision,
    DraftedAct,
    Proof,
    Subject,
    check_draft,
    official_of,
)
from armslength.approvals.policy import OWNER, ApprovalPolicy, ApprovalRule, check_policy
from armslength.core.canonical import canonical, digest, plain
from armslength.errors import ArmslengthError, NotFound, Refused, Unauthorised, Unverified

CHANGED, LAPSED, REJECTED = "changed", "lapsed", "refused"  # why the node ends a draft …
OBJECTED, REPLACED = "objected", "policy"  # … and what else does
MOST_ASKED: Final = 100  # drafts of one official that are not over
ENDINGS: Final = frozenset({CHANGED, LAPSED, REJECTED})


class DraftState(StrEnum):
    """Where a draft stands. A standing approval is APPROVED for as long as it holds."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"
    DONE = "DONE"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A policy takes effect, by this draft; by the owner's word ("") where there was none."""

    policy: ApprovalPolicy
    draft: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRequest:
    """A draft is asked for: with the asker's proof, or by the node itself."""

    draft: DraftedAct
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """What a draft asked for is done; of a standing approval: these acts, and in which arrangement."""

    draft: str
    acts: tuple[Act, ...] = ()
    arrangement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The node ends a draft: its object has changed, it lapses, or what it asks for is refused."""

    draft: str
    why: str
    reason: str = ""


Fact = Adoption | DraftRequest | Decision | Fulfilment | Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalLine:
    """One line: its number, the hash of the one before, when it was written, and one fact."""

    number: int
    previous: str
    at: int
    adopted: Adoption | None = None
    requested: DraftRequest | None = None
    decided: Decision | None = None
    fulfilled: Fulfilment | None = None
    ended: Ending | None = None

    @property
    def hash(self) -> str:
        """Its name."""
        return digest(canonical(self))

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What it states: one fact, in a line that is one."""
        found = (self.adopted, self.requested, self.decided, self.fulfilled, self.ended)
        return tuple(each for each in found if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRecord:
    """A draft, where it stands, and who has said what. `used`: what was done on a standing approval. `why`: of one that
    has ended."""

    draft: DraftedAct
    hash: str
    at: int  # when it was asked for
    state: DraftState = DraftState.OPEN
    approved: tuple[str, ...] = ()
    objected: tuple[str, ...] = ()
    used: tuple[Fulfilment, ...] = ()
    why: str = ""
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow from it any more."""
        return self.state in {DraftState.DONE, DraftState.ENDED}

    def is_lapsed(self, at: int) -> bool:
        """Whether its time is over: a standing approval that is in force ends with its date alone."""
        if self.draft.until is not None and self.state is DraftState.APPROVED:
            return at >= self.draft.until
        return at > self.draft.lapses


class Ledger:
    """All lines so far, folded. `place` is the only way to change it."""

    def __init__(self) -> None:
        self.number = 0
        self.head = ""
        self.at = 0
        self.policy = OWNER
        self.policies = dict[str, ApprovalPolicy]()  # that were ever in force, by hash
        self.drafts: dict[str, DraftRecord] = {}
        self._live: dict[str, None] = {}  # of those, the ones that are not over

    def copy(self) -> Ledger:
        """Another one that goes on from here; records are values."""
        made = Ledger()
        made.number, made.head, made.at, made.policy = self.number, self.head, self.at, self.policy
        made.policies, made.drafts, made._live = dict(self.policies), dict(self.drafts), dict(self._live)
        return made

    # --- what follows ----------------------------------------------------------------------------------------------

    def live(self) -> Iterator[DraftRecord]:
        """The drafts that are not over, oldest first."""
        return (self.drafts[name] for name in list(self._live))

    def find(self, name: str) -> DraftRecord:
        """A draft by its hash. Raises NotFound."""
        found = self.drafts.get(name)
        if found is None:
            raise NotFound("unknown-draft", "no such draft was asked for here", name[:16])
        return found

    def name_of(self, line: ApprovalLine) -> str:
        """The name of the official whose word a line is, by the policy under which it was given; "" for the node."""
        if line.requested is not None:
            policy, name = self.policies[line.requested.draft.policy], line.requested.draft.by
        elif line.decided is not None:
            policy = self.policies[self.find(line.decided.draft).draft.policy]
            name = policy.speaker(line.decided.proof.key, line.decided.proof.login) or ""
        else:
            return ""
        return policy.officials[name].name if name else ""

    def left(self, record: DraftRecord) -> tuple[str, ...]:
        """Whose approval a draft still waits for: any of these."""
        rule, said = self.rule(record.draft.act), {record.draft.by, *record.approved, *record.objected}
        is_open = record.state is DraftState.OPEN
        return tuple(name for name in rule.of if name not in said) if rule is not None and is_open else ()

    def refusals(self, record: DraftRecord, now: int) -> dict[str, str]:
        """Why officials of the policy in force could not approve a draft now, by their ids."""
        found = dict[str, str]()
        for who in self.policy.officials:
            try:
                self._said(record, who, APPROVE, self.next_time(now))
            except ArmslengthError as error:
                found[who] = error.reason
        return found

    def rule(self, act: str) -> ApprovalRule | None:
        """Whom an act needs by the policy in force."""
        return self.policy.rule(act)

    def covering(self, arrangement: str, act: Act, subject: Subject, now: int) -> DraftRecord | None:
        """The approved draft by which an act may be done now, its object standing as it did (rules 12.2b, 12.3b)."""
        for record in self.live():
            draft = record.draft
            if record.state is not DraftState.APPROVED or record.is_lapsed(now):
                continue
            if draft.until is not None:
                if _stands_for(draft, arrangement, act):
                    return record
            elif draft.arrangement == arrangement and (act, subject) in zip(draft.acts, draft.about, strict=True):
                return record
        return None

    # --- lines -----------------------------------------------------------------------------------------------------

    def next_time(self, now: int) -> int:
        """The time of the next line: it does not go back, whatever the clock does."""
        return max(now, self.at)

    def line(self, fact: Fact, now: int) -> ApprovalLine:
        """The line that would follow with this fact."""
        field = {
            Adoption: "adopted",
            DraftRequest: "requested",
            Decision: "decided",
            Fulfilment: "fulfilled",
            Ending: "ended",
        }[type(fact)]
        return ApprovalLine(number=self.number, previous=self.head, at=self.next_time(now), **{field: fact})  # type: ignore[arg-type]

    def place(self, line: ApprovalLine) -> None:
        """Take one line further. Raises, and has changed nothing, where it may not follow."""
        if (line.number, line.previous) != (self.number, self.head) or line.at < self.at or len(line.facts) != 1:
            raise Unverified("broken-chain", "does not follow from the line before", entry=self.number)
        changed = self._after(line.facts[0], line.at)
        if line.adopted is not None:
            self.policy = line.adopted.policy
            self.policies[self.policy.hash] = self.policy
        for record in changed:
            self.drafts[record.hash] = record
            self._live[record.hash] = None
            if record.is_over:
                del self._live[record.hash]
        self.number, self.head, self.at = self.number + 1, line.hash, line.at

    def _after(self, fact: Fact, at: int) -> Sequence[DraftRecord]:
        match fact:
            case Adoption():
                return self._adopted(fact, at)
            case DraftRequest():
                return [self._requested(fact, at)]
            case Decision():
                return [self._decided(fact, at)]
            case Fulfilment():
                return [self._fulfilled(fact, at)]
            case Ending():
                return [self._ended(fact, at)]

    def _adopted(self, fact: Adoption, at: int) -> Sequence[DraftRecord]:  # rule 12.1c
        check_policy(fact.policy)
        done = list[DraftRecord]()
        if self.policy.acts:
            record = self.find(fact.draft)
            _check_approved(record, at)
            if record.draft.acts != (policy_act(fact.policy),):
                raise Unauthorised("not-approved", "another policy was approved", fact.draft[:16])
            done = [replace(record, state=DraftState.DONE)]
        elif fact.draft:
            raise Refused("no-policy", "no policy is in force: the owner's word suffices", fact.draft[:16])
        others = (each for each in self.live() if each.hash != fact.draft)
        return [*done, *(replace(each, state=DraftState.ENDED, why=REPLACED) for each in others)]

    def _requested(self, fact: DraftRequest, at: int) -> DraftRecord:  # rule 12.2d
        draft = fact.draft
        check_draft(draft)
        name = draft.hash
        if name in self.drafts:
            raise Refused("repeat", "this very draft was asked for before", name[:16])
        rule = self.rule(draft.act)
        if rule is None or draft.policy != self.policy.hash:
            raise Refused("other-policy", "is not drafted under the policy in force", name[:16])
        if not at < draft.lapses <= at + named.LONGEST:
            raise Refused("bad-time", "lapses before it can be approved, or waits too long", "lapses")
        is_standing = draft.until is not None
        if is_standing and len(draft.acts) > 1:
            raise Refused("bad-draft", "a standing approval is of one act", "acts")
        if is_standing and (draft.act not in named.AUTOMATIC or not at < (draft.until or 0) <= at + named.LONGEST):
            raise Refused("bad-time", "a standing approval is of what the node does by itself, and ends", "until")
        if not is_standing and len(draft.about) != len(draft.acts):
            raise Refused("bad-draft", "says of each act where its object stands", "about")
        if fact.proof is not None:
            if official_of(self.policy, name, ASK, fact.proof) != draft.by:
                raise Unauthorised("not-the-asker", "is asked for by somebody else", "by")
            if sum(each.draft.by == draft.by for each in self.live()) >= MOST_ASKED:
                raise Refused("too-many", f"you have asked for {MOST_ASKED} that wait: object to some first", draft.by)
            if not rule.could_be_met_without(draft.by):
                reason = "cannot be approved if you ask, since whoever asks does not count: let another official ask"
                raise Refused("asker-needed", reason, draft.by)
        elif draft.by or is_standing or draft.act not in named.AUTOMATIC:
            raise Unauthorised("not-an-official", "only officials ask", "by")
        return DraftRecord(draft=draft, hash=name, at=at)

    def _decided(self, fact: Decision, at: int) -> DraftRecord:
        who = official_of(self.policy, fact.draft, fact.word, fact.proof)
        return self._said(self.find(fact.draft), who, fact.word, at)

    def _said(self, record: DraftRecord, who: str, word: str, at: int) -> DraftRecord:
        """The draft once this official has said so."""
        draft, rule = record.draft, self.rule(record.draft.act)
        _check_live(record, at)
        if word not in {APPROVE, OBJECT} or rule is None:
            raise Refused("bad-word", f"nobody says {word!r} of a draft", record.hash[:16])
        if word == OBJECT:
            return _objected(record, rule, who)
        if who == draft.by:
            raise Refused("own-draft", "whoever asks does not count: another official approves", who)
        if who in record.approved or who in record.objected:
            raise Refused("said-before", f"{who} has decided already: one card is one person", who)
        if who not in rule.of:
            raise Refused("not-asked", f"{who} is not among those who approve {draft.act}", who)
        if record.state is not DraftState.OPEN:
            raise Refused("approved", "it is approved already", record.hash[:16])
        approved = (*record.approved, who)
        return replace(record, approved=approved, state=DraftState.APPROVED if rule.met(approved) else DraftState.OPEN)

    def _fulfilled(self, fact: Fulfilment, at: int) -> DraftRecord:
        record = self.find(fact.draft)
        _check_approved(record, at)
        if record.draft.act == named.POLICY:
            raise Refused("bad-word", "a policy is adopted", fact.draft[:16])
        if record.draft.until is None:
            return replace(record, state=DraftState.DONE)
        if not fact.acts or not all(_stands_for(record.draft, fact.arrangement, act) for act in fact.acts):
            raise Refused("bad-word", "says which acts stand on it, and where: what it is for alone", fact.draft[:16])
        return replace(record, used=(*record.used, fact))

    def _ended(self, fact: Ending, at: int) -> DraftRecord:
        record = self.find(fact.draft)
        if fact.why not in ENDINGS or record.is_over:
            raise Refused("bad-word", f"it cannot end as {fact.why!r}", fact.draft[:16])
        if fact.why == LAPSED and not record.is_lapsed(at):
            raise Refused("bad-word", "it has not lapsed", fact.draft[:16])
        return replace(record, state=DraftState.ENDED, why=fact.why, reason=fact.reason)


def policy_act(policy: ApprovalPolicy) -> Act:
    """The act of putting this policy in the place of the one in force."""
    return Act(name=named.POLICY, body=plain(policy))


def fold(lines: Sequence[ApprovalLine]) -> Ledger:
    """What follows from these lines. Raises Unverified naming the first that does not hold."""
    ledger = Ledger()
    for line in lines:
        try:
            ledger.place(line)
        except Unverified:
            raise
        except ArmslengthError as error:  # it was not placed by these rules
            raise Unverified("bad-line", f"{error.reason} ({error.code})", entry=ledger.number) from None
    return ledger


def _objected(record: DraftRecord, rule: ApprovalRule, who: str) -> DraftRecord:
    """A draft once somebody objects: it ends, unless the policy only notes that. Any official ends a standing approval
    that is in force (rules 12.2c, 12.3b)."""
    if who in record.objected:
        raise Refused("said-before", f"{who} has objected already", who)
    approved = tuple(name for name in record.approved if name != who)
    after = replace(record, approved=approved, objected=(*record.objected, who))
    if rule.objection_ends or (record.draft.until is not None and record.state is DraftState.APPROVED):
        return replace(after, state=DraftState.ENDED, why=OBJECTED)
    return replace(after, state=DraftState.APPROVED if rule.met(approved) else DraftState.OPEN)


def _check_live(record: DraftRecord, at: int) -> None:
    if record.is_over:
        how = f"has ended: {record.why}" if record.state is DraftState.ENDED else "is done"
        raise Refused("draft-over", how, record.hash[:16])
    if record.is_lapsed(at):
        raise Refused("lapsed", "its time is over", record.hash[:16])


def _check_approved(record: DraftRecord, at: int) -> None:
    _check_live(record, at)
    if record.state is not DraftState.APPROVED:
        raise Unauthorised("not-approved", "not enough officials have approved it", record.hash[:16])


def _stands_for(draft: DraftedAct, arrangement: str, act: Act) -> bool:
    """Whether a standing approval is for this act there: whatever it names is the same."""
    general, is_there = draft.acts[0], draft.arrangement in {arrangement, ""}
    return is_there and general.name == act.name and act.body | general.body == act.body
