"""What is asked of a node's people by no record: proposals in the inbox, and drafts that wait for officials.

Strangers may propose whatever they like, and mail is not to be made with that: of what counterparties bring is told one
by one, of strangers' that something waits, and that seldom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from armslength.approvals.ledger import DraftRecord, DraftState
from armslength.core.canonical import canonical
from armslength.engine.approvals import Approvals
from armslength.engine.proposals import Proposals
from armslength.engine.repository import Repository
from armslength.errors import ArmslengthError
from armslength.notify import catalogue
from armslength.notify.notification import ASKED, NEAR, Notification, id_of
from armslength.notify.settings import Leads
from armslength.ports import Put, Store
from armslength.views.today import ACCEPT, APPROVE, proposed, to_approve
from armslength.wire.news import AskedNow
from armslength.wire.strict import convert, parse

DOOR: Final = "news-door"  # kind and key in the store: of what has been told
AT_ONCE: Final = 10  # proposals read at one look
SELDOM_S: Final = 6 * 3600  # between two notifications about strangers' proposals


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAtDoor:
    """Proposals and drafts that have been told of and still wait, of drafts also each lead time that was reached; when
    it was last told that strangers' wait, and how many there were."""

    names: tuple[str, ...] = ()
    strangers_at: int = 0
    strangers: int = 0


class Door:
    """Looks at what waits for a word, and says what is new."""

    def __init__(
        self, store: Store, repository: Repository, proposals: Proposals, approvals: Approvals, leads: Leads
    ) -> None:
        self._store = store
        self._repository = repository
        self._proposals = proposals
        self._approvals = approvals
        self._leads = leads

    async def look(self, now: int) -> tuple[list[Notification], list[Put]]:
        """What is new, and what is to be committed with it."""
        row = await self._store.get(DOOR, DOOR)
        told = convert(ToldAtDoor, parse(row.body)) if row else ToldAtDoor()
        waiting = await self._proposals.pending()
        drafts = [each for each in self._approvals.ledger.live() if each.state is DraftState.OPEN]
        if not waiting and not drafts and not told.names:
            return [], []
        reached = {each.hash: self._reached(each, now) for each in drafts}
        there = {each.arrangement for each in waiting if each.known} | {each.hash for each in drafts}
        there |= {name for names in reached.values() for name in names}
        names = set(told.names) & there
        found = []
        for name in sorted({each.arrangement for each in waiting if each.known} - names)[:AT_ONCE]:
            try:
                found.append(proposed((await self._proposals.proposal(name))[0]))
            except ArmslengthError:  # taken up or declined just now
                continue
            names.add(name)
        said = [_said(each, now) for each in found]
        for record in drafts:
            marks = {record.hash, *reached[record.hash]}
            if marks <= names:
                continue
            kind = NEAR if record.hash in names else ASKED
            asked = _said(await self._to_approve(record), now, kind, str(len(marks)) if kind == NEAR else "")
            said.append(replace(asked, officials=self._approvals.ledger.left(record)))
            names |= marks
        strangers, at = len({each.arrangement for each in waiting if not each.known} - there), told.strangers_at
        if strangers > told.strangers and now - at >= SELDOM_S:
            said.append(_strangers(strangers, now))
            at, count = now, strangers
        else:
            count = min(told.strangers, strangers)
        done = ToldAtDoor(names=tuple(sorted(names)), strangers_at=at, strangers=count)
        return said, [Put(DOOR, DOOR, None, canonical(done))] if done != told else []

    def _reached(self, record: DraftRecord, now: int) -> list[str]:
        """The lead times before a draft lapses that have been reached."""
        leads = self._leads.of(APPROVE)
        return [f"{record.hash} {lead}" for lead in leads if record.draft.lapses - lead <= now]

    async def _to_approve(self, record: DraftRecord) -> AskedNow:
        draft = record.draft
        try:
            title = await self._repository.title(draft.arrangement) if draft.arrangement else ""
        except ArmslengthError:
            title = draft.arrangement[:12]
        return to_approve(draft.arrangement, title, record.hash, draft.act, draft.by, record.at, draft.lapses)


def _said(asked: AskedNow, now: int, kind: str = ASKED, mark: str = "") -> Notification:
    return Notification(
        id=id_of(kind, asked.kind, asked.arrangement, asked.subject, *filter(None, [mark])),
        kind=kind,
        event=asked.kind,
        arrangement=asked.arrangement,
        title=asked.title,
        subject=asked.subject,
        at=now,
        until=asked.until,
        text=asked.text,
        then=asked.then,
        how=asked.how,
    )


def _strangers(count: int, now: int) -> Notification:
    """Nothing of what strangers write is repeated."""
    text = catalogue.STRANGERS.format(count=count)
    return Notification(
        id=id_of("strangers", now), kind=ASKED, event=ACCEPT, subject="inbox", at=now, text=text, how="armslength inbox"
    )
