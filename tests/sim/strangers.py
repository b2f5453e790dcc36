"""Strangers, what they propose, and who hears of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from armslength.core.arrangement.terms import ActorKeys as Pinned
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest
from armslength.errors import Unavailable
from armslength.identity.did import document
from armslength.identity.keys import PrivateKey
from armslength.identity.tokens import Tokens
from armslength.net.client import HttpReply
from armslength.wire.own import BASE, Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.harness import World
from tests.sim.network import Host, ask
from tests.sim.virtual import play


class Stranger:
    """Somebody with a key and a place of its own in the network, where it sees every request that comes."""

    def __init__(self, world: World, host: str = "localhost:9900") -> None:
        self.world = world
        self.key = PrivateKey(b"\x07" * 32)  # for tokens
        self.entries = PrivateKey(b"\x06" * 32)
        self.address = f"http://{host}"
        self.did = f"did:web:{host.replace(':', '%3A')}"
        self.tokens = Tokens(self.did, self.key)
        self.asked: list[tuple[str, dict[str, str]]] = []
        world.network.nodes[self.address] = place = Host(f"stranger at {host}")
        place.app = self._app

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        fields = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["path"], fields))
        found = scope["path"] == "/.well-known/did.json"
        shown = document(self.did, {"tokens": self.key.text}, {})
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": []})
        await send({"type": "http.response.body", "body": shown if found else b""})

    @property
    def pinned(self) -> Pinned:
        """Its keys as terms pin them."""
        checkpoints = PrivateKey(b"\x08" * 32).text
        return Pinned(entries=self.entries.text, checkpoints=checkpoints, tokens=self.key.text)

    def terms(self, title: str, **changes: Any) -> Arrangement:
        """Terms in which the stranger stands in A's place, and everybody else is as in the world's."""
        me = dataclasses.replace(self.world.terms.actors["A"], did=self.did, address=self.address, keys=self.pinned)
        actors = self.world.terms.actors | {"A": me} | changes.pop("actors", {})
        return dataclasses.replace(self.world.terms, title=title, actors=actors, **changes)

    async def send(self, to: str, method: str, path: str, body: bytes = b"") -> HttpReply:
        """A request of the stranger, with a good token of its own."""
        node = self.world.nodes[to]
        bearer = self.tokens.bearer(node.config.did, node.config.address)
        url = node.config.address + path
        return await ask(node.running.app, method, url, body, {"authorization": bearer})  # type: ignore[arg-type]

    async def propose(self, to: str, terms: Arrangement) -> tuple[HttpReply, str]:
        """Bring terms to a node; the answer, and their hash."""
        proposal = proposed(terms)
        reply = await self.send(to, "POST", f"{BASE}/propose", canonical(proposal))
        return reply, digest(proposal.document.encode())


def proposed(terms: Arrangement, **beside: Any) -> Proposal:
    """Terms as they are proposed."""
    return Proposal(document=encode_terms(terms).decode(), texts=clause_texts(), **beside)


def watched(world: World) -> list[tuple[str, str, dict[str, str]]]:
    """Every request that a node sends from now on: who, where to, and its header fields."""
    sent: list[tuple[str, str, dict[str, str]]] = []
    carry = world.network.carry

    async def seen(sender: str, method: str, url: str, body: bytes, headers: Any) -> HttpReply:
        sent.append((sender, url, {name.lower(): value for name, value in headers.items()}))
        return await carry(sender, method, url, body, headers)

    world.network.carry = seen  # type: ignore[method-assign]
    return sent


def asked(sent: list[tuple[str, str, dict[str, str]]]) -> int:
    """How often somebody was brought terms, or asked for an answer to them."""
    return sum("/propose" in url for _, url, _ in sent)


def run(folder: Path, story: Callable[[World], Any], **options: Any) -> None:
    """Play a story in a world whose clocks stand three days before D."""

    async def whole() -> None:
        async with World(folder, **options) as world:
            await world.clock(at(-3))
            await story(world)

    play(whole())


async def kinds(world: World, name: str) -> set[str]:
    """What kinds of documents a node's store holds."""
    store: Any = world.nodes[name].store
    return {kind for kind, rows in store._rows.items() if rows}


async def brought(world: World, to: str, proposal: Proposal, by: str) -> str:
    """What a node says to terms, or why it does not keep them."""
    try:
        return (await world.nodes[to].running.node.proposals.receive(proposal, by)).answer
    except Unavailable as error:
        return error.code
