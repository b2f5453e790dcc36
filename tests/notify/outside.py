"""What stands outside a node's news in tests: a clock that is set, a mail server and a webhook receiver."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from armslength.engine.troubles import Troubles
from armslength.net.client import Client
from armslength.net.mail import MailClient
from armslength.net.ways import DEVELOPMENT
from armslength.notify.hours import Hours
from armslength.notify.notification import KINDS, Notification, id_of
from armslength.notify.outbox import Outbox
from armslength.notify.sender import LetterSender
from armslength.notify.settings import Addressee, Leads, Mailing, Settings
from armslength.ports import Store
from tests.notify.test_mail import ASK

NOON = 1785585600  # 2026-08-01T12:00:00Z
SECRET = b"s" * 32
SECRET_TEXT = "whsec_" + base64.b64encode(SECRET).decode()


class Time:
    """A clock that a test sets."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Receiver:
    """A webhook receiver that answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], Any]] = []  # what it has taken
        self.tries = 0
        self.url = self.location = ""

    async def take(self, request: web.Request) -> web.Response:
        """One call."""
        self.tries += 1
        body = await request.read()
        if self.status == 200:
            fields = {name.lower(): value for name, value in request.headers.items()}
            self.got.append((fields | {"body": body.decode()}, json.loads(body)))
        return web.Response(status=self.status, headers={"location": self.location} if self.location else {})


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    found, app = Receiver(), web.Application()
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield found
    finally:
        await runner.cleanup()


def by_mail(name: str = "ops@a.example", **more: Any) -> Addressee:
    """One who is told by mail."""
    return Addressee(name=name, mail=name, **{"kinds": frozenset(KINDS), **more})


def at_webhook(url: str, **more: Any) -> Addressee:
    """One who is told at a webhook."""
    return Addressee(name=url, webhook=url, secret=SECRET, **{"kinds": frozenset(KINDS), "quiet": False, **more})


def settings(*to: Addressee, port: int = 1, quiet: tuple[int, int] = (0, 0), zone: str = "UTC") -> Settings:
    """Settings of a node that tells these."""
    hours = Hours(ZoneInfo(zone), time(quiet[0]), time(quiet[1]), time(8))
    mailing = Mailing(host="127.0.0.1", port=port, security="none", sender="node@a.example")
    return Settings(host="a.example", hours=hours, leads=Leads(), to=to, mailing=mailing)


class Post:
    """An outbox and its sender over a store, as a node has them, by a clock that is set."""

    def __init__(self, store: Store, what: Settings, clock: Time, client: Client | None = None) -> None:
        self.troubles = Troubles(clock=clock, moment=clock, chance=lambda: 0.5)
        self.outbox = Outbox(store, what)
        mailing = what.mailing
        assert mailing is not None
        mail = MailClient(host=mailing.host, port=mailing.port, security=mailing.security)
        self.client = client or Client(DEVELOPMENT)
        self.sender = LetterSender(self.outbox, what, mail, self.client.post, self.troubles, clock)
        self.clock = clock

    async def begin(self) -> Post:
        """Load what is stored."""
        await self.outbox.load()
        return self

    async def until(self, instant: float) -> int:
        """Let time pass and look whenever a look is due; how many looks there were."""
        looks = 0
        while self.clock.now <= instant:
            wait = await self.sender.look()
            looks += 1
            self.clock.now += min(max(wait or 60.0, 0.5), 60.0)
        self.clock.now = instant
        return looks


def some(number: int, **more: Any) -> list[Notification]:
    """Different notifications."""
    fields = {"arrangement": "ab" * 32, **more}
    return [
        Notification(**{**{n: getattr(ASK, n) for n in ASK.__slots__}, "id": id_of(n, *more.items()), **fields})
        for n in range(number)
    ]


async def settled() -> None:
    """Let what has been woken have its turn."""
    await asyncio.sleep(0)
