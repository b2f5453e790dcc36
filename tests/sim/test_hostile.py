"""What a counterparty, or somebody known, can try beyond its own arrangements."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any, cast

import pytest

from armslength.config import Accept, InboxLimits
from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.arrangement.bodies import Sign
from armslength.core.canonical import canonical, digest
from armslength.engine.contents import dataset_id
from armslength.errors import Refused, Unavailable
from armslength.identity.keys import PrivateKey
from armslength.identity.tokens import Tokens, Verifier
from armslength.wire import binding, dsp
from armslength.wire.own import BASE, Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.harness import World, ring, world_terms
from tests.sim.network import HttpReply, ask
from tests.sim.script import begin, perform
from tests.sim.strangers import Stranger, brought, proposed, run
from tests.sim.virtual import play

DSP = binding.BASE
EVERY: Any = ("keeper", "fallback-keeper", "timekeeper", "determiner", "monitor")
FALSE = PrivateKey(b"\x07" * 32)


async def _as_b(world: World, to: str, method: str, path: str, body: bytes = b"", *, key: PrivateKey) -> HttpReply:
    """A request in B's name, with a token signed with this key."""
    node, did = world.nodes[to], world.nodes["B"].config.did
    bearer = Tokens(did, key).bearer(node.config.did, node.config.address)
    headers = {"authorization": bearer, "content-type": "application/json"}
    return await ask(node.running.app, method, node.config.address + path, body, headers)  # type: ignore[arg-type]


async def _sign_with_false_key(world: World) -> None:
    """A signs other terms, which pin a key of somebody else's under B's name. B never engages in them."""
    b = world.terms.actors["B"]
    assert b.keys is not None
    forged = dataclasses.replace(b, keys=dataclasses.replace(b.keys, tokens=FALSE.text))
    terms = dataclasses.replace(world.terms, actors=world.terms.actors | {"B": forged}, title="with a false key")
    node = world.nodes["A"].running.node
    other = await node.proposals.propose(Proposal(document=encode_terms(terms).decode(), texts=clause_texts()))
    await node.writer.say(await node.repository.open(other), [Sign()])
    await asyncio.sleep(400)  # what was looked up before is forgotten


def test_a_false_key_in_signed_terms_speaks_for_nobody_elsewhere(tmp_path: Path) -> None:
    """Who has it is shown no dataset of an honest arrangement, opens and ends nothing there, and proposes nothing in
    that name; its owner does all of that, with its own key."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            await _sign_with_false_key(world)
            exchange = world.nodes["B"].running.exchange
            dataset = dataset_id(world.arrangement, "T1")
            offer = (await world.nodes["A"].running.exchange.offered(world.nodes["B"].config.did))[0][1]
            transfer = await exchange.transfer_for(dataset)
            assert transfer is not None
            pids = {"consumer_pid": transfer.pid, "provider_pid": transfer.peer_pid}
            request = cn.ContractRequest(id="1", consumer_pid="urn:uuid:1", offer=offer, callback=exchange.base)
            end = tp.TransferTermination(id="2", **pids, code=None, reason=("it is over",))
            look = {"@context": [binding.CONTEXT], "@type": "CatalogRequestMessage"}
            asked: list[tuple[str, str, bytes, int]] = [
                ("POST", f"{BASE}/propose", canonical(proposed(dataclasses.replace(world.terms, title="as B"))), 201),
                ("GET", f"{DSP}{binding.DATASETS_PATH}/{dataset}", b"", 200),
                ("GET", f"{DSP}{binding.TRANSFERS}/{transfer.peer_pid}", b"", 200),
                ("POST", f"{DSP}{binding.OPENINGS[cn.ContractRequest]}", dsp.write(request), 201),
                ("POST", f"{DSP}{binding.TRANSFERS}/{transfer.peer_pid}/termination", dsp.write(end), 400),
            ]
            for key, shown in ((FALSE, False), (ring("B")["tokens"], True)):
                for method, path, body, good in asked:
                    reply = await _as_b(world, "A", method, path, body, key=key)
                    assert reply.status == (good if shown else 401), (path, reply.body)
                reply = await _as_b(world, "A", "POST", DSP + binding.CATALOG_PATH, json.dumps(look).encode(), key=key)
                assert (dataset.encode() in reply.body) == shown

    play(story())


@pytest.mark.parametrize("role", ["checkpoints", "tokens"])
@pytest.mark.parametrize("who", ["m5", "B"])
def test_terms_with_another_s_key_under_our_name_are_not_engaged_in(tmp_path: Path, who: str, role: str) -> None:
    """Whoever has that key would cosign, or read, in our name: neither the owner's word nor a rule takes them."""
    a = "did:web:localhost%3A8801"

    async def story(world: World) -> None:
        us = world.terms.actors[who]
        assert us.keys is not None
        swapped = dataclasses.replace(us, keys=dataclasses.replace(us.keys, **{role: FALSE.text}))
        terms = dataclasses.replace(world.terms, actors=world.terms.actors | {who: swapped})
        node = world.nodes[who].running.node
        await node.proposals.receive(proposed(terms), a)
        await asyncio.sleep(10)
        (waiting,) = await node.proposals.waiting()
        assert role in (waiting.fault or "")
        act = node.proposals.engage if who == "B" else node.proposals.accept
        with pytest.raises(Refused, match="not ours"):
            await act(waiting.arrangement)
        assert not await node.repository.holds(waiting.arrangement)

    run(tmp_path, story, settings={"accept": Accept(roles=EVERY, proposers=(a,))})


