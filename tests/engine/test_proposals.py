"""How terms come to bind a node, and what is done before that: nothing but keeping them."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Sign
from armslength.core.canonical import canonical, digest
from armslength.engine.inbox import COPY, host_of
from armslength.errors import Misuse, NotFound, Refused, Unauthorised
from armslength.wire.own import Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.harness import World
from tests.sim.network import ask
from tests.sim.virtual import play


def other(world: World, title: str = "The other terms", **changes: Any) -> tuple[str, Proposal]:
    """Other terms between the same, and their hash."""
    document = encode_terms(dataclasses.replace(world.terms, title=title, **changes))
    return digest(document), Proposal(document=document.decode(), texts=clause_texts())


def test_who_has_signed_or_accepted_stays(tmp_path: Path) -> None:
    """A party that has signed cannot decline, nor who has accepted an office; a proposer that has not signed can
    (rule 10.2d)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            await world.agree()
            await world.rest()
            for name, code in (("A", "signed"), ("B", "signed"), ("m5", "accepted")):
                with pytest.raises(Refused) as caught:
                    await world.nodes[name].running.node.proposals.decline(world.arrangement, "no")
                assert caught.value.code == code
            name, proposal = other(world)
            assert await world.propose(proposal)
            a = world.nodes["A"].running.node
            assert await a.proposals.decline(name, "we propose better ones") == "The other terms"
            assert await a.repository.beginning("", 9) == [world.arrangement]
            said = await a.proposals.reply(name, world.nodes["B"].config.did)
            assert (said.answer, said.reason) == ("declined", "we propose better ones")

    play(story())


def test_what_we_are_signing_is_not_declined(tmp_path: Path) -> None:
    """A signature that is written, and not placed yet, holds its terms."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            await world.until("the proposal", world.propose)
            world.network.apart = {"B"}
            await world.engage("B")
            await world.say("B", Sign())
            with pytest.raises(Refused, match="about to sign"):
                await world.nodes["B"].running.node.proposals.decline(world.arrangement, "")

    play(story())


def test_parties_sign_and_others_accept(tmp_path: Path) -> None:
    """A party is told to sign, a keeper to accept; of what is not there, neither (rule 10.1a)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            await world.until("the proposal", world.propose)
            b, m5 = (world.nodes[name].running.node.proposals for name in ("B", "m5"))
            with pytest.raises(Misuse, match="sign them"):
                await b.accept(world.arrangement)
            with pytest.raises(Misuse, match="not a party"):
                await m5.engage(world.arrangement)
            for proposals in (b, m5):
                with pytest.raises(NotFound):
                    await proposals.accept("ab" * 32)
                with pytest.raises(NotFound):
                    await proposals.decline("ab" * 32, "")

    play(story())


def test_the_owner_sees_what_waits(tmp_path: Path) -> None:
    """Title, proposer, what is asked, size and since when; and what cannot be read is shown as that."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            await world.until("the proposal", world.propose)
            a = world.nodes["A"].config.did
            asked = {"B": ["party", "timekeeper"], "m5": ["keeper", "timekeeper", "determiner", "monitor"]}
            for name, roles in asked.items():
                (listed,) = (await world.nodes[name].manage("inbox"))["proposals"]
                assert (listed["arrangement"], listed["title"]) == (world.arrangement, world.terms.title)
                assert (listed["by"], listed["me"], listed["fault"]) == ({a: "A"}, name, None)
                assert set(listed["roles"]) == set(roles)
                assert listed["size"] > len(world.document)
            b = world.nodes["B"].running.node.proposals
            said = await b.receive(Proposal(document='{"x":1}', texts={}), "did:web:x.example")
            listed = (await world.nodes["B"].manage("inbox"))["proposals"]
            found = next(each for each in listed if each["arrangement"] == said.arrangement)
            assert (found["title"], found["roles"]) == (None, [])
            assert found["fault"]

    play(story())


def test_who_looks_for_what_waits_is_told_where_it_is(tmp_path: Path) -> None:
    """Commands about terms that only wait name the inbox; those about nothing at all do not."""

    async def story() -> None:
        async with World(tmp_path) as world:
            app: Any = world.nodes["m5"].running.management
            url = "http://localhost/view"
            assert b"inbox" not in (await ask(app, "POST", url, b"{}")).body
            await world.until("the proposal", world.propose)
            for asked, told in (("", b"what was proposed waits"), (world.arrangement[:8], b"these terms wait")):
                reply = await ask(app, "POST", url, canonical({"arrangement": asked}))
                assert reply.status == 404
                assert told in reply.body
            reply = await ask(app, "POST", url, canonical({"arrangement": "no-such-hash"}))
            assert b"inbox" not in reply.body

    play(story())


def test_what_is_brought_again_is_not_written_again(tmp_path: Path) -> None:
    """The same terms of the same DID, with whatever beside them, cost no disk; another DID's copy is kept by itself."""

    async def story() -> None:
        async with World(tmp_path) as world:
            b = world.nodes["B"]
            name, proposal = other(world)
            for number in range(5):
                again = dataclasses.replace(proposal, note=str(number))
                assert (await b.running.node.proposals.receive(again, "did:web:x.example")).answer == "waiting"
            await b.running.node.proposals.receive(dataclasses.replace(proposal, texts={}), "did:web:y.example")
            rows = await b.store.find(COPY)
            assert {(row.key, row.version) for row in rows} == {
                (f"{name}/did:web:x.example", 1),
                (f"{name}/did:web:y.example", 1),
            }
            (listed,) = await b.running.node.proposals.waiting()
            assert (listed.note, set(listed.by)) == ("0", {"did:web:x.example", "did:web:y.example"})

    play(story())


@pytest.mark.parametrize(
    ("did", "host"),
    [
        ("did:web:x.example", "x.example"),
        ("did:web:X.example%3A8443:one", "x.example"),
        ("did:web:x.example:two:three", "x.example"),
        ("did:web:localhost%3A7001", "localhost%3a7001"),
    ],
)
def test_all_of_one_host_share_its_room(did: str, host: str) -> None:
    """Ports and paths cost nothing, so they give no room; but in development they are nodes of their own."""
    assert host_of(did) == host


def test_who_has_no_node_proposes_nothing(tmp_path: Path) -> None:
    """A did:key costs nothing to make: what it brings is refused."""

    async def story() -> None:
        async with World(tmp_path) as world:
            with pytest.raises(Unauthorised) as caught:
                await world.nodes["B"].running.node.proposals.receive(
                    world.proposal, world.terms.actors["m1"].did or ""
                )
            assert caught.value.code == "no-node"

    play(story())


def test_another_s_wrong_texts_stand_in_nobody_s_way(tmp_path: Path) -> None:
    """Who brings the right document with wrong texts first does not keep the proposer's own copy from being signed."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            b = world.nodes["B"].running.node.proposals
            spoilt = {name: text + "!" for name, text in world.proposal.texts.items()}
            await b.receive(dataclasses.replace(world.proposal, texts=spoilt), "did:web:x.example")
            await asyncio.sleep(60)
            await world.until("the proposal", world.propose)
            await b.engage(world.arrangement)
            live = await world.nodes["B"].live()
            assert (live.engagement.by, live.engagement.proposal) == (world.nodes["A"].config.did, world.proposal)
            assert await b.waiting() == []

    play(story())
