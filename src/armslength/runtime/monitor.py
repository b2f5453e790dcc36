"""A monitor without a node: its folder, opened for one command."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
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
from armslength.views.tasks import ahead
from armslength.views.today import attested, outline, soonest
from armslength.wire.news import AskedNow, LastWord, StalledTask, TodayView
from armslength.wire.own import Trouble

__all__ = ["MonitorRecord", "Trouble", "opened", "today_of"]


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


def today_of(records: Sequence[MonitorRecord], troubles: Sequence[Trouble] = ()) -> TodayView:
    """What waits for a monitor, by what nodes show it, and what was not to be had."""
    asked: list[AskedNow] = []
    stalled: list[StalledTask] = []
    said: list[LastWord] = []
    for each in records:
        found = outline(
            each.arrangement, each.terms, ahead(each.terms, each.state, each.me, each.said, each.now), each.me, each.now
        )
        asked += found.asked
        stalled += found.stalled
        word = attested(each.arrangement, each.terms, each.state, each.me, each.pending, each.last)
        said += [word] if word else []
    simulated = max((each.now for each in records if each.terms.clock == "simulated"), default=0)
    asked.sort(key=soonest)
    stalled.sort(key=soonest)
    return TodayView(
        now=int(time.time()),
        simulated=simulated,
        asked=tuple(asked),
        stalled=tuple(stalled),
        said=tuple(said),
        troubles=tuple(troubles),
    )
