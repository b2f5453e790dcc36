"""The test kit of the Dataspace Protocol, test by test, with the kit's own ids; the scripts are in `kit.py`.

Each is walked twice: on the record alone, where every script can be played, and over a node's endpoints where what the
script wants is what a node does of its own accord.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.policy import Agreement
from armslength.core.process import Message, Role, queue, step
from armslength.engine.reactions import offer_of
from armslength.errors import Refused
from armslength.web.dsp import routes
from armslength.wire import binding, dsp
from tests.conformance.kit import LOOK_UPS, OVER_ENDPOINTS, SCRIPTS, steps
from tests.engine.dataspace import BASES, CONSUMER, DATA, PROVIDER, T1, Network, tranche
from tests.web.test_dsp import BASE, Web, caller

ROOT = Path(__file__).parents[2]
OFFER = offer_of(tranche())
AGREEMENT = Agreement(
    id="urn:uuid:1",
    policy=OFFER.policy,
    target=T1,
    assigner=PROVIDER,
    assignee=CONSUMER,
    timestamp="2016-07-01T00:00:00Z",
)

KINDS: dict[str, dict[str, type[Message]]] = {
    "negotiations": {
        "request": cn.ContractRequest,
        "offer": cn.ContractOffer,
        "accepted": cn.OfferAccepted,
        "agreement": cn.ContractAgreed,
        "verification": cn.AgreementVerified,
        "finalized": cn.AgreementFinalized,
        "termination": cn.NegotiationTerminated,
    },
    "transfers": {
        "start": tp.TransferStart,
        "suspension": tp.TransferSuspension,
        "completion": tp.TransferCompletion,
        "termination": tp.TransferTermination,
    },
}


def made(kind: type[Message], **pids: str | None) -> Message:
    """A message as the kit would send it."""
    content: dict[str, Any] = {"id": f"urn:uuid:{uuid.uuid4()}"} | pids
    if kind in (cn.ContractRequest, cn.ContractOffer):
        content["offer"] = OFFER
    if kind is cn.ContractAgreed:
        content["agreement"] = AGREEMENT
    if kind in (cn.NegotiationTerminated, tp.TransferSuspension, tp.TransferTermination):
        content["code"] = "1"
    return kind(**content)


def side(name: str) -> tuple[Role, str]:
    """Our role in a test, and what it is about: "negotiations" or "transfers"."""
    role = Role.CONSUMER if "_C:" in name else Role.PROVIDER
    return role, "negotiations" if name.startswith("CN") else "transfers"


def begun(role: Role, what: str) -> cn.Negotiation | tp.Transfer:
    """A process that the consumer has asked for."""
    parties: dict[str, Any] = {
        "role": role,
        "pid": "ours",
        "peer_pid": "theirs",
        "peer": "did:kit",
        "address": "https://kit.example",
        "dataset": T1,
    }
    if what == "negotiations":
        return cn.Negotiation(**parties, state=cn.NegotiationState.REQUESTED, offer=OFFER)
    return tp.Transfer(**parties, state=tp.TransferState.REQUESTED, agreement="a", format="HttpData-PULL")


@pytest.mark.parametrize("name", SCRIPTS)
def test_on_the_record(name: str) -> None:
    """Every negotiation and transfer of the kit, on the record alone."""
    role, kind = side(name)
    record = begun(role, kind)
    pids = {"consumer_pid": record.consumer_pid, "provider_pid": record.provider_pid}
    for sign, what, refused in steps(SCRIPTS[name]):
        if sign == "=":
            assert record.state == what
        elif sign == ">":
            ours = replace(made(KINDS[kind][what], **pids), id=record.next_id)
            record = step(queue(record, ours), role, ours).record
        elif refused:
            with pytest.raises(Refused):
                step(record, role.other, made(KINDS[kind][what], **pids))
        else:
            record = step(record, role.other, made(KINDS[kind][what], **pids)).record


class Kit:
    """The kit on one side, a node's endpoints on the other."""

    def __init__(self, role: Role, what: str) -> None:
        self.role, self.what = role, what
        self.web = Web()
        self.net: Network = self.web.net
        self.me = PROVIDER if role is Role.PROVIDER else CONSUMER
        self.kit = CONSUMER if role is Role.PROVIDER else PROVIDER
        self.web.app = Starlette(routes=routes(self.net.nodes[self.me], caller, b"{}"))
        self.theirs = f"urn:uuid:{uuid.uuid4()}"
        self.ours = ""

    @property
    def pids(self) -> dict[str, str | None]:
        ours, theirs = f"{self.role}_pid", f"{self.role.other}_pid"
        return {ours: self.ours, theirs: self.theirs}

    async def begin(self) -> None:
        """The consumer asks, whichever of the two it is; both know the process then."""
        agreement = await self.net.agree() if self.what == "transfers" else AGREEMENT
        if self.role is Role.CONSUMER:
            await self._we_ask(agreement)
            return
        ask: Message = cn.ContractRequest(consumer_pid=self.theirs, offer=OFFER, callback=BASES[CONSUMER])
        if self.what == "transfers":
            ask = tp.TransferRequest(
                consumer_pid=self.theirs,
                agreement=agreement.id,
                format="HttpData-PULL",
                callback=BASES[CONSUMER],
            )
        status, answer = await self.web.post(f"/{self.what}/request", ask, by=self.kit)
        assert (status, answer["state"]) == (201, "REQUESTED")
        self.ours = answer["providerPid"]

    async def _we_ask(self, agreement: Agreement) -> None:
        node = self.net.nodes[CONSUMER]
        if self.what == "negotiations":
            self.ours = await self.net.negotiate()
        else:
            self.ours = await node.request_transfer(agreement)
        (send,) = await self.net.stores[CONSUMER].due(self.net.now, 9)
        told = {"@type": "Answer", "state": "REQUESTED", "providerPid": self.theirs, "consumerPid": self.ours}
        await node.delivered(send, 200, json.dumps(told).encode())

    async def ours_sends(self, what: str) -> None:
        """Our side sends this next; the kit acknowledges it with an empty 200."""
        node = self.net.nodes[self.me]
        if self.what == "transfers":
            match what:
                case "start":
                    await node.start(self.ours, DATA if self.role is Role.PROVIDER else None)
                case "suspension":
                    await node.suspend(self.ours, "1", "because")
                case "completion":
                    await node.complete(self.ours)
                case _:
                    await node.terminate(self.ours, "because")
        elif (self.role, what) == (Role.CONSUMER, "termination"):
            await node.terminate(self.ours, "because")
        (send,) = await self.net.stores[self.me].due(self.net.now, 9)
        message = dsp.read(send.body)
        assert type(message) is KINDS[self.what][what]
        path = binding.STEPS[type(message)].replace("{pid}", self.theirs)
        assert send.url == BASES[self.kit] + path
        assert (message.consumer_pid, message.provider_pid) == (self.pids["consumer_pid"], self.pids["provider_pid"])
        await node.delivered(send, 200, b"")

    async def kit_sends(self, what: str) -> int:
        """The kit sends this; the status of our answer."""
        message = made(KINDS[self.what][what], **self.pids)
        path = binding.STEPS[type(message)].replace("{pid}", self.ours)
        status, error = await self.web.post(path, message, by=self.kit)
        if status >= 400:
            assert error["@type"] == ("ContractNegotiationError" if self.what == "negotiations" else "TransferError")
            assert (error["consumerPid"], error["providerPid"]) == (message.consumer_pid, message.provider_pid)
        return status

    async def state(self) -> str:
        status, answer = await self.web.get(f"{BASE}/{self.what}/{self.ours}", by=self.kit)
        assert status == 200
        return str(answer["state"])


