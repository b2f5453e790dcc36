"""Messages of the Dataspace Protocol as plain JSON: what is read, what is refused, what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.policy import Agreement, Constraint, Offer, Policy, Rule, thin
from armslength.core.process import Message, Role, step
from armslength.errors import Malformed
from armslength.wire import binding, catalog, dsp
from armslength.wire.policy import read_offer, write_offer

EDC = sorted((Path(__file__).parents[1] / "vectors" / "edc").glob("*.json"))
OFFER = Offer(id="o", policy=thin("ab" * 32, "T1"), target="d", assigner="did:p", assignee="did:c")
AGREEMENT = Agreement(
    id="urn:uuid:1",
    policy=OFFER.policy,
    target="d",
    assigner="did:p",
    assignee="did:c",
    timestamp="2016-07-01T00:00:00Z",
)
ADDRESS = tp.DataAddress(
    endpoint_type=dsp.ENDPOINT_TYPE,
    endpoint="https://p/data/1",
    authorization="secret",
    auth_type="bearer",
    properties=(("root", "ab"),),
)
IDS: dict[str, Any] = {"id": "m", "consumer_pid": "c", "provider_pid": "p"}
MESSAGES: list[Message] = [
    cn.ContractRequest(consumer_pid="c", offer=OFFER, callback="https://c/dsp"),
    cn.ContractRequest(**IDS, offer=OFFER),
    cn.ContractOffer(provider_pid="p", offer=OFFER, callback="https://p/dsp"),
    cn.ContractOffer(**IDS, offer=OFFER),
    cn.OfferAccepted(**IDS),
    cn.ContractAgreed(**IDS, agreement=AGREEMENT),
    cn.AgreementVerified(**IDS),
    cn.AgreementFinalized(**IDS),
    cn.NegotiationTerminated(**IDS),
    cn.NegotiationTerminated(**IDS, code="1", reason=("one", "two")),
    tp.TransferRequest(id="m", consumer_pid="c", agreement="a", format="HttpData-PULL", callback="https://c/dsp"),
    tp.TransferStart(**IDS),
    tp.TransferStart(**IDS, address=ADDRESS),
    tp.TransferSuspension(**IDS, code="HELD", reason=("allegation a1",)),
    tp.TransferCompletion(**IDS),
    tp.TransferTermination(**IDS, reason=("done",)),
]


def body(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dsp.write(message))
    return found


def sent(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_written_is_read_back(message: Message) -> None:
    """Every message survives the wire."""
    if isinstance(message, tp.TransferStart) and message.address:
        found = dsp.read(dsp.write(message))
        assert isinstance(found, tp.TransferStart)
        assert found == message
    else:
        assert dsp.read(dsp.write(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_of_ours_is_known_by_its_kind_and_ids(message: Message) -> None:
    """What became of it is told by these alone."""
    ids = Message(id=message.id, consumer_pid=message.consumer_pid, provider_pid=message.provider_pid)
    assert dsp.read_sent(dsp.write(message)) == (type(message), ids)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_exactly_one_context_is_sent(message: Message) -> None:
    """EDC answers 400 to a context that it does not hold: we send the specification's and no other."""
    assert body(message)["@context"] == ["https://w3id.org/dspace/2025/1/context.jsonld"]


@pytest.mark.parametrize("path", EDC, ids=lambda path: path.stem)
def test_what_edc_sends_is_read(path: Path) -> None:
    """Every message that Eclipse EDC sent on the wire is understood, and means the same when we write it."""
    source = json.loads(path.read_text())["body"]
    if source["@type"] == "CatalogRequestMessage":
        catalog.check_request(sent(source))
        return
    message = dsp.read(sent(source))
    again = body(message)
    assert again["@type"] == source["@type"]
    assert dsp.read(sent(again)) == message
    for name in ("consumerPid", "providerPid", "callbackAddress", "agreementId", "format", "eventType", "reason"):
        assert again.get(name) == source.get(name)


def test_edcs_own_endpoint_properties_are_read() -> None:
    """EDC gives address and token only as properties named by full IRIs."""
    source = json.loads(next(path for path in EDC if path.name.startswith("08")).read_text())["body"]
    message = dsp.read(sent(source))
    assert isinstance(message, tp.TransferStart)
    assert message.address is not None
    assert message.address.endpoint == "http://localhost:19194/public"
    assert message.address.auth_type == "bearer"
    assert (message.address.authorization or "").startswith("eyJ")
    assert message.address.properties == ()


def test_both_forms_of_an_address_are_written() -> None:
    """The specification's `endpoint`, and EDC's properties, which are all that EDC keeps."""
    address = body(tp.TransferStart(**IDS, address=ADDRESS))["dataAddress"]
    properties = {item["name"]: item["value"] for item in address["endpointProperties"]}
    assert address["endpoint"] == properties["https://w3id.org/edc/v0.0.1/ns/endpoint"] == "https://p/data/1"
    assert properties["authorization"] == properties["https://w3id.org/edc/v0.0.1/ns/authorization"] == "secret"
    assert properties["root"] == "ab"
    assert {item["@type"] for item in address["endpointProperties"]} == {"EndpointProperty"}


