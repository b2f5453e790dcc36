"""Our own messages between nodes (`wire.own` names them and their paths)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from itertools import accumulate

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.core.canonical import canonical
from armslength.core.record.entry import Leaf
from armslength.engine.node import Node
from armslength.engine.pins import ITSELF
from armslength.engine.recorder import StaleCheckpoint
from armslength.engine.repository import LiveArrangement
from armslength.errors import NotFound, Refused, Unauthorised, Unavailable, Uncosigned
from armslength.ports import Caller
from armslength.web import errors
from armslength.web.requests import LARGEST, announces_more, whole_body
from armslength.wire.own import (
    BASE,
    MAX_ANSWER,
    MAX_BODY,
    MAX_LEAVES,
    MAX_PROPOSAL,
    Arrangements,
    Proposal,
    decode_portions,
    decode_proposal,
    encode_answers,
)
from armslength.wire.queries import HeadQuery, LeavesQuery, NamingQuery

MAX_CHECKPOINT = 64 * 1024
MAX_LISTED = 200  # arrangements in one answer
SHARED = {"Access-Control-Allow-Origin": "*"}
ASKED_FIRST = {**SHARED, "Access-Control-Allow-Headers": "Authorization", "Access-Control-Max-Age": "600"}
JSON, TEXT, LINES = "application/json", "text/plain; charset=utf-8", "application/jsonl"
TLOG_SIZE = "text/x.tlog.size"


def routes(node: Node, caller: Caller) -> list[Route]:
    """All routes below `/armslength/1`."""
    own = _Own(node, caller)
    return [
        Route(BASE + "/propose", guarded(own.propose), methods=["POST"]),
        Route(BASE + "/propose/{arrangement}", guarded(own.reply)),
        Route(BASE + "/submit/{arrangement}", guarded(own.submit), methods=["POST"]),
        Route(BASE + "/sync/{arrangement}", guarded(own.sync), methods=["POST"]),
        Route(BASE + "/add-checkpoint", guarded(own.add_checkpoint), methods=["POST"]),
        Route(BASE + "/head/{arrangement}", shared(guarded(own.head)), methods=["GET", "OPTIONS"]),
        Route(BASE + "/cosigned/{arrangement}", guarded(own.cosigned)),
        Route(BASE + "/leaves/{arrangement}", guarded(own.leaves)),
        Route(BASE + "/own/{arrangement}", shared(guarded(own.own)), methods=["GET", "OPTIONS"]),
        Route(BASE + "/rest/{arrangement}", guarded(own.rest)),
        Route(BASE + "/hello", guarded(own.hello), methods=["POST"]),
        Route(BASE + "/arrangements", guarded(own.arrangements)),
    ]


class _Own:
    def __init__(self, node: Node, caller: Caller) -> None:
        self._node = node
        self._caller = caller

    async def propose(self, request: Request) -> Response:
        by = await self._caller(request.headers.get("authorization"), ITSELF)
        proposal = decode_proposal(await whole_body(request, largest=MAX_PROPOSAL))
        reply = await self._node.proposals.receive(proposal, by)
        return Response(canonical(reply), 201, media_type=JSON)

    async def reply(self, request: Request) -> Response:
        """What we say to terms, for whoever knows their hash."""
        by = await self._authenticate(request)
        reply = await self._node.proposals.reply(request.path_params["arrangement"], by)
        return Response(canonical(reply), media_type=JSON)

    async def submit(self, request: Request) -> Response:
        """Submissions speak for themselves: each entry is signed by an author whom the terms name.

        Whoever does not know of the arrangement is a stranger, whose bytes are not even read; and few are, of whoever
        does not show that the terms name it.
        """
        live = await self._node.repository.open(request.path_params["arrangement"])
        may_be_large = announces_more(request, LARGEST) and await self._is_actor(request, live)
        leaves = await read_leaves(request, MAX_BODY if may_be_large else LARGEST)
        answers = await self._node.recorder.submit(request.path_params["arrangement"], leaves)
        return Response(encode_answers(answers), media_type=JSON)

    async def sync(self, request: Request) -> Response:
        by = await self._authenticate(request)
        leaves = await read_leaves(request)
        synced = await self._node.recorder.sync(request.path_params["arrangement"], by, _start(request), leaves)
        return Response(canonical(synced), media_type=JSON)

    async def add_checkpoint(self, request: Request) -> Response:
        """A checkpoint speaks for itself: it is signed by the keeper. The statuses are those of c2sp.org/tlog-witness:
        404 unknown record, 403 not signed by its keeper, 400 malformed, 409 with the size that we cosigned last, and
        422 for a bad proof or whatever else keeps us from cosigning this head."""
        body = await whole_body(request, largest=MAX_CHECKPOINT)
        try:
            lines = await self._node.recorder.add_checkpoint(body.decode("utf-8", "replace"))
        except StaleCheckpoint as stale:
            return Response(f"{stale.size}\n", stale.http_status, {"Content-Type": TLOG_SIZE})
        except Refused as error:
            raise Uncosigned(error.code, error.reason, error.place) from None
        return Response(lines, media_type=TEXT)

    async def head(self, request: Request) -> Response:
        live = await self._for_actor(request)
        asked = HeadQuery.read(request.query_params.multi_items())
        sealed = await self._node.recorder.sealed_head(live.arrangement, asked.entries, asked.author)
        return Response(canonical(sealed), media_type=JSON)

    async def cosigned(self, request: Request) -> Response:
        """The head that we stand by."""
        return Response(self._node.recorder.stood_by(await self._for_actor(request)), media_type=TEXT)

    async def leaves(self, request: Request) -> Response:
        live = await self._for_actor(request)
        lines = await self._node.recorder.sealed_leaves(live, _start(request), MAX_LEAVES)
        sizes = accumulate(len(line) + 1 for line in lines)
        shown = (line + b"\n" for line, total in zip(lines, sizes, strict=True) if total <= MAX_BODY)
        return Response(b"".join(shown), media_type=LINES)

    async def own(self, request: Request) -> Response:
        """Not a word of ours: what the caller itself has said, shown to it."""
        by = await self._authenticate(request)
        shown = await self._node.recorder.own(await self._for_actor(request), by)
        return Response(canonical(shown), media_type=JSON)

    async def rest(self, request: Request) -> Response:
        live = await self._for_actor(request)
        return Response(canonical(await self._node.idle_report(live)), media_type=JSON)

    async def hello(self, request: Request) -> Response:
        """The sender has just started."""
        await self._node.answered(await self._authenticate(request))
        return Response(b"{}", media_type=JSON)

    async def arrangements(self, request: Request) -> Response:
        """Those that name the sender, but for those that it says it knows: as many as go into one answer."""
        by, asked = await self._authenticate(request), NamingQuery.read(request.query_params.multi_items())
        known, found, size, more = set(asked.known), dict[str, Proposal](), 0, None
        async for place, name in self._node.repository.names.naming(by, asked.start):
            if size > MAX_ANSWER // 2 or len(found) >= MAX_LISTED:
                more = place
                break
            if name not in known and name not in found and await self._is(by, request, name):
                with contextlib.suppress(NotFound):  # it has just been declined
                    found[name] = proposal = await self._node.repository.proposal(name)
                    size += len(proposal.document) + sum(map(len, proposal.texts.values()))
        return Response(canonical(Arrangements(arrangements=tuple(found.values()), more=more)), media_type=JSON)

    async def _for_actor(self, request: Request) -> LiveArrangement:
        """The arrangement that is asked about, for those whom it names only."""
        by = await self._authenticate(request)
        live = await self._node.repository.open(request.path_params["arrangement"])
        if not _names(live, by):
            raise NotFound("unknown-arrangement", "no such arrangement here")
        return live

    async def _is_actor(self, request: Request, live: LiveArrangement) -> bool:
        """Whether a token shows that the terms name the sender; no token is needed. Raises Unavailable where it may be
        one whom they name, and its keys cannot be looked up just now: it is to be sent again."""
        try:
            return _names(live, await self._authenticate(request))
        except Unauthorised:
            return False
        except Unavailable as error:
            if _names(live, error.place or ""):
                raise
            return False

    async def _authenticate(self, request: Request) -> str:
        about = request.path_params.get("arrangement", "")
        return await self._caller(request.headers.get("authorization"), about)

    async def _is(self, did: str, request: Request, arrangement: str) -> bool:
        """Whether the sender is this one by the terms of this arrangement too."""
        try:
            return await self._caller(request.headers.get("authorization"), arrangement) == did
        except Unauthorised:
            return False


def _names(live: LiveArrangement, did: str) -> bool:
    return any(actor.did == did for actor in live.terms.actors.values())


async def read_leaves(request: Request, largest: int = MAX_BODY) -> list[Leaf]:
    """The leaves that a request brings; after a few of them others have their turn."""
    found: list[Leaf] = []
    for portion in decode_portions(await whole_body(request, largest=largest)):
        found += portion
        await asyncio.sleep(0)
    return found


def _start(request: Request) -> int:
    return LeavesQuery.read(request.query_params.multi_items()).start


def guarded(work: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose every failure is answered with our error body."""

    async def endpoint(request: Request) -> Response:
        try:
            return await work(request)
        except Exception as error:  # noqa: BLE001  every failure gets our error body
            return errors.response(error)

    return endpoint


def shared(work: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that the monitors' page of another node may ask, too (rule 11.4e).

    A browser sends along no credentials of its own here: whoever asks has a token, and who has one may ask from
    anywhere. Whoever has none is not let read even that it lacks one.
    """

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=ASKED_FIRST)
        response = await work(request)
        if response.status_code != Unauthorised.status:
            response.headers.update(SHARED)
        return response

    return endpoint
