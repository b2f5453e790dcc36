"""Being named binds nobody (engine rule 10): what strangers write makes a node do nothing; and how one is heard."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import msgspec
import pytest

from armslength.config import Accept, Room
from armslength.core.arrangement.bodies import Attest, Sign
from armslength.core.arrangement.terms import Arrangement
from armslength.core.arrangement.terms import Keys as Pinned
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import Entry, Head, leaf_of, sign_entry
from armslength.core.record.merkle import EMPTY_ROOT
from armslength.engine.inbox import COPY, INBOX
from armslength.errors import Unavailable
from armslength.identity.did import document
from armslength.identity.keys import PrivateKey
from armslength.identity.tokens import Tokens
from armslength.net.client import Reply
from armslength.wire.own import BASE, Proposal, encode_leaves
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.evil import code
from tests.sim.harness import World
from tests.sim.network import Host, ask
from tests.sim.script import FILES, begin, perform
from tests.sim.virtual import play

TRUE: Final = Attest(claim="k1a", period=0, value=False)


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

    async def send(self, to: str, method: str, path: str, body: bytes = b"") -> Reply:
        """A request of the stranger, with a good token of its own."""
        node = self.world.nodes[to]
        bearer = self.tokens.bearer(node.config.did, node.config.address)
        url = node.config.address + path
        return await ask(node.running.app, method, url, body, {"authorization": bearer})  # type: ignore[arg-type]

    async def propose(self, to: str, terms: Arrangement) -> tuple[Reply, str]:
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

    async def seen(sender: str, method: str, url: str, body: bytes, headers: Any) -> Reply:
        sent.append((sender, url, {name.lower(): value for name, value in headers.items()}))
        return await carry(sender, method, url, body, headers)

    world.network.carry = seen  # type: ignore[method-assign]
    return sent


def _asked(sent: list[tuple[str, str, dict[str, str]]]) -> int:
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
    return {kind for kind, _ in store._rows}


# --- what a stranger's terms do: nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize("keeper", ["A", "m5"])
def test_terms_of_a_stranger_make_a_node_do_nothing(tmp_path: Path, keeper: str) -> None:
    """Whatever they give a node to do, it keeps bytes: no request but for the identity of whoever brought them, no
    token, no record, no stamp, no answer about them but that they wait; the same after a restart, and hours later."""

    async def story(world: World) -> None:
        x, sent = Stranger(world), watched(world)
        terms = x.terms("Named", keeper=keeper)
        name = ""
        before = {who: await kinds(world, who) for who in ("B", "m5")}
        for who in ("B", "m5"):
            reply, name = await x.propose(who, terms)
            assert (reply.status, b"waiting" in reply.body) == (201, True)
        head = Head(size=0, tree_root=EMPTY_ROOT.hex(), state_root="0" * 64)
        entry = Entry(arrangement=name, author="A", author_seq=0, author_prev="", seen=head, type="sign", body=Sign())
        leaf = encode_leaves([leaf_of(sign_entry(entry, x.entries.sign), ())])
        for _ in range(2):
            for who in ("B", "m5"):
                for method, path, body in (
                    ("POST", f"submit/{name}", leaf),
                    ("POST", f"sync/{name}?start=0", leaf),
                    ("GET", f"head/{name}", b""),
                    ("GET", f"leaves/{name}", b""),
                    ("GET", f"cosigned/{name}", b""),
                    ("GET", f"rest/{name}", b""),
                ):
                    reply = await x.send(who, method, f"{BASE}/{path}", body)
                    assert (reply.status, code(reply)) == (404, "unknown-arrangement"), (path, reply.body)
                reply = await x.send(who, "GET", f"{BASE}/arrangements")
                assert reply.body == b'{"arrangements":[]}'
                assert await world.nodes[who].store.leaves(name, 0) == []
            await asyncio.sleep(7200)
            for who in ("B", "m5"):
                await world.nodes[who].crash()
                await world.nodes[who].start()
        assert {(url, "authorization" in fields) for _, url, fields in sent} == {
            (f"{x.address}/.well-known/did.json", False)
        }
        for who in ("B", "m5"):
            assert await kinds(world, who) - before[who] == {INBOX, COPY}
            assert await world.nodes[who].running.node.shelf.everything() == []
            (listed,) = (await world.nodes[who].manage("inbox"))["proposals"]
            assert (listed["by"], listed["me"], listed["fault"]) == ({x.did: "A"}, who, None)

    run(tmp_path, story)


def test_nothing_is_compiled_for_a_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives is not even decoded as terms, however it is made; only its reader's list looks at it."""

    async def story(world: World) -> None:
        x, read = Stranger(world), list[bytes]()
        real = world.nodes["B"].running.node.proposals.waiting.__globals__["decode_terms"]

        def decoded(data: bytes) -> Arrangement:
            read.append(data)
            found: Arrangement = real(data)
            return found

        monkeypatch.setattr("armslength.engine.proposals.decode_terms", decoded)
        monkeypatch.setattr("armslength.engine.shelf.decode_terms", decoded)
        monkeypatch.setattr("armslength.wire.terms.decode_terms", decoded)
        reply, _ = await x.propose("B", x.terms("Unread"))
        assert reply.status == 201, reply.body
        junk = canonical(Proposal(document="[" * 1000 + "]" * 1000, texts={"a": "b"}))
        assert (await x.send("B", "POST", f"{BASE}/propose", junk)).status == 201
        await asyncio.sleep(600)
        assert read == []
        listed = (await world.nodes["B"].manage("inbox"))["proposals"]
        assert {each["title"] for each in listed} == {"Unread", None}

    run(tmp_path, story)


