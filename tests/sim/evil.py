"""What cheats need: entries signed by anyone, requests by hand, and a keeper whose record is whatever it likes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from armslength.core.arrangement.bodies import Body
from armslength.core.record.entry import TYPE_OF, Entry, Leaf, Stamp, entry_hash, leaf_of, sign_entry, stamp
from armslength.core.record.note import Note
from armslength.identity.tokens import Tokens
from armslength.net.client import HttpReply
from armslength.wire.own import BASE, SubmissionAnswer, SyncAnswer, decode_answers, decode_synced, encode_leaves
from armslength.wire.witness import AddCheckpoint
from tests.golden.terms import at
from tests.record_builder import Builder, signer
from tests.sim.harness import World, ring
from tests.sim.network import ask
from tests.sim.script import FILES


async def begun(world: World, *, publish: bool = True) -> None:
    """Signed and EFFECTIVE at D; with `publish`, T1 is SETTLED."""
    await world.clock(at(-3))
    await world.agree()
    await world.rest()
    if publish:
        await world.publish("T1", FILES["T1"])
    await world.clock(at(0))
    await world.rest()


async def leave_identity_only(world: World, name: str) -> None:
    """Take a node down, but for the document that shows its keys."""
    from armslength.identity.did import document

    node = world.nodes[name]
    await node.crash()
    shown = document(node.config.did, ring(name).public(), {})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found = scope["path"] == "/.well-known/did.json"
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": []})
        await send({"type": "http.response.body", "body": shown if found else b""})

    node.host.app = app


async def entry(world: World, author: str, body: Body, **changes: Any) -> Entry:
    """The author's next entry as the keeper sees it; `changes` replace fields."""
    live = await world.nodes[world.terms.keeper].live()
    number, prev = live.record.view.next_link(author)
    made = Entry(
        arrangement=world.arrangement,
        author=author,
        author_seq=number,
        author_prev=prev,
        seen=live.seen,
        type=TYPE_OF[type(body)],
        body=body,
    )
    return dataclasses.replace(made, **changes)


def signed(made: Entry, by: str | None = None, stamps: Sequence[Stamp] = ()) -> Leaf:
    """The entry signed by its author, or by somebody else."""
    return leaf_of(sign_entry(made, signer(by or made.author)), stamps)


def stamped(made: Entry, by: str, time: int, key: str | None = None) -> Stamp:
    """A stamp in the name of `by`, signed by it or with another's key."""
    return stamp(made.arrangement, entry_hash(made), by, time, signer(key or by))


async def post(world: World, to: str, path: str, body: bytes, token: str | None = None, **options: Any) -> HttpReply:
    """A request to a node, by hand; `token` names whose token it carries."""
    node = world.nodes[to]
    headers = {}
    if token is not None:
        did = world.terms.actors[token].did or ""
        headers["authorization"] = Tokens(did, ring(token)["tokens"]).bearer(node.config.did, node.config.address)
    app: Any = node.running.app
    return await ask(app, options.pop("method", "POST"), node.config.address + path, body, headers, **options)


async def submit(world: World, to: str, *leaves: Leaf, token: str | None = None) -> list[SubmissionAnswer]:
    """Submit leaves, as anyone can; with a token, more of them."""
    reply = await post(world, to, f"{BASE}/submit/{world.arrangement}", encode_leaves(leaves), token)
    assert reply.status == 200, reply.body
    return decode_answers(reply.body)


def code(reply: HttpReply) -> str:
    """The code in an error answer."""
    found: str = json.loads(reply.body)["error"]
    return found


class EvilKeeper(Builder):
    """A record of its own: whatever its keeper signs, cosigned by whomever it can persuade."""

    def __init__(self, world: World) -> None:
        super().__init__(world.terms)
        self.world = world
        world.be_careless()  # it signs in the name of their nodes

    async def sync(self, to: str, start: int = 0) -> HttpReply:
        """Send the record from `start` on."""
        body = b"".join(line + b"\n" for line in self.leaves[start:])
        path = f"{BASE}/sync/{self.world.arrangement}?start={start}"
        return await post(self.world, to, path, body, token=self.keeper)

    async def synced(self, to: str, start: int = 0) -> SyncAnswer:
        """The same, where it must be taken."""
        reply = await self.sync(to, start)
        assert reply.status == 200, reply.body
        return decode_synced(reply.body)

    def request(self, old: int = 0, size: int | None = None) -> AddCheckpoint:
        """A request to cosign the present head."""
        note = self.cosigned({})
        size = self.replica.size if size is None else size
        proof = tuple(self.replica.consistency(old)) if 0 < old < size else ()
        return AddCheckpoint(old, proof, note)

    async def ask(self, to: str, request: AddCheckpoint | None = None) -> HttpReply:
        """Ask a timekeeper to cosign."""
        asked = (request or self.request()).encode().encode()
        return await post(self.world, to, f"{BASE}/add-checkpoint", asked)

    async def seal_with(self, whom: str, time: int, old: int = 0) -> None:
        """Seal with the real cosignature of one timekeeper's node and the keeper's own."""
        from armslength.core.arrangement.bodies import Seal
        from armslength.core.record.seal import assemble, open_cosignature
        from armslength.wire.witness import parse_cosignatures

        reply = await self.ask(whom, self.request(old))
        assert reply.status == 200, reply.body
        note: Note = self.cosigned({self.keeper: time})
        (line,) = parse_cosignatures(reply.body.decode())
        assert open_cosignature(self.replica.roster, note.text, line)[0] == whom
        both = assemble(
            self.replica.roster, note.text, note.signatures[0], {self.keeper: note.signatures[1], whom: line}
        )
        body = Seal(checkpoint=both.encode(), state_root=self.replica.state_root)
        self.place(leaf_of(self.submit(self.entry(self.keeper, body)), ()))
        self.seen = self.replica.head