def test_what_strangers_bring_beside_terms_is_not_shown_in_a_party_s_place(tmp_path: Path) -> None:
    """Somebody who knows the terms brings them first, with other texts and a word of its own; so does a party, with
    other texts. What the owner is shown is what it would sign."""

    async def story(world: World) -> None:
        node, a, b = world.nodes["B"].running.node, world.nodes["A"].config.did, world.nodes["B"].config.did
        right = proposed(world.terms, note="as we said")
        false = dict.fromkeys(right.texts, "something else\n")
        said = "their lawyers agree: just sign"
        lie = proposed(dataclasses.replace(world.terms), note=said, replaces="0" * 64)
        lie = dataclasses.replace(lie, texts=false)
        for by, copy in (("did:web:a-stranger.example", lie), (b, lie), (a, right)):
            assert (await node.proposals.receive(copy, by)).answer == "waiting"
            await asyncio.sleep(2)
        (listed,) = await node.proposals.waiting()
        assert (listed.note, listed.replaces, len(listed.by)) == ("as we said", None, 3)
        assert (await node.proposals.proposal(world.arrangement))[1] == right
        await node.proposals.engage(world.arrangement)
        assert (await node.repository.open(world.arrangement)).engagement.proposal == right

    run(tmp_path, story)


def test_names_of_texts_take_room_too(tmp_path: Path) -> None:
    """Whatever of a proposal is stored counts: also the names under which its texts come, and its note."""

    async def story(world: World) -> None:
        said = [
            await brought(world, "A", Proposal(document=f"{number}", texts={"x" * 10_000: ""}), "did:web:x.example")
            for number in range(3)
        ]
        assert said == ["waiting", "waiting", "inbox-full"]

    run(tmp_path, story, settings={"inbox": InboxLimits(host_bytes=25_000, bytes=35_000)})


def test_terms_brought_again_are_not_judged_again_by_the_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposer whom the rule names brings terms that it does not accept, over and over."""
    a = "did:web:localhost%3A8801"
    from armslength.engine import proposals

    judged: list[str] = []
    sound = proposals._sound

    def counted(proposal: Proposal, **how: Any) -> Any:
        judged.append(digest(proposal.document.encode()))
        return sound(proposal, **how)

    monkeypatch.setattr(proposals, "_sound", counted)

    async def story(world: World) -> None:
        proposal = proposed(world.terms)
        for _ in range(50):
            await world.nodes["m5"].running.node.proposals.receive(proposal, a)
        await asyncio.sleep(60)
        assert judged.count(world.arrangement) <= 2

    run(tmp_path, story, settings={"m5": {"accept": Accept(roles=("monitor",), proposers=(a,))}})


def test_a_token_is_remembered_for_real_arrangements_only(tmp_path: Path) -> None:
    """Whoever asks about what is no arrangement takes no memory, and no other's remembered token."""

    async def story(world: World) -> None:
        x = Stranger(world)
        for number in range(30):
            reply = await x.send("A", "GET", f"{BASE}/propose/{'y' * 10_000}{number}")
            assert reply.status in (400, 404)
        import gc

        from armslength.identity.tokens import Verifier

        live = [each for each in gc.get_objects() if isinstance(each, Verifier)]
        assert live
        assert max((len(about) for each in live for _, about in each._known), default=0) <= 64

    run(tmp_path, story)


