"""A cheating party, monitor, timekeeper or stranger, tried by hand: the exact answer, and that nothing changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Allege, Attest, Determine, Key, Perform, Resume, Withdraw
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import entry_hash, refusal_message
from armslength.core.record.keys import from_base64, verify
from armslength.delivery.sealing import SealedFile
from armslength.engine import publishing
from armslength.engine.contents import Publication
from armslength.errors import Malformed, Refused
from armslength.identity.did import document_keys
from armslength.wire.bundle import verify_bundle
from armslength.wire.did_key import key_did, key_of
from armslength.wire.own import BASE, MAX_PROPOSAL, Proposal, encode_leaves
from armslength.wire.record import encode
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import HOUR, at
from tests.record_builder import clause_texts, public
from tests.sim.evil import begun, code, entry, post, signed, stamped, submit
from tests.sim.harness import World, shown, world_terms
from tests.sim.network import ask
from tests.sim.script import FILES
from tests.sim.virtual import play

Story = Callable[[World], Awaitable[None]]
TRUE = Attest(claim="k1a", period=0, value=True)
SMALL_ORDER = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def run(folder: Path, story: Story, *, publish: bool = False, **options: bool) -> None:
    """Play a story in an EFFECTIVE arrangement."""

    async def whole() -> None:
        async with World(folder, **options) as world:
            await begun(world, publish=publish)
            await story(world)

    play(whole())


async def unchanged(world: World, before: tuple[object, int, str]) -> None:
    """The keeper's view and the sealed states are what they were."""
    assert await picture(world) == before
    await world.agreed_root()


async def picture(world: World) -> tuple[object, int, str]:
    """What the keeper has placed."""
    view = (await world.nodes["m5"].live()).record.view
    return view.state, view.size, view.tree_root


# --- parties ----------------------------------------------------------------------------------------------------------


def test_key_before_time(tmp_path: Path) -> None:
    """A key for a tranche that was not released is refused, by signature, and no state changes."""

    async def story(world: World) -> None:
        before = await picture(world)
        made = await entry(world, "A", Key(tranche="T2", wrapped="AAAA"))
        (answer,) = await submit(world, "m5", signed(made, stamps=[stamped(made, "B", at(0))]))
        assert answer.code == "state"
        assert answer.refusal is not None
        signature = from_base64(answer.refusal.sig, "sig")
        assert verify(public("m5", "entries"), refusal_message(answer.refusal), signature)
        assert (answer.refusal.entry, answer.refusal.head.size) == (entry_hash(made), before[1])
        await unchanged(world, before)

    run(tmp_path, story)


def test_wrong_file_behind_the_right_commitment(tmp_path: Path) -> None:
    """A file that is not what its plaintext root says is complained about with evidence; later tranches wait for the
    determination, which puts the provider in breach."""

    async def whole() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await _publish_lie(world)
            await world.rest()
            state = await world.state()
            assert state.tranches["T1"].stage == "DISPUTED"
            assert "complaint" in state.tranches["T2"].withheld
            node = world.nodes["B"]
            reception = await node.running.node.tranches.recipient(await node.live(), "T1").reception()
            assert reception is not None
            assert reception.plain is None
            assert reception.outcome not in {None, "ok"}
            for monitor in ("m3", "m4", "m5"):
                await world.say(monitor, Determine(tranche="T1", uphold=True))
            await world.rest()
            assert shown(await world.state())["T1.release"] == "BREACHED"
            await world.check()

    play(whole())


async def _publish_lie(world: World) -> None:
    """A publishes T1, and then has another plaintext root committed than its file has."""
    node = world.nodes["A"]
    publisher = node.running.node.tranches.publisher
    live = await node.live()
    await world.clock(at(0))
    file = world.folder / "T1.in"
    file.write_bytes(FILES["T1"])
    true = publishing._publication

    def lie(name: str, sealed: SealedFile, request: publishing.PublishRequest, looks: str) -> Publication:
        return dataclasses.replace(true(name, sealed, request, looks), plain_root="ab" * 32)

    request = publishing.PublishRequest(file, live.terms.tranches["T1"].media_types[0], 0)
    with patch.object(publishing, "_publication", lie):
        await publisher.publish(live, "T1", request).result()


