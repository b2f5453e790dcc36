"""Decentralised identifiers: did:web for nodes, did:key for monitors, and the documents of did:web.

Sources: DID Core 1.0; the did:web and did:key method specifications. A DID document is trusted only for the DID that it
names, and only from the location that the DID names. Keys in signed terms take precedence over anything found here.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import msgspec

from armslength.core.record.keys import from_base64
from armslength.errors import ArmslengthError, Malformed, Unavailable
from armslength.wire.did_key import key_of, key_of_multibase, multibase
from armslength.wire.place import address_of
from armslength.wire.strict import UNREADABLE

KEPT_S: Final = 300  # seconds a resolved document is believed
FAILED_S: Final = 30  # seconds before a document that could not be had is asked for again
REMEMBERED: Final = 1024  # documents, and as many failures
AT_ONCE: Final = 32  # documents that are asked for

T = TypeVar("T")

Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]
"""GET a URL: (status, body). Bounded in size and time, and filtered by address."""


def document_url(did: str, *, development: bool = False) -> str:
    """The URL of the document of a did:web; localhost only in development. Raises Malformed."""
    address = address_of(did)
    if address.startswith("http:") and not development:
        raise Malformed("bad-did", "localhost is for development", did)
    has_path = ":" in did.removeprefix("did:web:")
    return f"{address}/did.json" if has_path else f"{address}/.well-known/did.json"


def document(did: str, keys: Mapping[str, str], services: Mapping[str, str]) -> bytes:
    """The DID document of a node: its public keys by role (base64), its services' addresses by type."""
    methods = [
        {
            "id": f"{did}#{role}",
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": multibase(from_base64(key, role, 32)),
        }
        for role, key in keys.items()
    ]
    body: dict[str, object] = {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [f"{did}#{role}" for role in keys if role != "tokens"],
        "authentication": [f"{did}#{role}" for role in keys if role == "tokens"],
    }
    reached = [
        {"id": f"{did}#{kind.lower()}", "type": kind, "serviceEndpoint": address} for kind, address in services.items()
    ]
    return msgspec.json.encode(body | ({"service": reached} if reached else {}))


def document_keys(body: bytes, did: str) -> dict[str, bytes]:
    """The Ed25519 keys in a DID document, by fragment. Raises Malformed if it is not `did`'s document."""
    try:
        found = msgspec.json.decode(body, type=_Document)
    except UNREADABLE as error:
        raise Malformed("bad-did-document", str(error), did) from None
    if found.id != did:
        raise Malformed("bad-did-document", f"is the document of {found.id}", did)
    return {
        method.id.rpartition("#")[2]: key_of_multibase(method.publicKeyMultibase, did)
        for method in found.verificationMethod
        if method.type == "Multikey" and method.publicKeyMultibase.startswith("z6Mk")
    }


class Resolver:
    """Finds the keys of a DID, and caches them.

    Senders of tokens choose the DIDs. Failures are therefore cached too, for a shorter time and without displacing
    documents; each document is requested once, however many callers wait for it; and the number of concurrent requests
    is limited.
    """

    def __init__(self, fetch: Fetch, *, development: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._development = development
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, dict[str, bytes]]] = OrderedDict()
        self._failed: OrderedDict[str, tuple[float, ArmslengthError]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[dict[str, bytes] | ArmslengthError]] = {}

    async def keys(self, did: str) -> dict[str, bytes]:
        """The Ed25519 keys of a DID by fragment. Raises Malformed, or Unavailable, with the DID as its place, if its
        document is not available at present."""
        if did.startswith("did:key:"):
            return {did.rpartition(":")[2]: key_of(did)}
        found = self._remembered(did)
        if found is None:
            if did not in self._asking:
                if len(self._asking) >= AT_ONCE:
                    raise Unavailable("busy", "too many documents are being fetched; try again", did)
                self._asking[did] = asyncio.create_task(self._ask(did))
            found = await asyncio.shield(self._asking[did])  # one that gives up leaves it to the others
        if isinstance(found, ArmslengthError):
            raise found.with_traceback(None)  # the same one again: its trace must not grow
        return found

    def _remembered(self, did: str) -> dict[str, bytes] | ArmslengthError | None:
        now, kept, failed = self._clock(), self._kept.get(did), self._failed.get(did)
        if kept is not None and now - kept[0] < KEPT_S:
            return kept[1]
        return failed[1] if failed is not None and now - failed[0] < FAILED_S else None

    async def _ask(self, did: str) -> dict[str, bytes] | ArmslengthError:
        try:
            found = await self._resolve(did)
        except ArmslengthError as error:
            _remember(self._failed, did, (self._clock(), error))
            return error
        else:
            _remember(self._kept, did, (self._clock(), found))
            return found
        finally:
            del self._asking[did]

    async def _resolve(self, did: str) -> dict[str, bytes]:
        url = document_url(did, development=self._development)
        try:
            status, body = await self._fetch(url)
        except Unavailable as error:
            raise Unavailable(error.code, str(error), did) from error
        if status != 200:
            raise Unavailable("no-did-document", f"{url} answers {status}", did)
        return document_keys(body, did)


def _remember(memory: OrderedDict[str, T], did: str, what: T) -> None:
    memory[did] = what
    memory.move_to_end(did)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)


class _Method(msgspec.Struct):
    id: str
    type: str
    publicKeyMultibase: str = ""  # noqa: N815 (the document's own name)


class _Document(msgspec.Struct):
    id: str
    verificationMethod: list[_Method] = []  # noqa: N815 (the document's own name)