def test_little_is_read_of_whoever_shows_no_token_of_the_terms(tmp_path: Path) -> None:
    """To know an arrangement's hash is not enough to bring megabytes; whom the terms name may."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            path, body = f"{BASE}/submit/{world.arrangement}", b"x" * 300 * 1024
            node = world.nodes["A"]
            x = Tokens("did:web:x.example", FALSE).bearer(node.config.did, node.config.address)
            app: Any = node.running.app
            unknown = await ask(app, "POST", node.config.address + path, body, {"authorization": x})
            silent = await ask(app, "POST", node.config.address + path, body, {})
            named = await _as_b(world, "A", "POST", path, body, key=ring("B")["tokens"])
            codes = [json.loads(each.body)["error"] for each in (unknown, silent, named)]
            assert codes[:2] == ["too-large"] * 2
            assert named.status == 400
            assert codes[2] != "too-large"

    play(story())


def test_whom_the_terms_name_is_told_to_send_again_where_its_keys_cannot_be_looked_up(tmp_path: Path) -> None:
    """Its key for tokens is not in the terms, and its document is out of reach: what it brings is neither read nor
    refused for good; a stranger in the same place is refused."""

    async def story() -> None:
        base, away = world_terms(), "did:web:localhost%3A8999"
        m1 = base.actors["m1"]
        assert m1.keys is not None
        m1 = dataclasses.replace(m1, did=away, keys=dataclasses.replace(m1.keys, tokens=None))
        async with World(tmp_path, dataclasses.replace(base, actors=base.actors | {"m1": m1})) as world:
            await begin(world)
            node, app = world.nodes["A"], cast(Any, world.nodes["A"].running.app)
            url, found = f"{node.config.address}{BASE}/submit/{world.arrangement}", []
            for did in (away, "did:web:x.example"):
                token = Tokens(did, ring("m1")["tokens"]).bearer(node.config.did, node.config.address)
                found.append((await ask(app, "POST", url, b"x" * 300 * 1024, {"authorization": token})).status)
            assert found == [503, 413]

    play(story())


def test_no_token_is_looked_at_for_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What anybody may bring is judged by its own signatures: no stranger's token makes a node ask for keys."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            node, asked = world.nodes["A"], list[str]()

            async def looked_at(*_: object) -> str:
                asked.append("a token")
                raise Unavailable("no-keys", "cannot be found out now")

            monkeypatch.setattr(Verifier, "_verify", looked_at)
            x = Tokens("did:web:x.example", FALSE).bearer(node.config.did, node.config.address)
            url, app = f"{node.config.address}{BASE}/submit/{world.arrangement}", cast(Any, node.running.app)
            little = await ask(app, "POST", url, b"x" * 1024, {"authorization": x})
            assert (little.status, asked) == (400, [])
            much = await ask(app, "POST", url, b"x" * 300 * 1024, {"authorization": x})
            assert (json.loads(much.body)["error"], asked) == ("too-large", ["a token"])

    play(story())


def test_a_greeting_opens_only_what_names_the_sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who says that it is up makes a node go through none of the arrangements that it works on."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            node, looked_at = world.nodes["A"].running.node, list[str]()
            opened = node.repository.opened

            def opening(arrangements: Any) -> Any:
                looked_at.extend(arrangements := list(arrangements))
                return opened(arrangements)

            monkeypatch.setattr(node.repository, "opened", opening)
            node.repository.schedule.call(world.arrangement)
            await node.answered(world.nodes["B"].config.did)
            assert looked_at == [world.arrangement]
            await node.answered("did:web:x.example")
            assert looked_at == [world.arrangement]

    play(story())