def test_another_s_address_and_key_in_a_stranger_s_terms_count_nowhere(tmp_path: Path) -> None:
    """Terms that put B elsewhere, under the stranger's key: all between A and B goes on, to B's own place alone."""

    async def story(world: World) -> None:
        x = Stranger(world)
        b = world.terms.actors["B"]
        elsewhere = Stranger(world, "elsewhere.example")
        forged = dataclasses.replace(b, address=elsewhere.address, keys=x.pinned)
        for number in range(20):
            terms = dataclasses.replace(world.terms, title=f"Elsewhere {number}")
            terms = dataclasses.replace(terms, actors=terms.actors | {"B": forged})
            reply, _ = await x.propose("A", terms)
            assert reply.status == 201
        sent = watched(world)
        await begin(world)
        await perform(world, at(0))
        assert await world.received("T1") == FILES["T1"]
        assert elsewhere.asked == []
        assert not [url for _, url, _ in sent if url.startswith(x.address)]
        false = Tokens(b.did or "", x.key).bearer(world.nodes["A"].config.did, world.nodes["A"].config.address)
        for path in (f"{BASE}/arrangements", f"{BASE}/leaves/{world.arrangement}"):
            url = world.nodes["A"].config.address + path
            app: Any = world.nodes["A"].running.app
            reply = await ask(app, "GET", url, b"", {"authorization": false})
            assert (reply.status, code(reply)) == (401, "bad-signature")

    run(tmp_path, story)


# --- room -------------------------------------------------------------------------------------------------------------


async def _brought(world: World, to: str, proposal: Proposal, by: str) -> str:
    """What a node says to terms, or why it does not keep them."""
    try:
        return (await world.nodes[to].running.node.proposals.receive(proposal, by)).answer
    except Unavailable as error:
        return error.code


