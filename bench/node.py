"""What many live arrangements cost a neutral keeper: three node processes, real stores, and a monitor who attests.

Keeper and parties hold them all, in force, with two weeks behind them (`bench._hub`). For every number of arrangements:

    node.ready.N     seconds from the start of the keeper's process until it has answered a peer and its owner; `cpu`:
                     what it took of a core
    node.idle-cpu.N  per cent of a core, from the process's own times, over half a minute in which nothing happens;
                     with `[notify]`: an address of mail, a webhook and a calendar
    node.attest.N    milliseconds from the monitor's command until the keeper has placed its entry; median. Each is in
                     an arrangement that was not in use before, and those of the different N take turns. `sealed`: until
                     a seal covers it; `keeper_cpu`: what it took of the keeper's core, seal included. The ratio is to
                     the smallest N
    node.looked.N    seconds until the keeper, started with `[notify]` for the first time, has looked at all of them
                     for what there is to tell; `cpu`: what it took of a core
    node.memory.N    MiB of the keeper's resident memory after all that
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from armslength.cli.context import ask
from armslength.config import FILE
from armslength.core.arrangement.bodies import Attest
from armslength.core.canonical import canonical
from armslength.engine.monitor import ARRANGEMENT, Monitor
from armslength.errors import ArmslengthError
from armslength.identity.tokens import Tokens
from armslength.net.client import Client
from armslength.net.peers import HttpPeers
from armslength.net.ways import ways
from armslength.notify.notifier import LEADS
from armslength.ports import Batch, Put
from armslength.store.memory import MemoryStore
from armslength.store.sqlite import SqliteStore
from armslength.wire.manage import RECORD, WhichArrangement
from armslength.wire.own import BASE, covered, decode_sealed
from bench._hub import NODES, Factory, Made, Place, fill, places
from bench.negotiation import _free_port

COUNTS = (100, 1000, 10_000)
WARMING, ATTESTED = 5, 45  # attestations that do not count, and that do
CALM_S, IDLE_S = 10.0, 30.0
NOTIFY = """
[notify]
calendar = true
[notify.mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "node@keeper.example"
[[notify.to]]
mail = "{keeper}@keeper.example"
invitations = true
[[notify.to]]
webhook = "{hook}"
secret_file = "hook.secret"
"""
TIMEOUT_S = 300.0
LOOK_S = 0.005
TICKS = os.sysconf("SC_CLK_TCK")


class Outside:
    """Where news of all keepers arrive: a mail server and a receiver of webhooks, which count."""

    def __init__(self) -> None:
        self.port, self.hook = _free_port(), f"http://127.0.0.1:{_free_port()}"
        self.told = dict[str, int]()  # by keeper

    async def begin(self, stack: AsyncExitStack) -> None:
        """Start both."""
        mail = Controller(self, hostname="127.0.0.1", port=self.port)
        mail.start()
        stack.callback(mail.stop)
        app = web.Application()
        app.router.add_post("/{keeper}", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", int(self.hook.rpartition(":")[2])).start()

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802  its library names it
        """A message has come."""
        self._count(envelope.rcpt_tos[0].partition("@")[0])
        return "250 OK"

    async def _take(self, request: web.Request) -> web.Response:
        self._count(request.match_info["keeper"])
        return web.Response()

    def _count(self, keeper: str) -> None:
        self.told[keeper] = self.told.get(keeper, 0) + 1

    def configure(self, place: Place, keeper: str) -> None:
        """Let this keeper tell its news here."""
        folder = place.config.folder
        (folder / "hook.secret").write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
        with (folder / FILE).open("a") as file:
            file.write(NOTIFY.format(port=self.port, keeper=keeper, hook=f"{self.hook}/{keeper}"))

    async def calm(self, place: Place, keeper: str) -> float:
        """Wait until a keeper has looked at everything and nothing more is told; when that began, by
        `time.perf_counter`."""
        seen, since = -1, time.perf_counter()
        while time.perf_counter() < since + CALM_S or not _has_looked(place):
            if self.told.get(keeper, 0) != seen:
                seen, since = self.told.get(keeper, 0), time.perf_counter()
            await asyncio.sleep(0.5)
        return since


def _has_looked(place: Place) -> bool:
    """Whether a node has noted that everything is looked at."""
    with closing(sqlite3.connect(f"file:{place.config.database}?mode=ro", uri=True)) as found:
        return bool(found.execute("SELECT 1 FROM documents WHERE kind = ?", (LEADS,)).fetchone())


@dataclass
class World:
    """A keeper of so many arrangements, the inspector, and what was found out."""

    count: int
    keeper: Place
    pid: int
    monitor: Monitor
    peers: HttpPeers
    attested: Sequence[Made]
    ready: float
    started: float
    idle: float = 0.0
    looked: float = 0.0
    looking: float = 0.0
    placed: list[float] = field(default_factory=list)
    sealed: list[float] = field(default_factory=list)
    cpu: float = 0.0
    memory: float = 0.0


def figures() -> list[dict[str, object]]:
    """One dict per figure: name, value, unit, n, peer, ratio."""
    counts = [int(each) for each in os.environ.get("BENCH_NODE", "").split(",") if each] or list(COUNTS)
    with tempfile.TemporaryDirectory() as folder:
        worlds = asyncio.run(_measure(Path(folder), counts))
    least, found = statistics.median(worlds[0].placed), list[dict[str, object]]()
    for world in worlds:
        placed = statistics.median(world.placed)
        beside = {
            "sealed": round(statistics.median(world.sealed) * 1000, 1),
            "keeper_cpu": round(world.cpu * 1000 / ATTESTED, 1),
        }
        found += [
            _figure("ready", world, round(world.ready, 2), "s") | {"cpu": round(world.started, 2)},
            _figure("looked", world, round(world.looked, 1), "s") | {"cpu": round(world.looking, 1)},
            _figure("idle-cpu", world, round(world.idle, 2), "%"),
            _figure("memory", world, round(world.memory, 1), "MiB"),
            _figure("attest", world, round(placed * 1000, 1), "ms", round(placed / least, 2)) | beside,
        ]
    return found


def _figure(name: str, world: World, value: float, unit: str, ratio: float | None = None) -> dict[str, object]:
    n = world.count
    return {"name": f"node.{name}.{n}", "value": value, "unit": unit, "n": n, "peer": None, "ratio": ratio}


async def _measure(folder: Path, counts: Sequence[int]) -> list[World]:
    async with AsyncExitStack() as stack:
        outside = Outside()
        await outside.begin(stack)
        worlds = [await _world(folder / str(count), count, outside, stack) for count in counts]
        await asyncio.sleep(CALM_S)
        before, start = [_cpu(world.pid) for world in worlds], time.perf_counter()
        await asyncio.sleep(IDLE_S)
        for world, used in zip(worlds, before, strict=True):
            world.idle = 100 * (_cpu(world.pid) - used) / (time.perf_counter() - start)
        for number in range(WARMING + ATTESTED):
            for world in worlds:
                await _attest(world, world.attested[number], counts=number >= WARMING)
        for world in worlds:
            world.memory = _memory(world.pid)
        return worlds


async def _world(folder: Path, count: int, outside: Outside, stack: AsyncExitStack) -> World:
    """Stores for three nodes, their processes, and a monitor."""
    folder.mkdir()  # noqa: ASYNC240  nobody waits
    where = places(folder, {name: _free_port() for name in NODES})
    factory = Factory(where)
    made = [factory.make(number) for number in range(count)]
    for name in NODES:
        store = SqliteStore.open(where[name].config.database, where[name].config.did)
        await fill(store, name, where["S"].config.did, made)
        await store.close()
    attested = made[:: count // (WARMING + ATTESTED)]
    monitor, peers = await _monitor(where["I"], attested, stack)
    for name in ("S", "B"):
        await stack.enter_async_context(_up(where[name]))
        await _answers(where[name], peers, made[-1].arrangement)
    outside.configure(where["L"], str(count))
    start = time.perf_counter()
    pid = await stack.enter_async_context(_up(where["L"]))
    await _answers(where["L"], peers, made[-1].arrangement)
    ready, started = time.perf_counter() - start, _cpu(pid)
    looked = await outside.calm(where["L"], str(count)) - start
    world = World(count, where["L"], pid, monitor, peers, attested, ready, started)
    world.looked, world.looking = looked, _cpu(pid) - started
    return world


@asynccontextmanager
async def _up(place: Place) -> AsyncIterator[int]:
    program = Path(sys.executable).with_name("armslength")
    line = [str(program), "up", "--node", str(place.config.folder)]
    child = await asyncio.create_subprocess_exec(*line, stdout=subprocess.DEVNULL)
    try:
        yield child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        await child.wait()


async def _monitor(place: Place, made: Sequence[Made], stack: AsyncExitStack) -> tuple[Monitor, HttpPeers]:
    """The inspector, who knows these arrangements."""
    store = MemoryStore()
    await store.commit(Batch(puts=[Put(ARRANGEMENT, each.arrangement, 0, canonical(each.proposal)) for each in made]))
    client = await stack.enter_async_context(Client(ways(place.config)))
    peers = HttpPeers(client, Tokens(place.config.did, place.keys["tokens"]).bearer)
    return Monitor(store, peers, place.keys, place.config.did, place.config.nodes, time.time), peers


async def _answers(place: Place, peers: HttpPeers, arrangement: str) -> None:
    """Wait until a node answers a monitor and its owner about this arrangement."""
    until = time.perf_counter() + TIMEOUT_S
    while True:
        try:
            await peers.get(place.config.did, place.config.address, f"{BASE}/head/{arrangement}")
            await asyncio.to_thread(ask, place.config, RECORD, WhichArrangement(arrangement=arrangement))
        except (ArmslengthError, OSError):
            if time.perf_counter() > until:
                raise
            await asyncio.sleep(LOOK_S)
        else:
            return


async def _attest(world: World, made: Made, *, counts: bool) -> None:
    """One attestation; how long it takes until it is placed, and until it is sealed."""
    before, start = _cpu(world.pid), time.perf_counter()
    (said,) = (await world.monitor.say(made.arrangement, [Attest(claim="quality", period=1, value=True)])).said
    placed = time.perf_counter() - start
    if said.status != "placed":
        raise RuntimeError(f"the keeper does not place it: {said}")
    place, path = world.keeper.config, f"{BASE}/head/{made.arrangement}?entry={said.entry}"
    while not covered(decode_sealed(await world.peers.get(place.did, place.address, path))):  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)
    sealed = time.perf_counter() - start
    await asyncio.sleep(0.2)  # what follows a seal is none of the next one's
    if counts:
        world.placed.append(placed)
        world.sealed.append(sealed)
        world.cpu += _cpu(world.pid) - before


def _cpu(pid: int) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory(pid: int) -> float:
    """MiB of a process's resident memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024