def test_small_order_keys(tmp_path: Path) -> None:
    """Keys under which one signature fits every message get into no terms, and out of no identity document."""

    async def story(world: World) -> None:
        terms = world_terms(title="July 2016 with a key of small order")
        actors = dict(terms.actors)
        keys = actors["m1"].keys
        assert keys is not None
        actors["m1"] = dataclasses.replace(actors["m1"], keys=dataclasses.replace(keys, entries=SMALL_ORDER))
        terms = dataclasses.replace(terms, actors=actors)
        proposal = Proposal(document=encode_terms(terms).decode(), texts=clause_texts())
        reply = await post(world, "A", f"{BASE}/propose", canonical(proposal), token="B")
        assert reply.status == 201
        with pytest.raises(Malformed) as refused:
            await world.nodes["A"].running.node.proposals.engage(digest(proposal.document.encode()))
        assert refused.value.code == "bad-key"

    run(tmp_path, story)
    did = "did:web:x.example"
    key = key_did(bytes.fromhex("01" + "00" * 31)).rpartition(":")[2]
    keys = [{"id": f"{did}#tokens", "type": "Multikey", "publicKeyMultibase": key}]
    with pytest.raises(Malformed) as caught:
        document_keys(canonical({"id": did, "verificationMethod": keys}), did)
    assert caught.value.code == "bad-key"
    with pytest.raises(Malformed) as caught:
        key_of(f"did:key:{key}")
    assert caught.value.code == "bad-key"


# --- monitors and strangers -------------------------------------------------------------------------------------------


def test_forged_monitor(tmp_path: Path) -> None:
    """An entry in a monitor's name under another key is not taken, and is no reason to refuse the monitor's own."""

    async def story(world: World) -> None:
        before = await picture(world)
        await world.clock(at(1, 1))
        await world.rest()
        before = await picture(world)
        made = await entry(world, "m1", TRUE)
        (answer,) = await submit(world, "m5", signed(made, by="m2"))
        assert (answer.code, answer.refusal, answer.stamp) == ("bad-signature", None, None)
        stranger = dataclasses.replace(made, author="X")
        (answer,) = await submit(world, "m5", signed(stranger))
        assert (answer.code, answer.refusal) == ("unknown-author", None)
        await unchanged(world, before)
        (answer,) = await submit(world, "m5", signed(made))
        assert answer.code is None
        assert answer.stamp is not None

    run(tmp_path, story)


def test_replay_and_disorder(tmp_path: Path) -> None:
    """A repeat gets the first answer; what comes before its predecessor waits, and is not refused for good
    (rule 1.3c)."""

    async def story(world: World) -> None:
        await world.clock(at(1, 1))
        first = await entry(world, "m1", TRUE)
        second = dataclasses.replace(
            await entry(world, "m1", Attest(claim="k1b", period=0, value=True)),
            author_seq=first.author_seq + 1,
            author_prev=entry_hash(first),
        )
        before = await picture(world)
        (answer,) = await submit(world, "m5", signed(second))
        assert (answer.code, answer.refusal) == ("gap", None)
        assert (await picture(world))[1] == before[1]
        one, two, again = await submit(world, "m5", signed(first), signed(second), signed(first))
        assert one.code is two.code is again.code is None
        assert again.stamp == one.stamp
        await world.rest()
        sealed = await picture(world)
        (late,) = await submit(world, "m5", signed(first))
        assert (late.code, late.refusal) == (None, None)
        await unchanged(world, sealed)

    run(tmp_path, story)


