"""Being named binds nobody (part 10 of the rules): what strangers write makes a node do nothing; how one is heard."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from armslength.config import InboxLimits
from armslength.core.arrangement.bodies import Sign
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import Entry, Head, leaf_of, sign_entry
from armslength.core.record.merkle import EMPTY_ROOT
from armslength.engine.inbox import COPY, INBOX
from armslength.identity.tokens import Tokens
from armslength.wire.own import BASE, Proposal, encode_leaves
from tests.golden.terms import at
from tests.sim.evil import code
from tests.sim.harness import World
from tests.sim.network import ask
from tests.sim.script import FILES, begin, perform
from tests.sim.strangers import Stranger, brought, kinds, proposed, run, watched

# --- what a stranger's terms do: nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize("keeper", ["A", "m5"])
def test_terms_of_a_stranger_make_a_node_do_nothing(tmp_path: Path, keeper: str) -> None:
    """Whatever they give a node to do, it keeps bytes: no request but for the identity of whoever brought them, no
    token, no record, no stamp, no answer about them but that they wait; the same after a restart, and hours later
    (rule 10.2a)."""

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
            assert await world.nodes[who].running.node.repository.beginning("", 9) == []
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
        monkeypatch.setattr("armslength.engine.repository.decode_terms", decoded)
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
    """Terms that put B elsewhere, under the stranger's key: all between A and B goes on, to B's own place alone
    (rule 10.2c)."""

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


def test_what_strangers_send_takes_room_from_nobody_else(tmp_path: Path) -> None:
    """Strangers of many hosts fill their own room, each host its part; then they hear "later", and nothing is dropped.
    B, with whom something is in force, still finds room, and what is in force goes on (rule 11.1c)."""

    async def story(world: World) -> None:
        await begin(world)
        node = world.nodes["A"].running.node
        kept: list[str] = []
        for host in range(12):
            x = Stranger(world, f"x{host}.example")
            for number in range(9):
                proposal = proposed(x.terms(f"{host} {number}"))
                if await brought(world, "A", proposal, x.did) == "waiting":
                    kept.append(digest(proposal.document.encode()))
        assert len(kept) == 40  # five of each host, until there are forty in all
        listed = [each.arrangement for each in await node.proposals.waiting()]
        assert sorted(listed) == sorted(kept)
        for number in range(3):
            other = proposed(dataclasses.replace(world.terms, title=f"of B {number}"))
            assert await brought(world, "A", other, world.nodes["B"].config.did) == "waiting"
        other = proposed(dataclasses.replace(world.terms, title="one too many of B"))
        assert await brought(world, "A", other, world.nodes["B"].config.did) == "inbox-full"
        await node.proposals.decline(kept[0], "no")
        x = Stranger(world, "late.example")
        assert (await node.proposals.receive(proposed(x.terms("late")), x.did)).answer == "waiting"
        await perform(world, at(0))
        assert await world.received("T1") == FILES["T1"]

    run(tmp_path, story, settings={"inbox": InboxLimits(host_number=5, number=40, known_number=3)})


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    """A host's large proposals, and all strangers' together. What is brought again takes no more room."""

    async def story(world: World) -> None:
        big = {"a": "x" * 10_000}
        one, two = (f"did:web:{name}.example" for name in ("one", "two"))

        async def bring(number: int, by: str) -> str:
            return await brought(world, "A", Proposal(document=f"{number}", texts=big), by)

        assert [await bring(number, one) for number in range(3)] == ["waiting", "waiting", "inbox-full"]
        assert await bring(1, one) == "waiting"
        assert [await bring(number, two) for number in range(2)] == ["waiting", "inbox-full"]

    run(tmp_path, story, settings={"inbox": InboxLimits(host_bytes=25_000, bytes=35_000)})
