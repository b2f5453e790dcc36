"""The composition root: a configuration becomes a running node. The only file that knows all adapters."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from armslength.config import Config
from armslength.core.record.keys import from_base64
from armslength.engine.clock import Clocks
from armslength.engine.datasets import Tranches
from armslength.engine.exchange import Exchange
from armslength.engine.hand import Hand
from armslength.engine.node import Node
from armslength.engine.recorder import Recorder
from armslength.engine.shelf import Shelf
from armslength.errors import ArmslengthError, Misuse
from armslength.identity.did import Resolver, document, key_of
from armslength.identity.keys import KeyRing
from armslength.identity.tokens import KeyLookup, Tokens, Verifier
from armslength.net.client import Client
from armslength.net.peers import Peers
from armslength.store.sqlite import SqliteStore
from armslength.web.app import build_app
from armslength.wire import binding
from armslength.worker import Deliverer

DRAIN_S = 5  # how long a node that is told to stop finishes what it has begun

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """Everything of a node that is up, for the server and for tests."""

    node: Node
    exchange: Exchange
    deliverer: Deliverer
    clock: Clocks
    app: object


@asynccontextmanager
async def assembled(config: Config) -> AsyncIterator[Running]:
    """A node, wired and with its loops running; closed in order afterwards."""
    keys = KeyRing.load(config.keys)
    config.blobs.mkdir(mode=0o700, exist_ok=True)
    store = SqliteStore.open(config.database)
    client = Client(development=config.development)
    clock = Clocks(store, development=config.development)
    await clock.load()
    tokens = Tokens(config.did, keys["tokens"])
    peers = Peers(client, tokens)
    shelf = Shelf(store, config.did, keys)
    recorder = Recorder(shelf, peers, clock)
    deliverer: Deliverer
    hand: Hand
    node: Node

    def wake() -> None:
        deliverer.wake()
        node.wake()

    exchange = Exchange(
        store,
        config.did,
        config.address + binding.BASE,
        Tranches(shelf),
        time.time,
        wake=wake,
        changed=lambda record: hand.exchange_changed(record),  # noqa: PLW0108  there is no hand yet
    )
    deliverer = Deliverer(store, client.post, tokens.bearer, exchange.delivered)
    hand = Hand(shelf, exchange, client, peers, config.blobs, config.address)
    node = Node(shelf, recorder, hand, peers, clock)
    verifier = Verifier(config.did, _key_lookup(shelf, client, config))
    app = build_app(
        node,
        exchange,
        verifier.caller,
        hand.authorise,
        clock,
        did_document=_did_document(config, keys),
        secret=config.token.read_text(encoding="ascii").strip(),
        development=config.development,
    )
    loops = [asyncio.create_task(deliverer.run()), asyncio.create_task(node.run())]
    try:
        yield Running(node, exchange, deliverer, clock, app)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await client.close()
        await store.close()


def _key_lookup(shelf: Shelf, client: Client, config: Config) -> KeyLookup:
    """Token keys: a did:key is one; those pinned in terms that we have signed go first; then a DID's own document.

    What terms pin that we have not signed counts for nothing: whoever proposes them could write itself a key under
    somebody else's name, and read that one's records.
    """

    async def fetch(url: str) -> tuple[int, bytes]:
        reply = await client.get(url, total=5.0)
        return reply.status, reply.body

    resolver = Resolver(fetch, development=config.development)

    async def lookup(did: str) -> bytes | None:
        try:
            if did.startswith("did:key:"):
                return key_of(did)
            for held in await shelf.everything():
                if held.book.me.actor not in held.book.view.state.arrangement.signed:
                    continue
                for actor in held.terms.actors.values():
                    if actor.did == did and actor.keys is not None and actor.keys.tokens is not None:
                        return from_base64(actor.keys.tokens, "tokens")
            return (await resolver.keys(did)).get("tokens")
        except ArmslengthError:
            return None

    return lookup


def _did_document(config: Config, keys: KeyRing) -> bytes:
    return document(config.did, keys.public(), {"DataService": config.address + binding.VERSIONS_PATH})


async def serve(config: Config, ready: Callable[[], None]) -> None:
    """Run a node until SIGTERM or SIGINT, then finish what has begun."""
    if not config.address:
        raise Misuse("no-address", "this folder is a monitor's: it has keys but no node", str(config.folder))
    async with assembled(config) as running:
        settings = uvicorn.Config(
            running.app,  # type: ignore[arg-type]
            host=config.host,
            port=config.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_S,
            limit_concurrency=2000,
            lifespan="off",
        )
        server = _Server(settings, ready)
        with _signals(server):
            await server.serve()
        if not server.started:
            raise Misuse("no-port", f"cannot listen on {config.host}:{config.port}", "port")


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, settings: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(settings)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()


@contextlib.contextmanager
def _signals(server: uvicorn.Server) -> Iterator[None]:
    def stop(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