def test_what_strangers_send_takes_room_from_nobody_else(tmp_path: Path) -> None:
    """Strangers of many hosts fill their own room, each host its part; then they hear "later", and nothing is dropped.
    B, with whom something is in force, still finds room, and what is in force goes on."""

    async def story(world: World) -> None:
        await begin(world)
        node = world.nodes["A"].running.node
        kept: list[str] = []
        for host in range(12):
            x = Stranger(world, f"x{host}.example")
            for number in range(9):
                proposal = proposed(x.terms(f"{host} {number}"))
                if await _brought(world, "A", proposal, x.did) == "waiting":
                    kept.append(digest(proposal.document.encode()))
        assert len(kept) == 40  # five of each host, until there are forty in all
        listed = [each.arrangement for each in await node.proposals.waiting()]
        assert sorted(listed) == sorted(kept)
        for number in range(3):
            other = proposed(dataclasses.replace(world.terms, title=f"of B {number}"))
            assert await _brought(world, "A", other, world.nodes["B"].config.did) == "waiting"
        other = proposed(dataclasses.replace(world.terms, title="one too many of B"))
        assert await _brought(world, "A", other, world.nodes["B"].config.did) == "inbox-full"
        await node.proposals.decline(kept[0], "no")
        x = Stranger(world, "late.example")
        assert (await node.proposals.receive(proposed(x.terms("late")), x.did)).answer == "waiting"
        await perform(world, at(0))
        assert await world.received("T1") == FILES["T1"]

    run(tmp_path, story, settings={"inbox": Room(host_number=5, number=40, known_number=3)})


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    """A host's large proposals, and all strangers' together; a later copy of one takes the place of its earlier."""

    async def story(world: World) -> None:
        big = {"a": "x" * 10_000}
        one, two = (f"did:web:{name}.example" for name in ("one", "two"))

        async def bring(number: int, by: str) -> str:
            return await _brought(world, "A", Proposal(document=f"{number}", texts=big), by)

        assert [await bring(number, one) for number in range(3)] == ["waiting", "waiting", "inbox-full"]
        assert await bring(1, one) == "waiting"
        assert [await bring(number, two) for number in range(2)] == ["waiting", "inbox-full"]

    run(tmp_path, story, settings={"inbox": Room(host_bytes=25_000, bytes=35_000)})


# --- an office, and who has not taken it ------------------------------------------------------------------------------


def test_signatures_wait_for_the_keeper(tmp_path: Path) -> None:
    """Both sign before the keeper has accepted, and all nodes are killed in between: nothing is placed, all say who is
    missing; once it accepts, everything is placed and sealed of itself."""

    async def story(world: World) -> None:
        await world.until("the proposal", world.propose)
        await world.engage("B")
        for party in ("A", "B"):
            (said,) = await world.say(party, Sign())
            assert said.status == "pending"
            assert "m5, the keeper, has not accepted its office yet" in (said.reason or "")
            view = await world.nodes[party].manage("view", arrangement=world.arrangement)
            assert (view["absent"], view["sealed"]) == ({"m5": {"answer": "waiting", "reason": None}}, 0)
        assert await world.nodes["m5"].running.node.shelf.everything() == []
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
        assert await world.nodes["B"].running.node.shelf.everything() == []
        assert await world.nodes["B"].store.leaves(world.arrangement, 0) == []
        await world.engage("B")
        await world.say("B", Sign())
        await world.rest()
        assert (await world.state("B")).arrangement.phase == "SIGNED"

    run(tmp_path, story)


async def _sealed(world: World, name: str) -> bool:
    return (await world.nodes[name].held()).book.sealed.size > 0


def test_who_declines_is_heard(tmp_path: Path) -> None:
    """The reason reaches the proposer, in status and when it proposes again; the same terms are not kept again."""

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
    """Nobody is there when A proposes, and A is killed: it goes on, ever more rarely, until it is answered."""

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
        before = _asked(sent)
        await asyncio.sleep(14_400)
        assert 2 * 14_400 / 700 < _asked(sent) - before < 2 * 14_400 / 250  # two nodes, pauses of ten minutes at most
        for name in ("B", "m5"):
            await world.nodes[name].start()
        await asyncio.sleep(700)
        for name in ("B", "m5"):
            assert await world.nodes[name].running.node.proposals.waiting()
        await world.engage("B", "m5")
        await asyncio.sleep(10)
        before = _asked(sent)
        await asyncio.sleep(3600)
        assert _asked(sent) == before
        for party in ("A", "B"):
            await world.say(party, Sign())
        await world.rest()
        assert (await world.state("m5")).arrangement.phase == "SIGNED"

    run(tmp_path, story)


def test_nobody_is_asked_past_entry_by(tmp_path: Path) -> None:
    """Once the time to enter has passed, the question has no point any more."""

    async def story(world: World) -> None:
        sent = watched(world)
        for name in ("B", "m5"):
            await world.nodes[name].crash()
        await world.nodes["A"].manage("propose", document=world.proposal.document, texts=world.proposal.texts)
        await world.clock(world.terms.entry_by + 1, "A")
        await asyncio.sleep(1500)
        before = _asked(sent)
        await asyncio.sleep(3600)
        assert _asked(sent) == before

    run(tmp_path, story)