async def walk(name: str) -> None:
    """Play a test of the kit against the node's own endpoints."""
    kit = Kit(*side(name))
    await kit.begin()
    for sign, what, refused in steps(SCRIPTS[name]):
        if sign == "=":
            assert await kit.state() == what
        elif sign == ">":
            await kit.ours_sends(what)
        else:
            status = await kit.kit_sends(what)
            assert (400 <= status < 500 and status != 404) if refused else 200 <= status < 300


@pytest.mark.parametrize("name", OVER_ENDPOINTS)
async def test_the_kit_over_http(name: str) -> None:
    """A test of the kit against the node's own endpoints."""
    await walk(name)


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in OVER_ENDPOINTS])
async def test_what_a_node_does_not_do(name: str) -> None:
    """What is said not to be playable over the endpoints is not: the list of reasons is no longer than it must be."""
    with pytest.raises(AssertionError):
        await walk(name)


@pytest.mark.parametrize("name", LOOK_UPS)
async def test_versions_and_catalogue(name: str) -> None:
    """The kit's look-ups, over the node's endpoints."""
    web = Web()
    match name:
        case "MET:01-01":
            status, versions = await web.get("/.well-known/dspace-version", by=None)
            (ours,) = [item for item in versions["protocolVersions"] if item["version"] == "2025-1"]
            assert (status, ours["path"], ours["binding"]) == (200, BASE, "HTTPS")
        case "CAT:01-01":
            ask = {"@context": [binding.CONTEXT], "@type": "CatalogRequestMessage", "@id": "x"}
            status, catalogue = await web.post("/catalog/request", json.dumps(ask).encode())
            assert (status, [item["@id"] for item in catalogue["dataset"]]) == (200, [T1])
        case "CAT:01-02":
            status, dataset = await web.get(f"{BASE}/catalog/datasets/{T1}")
            assert (status, dataset["@type"], dataset["@id"]) == (200, "Dataset", T1)
        case _:
            status, error = await web.get(f"{BASE}/catalog/datasets/CAT0103")
            assert (status, error["@type"], error["@context"]) == (404, "CatalogError", [binding.CONTEXT])


def test_every_test_of_the_kit_is_here() -> None:
    """67 tests: 4 look-ups, 15 and 16 negotiations as provider and as consumer, and as many transfers (16 each)."""
    groups = Counter(name.split(":")[0] for name in [*LOOK_UPS, *SCRIPTS])
    assert groups == {"MET": 1, "CAT": 3, "CN": 15, "CN_C": 16, "TP": 16, "TP_C": 16}
    assert groups.total() == 67


def test_the_page_is_current() -> None:
    """docs/conformance.md is what the tables say, and names every test of the kit."""
    script = ROOT / "docs" / "generate_conformance.py"
    made = subprocess.run([sys.executable, script, "--print"], capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert page == made, "run: python docs/generate_conformance.py"
    assert re.findall(r"^\| ([A-Z_]+:[0-9-]+) ", page, flags=re.MULTILINE) == [*LOOK_UPS, *SCRIPTS]
