"""A monitor without a node: its folder, opened for one command."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from armslength.config import Config
from armslength.engine.monitor import Monitor
from armslength.engine.monitor_record import MonitorRecord
from armslength.identity.keys import KeyRing
from armslength.identity.tokens import Tokens
from armslength.net.client import Client
from armslength.net.peers import HttpPeers
from armslength.net.ways import ways
from armslength.store.sqlite import SqliteStore

__all__ = ["MonitorRecord", "opened"]


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Monitor]:
    """The monitor whose folder this is."""
    keys = KeyRing.load(config.keys)
    async with AsyncExitStack() as stack:
        store = SqliteStore.open(config.database, config.did)
        stack.push_async_callback(store.close)
        client = await stack.enter_async_context(Client(ways(config)))
        peers = HttpPeers(client, Tokens(config.did, keys["tokens"]).bearer)
        yield Monitor(store, peers, keys, config.did, config.nodes, time.time)
