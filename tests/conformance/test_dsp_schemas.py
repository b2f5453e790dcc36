"""What we write is valid under the official JSON Schemas, and what is valid in the official examples is read.

The schemas are not part of this repository. Set DSP_SPECIFICATION to the folder `artifacts/src/main/resources` of a
checkout of eclipse-dataspace-protocol-base/DataspaceProtocol (2025-1-err1) to run these tests; they use the package
jsonschema-rs, which is no dependency of ours.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.process import Message, Role
from armslength.errors import Malformed
from armslength.wire import catalog, dsp
from armslength.wire.binding import TYPES
from tests.wire.test_dsp import MESSAGES, OFFER

FOLDER = os.environ.get("DSP_SPECIFICATION")
ROOT = "https://w3id.org/dspace/2025/1/"

pytestmark = pytest.mark.skipif(not FOLDER, reason="DSP_SPECIFICATION names no checkout of the specification")


def schemas() -> dict[str, Any]:
    """Every schema by its id. Three of them refer to `transfer-schema.json#definitions`, which lacks a slash."""
    found = {}
    for path in Path(FOLDER or "").glob("*/*-schema.json"):
        schema = json.loads(path.read_text().replace("#definitions/", "#/definitions/").replace("##", "#"))
        found[schema["$id"]] = schema
    return found


def check(document: bytes, name: str) -> None:
    """Raise unless the document is valid under the schema at this place."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs")

    known = schemas()
    registry = jsonschema_rs.Registry([(key, value) for key, value in known.items()])
    validator = jsonschema_rs.Draft201909Validator(known[ROOT + name + "-schema.json"], registry=registry)
    validator.validate(json.loads(document))


PLACES = {
    "ContractRequestMessage": "negotiation/contract-request-message",
    "ContractOfferMessage": "negotiation/contract-offer-message",
    "ContractNegotiationEventMessage": "negotiation/contract-negotiation-event-message",
    "ContractAgreementMessage": "negotiation/contract-agreement-message",
    "ContractAgreementVerificationMessage": "negotiation/contract-agreement-verification-message",
    "ContractNegotiationTerminationMessage": "negotiation/contract-negotiation-termination-message",
    "TransferRequestMessage": "transfer/transfer-request-message",
    "TransferStartMessage": "transfer/transfer-start-message",
    "TransferSuspensionMessage": "transfer/transfer-suspension-message",
    "TransferCompletionMessage": "transfer/transfer-completion-message",
    "TransferTerminationMessage": "transfer/transfer-termination-message",
}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_are_valid(message: Message) -> None:
    """Every message that we write is valid."""
    check(dsp.write(message), PLACES[TYPES[type(message)]])


def test_the_schemas_refuse() -> None:
    """The check can fail: a request without its offer is not valid."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs")

    with pytest.raises(jsonschema_rs.ValidationError):
        check(dsp.write(MESSAGES[0]).replace(b'"offer"', b'"other"'), PLACES["ContractRequestMessage"])


def test_processes_and_errors_are_valid() -> None:
    """So are the answers: processes and errors, with ids known and unknown."""
    parties: dict[str, Any] = {
        "role": Role.CONSUMER,
        "pid": "c",
        "peer_pid": None,
        "peer": "did:p",
        "address": "https://p",
        "dataset": "d",
    }
    negotiation = cn.Negotiation(**parties, state=cn.NegotiationState.REQUESTED, offer=OFFER)
    transfer = tp.Transfer(**parties, state=tp.TransferState.REQUESTED, agreement="a", format="f")
    check(dsp.write_process(negotiation), "negotiation/contract-negotiation")
    check(dsp.write_process(transfer), "transfer/transfer-process")
    check(
        dsp.write_error("ContractNegotiationError", "x", ["y"], (None, "p")), "negotiation/contract-negotiation-error"
    )
    check(dsp.write_error("TransferError", "x", ["y"], ("c", None)), "transfer/transfer-error")
    check(dsp.write_error("CatalogError", "x", ["y"], None), "catalog/catalog-error")


def test_catalogues_are_valid() -> None:
    """So are the catalogue, with datasets and without, the dataset, and the versions."""
    listed = catalog.CatalogEntry(id="d", title="T", media_types=("text/plain",), offer=OFFER)
    check(catalog.write_catalog("did:p", "https://p/dsp", [listed]), "catalog/catalog")
    check(catalog.write_catalog("did:p", "https://p/dsp", []), "catalog/catalog")
    check(catalog.write_dataset("https://p/dsp", listed), "catalog/dataset")
    check(catalog.write_versions(), "common/protocol-version")


# Examples that our reader refuses on purpose: policies with terms that we do not understand are not guessed at.
REFUSED = {"contract-agreement-message-full.json"}


def test_the_examples_are_read() -> None:
    """The specification's own messages are read, and mean the same when we write them."""
    count = 0
    for path in sorted(Path(FOLDER or "").glob("*/example/*-message*.json")):
        source = json.loads(path.read_text())
        if source["@type"] not in PLACES:
            continue
        count += 1
        if path.name in REFUSED:
            with pytest.raises(Malformed):
                dsp.read(path.read_bytes())
            continue
        message = dsp.read(path.read_bytes())
        assert dsp.read(dsp.write(message)) == message, path.name
    assert count >= 10
