"""Who somebody is does not depend on what strangers propose."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from armslength.core.canonical import digest
from armslength.identity.keys import PrivateKey
from armslength.identity.tokens import Tokens
from armslength.wire.own import Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.harness import BASE, World, ring
from tests.sim.network import ask
from tests.sim.script import begin, perform
from tests.sim.virtual import play


@pytest.mark.parametrize("victim", ["A", "m5"])
def test_proposed_terms_give_nobody_another_s_name(tmp_path: Path, victim: str) -> None:
    """A key that unsigned terms pin under somebody's DID opens nothing, at a party's node and at a neutral one."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            await asyncio.sleep(400)  # what was looked up before is forgotten
            key = PrivateKey(b"\x07" * 32)
            b = world.terms.actors["B"]
            assert b.keys is not None
            forged = dataclasses.replace(b, keys=dataclasses.replace(b.keys, tokens=key.text))
            number, document = 0, b""
            while not document or digest(document) > world.arrangement:  # so that it is looked at first
                number += 1
                actors = world.terms.actors | {"B": forged}
                document = encode_terms(dataclasses.replace(world.terms, actors=actors, title=f"other {number}"))
            node = world.nodes[victim].running
            by = world.terms.actors["A"].did or ""
            await node.node.propose(Proposal(document=document.decode(), texts=clause_texts()), by, development=True)
            me = world.terms.actors[victim]
            url = f"{me.address}{BASE}/leaves/{world.arrangement}"
            for signer, status in ((key, 401), (ring("B")["tokens"], 200)):
                bearer = Tokens(b.did or "", signer).bearer(me.did or "")
                reply = await ask(node.app, "GET", url, b"", {"authorization": bearer})  # type: ignore[arg-type]
                assert reply.status == status, reply.body
                assert status == 200 or b"bad-signature" in reply.body

    play(story())
