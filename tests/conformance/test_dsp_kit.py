"""The sequences of the Dataspace Protocol's test kit (dsp-tck 1.0.1), test by test, with the kit's own ids.

A script reads as in the kit's tables: `> x` our side sends x and the kit acknowledges it; `< x` the kit sends x and
gets a 2xx; `< x !` it gets a 4xx other than 404; `= STATE` is what a GET then says. The kit puts a random @id on all
it sends, gives no reasons, and sends `code: "1"`.

Negotiations are walked twice: on the record alone, where every script can be played, and over the node's endpoints
where what the script wants is what the node does of its own accord (it never makes offers: the terms are signed).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
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
from tests.engine.dataspace import BASES, CONSUMER, DATA, PROVIDER, T1, Network, tranche
from tests.web.test_dsp import BASE, Web, caller

OFFER = offer_of(tranche())
AGREEMENT = Agreement(
    id="urn:uuid:1",
    policy=OFFER.policy,
    target=T1,
    assigner=PROVIDER,
    assignee=CONSUMER,
    timestamp="2016-07-01T00:00:00Z",
)

PROVIDER_NEGOTIATES = {
    "CN:01-01": "> offer; < termination; = TERMINATED",
    "CN:01-02": "> offer; < request; > termination",
    "CN:01-03": "> offer; < accepted; > agreement; < verification; > finalized",
    "CN:01-04": "> agreement; < verification; > finalized",
    "CN:02-01": "> termination",
    "CN:02-02": "< termination; = TERMINATED",
    "CN:02-03": "> agreement; < termination; = TERMINATED",
    "CN:02-04": "> offer; < termination; = TERMINATED",
    "CN:02-05": "> offer; > termination",
    "CN:02-06": "> offer; < accepted; > termination",
    "CN:02-07": "> agreement; < verification; > termination",
    "CN:03-01": "> agreement; < verification; > finalized; = FINALIZED; < termination !",
    "CN:03-02": "> offer; < verification !",
    "CN:03-03": "> offer; < accepted; < verification !",
    "CN:03-04": "> offer; < request; < request !",
}
CONSUMER_NEGOTIATES = {
    "CN_C:01-01": "< offer; > accepted; < agreement; > verification; < finalized; = FINALIZED",
    "CN_C:01-02": "< offer; > request; < termination",
    "CN_C:01-03": "< offer; > termination; = TERMINATED",
    "CN_C:01-04": "< agreement; > verification; < finalized; = FINALIZED",
    "CN_C:02-01": "< termination; = TERMINATED",
    "CN_C:02-02": "> termination; = TERMINATED",
    "CN_C:02-03": "< agreement; > termination; = TERMINATED",
    "CN_C:02-04": "< offer; = OFFERED; < termination; = TERMINATED",
    "CN_C:02-05": "< offer; > accepted; < termination; = TERMINATED",
    "CN_C:02-06": "< agreement; > verification; < termination; = TERMINATED",
    "CN_C:03-01": "< finalized !; = REQUESTED",
    "CN_C:03-02": "< offer; = OFFERED; < agreement !; = OFFERED",
    "CN_C:03-03": "< offer; < finalized !; = OFFERED",
    "CN_C:03-04": "< offer; > accepted; < finalized !; = ACCEPTED",
    "CN_C:03-05": "< offer; > accepted; < offer !; = ACCEPTED",
    "CN_C:03-06": "< offer; > accepted; < agreement; < finalized !; = AGREED",
}
PROVIDER_TRANSFERS = {
    "TP:01-01": "> start; > termination; = TERMINATED",
    "TP:01-02": "> start; > completion; = COMPLETED",
    "TP:01-03": "> start; > suspension; > termination; = TERMINATED",
    "TP:01-04": "> start; > suspension; > start; > completion; = COMPLETED",
    "TP:01-05": "> termination; = TERMINATED",
    "TP:02-01": "> start; = STARTED; < termination; = TERMINATED",
    "TP:02-02": "> start; = STARTED; < completion; = COMPLETED",
    "TP:02-03": "> start; < suspension; = SUSPENDED; < termination; = TERMINATED",
    "TP:02-04": "> start; < suspension; < start; = STARTED; < completion",
    "TP:02-05": "= REQUESTED; < termination; = TERMINATED",
    "TP:03-01": "= REQUESTED; < completion !; = REQUESTED",
    "TP:03-02": "= REQUESTED; < suspension !; = REQUESTED",
    "TP:03-03": "> start; < suspension; < completion !; = SUSPENDED",
    "TP:03-04": "> start; < termination; < start !; = TERMINATED",
    "TP:03-05": "> start; < termination; < suspension !; = TERMINATED",
    "TP:03-06": "> start; < termination; < completion !; = TERMINATED",
}
CONSUMER_TRANSFERS = {
    "TP_C:01-01": "< start; = STARTED; < termination; = TERMINATED",
    "TP_C:01-02": "< start; < completion; = COMPLETED",
    "TP_C:01-03": "< start; < suspension; = SUSPENDED; < termination",
    "TP_C:01-04": "< start; < suspension; < start; = STARTED; < completion",
    "TP_C:01-05": "< termination; = TERMINATED",
    "TP_C:02-01": "< start; > termination; = TERMINATED",
    "TP_C:02-02": "< start; > completion; = COMPLETED",
    "TP_C:02-03": "< start; > suspension; > termination; = TERMINATED",
    "TP_C:02-04": "< start; > suspension; > start; > completion",
    "TP_C:02-05": "> termination; = TERMINATED",
    "TP_C:03-01": "= REQUESTED; < completion !; = REQUESTED",
    "TP_C:03-02": "= REQUESTED; < suspension !; = REQUESTED",
    "TP_C:03-03": "< start; < suspension; < completion !; = SUSPENDED",
    "TP_C:03-04": "< start; < termination; < start !; = TERMINATED",
    "TP_C:03-05": "< start; < termination; < suspension !; = TERMINATED",
    "TP_C:03-06": "< start; < termination; < completion !; = TERMINATED",
}
# What a node does of its own accord or on a call, so that it can be played over its endpoints.
OVER_HTTP = {
    "CN:01-04": PROVIDER_NEGOTIATES,
    "CN:03-01": PROVIDER_NEGOTIATES,
    "CN:02-03": PROVIDER_NEGOTIATES,
    "CN_C:01-04": CONSUMER_NEGOTIATES,
    "CN_C:02-01": CONSUMER_NEGOTIATES,
    "CN_C:02-06": CONSUMER_NEGOTIATES,
    "CN_C:03-01": CONSUMER_NEGOTIATES,
} | {name: table for table in (PROVIDER_TRANSFERS, CONSUMER_TRANSFERS) for name in table}

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


def steps(script: str) -> list[tuple[str, str, bool]]:
    """(">", what, _), ("<", what, whether it must be refused) or ("=", state, _)."""
    parsed = []
    for part in script.split(";"):
        sign, what, *refused = part.split()
        parsed.append((sign, what, refused == ["!"]))
    return parsed


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


NEGOTIATIONS = [(name, Role.PROVIDER) for name in PROVIDER_NEGOTIATES] + [
    (name, Role.CONSUMER) for name in CONSUMER_NEGOTIATES
]


@pytest.mark.parametrize(("name", "role"), NEGOTIATIONS, ids=[name for name, _ in NEGOTIATIONS])
def test_negotiations_on_the_record(name: str, role: Role) -> None:
    """Every negotiation of the kit, on the record alone."""
    record = cn.Negotiation(
        role=role,
        pid="ours",
        peer_pid="theirs",
        peer="did:kit",
        address="https://kit.example",
        dataset=T1,
        state=cn.State.REQUESTED,
        offer=OFFER,
    )
    pids = {"consumer_pid": record.consumer_pid, "provider_pid": record.provider_pid}
    for sign, what, refused in steps((PROVIDER_NEGOTIATES | CONSUMER_NEGOTIATES)[name]):
        if sign == "=":
            assert record.state == what
        elif sign == ">":
            ours = replace(made(KINDS["negotiations"][what], **pids), id=record.next_id)
            record = step(queue(record, ours), role, ours).record
        elif refused:
            with pytest.raises(Refused):
                step(record, role.other, made(KINDS["negotiations"][what], **pids))
        else:
            record = step(record, role.other, made(KINDS["negotiations"][what], **pids)).record


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
        if self.what == "transfers":
            agreement = await self.net.agree()
        if self.role is Role.CONSUMER:
            node = self.net.nodes[CONSUMER]
            self.ours = (
                await self.net.negotiate() if self.what == "negotiations" else await node.request_transfer(agreement)
            )
            (send,) = await self.net.stores[CONSUMER].due(self.net.now, 9)
            told = {"@type": "Answer", "state": "REQUESTED", "providerPid": self.theirs, "consumerPid": self.ours}
            await node.delivered(send, 200, json.dumps(told).encode())
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
                case "termination":
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


@pytest.mark.parametrize("name", OVER_HTTP)
async def test_the_kit_over_http(name: str) -> None:
    """A test of the kit against the node's own endpoints."""
    role = Role.CONSUMER if "_C:" in name else Role.PROVIDER
    kit = Kit(role, "negotiations" if name.startswith("CN") else "transfers")
    await kit.begin()
    for sign, what, refused in steps(OVER_HTTP[name][name]):
        if sign == "=":
            assert await kit.state() == what
        elif sign == ">":
            await kit.ours_sends(what)
        else:
            status = await kit.kit_sends(what)
            assert (400 <= status < 500 and status != 404) if refused else 200 <= status < 300


