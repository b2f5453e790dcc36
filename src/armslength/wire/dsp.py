"""Messages of the Dataspace Protocol 2025-1 as plain JSON <-> core values.

Only the canonical compact form is read and written; there is no JSON-LD processing. Written: exactly the one context of
the specification. Read: that context must be there, further ones and unknown plain members are accepted, except inside
policies (`policy`). Whatever is missing or wrong is reported: `Malformed` with the field as its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.process import Message, Process
from armslength.errors import Malformed
from armslength.wire.binding import CONTEXT, TYPES
from armslength.wire.fields import items, join, mapping, maybe_text, missing, text, wrong
from armslength.wire.policy import read_agreement, read_offer, write_agreement, write_offer
from armslength.wire.strict import UNREADABLE

ENDPOINT_TYPE: Final = "https://w3id.org/idsa/v4.1/HTTP"
_EDC: Final = "https://w3id.org/edc/v0.0.1/ns/"  # EDC names its endpoint properties by full IRIs
_encode = msgspec.json.Encoder().encode


def read(body: bytes) -> Message:
    """The message in a request's body. Raises Malformed, naming the field."""
    return message(document(body))


def read_sent(body: bytes) -> tuple[type[Message], Message]:
    """Of a message that this node wrote: its kind and its ids only."""
    sent = _decode_sent(body)
    said = Message(id=sent.id, consumer_pid=sent.consumer_pid, provider_pid=sent.provider_pid)
    return _EVENTS[sent.event] if sent.event else _KINDS[sent.type], said


def document(body: bytes) -> dict[str, Any]:
    """A JSON object under the context of the specification. Raises Malformed."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE as error:
        raise Malformed("not-json", str(error)) from None
    source = mapping(value, "$")
    if "@context" not in source:
        raise missing("@context")
    if CONTEXT not in items(source, "@context"):
        raise Malformed("unknown-context", f"the compact form under {CONTEXT} is expected", "@context")
    return source


def kind(source: dict[str, Any]) -> str:
    """The @type of a document: one compact string."""
    return text(source, "@type")


def message(source: dict[str, Any]) -> Message:
    """The message in a decoded document. Raises Malformed, naming the field."""
    reader = _READERS.get(kind(source))
    if reader is None:
        raise wrong("@type", "a message of this protocol")
    return reader(source)


def write(value: Message) -> bytes:
    """The body of a request that carries `value`."""
    head: dict[str, Any] = {"@context": [CONTEXT], "@type": TYPES[type(value)]}
    pairs = (("@id", value.id), ("consumerPid", value.consumer_pid), ("providerPid", value.provider_pid))
    head.update((name, item) for name, item in pairs if item is not None)
    return _encode(head | _content(value))


def write_process(record: Process) -> bytes:
    """The answer that states where a process is: ContractNegotiation or TransferProcess."""
    if not isinstance(record, cn.Negotiation | tp.Transfer):
        raise TypeError(f"not a process: {type(record).__name__}")
    name = "ContractNegotiation" if isinstance(record, cn.Negotiation) else "TransferProcess"
    return _encode(
        {
            "@context": [CONTEXT],
            "@type": name,
            "consumerPid": record.consumer_pid or "",
            "providerPid": record.provider_pid or "",
            "state": record.state,
        }
    )


def read_provider_pid(body: bytes) -> str | None:
    """The provider's id in its answer to an opening message; None where the answer does not say it."""
    try:
        return maybe_text(mapping(msgspec.json.decode(body), "$"), "providerPid")
    except (*UNREADABLE, Malformed):
        return None


def write_error(name: str, code: str, reasons: Sequence[str], pids: tuple[str | None, str | None] | None) -> bytes:
    """An error body: CatalogError, ContractNegotiationError or TransferError. `pids`: (consumer's, provider's)."""
    body: dict[str, Any] = {"@context": [CONTEXT], "@type": name, "code": code, "reason": list(reasons)}
    if pids is not None:  # the schema asks for both, also where one is not known
        body |= {"consumerPid": pids[0] or "", "providerPid": pids[1] or ""}
    return _encode(body)


def read_reason(body: bytes) -> str:
    """The reason in a peer's error body, in words; empty where it gives none that can be read."""
    try:
        source = mapping(msgspec.json.decode(body), "$")
    except (*UNREADABLE, Malformed):
        return ""
    return "; ".join(_reasons(source)) or str(source.get("code") or "")


# -- reading ----------------------------------------------------------------------------------------------------------


def _head(source: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": maybe_text(source, "@id"),
        "consumer_pid": text(source, "consumerPid"),
        "provider_pid": text(source, "providerPid"),
    }


def _opening(source: dict[str, Any], ours: str, theirs: str) -> dict[str, Any]:
    """The head of a message that opens a process (with a callback) or answers in one (with both ids)."""
    head = {"id": maybe_text(source, "@id"), _FIELDS[theirs]: text(source, theirs), _FIELDS[ours]: None}
    head["callback"] = maybe_text(source, "callbackAddress")
    head[_FIELDS[ours]] = maybe_text(source, ours)
    if head["callback"] is None and head[_FIELDS[ours]] is None:
        raise missing("callbackAddress")
    if head["callback"] is not None and head[_FIELDS[ours]] is not None:
        raise Malformed("wrong-field", f"either callbackAddress or {ours}, not both", "callbackAddress")
    return head


_FIELDS: Final = {"consumerPid": "consumer_pid", "providerPid": "provider_pid"}


_EVENTS: Final[Mapping[str, type[Message]]] = {"ACCEPTED": cn.OfferAccepted, "FINALIZED": cn.AgreementFinalized}
_KINDS: Final = {name: kind for kind, name in TYPES.items()}