def test_refused_entry_stays_refused(tmp_path: Path) -> None:
    """What was refused is never placed, even once it would be valid: nobody brings back what an author gave up
    (rule 1.2d)."""

    async def story(world: World) -> None:
        made = await entry(world, "m1", TRUE)
        (answer,) = await submit(world, "m5", signed(made))
        assert answer.code == "early"
        assert answer.refusal is not None
        await world.clock(at(1, 1))
        await world.rest()
        before = await picture(world)
        (again,) = await submit(world, "m5", signed(made))
        assert again.refusal == answer.refusal
        await unchanged(world, before)
        await world.nodes["m5"].crash()
        await world.nodes["m5"].start()
        (again,) = await submit(world, "m5", signed(made))
        assert again.refusal == answer.refusal
        instead = await entry(world, "m1", TRUE, refused=(answer.refusal,))
        (taken,) = await submit(world, "m5", signed(instead))
        assert taken.code is None

    run(tmp_path, story)


def test_spoilt_copies_harm_nobody(tmp_path: Path) -> None:
    """Copies of an entry with a wrong signature or with wrong stamps bring no refusal, and the entry is placed
    (rule 1.3b)."""

    async def story(world: World) -> None:
        await world.clock(at(1, 1))
        made = await entry(world, "m1", TRUE)
        (answer,) = await submit(world, "m5", dataclasses.replace(signed(made), sig=signed(made, by="m2").sig))
        assert (answer.code, answer.refusal) == ("bad-signature", None)
        forged = stamped(made, "A", at(1, 1), key="B")
        (answer,) = await submit(world, "m5", signed(made, stamps=[forged]))
        assert answer.code is None
        assert answer.stamp is not None
        live = await world.nodes["m5"].live()
        leaf = live.record.at_tail(entry_hash(made))
        assert leaf is not None
        assert [each.by for each in leaf.stamps] == ["m5"]

    run(tmp_path, story)


def test_hostile_missing_report(tmp_path: Path) -> None:
    """A timekeeper that reports an entry with spoilt stamps as missing does not throw it out of the keeper's record."""

    async def story(world: World) -> None:
        await world.clock(at(1, 1))
        made = await entry(world, "m1", TRUE)
        book = (await world.nodes["m5"].live()).record
        await submit(world, "m5", signed(made))
        book.merge([signed(made, stamps=[stamped(made, "A", 5, key="B"), stamped(made, "m5", 5, key="B")])], at(1, 1))
        leaf = book.at_tail(entry_hash(made))
        assert leaf is not None
        assert [(each.by, each.time) for each in leaf.stamps] == [("m5", at(1, 1))]

    run(tmp_path, story)


def test_what_was_cosigned_stands_as_it_was(tmp_path: Path) -> None:
    """A stamp that is reported as missing is taken into the tail until somebody has cosigned it (rule 2.2f)."""

    async def story(world: World) -> None:
        await world.clock(at(1, 1))
        book = (await world.nodes["m5"].live()).record
        for monitor, is_fixed in (("m1", False), ("m2", True)):
            made = await entry(world, monitor, TRUE)
            await submit(world, "m5", signed(made))
            if is_fixed:
                book.fix(book.view.size)
            before = book.at_tail(entry_hash(made))
            book.merge([signed(made, stamps=[stamped(made, "A", at(1, 1))])], at(1, 1))
            assert (book.at_tail(entry_hash(made)) == before) is is_fixed

    run(tmp_path, story)


def test_backdated(tmp_path: Path) -> None:
    """A stamp from long ago counts as no earlier than grace before the last seal."""

    async def story(world: World) -> None:
        await world.clock(at(1, 12))
        await world.say("m2", TRUE)
        await world.rest()
        made = await entry(world, "m1", TRUE)
        await submit(world, "m5", signed(made, stamps=[stamped(made, "B", at(1, 1))]))
        book = (await world.nodes["m5"].live()).record
        vote = book.view.state.claims["k1a"].open["0"]["m1"]
        assert vote.at == book.sealed.state.clock.tau - HOUR

    run(tmp_path, story)


