"""The ASGI application of a node: everything that peers reach, on one port."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from armslength.engine.exchange import Exchange
from armslength.engine.node import Node
from armslength.ports import Caller
from armslength.web import attest, data, dsp, own
from armslength.wire.attest import ServingNode


def build_app(
    node: Node,
    exchange: Exchange,
    caller: Caller,
    authorise: data.Authorise,
    *,
    did_document: bytes,
    me: ServingNode,
    also: Sequence[BaseRoute] = (),
) -> Starlette:
    """Put everything that a node answers its peers together.

    Where our address has a path, a reverse proxy may pass it on, or cut it off. `also` is for people who are no peers.
    """
    routes: list[BaseRoute] = [
        *dsp.routes(exchange, caller, did_document),
        *own.routes(node, caller),
        *data.routes(authorise),
        *also,
        *attest.routes(node, caller, me),
    ]
    base_path = urlsplit(me.address).path
    return Starlette(routes=[Mount(base_path, routes=routes), *routes] if base_path else routes)
