"""The door through which every act of this node's own goes, and the journal of approvals behind it.

Laws:

1. Whatever a policy names is done only under a draft that its officials have approved, and once: what is done and the
   line that says so are one transaction (rules 12.4b, 12.4c).
2. Every change is a line that `approvals.ledger` lets follow, stored before anything rests on it.
3. A journal that does not fold, or whose end is not where it was, keeps the node from starting (rule 12.4a).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from armslength.approvals.drafts import Act, DraftedAct, Subject, act_of
from armslength.approvals.ledger import (
    CHANGED,
    LAPSED,
    OBJECTED,
    DraftRecord,
    DraftRequest,
    Ending,
    Fact,
    Fulfilment,
    Ledger,
    fold,
)
from armslength.approvals.policy import AUTOMATIC, FREE, ApprovalRule
from armslength.approvals.subjects import subject_of
from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.state import State
from armslength.core.canonical import canonical
from armslength.engine.clearance import Clearance
from armslength.errors import ArmslengthError, Misuse, Refused, Unavailable, Unverified
from armslength.ports import Batch, Clock, Put, Store
from armslength.wire.approvals import decode_line
from armslength.wire.strict import convert, parse

LINE: Final = "approval"  # kind in the store: the journal's lines, by number
END: Final = "approval-end"  # kind in the store: how many lines there are, and the last one's hash
WAITS: Final = "waits-for-approval"  # the code of what does
SHORT: Final = 12  # digits of a hash, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """Where the journal ends."""

    count: int = 0
    head: str = ""


class Unapproved(Refused):
    """An act that a policy names and that no approved draft covers."""

    def __init__(self, act: Act, subject: Subject, reason: str) -> None:
        super().__init__("not-approved", reason, act.name)
        self.act = act
        self.subject = subject


class Approvals:
    """The journal of approvals of one node, and what it lets pass."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._version = 0  # of the row that says where the journal ends
        self.ledger = Ledger()

    @classmethod
    async def opened(cls, store: Store, clock: Clock) -> Approvals:
        """The journal that is stored. Raises Misuse for one that was edited."""
        made = cls(store, clock)
        await made._load()
        return made

    async def _load(self) -> None:
        row = await self._store.get(END, END)
        end = convert(_End, parse(row.body)) if row else _End()
        try:
            self.ledger = fold([decode_line(each.body) for each in await self._store.find(LINE)])
            if (self.ledger.number, self.ledger.head) != (end.count, end.head):
                raise Unverified("broken-chain", f"has {self.ledger.number} lines, and had {end.count}")
        except ArmslengthError as error:
            reason = f"it does not hold, since somebody has edited it: {error}"
            raise Misuse("approvals-edited", reason, "the journal of approvals") from error
        self._version = row.version if row else 0

    def now(self) -> int:
        """The node's time for drafts: real time, which does not go back."""
        return self.ledger.next_time(self._clock.now(simulated=False))

    async def lines(self, start: int, limit: int) -> list[bytes]:
        """The journal's lines as they are stored, from this number on."""
        return [row.body for row in await self._store.find(LINE, start=f"{start:010}", limit=limit)]

    async def append(self, fact: Fact, also: Batch | None = None) -> None:
        """Add a line, and change with it what else is to be. Raises what the ledger refuses, and Unavailable."""
        if not await self.commit(also or Batch(), [fact]):
            raise Unavailable("busy", "another process writes to this node's folder")

    async def commit(self, batch: Batch, facts: Sequence[Fact], policy: str | None = None) -> bool:
        """Commit a change together with the lines that state these facts, under this policy. Raises what the ledger
        refuses, and has changed nothing."""
        async with self._lock:
            if policy is not None and policy != self.ledger.policy.hash:
                raise Unavailable("other-policy", "the policy of approvals has just changed; try again")
            if not facts:
                return await self._store.commit(batch)
            after, puts, now = self.ledger.copy(), list(batch.puts), self._clock.now(simulated=False)
            for fact in facts:
                line = after.line(fact, now)
                after.place(line)
                puts.append(Put(LINE, f"{line.number:010}", 0, canonical(line)))
            puts.append(Put(END, END, self._version, canonical(_End(count=after.number, head=after.head))))
            whole = Batch(puts, batch.deletes, batch.leaves, batch.sends, batch.delivered, batch.retries)
            if not await self._store.commit(whole):
                return False
            self.ledger, self._version = after, self._version + 1
            return True

    # --- the door --------------------------------------------------------------------------------------------------

    def clear(self, arrangement: str, state: State, bodies: Sequence[Body]) -> Clearance:
        """Let statements of ours pass that need nobody, or are approved in this state. Raises Unapproved
        (rule 12.4b)."""
        acts = [act_of(body) for body in bodies] if self.ledger.policy.acts else []
        return self._cleared(arrangement, [(act, subject_of(state, act)) for act in acts], bodies)

    def permit(self, arrangement: str, act: Act, subject: Subject) -> Clearance:
        """The same for an act that is no statement: what it changes is stored by the clearance. Raises Unapproved."""
        return self._cleared(arrangement, [(act, subject)], ())

    def _cleared(self, arrangement: str, acts: Sequence[tuple[Act, Subject]], bodies: Sequence[Body]) -> Clearance:
        if acts and all(act.name in FREE for act, _ in acts):
            return Clearance(tuple(bodies))
        covered, standing = set[str](), list[Fulfilment]()
        for index, (act, subject) in enumerate(acts):
            rule = self.ledger.rule(act.name)
            if rule is None:
                continue
            record = self.ledger.covering(arrangement, act, subject, self.now())
            if record is None or (act, subject) in acts[:index]:
                raise Unapproved(act, subject, self.waits_for(arrangement, act, rule))
            if record.draft.until is None:
                covered.add(record.hash)
            else:
                standing.append(Fulfilment(draft=record.hash, acts=(act,), arrangement=arrangement))
        facts = [*(Fulfilment(draft=name) for name in sorted(covered)), *standing]
        policy = self.ledger.policy.hash

        async def commit(batch: Batch) -> bool:
            done = await self.commit(batch, facts, policy)
            if done:
                facts.clear()  # written again after a refusal for a gap, they are the same statements
            return done

        return Clearance(tuple(bodies), commit)

    def waits_for(self, arrangement: str, act: Act, rule: ApprovalRule) -> str:
        """Whose word an act waits for, in words."""
        names = ", ".join(self.ledger.policy.officials[name].name for name in rule.of)
        needed = f"needs {rule.count} of {names}"
        for record in self.ledger.live():
            if record.draft.arrangement == arrangement and act in record.draft.acts:
                so_far = ", ".join(self.ledger.policy.officials[name].name for name in record.approved) or "nobody"
                return f"waits for approval: draft {record.hash[:SHORT]} {needed}; approved so far by {so_far}"
        if self._objection(arrangement, act) is not None:
            return f"an official has objected to it: it {needed}, and an official asks anew"
        return f"it {needed}: an official asks for it, with --as KEY"

    def _objection(self, arrangement: str, act: Act, subject: Subject | None = None) -> DraftRecord | None:
        """The draft of this very act, under the policy in force, to which somebody has objected."""
        for record in self.ledger.drafts.values():
            draft = record.draft
            known = draft.arrangement == arrangement and act in draft.acts and draft.policy == self.ledger.policy.hash
            if known and record.why == OBJECTED and subject in (None, *draft.about):
                return record
        return None

    # --- drafts ----------------------------------------------------------------------------------------------------

    def drafted(
        self, arrangement: str, acts: Sequence[tuple[Act, Subject]], by: str, why: str, until: int | None = None
    ) -> DraftedAct:
        """A draft as it would be asked for now."""
        return DraftedAct(
            policy=self.ledger.policy.hash,
            arrangement=arrangement,
            acts=tuple(act for act, _ in acts),
            about=() if until is not None else tuple(subject for _, subject in acts),
            by=by,
            why=why,
            lapses=self.now() + self.ledger.policy.lapse,
            nonce=secrets.token_hex(16),
            until=until,
        )

    async def ask(self, arrangement: str, error: Unapproved) -> Unavailable:
        """Ask for an automatic act, unless that was done, or somebody has objected to it as it stands; why it waits
        (rule 12.4d). Raises the error for any other act."""
        act, subject = error.act, error.subject
        if act.name not in AUTOMATIC:
            raise error
        asked = any(
            (act, subject) in zip(record.draft.acts, record.draft.about, strict=False)
            for record in self.ledger.live()
            if record.draft.arrangement == arrangement
        )
        if not asked and self._objection(arrangement, act, subject) is None:
            draft = self.drafted(arrangement, [(act, subject)], "", "the terms allow it now")
            await self.append(DraftRequest(draft=draft))
        rule = self.ledger.rule(act.name)
        reason = error.reason if rule is None else self.waits_for(arrangement, act, rule)
        return Unavailable(WAITS, reason, act.name)

    async def review(self, arrangement: str, state: State | None) -> None:
        """End the drafts of an arrangement whose time is over, or whose object has changed (rule 12.2b)."""
        for record in list(self.ledger.live()):
            draft = record.draft
            if draft.arrangement != arrangement:
                continue
            is_changed = state is not None and any(
                subject_of(state, act) != about for act, about in zip(draft.acts, draft.about, strict=False)
            )
            if record.is_lapsed(self.now()) or is_changed:
                why = LAPSED if record.is_lapsed(self.now()) else CHANGED
                await self.append(Ending(draft=record.hash, why=why))

    def has_drafts(self, arrangement: str) -> bool:
        """Whether drafts of an arrangement are not over."""
        return any(record.draft.arrangement == arrangement for record in self.ledger.live())
