"""The names of the Dataspace Protocol 2025-1 on HTTPS: contexts, @types and paths. They are defined nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.process import Message, Process
from armslength.errors import Refused

CONTEXT: Final = "https://w3id.org/dspace/2025/1/context.jsonld"
VERSION: Final = "2025-1"
BASE: Final = "/dsp/2025-1"  # below a node's address
VERSIONS_PATH: Final = "/.well-known/dspace-version"
CATALOG_PATH: Final = "/catalog/request"
DATASETS_PATH: Final = "/catalog/datasets"
NEGOTIATIONS: Final = "/negotiations"
TRANSFERS: Final = "/transfers"
MEDIA_TYPE: Final = "application/json"

TYPES: Final[Mapping[type[Message], str]] = {
    cn.ContractRequest: "ContractRequestMessage",
    cn.ContractOffer: "ContractOfferMessage",
    cn.OfferAccepted: "ContractNegotiationEventMessage",
    cn.ContractAgreed: "ContractAgreementMessage",
    cn.AgreementVerified: "ContractAgreementVerificationMessage",
    cn.AgreementFinalized: "ContractNegotiationEventMessage",
    cn.NegotiationTerminated: "ContractNegotiationTerminationMessage",
    tp.TransferRequest: "TransferRequestMessage",
    tp.TransferStart: "TransferStartMessage",
    tp.TransferSuspension: "TransferSuspensionMessage",
    tp.TransferCompletion: "TransferCompletionMessage",
    tp.TransferTermination: "TransferTerminationMessage",
}

# Where a message goes below the receiver's base; {pid} is the receiver's id of the process.
STEPS: Final[Mapping[type[Message], str]] = {
    cn.ContractRequest: "/negotiations/{pid}/request",
    cn.ContractOffer: "/negotiations/{pid}/offers",
    cn.OfferAccepted: "/negotiations/{pid}/events",
    cn.ContractAgreed: "/negotiations/{pid}/agreement",
    cn.AgreementVerified: "/negotiations/{pid}/agreement/verification",
    cn.AgreementFinalized: "/negotiations/{pid}/events",
    cn.NegotiationTerminated: "/negotiations/{pid}/termination",
    tp.TransferStart: "/transfers/{pid}/start",
    tp.TransferSuspension: "/transfers/{pid}/suspension",
    tp.TransferCompletion: "/transfers/{pid}/completion",
    tp.TransferTermination: "/transfers/{pid}/termination",
}

# Messages that begin a process: the receiver has no id for it yet.
OPENINGS: Final[Mapping[type[Message], str]] = {
    cn.ContractRequest: "/negotiations/request",
    cn.ContractOffer: "/negotiations/offers",
    tp.TransferRequest: "/transfers/request",
}


def url(record: Process, message: Message) -> str:
    """Where to send `message`: an opening if the peer has not named the process yet."""
    base = record.address.rstrip("/")
    if record.peer_pid is None:
        if (path := OPENINGS.get(type(message))) is None:
            raise Refused("no-answer-yet", "the peer has not answered the first message yet", "peer")
        return base + path
    return base + STEPS[type(message)].replace("{pid}", quote(record.peer_pid, safe=":"))


def kinds_at(path: str) -> frozenset[str]:
    """The @types that may be sent to a path (as in STEPS and OPENINGS, below the base)."""
    places = (*STEPS.items(), *OPENINGS.items())
    return frozenset(TYPES[message] for message, place in places if place == path)
