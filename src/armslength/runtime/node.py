"""A configuration becomes a running node."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from random import random
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import uvicorn
from starlette.routing import Route
from starlette.types import ASGIApp

from armslength.config import FILE, Config, Notify
from armslength.engine.approvals import Approvals
from armslength.engine.backoff import Chance, cancelled
from armslength.engine.catchup import Catchup
from armslength.engine.clock import Clocks
from armslength.engine.contents import Contents
from armslength.engine.datasets import Tranches
from armslength.engine.exchange import Exchange
from armslength.engine.inbox import Inbox
from armslength.engine.keeper import Keeper
from armslength.engine.node import Node
from armslength.engine.officials import Officials
from armslength.engine.pins import pins
from armslength.engine.proposals import Proposals
from armslength.engine.publishing import Publisher
from armslength.engine.recorder import Recorder
from armslength.engine.replies import Replies
from armslength.engine.repository import Repository
from armslength.engine.role import TrancheServices
from armslength.engine.serving import DataAccess
from armslength.engine.skew import ClockSkew
from armslength.engine.tranches import LiveTranches
from armslength.engine.troubles import Troubles, advise
from armslength.engine.writer import Writer
from armslength.errors import Malformed, Misuse, Refused, Unavailable
from armslength.identity.did import Resolver, document
from armslength.identity.keys import KeyRing
from armslength.identity.tokens import KeyLookup, Tokens, Verifier
from armslength.identity.verified import Verify, remembering
from armslength.net.lazy import LazyClient
from armslength.net.local import listening
from armslength.net.peers import HttpPeers
from armslength.net.ways import ways
from armslength.ports import Caller
from armslength.store.sqlite import SqliteStore
from armslength.web.app import build_app
from armslength.web.manage import OwnerVerbs, build_management, owner_verbs
from armslength.web.server import OWNER, OWNERS, server, shares
from armslength.wire import binding
from armslength.wire.attest import ServingNode
from armslength.wire.did_key import key_of
from armslength.wire.place import address_of
from armslength.worker import Deliverer

if TYPE_CHECKING:
    from armslength.notify.desk import NewsDesk

DISK = "writing to this node's disk"  # a trouble
WAITING = 2048  # connections of peers that are not accepted yet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """Everything of a node that is up, for the server and for tests."""

    node: Node
    exchange: Exchange
    access: DataAccess
    deliverer: Deliverer
    clock: Clocks
    store: SqliteStore
    app: ASGIApp
    verbs: OwnerVerbs
    client: LazyClient
    officials: Officials
    peers: int  # connections of theirs at once

    @property
    def management(self) -> ASGIApp:
        """The owner's application."""
        return build_management(self.verbs)


@asynccontextmanager
async def assembled(config: Config, chance: Chance = random, verify: Verify | None = None) -> AsyncIterator[Running]:
    """A node, wired and with its loops running; closed in order afterwards. `chance` spreads what is tried again."""
    keys = KeyRing.load(config.keys)
    config.blobs.mkdir(mode=0o700, exist_ok=True)
    store = SqliteStore.open(config.database, config.did)
    share = shares(config.limits)
    troubles = Troubles(clock=time.time, chance=chance)
    client = LazyClient(ways(config), connections=share.outgoing, dated=ClockSkew(troubles, time.time).heard)
    clock = Clocks(store, development=config.development)
    await clock.load()
    tokens = Tokens(config.did, keys["tokens"])
    peers = HttpPeers(client, tokens.bearer)
    store.listen(lambda reason: _note_disk(troubles, reason))
    repository = Repository(store, config.did, keys, troubles, verify or remembering())
    await repository.load()
    recorder = Recorder(repository, peers, clock)
    recorder.readiness = catchup = Catchup(repository, peers, recorder, time.time, clock)
    repository.silence = "compares with the others first"
    deliverer: Deliverer
    tranches: LiveTranches

    def wake() -> None:
        deliverer.wake()

    exchange = Exchange(
        repository.store,
        config.did,
        config.address + binding.BASE,
        Tranches(repository),
        time.time,
        wake=wake,
        changed=lambda record: tranches.exchange_moved(record),  # noqa: PLW0108  there are none yet
        troubles=troubles,
    )
    exchange.speak_to = catchup.speak_to
    deliverer = Deliverer(
        store, client.post, tokens.bearer, exchange.delivered, troubles=troubles, speak_to=catchup.speak_to
    )
    contents = Contents(repository.store, config.blobs)
    publisher, access = Publisher(repository, contents), DataAccess(repository, contents, exchange)
    approvals = await Approvals.opened(repository.store, clock)
    replies = Replies(store, peers, clock, troubles)
    inbox = Inbox(store, config.inbox)
    proposals = Proposals(repository, inbox, replies, clock, config.accept, approvals, development=config.development)
    keeper = Keeper(repository, peers, recorder)
    writer = Writer(repository, recorder, keeper, peers, proposals, contents, approvals)
    tools = TrancheServices(repository, contents, exchange, client, peers, recorder, writer, config.address)
    tranches = LiveTranches(tools, publisher)
    officials = Officials(approvals, repository, writer, proposals, tranches)
    node = Node(recorder, keeper, tranches, writer, repository, peers, proposals, clock)
    verifier = Verifier(config.did, _key_lookup(repository, client, config), is_named=repository.names.is_named)
    desk = _Desk(config, node, store, client, approvals)
    app = build_app(
        node,
        exchange,
        verifier.caller,
        access.authorise,
        did_document=_did_document(config, keys),
        me=ServingNode(did=config.did, address=config.address),
        also=desk.routes(verifier.caller),
    )
    verbs = owner_verbs(node, clock, officials, desk.open)
    await publisher.sweep()
    loops = _started(deliverer, node, replies, proposals, officials, *await desk.begin())
    try:
        yield Running(node, exchange, access, deliverer, clock, store, app, verbs, client, officials, share.peers)
    finally:
        await cancelled(loops)
        await client.close()
        await store.close()


