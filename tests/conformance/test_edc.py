"""Eclipse EDC 0.15.1 as a consumer of our tranches: catalogue, negotiation and a transfer through its whole life.

Set ARMSLENGTH_EDC to a folder with the connector built in `target/` and the scripts `start.sh ROLE PORT` and
`stop.sh ROLE` to run this test. Its identity is the plain-text `iam-mock`, so who calls is read from that here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette

from armslength.core.policy import TRANCHE
from armslength.core.transfer import DataAddress
from armslength.engine.exchange import Exchange
from armslength.net.client import Client
from armslength.net.ways import DEVELOPMENT
from armslength.ports import Dataset
from armslength.store.memory import MemoryStore
from armslength.web.dsp import routes
from armslength.wire import binding, dsp
from armslength.worker import Deliverer
from tests.engine.dataspace import HASH, T1, tranche

FOLDER = os.environ.get("ARMSLENGTH_EDC")
PORT = 29190
MANAGEMENT = f"http://localhost:{PORT + 2}/management/v3"
EDC = "https://w3id.org/edc/v0.0.1/ns/"
PROTOCOL = "dataspace-protocol-http:2025-1"

pytestmark = pytest.mark.skipif(not FOLDER, reason="ARMSLENGTH_EDC names no folder in which Eclipse EDC is built")


@pytest.fixture
def connector() -> Iterator[None]:
    """EDC as a consumer, in its own process."""
    subprocess.run([f"{FOLDER}/start.sh", "consumer", str(PORT)], check=True, stdout=subprocess.DEVNULL, timeout=90)
    try:
        yield
    finally:
        subprocess.run([f"{FOLDER}/stop.sh", "consumer"], check=True, timeout=60)


class OneTranche:
    """One tranche of ours, for EDC."""

    def __init__(self, me: str, address: str) -> None:
        self.known = tranche(provider_did=me, recipient_did="consumer")
        self.addresses = {me: address, "consumer": f"http://localhost:{PORT + 3}"}

    async def offered_to(self, did: str) -> list[Dataset]:
        return [self.known] if did == "consumer" else []

    async def dataset(self, id: str) -> Dataset | None:  # noqa: A002
        return self.known if id == T1 else None

    async def address(self, did: str, dataset: str) -> str | None:
        return self.addresses.get(did)


async def named(authorization: str | None, about: str) -> str:
    found: str = json.loads(authorization or "{}")["clientId"]
    return found


@contextlib.asynccontextmanager
async def provider() -> AsyncIterator[tuple[Exchange, str]]:
    """A node of ours that serves; yields its exchange and its base."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    me, address = f"did:web:localhost%3A{port}", f"http://localhost:{port}"
    store, client = MemoryStore(), Client(DEVELOPMENT)
    exchange = Exchange(
        store, me, address + binding.BASE, OneTranche(me, address), time.time, wake=lambda: deliverer.wake()
    )
    token = json.dumps({"region": "eu", "audience": "any", "clientId": me})
    deliverer = Deliverer(store, client.post, lambda _, __: token, exchange.delivered)
    app = Starlette(routes=routes(exchange, named, b"{}"))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    tasks = [asyncio.create_task(server.serve()), asyncio.create_task(deliverer.run())]
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield exchange, address + binding.BASE
    finally:
        server.should_exit = True
        await tasks[0]
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.close()


class Management:
    """EDC's management API."""

    def __init__(self, session: aiohttp.ClientSession, provider: str, base: str) -> None:
        self.session = session
        self.where = {"counterPartyId": provider, "counterPartyAddress": base, "protocol": PROTOCOL}

    async def call(self, method: str, path: str, **body: Any) -> Any:
        sent = {"@context": {"@vocab": EDC}} | body if body else None
        async with self.session.request(method, f"{MANAGEMENT}/{path}", json=sent) as response:
            text = await response.text()
            assert response.status < 300, text
            return json.loads(text) if text else None

    async def reaches(self, what: str, state: str) -> None:
        """Wait until EDC's own state of a process is this one."""
        found = ""
        async with asyncio.timeout(60):
            while found != state:
                found = (await self.call("GET", f"{what}/state"))["state"]
                assert found != "TERMINATED", await self.call("GET", what)
                await asyncio.sleep(0.2)


async def test_edc_negotiates_and_fetches(connector: None) -> None:
    """EDC finds the tranche, agrees to the thin offer, and follows start, suspension, restart and completion."""
    async with provider() as (exchange, base), aiohttp.ClientSession() as session:
        edc = Management(session, exchange.me, base)
        catalog: Any = None
        async with asyncio.timeout(60):
            while catalog is None:  # it says that it is ready a little before it is
                with contextlib.suppress(AssertionError):
                    catalog = await edc.call("POST", "catalog/request", **{"@type": "CatalogRequest"}, **edc.where)
        dataset = catalog.get("dataset") or catalog["dcat:dataset"]
        dataset = dataset[0] if isinstance(dataset, list) else dataset
        offer = dataset.get("hasPolicy") or dataset["odrl:hasPolicy"]
        offer = offer[0] if isinstance(offer, list) else offer
        offer = {name.removeprefix("odrl:"): value for name, value in offer.items()}
        offer |= {"@context": "http://www.w3.org/ns/odrl.jsonld", "assigner": exchange.me, "target": dataset["@id"]}
        asked = await edc.call(
            "POST", "contractnegotiations", **{"@type": "ContractRequest"}, **edc.where, policy=offer
        )
        await edc.reaches(negotiation := f"contractnegotiations/{asked['@id']}", "FINALIZED")
        agreement = await exchange.agreement_for(T1)
        assert agreement is not None
        pins = {constraint.left: constraint.right for constraint in agreement.policy.permissions[0].constraints}
        assert pins[TRANCHE] == "T1"
        assert f"sha-256:{HASH}" in pins.values()

        local = (await edc.call("GET", negotiation))["contractAgreementId"]
        begun = await edc.call(
            "POST",
            "transferprocesses",
            **{"@type": "TransferRequest"},
            **edc.where,
            contractId=local,
            transferType="HttpData-PULL",
        )
        await edc.reaches(transfer := f"transferprocesses/{begun['@id']}", "REQUESTED")
        ours = await exchange.transfer_for(T1)
        assert ours is not None
        for number, after in ((1, "SUSPENDED"), (2, "COMPLETED")):
            address = DataAddress(
                endpoint_type=dsp.ENDPOINT_TYPE,
                endpoint=f"{base}/data/{number}",
                authorization=f"token-{number}",
                auth_type="bearer",
            )
            await exchange.start(ours.pid, address)
            await edc.reaches(transfer, "STARTED")
            async with asyncio.timeout(30):
                shown: dict[str, str] = {}
                while shown.get(f"{EDC}authorization") != f"token-{number}":  # its listener stores it a little later
                    with contextlib.suppress(AssertionError):
                        shown = await edc.call("GET", f"edrs/{begun['@id']}/dataaddress")
                    await asyncio.sleep(0.2)
            assert shown[f"{EDC}endpoint"] == f"{base}/data/{number}"
            if after == "SUSPENDED":
                await exchange.suspend(ours.pid, "HELD", "allegation a1")
            else:
                await exchange.complete(ours.pid)
            await edc.reaches(transfer, after)
