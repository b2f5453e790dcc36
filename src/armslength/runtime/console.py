"""The console of a folder, on this machine alone."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from armslength.config import Config, Limits
from armslength.console.app import build_console
from armslength.console.guard import Place
from armslength.console.sessions import Sessions
from armslength.errors import Misuse
from armslength.net import owner
from armslength.runtime.node import signals
from armslength.web.server import server
from armslength.wire.manage import Verb

Q = TypeVar("Q")
A = TypeVar("A")

HOST = "127.0.0.1"
CONNECTIONS = 64
UPLOADS = "uploads"
NO_BOUND = 1 << 62  # on bodies: the guard bounds each, and a file is written as it comes


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


async def serve_console(config: Config, port: int, ready: Callable[[str], None]) -> None:
    """Serve the console until SIGTERM or SIGINT; `ready` is told the link that works once. Raises Misuse where the port
    is taken."""
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise Misuse("no-port", f"cannot listen on {HOST}:{port}: {error.strerror}", "port") from None
    with listening:
        place = Place(f"http://{HOST}:{listening.getsockname()[1]}")
        sessions = Sessions(time.monotonic)
        app = build_console(NodeOwner(config), place, sessions, config.folder / UPLOADS)
        made = server(
            app,
            Limits(
                connections=CONNECTIONS, connections_by_address=CONNECTIONS, bodies=NO_BOUND, bodies_by_address=NO_BOUND
            ),
            CONNECTIONS,
        )
        with signals([made]):
            ready(f"{place.origin}/enter?key={sessions.link()}")
            await made.serve([listening])
