"""What the owner of a node asks of it: POST /{verb} with a JSON object, answered with one.

An application of its own, for the socket in the node's folder alone (`net.local`): whoever reaches it is the owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.core.arrangement.bodies import BODIES, Body
from armslength.core.arrangement.terms import roles
from armslength.core.canonical import plain
from armslength.core.process import Role
from armslength.core.transfer import Transfer
from armslength.engine.clock import Clocks
from armslength.engine.contents import Publication
from armslength.engine.jobs import Job
from armslength.engine.node import Node
from armslength.engine.publishing import Wish
from armslength.engine.replies import Heard
from armslength.engine.repository import LiveArrangement
from armslength.engine.transport import check_events
from armslength.errors import Malformed, Misuse, NotFound, Refused, not_kept
from armslength.views.idle import without_effect
from armslength.web import errors
from armslength.web.meant import Meant
from armslength.web.requests import whole_body
from armslength.wire.own import MAX_PROPOSAL, Proposal
from armslength.wire.strict import convert, parse

MOMENT_S: Final = 1.0  # that a call waits for the end of long work

Asked = dict[str, Any]

PAGE: Final = 50  # arrangements listed at once


def build_management(node: Node, clock: Clocks) -> Starlette:
    """The owner's application."""
    verbs = _Verbs(node, clock)

    async def endpoint(request: Request) -> Response:
        try:
            asked = convert(dict[str, Any], parse(await whole_body(request, largest=MAX_PROPOSAL)))
            try:
                answer = await verbs.work(request.path_params["verb"])(asked)
            except NotFound as error:
                raise await node.proposals.explained(error, str(asked.get("arrangement") or "")) from None
            return Response(msgspec.json.encode(answer), media_type="application/json")
        except Exception as error:  # noqa: BLE001  every failure gets our error body
            return errors.response(not_kept(error))

    return Starlette(routes=[Route("/{verb}", endpoint, methods=["POST"])])


