"""What waits for the owner of a node, what it is told, and whether what is told gets through (`wire.news`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from armslength.approvals.ledger import DraftState
from armslength.core.record.entry import entry_hash
from armslength.engine.clock import Clocks
from armslength.engine.node import Node
from armslength.engine.officials import Officials
from armslength.engine.repository import LiveArrangement
from armslength.errors import NotFound
from armslength.views.today import NAMED, attested, outline, proposed, soonest, to_approve
from armslength.wire.manage import Verb
from armslength.wire.news import (
    CALENDAR,
    NEWS,
    NOTIFY,
    NOTIFY_AGAIN,
    NOTIFY_TEST,
    TODAY,
    AgainAnswer,
    AgainOrder,
    AskedNow,
    CalendarAddress,
    CalendarOrder,
    LastWord,
    NewsQuestion,
    NewsView,
    NoQuestion,
    NotifyReport,
    NotifyView,
    StalledTask,
    TodayView,
)

PAGE: Final = 200  # arrangements listed at once


class Desk(Protocol):
    """Who tells the news of a node (`notify.desk`)."""

    async def news(self, asked: NewsQuestion) -> NewsView:
        """What there is to tell since."""
        ...

    def shown(self) -> NotifyView:
        """Who is told what, and what does not get through."""
        ...

    async def again(self, asked: AgainOrder) -> AgainAnswer:
        """Send a message again that was given up."""
        ...

    async def test(self) -> NotifyReport:
        """Try every way, and say what waits."""
        ...

    async def calendar_address(self, asked: CalendarOrder) -> CalendarAddress:
        """Where the calendar is."""
        ...


@dataclass(frozen=True, slots=True)
class KeptOutline:
    """What waited in one arrangement when `moves` commits about it had been made; good until `expires`, by its
    clock."""

    moves: int
    expires: int | None
    simulated: bool
    asked: tuple[AskedNow, ...]
    stalled: tuple[StalledTask, ...]
    said: LastWord | None


class NewsVerbs:
    """The verbs, each with what it does. What waits is kept for each arrangement until something happens there or its
    next instant comes, so that nothing is opened for being asked about again."""

    def __init__(self, node: Node, clock: Clocks, officials: Officials, desk: Callable[[], Awaitable[Desk]]) -> None:
        self._node = node
        self._clock = clock
        self._officials = officials
        self._desk = desk
        self._kept: dict[str, KeptOutline] = {}
        self.table: list[tuple[Verb[Any, Any], Callable[[Any], Awaitable[object]]]] = [
            (TODAY, self.today),
            (NEWS, self.news),
            (NOTIFY, self.notify),
            (NOTIFY_AGAIN, self.again),
            (NOTIFY_TEST, self.test),
            (CALENDAR, self.calendar),
        ]

    async def today(self, _: NoQuestion) -> TodayView:
        """What waits over all arrangements, soonest first."""
        kept = [each async for each in self._all()]
        asked = [task for each in kept for task in each.asked]
        asked += [proposed(each) for each in await self._node.proposals.waiting()] + await self._to_approve()
        stalled = [each for found in kept for each in found.stalled]
        return TodayView(
            now=self._clock.now(simulated=False),
            simulated=self._clock.now(simulated=True),
            asked=tuple(sorted(asked, key=soonest)),
            stalled=tuple(sorted(stalled, key=soonest)),
            said=tuple(found.said for found in kept if found.said),
            troubles=tuple(self._node.repository.troubles.listed()),
        )

    async def news(self, asked: NewsQuestion) -> NewsView:
        """What there is to tell since."""
        return await (await self._desk()).news(asked)

    async def notify(self, _: NoQuestion) -> NotifyView:
        """Who is told what, and what does not get through."""
        return (await self._desk()).shown()

    async def again(self, asked: AgainOrder) -> AgainAnswer:
        """Send a message again that was given up."""
        return await (await self._desk()).again(asked)

    async def test(self, _: NoQuestion) -> NotifyReport:
        """Try every way by which somebody is told."""
        return await (await self._desk()).test()

    async def calendar(self, asked: CalendarOrder) -> CalendarAddress:
        """Where the calendar is."""
        return await (await self._desk()).calendar_address(asked)

    # --- what waits --------------------------------------------------------------------------------------------------

    async def _all(self) -> AsyncIterator[KeptOutline]:
        repository, there, start = self._node.repository, set[str](), ""
        while names := await repository.beginning("", PAGE, start=start):
            for name in names:
                there.add(name)
                found = self._good(name)
                if found is not None:
                    yield found
                    continue
                async for live in repository.opened([name]):
                    found = self._kept[name] = await self._look(live)
                    yield found
            start = names[-1] + "\0"
        for name in self._kept.keys() - there:
            del self._kept[name]

    def _good(self, name: str) -> KeptOutline | None:
        found = self._kept.get(name)
        if found is None or found.moves != self._node.repository.schedule.moves(name):
            return None
        now = self._clock.now(simulated=found.simulated)
        return found if found.expires is None or now < found.expires else None

    async def _look(self, live: LiveArrangement) -> KeptOutline:
        moves = self._node.repository.schedule.moves(live.arrangement)
        me, state, now = live.record.me.actor, live.record.view.state, self._node.recorder.now(live)
        pending = [each.entry for each in await live.journal.pending()]
        ahead = await self._node.writer.ahead(live)
        found = outline(live.arrangement, live.terms, ahead, me, now)
        said = None
        if me in live.terms.monitors:
            leaf = await self._node.recorder.last_entry(live, me, b'"type":"attest"')
            unplaced = [each for each in pending if live.record.view.index_of(entry_hash(each)) is None]
            said = attested(live.arrangement, live.terms, state, me, unplaced, leaf.entry if leaf else None)
        simulated = live.terms.clock == "simulated"
        return KeptOutline(moves, found.expires, simulated, found.asked, found.stalled, said)

    async def _to_approve(self) -> list[AskedNow]:
        """The acts that wait for officials."""
        found = []
        for each in self._officials.approvals.ledger.live():
            draft = each.draft
            if each.state is DraftState.OPEN:
                title = await self._title(draft.arrangement) if draft.arrangement else ""
                found.append(
                    to_approve(draft.arrangement, title, each.hash, draft.act, draft.by, each.at, draft.lapses)
                )
        return found

    async def _title(self, arrangement: str) -> str:
        try:
            return await self._node.repository.title(arrangement)
        except NotFound:  # declined meanwhile, or not taken up yet
            return arrangement[:NAMED]
