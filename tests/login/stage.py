"""A console to which people log in at the provider of the tests, all in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from armslength.config import ConsoleAccess, RoleHolders, parse
from armslength.console.app import build_console
from armslength.console.entering import Access
from armslength.console.guard import Place
from armslength.console.owner import Owner
from armslength.console.sessions import Sessions
from armslength.login.audit import AuditTrail
from armslength.login.provider import OpenIdProvider
from armslength.login.settings import AccessSettings, access_settings
from armslength.net.client import HttpReply
from armslength.store.memory import MemoryStore
from armslength.web.crowd import group
from tests.console.stage import FoldOwner
from tests.golden.terms import at
from tests.login.provider import CLIENT, SECRET, TestProvider
from tests.sim.network import ask

ORIGIN, ISSUER = "https://console.example.org", "https://login.example.org"
OPERATORS = {"operator": RoleHolders(subjects=("4711",))}


def settings_of(roles: Mapping[str, RoleHolders], folder: Path, roles_claim: str = "groups") -> AccessSettings:
    """What a node's file would say."""
    (folder / "secret").write_text(f"{SECRET}\n")
    given = ConsoleAccess(
        address=ORIGIN,
        issuer=ISSUER,
        client_id=CLIENT,
        client_secret_file="secret",
        roles=dict(roles),  # type: ignore[arg-type]
        roles_claim=roles_claim,
    )
    config = parse('name = "a"\ndid = "did:web:a.example"\n', folder)
    return access_settings(config, given)


class InMemory:
    """The provider's HTTP, without a network."""

    def __init__(self, provider: TestProvider) -> None:
        self._provider = provider

    async def get(self, url: str, headers: Mapping[str, str] | None = None, **_: Any) -> HttpReply:
        return await ask(self._provider.app, "GET", url, b"", headers)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], **_: Any) -> HttpReply:
        return await ask(self._provider.app, "POST", url, body, headers)


class Organisation:
    """The console of an organisation, its provider, and one browser."""

    def __init__(
        self,
        folder: Path,
        roles: Mapping[str, RoleHolders] | None = None,
        algorithm: str = "RS256",
        owner: Owner | None = None,
    ) -> None:
        self.time = 1_790_000_000.0
        self.provider = TestProvider(ISSUER, lambda: self.time, algorithm)
        self.settings = settings_of(OPERATORS if roles is None else roles, folder)
        self.client = OpenIdProvider(self.settings, InMemory(self.provider), lambda: self.time)
        self.owner = FoldOwner(at(9, 3))
        self.sessions = Sessions(lambda: self.time)
        self.store = MemoryStore()
        self.audit = AuditTrail(self.store, lambda: self.time)
        self.place = Place(ORIGIN)
        self.app = build_console(
            owner or self.owner, self.place, self.sessions, folder / "uploads", Access(self.client, self.audit, group)
        )
        self.address = "127.0.0.1"  # of the browser
        self.cookies: dict[str, str] = {}
        self.set: list[str] = []  # every cookie, as it was set

    async def get(self, path: str, *, origin: str = ORIGIN, foreign: bool = False, **headers: str) -> HttpReply:
        """GET a page; `foreign`: another site has sent the browser here."""
        return await self._ask("GET", origin + path, b"", headers, foreign=foreign)

    async def post(self, path: str, body: str, **headers: str) -> HttpReply:
        """Send a form of a page of ours."""
        kind = {"content-type": "application/x-www-form-urlencoded", "origin": ORIGIN}
        return await self._ask("POST", ORIGIN + path, body.encode(), kind | headers)

    async def _ask(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, foreign: bool = False
    ) -> HttpReply:
        given = dict(headers)
        lax = {name: value for name, value in self.cookies.items() if not foreign or name.endswith("-login")}
        if lax:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in lax.items())
        found: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: Any) -> None:
                if message["type"] == "http.response.start":
                    found.extend(v.decode() for k, v in message["headers"] if k.lower() == b"set-cookie")
                await send(message)

            await self.app(scope, receive, sent)

        reply = await ask(app, method, url, body, given, (self.address, 50000))
        for cookie in found:
            self.set.append(cookie)
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if not self.cookies[name]:
                del self.cookies[name]
        return reply

    async def out(self) -> str:
        """Leave for the provider, and log in there; where it sends the browser."""
        reply = await self.get("/login/start")
        assert reply.status == 303, reply.body
        return await self.there(str(reply.headers["location"]))

    async def there(self, address: str) -> str:
        """Log in at the provider; where it sends the browser."""
        there = await ask(self.provider.app, "GET", address)
        parts = urlsplit(str(there.headers["location"]))
        assert f"{parts.scheme}://{parts.netloc}" == ORIGIN
        return f"{parts.path}?{parts.query}"

    async def log_in(self) -> HttpReply:
        """All the way."""
        return await self.get(await self.out(), foreign=True)

    async def outcomes(self) -> list[str]:
        """What the audit trail says came of things, the latest first."""
        return [line.outcome for line in await self.audit.lines()]
