"""The ASGI application of a node: everything that peers reach, on one port."""

from __future__ import annotations

from starlette.applications import Starlette

from armslength.engine.exchange import Exchange
from armslength.engine.node import Node
from armslength.web import data, dsp, own


def build_app(
    node: Node,
    exchange: Exchange,
    caller: own.Caller,
    authorise: data.Authorise,
    *,
    did_document: bytes,
) -> Starlette:
    """Put everything that a node answers its peers together."""
    return Starlette(
        routes=[
            *dsp.routes(exchange, caller, did_document),
            *own.routes(node, caller),
            *data.routes(authorise),
        ]
    )
