"""What the owner of a node asks of it: POST /{verb} with a JSON object, answered with one.

An application of its own, for the socket in the node's folder alone (`net.local`): whoever reaches it is the owner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.core.arrangement.bodies import BODIES, Body
from armslength.core.canonical import plain
from armslength.engine.clock import Clocks
from armslength.engine.mail import check_events
from armslength.engine.node import Node
from armslength.engine.proposals import decline
from armslength.engine.shelf import Open
from armslength.errors import Malformed, Misuse, NotFound, Refused
from armslength.views.idle import without_effect
from armslength.web import errors
from armslength.web.requests import whole_body
from armslength.wire.bundle import build
from armslength.wire.own import MAX_PROPOSAL, Proposal
from armslength.wire.strict import convert, parse

Asked = dict[str, Any]


def build_management(node: Node, clock: Clocks, *, development: bool) -> Starlette:
    """The owner's application."""
    verbs = _Verbs(node, clock, development)

    async def endpoint(request: Request) -> Response:
        try:
            asked = convert(dict[str, Any], parse(await whole_body(request, largest=MAX_PROPOSAL)))
            answer = await verbs.work(request.path_params["verb"])(asked)
            return Response(msgspec.json.encode(answer), media_type="application/json")
        except Exception as error:  # noqa: BLE001  every failure gets our error body
            return errors.response(error)

    return Starlette(routes=[Route("/{verb}", endpoint, methods=["POST"])])


