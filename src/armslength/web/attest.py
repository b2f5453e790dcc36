"""The page at `/attest`: monitors attest with a key that is in their browser, and no computer of their own.

The page is a few files, the same for everybody. It signs on the device; the node sees statements, never a key, and
cannot alter what is signed. What it asks is what any monitor's program asks (`web.own`), with the monitor's own token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from armslength.core.canonical import canonical
from armslength.engine.node import Node
from armslength.errors import NotFound
from armslength.ports import Caller
from armslength.web.own import guarded, read_leaves
from armslength.wire.attest import ServingNode, questions
from armslength.wire.own import encode_answers

PATH: Final = "/attest"
JSON: Final = "application/json"
TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
LARGEST: Final = 256 * 1024  # bytes of statements in one request


@cache
def page_files() -> Mapping[str, bytes]:
    """The files of the page by name."""
    folder = resources.files("armslength.web").joinpath("attest_page")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir(), key=lambda each: each.name)}


@dataclass(frozen=True, slots=True)
class PageHashes:
    """SHA-256 of each file of a page, by name; and of the whole: that over the lines `sha256  name` of its files."""

    page: str
    files: dict[str, str]


def hashes_of(files: Mapping[str, bytes]) -> PageHashes:
    """The hashes of a page."""
    found = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    lines = "".join(f"{each}  {name}\n" for name, each in found.items())
    return PageHashes(hashlib.sha256(lines.encode()).hexdigest(), found)


def page_headers(address: str) -> dict[str, str]:
    """What the page may do, and where it may ask: at any node, since to name those of our arrangements here would tell
    them to everybody."""
    nodes = "https:" if address.startswith("https:") else "https: http://localhost:*"
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {nodes};"
        " manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {"content-security-policy": policy, **HEADERS}


def routes(node: Node, caller: Caller, me: ServingNode) -> list[Route]:
    """The page and what it asks."""
    headers = page_headers(me.address)

    async def page(request: Request) -> Response:
        name = request.path_params.get("name") or "index.html"
        data = page_files().get(name)
        if data is None:
            raise NotFound("no-file", "the page has no such file", name[:80])
        return Response(data, media_type=TYPES[name.rpartition(".")[2]], headers=headers)

    async def slash(request: Request) -> Response:
        return RedirectResponse(request.url.path + "/", 308)

    async def serving(_: Request) -> Response:
        return Response(canonical(me), media_type=JSON, headers=HEADERS)

    async def asked(request: Request) -> Response:
        arrangement = request.path_params["arrangement"]
        by = await caller(request.headers.get("authorization"), arrangement)
        live = await node.repository.open(arrangement)
        actor = next((name for name, each in live.terms.actors.items() if each.did == by), None)
        if actor is None:
            raise NotFound("unknown-arrangement", "no such arrangement here")
        monitors = {name: claim.monitors for name, claim in live.terms.claims.items()}
        found = questions(live.record.view.state, actor, monitors, node.recorder.now(live))
        return Response(canonical(found), media_type=JSON, headers=HEADERS)

    async def submit(request: Request) -> Response:
        arrangement = request.path_params["arrangement"]
        by = await caller(request.headers.get("authorization"), arrangement)
        live = await node.repository.open(arrangement)
        if not any(each.did == by for each in live.terms.actors.values()):
            raise NotFound("unknown-arrangement", "no such arrangement here")
        answers = await node.submit_for(live, await read_leaves(request, LARGEST))
        return Response(encode_answers(answers), media_type=JSON, headers=HEADERS)

    return [
        Route(PATH, slash),
        Route(PATH + "/", guarded(page)),
        Route(PATH + "/node", guarded(serving)),
        Route(PATH + "/questions/{arrangement}", guarded(asked)),
        Route(PATH + "/submit/{arrangement}", guarded(submit), methods=["POST"]),
        Route(PATH + "/{name}", guarded(page)),
    ]
