"""The ASGI application of a node: everything that peers reach, on one port."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from armslength.engine.exchange import Exchange
from armslength.engine.node import Node
from armslength.ports import Caller
from armslength.web import data, dsp, own


def build_app(
    node: Node,
    exchange: Exchange,
    caller: Caller,
    authorise: data.Authorise,
    *,
    did_document: bytes,
    base_path: str,
    also: Sequence[BaseRoute] = (),
) -> Starlette:
    """Put everything that a node answers its peers together.

    `base_path` is the path of our address ("" for a host of our own): a reverse proxy may pass it on, or cut it off.
    `also` is for people who are no peers.
    """
    routes: list[BaseRoute] = [
        *dsp.routes(exchange, caller, did_document),
        *own.routes(node, caller),
        *data.routes(authorise),
        *also,
    ]
    return Starlette(routes=[Mount(base_path, routes=routes), *routes] if base_path else routes)
