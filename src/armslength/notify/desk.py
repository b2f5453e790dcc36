"""The news of one node: what runs while it is up, what is shown to whoever watches, and tests of each way."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from armslength.engine.node import Nobody, Node
from armslength.errors import ArmslengthError, Misuse, NotFound
from armslength.notify import catalogue
from armslength.notify.feed import Feed
from armslength.notify.mail import Letter, html_of, text_of
from armslength.notify.notification import KINDS, Notification, id_of
from armslength.notify.notifier import Notifier
from armslength.notify.outbox import DeadLetter, Outbox
from armslength.notify.registry import Registry
from armslength.notify.sender import LetterSender
from armslength.notify.settings import Addressee, Settings
from armslength.notify.webhook import body_of
from armslength.wire.news import (
    AgainAnswer,
    AgainOrder,
    CalendarAddress,
    CalendarOrder,
    ChannelTest,
    GivenUp,
    NewsQuestion,
    NewsView,
    NotifyReport,
    NotifyView,
    ShownAddressee,
    ToldEvent,
)

MAIL, WEBHOOK = "mail", "webhook"  # ways
LONGEST_WAIT_S: Final = 30
AT_ONCE: Final = 200  # events in one answer
FORGOTTEN_S: Final = 120.0  # after which whoever watched and asks no more is taken to have gone


class NewsDesk:
    """Everything that tells. Without an outbox it only shows, and that only while somebody watches."""

    def __init__(
        self,
        node: Node,
        notifier: Notifier,
        settings: Settings,
        name: str,
        outbox: Outbox | None = None,
        sender: LetterSender | None = None,
        feed: Feed | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._node = node
        self._notifier = notifier
        self._settings = settings
        self._name = name
        self._outbox = outbox
        self._sender = sender
        self._feed = feed
        self._registry = registry
        self._mark = secrets.token_hex(4)  # of this start of the node
        self._leaving: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Look and send until cancelled."""
        if self._sender is not None:
            await asyncio.gather(self._notifier.run(), self._sender.run())

    # --- whoever watches ---------------------------------------------------------------------------------------------

    async def news(self, asked: NewsQuestion) -> NewsView:
        """What there is to tell after a cursor; waits for it, if asked to."""
        await self._attend()
        mark, _, number = asked.after.partition(".")
        if not asked.after:
            return NewsView(events=(), cursor=self._cursor(self._notifier.count))
        after = int(number) if mark == self._mark and number.isdecimal() else 0
        missed = mark != self._mark or after < self._notifier.count - len(self._notifier.shown)
        waiting = self._notifier.news
        if after >= self._notifier.count and asked.wait > 0:
            try:
                async with asyncio.timeout(min(asked.wait, LONGEST_WAIT_S)):
                    await waiting.wait()
            except TimeoutError:
                pass
        found = [(number, said) for number, said in self._notifier.shown if number > after][:AT_ONCE]
        events = tuple(self._event(number, said) for number, said in found)
        return NewsView(events=events, cursor=events[-1].cursor if events else self._cursor(after), missed=missed)

    def _cursor(self, number: int) -> str:
        return f"{self._mark}.{number}"

    def _event(self, number: int, said: Notification) -> ToldEvent:
        return ToldEvent(
            cursor=self._cursor(number),
            id=said.id,
            kind=said.kind,
            event=said.event,
            arrangement=said.arrangement,
            title=said.title,
            subject=said.subject,
            at=said.at,
            until=said.until,
            who=said.who,
            text=said.text,
            then=said.then,
            how=said.how,
        )

    async def _attend(self) -> None:
        """Somebody watches: where nobody is told anything otherwise, everything is looked at from now on."""
        if self._outbox is not None:
            return
        is_new = self._leaving is None
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = asyncio.get_running_loop().call_later(FORGOTTEN_S, self._leave)
        if is_new:
            self._node.observer = self._notifier
            self._notifier.look_at_all()

    def _leave(self) -> None:
        """Look at nothing any more: nobody has asked for a while."""
        self._leaving = None
        self._node.observer = Nobody()
        self._notifier.forget()

    # --- the calendar ------------------------------------------------------------------------------------------------

    async def calendar(self, token: str) -> str | None:
        """The calendar, for whoever knows its address."""
        return await self._feed.read(token) if self._feed else None

    async def calendar_address(self, asked: CalendarOrder) -> CalendarAddress:
        """Where the calendar is. Raises Misuse where the configuration wants none."""
        if self._feed is None:
            raise Misuse("no-calendar", "there is no calendar: set `calendar = true` in [notify]", "notify.calendar")
        return CalendarAddress(url=await self._feed.url(renew=asked.renew, revoke=asked.revoke))

    # --- monitors without a node -------------------------------------------------------------------------------------

    async def register(self, did: str, address: str) -> bool:
        """Take in a monitor's address; whether somebody there is asked to confirm it. Raises NotFound where nobody is
        reminded, Malformed, Refused."""
        if self._registry is None or self._outbox is None:
            raise NotFound("no-reminders", "this node reminds no monitors", "notify.monitors")
        now = int(time.time())
        letter = await self._registry.register(did, address, now)
        if letter is not None:
            await self._outbox.note((), now, letters=[letter])
        return letter is not None

    async def confirm(self, token: str) -> bool:
        """Somebody at the address confirms it; False for a link that leads nowhere."""
        done = self._registry is not None and await self._registry.confirm(token)
        if done:  # what is open there already is asked now
            self._notifier.forget()
            self._notifier.look_at_all()
        return done

    async def stop(self, token: str) -> bool:
        """Somebody at the address ends it; False for a link that leads nowhere."""
        return self._registry is not None and await self._registry.stop(token, int(time.time()))

    # --- tests -------------------------------------------------------------------------------------------------------

    async def test(self) -> NotifyReport:
        """Send a test by each way, and say what waits and what was given up."""
        found = await asyncio.gather(*(self._test(to) for to in self._settings.to)) if self._sender else []
        waiting, dropped, dead = self._stuck(lambda name: name)
        return NotifyReport(tested=tuple(found), waiting=waiting, dropped=dropped, given_up=dead)

    def _stuck(self, name_of: Callable[[str], str]) -> tuple[dict[str, int], dict[str, int], tuple[GivenUp, ...]]:
        """What waits, and what was dropped, by addressee; and what was given up."""
        box = self._outbox
        if box is None:
            return {}, {}, ()
        waiting, dropped = Counter[str](), Counter[str]()
        for name, count in box.counts().items():
            waiting[name_of(name)] += count
        for name, count in box.dropped.items():
            dropped[name_of(name)] += count
        dead = sorted(box.dead.values(), key=lambda each: each.at)
        return dict(waiting), dict(dropped), tuple(_given_up(each, name_of(each.letter.to)) for each in dead)

    def shown(self) -> NotifyView:
        """Who is told what, and what does not get through: no secret, and of webhooks the host alone."""
        given, hours = self._settings, self._settings.hours
        waiting, dropped, dead = self._stuck(_shown_name)
        return NotifyView(
            to=tuple(_shown(each) for each in given.to),
            zone=hours.zone.key,
            quiet="" if hours.begins == hours.ends else f"{hours.begins:%H:%M}-{hours.ends:%H:%M}",
            digest=f"{hours.digest:%H:%M}",
            leads=dict(given.leads.by_kind),
            silence=given.leads.silence,
            mail=f"{given.mailing.host}:{given.mailing.port}" if given.mailing else "",
            sender=given.mailing.sender if given.mailing else "",
            calendar=given.calendar,
            monitors=given.monitors,
            waiting=waiting,
            dropped=dropped,
            given_up=dead,
        )

    async def again(self, asked: AgainOrder) -> AgainAnswer:
        """Send a message again that was given up; it keeps its id."""
        found = self._outbox is not None and await self._outbox.revive(asked.id, int(time.time()))
        return AgainAnswer(found=found)

    async def _test(self, to: Addressee) -> ChannelTest:
        now = int(time.time())
        said = Notification(
            id=id_of(to.name, self._mark, secrets.token_hex(4)),
            kind="test",
            event="test",
            at=now,
            text=catalogue.TEST_TEXT.format(name=self._name),
        )
        letter = Letter(
            id=said.id,
            to=to.name,
            at=now,
            subject=catalogue.TEST,
            text=text_of([said], self._settings.hours.zone),
            html=html_of([said], self._settings.hours.zone),
            body=body_of(said).decode() if to.webhook else "",
        )
        way = WEBHOOK if to.webhook else MAIL
        try:
            if self._sender is not None:
                await self._sender.send(letter)
        except (ArmslengthError, ValueError) as error:
            reason = error.reason if isinstance(error, ArmslengthError) else str(error)
            return ChannelTest(to=to.name, way=way, ok=False, reason=reason)
        return ChannelTest(to=to.name, way=way, ok=True)


def _given_up(dead: DeadLetter, to: str) -> GivenUp:
    letter = dead.letter
    return GivenUp(id=letter.id, to=to, at=dead.at, subject=letter.subject or letter.id, reason=dead.reason)


def _shown(to: Addressee) -> ShownAddressee:
    return ShownAddressee(
        to=_shown_name(to.name),
        way=WEBHOOK if to.webhook else MAIL,
        kinds=tuple(kind for kind in KINDS if kind in to.kinds),
        roles=tuple(sorted(to.roles)),
        digest=tuple(kind for kind in KINDS if kind in to.digest),
        quiet=to.quiet,
        invitations=to.invitations,
        official=to.official,
    )


def _shown_name(name: str) -> str:
    """An addressee's name; of a webhook's address the host, since what follows may be a secret."""
    parts = urlsplit(name)
    return f"{parts.scheme}://{parts.hostname}" if parts.scheme in {"http", "https"} else name