# --- standing rules ---------------------------------------------------------------------------------------------------

EVERY: Final = ("keeper", "timekeeper", "determiner", "monitor")


async def _waiting(world: World) -> int:
    return len(await world.nodes["m5"].running.node.proposals.waiting())


@pytest.mark.parametrize("roles", [EVERY, ("keeper", "timekeeper")])
def test_a_standing_rule_accepts_what_it_says_and_nothing_else(tmp_path: Path, roles: Any) -> None:
    """Offices of the named roles, for the named proposers, up to the size; whatever exceeds it waits for its reader."""
    a = "did:web:localhost%3A8801"

    async def story(world: World) -> None:
        assert world.nodes["A"].config.did == a, world.nodes["A"].config.did
        m5 = world.nodes["m5"].running.node
        await world.until("the proposal", world.propose)
        await asyncio.sleep(10)
        assert [held.arrangement for held in await m5.shelf.everything()] == (
            [world.arrangement] if roles == EVERY else []
        )
        x = Stranger(world)
        await x.propose("m5", x.terms("Not mine to propose"))
        foreign = proposed(dataclasses.replace(world.terms, title="Brought by B alone"))
        await m5.proposals.receive(foreign, world.nodes["B"].config.did)
        large = clause_texts() | {"extra": "x" * 300_000}
        await m5.proposals.receive(dataclasses.replace(foreign, texts=large), a)
        await asyncio.sleep(10)
        assert await _waiting(world) == (2 if roles == EVERY else 3)
        await m5.proposals.receive(foreign, a)  # every party that has delivered them counts as their proposer
        await asyncio.sleep(10)
        assert await _waiting(world) == (1 if roles == EVERY else 3)

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

        async def slow(method: str, url: str, *rest: Any) -> Reply:
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
                await node.say(await node.shelf.open(name), [Sign()])
        for name in names:
            await world.until("signed", lambda name=name: _is_signed(world, name))
        await world.propose(proposed(dataclasses.replace(world.terms, title="number 60")))
        for host in range(30):
            x = Stranger(world, f"x{host}.example")
            for number in range(30):
                said = await _brought(world, "m5", proposed(x.terms(f"{host} {number}")), x.did)
                assert said == ("waiting" if number < 20 and host < 25 else "inbox-full")
        await world.nodes["m5"].crash()
        await world.nodes["m5"].start()
        assert {held.arrangement for held in await world.nodes["m5"].running.node.shelf.everything()} == set(names)

    run(tmp_path, story, settings={"m5": {"accept": Accept(roles=EVERY, proposers=(a,), number=60)}})


async def _number(world: World, number: int) -> bool:
    return len(await world.nodes["m5"].running.node.shelf.everything()) == number


async def _is_signed(world: World, name: str) -> bool:
    held = await world.nodes["m5"].running.node.shelf.open(name)
    return held.book.sealed.state.arrangement.phase == "SIGNED"


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
    """The ciphertext of a commit that names another agreement is not acknowledged; its recipient's status says why."""

    async def story(world: World) -> None:
        await world.agree()
        await world.rest()
        a, b = world.nodes["A"].running.node, world.nodes["B"]
        statement = a.hand._commit

        async def another(_: Any, held: Any, tranche: str) -> Any:
            body = await statement(held, tranche)
            return body and dataclasses.replace(body, agreement="urn:uuid:00000000-0000-4000-8000-000000000000")

        monkeypatch.setitem(type(a.hand)._commit.__globals__["_STATEMENTS"], "commit", another)
        await world.publish("T1", FILES["T1"])
        await world.clock(at(0))
        await asyncio.sleep(300)
        assert (await world.state("B")).tranches["T1"].stage == "READY"
        view = await b.manage("view", arrangement=world.arrangement)
        assert any("no agreement on it that was finalised" in each["reason"] for each in view["troubles"])

    run(tmp_path, story)
