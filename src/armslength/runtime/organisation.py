"""The console of a node for whoever logs in at a provider: `[console]` of its configuration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from armslength.config import Config, ConsoleAccess, Limits
from armslength.console.app import build_console
from armslength.console.entering import Access
from armslength.console.guard import Place
from armslength.console.sessions import Sessions
from armslength.errors import ArmslengthError, NotFound, misused, not_kept
from armslength.login.audit import AuditTrail
from armslength.login.provider import OpenIdProvider
from armslength.login.settings import access_settings
from armslength.runtime.console import CONNECTIONS, NO_BOUND, UPLOADS, own_card
from armslength.runtime.node import Running, Served, bound
from armslength.web.crowd import group
from armslength.web.manage import OwnerVerbs
from armslength.web.server import server
from armslength.wire.manage import Verb, decode_question, encode_message

Q = TypeVar("Q")
A = TypeVar("A")

WAY: Final = "stop what uses it, or choose another under [console] listen"


class InProcessOwner:
    """The owner of the node in this process: what it is asked is read as the socket would read it."""

    is_monitor = False

    def __init__(self, config: Config, verbs: OwnerVerbs) -> None:
        self._verbs = {verb.name: work for verb, work in verbs}
        self.name = config.name
        self.did = config.did

    async def ask(self, verb: Verb[Q, A], asked: Q) -> A:
        """Ask the node. Raises what it answers."""
        work = self._verbs.get(verb.name)
        if work is None:
            raise NotFound("no-such-verb", "this node does not do that", verb.name)
        try:
            answer: A = await work(decode_question(verb, encode_message(asked)))  # type: ignore[assignment]
        except ArmslengthError as error:
            raise misused(not_kept(error)) from None
        return answer


@contextmanager
def organisation(config: Config, given: ConsoleAccess, running: Running) -> Iterator[list[Served]]:
    """The server of the console, and where it listens. Raises Misuse."""
    settings = access_settings(config, given)
    provider = OpenIdProvider(settings, running.client, time.time)
    running.officials.logins = provider
    app = build_console(
        InProcessOwner(config, running.verbs),
        Place(settings.origin),
        Sessions(time.monotonic),
        config.folder / UPLOADS,
        Access(provider, AuditTrail(running.store, time.time), group),
        own_card(config),
    )
    limits = Limits(
        connections=CONNECTIONS,
        connections_by_address=CONNECTIONS,  # they come from the proxy, all of them
        bodies=NO_BOUND,
        bodies_by_address=NO_BOUND,
        trusted_proxies=config.limits.trusted_proxies,
    )
    with bound(config, settings.host, settings.port, WAY) as listening:
        yield [(server(app, limits, CONNECTIONS), listening)]