def test_prefixed_terms_of_odrl_are_the_bare_ones() -> None:
    """`odrl:use` is `use`, and `odrl:eq` is `eq`."""
    written = write_offer(OFFER)
    rule = written["permission"][0]
    rule["action"] = "odrl:use"
    for constraint in rule["constraint"]:
        constraint["operator"] = "odrl:eq"
    assert read_offer(written) == OFFER


def test_extra_contexts_and_plain_members_are_let_pass() -> None:
    """Further contexts and members that we do not know do not hurt a message."""
    source = body(MESSAGES[0])
    source["@context"].append("https://w3id.org/edc/dspace/v0.0.1")
    source["edc:note"] = {"anything": [1, None]}
    assert dsp.read(sent(source)) == MESSAGES[0]


Spoil = Callable[[dict[str, Any]], object]
SPOILED: list[tuple[Message, Spoil, str]] = [
    (MESSAGES[0], lambda b: b.pop("@context"), "@context"),
    (MESSAGES[0], lambda b: b.update({"@context": ["https://example.org/"]}), "@context"),
    (MESSAGES[0], lambda b: b.pop("@type"), "@type"),
    (MESSAGES[0], lambda b: b.update({"@type": ["ContractRequestMessage"]}), "@type"),
    (MESSAGES[0], lambda b: b.update({"@type": "Nonsense"}), "@type"),
    (MESSAGES[0], lambda b: b.pop("consumerPid"), "consumerPid"),
    (MESSAGES[0], lambda b: b.update(consumerPid=7), "consumerPid"),
    (MESSAGES[0], lambda b: b.update(consumerPid=""), "consumerPid"),
    (MESSAGES[0], lambda b: b.pop("callbackAddress"), "callbackAddress"),
    (MESSAGES[0], lambda b: b.update(providerPid="p"), "callbackAddress"),
    (MESSAGES[0], lambda b: b.pop("offer"), "offer"),
    (MESSAGES[0], lambda b: b.update(offer="o"), "offer"),
    (MESSAGES[0], lambda b: b["offer"].pop("@id"), "offer.@id"),
    (MESSAGES[0], lambda b: b["offer"].pop("@type"), "offer.@type"),
    (MESSAGES[0], lambda b: b["offer"].pop("target"), "offer.target"),
    (MESSAGES[0], lambda b: b["offer"].pop("permission"), "offer.permission"),
    (MESSAGES[0], lambda b: b["offer"].update(permission=[]), "offer.permission"),
    (MESSAGES[0], lambda b: b["offer"].update(permission=["use"]), "offer.permission[0]"),
    (MESSAGES[0], lambda b: b["offer"]["permission"][0].pop("action"), "offer.permission[0].action"),
    (MESSAGES[0], lambda b: b["offer"]["permission"][0].update(action={"@id": "use"}), "offer.permission[0].action"),
    (MESSAGES[0], lambda b: b["offer"]["permission"][0].update(duty=[]), "offer.permission[0].duty"),
    (MESSAGES[0], lambda b: b["offer"]["permission"][0].update(target="d"), "offer.permission[0].target"),
    (MESSAGES[0], lambda b: b["offer"].update({"odrl:prohibition": []}), "offer.odrl:prohibition"),
    (
        MESSAGES[0],
        lambda b: b["offer"]["permission"][0]["constraint"][0].update(operator="roughly"),
        "offer.permission[0].constraint[0].operator",
    ),
    (
        MESSAGES[0],
        lambda b: b["offer"]["permission"][0]["constraint"][0].update(rightOperand=5),
        "offer.permission[0].constraint[0].rightOperand",
    ),
    (
        MESSAGES[0],
        lambda b: b["offer"]["permission"][0].update(constraint=[{"and": []}]),
        "offer.permission[0].constraint[0].and",
    ),
    (MESSAGES[5], lambda b: b.pop("providerPid"), "providerPid"),
    (MESSAGES[5], lambda b: b.pop("agreement"), "agreement"),
    (MESSAGES[5], lambda b: b["agreement"].pop("timestamp"), "agreement.timestamp"),
    (MESSAGES[5], lambda b: b["agreement"].pop("assignee"), "agreement.assignee"),
    (MESSAGES[7], lambda b: b.update(eventType="DONE"), "eventType"),
    (MESSAGES[7], lambda b: b.pop("eventType"), "eventType"),
    (MESSAGES[10], lambda b: b.pop("agreementId"), "agreementId"),
    (MESSAGES[10], lambda b: b.pop("format"), "format"),
    (MESSAGES[10], lambda b: b.pop("callbackAddress"), "callbackAddress"),
    (MESSAGES[12], lambda b: b["dataAddress"].pop("endpointType"), "dataAddress.endpointType"),
    (
        MESSAGES[12],
        lambda b: b["dataAddress"]["endpointProperties"][0].update(value=1),
        "dataAddress.endpointProperties[0].value",
    ),
    (MESSAGES[12], lambda b: b.update(dataAddress="https://p"), "dataAddress"),
]


