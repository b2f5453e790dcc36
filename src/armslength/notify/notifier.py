"""A node's news: looked for when an arrangement's turn is over or its next instant comes, noted in one commit with what
has been told, and shown to whoever watches.

An idle arrangement costs nothing here: its next instant stands in the node's schedule (`engine.schedule`), which marks
it as unfinished in the commit that changes it. So a crash between a change and its news loses none of them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Final

from armslength.core.arrangement.state import Change, State
from armslength.core.arrangement.terms import roles
from armslength.core.canonical import canonical, digest
from armslength.core.record.replica import Replica
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository
from armslength.notify import catalogue
from armslength.notify.calendar import CANCEL, REQUEST, calendar, entry_of
from armslength.notify.door import Door
from armslength.notify.mail import Letter, line_of
from armslength.notify.news import REMINDED, Outlook, Reminded, SeenArrangement, news
from armslength.notify.notification import TROUBLE, Notification, id_of
from armslength.notify.outbox import Outbox
from armslength.notify.registry import Registry
from armslength.notify.sender import BY_MAIL, TO_WEBHOOK
from armslength.notify.settings import Settings
from armslength.ports import Batch, Put, Store
from armslength.views.words import iso, safe, start_case
from armslength.wire.record import decode_leaf
from armslength.wire.strict import convert, parse

LEADS: Final = "news-leads"  # kind and key in the store: for which lead times the next instants were found
REMINDED_MONITOR: Final = "reminded-monitor"  # kind in the store: the same of a monitor that we remind
FEW: Final = 64  # arrangements that are looked at anew together …
PATIENCE: Final = 20  # … and half seconds for which these are waited for
CROWDED: Final = 120  # half seconds for which room for what they have to tell is waited for
PORTION: Final = 32  # leaves replayed at once, before others have their turn
AGAIN_S: Final = 60  # before another look where one has failed
SHOWN: Final = 1000  # notifications that are kept for whoever watches
LOOK_S: Final = 30.0  # between looks at what waits at the door, and at what fails …
LASTING_S: Final = 600  # … for so long that it is told

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownArrangement:
    """What was seen of an arrangement at the last look, and the record up to then."""

    sealed: State
    view: State
    replica: Replica
    reminded: Reminded
    next: int | None  # for us, and for whom we remind


class Notifier:
    """Looks, as `engine.node.Observer`, and tells. Without an outbox it only shows what there is."""

    def __init__(
        self,
        store: Store,
        repository: Repository,
        recorder: Recorder,
        settings: Settings,
        outbox: Outbox | None = None,
        door: Door | None = None,
        registry: Registry | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._repository = repository
        self._recorder = recorder
        self._settings = settings
        self._outbox = outbox
        self._door = door
        self._registry = registry
        self._wall = wall
        self._known: dict[str, KnownArrangement] = {}
        self._failed: dict[str, int] = {}  # by arrangement: when to look again
        self._forgotten: set[str] = set()
        self._all: asyncio.Task[None] | None = None
        self._troubles: set[str] = set()  # that have been told
        self.shown: deque[tuple[int, Notification]] = deque(maxlen=SHOWN)
        self.count = 0  # notifications since the start
        self.news = asyncio.Event()  # set whenever there are more

    async def begin(self) -> None:
        """Have everything looked at if it was looked at for other lead times, or never."""
        if self._outbox is None:
            return
        leads = {kind: list(found) for kind, found in self._settings.leads.by_kind.items()}
        mark = digest(canonical({"leads": leads, "silence": self._settings.leads.silence})).encode()
        row = await self._store.get(LEADS, LEADS)
        if row is None or row.body != mark:
            self.look_at_all(Put(LEADS, LEADS, None, mark))

    def look_at_all(self, done: Put | None = None) -> None:
        """Have every arrangement looked at anew, a few at a time, so that they are not all open at once; `done` is
        written at the end."""
        if self._all is None or self._all.done():
            self._all = asyncio.create_task(self._look_at_all(done))

    async def _look_at_all(self, done: Put | None) -> None:
        schedule = self._repository.schedule
        names = schedule.names()
        try:
            for start in range(0, len(names), FEW):
                await self._uncrowded()
                portion = names[start : start + FEW]
                await schedule.mark(portion)
                for name in portion:
                    self._repository.schedule.call(name)
                for _ in range(PATIENCE):
                    if not set(portion) & set(schedule.unfinished()):
                        break
                    await asyncio.sleep(0.5)
            if done is not None:
                await self._store.commit(Batch(puts=[done]))
        except Exception:  # the rest is looked at when it changes, or when the node starts again
            log.exception("not everything is looked at anew")

    async def _uncrowded(self) -> None:
        """Wait until there is room for what a look at many arrangements has to tell; not for ever, since somebody may
        not be reached."""
        for _ in range(CROWDED):
            if self._outbox is None or not self._outbox.is_crowded:
                return
            await asyncio.sleep(0.5)

    # --- one arrangement ---------------------------------------------------------------------------------------------

    async def look(self, live: LiveArrangement) -> None:
        """Note what there is to tell. What goes wrong here keeps the node from nothing."""
        now, known = self._recorder.now(live), self._known.get(live.arrangement)
        if known is not None and known.view is live.record.view.state and known.sealed is live.record.sealed.state:
            due = self.instant(live)
            if due is None or now < due:
                return
        try:
            await self._look(live, known, now)
            self._failed.pop(live.arrangement, None)
        except Exception:  # whatever it is: the arrangement goes on, and is looked at again
            log.exception("%s: no news are made", live.arrangement[:12])
            self._known.pop(live.arrangement, None)
            self._failed[live.arrangement] = now + AGAIN_S

    def instant(self, live: LiveArrangement) -> int | None:
        """When there may be more to tell though nobody says anything."""
        failed, known = self._failed.get(live.arrangement), self._known.get(live.arrangement)
        return failed if failed is not None or known is None else known.next

    def let_go(self, live: LiveArrangement) -> None:
        """It is closed, or forgotten for good."""
        self._known.pop(live.arrangement, None)
        self._failed.pop(live.arrangement, None)
        if live.forgotten:
            self._forgotten.add(live.arrangement)

    def forget(self) -> None:
        """Nobody watches any more: what comes next begins anew."""
        self._known.clear()
        self._failed.clear()

    async def _look(self, live: LiveArrangement, known: KnownArrangement | None, now: int) -> None:
        arrangement, record = live.arrangement, live.record
        reminded = known.reminded if known else await self._reminded(arrangement)
        async with live.lock:  # what the record holds is stored
            sealed, view, size = record.sealed.state, record.view.state, record.sealed.size
            replica = known.replica if known else None
            if replica is None and (reminded is None or reminded.size >= size):
                replica = record.sealed.copy()
            begun = replica.size if replica else 0
            leaves = await self._store.leaves(arrangement, begun, size)
        told = reminded or Reminded(size=size)
        replica = replica or Replica.start(live.terms, record.sealed.roster.verify)
        changes = [change async for change in _placed(replica, leaves, told.size)]
        seen = SeenArrangement(arrangement, live.terms, record.me.actor, sealed, view, size, now)
        found = news(seen, changes, told, self._settings.leads)
        await self._note(seen, found, told, is_first=reminded is None)
        instants = [found.reminded.next, *await self._remind(seen)]
        due = min((each for each in instants if each is not None), default=None)
        self._known[arrangement] = KnownArrangement(sealed, view, replica, found.reminded, due)

    async def _remind(self, seen: SeenArrangement) -> list[int | None]:
        """Tell registered monitors what is asked of them; when there may be more."""
        instants: list[int | None] = []
        if self._registry is None or self._outbox is None:
            return instants
        for name in seen.terms.monitors:
            to = self._registry.reminded(seen.terms.actors[name].did or "") if name != seen.me else None
            if to is None:
                continue
            key = f"{seen.arrangement} {to.name}"
            row = await self._store.get(REMINDED_MONITOR, key)
            told = convert(Reminded, parse(row.body)) if row else Reminded()
            found = news(replace(seen, me=name), (), told, self._settings.leads)
            instants.append(found.reminded.next)
            reminded = replace(found.reminded, size=0)  # of changes it is told nothing
            if reminded != told:
                put = Put(REMINDED_MONITOR, key, None, canonical(reminded))
                gone = {(seen.arrangement, task.key) for task in found.gone}
                await self._outbox.note(found.said, int(self._wall()), gone=gone, also=[put], to=[to])
        return instants

    async def _reminded(self, arrangement: str) -> Reminded | None:
        if self._outbox is None:
            return None
        row = await self._store.get(REMINDED, arrangement)
        return convert(Reminded, parse(row.body)) if row else None

    async def _note(self, seen: SeenArrangement, found: Outlook, before: Reminded, *, is_first: bool) -> None:
        """Hold what there is to tell, and what has been told by then, in one commit; whoever only watches is told
        nothing of what was there before."""
        if self._outbox is None:
            self._show(() if is_first else found.said)
            return
        puts = []
        if is_first or found.reminded != before:
            puts.append(Put(REMINDED, seen.arrangement, None, canonical(found.reminded)))
        letters = list(self._invitations(seen, found))
        gone = {(seen.arrangement, task.key) for task in found.gone}
        if found.said or puts or letters or gone:
            await self._outbox.note(found.said, int(self._wall()), gone=gone, letters=letters, also=puts)
        self._show(found.said)

    def _show(self, said: Sequence[Notification]) -> None:
        for each in said:
            self.count += 1
            self.shown.append((self.count, each))
        if said:
            self.news.set()
            self.news = asyncio.Event()

    def _invitations(self, seen: SeenArrangement, found: Outlook) -> Iterator[Letter]:
        """What goes into the calendars of those who want it: entries that are new, have moved or have fallen away."""
        mailing = self._settings.mailing
        if mailing is None:
            return
        now = int(self._wall())
        moves = [(task, REQUEST) for task in found.moved]
        moves += [(task, CANCEL) for task in found.cancelled]
        ours = set(roles(seen.terms, seen.me))
        for to in self._settings.to:
            for task, method in moves if to.invitations and (not to.roles or to.roles & ours) else ():
                entry = entry_of(seen.arrangement, seen.terms.title, task, self._settings.host, now)
                if entry is None:
                    continue
                form = catalogue.INVITATION if method == REQUEST else catalogue.CANCELLATION
                subject = line_of(form.format(title=seen.terms.title, subject=task.subject))
                yield Letter(
                    id=id_of(to.name, seen.arrangement, task.key, task.sequence, task.at, method),
                    to=to.name,
                    at=now,
                    subject=subject,
                    text=f"{safe(task.text)}\n",
                    html=f"<!doctype html><html><body><p>{escape(safe(task.text))}</p></body></html>\n",
                    thread=seen.arrangement,
                    calendar=calendar([entry], method, mailing.sender, to.mail),
                    method=method,
                )

    # --- the node as a whole -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell of what waits for a word and of what fails for long, and forget what was declined, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look_at_troubles()
                await self.look_at_door()
            except Exception:  # whatever it is, the loop lives on
                log.exception("news of this node are not told")

    async def look_at_door(self) -> None:
        """Tell of proposals and drafts that wait for a word."""
        if self._door is None or self._outbox is None:
            return
        now = int(self._wall())
        said, puts = await self._door.look(now)
        if said or puts:
            await self._outbox.note(said, now, also=puts)
            self._show(said)

    async def look_at_troubles(self) -> None:
        """Tell of each trouble once when it has lasted; but not of this: those who are not reached are told nothing."""
        gone, self._forgotten = self._forgotten, set()
        if gone and self._outbox is not None:
            await self._store.commit(Batch(deletes=[(REMINDED, name) for name in sorted(gone)]))
        said, now, there = [], int(self._wall()), set()
        for each in self._repository.troubles.listed():
            name = id_of(each.what, each.whom, each.arrangement, each.since)
            there.add(name)
            is_ours = each.what == BY_MAIL or each.what.startswith(TO_WEBHOOK.format(called=""))
            if is_ours or name in self._troubles or now - each.since < LASTING_S:
                continue
            self._troubles.add(name)
            whom = catalogue.AT_WHOM.format(whom=each.whom) if each.whom else ""
            text = catalogue.FAILS.format(what=each.what, whom=whom, since=iso(each.since), reason=each.reason)
            text = start_case(f"{text} {start_case(each.advice)}." if each.advice else text)
            said.append(
                Notification(
                    id=name,
                    kind=TROUBLE,
                    event="fails",
                    arrangement=each.arrangement,
                    subject=each.what,
                    at=each.since,
                    text=text,
                )
            )
        self._troubles &= there
        if said:
            if self._outbox is not None:
                await self._outbox.note(said, now)
            self._show(said)


async def _placed(replica: Replica, leaves: Sequence[bytes], told: int) -> AsyncIterator[Change]:
    """Place these leaves; the changes of those that have not been told of."""
    for number, line in enumerate(leaves, 1):
        placed = replica.place(decode_leaf(line))
        if placed.index >= told:
            for change in placed.changes:
                yield change
        if number % PORTION == 0:
            await asyncio.sleep(0)