class Loop(Protocol):
    """What runs for as long as the node is up."""

    async def run(self) -> None: ...


def _started(*loops: Loop) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(each.run()) for each in loops]


class _Desk:
    """The desk that tells a node's news, made when it is first needed: whoever tells nobody anything loads nothing of
    it."""

    def __init__(
        self, config: Config, node: Node, store: SqliteStore, client: LazyClient, approvals: Approvals
    ) -> None:
        self._needs = config, node, store, client, approvals
        self._is_on = config.notify != Notify()
        self._made: NewsDesk | None = None
        self._making = asyncio.Lock()

    async def open(self) -> NewsDesk:
        """The desk."""
        async with self._making:
            if self._made is None:
                from armslength.runtime.news import news

                self._made = await news(*self._needs)
            return self._made

    def routes(self, caller: Caller) -> list[Route]:
        """What it shows to people who are no peers."""
        if not self._is_on:
            return []
        from armslength.web.told import routes

        return routes(self.open, caller, self._needs[1].repository.names.is_named)

    async def begin(self) -> list[Loop]:
        """What runs of it; nothing where nobody is told anything."""
        return [await self.open()] if self._is_on else []


def _note_disk(troubles: Troubles, reason: str) -> None:
    """What the database says of its disk, as its owner finds it in `status`."""
    if reason:
        troubles.at(DISK).tell(reason, advise("store-failed"))
    else:
        troubles.over(DISK)


def _key_lookup(repository: Repository, client: LazyClient, config: Config) -> KeyLookup:
    """Token keys: a did:key is one; then what terms pin (`engine.pins`); then a DID's own document."""

    async def fetch(url: str) -> tuple[int, bytes]:
        reply = await client.get(url, total=5.0)
        return reply.status, reply.body

    resolver = Resolver(fetch, development=config.development)

    async def shown(did: str) -> tuple[bytes, ...]:
        try:
            key = (await resolver.keys(did)).get("tokens")
        except (Malformed, Refused):
            return ()
        return (key,) if key else ()

    async def lookup(did: str, about: str) -> Sequence[bytes]:
        if did.startswith("did:key:"):
            try:
                return (key_of(did),)
            except Malformed:
                return ()
        found = await pins(repository, did, about)
        if not found.document:
            return found.keys
        try:
            return (*found.keys, *await shown(did))
        except Unavailable:
            if found.keys:
                return found.keys
            raise

    return lookup


def _did_document(config: Config, keys: KeyRing) -> bytes:
    return document(config.did, keys.public(), {"DataService": config.address + binding.VERSIONS_PATH})


async def serve(config: Config, ready: Callable[[], None]) -> None:
    """Run a node until SIGTERM or SIGINT, then finish what has begun."""
    if not config.address:
        raise Misuse("no-address", "this folder is a monitor's: it has keys but no node", str(config.folder))
    _check_place(config)
    async with assembled(config) as running:  # the database is ours from here on, and with it the folder
        with _peers(config) as peers, listening(config.socket) as owner, _console(config, running) as console:
            served: list[Served] = [
                (server(running.app, config.limits, running.peers), peers),
                (server(running.management, OWNER, OWNERS), owner),
                *console,
            ]
            servers = [each for each, _ in served]
            with signals(servers, running.access.close):
                ready()  # whoever connects from now on is answered
                watch = asyncio.create_task(_end_if_corrupt(running.store, servers))
                await asyncio.gather(*(each.serve([place]) for each, place in served))
                watch.cancel()
        if running.store.corruption:
            raise Misuse("store-corrupt", running.store.corruption, str(config.database))


Served = tuple[uvicorn.Server, socket.socket]
"""A server, and where it listens."""


def _console(config: Config, running: Running) -> AbstractContextManager[list[Served]]:
    """The console for people who log in, loaded only where there is one."""
    if config.console is None:
        return contextlib.nullcontext([])
    from armslength.runtime.organisation import organisation

    return organisation(config, config.console, running)


async def _end_if_corrupt(store: SqliteStore, servers: Sequence[uvicorn.Server]) -> None:
    """End the servers if the look through a large database, which goes on beside the work, finds something."""
    await store.looked_through()
    if store.corruption:
        for each in servers:
            each.should_exit = True


def _check_place(config: Config) -> None:
    """Raise Misuse where our address is not the one place that our DID names."""
    where = str(config.folder / FILE)
    try:
        place = address_of(config.did)
    except Malformed as error:
        raise Misuse("bad-config", f"did: {error.reason}", where) from None
    if config.address != place:
        raise Misuse("bad-config", f"address: {config.did} is at {place}, and nowhere else", where)


def _peers(config: Config) -> socket.socket:
    return bound(
        config, config.host, config.port, "stop what uses it, or init with --listen HOST:PORT or another --address"
    )


def bound(config: Config, host: str, port: int, way: str) -> socket.socket:
    """A socket that listens there. Raises Misuse with a way out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        both = host == "::" and socket.has_dualstack_ipv6()  # all addresses of this machine, the old ones too
        return socket.create_server((host, port), family=family, backlog=WAITING, dualstack_ipv6=both)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
        raise Misuse("no-port", f"cannot listen on {where}: {why}; {way}", str(config.folder / FILE)) from None


@contextlib.contextmanager
def signals(servers: Sequence[uvicorn.Server], stopping: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let SIGTERM and SIGINT end these servers, after `stopping`."""

    def stop(number: int, frame: FrameType | None) -> None:
        stopping()
        for each in servers:
            each.handle_exit(number, frame)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