@pytest.mark.parametrize(("message", "spoil", "place"), SPOILED, ids=[place for _, _, place in SPOILED])
def test_what_is_missing_or_wrong_is_named(message: Message, spoil: Spoil, place: str) -> None:
    """A message out of form is refused, and the error names the field."""
    source = body(message)
    spoil(source)
    with pytest.raises(Malformed) as caught:
        dsp.read(sent(source))
    assert caught.value.place == place


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b'"x"', b"\xff", b"[" * 100_000, b'{"@context":1}'])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    """Bytes that are no JSON object under the context are malformed, never a crash."""
    with pytest.raises(Malformed):
        dsp.read(data)


def test_a_long_list_of_reasons_is_cut() -> None:
    """A peer cannot make us store a book."""
    source = body(MESSAGES[9]) | {"reason": ["x" * 100_000] * 1000}
    message = dsp.read(sent(source))
    assert isinstance(message, cn.NegotiationTerminated)
    assert sum(map(len, message.reason)) <= 16_000


def test_reasons_may_be_any_json() -> None:
    """The schema allows anything as a reason; what is no text is kept as JSON."""
    source = body(MESSAGES[9]) | {"reason": [{"en": "no"}, "because"]}
    message = dsp.read(sent(source))
    assert isinstance(message, cn.NegotiationTerminated)
    assert message.reason == ('{"en":"no"}', "because")


def test_processes_name_both_ids_and_the_state() -> None:
    """The answer to a request states where the process is."""
    record = tp.Transfer(
        role=Role.PROVIDER,
        pid="p",
        peer_pid="c",
        peer="did:c",
        address="https://c",
        dataset="d",
        state=tp.TransferState.SUSPENDED,
        agreement="a",
        format="f",
    )
    answer = json.loads(dsp.write_process(record))
    assert {name: answer[name] for name in ("@type", "consumerPid", "providerPid", "state")} == {
        "@type": "TransferProcess",
        "consumerPid": "c",
        "providerPid": "p",
        "state": "SUSPENDED",
    }


def test_error_bodies_carry_both_ids() -> None:
    """The schema asks for both ids, also where one is not known."""
    error = json.loads(dsp.write_error("TransferError", "x", ["why"], ("c", None)))
    assert (error["consumerPid"], error["providerPid"], error["reason"]) == ("c", "", ["why"])
    assert dsp.read_reason(dsp.write_error("CatalogError", "x", ["why", "else"], None)) == "why; else"


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"{}", b'{"reason":[]}'])
def test_error_bodies_of_others_may_be_anything(data: bytes) -> None:
    """Where a peer's error says nothing, nothing is made of it."""
    assert dsp.read_reason(data) == ""
    assert dsp.read_provider_pid(data) is None


def test_urls_are_below_the_peers_base() -> None:
    """An opening goes to a fixed path, everything after it to the peer's id of the process, escaped."""
    record = cn.Negotiation(
        role=Role.CONSUMER,
        pid="c",
        peer_pid=None,
        peer="did:p",
        address="https://p/dsp/",
        dataset="d",
        state=cn.NegotiationState.REQUESTED,
        offer=OFFER,
    )
    assert binding.url(record, MESSAGES[0]) == "https://p/dsp/negotiations/request"
    known = step(record, Role.PROVIDER, cn.ContractAgreed(provider_pid="a/b?", agreement=AGREEMENT)).record
    assert binding.url(known, MESSAGES[6]) == "https://p/dsp/negotiations/a%2Fb%3F/agreement/verification"


def test_a_catalogues_offers_have_no_target() -> None:
    """The schema forbids it there and asks for it in messages; an empty list of datasets is left out."""
    listed = catalog.CatalogEntry(id="d", title="T", media_types=(), offer=OFFER)
    full = json.loads(catalog.write_catalog("did:p", "https://p/dsp", [listed]))
    assert "target" not in full["dataset"][0]["hasPolicy"][0]
    assert full["dataset"][0]["distribution"][0]["format"] == "HttpData-PULL"
    assert "dataset" not in json.loads(catalog.write_catalog("did:p", "https://p/dsp", []))


def test_a_catalogue_is_not_filtered() -> None:
    """A filter that we do not apply is refused, not ignored."""
    request = {"@context": [binding.CONTEXT], "@type": "CatalogRequestMessage"}
    catalog.check_request(sent(request))
    for unsupported in (["q"], [{"filterExpression": [{"operandLeft": "x"}]}]):
        with pytest.raises(Malformed):
            catalog.check_request(sent(request | {"filter": unsupported}))
    with pytest.raises(Malformed):
        catalog.check_request(sent(request | {"@type": "DatasetRequestMessage"}))


def test_rules_of_all_kinds_survive() -> None:
    """Profiles, prohibitions and obligations are read and written too: they are refused later, not lost."""
    policy = Policy(
        permissions=(Rule("use"),),
        prohibitions=(Rule("distribute", (Constraint("count", "lt", "5"),)),),
        obligations=(Rule("inform"),),
        profiles=("https://example.org/profile",),
    )
    offer = Offer(id="o", policy=policy)
    assert read_offer(json.loads(json.dumps(write_offer(offer)))) == offer
