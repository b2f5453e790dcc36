"""The console of a folder, on this machine alone."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

from armslength.config import Config, Limits
from armslength.console.app import build_console
from armslength.console.guard import Place
from armslength.console.owner import Owner
from armslength.console.render import environment
from armslength.console.sessions import Sessions
from armslength.engine.monitor import Monitor
from armslength.errors import ArmslengthError, Misuse, NotFound
from armslength.identity.keys import KeyRing
from armslength.net import owner
from armslength.notify.settings import check_address
from armslength.runtime.monitor import MonitorRecord, opened, today_of
from armslength.runtime.node import signals
from armslength.views.tasks import ahead
from armslength.web.server import server
from armslength.wire.card import Card, read_card
from armslength.wire.manage import (
    LIST,
    RECORD,
    SAY,
    VIEW,
    ArrangementList,
    ArrangementSummary,
    ListPage,
    NodeView,
    SealedRecord,
    StatementResults,
    StatementsOrder,
    Verb,
    WhichArrangement,
    bodies_of,
)
from armslength.wire.news import NODES, REMIND, TODAY, NodeAnswers, NoQuestion, ReminderOrder, TodayView
from armslength.wire.own import Trouble
from armslength.wire.terms_json import encode_terms

Q = TypeVar("Q")
A = TypeVar("A")

HOST = "127.0.0.1"
CONNECTIONS = 64
FRESH_S = 3.0  # for which what nodes have shown a monitor serves its pages
UPLOADS = "uploads"
NO_BOUND = 1 << 62  # on bodies: the guard bounds each, and a file is written as it comes
LIMITS = Limits(
    connections=CONNECTIONS, connections_by_address=CONNECTIONS, bodies=NO_BOUND, bodies_by_address=NO_BOUND
)


class NodeOwner:
    """The owner of a running node, over the socket in its folder."""

    is_monitor = False

    def __init__(self, config: Config) -> None:
        self._config = config
        self.name = config.name
        self.did = config.did

    async def ask(self, verb: Verb[Q, A], asked: Q) -> A:
        """Ask the node; see `net.owner.ask`."""
        return await asyncio.to_thread(owner.ask, self._config, verb, asked)


class MonitorOwner:
    """A monitor's folder: what the nodes show it, and its own statements."""

    is_monitor = True

    def __init__(self, config: Config, monitor: Monitor) -> None:
        self._monitor = monitor
        self._nodes = config.nodes
        self.name = config.name
        self.did = config.did
        self._read: tuple[float, list[MonitorRecord], list[Trouble]] = (0.0, [], [])
        self._reading = asyncio.Lock()
        self._verbs: dict[str, Callable[[Any], Awaitable[object]]] = {
            TODAY.name: self._today,
            LIST.name: self._list,
            VIEW.name: self._view,
            RECORD.name: self._record,
            SAY.name: self._say,
            REMIND.name: self._remind,
            NODES.name: self._answers,
        }

    async def ask(self, verb: Verb[Q, A], asked: Q) -> A:
        """Answer from what the nodes show. Raises Misuse for what only a node does."""
        work = self._verbs.get(verb.name)
        if work is None:
            raise Misuse("no-node", "a monitor's folder has no node: this is done at the console of a node", verb.name)
        found: A = await work(asked)  # type: ignore[assignment]
        return found

    async def _records(self) -> list[MonitorRecord]:
        """What was just read serves the next pages as well: reading verifies whole records."""
        async with self._reading:
            if time.monotonic() > self._read[0] + FRESH_S:
                found = await self._monitor.records()
                self._read = time.monotonic(), *found
            return self._read[1]

    async def _today(self, _: NoQuestion) -> TodayView:
        return today_of(await self._records(), self._read[2])

    async def _remind(self, asked: ReminderOrder) -> NodeAnswers:
        if asked.address:
            check_address(asked.address, "address")
        return NodeAnswers(nodes=await self._monitor.remind(asked.address))

    async def _answers(self, _: NoQuestion) -> NodeAnswers:
        with contextlib.suppress(ArmslengthError):
            await self._records()
        return NodeAnswers(nodes={node: self._monitor.silent.get(node, "") for node in self._nodes})

    async def _list(self, asked: ListPage) -> ArrangementList:
        found = []
        for each in await self._records():
            if each.arrangement.startswith(asked.arrangement):
                document = encode_terms(each.terms).decode()
                signed = tuple(sorted(each.state.arrangement.signed))
                found.append(
                    ArrangementSummary(
                        arrangement=each.arrangement, title=each.terms.title, state=each.state.shown, proposed_by="",
                        note="", signed=signed, me=each.me, document=document, texts={},
                    )
                )  # fmt: skip
        return ArrangementList(arrangements=tuple(found))

    async def _view(self, asked: WhichArrangement) -> NodeView:
        records = await self._records()
        found = [each for each in records if each.arrangement.startswith(asked.arrangement)]
        if len(found) != 1:
            raise NotFound("unknown-arrangement", "no node shows one such arrangement", asked.arrangement[:16])
        each, size = found[0], len((await self._monitor.kept(found[0].arrangement))[1])
        return NodeView(
            arrangement=each.arrangement, document=encode_terms(each.terms).decode(), state=each.state,
            sealed_state=each.state, state_root="", tree_root="", size=size, sealed=size, now=each.now, heard={},
            transfers={}, suspended={}, sealing={}, troubles=(), me=each.me, absent={}, others={},
            arrangements=len(records), ahead=ahead(each.terms, each.state, each.me, each.said, each.now),
        )  # fmt: skip

    async def _record(self, asked: WhichArrangement) -> SealedRecord:
        proposal, lines = await self._monitor.kept(asked.arrangement)
        leaves = tuple(line.decode() for line in lines)
        return SealedRecord(document=proposal.document, texts=proposal.texts, leaves=leaves)

    async def _say(self, asked: StatementsOrder) -> StatementResults:
        try:
            return await self._monitor.say(asked.arrangement, bodies_of(asked), asked.events)
        finally:
            self._read = (0.0, [], [])


