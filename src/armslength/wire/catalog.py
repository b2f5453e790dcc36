"""Catalogues, datasets and the version document as plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from armslength.core.policy import FORMAT, Offer
from armslength.errors import Malformed
from armslength.wire.binding import BASE, CONTEXT, VERSION
from armslength.wire.dsp import document, kind
from armslength.wire.fields import items, wrong
from armslength.wire.policy import write_offer


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """A dataset as a catalogue lists it."""

    id: str
    title: str
    media_types: Sequence[str]
    offer: Offer


def check_request(body: bytes) -> None:
    """Accept a CatalogRequestMessage without a filter. Raises Malformed.

    EDC always sends a filter that asks for everything, page by page; that one is no filter.
    """
    source = document(body)
    if kind(source) != "CatalogRequestMessage":
        raise wrong("@type", "CatalogRequestMessage")
    for query in items(source, "filter"):
        if not isinstance(query, dict) or query.get("filterExpression"):
            raise Malformed("unsupported-filter", "catalogues are not filtered here", "filter")


def write_catalog(participant: str, base: str, datasets: Sequence[CatalogEntry]) -> bytes:
    """The catalogue of `participant`, whose endpoints are below `base`."""
    service = _service(base)
    body: dict[str, Any] = {
        "@context": [CONTEXT],
        "@id": f"{base}/catalog",
        "@type": "Catalog",
        "participantId": participant,
        "service": [service],
    }
    if datasets:  # the schema refuses an empty list
        body["dataset"] = [_dataset(dataset, service) for dataset in datasets]
    return msgspec.json.encode(body)


def write_dataset(base: str, dataset: CatalogEntry) -> bytes:
    """One dataset on its own."""
    return msgspec.json.encode({"@context": [CONTEXT]} | _dataset(dataset, _service(base)))


def write_versions() -> bytes:
    """The versions that a node speaks; plain JSON, for everyone."""
    return msgspec.json.encode(
        {"protocolVersions": [{"version": VERSION, "path": BASE, "binding": "HTTPS", "identifierType": "did:web"}]}
    )


def _service(base: str) -> dict[str, Any]:
    return {"@id": base, "@type": "DataService", "endpointURL": base}


def _dataset(dataset: CatalogEntry, service: dict[str, Any]) -> dict[str, Any]:
    return {
        "@id": dataset.id,
        "@type": "Dataset",
        "title": dataset.title,
        "hasPolicy": [write_offer(replace(dataset.offer, target=None))],  # the schema forbids a target here
        "distribution": [{"@type": "Distribution", "format": FORMAT, "accessService": service}],
    }
