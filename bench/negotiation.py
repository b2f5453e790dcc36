"""How fast two nodes negotiate: request to FINALIZED, one at a time and 500 at once, both sides flushed to disk.

Two processes on loopback, each a whole node as far as the Dataspace Protocol goes: uvicorn, signed tokens, SQLite with
full flushes, outbox, HTTP client. The consumer's process is told how many to negotiate and says how long each took,
from the call to the moment FINALIZED is durable there. The peer is Eclipse EDC 0.15.1 as shipped, between two JVMs in
the same run, if ARMSLENGTH_EDC names a folder in which it is built (see `edc.py`); else the peer is null.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from armslength.core.negotiation import Negotiation, NegotiationState
from armslength.core.process import Process
from armslength.engine.exchange import Exchange
from armslength.identity.keys import PrivateKey
from armslength.identity.tokens import Tokens, Verifier
from armslength.net.client import Client
from armslength.net.ways import DEVELOPMENT
from armslength.ports import Dataset
from armslength.store.sqlite import SqliteStore
from armslength.wire import binding
from armslength.worker import Deliverer

SINGLES, BURST, BURSTS = 60, 500, 3
ARRANGEMENT = "ab" * 32


def figures() -> list[dict[str, object]]:
    """One dict per figure: name, value, unit, n, peer, ratio."""
    with _nodes() as consumer:
        _tell(consumer, "singles", 20)  # connections, tokens, caches
        singles = _tell(consumer, "singles", SINGLES)
        _tell(consumer, "burst", 100)
        bursts = [BURST / max(_tell(consumer, "burst", BURST)) for _ in range(BURSTS)]
    latency, rate = statistics.median(singles) * 1000, statistics.median(bursts)
    from bench import edc

    peer, note = edc.measure()
    return [
        _figure("negotiation.latency", round(latency, 2), "ms", SINGLES, peer.get("latency_ms"), note, less=True),
        _figure("negotiation.burst-500", round(rate), "1/s", BURST * BURSTS, peer.get("burst_per_s"), note, less=False),
    ]


def _figure(
    name: str, value: float, unit: str, n: int, peer: float | None, note: str, *, less: bool
) -> dict[str, object]:
    ratio = None if peer is None else round(peer / value if less else value / peer, 1)
    return {"name": name, "value": value, "unit": unit, "n": n, "peer": {"name": note, "value": peer}, "ratio": ratio}


@contextlib.contextmanager
def _nodes() -> Iterator[subprocess.Popen[str]]:
    ports = [_free_port(), _free_port()]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.negotiation", *map(str, ports), folder]
        started: list[subprocess.Popen[str]] = []
        try:
            for side in ("provider", "consumer"):
                child = subprocess.Popen([*command, side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                started.append(child)
                assert child.stdout is not None
                assert child.stdout.readline() == "ready\n"
            yield started[1]
        finally:
            for child in started:
                assert child.stdin is not None
                child.stdin.close()
                child.wait(20)


def _tell(child: subprocess.Popen[str], how: str, count: int) -> list[float]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{how} {count}\n")
    child.stdin.flush()
    answer: list[float] = json.loads(child.stdout.readline())
    return answer


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as live:
        port: int = live.getsockname()[1]
        return port


class _Tranches:
    """Any dataset, from the provider to the consumer."""

    def __init__(self, provider: str, consumer: str, addresses: dict[str, str]) -> None:
        self._provider, self._consumer, self._addresses = provider, consumer, addresses

    async def offered_to(self, _: str) -> list[Dataset]:
        return []

    async def dataset(self, id: str) -> Dataset | None:  # noqa: A002
        return Dataset(
            id=id,
            title=id,
            provider_did=self._provider,
            recipient_did=self._consumer,
            arrangement_hash=ARRANGEMENT,
            tranche=id,
        )

    async def address(self, did: str, _: str) -> str | None:
        return self._addresses.get(did)


async def _node(ports: list[int], folder: Path, side: str) -> None:
    import uvicorn
    from starlette.applications import Starlette

    from armslength.web.dsp import routes

    dids = [f"did:web:localhost%3A{port}" for port in ports]
    keys = [PrivateKey(bytes([number]) * 32) for number in (1, 2)]
    addresses = {did: f"http://localhost:{port}" for did, port in zip(dids, ports, strict=True)}
    mine = 0 if side == "provider" else 1
    public = {did: key.public for did, key in zip(dids, keys, strict=True)}

    async def lookup(did: str, _: str) -> tuple[bytes, ...]:
        return (public[did],) if did in public else ()

    finished: dict[str, asyncio.Future[float]] = {}

    def changed(record: Process) -> None:
        if (
            isinstance(record, Negotiation)
            and record.state is NegotiationState.FINALIZED
            and record.dataset in finished
        ):
            waiting = finished.pop(record.dataset)
            waiting.set_result(time.perf_counter())

    store = SqliteStore.open(folder / f"{side}.db")
    client = Client(DEVELOPMENT)
    exchange = Exchange(
        store,
        dids[mine],
        addresses[dids[mine]] + binding.BASE,
        _Tranches(*dids, addresses),
        time.time,
        wake=lambda: deliverer.wake(),  # noqa: PLW0108  the two know each other
        changed=changed,
    )
    deliverer = Deliverer(store, client.post, Tokens(dids[mine], keys[mine]).bearer, exchange.delivered)
    app = Starlette(routes=routes(exchange, Verifier(dids[mine], lookup).caller, b"{}"))
    quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "lifespan": "off", "proxy_headers": False}
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=ports[mine], **quiet))
    serving = asyncio.create_task(server.serve())
    delivering = asyncio.create_task(deliverer.run())
    while not server.started:  # noqa: ASYNC110  it has no event for it
        await asyncio.sleep(0.01)
    gc.freeze()
    print("ready", flush=True)

    count = 0

    async def one() -> float:
        nonlocal count
        count += 1
        dataset = f"urn:armslength:{ARRANGEMENT}:T{count}"
        done = finished[dataset] = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        await exchange.negotiate(dids[0], addresses[dids[0]] + binding.BASE, dataset)
        return await done - start

    profiler = None
    if os.environ.get("BENCH_PROFILE"):
        import cProfile

        profiler = cProfile.Profile()
        profiler.enable()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        how, number = line.split()
        if how == "singles":
            taken = [await one() for _ in range(int(number))]
        else:
            start = time.perf_counter()
            await asyncio.gather(*(one() for _ in range(int(number))))
            taken = [time.perf_counter() - start]
        print(json.dumps(taken), flush=True)
    if profiler:
        profiler.disable()
        profiler.dump_stats(os.environ["BENCH_PROFILE"] + side)
    server.should_exit = True
    delivering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await delivering
    await serving
    await client.close()
    await store.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_node([int(sys.argv[1]), int(sys.argv[2])], Path(sys.argv[3]), sys.argv[4]))