@asynccontextmanager
async def owner_of(config: Config) -> AsyncIterator[Owner]:
    """Whoever the folder speaks for."""
    if config.address:
        yield NodeOwner(config)
        return
    async with opened(config) as monitor:
        yield MonitorOwner(config, monitor)


def own_card(config: Config) -> Card:
    """The identity card of the folder, as `armslength card` prints it."""
    keys = KeyRing.load(config.keys).public()
    return read_card({"name": config.name, "did": config.did, "address": config.address or None, "keys": keys})


async def serve_console(config: Config, port: int, ready: Callable[[str], None]) -> None:
    """Serve the console until SIGTERM or SIGINT; `ready` is told the link that works once. Raises Misuse where the port
    is taken, Unavailable where the node is down."""
    async with owner_of(config) as speaker:
        if not speaker.is_monitor:
            await speaker.ask(LIST, ListPage())  # a console of a node that is down would show nothing
        with _listening(port) as listening:
            place = Place(f"http://{HOST}:{listening.getsockname()[1]}", f"/{secrets.token_urlsafe(16)}")
            sessions = Sessions(time.monotonic)
            app = build_console(speaker, place, sessions, config.folder / UPLOADS, card=own_card(config))
            made = server(app, LIMITS, CONNECTIONS)
            with signals([made]):
                ready(f"{place.origin}{place.base}/enter?key={sessions.link()}")
                await made.serve([listening])


@contextmanager
def doorway(folder: Path, link: str) -> Iterator[str]:
    """The address of a file that leads to a link, and that its owner alone can read: what a browser is started with is
    seen by everybody on the machine."""
    with NamedTemporaryFile("w", prefix="console-", suffix=".html", dir=folder.resolve()) as file:
        file.write(environment().get_template("onward.html.j2").render(base=None, address=link))
        file.flush()
        yield Path(file.name).as_uri()


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Misuse("no-port", f"cannot listen on {HOST}:{port}: {why}", "port") from None
