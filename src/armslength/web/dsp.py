"""The Dataspace Protocol's endpoints, both roles, and the two documents a node shows to everyone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.core.policy import Offer
from armslength.engine.exchange import Exchange
from armslength.errors import Unauthorised
from armslength.ports import Caller, Dataset
from armslength.web.errors import protocol_response
from armslength.web.requests import json_body
from armslength.wire import binding, catalog, dsp
from armslength.wire.fields import wrong

NEGOTIATION_ERROR, TRANSFER_ERROR, CATALOG_ERROR = "ContractNegotiationError", "TransferError", "CatalogError"


@dataclass(slots=True)
class _Said:
    """What a request has said of itself so far; an error body repeats it."""

    kind: str
    consumer_pid: str | None = None
    provider_pid: str | None = None


Work = Callable[[Request, _Said], Awaitable[Response]]


def routes(exchange: Exchange, caller: Caller, did_document: bytes) -> list[Route]:
    """All routes of the protocol below a node's root."""
    versions = catalog.write_versions()

    async def show_versions(_: Request) -> Response:
        return _json(versions)

    async def show_did(_: Request) -> Response:
        return _json(did_document)

    protocol = _Endpoints(exchange, caller)
    found = []
    # What is asked most comes first, for they are tried in this order; and "request" before any pid, which it is not.
    for path in dict.fromkeys([*binding.OPENINGS.values(), *binding.STEPS.values()]):
        work = protocol.opened(path) if "{pid}" not in path else protocol.told(path)
        found.append(Route(binding.BASE + path, _guarded(_error_type(path), work), methods=["POST"]))
    return [
        *found,
        Route(binding.BASE + binding.NEGOTIATIONS + "/{pid}", _guarded(NEGOTIATION_ERROR, protocol.negotiation)),
        Route(binding.BASE + binding.TRANSFERS + "/{pid}", _guarded(TRANSFER_ERROR, protocol.transfer)),
        Route(binding.BASE + binding.CATALOG_PATH, _guarded(CATALOG_ERROR, protocol.catalog), methods=["POST"]),
        Route(binding.BASE + binding.DATASETS_PATH + "/{id:path}", _guarded(CATALOG_ERROR, protocol.dataset)),
        Route(binding.VERSIONS_PATH, show_versions),
        Route("/.well-known/did.json", show_did),
        Route("/did.json", show_did),  # where did:web has the document of a node below a path
    ]


class _Endpoints:
    """Each authenticates first, by the terms of the arrangement that it is about; then the exchange decides."""

    def __init__(self, exchange: Exchange, caller: Caller) -> None:
        self._exchange = exchange
        self._caller = caller

    async def catalog(self, request: Request, _: _Said) -> Response:
        caller = await self._authenticate(request)
        catalog.check_request(await json_body(request))
        offered = await self._exchange.offered(caller)
        listed = [_listed(*item) for item in offered if await self._is(caller, request, item[0])]
        return _json(catalog.write_catalog(self._exchange.me, self._exchange.base, listed))

    async def dataset(self, request: Request, _: _Said) -> Response:
        caller = await self._authenticate(request)
        found = await self._exchange.offered_dataset(caller, request.path_params["id"])
        await self._authenticate(request, found[0].arrangement_hash)
        return _json(catalog.write_dataset(self._exchange.base, _listed(*found)))

    async def negotiation(self, request: Request, _: _Said) -> Response:
        caller = await self._peer(request)
        return _json(dsp.write_process(await self._exchange.negotiation(caller, request.path_params["pid"])))

    async def transfer(self, request: Request, _: _Said) -> Response:
        caller = await self._peer(request)
        return _json(dsp.write_process(await self._exchange.transfer(caller, request.path_params["pid"])))

    def opened(self, path: str) -> Work:
        """The endpoint of messages that begin a process."""
        kinds = binding.kinds_at(path)

        async def work(request: Request, said: _Said) -> Response:
            await self._authenticate(request)
            message = dsp.message(_document(await json_body(request), kinds, said))
            caller = await self._authenticate(request, await self._exchange.about(message))
            return _json(dsp.write_process(await self._exchange.receive(caller, message)), 201)

        return work

    def told(self, path: str) -> Work:
        """The endpoint of messages about a process of ours."""
        kinds = binding.kinds_at(path)

        async def work(request: Request, said: _Said) -> Response:
            caller = await self._peer(request)
            message = dsp.message(_document(await json_body(request), kinds, said))
            await self._exchange.receive(caller, message, request.path_params["pid"])
            return Response(b"", 200)

        return work

    async def _authenticate(self, request: Request, about: str = "") -> str:
        return await self._caller(request.headers.get("authorization"), about)

    async def _peer(self, request: Request) -> str:
        """Whoever asks about a process of ours."""
        return await self._authenticate(request, await self._exchange.about(request.path_params["pid"]))

    async def _is(self, did: str, request: Request, dataset: Dataset) -> bool:
        """Whether the sender is this one by the terms of this dataset too."""
        try:
            return await self._authenticate(request, dataset.arrangement_hash) == did
        except Unauthorised:
            return False


def _guarded(kind: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        said = _Said(kind)
        try:
            return await work(request, said)
        except Exception as error:  # noqa: BLE001  every failure gets the protocol's own error body
            pids = None if kind == CATALOG_ERROR else (said.consumer_pid, said.provider_pid)
            return protocol_response(error, kind, pids)

    return endpoint


def _document(body: bytes, kinds: frozenset[str], said: _Said) -> dict[str, object]:
    source = dsp.document(body)
    for name, attribute in (("consumerPid", "consumer_pid"), ("providerPid", "provider_pid")):
        if isinstance(pid := source.get(name), str):
            setattr(said, attribute, pid)
    if dsp.kind(source) not in kinds:
        raise wrong("@type", " or ".join(sorted(kinds)))
    return source


def _listed(dataset: Dataset, offer: Offer) -> catalog.CatalogEntry:
    return catalog.CatalogEntry(id=dataset.id, title=dataset.title, media_types=dataset.media_types, offer=offer)


def _error_type(path: str) -> str:
    return NEGOTIATION_ERROR if path.startswith(binding.NEGOTIATIONS) else TRANSFER_ERROR


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type=binding.MEDIA_TYPE)