def test_junk_is_bounded(tmp_path: Path) -> None:
    """Thousands of entries by nobody leave nothing behind; a named author's wait for a seal up to a bound
    (rule 11.1g)."""

    async def story(world: World) -> None:
        await world.clock(at(1, 1))
        await world.rest()
        before = await picture(world)
        made = await entry(world, "m1", Perform(duty="C2"))
        junk = signed(made, by="m2")
        for start in range(0, 2000, 500):
            numbers = range(start, start + 500)
            leaves = [dataclasses.replace(junk, entry=dataclasses.replace(made, author_seq=n)) for n in numbers]
            for to in ("m5", "A"):
                answers = await submit(world, to, *leaves) if start < 500 or to == "m5" else []
                assert {(answer.code, answer.refusal) for answer in answers} <= {("bad-signature", None)}
        await unchanged(world, before)
        for name in ("m5", "A"):
            store = world.nodes[name].store
            assert await store.find("refusal") == []
            assert len((await world.nodes[name].live()).record.tail) == 0
        await _flood(world)

    run(tmp_path, story)


async def _flood(world: World) -> None:
    """B states its performance again and again, without a seal in between."""
    made = await entry(world, "B", Perform(duty="C2"))
    leaves = [signed(made)]
    for _ in range(299):
        made = dataclasses.replace(made, author_seq=made.author_seq + 1, author_prev=entry_hash(made))
        leaves.append(signed(made))
    book = (await world.nodes["m5"].live()).record
    answers = await submit(world, "m5", *leaves)
    codes = [answer.code for answer in answers]
    assert set(codes[:250]) == {None}
    assert set(codes[250:]) <= {"too-many", "gap"}
    assert codes[250] == "too-many"
    assert all(answer.refusal is None for answer in answers)
    assert len(book.tail) == 250


def test_refusals_are_bounded(tmp_path: Path) -> None:
    """A named author gets a bounded number of signed refusals for one number; then plain answers."""

    async def story(world: World) -> None:
        made = await entry(world, "A", Resume())
        bad = [
            signed(dataclasses.replace(made, type="allege", body=Allege(claim="none", period=n))) for n in range(600)
        ]
        answers = await submit(world, "m5", *bad, token="A")
        assert all(answer.code for answer in answers)
        assert [answer.refusal is not None for answer in answers] == [True] * 512 + [False] * 88
        assert len(await world.nodes["m5"].store.find("refusal")) == 512

    run(tmp_path, story)


# --- timekeepers and time ---------------------------------------------------------------------------------------------


def test_timekeeper_far_ahead(tmp_path: Path) -> None:
    """A timekeeper whose clock is a week ahead moves no time, and keeps nobody's entries out."""

    async def story(world: World) -> None:
        await world.clock(at(8), "B")
        await world.clock(at(1, 1), "A", "m5")
        for monitor in ("m1", "m2", "m5"):
            await world.say(monitor, TRUE)
        await world.until("the entries are sealed", lambda: _sealed(world, "k1a", "S"))
        state = (await world.nodes["m5"].live()).record.sealed.state
        assert state.clock.tau <= at(1, 1) + 60
        assert state.claims["k1a"].at == at(1, 1)

    run(tmp_path, story)


async def _sealed(world: World, claim: str, letters: str) -> bool:
    return (await world.nodes["m5"].live()).record.sealed.state.claims[claim].decided == letters


def test_simulated_clock_in_earnest(tmp_path: Path) -> None:
    """A node that is not in development takes no terms with a simulated clock (rule 2.7a)."""

    async def whole() -> None:
        async with World(tmp_path, world_terms(clock="utc"), development=False) as world:
            proposal = Proposal(document=encode_terms(world_terms()).decode(), texts=clause_texts())
            node = world.nodes["A"].running.node
            said = await node.proposals.receive(proposal, world.nodes["B"].config.did)
            assert said.answer == "waiting"
            with pytest.raises(Refused, match="real time") as caught:
                await node.proposals.engage(said.arrangement)
            assert caught.value.code == "simulated-clock"
            assert await node.repository.beginning("", 9) == []
            app = world.nodes["A"].running.management
            body = canonical(proposal)
            reply = await ask(app, "POST", "http://localhost/propose", body)  # type: ignore[arg-type]
            assert (reply.status, code(reply)) == (409, "simulated-clock")
            reply = await ask(app, "POST", "http://localhost/clock", b'{"to":5}')  # type: ignore[arg-type]
            assert (reply.status, code(reply)) == (400, "not-development")

    play(whole())


# --- the door ---------------------------------------------------------------------------------------------------------


