"""Offices, answers and standing rules (rule 10.3): who has not engaged is named, asked and heard."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import msgspec
import pytest

from armslength.config import Accept
from armslength.core.arrangement.bodies import Commit, Sign
from armslength.core.canonical import canonical, digest
from armslength.engine.provider import Provider
from armslength.net.client import HttpReply
from armslength.wire.own import BASE
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.evil import code
from tests.sim.harness import World
from tests.sim.network import ask
from tests.sim.script import FILES, begin
from tests.sim.strangers import Stranger, asked, brought, proposed, run, watched

# --- an office, and who has not taken it ------------------------------------------------------------------------------


def test_signatures_wait_for_the_keeper(tmp_path: Path) -> None:
    """Both sign before the keeper has accepted, and all nodes are killed in between: nothing is placed, all say who is
    missing; once it accepts, everything is placed and sealed of itself (rules 10.3a, 10.3c)."""

    async def story(world: World) -> None:
        await world.until("the proposal", world.propose)
        await world.engage("B")
        await asyncio.sleep(5)
        for party in ("A", "B"):
            (said,) = await world.say(party, Sign())
            assert said.status == "pending"
            assert "m5, the keeper, has not accepted its office yet" in (said.reason or "")
            view = await world.nodes[party].manage("view", arrangement=world.arrangement)
            assert (view["absent"], view["sealed"]) == ({"m5": {"answer": "waiting", "reason": None}}, 0)
        assert await world.nodes["m5"].running.node.repository.beginning("", 9) == []
        for name in ("A", "B", "m5"):
            await world.nodes[name].crash()
            await world.nodes[name].start()
        await asyncio.sleep(3600)
        (listed,) = (await world.nodes["m5"].manage("inbox"))["proposals"]
        accepted = await world.nodes["m5"].manage("accept", arrangement=listed["arrangement"][:12])
        assert accepted["roles"] == ["keeper", "timekeeper", "determiner", "monitor"]
        begun = asyncio.get_running_loop().time()
        await world.rest()
        assert asyncio.get_running_loop().time() - begun < 30
        assert (await world.state("B")).arrangement.phase == "SIGNED"
        for name in ("A", "B", "m5"):
            view = await world.nodes[name].manage("view", arrangement=world.arrangement)
            assert view["absent"] == {}

    run(tmp_path, story)


def test_a_quorum_of_timekeepers_seals_without_the_third(tmp_path: Path) -> None:
    """B keeps time too and has not engaged: what A signs is placed by the keeper and sealed by the two that are."""

    async def story(world: World) -> None:
        await world.until("the proposal", world.propose)
        await world.engage("m5")
        await world.say("A", Sign())
        await world.until("a seal", lambda: _sealed(world, "m5"))
        assert await world.nodes["B"].running.node.repository.beginning("", 9) == []
        assert await world.nodes["B"].store.leaves(world.arrangement, 0) == []
        await world.engage("B")
        await world.say("B", Sign())
        await world.rest()
        assert (await world.state("B")).arrangement.phase == "SIGNED"

    run(tmp_path, story)


async def _sealed(world: World, name: str) -> bool:
    return (await world.nodes[name].live()).record.sealed.size > 0


def test_who_declines_is_heard(tmp_path: Path) -> None:
    """The reason reaches the proposer, in status and when it proposes again; the same terms are not kept again
    (rule 10.2b)."""

    async def story(world: World) -> None:
        await world.until("the proposal", world.propose)
        a, m5 = world.nodes["A"], world.nodes["m5"]
        said = await m5.manage("decline", arrangement=world.arrangement[:10], reason="we keep no such records")
        assert said == {
            "arrangement": world.arrangement,
            "title": world.terms.title,
            "reason": "we keep no such records",
        }
        await asyncio.sleep(30)
        view = await a.manage("view", arrangement=world.arrangement)
        assert view["absent"]["m5"] == {"answer": "declined", "reason": "we keep no such records"}
        await m5.crash()
        await m5.start()
        reply = await m5.running.node.proposals.receive(world.proposal, a.config.did)
        assert (reply.answer, reply.reason) == ("declined", "we keep no such records")
        assert (await m5.manage("inbox"))["proposals"] == []
        again = await a.manage("propose", document=world.proposal.document, texts=world.proposal.texts)
        assert again["answers"]["m5"] == {"answer": "declined", "reason": "we keep no such records"}

    run(tmp_path, story)


def test_a_proposal_is_sent_again_until_it_is_answered(tmp_path: Path) -> None:
    """Nobody is there when A proposes, and A is killed: it goes on, ever more rarely, until it is answered
    (rule 10.3b)."""

    async def story(world: World) -> None:
        sent = watched(world)
        for name in ("B", "m5"):
            await world.nodes[name].crash()
        answer = await world.nodes["A"].manage("propose", document=world.proposal.document, texts=world.proposal.texts)
        assert {name: said["answer"] for name, said in answer["answers"].items()} == dict.fromkeys(
            ("B", "m5"), "unreached"
        )
        await asyncio.sleep(60)
        await world.nodes["A"].crash()
        await world.nodes["A"].start()
        before = asked(sent)
        await asyncio.sleep(14_400)
        assert 2 * 14_400 / 700 < asked(sent) - before < 2 * 14_400 / 250  # two nodes, pauses of ten minutes at most
        for name in ("B", "m5"):
            await world.nodes[name].start()
        await asyncio.sleep(700)
        for name in ("B", "m5"):
            assert await world.nodes[name].running.node.proposals.waiting()
        await world.engage("B", "m5")
        await asyncio.sleep(10)
        before = asked(sent)
        await asyncio.sleep(3600)
        assert asked(sent) == before
        for party in ("A", "B"):
            await world.say(party, Sign())
        await world.rest()
        assert (await world.state("m5")).arrangement.phase == "SIGNED"

    run(tmp_path, story)


def test_who_asks_without_end_is_not_asked_without_end(tmp_path: Path) -> None:
    """A node that asks has something to say, and is asked at once; but one that only asks makes nobody busy."""

    async def story(world: World) -> None:
        await world.until("the proposal", world.propose)
        sent, a = watched(world), world.nodes["A"].running.node.proposals
        for _ in range(500):
            await a.reply(world.arrangement, world.nodes["B"].config.did)
            await asyncio.sleep(0.01)
        assert 3 <= sum(url.endswith(f"8802{BASE}/propose/{world.arrangement}") for _, url, _ in sent) <= 7

    run(tmp_path, story)


def test_nobody_is_asked_past_entry_by(tmp_path: Path) -> None:
    """Once the time to enter has passed, the question has no point any more (rule 10.3b)."""

    async def story(world: World) -> None:
        sent = watched(world)
        for name in ("B", "m5"):
            await world.nodes[name].crash()
        await world.nodes["A"].manage("propose", document=world.proposal.document, texts=world.proposal.texts)
        await world.clock(world.terms.entry_by + 1, "A")
        await asyncio.sleep(1500)
        before = asked(sent)
        await asyncio.sleep(3600)
        assert asked(sent) == before

    run(tmp_path, story)


# --- standing rules ---------------------------------------------------------------------------------------------------

EVERY: Final = ("keeper", "timekeeper", "determiner", "monitor")


async def _waiting(world: World) -> int:
    return len(await world.nodes["m5"].running.node.proposals.waiting())


@pytest.mark.parametrize("roles", [EVERY, ("keeper", "timekeeper")])
def test_a_standing_rule_accepts_what_it_says_and_nothing_else(tmp_path: Path, roles: Any) -> None:
    """Offices of the named roles, for the named proposers, up to the size; whatever exceeds it waits for its reader
    (rule 10.1b)."""
    a = "did:web:localhost%3A8801"

    async def story(world: World) -> None:
        assert world.nodes["A"].config.did == a, world.nodes["A"].config.did
        m5 = world.nodes["m5"].running.node
        await world.until("the proposal", world.propose)
        await asyncio.sleep(10)
        assert await m5.repository.beginning("", 99) == ([world.arrangement] if roles == EVERY else [])
        x = Stranger(world)
        await x.propose("m5", x.terms("Not mine to propose"))
        foreign = proposed(dataclasses.replace(world.terms, title="Brought by B alone"))
        await m5.proposals.receive(foreign, world.nodes["B"].config.did)
        large = clause_texts() | {"extra": "x" * 300_000}
        proposal = proposed(dataclasses.replace(world.terms, title="Too large for the rule"))
        await m5.proposals.receive(dataclasses.replace(proposal, texts=large), a)
        await asyncio.sleep(10)
        assert await _waiting(world) == (3 if roles == EVERY else 4)
        await m5.proposals.receive(foreign, a)  # every party that has delivered them counts as their proposer
        await asyncio.sleep(10)
        assert await _waiting(world) == (2 if roles == EVERY else 4)

    run(tmp_path, story, settings={"m5": {"accept": Accept(roles=roles, proposers=(a,))}})


def test_a_rule_counts_for_what_waits_already(tmp_path: Path) -> None:
    """Written later, or not applied before the node was stopped, it is applied at the next start."""
    a = "did:web:localhost%3A8801"

    async def story(world: World) -> None:
        await world.until("the proposal", world.propose)
        await asyncio.sleep(10)
        node = world.nodes["m5"]
        assert await _waiting(world) == 1
        await node.crash()
        node.config = msgspec.structs.replace(node.config, accept=Accept(roles=EVERY, proposers=(a,)))
        await node.start()
        await world.until("accepted", lambda: _number(world, 1))
        assert await _waiting(world) == 0

    run(tmp_path, story)


def test_many_questions_to_one_node_come_one_by_one(tmp_path: Path) -> None:
    """A node that is asked about thirty proposals at once, slowly, hears one question at a time, and all of them."""

    async def story(world: World) -> None:
        a, m5 = world.nodes["A"].running.node, world.nodes["m5"]
        answer, at_once, most = m5.host.answer, 0, 0

        async def slow(method: str, url: str, *rest: Any) -> HttpReply:
            nonlocal at_once, most
            asked = "/propose" in url
            at_once, most = at_once + asked, max(most, at_once + asked)
            await asyncio.sleep(2 if asked else 0)
            at_once -= asked
            return await answer(method, url, *rest)

        with patch.object(m5.host, "answer", slow):
            for number in range(20):
                await a.proposals.propose(proposed(dataclasses.replace(world.terms, title=f"number {number}")))
            await asyncio.sleep(120)
        assert most == 1
        assert await _waiting(world) == 20

    run(tmp_path, story)


@pytest.mark.slow("sixty arrangements are proposed, signed and sealed by whole nodes")
def test_a_neutral_keeper_holds_many_in_force_of_one_proposer(tmp_path: Path) -> None:
    """Sixty arrangements of one party are accepted, signed and sealed; the rule's number bounds them, and what is in
    force is neither refused nor dropped when strangers come in crowds."""
    a = "did:web:localhost%3A8801"

    async def story(world: World) -> None:
        names = []
        for number in range(60):
            proposal = proposed(dataclasses.replace(world.terms, title=f"number {number}"))
            assert await world.propose(proposal)
            names.append(digest(proposal.document.encode()))
            await world.engage("B", arrangement=names[-1])
        await world.until("all accepted", lambda: _number(world, 60))
        for party in ("A", "B"):
            node = world.nodes[party].running.node
            for name in names:
                await node.writer.say(await node.repository.open(name), [Sign()])
        for name in names:
            await world.until("signed", lambda name=name: _is_signed(world, name))
        await world.propose(proposed(dataclasses.replace(world.terms, title="number 60")))
        for host in range(30):
            x = Stranger(world, f"x{host}.example")
            for number in range(30):
                said = await brought(world, "m5", proposed(x.terms(f"{host} {number}")), x.did)
                assert said == ("waiting" if number < 20 and host < 25 else "inbox-full")
        await world.nodes["m5"].crash()
        await world.nodes["m5"].start()
        assert set(await world.nodes["m5"].running.node.repository.beginning("", 99)) == set(names)

    run(tmp_path, story, settings={"m5": {"accept": Accept(roles=EVERY, proposers=(a,), number=60)}})


async def _number(world: World, number: int) -> bool:
    return len(world.nodes["m5"].running.node.repository.schedule) == number


async def _is_signed(world: World, name: str) -> bool:
    live = await world.nodes["m5"].running.node.repository.open(name)
    return live.record.sealed.state.arrangement.phase == "SIGNED"


# --- what an owner means, and what a commit names ---------------------------------------------------------------------


def test_what_a_command_means_is_what_the_node_is_engaged_in(tmp_path: Path) -> None:
    """A counter-proposal to terms in force that has just arrived is not what is published in, or spoken of; `sign` asks
    where several terms wait for a signature."""

    async def story(world: World) -> None:
        await begin(world)
        counter = proposed(dataclasses.replace(world.terms, title="Better ones"), replaces=world.arrangement)
        assert await world.propose(counter)
        b = world.nodes["B"]
        assert (await b.manage("view"))["arrangement"] == world.arrangement
        app: Any = b.running.management
        other = proposed(dataclasses.replace(world.terms, title="And others"))
        assert await world.propose(other)
        reply = await ask(
            app, "POST", "http://localhost/say", canonical({"statements": [{"type": "sign", "body": {}}]})
        )
        assert (reply.status, code(reply)) == (400, "which-arrangement")
        for title in (b"Better ones", b"And others"):
            assert title in reply.body
        said = await b.manage(
            "say", statements=[{"type": "sign", "body": {}}], arrangement=digest(other.document.encode())[:12]
        )
        assert said["title"] == "And others"

    run(tmp_path, story)


def test_a_commit_must_name_what_both_have_finalised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ciphertext of a commit that names another agreement is not acknowledged; its recipient's status says why
    (rule 10.7a)."""

    async def story(world: World) -> None:
        await world.agree()
        await world.rest()
        b = world.nodes["B"]
        statement = Provider.commit

        async def another(tranche: Provider) -> Commit:
            body = await statement(tranche)
            return dataclasses.replace(body, agreement="urn:uuid:00000000-0000-4000-8000-000000000000")

        monkeypatch.setattr(Provider, "commit", another)
        await world.publish("T1", FILES["T1"])
        await world.clock(at(0))
        await asyncio.sleep(300)
        assert (await world.state("B")).tranches["T1"].stage == "READY"
        view = await b.manage("view", arrangement=world.arrangement)
        assert any("no agreement on it that was finalised" in each["reason"] for each in view["troubles"])

    run(tmp_path, story)