class _Sent(msgspec.Struct):
    type: str = msgspec.field(name="@type")
    id: str | None = msgspec.field(name="@id", default=None)
    consumer_pid: str | None = msgspec.field(name="consumerPid", default=None)
    provider_pid: str | None = msgspec.field(name="providerPid", default=None)
    event: str | None = msgspec.field(name="eventType", default=None)


_decode_sent = msgspec.json.Decoder(_Sent).decode


def _event(source: dict[str, Any]) -> Message:
    kind = _EVENTS.get(text(source, "eventType"))
    if kind is None:
        raise wrong("eventType", "ACCEPTED or FINALIZED")
    return kind(**_head(source))


def _reasons(source: dict[str, Any]) -> tuple[str, ...]:
    texts = (item if isinstance(item, str) else _encode(item).decode() for item in items(source, "reason"))
    return tuple(item[:1000] for item in texts)[:16]


def _ended(source: dict[str, Any]) -> dict[str, Any]:
    return _head(source) | {"code": maybe_text(source, "code"), "reason": _reasons(source)}


def _address(source: dict[str, Any], place: str = "dataAddress") -> tp.DataAddress | None:
    if source.get(place) is None:
        return None
    value = mapping(source[place], place)
    told: dict[str, str] = {}
    for index, item in enumerate(items(value, "endpointProperties")):
        here = f"{place}.endpointProperties[{index}]"
        entry = mapping(item, here)
        told[text(entry, "name", here).removeprefix(_EDC)] = text(entry, "value", here)
    known = {"endpoint", "authorization", "authType", "endpointType"}
    return tp.DataAddress(
        endpoint_type=text(value, "endpointType", place),
        endpoint=maybe_text(value, "endpoint", place) or told.get("endpoint"),
        authorization=told.get("authorization"),
        auth_type=told.get("authType"),
        properties=tuple(sorted((name, item) for name, item in told.items() if name not in known)),
    )


def _request(source: dict[str, Any]) -> Message:
    offer = read_offer(source.get("offer"), "offer") if "offer" in source else None
    if offer is None:
        raise missing("offer")
    if offer.target is None and source.get("providerPid") is None:
        raise missing(join("offer", "target"))
    return cn.ContractRequest(offer=offer, **_opening(source, "providerPid", "consumerPid"))


def _offer(source: dict[str, Any]) -> Message:
    if "offer" not in source:
        raise missing("offer")
    return cn.ContractOffer(offer=read_offer(source["offer"]), **_opening(source, "consumerPid", "providerPid"))


def _agreed(source: dict[str, Any]) -> Message:
    if "agreement" not in source:
        raise missing("agreement")
    return cn.ContractAgreed(agreement=read_agreement(source["agreement"]), **_head(source))


def _transfer(source: dict[str, Any]) -> Message:
    return tp.TransferRequest(
        id=maybe_text(source, "@id"),
        consumer_pid=text(source, "consumerPid"),
        agreement=text(source, "agreementId"),
        format=text(source, "format"),
        callback=text(source, "callbackAddress"),
        address=_address(source),
    )


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Message]]] = {
    "ContractRequestMessage": _request,
    "ContractOfferMessage": _offer,
    "ContractAgreementMessage": _agreed,
    "ContractAgreementVerificationMessage": lambda source: cn.AgreementVerified(**_head(source)),
    "ContractNegotiationEventMessage": _event,
    "ContractNegotiationTerminationMessage": lambda source: cn.NegotiationTerminated(**_ended(source)),
    "TransferRequestMessage": _transfer,
    "TransferStartMessage": lambda source: tp.TransferStart(**_head(source), address=_address(source)),
    "TransferSuspensionMessage": lambda source: tp.TransferSuspension(**_ended(source)),
    "TransferCompletionMessage": lambda source: tp.TransferCompletion(**_head(source)),
    "TransferTerminationMessage": lambda source: tp.TransferTermination(**_ended(source)),
}

# -- writing ----------------------------------------------------------------------------------------------------------


def _content(value: Message) -> dict[str, Any]:
    match value:
        case cn.ContractRequest() | cn.ContractOffer():
            callback = {} if value.callback is None else {"callbackAddress": value.callback}
            return {"offer": write_offer(value.offer)} | callback
        case cn.ContractAgreed():
            return {"agreement": write_agreement(value.agreement)}
        case cn.OfferAccepted():
            return {"eventType": "ACCEPTED"}
        case cn.AgreementFinalized():
            return {"eventType": "FINALIZED"}
        case tp.TransferRequest():
            content = {"agreementId": value.agreement, "format": value.format, "callbackAddress": value.callback}
            return content | _write_address(value.address)
        case tp.TransferStart():
            return _write_address(value.address)
        case cn.NegotiationTerminated() | tp.TransferSuspension() | tp.TransferTermination():
            ended: dict[str, Any] = {} if value.code is None else {"code": value.code}
            return ended | ({"reason": list(value.reason)} if value.reason else {})
        case _:
            return {}


def _write_address(address: tp.DataAddress | None) -> dict[str, Any]:
    """Both the specification's `endpoint` and EDC's properties: EDC silently drops the first."""
    if address is None:
        return {}
    body: dict[str, Any] = {"@type": "DataAddress", "endpointType": address.endpoint_type}
    pairs = list(address.properties)
    if address.endpoint is not None:
        body["endpoint"] = address.endpoint
        pairs += [(f"{_EDC}endpoint", address.endpoint), (f"{_EDC}endpointType", address.endpoint_type)]
    for name, value in (("authorization", address.authorization), ("authType", address.auth_type)):
        if value is not None:
            pairs += [(name, value), (f"{_EDC}{name}", value)]
    if pairs:
        body["endpointProperties"] = [
            {"@type": "EndpointProperty", "name": name, "value": value} for name, value in pairs
        ]
    return {"dataAddress": body}
