"""The protocol's endpoints over HTTP: who is let in, what is answered, and with which status."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import Message as AsgiMessage

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.process import Message
from armslength.engine.reactions import offer_of
from armslength.errors import Unauthorised
from armslength.web import requests
from armslength.web.dsp import routes
from armslength.wire import binding, dsp
from tests.engine.dataspace import BASES, CONSUMER, DATA, PROVIDER, STRANGER, T1, Network, tranche

BASE = "/dsp/2025-1"
OFFER = offer_of(tranche())


async def caller(authorization: str | None, about: str = "") -> str:
    """The sender is who it says it is."""
    if not authorization:
        raise Unauthorised("no-token", "a bearer token is required", "Authorization")
    return authorization


class Web:
    """The provider's endpoints, and a peer that speaks ASGI to them."""

    def __init__(self) -> None:
        self.net = Network()
        self.app = Starlette(routes=routes(self.net.nodes[PROVIDER], caller, b'{"id":"did"}'))

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        by: str | None = CONSUMER,
        headers: dict[str, str] | None = None,
        endless: bool = False,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; (status, headers, body)."""
        fields = {"content-type": "application/json; charset=utf-8", "content-length": str(len(body))}
        fields |= {"authorization": by} if by else {}
        fields |= headers or {}
        fields = {name: value for name, value in fields.items() if value}
        answer: list[AsgiMessage] = []
        blocks = [body]

        async def receive() -> AsgiMessage:
            if blocks:
                return {"type": "http.request", "body": blocks.pop(), "more_body": endless}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: AsgiMessage) -> None:
            answer.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        }
        await self.app(scope, receive, send)
        shown = {name.decode(): value.decode() for name, value in answer[0]["headers"]}
        return answer[0]["status"], shown, b"".join(part.get("body", b"") for part in answer[1:])

    async def post(self, path: str, message: Message | bytes, **how: Any) -> tuple[int, Any]:
        """A message to a path below the base; (status, decoded answer)."""
        body = message if isinstance(message, bytes) else dsp.write(message)
        status, _, answer = await self.ask("POST", BASE + path, body, **how)
        return status, json.loads(answer) if answer else None

    async def get(self, path: str, **how: Any) -> tuple[int, Any]:
        status, _, answer = await self.ask("GET", path, **how)
        return status, json.loads(answer)


def request(consumer_pid: str = "c1") -> cn.ContractRequest:
    return cn.ContractRequest(consumer_pid=consumer_pid, offer=OFFER, callback=BASES[CONSUMER])


async def test_documents_for_everyone() -> None:
    """Versions and the DID document need no token, and stand at the root."""
    web = Web()
    assert await web.get("/.well-known/did.json", by=None) == (200, {"id": "did"})
    status, versions = await web.get("/.well-known/dspace-version", by=None)
    assert status == 200
    (version,) = versions["protocolVersions"]
    assert (version["version"], version["path"], version["binding"]) == ("2025-1", BASE, "HTTPS")


async def test_catalogue_and_dataset() -> None:
    """The recipient sees its tranche, whole and alone; a stranger sees an empty catalogue and a 404."""
    web = Web()
    ask = json.dumps({"@context": [binding.CONTEXT], "@type": "CatalogRequestMessage"}).encode()
    status, found = await web.post("/catalog/request", ask)
    assert status == 200
    assert [dataset["@id"] for dataset in found["dataset"]] == [T1]
    assert found["participantId"] == PROVIDER
    assert "dataset" not in (await web.post("/catalog/request", ask, by=STRANGER))[1]
    status, dataset = await web.get(f"{BASE}/catalog/datasets/{T1}")
    assert (status, dataset["@id"]) == (200, T1)
    for path, by in ((T1, STRANGER), ("urn:nothing", CONSUMER)):
        status, error = await web.get(f"{BASE}/catalog/datasets/{path}", by=by)
        assert (status, error["@type"]) == (404, "CatalogError")


async def test_a_negotiation_over_http() -> None:
    """201 for the request, 200 for what follows, and the state whenever it is asked for."""
    web = Web()
    status, found = await web.post("/negotiations/request", request())
    assert (status, found["@type"], found["state"], found["consumerPid"]) == (
        201,
        "ContractNegotiation",
        "REQUESTED",
        "c1",
    )
    pid = found["providerPid"]
    told = cn.AgreementVerified(consumer_pid="c1", provider_pid=pid)
    assert await web.post(f"/negotiations/{pid}/agreement/verification", told) == (200, None)
    assert (await web.get(f"{BASE}/negotiations/{pid}"))[1]["state"] == "VERIFIED"
    assert (await web.get(f"{BASE}/negotiations/{pid}", by=STRANGER))[0] == 404


async def test_a_verification_with_a_wrong_id_is_a_400() -> None:
    """Ids that are not the process's are refused with a typed error that carries both."""
    web = Web()
    _, found = await web.post("/negotiations/request", request())
    pid = found["providerPid"]
    wrong = cn.AgreementVerified(consumer_pid="other", provider_pid=pid)
    status, error = await web.post(f"/negotiations/{pid}/agreement/verification", wrong)
    assert status == 400
    assert (error["@type"], error["consumerPid"], error["providerPid"]) == ("ContractNegotiationError", "other", pid)
    assert "consumerPid" in error["reason"][0]