class _Verbs:
    def __init__(self, node: Node, clock: Clocks) -> None:
        self._node = node
        self._clock = clock
        self._meant = Meant(node)
        self.table: dict[str, Callable[[Asked], Awaitable[Asked]]] = {
            "list": self.list,
            "propose": self.propose,
            "inbox": self.inbox,
            "proposal": self.proposal,
            "accept": self.accept,
            "decline": self.decline,
            "say": self.say,
            "publish": self.publish,
            "publishing": self.publishing,
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

    async def list(self, asked: Asked) -> Asked:
        """The arrangements here whose hash begins as asked, with where they stand: a page of them from `start` on, and
        where the next page begins (None: nowhere)."""
        repository = self._node.repository
        names = await repository.beginning(_which(asked), PAGE + 1, start=str(asked.get("start") or ""))
        found = [_listed(live) async for live in repository.opened(names[:PAGE])]
        return {"arrangements": found, "next": names[PAGE] if len(names) > PAGE else None}

    async def inbox(self, _: Asked) -> Asked:
        """What waits for the owner."""
        return {"proposals": [asdict(each) for each in await self._node.proposals.waiting()]}

    async def proposal(self, asked: Asked) -> Asked:
        """Terms that were proposed to us or by us, whole."""
        try:
            live = await self._held(asked)
            found, name = live.engagement.proposal, live.arrangement
        except NotFound:
            name = await self._meant.waiting(_which(asked))
            found = (await self._node.proposals.proposal(name))[1]
        return {"arrangement": name, **plain(found)}

    async def propose(self, asked: Asked) -> Asked:
        """Propose terms of ours, and tell what everyone says who was reached."""
        proposals = self._node.proposals
        arrangement = await proposals.propose(convert(Proposal, asked))
        return {"arrangement": arrangement, "answers": _answers(await proposals.replies.ask_all(arrangement))}

    async def accept(self, asked: Asked) -> Asked:
        """Accept our offices in terms that wait."""
        name = await self._meant.waiting(_which(asked), or_held=True)
        live = await self._node.proposals.accept(name)
        me = live.record.me.actor
        return {"arrangement": name, "title": live.terms.title, "me": me, "roles": roles(live.terms, me)}

    async def decline(self, asked: Asked) -> Asked:
        """Decline terms that we have neither signed nor accepted; the others hear why."""
        name = await self._meant.waiting(_which(asked), or_held=True)
        title = await self._node.proposals.decline(name, str(asked.get("reason") or ""))
        return {"arrangement": name, "title": title, "reason": asked.get("reason") or None}

    async def say(self, asked: Asked) -> Asked:
        signs = any(isinstance(item, dict) and item.get("type") == "sign" for item in asked.get("statements", ()))
        live = await (self._meant.to_sign(_which(asked)) if signs else self._held(asked))
        check_events(live.terms, convert(list[str], asked.get("events", []), "events"))
        bodies = []
        for position, item in enumerate(asked.get("statements", ())):
            kind = BODIES.get(item.get("type", "")) if isinstance(item, dict) else None
            if kind is None:
                raise Malformed("unknown-type", "no statement of this type", f"statements[{position}].type")
            bodies.append(convert(kind, item.get("body"), f"statements[{position}].body"))
        notes = [self._note(live, body) for body in bodies]
        try:
            said = await self._node.say(live, bodies)
        except Refused as error:
            about = f"(in {live.terms.title}, {live.arrangement[:12]})"
            raise Refused(error.code, f"{error.reason} {about}", error.place) from None
        told = [asdict(each) | {"note": note} for each, note in zip(said, notes, strict=True)]
        return {"arrangement": live.arrangement, "title": live.terms.title, "said": told}

    def _note(self, live: LiveArrangement, body: Body) -> str | None:
        """If all that is known by now says that a statement of ours will change nothing, why."""
        state, now = live.record.view.state, self._node.recorder.now(live)
        reason = without_effect(live.terms, state, live.record.me.actor, body, now)
        return f"changes nothing: {reason}" if reason else None

    async def publish(self, asked: Asked) -> Asked:
        """Begin to seal a file, or join the job that does; answered like `publishing`."""
        live, after = await self._held(asked), asked.get("release_after", 0)
        tranche, media_type = str(asked.get("tranche")), asked.get("media_type")
        if not isinstance(after, int) or not isinstance(media_type, str):
            raise Malformed("bad-request", "release_after is a number, media_type a text")
        wish = Wish(Path(str(asked.get("file", ""))), media_type, after)
        return await self._published(live, tranche, self._node.hand.publisher.publish(live, tranche, wish))

    async def publishing(self, asked: Asked) -> Asked:
        """How far the sealing of a file has come: after a moment, or at once when it has ended."""
        live, tranche = await self._held(asked), str(asked.get("tranche"))
        return await self._published(live, tranche, self._node.hand.publisher.job(live.arrangement, tranche))

    async def _published(self, live: LiveArrangement, tranche: str, job: Job[Publication]) -> Asked:
        over = await job.wait(MOMENT_S)
        told = {"arrangement": live.arrangement, "over": over, "done": job.progress.done, "total": job.progress.total}
        if not over:
            return told
        done = await job.result()
        return told | {
            "size": done.size,
            "plain_root": done.plain_root,
            "cipher_root": done.cipher_root,
            "release_after": done.release_after or None,
            "release_by": live.terms.tranches[tranche].release_by,
        }

    async def fetch(self, asked: Asked) -> Asked:
        """Where the opened file of a tranche lies, or how far it has come."""
        live, tranche = await self._held(asked), str(asked.get("tranche"))
        if tranche not in live.terms.tranches:
            raise NotFound("unknown-tranche", "no such tranche", tranche)
        if live.terms.tranches[tranche].recipient != live.record.me.actor:
            raise Misuse("not-recipient", f"you are not the recipient of {tranche}", tranche)
        receipt = await self._node.hand.received(live, tranche)
        opened = self._node.hand.opened(receipt)
        done, total = self._node.hand.progress.get((live.arrangement, tranche), (0, 0))
        return {
            "stage": live.record.sealed.state.tranches[tranche].shown,
            "plain": str(opened) if opened else None,
            "outcome": receipt.outcome if receipt else None,
            "done": done,
            "total": total,
            "trouble": self._node.hand.troubles(live.arrangement).get(tranche),
        }

    async def view(self, asked: Asked) -> Asked:
        """The state as far as we see it, and what of it is sealed."""
        live = await self._held(asked)
        book, transfers = live.record, await self._node.hand.transfers(live)
        return {
            "arrangement": live.arrangement,
            "document": live.engagement.proposal.document,
            "state": plain(book.view.state, whole=True),
            "sealed_state": plain(book.sealed.state, whole=True),
            "state_root": book.sealed.state_root,
            "tree_root": book.sealed.tree_root,
            "size": book.view.size,
            "sealed": book.sealed.size,
            "now": self._node.recorder.now(live),
            "heard": self._node.recorder.heard(live) if self._node.recorder.is_behind(live) else {},
            "transfers": {name: str(each.state) for name, each in transfers.items()},
            "suspended": {name: _suspended(live, name, each) for name, each in transfers.items() if each.suspended_by},
            "sealing": self._node.hand.publisher.running(live.arrangement),
            "troubles": [asdict(each) for each in self._node.troubles(live)],
            "me": book.me.actor,
            "absent": _answers(await self._node.proposals.absent(live)),
            "others": await self._meant.others(live.arrangement),
            "held": len(self._node.repository.agenda),
        }

    async def record(self, asked: Asked) -> Asked:
        """The sealed leaves, with everything needed to fold them."""
        live = await self._held(asked)
        async with live.lock:  # what the book holds is stored
            lines = await self._node.repository.store.leaves(live.arrangement, 0, live.record.sealed.size)
        return {
            "document": live.engagement.proposal.document,
            "texts": live.engagement.proposal.texts,
            "leaves": [line.decode() for line in lines],
        }

    async def rest(self, asked: Asked) -> Asked:
        live = await self._held(asked)
        me, ours = live.record.me.actor, await self._node.pending_work(live)
        here = f"{live.terms.actors[me].name} ({me}): {ours}" if ours else None
        pending_work = here or await self._node.pending_elsewhere(live)
        return {"unrest": pending_work, "sealed": live.record.sealed.size, "state": live.record.sealed.state.shown}

    async def export(self, asked: Asked) -> Asked:
        """The files of a bundle up to the last seal."""
        from armslength.wire.bundle import build  # a node that starts does not wait for it

        live = await self._held(asked)
        book, keys = live.record, self._node.repository.keys
        if book.sealed.size == 0:
            raise Misuse("nothing-sealed", "the record has no seal yet; wait until the keeper has sealed it")
        texts = live.engagement.proposal.texts
        async with live.lock:  # what the book holds is stored
            leaves = await self._node.repository.store.leaves(live.arrangement, 0, book.sealed.size)
            sign = keys["entries"].sign
            files = await asyncio.to_thread(build, book.sealed, leaves, texts, book.me.actor, sign)  # may take long
        return {"arrangement": live.arrangement, "files": {path: data.decode() for path, data in files.items()}}

    async def set_clock(self, asked: Asked) -> Asked:
        to = asked.get("to")
        if not isinstance(to, int):
            raise Malformed("bad-request", "UTC seconds", "to")
        await self._clock.set(to)
        self._node.wake()
        return {"now": to}

    async def _held(self, asked: Asked) -> LiveArrangement:
        return await self._meant.live(_which(asked))


def _answers(heard: Mapping[str, Heard]) -> Asked:
    return {name: {"answer": said.answer, "reason": said.reason} for name, said in heard.items()}


def _which(asked: Asked) -> str:
    """The beginning of the hash that was said, or "" for none."""
    return str(asked.get("arrangement") or "")


def _suspended(live: LiveArrangement, tranche: str, transfer: Transfer) -> Asked:
    """Who has suspended a transfer, and so resumes it, and why in its own words."""
    terms = live.terms.tranches[tranche]
    by = terms.provider if transfer.suspended_by is Role.PROVIDER else terms.recipient
    return {"by": by, "reason": transfer.reason}


def _listed(live: LiveArrangement) -> Asked:
    return {
        "arrangement": live.arrangement,
        "title": live.terms.title,
        "state": live.record.sealed.state.shown,
        "proposed_by": live.engagement.by,
        "replaces": live.engagement.proposal.replaces,
        "note": live.engagement.proposal.note,
        "signed": sorted(live.record.view.state.arrangement.signed),
        "me": live.record.me.actor,
        "document": live.engagement.proposal.document,
        "texts": live.engagement.proposal.texts,
    }