def test_whose_token(tmp_path: Path) -> None:
    """A token is good for one receiver; only the keeper sends leaves; only those named see a record."""

    async def story(world: World) -> None:
        from armslength.identity.tokens import Tokens
        from tests.sim.harness import ring

        before = await picture(world)
        path, head = f"{BASE}/sync/{world.arrangement}?start=0", f"{BASE}/head/{world.arrangement}"
        reply = await post(world, "A", path, b"")
        assert (reply.status, code(reply)) == (401, "no-token")
        for who in ("B", "m1"):
            reply = await post(world, "A", path, b"", token=who)
            assert (reply.status, code(reply)) == (401, "not-keeper"), who
        app = world.nodes["A"].running.app
        did = world.terms.actors["m5"].did or ""
        elsewhere = Tokens(did, ring("m5")["tokens"]).bearer(
            world.nodes["B"].config.did, world.nodes["B"].config.address
        )
        forged = Tokens(did, ring("m1")["tokens"]).bearer(world.nodes["A"].config.did, world.nodes["A"].config.address)
        for token, wanted in ((elsewhere, "wrong-audience"), (forged, "bad-signature")):
            headers = {"authorization": token}
            reply = await ask(app, "POST", f"http://localhost:8801{path}", b"", headers)  # type: ignore[arg-type]
            assert (reply.status, code(reply)) == (401, wanted)
            reply = await ask(app, "GET", f"http://localhost:8801{head}", b"", headers)  # type: ignore[arg-type]
            assert (reply.status, code(reply)) == (401, wanted)
        assert (await post(world, "A", head, b"", token="m1", method="GET")).status == 200
        await unchanged(world, before)

    run(tmp_path, story)


def test_management_door(tmp_path: Path) -> None:
    """On the port that peers reach there is nothing to manage; the owner's application is another one."""

    async def story(world: World) -> None:
        running = world.nodes["A"].running
        for path in ("/list", "/manage/list"):
            assert (await ask(running.app, "POST", f"http://localhost:8801{path}", b"{}")).status == 404  # type: ignore[arg-type]
        assert (await ask(running.management, "POST", "http://localhost/list", b"{}")).status == 200  # type: ignore[arg-type]

    run(tmp_path, story)


def test_oversized(tmp_path: Path) -> None:
    """Bodies and entries over their limits are refused by their size."""

    async def story(world: World) -> None:
        before = await picture(world)
        reply = await post(world, "A", f"{BASE}/propose", b" " * (MAX_PROPOSAL + 1), token="B")
        assert (reply.status, code(reply)) == (413, "too-large")
        reply = await post(world, "A", f"{BASE}/add-checkpoint", b" " * (64 * 1024 + 1))
        assert (reply.status, code(reply)) == (413, "too-large")
        made = await entry(world, "A", Withdraw(text="x" * 64 * 1024))
        reply = await post(world, "m5", f"{BASE}/submit/{world.arrangement}", encode_leaves([signed(made)]))
        assert (reply.status, code(reply)) == (413, "too-large")
        many = encode(signed(await entry(world, "A", Resume()))) + b"\n"
        reply = await post(world, "m5", f"{BASE}/submit/{world.arrangement}", many * 1001)
        assert (reply.status, code(reply)) == (413, "too-large")
        await unchanged(world, before)

    run(tmp_path, story)


def test_rewritten_record(tmp_path: Path) -> None:
    """A bundle in which one word is turned round is refused at that entry."""

    async def story(world: World) -> None:
        await world.clock(at(1, 1))
        await world.say("m1", TRUE)
        await world.rest()
        files = await world.export()
        assert verify_bundle(files, world.arrangement).ok
        path = "record/00000000.jsonl"
        lines = files[path].split(b"\n")
        number = next(n for n, line in enumerate(lines) if b'"value":true' in line)
        lines[number] = lines[number].replace(b'"value":true', b'"value":false')
        verdict = verify_bundle({**files, path: b"\n".join(lines)}, world.arrangement)
        assert verdict.error is not None
        assert not verdict.ok

    run(tmp_path, story)