async def test_an_illegal_transition_is_a_400() -> None:
    """The specification asks for 400 and a typed error; the state stays."""
    web = Web()
    agreement = await web.net.agree()
    ask = tp.TransferRequest(
        consumer_pid="t1", agreement=agreement.id, format="HttpData-PULL", callback=BASES[CONSUMER]
    )
    status, found = await web.post("/transfers/request", ask)
    assert (status, found["state"]) == (201, "REQUESTED")
    pid = found["providerPid"]
    told = tp.TransferCompletion(consumer_pid="t1", provider_pid=pid)
    status, error = await web.post(f"/transfers/{pid}/completion", told)
    assert (status, error["@type"], error["code"]) == (400, "TransferError", "illegal-transition")
    assert (await web.get(f"{BASE}/transfers/{pid}"))[1]["state"] == "REQUESTED"
    await web.net.nodes[PROVIDER].start(pid, DATA)
    assert (await web.post(f"/transfers/{pid}/completion", told))[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/catalog/request",
        "/negotiations/request",
        "/negotiations/x/termination",
        "/transfers/request",
        "/transfers/x/start",
    ],
)
async def test_nobody_is_let_in_without_a_token(path: str) -> None:
    """A request without a token is a 401 with the reason, before its body is looked at."""
    status, headers, body = await Web().ask("POST", BASE + path, b"garbage", by=None)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert "token" in json.loads(body)["reason"][0]


@pytest.mark.parametrize(("media_type", "status"), [("", 415), ("text/plain", 415), ("application/ld+json", 415)])
async def test_only_json_is_read(media_type: str, status: int) -> None:
    """Anything but application/json is a 415."""
    found = await Web().post("/negotiations/request", request(), headers={"content-type": media_type})
    assert found[0] == status


async def test_bodies_are_bounded() -> None:
    """A body that is too large is a 413, announced or not; a garbled length is no length."""
    web = Web()
    large = b" " * (requests.LARGEST + 1)
    assert (await web.post("/negotiations/request", large))[0] == 413
    assert (await web.post("/negotiations/request", large, headers={"content-length": ""}))[0] == 413
    assert (await web.post("/negotiations/request", b"{}", headers={"content-length": "-1"}))[0] == 413


async def test_a_body_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not arrive in time is a 408: the deadline is ours, the server has none."""
    monkeypatch.setattr("armslength.web.dsp.json_body", lambda request: requests.json_body(request, deadline=0.01))
    assert (await Web().post("/negotiations/request", request(), endless=True))[0] == 408


async def test_what_is_wrong_is_named() -> None:
    """A message without its callback address is a 400 that says so, not a 500."""
    web = Web()
    body = json.loads(dsp.write(request()))
    del body["callbackAddress"]
    status, error = await web.post("/negotiations/request", json.dumps(body).encode())
    assert (status, error["consumerPid"], error["providerPid"]) == (400, "c1", "")
    assert "callbackAddress" in error["reason"][0]
    assert (await web.post("/negotiations/request", b"{"))[0] == 400


async def test_a_message_at_the_wrong_path_is_refused() -> None:
    """Each path takes its own messages only."""
    web = Web()
    _, found = await web.post("/negotiations/request", request())
    pid = found["providerPid"]
    told = cn.NegotiationTerminated(consumer_pid="c1", provider_pid=pid)
    status, error = await web.post(f"/negotiations/{pid}/agreement/verification", told)
    assert status == 400
    assert "@type" in error["reason"][0]
    assert (await web.post(f"/transfers/{pid}/termination", told))[0] == 400


async def test_unknown_processes_are_a_404() -> None:
    """A message about a process that is not there is a 404 with a typed error."""
    told = cn.NegotiationTerminated(consumer_pid="c1", provider_pid="nothing")
    status, error = await Web().post("/negotiations/nothing/termination", told)
    assert (status, error["@type"]) == (404, "ContractNegotiationError")


async def test_what_goes_wrong_here_is_a_500_without_details(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is logged here, and the peer gets a typed error without its text."""
    web = Web()

    async def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(web.net.nodes[PROVIDER], "receive", fail)
    status, error = await web.post("/negotiations/request", request())
    assert (status, error["code"]) == (500, "internal")
    assert "secret" not in json.dumps(error)
    assert "secret detail" in caplog.text
