"""What every page of the console weighs and takes, at a party and at the neutral keeper.

Both have 200 arrangements that have been in force for 120 days, of about 2,000 entries each (`bench._long`).

Nodes are processes of their own; the console is in this one and asks them over their sockets, as `armslength console`
does. For every page one line:

    page.NAME.N     milliseconds on the server until the page is whole, warm: the median of several arrangements' pages
                    that were looked at before; `first`: the first time, which folds a record or reads a snapshot; `kb`:
                    of 1,000 bytes, not compressed; `over`: whether it is above 100 KB or, warm, 200 ms
    page.memory.N   MiB of the console's process after all that; `nodes`: of the nodes' processes
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from armslength.console.app import build_console
from armslength.console.guard import Place as Origin
from armslength.console.sessions import OWNER, Sessions
from armslength.errors import ArmslengthError
from armslength.runtime.console import NodeOwner, own_card
from armslength.store.sqlite import SqliteStore
from armslength.wire.manage import LIST, ArrangementList, ListPage
from armslength.wire.news import TODAY, NoQuestion
from bench._hub import Place, fill
from bench._long import LongFactory, long_places
from bench.negotiation import _free_port
from bench.node import _memory, _up

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.sim.network import ask

COUNT = 200
TIMEOUT_S = 60.0
LOOKED = 3  # arrangements whose pages are looked at
AGAIN = 3
MOST_KB, MOST_MS = 100, 200
HERE = "http://127.0.0.1:9"
ALL = {  # pages that are about all arrangements, or none
    "home-at-start": "/", "home": "/", "arrangements": "/arrangements", "inbox": "/inbox", "new": "/new",
    "template": "/new/conduct-for-information", "write": "/write", "rehearse": "/rehearse", "approvals": "/approvals",
    "settings": "/settings", "counterparty": "/counterparty/{borovia}",
}  # fmt: skip
EACH = {
    "arrangement": "/a/{}", "arrangement-all": "/a/{}?all", "why-tranche": "/a/{}/why/T4", "why-duty": "/a/{}/why/C2",
    "why-period": "/a/{}/why/k2%2320", "act": "/a/{}/act", "attest": "/a/{}/attest",
    "attest-claim": "/a/{}/attest?claim=k2",
    "files": "/a/{}/files", "story": "/a/{}/story", "story-2": "/a/{}/story?page=1", "record": "/a/{}/record",
    "record-9": "/a/{}/record?page=9", "entry": "/a/{}/record/700", "evidence": "/a/{}/evidence",
    "evidence-verified": "/a/{}/evidence?verify", "terms": "/terms/{}", "terms-against": "/terms/{}?against={other}",
    "write-from": "/write?from={}", "rehearse-from": "/rehearse?from={}",
    "counterparty-part": "/counterparty/{borovia}?in={}",
}  # fmt: skip


@dataclass
class Look:
    """One page: the first times and the others, and its size."""

    name: str
    first: float
    again: float
    size: int


def figures() -> list[dict[str, object]]:
    """One dict per figure: name, value, unit, n, peer, ratio."""
    count = int(os.environ.get("BENCH_PAGES", COUNT))
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), count))


async def _measure(folder: Path, count: int) -> list[dict[str, object]]:
    where = long_places(folder, {name: _free_port() for name in ("A", "B", "m5")})
    await _stored(where, count)
    found: list[dict[str, object]] = []
    async with AsyncExitStack() as stack:
        pids = [await stack.enter_async_context(_up(where[name])) for name in ("A", "m5")]
        for name in ("A", "m5"):
            looks = await _looks(where[name], where["B"].config.did)
            found += [_figure(f"{name}.{look.name}", count, look) for look in looks]
        memory = {"console": round(_memory(os.getpid()), 1), "nodes": [round(_memory(pid), 1) for pid in pids]}
    named = {"name": f"page.memory.{count}", "value": memory["console"], "unit": "MiB", "n": count, "peer": None}
    return [*found, named | {"ratio": None, "nodes": memory["nodes"]}]


def _figure(name: str, count: int, look: Look) -> dict[str, object]:
    kb = round(look.size / 1000, 1)
    named = {"name": f"page.{name}.{count}", "value": round(look.again, 1), "unit": "ms", "n": count, "peer": None}
    over = kb > MOST_KB or look.again > MOST_MS
    return named | {"ratio": None, "first": round(look.first, 1), "kb": kb, "over": over}


async def _stored(where: dict[str, Place], count: int) -> None:
    factory, stores = LongFactory(where), {}
    for name in ("A", "m5"):
        stores[name] = SqliteStore.open(where[name].config.database, where[name].config.did)
    for number in range(count):
        made = [factory.make(number)]
        for name, store in stores.items():
            await fill(store, name, where["A"].config.did, made)
    for store in stores.values():
        await store.close()


async def _listed(owner: NodeOwner) -> ArrangementList:
    """The first arrangements, once the node answers."""
    until = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return await owner.ask(LIST, ListPage())
        except ArmslengthError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)


async def _gathered(owner: NodeOwner) -> None:
    """Return once the node knows what waits over all arrangements."""
    until = time.monotonic() + 10 * TIMEOUT_S
    while True:
        try:
            await owner.ask(TODAY, NoQuestion())
            return
        except ArmslengthError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)


async def _looks(place: Place, other: str) -> list[Look]:
    """Every page of one owner's console."""
    owner, origin, sessions = NodeOwner(place.config), Origin(HERE), Sessions(time.monotonic)
    listed = await _listed(owner)
    app = build_console(owner, origin, sessions, place.config.folder / "uploads", card=own_card(place.config))
    cookie = f"{origin.cookie}={sessions.begin('Pat', 'pat', OWNER)}"
    names = [each.arrangement for each in listed.arrangements[:: len(listed.arrangements) // LOOKED][:LOOKED]]
    found = []
    for name, path in [*ALL.items(), *EACH.items(), ("home-later", "/")]:
        if name == "home":
            await _gathered(owner)
        about = [("", "")] if name not in EACH else list(zip(names, [*names[1:], names[0]], strict=True))
        first, again, sizes = list[float](), list[float](), list[int]()
        for each, beside in about:
            url = HERE + path.format(each, other=beside, borovia=quote(other, safe=""))
            for number in range(1 + AGAIN):
                start = time.perf_counter()
                reply = await ask(app, "GET", url, b"", {"cookie": cookie})
                (again if number else first).append((time.perf_counter() - start) * 1000)
                if reply.status != 200:
                    raise RuntimeError(f"{url}: {reply.status}: {reply.body.decode()[-2000:]}")
                sizes.append(len(reply.body))
        found.append(Look(name, max(first), statistics.median(again), max(sizes)))
    return found
