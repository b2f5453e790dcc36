"""Who somebody is does not depend on what strangers propose."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Sign
from armslength.core.canonical import digest
from armslength.identity.keys import PrivateKey
from armslength.identity.tokens import Tokens
from armslength.wire.own import Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.harness import BASE, World, ring
from tests.sim.network import HttpReply, ask
from tests.sim.script import begin, perform
from tests.sim.virtual import play


async def _forged(world: World, key: PrivateKey, *, first: bool) -> bytes:
    """Terms like the world's, with another key under B's name; they come before or behind it in the order of hashes."""
    b = world.terms.actors["B"]
    assert b.keys is not None
    forged = dataclasses.replace(b, keys=dataclasses.replace(b.keys, tokens=key.text))
    number, document = 0, b""
    while not document or (digest(document) < world.arrangement) != first:
        number += 1
        actors = world.terms.actors | {"B": forged}
        document = encode_terms(dataclasses.replace(world.terms, actors=actors, title=f"other {number}"))
    return document


async def _read(world: World, who: str, arrangement: str, signer: PrivateKey) -> HttpReply:
    """B's request for a record, with a token signed with this key."""
    me = world.terms.actors[who]
    bearer = Tokens(world.terms.actors["B"].did or "", signer).bearer(me.did or "", me.address or "")
    url = f"{me.address}{BASE}/leaves/{arrangement}"
    return await ask(world.nodes[who].running.app, "GET", url, b"", {"authorization": bearer})  # type: ignore[arg-type]


@pytest.mark.parametrize("victim", ["A", "m5"])
def test_proposed_terms_give_nobody_another_s_name(tmp_path: Path, victim: str) -> None:
    """A key that unsigned terms pin under somebody's DID opens nothing, at a party's node and at a neutral one."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            await asyncio.sleep(400)  # what was looked up before is forgotten
            key = PrivateKey(b"\x07" * 32)
            document = await _forged(world, key, first=True)
            node = world.nodes[victim].running
            by = world.terms.actors["A"].did or ""
            proposal = Proposal(document=document.decode(), texts=clause_texts())
            assert (await node.node.proposals.receive(proposal, by)).answer == "waiting"
            for signer, status in ((key, 401), (ring("B")["tokens"], 200)):
                reply = await _read(world, victim, world.arrangement, signer)
                assert reply.status == status, reply.body
                assert status == 200 or b"bad-signature" in reply.body

    play(story())


@pytest.mark.parametrize("first", [True, False])
def test_signed_terms_give_a_name_in_their_own_record_only(tmp_path: Path, first: bool) -> None:
    """Two arrangements that we have signed pin different keys for one DID: each counts in its own record, and none in
    the other's."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            key, true = PrivateKey(b"\x07" * 32), ring("B")["tokens"]
            document = await _forged(world, key, first=first)
            node = world.nodes["A"].running.node
            proposal = Proposal(document=document.decode(), texts=clause_texts())
            other = await node.proposals.propose(proposal)
            await node.writer.say(await node.repository.open(other), [Sign()])
            await asyncio.sleep(400)  # what was looked up before is forgotten
            for arrangement, good, bad in ((world.arrangement, true, key), (other, key, true)):
                assert (await _read(world, "A", arrangement, good)).status == 200
                assert (await _read(world, "A", arrangement, bad)).status == 401

    play(story())


def test_a_sender_that_cannot_be_looked_up_is_told_to_try_again(tmp_path: Path) -> None:
    """A DID whose document cannot be had is no refusal: 503, and its place is not asked again for a while."""

    async def story() -> None:
        async with World(tmp_path) as world:
            a, nobody = world.nodes["A"], "did:web:nobody.example"
            asked: list[str] = []
            carry = world.network.carry

            async def counted(sender: str, method: str, url: str, *rest: Any) -> HttpReply:
                asked.append(url)
                return await carry(sender, method, url, *rest)

            world.network.carry = counted  # type: ignore[method-assign]
            for number in range(3):
                bearer = Tokens(nobody, PrivateKey(bytes([number]) * 32)).bearer(a.config.did, a.config.address)
                url = f"{a.config.address}{BASE}/arrangements"
                reply = await ask(a.running.app, "GET", url, b"", {"authorization": bearer})  # type: ignore[arg-type]
                assert reply.status == 503, reply.body
            assert asked == ["https://nobody.example/.well-known/did.json"]

    play(story())
