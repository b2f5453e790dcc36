"""What many live arrangements cost a neutral keeper: three node processes, real stores, and a monitor who attests.

Keeper and parties hold them all, in force, with two weeks behind them (`bench._hub`). For every number of arrangements:

    node.ready.N     seconds from the start of the keeper's process until it has answered a peer and its owner; `cpu`:
                     what it took of a core
    node.idle-cpu.N  per cent of a core, from the process's own times, over half a minute in which nothing happens
    node.attest.N    milliseconds from the monitor's command until the keeper has placed its entry; median. Each is in
                     an arrangement that was not in use before, and those of the different N take turns. `sealed`: until
                     a seal covers it; `keeper_cpu`: what it took of the keeper's core, seal included. The ratio is to
                     the smallest N
    node.memory.N    MiB of the keeper's resident memory after all that
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from armslength.cli.context import ask
from armslength.core.arrangement.bodies import Attest
from armslength.core.canonical import canonical
from armslength.engine.monitor import ARRANGEMENT, Monitor
from armslength.errors import ArmslengthError
from armslength.identity.tokens import Tokens
from armslength.net.client import Client
from armslength.net.peers import HttpPeers
from armslength.net.ways import ways
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
TIMEOUT_S = 300.0
LOOK_S = 0.005
TICKS = os.sysconf("SC_CLK_TCK")


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
        worlds = [await _world(folder / str(count), count, stack) for count in counts]
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


async def _world(folder: Path, count: int, stack: AsyncExitStack) -> World:
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
    start = time.perf_counter()
    pid = await stack.enter_async_context(_up(where["L"]))
    await _answers(where["L"], peers, made[-1].arrangement)
    ready = time.perf_counter() - start
    return World(count, where["L"], pid, monitor, peers, attested, ready, _cpu(pid))


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