async def test_met_and_cat() -> None:
    """MET:01-01, CAT:01-01 to 01-03: versions, the catalogue, one dataset, and one that is not there."""
    web = Web()
    _, versions = await web.get("/.well-known/dspace-version", by=None)
    assert any(
        item["version"] == "2025-1" and item["path"] and item["binding"] for item in versions["protocolVersions"]
    )
    ask = json.dumps({"@context": [binding.CONTEXT], "@type": "CatalogRequestMessage", "@id": "x"}).encode()
    assert T1 in [item["@id"] for item in (await web.post("/catalog/request", ask))[1]["dataset"]]
    assert (await web.get(f"{BASE}/catalog/datasets/{T1}"))[1]["@id"] == T1
    missing = (await web.get(f"{BASE}/catalog/datasets/CAT0103"))[1]
    assert (missing["@type"], missing["@context"]) == ("CatalogError", [binding.CONTEXT])


def test_every_test_of_the_kit_is_here() -> None:
    """67 tests: 4 of versions and catalogue, 31 negotiations, 32 transfers (two of them disabled in the kit)."""
    tables = (PROVIDER_NEGOTIATES, CONSUMER_NEGOTIATES, PROVIDER_TRANSFERS, CONSUMER_TRANSFERS)
    assert sum(map(len, tables)) + 4 == 67