class _Verbs:
    def __init__(self, node: Node, clock: Clocks, development: bool) -> None:
        self._node = node
        self._clock = clock
        self._development = development
        self.table: dict[str, Callable[[Asked], Awaitable[Asked]]] = {
            "list": self.list,
            "propose": self.propose,
            "decline": self.decline,
            "say": self.say,
            "publish": self.publish,
            "fetch": self.fetch,
            "view": self.view,
            "record": self.record,
            "rest": self.rest,
            "export": self.export,
            "clock": self.set_clock,
        }

    def work(self, verb: str) -> Callable[[Asked], Awaitable[Asked]]:
        """What a verb does. Raises NotFound."""
        if verb not in self.table:
            raise NotFound("unknown-verb", "no such verb", verb)
        return self.table[verb]

    async def list(self, _: Asked) -> Asked:
        """The arrangements here, with where they stand."""
        return {"arrangements": [_listed(held) for held in await self._node.shelf.everything()]}

    async def propose(self, asked: Asked) -> Asked:
        proposal = convert(Proposal, asked)
        shelf = self._node.shelf
        arrangement = await self._node.propose(proposal, shelf.did, development=self._development)
        return {"arrangement": arrangement, "sent": await self._node.send_proposal(proposal)}

    async def decline(self, asked: Asked) -> Asked:
        """Drop terms that we have not signed. Which ones must be said; nobody else is told."""
        if not asked.get("arrangement"):
            raise Misuse("which-arrangement", "say which terms to decline, by their hash")
        held = await self._held(asked)
        await decline(self._node.shelf, held)
        return {"arrangement": held.arrangement, "title": held.terms.title}

    async def say(self, asked: Asked) -> Asked:
        held = await self._held(asked, binding=True)
        check_events(held.terms, convert(list[str], asked.get("events", []), "events"))
        bodies = []
        for position, item in enumerate(asked.get("statements", ())):
            kind = BODIES.get(item.get("type", "")) if isinstance(item, dict) else None
            if kind is None:
                raise Malformed("unknown-type", "no statement of this type", f"statements[{position}].type")
            bodies.append(convert(kind, item.get("body"), f"statements[{position}].body"))
        notes = [self._note(held, body) for body in bodies]
        try:
            said = await self._node.say(held, bodies)
        except Refused as error:
            about = f"(in {held.terms.title}, {held.arrangement[:12]})"
            raise Refused(error.code, f"{error.reason} {about}", error.place) from None
        told = [plain(each) | note for each, note in zip(said, notes, strict=True)]
        return {"arrangement": held.arrangement, "title": held.terms.title, "said": told}

    def _note(self, held: Open, body: Body) -> Asked:
        """A "note", if all that is known by now says that a statement of ours will change nothing."""
        state, now = held.book.view.state, self._node.recorder.now(held)
        reason = without_effect(held.terms, state, held.book.me.actor, body, now)
        return {"note": f"changes nothing: {reason}"} if reason else {}

    async def publish(self, asked: Asked) -> Asked:
        held = await self._held(asked)
        file, after = Path(str(asked.get("file", ""))), asked.get("release_after", 0)
        media_type = asked.get("media_type")
        if not isinstance(after, int) or not isinstance(media_type, str):
            raise Malformed("bad-request", "release_after is a number, media_type a text")
        done = await self._node.hand.publish(held, str(asked.get("tranche")), file, media_type, after)
        self._node.wake()
        return {
            "size": done.size,
            "plain_root": done.plain_root,
            "cipher_root": done.cipher_root,
            "release_after": done.release_after or None,
            "release_by": held.terms.tranches[str(asked.get("tranche"))].release_by,
        }

    async def fetch(self, asked: Asked) -> Asked:
        """Where the opened file of a tranche lies, or how far it has come."""
        held, tranche = await self._held(asked), str(asked.get("tranche"))
        if tranche not in held.terms.tranches:
            raise NotFound("unknown-tranche", "no such tranche", tranche)
        if held.terms.tranches[tranche].recipient != held.book.me.actor:
            raise Misuse("not-recipient", f"you are not the recipient of {tranche}", tranche)
        receipt = await self._node.hand.received(held, tranche)
        done, total = self._node.hand.progress.get((held.arrangement, tranche), (0, 0))
        return {
            "stage": held.book.sealed.state.tranches[tranche].shown,
            "plain": receipt.plain if receipt else None,
            "outcome": receipt.outcome if receipt else None,
            "done": done,
            "total": total,
            "trouble": self._node.hand.troubles(held.arrangement).get(tranche),
        }

    async def view(self, asked: Asked) -> Asked:
        """The state as far as we see it, and what of it is sealed."""
        held = await self._held(asked)
        book = held.book
        return {
            "arrangement": held.arrangement,
            "document": held.held.proposal.document,
            "state": plain(book.view.state),
            "sealed_state": plain(book.sealed.state),
            "state_root": book.sealed.state_root,
            "tree_root": book.sealed.tree_root,
            "size": book.view.size,
            "sealed": book.sealed.size,
            "now": self._node.recorder.now(held),
            "heard": self._node.recorder.heard(held) if self._node.recorder.is_behind(held) else {},
            "transfers": await self._node.hand.transfers(held),
            "troubles": [plain(each) for each in self._node.troubles(held)],
            "me": book.me.actor,
            "others": {
                other.arrangement: other.terms.title
                for other in await self._node.shelf.everything()
                if other.arrangement != held.arrangement
            },
        }

    async def record(self, asked: Asked) -> Asked:
        """The sealed leaves, with everything needed to fold them."""
        held = await self._held(asked)
        async with held.lock:  # what the book holds is stored
            lines = await self._node.shelf.store.leaves(held.arrangement, 0, held.book.sealed.size)
        return {
            "document": held.held.proposal.document,
            "texts": held.held.proposal.texts,
            "leaves": [line.decode() for line in lines],
        }

    async def rest(self, asked: Asked) -> Asked:
        held = await self._held(asked)
        unrest = await self._node.unrest(held) or await self._node.others_at_rest(held)
        return {"unrest": unrest, "sealed": held.book.sealed.size, "state": held.book.sealed.state.shown}

    async def export(self, asked: Asked) -> Asked:
        """The files of a bundle up to the last seal."""
        held = await self._held(asked)
        book, keys = held.book, self._node.shelf.keys
        if book.sealed.size == 0:
            raise Misuse("nothing-sealed", "the record has no seal yet; wait until the keeper has sealed it")
        texts = held.held.proposal.texts
        async with held.lock:  # what the book holds is stored
            leaves = await self._node.shelf.store.leaves(held.arrangement, 0, book.sealed.size)
            files = build(book.sealed, leaves, texts, book.me.actor, keys["entries"].sign)
        return {"arrangement": held.arrangement, "files": {path: data.decode() for path, data in files.items()}}

    async def set_clock(self, asked: Asked) -> Asked:
        to = asked.get("to")
        if not isinstance(to, int):
            raise Malformed("bad-request", "UTC seconds", "to")
        await self._clock.set(to)
        self._node.wake()
        return {"now": to}

    async def _held(self, asked: Asked, *, binding: bool = False) -> Open:
        """The arrangement whose hash begins as asked; the only one if nothing is asked.

        Proposed terms replace others. For what we say (`binding`) only those do that we proposed or signed, or that
        all parties have signed: nobody else chooses what is signed without a hash.
        """
        wanted = str(asked.get("arrangement") or "")
        found = [held for held in await self._node.shelf.everything() if held.arrangement.startswith(wanted)]
        if not wanted and len(found) > 1:
            replaced = {held.held.proposal.replaces for held in found if not binding or self._is_ours(held)}
            found = [held for held in found if held.arrangement not in replaced]
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFound("unknown-arrangement", "no such arrangement here", wanted[:16] or None)
        names = ", ".join(f"{held.arrangement[:12]} ({held.terms.title})" for held in found)
        raise Misuse("which-arrangement", f"say which with --arrangement: {names}")

    def _is_ours(self, held: Open) -> bool:
        state = held.book.view.state.arrangement
        return held.held.by == self._node.shelf.did or held.book.me.actor in state.signed or state.phase != "PROPOSED"


def _listed(held: Open) -> Asked:
    return {
        "arrangement": held.arrangement,
        "title": held.terms.title,
        "state": held.book.sealed.state.shown,
        "proposed_by": held.held.by,
        "replaces": held.held.proposal.replaces,
        "note": held.held.proposal.note,
        "signed": sorted(held.book.view.state.arrangement.signed),
        "me": held.book.me.actor,
        "document": held.held.proposal.document,
        "texts": held.held.proposal.texts,
    }
