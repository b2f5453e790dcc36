"""Nodes that are put back as they were some time ago: they find out, say nothing until they know what they have said,
and go on from there. Nobody ever signs two entries with one number, or cosigns two histories."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Attest, Body, Notice, Withdraw
from armslength.core.record.checkpoint import Checkpoint
from armslength.core.record.cosignature import cosign
from armslength.core.record.entry import Entry
from armslength.core.record.note import Note, parse, sign_note
from armslength.engine.keeper import Keeper
from armslength.engine.recall import DAY_S
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement
from armslength.errors import Refused, Unavailable
from armslength.store.memory import MemoryStore
from armslength.wire.own import RecallAnswer
from armslength.wire.record import encode
from tests.golden.terms import at
from tests.record_builder import signing_key
from tests.sim.evil import signed
from tests.sim.harness import NODES, World, shown, world_terms
from tests.sim.network import Network
from tests.sim.script import FILES, begin, moments, perform
from tests.sim.virtual import play

THEN, NOW, END = at(1, 1), at(3, 1), at(5, 1)


async def _lived_on(world: World, name: str, until: int = NOW) -> MemoryStore:
    """The script up to `until`, with a copy of this node from before its middle."""
    await begin(world)
    await perform(world, THEN)
    older = world.nodes[name].copy()
    for time, said in _between(THEN, until):
        await world.clock(time)
        for who, bodies in said:
            await world.say(who, *bodies)
    await world.rest()
    return older


def _between(start: int, until: int) -> list[tuple[int, list[tuple[str, list[Body]]]]]:
    return [(time, said) for time, said in moments(until) if time > start]


async def _goes_on(world: World, name: str) -> None:
    """The clock of the one that was put back is as old as its database: it is set again; then the script goes on."""
    await world.clock(world.now, name)
    await world.rest()
    for time, said in _between(world.now, END):
        await world.clock(time)
        for who, bodies in said:
            await world.say(who, *bodies)
        await world.rest()
    verdict = await world.check()
    assert verdict.replica is not None
    assert verdict.replica.state.arrangement.excluded == {}
    for each in world.nodes.values():
        live = await each.live()
        assert live.silence is None
        assert not live.record.conflicts


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
@pytest.mark.parametrize(("keeper", "name"), [("m5", "A"), ("m5", "B"), ("m5", "m5"), ("A", "A"), ("B", "A")])
def test_an_older_copy_catches_up_with_its_own_word(tmp_path: Path, keeper: str, name: str, noticed: bool) -> None:
    """A party, a timekeeper, a keeper that is a party and a neutral one, whether or not the node's counter tells."""

    async def story() -> None:
        async with World(tmp_path, world_terms(keeper)) as world:
            older = await _lived_on(world, name)
            before = (await world.nodes[name].live()).witness
            await world.nodes[name].put_back(older, noticed=noticed)
            await _goes_on(world, name)
            after = (await world.nodes[name].live()).witness
            assert (after.time, after.size) >= (before.time, before.size)

    play(story())


@pytest.mark.parametrize("name", ["A", "m5"])
def test_while_nobody_answers_it_says_nothing(tmp_path: Path, name: str) -> None:
    """Cut off from all, then from one of two: no entry, no stamp, no cosignature, and the owner is told why
    (rule 11.4b)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            older = await _lived_on(world, name)
            node = world.nodes[name]
            other = "B" if name == "m5" else "m5"
            world.network.apart = {other}
            await node.put_back(older, noticed=True)
            await world.clock(world.now, name)
            submitted, cosigned = set(world.network.submitted), len(world.network.cosigned)
            for seconds in (1, 60, 3600):
                await asyncio.sleep(seconds)
                with pytest.raises(Refused, match=f"restored from an older copy: waits for {other}") as refused:
                    await node.running.node.writer.say(await node.live(), [Withdraw()])
                assert refused.value.code == "restored"
            view = await node.manage("view", arrangement=world.arrangement)
            assert any(each["what"] == "our silence" and other in each["reason"] for each in view["troubles"])
            await node.crash()  # and it knows after another start
            await node.start()
            with pytest.raises(Unavailable, match=f"waits for {other}"):
                await node.running.node.recorder.readiness.wait(await node.live())
            assert world.network.submitted == submitted
            assert not [each for each in world.network.cosigned[cosigned:] if each[0] == name]
            world.network.apart = set()
            await asyncio.sleep(30)
            await _goes_on(world, name)

    play(story())


def test_what_was_not_sealed_is_taken_back(tmp_path: Path) -> None:
    """An entry that a timekeeper has stamped and no seal covers is not signed anew by the copy that lacks it."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, THEN)
            node, older = world.nodes["A"], world.nodes["A"].copy()
            await world.nodes["m5"].crash()  # nothing is placed
            (said,) = await node.running.node.writer.say(await node.live(), [Withdraw()])
            assert said.status == "pending"
            await asyncio.sleep(5)
            assert (await world.nodes["B"].live()).record.at_tail(said.entry) is not None
            await node.put_back(older, noticed=True)
            await world.clock(world.now, "A")
            await world.nodes["m5"].start()
            await world.clock(world.now, "m5")
            await world.rest()
            sealed = (await world.nodes["m5"].live()).record.sealed
            assert sealed.index_of(said.entry) is not None
            await _goes_on(world, "A")

    play(story())


def test_lost_secrets_are_told(tmp_path: Path) -> None:
    """A recipient whose one-time key is newer than its copy accuses nobody; a provider whose file is says so too."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            await world.agree()
            await world.rest()
            without_file = world.nodes["A"].copy()
            await world.clock(at(-2))
            await world.publish("T1", FILES["T1"], release_after=at(0, 1))
            await world.rest()
            without_key = world.nodes["B"].copy()
            await world.clock(at(0))
            await world.rest()
            assert shown(await world.state())["T1"] == "DELIVERED"
            await world.nodes["B"].put_back(without_key, noticed=True)
            await world.clock(at(0), "B")
            await asyncio.sleep(30)
            await world.clock(at(0, 2))
            await asyncio.sleep(60)
            assert (await world.state("B")).tranches["T1"].stage == "RELEASED"
            view = await world.nodes["B"].manage("view", arrangement=world.arrangement)
            assert any("one-time key is not here" in each["reason"] for each in view["troubles"]), view["troubles"]
            await world.nodes["A"].put_back(without_file, noticed=True)
            await world.clock(at(0, 2), "A")
            await asyncio.sleep(60)
            view = await world.nodes["A"].manage("view", arrangement=world.arrangement)
            assert any(each["what"] == "the sealed file of T1" for each in view["troubles"]), view["troubles"]
            assert not [each for each in (await world.state()).duties.values() if each.state == "BREACHED"]

    play(story())


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_monitor_s_older_journal(tmp_path: Path, is_sealed: bool) -> None:
    """A monitor whose folder was put back signs no second entry with an old number, sealed or only placed; it says
    nothing while a timekeeper is silent (rule 11.4c)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, THEN)
            await world.clock(at(2, 1))
            assert await _attest(world, "k1a", 1) == ["placed"]
            await world.rest()
            older = copy.deepcopy(world.stores["m1"])
            assert isinstance(older, MemoryStore)
            with patch.object(Keeper, "round", Keeper.round if is_sealed else _never):
                assert await _attest(world, "k1b", 1) == ["placed"]
                if is_sealed:
                    await world.rest()
                older.generation = 1
                world.stores["m1"] = world.monitor("m1")._store = older
                world.network.apart = {"B"}
                with pytest.raises(Refused, match="restored from an older copy: waits for B"):
                    await _attest(world, "k2", 1)
                world.network.apart = set()
                assert await _attest(world, "k2", 1) == ["placed"]
            await world.rest()
            verdict = await world.check()
            assert verdict.replica is not None
            assert verdict.replica.state.arrangement.excluded == {}
            claims = verdict.replica.state.claims
            assert all("m1" in claims[name].open["1"] for name in ("k1a", "k1b", "k2"))

    play(story())


async def _attest(world: World, claim: str, period: int) -> list[str]:
    body = Attest(claim=claim, period=period, value=True)
    return [said.status for said in (await world.monitor("m1").say(world.arrangement, [body], ())).said]


async def _never(self: Keeper, live: object) -> bool:
    return False


@pytest.mark.parametrize("seed", range(4))
def test_chaos(tmp_path: Path, seed: int) -> None:
    """Nodes die, come back on copies of any age, noticed or not, while everybody goes on: nobody is convicted."""

    async def story() -> None:
        random = Random(seed)
        keeper = random.choice(["m5", "A", "B"])
        network = Network(seed, {"lost": 0.02})
        async with World(tmp_path, world_terms(keeper), network=network) as world:
            await begin(world)
            copies = {name: [world.nodes[name].copy()] for name in NODES}
            trouble = asyncio.create_task(_trouble(world, random, copies))
            for time, said in _between(at(0, -1), END):
                await world.clock(time)
                for who, bodies in said:
                    await world.say(who, *bodies)
                await asyncio.sleep(random.uniform(0, 20))
            trouble.cancel()
            await asyncio.gather(trouble, return_exceptions=True)
            for node in world.nodes.values():
                if not node.host.is_up:
                    await node.start()
            network.calm()
            await world.clock(world.now)
            await world.rest()
            verdict = await world.check()
            assert verdict.replica is not None
            assert verdict.replica.state.arrangement.excluded == {}

    play(story())


async def _trouble(world: World, random: Random, copies: dict[str, list[MemoryStore]]) -> None:
    """One node at a time dies and comes back, on its own database or on an older one."""
    while True:
        await asyncio.sleep(random.uniform(0.01, 15))
        name = random.choice(NODES)
        node = world.nodes[name]
        await node.crash()
        await asyncio.sleep(random.uniform(0, 2))
        if random.random() < 0.5:
            copies[name].append(node.copy())
            await node.start()
            continue
        await node.put_back(random.choice(copies[name]), noticed=random.random() < 0.5)
        await world.clock(world.now, name)
        await asyncio.sleep(20)  # it catches up before the next misfortune: two at once may lose what only they knew


def _answers(change: Callable[[World, RecallAnswer], RecallAnswer]) -> Any:
    """A patch: what A shows of others' words is changed."""
    true = Recorder.own

    async def own(self: Recorder, live: LiveArrangement, did: str) -> RecallAnswer:
        shown = await true(self, live, did)
        return change(live, shown) if live.record.me.actor == "A" else shown

    return patch.object(Recorder, "own", own)


def _nothing(_: LiveArrangement, shown: RecallAnswer) -> RecallAnswer:
    return RecallAnswer(now=shown.now, sealed=0)


def _forged(live: LiveArrangement, shown: RecallAnswer) -> RecallAnswer:
    """An entry in the name of m5 and one of B's, signed by A."""
    lines = []
    for author in ("m5", "B"):
        made = Entry(
            arrangement=live.arrangement, author=author, author_seq=400, author_prev="00", seen=live.seen,
            type="withdraw", body=Withdraw(),
        )  # fmt: skip
        lines.append(encode(signed(made, by="A")).decode())
    return replace(shown, waiting=tuple(lines))


def _a_head(live: LiveArrangement, shown: RecallAnswer, by: str = "A") -> RecallAnswer:
    """A head that the keeper has not signed."""
    text, key = Checkpoint(live.record.sealed.roster.origin, 10_000, b"x" * 32).text, signing_key(by, "checkpoints")
    note = sign_note(
        text, live.record.sealed.roster.origin, key.verify_key.encode(), lambda message: key.sign(message).signature
    )
    return replace(shown, cosigned=Note(text, (note,)).encode())


@pytest.mark.parametrize("lie", [_nothing, _forged, _a_head])
@pytest.mark.parametrize("name", ["B", "m5"])
def test_a_peer_that_lies(
    tmp_path: Path, name: str, lie: Callable[[LiveArrangement, RecallAnswer], RecallAnswer]
) -> None:
    """It shows nothing, or what nobody has signed: the first hides nothing that another shows, and the second has not
    answered."""

    async def story() -> None:
        async with World(tmp_path) as world:
            older = await _lived_on(world, name)
            with _answers(lie):
                await world.nodes[name].put_back(older, noticed=True)
                await world.clock(world.now, name)
                await asyncio.sleep(60)
                live = await world.nodes[name].live()
                if lie is _nothing:
                    assert live.silence is None
                else:
                    assert live.silence is not None
                    assert "waits for A (shows words of ours that do not verify" in live.silence
            await asyncio.sleep(30)
            await _goes_on(world, name)

    play(story())


def test_a_head_that_only_the_keeper_has_signed_is_no_word_of_ours(tmp_path: Path) -> None:
    """A keeper and a peer that lie together show a restored timekeeper a head that it has never cosigned: it does not
    stand by that one, and goes on cosigning the record."""

    async def story() -> None:
        async with World(tmp_path) as world:
            older = await _lived_on(world, "B")
            with _answers(lambda live, shown: _a_head(live, shown, by="m5")):
                await world.nodes["B"].put_back(older, noticed=True)
                await world.clock(world.now, "B")
                await asyncio.sleep(60)
            await _goes_on(world, "B")
            live = await world.nodes["B"].live()
            assert live.silence is None
            assert 0 < live.witness.size < 10_000

    play(story())


def test_whoever_shows_something_false_is_named_beside_whoever_is_silent(tmp_path: Path) -> None:
    """The keeper is gone and the other timekeeper lies: a restored third node says nothing, and its owner reads who
    does not answer and who shows what; once both are honest nothing fails any more (rule 11.3a)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            older = await _lived_on(world, "B")
            node = world.nodes["B"]
            with _answers(_forged):
                world.network.apart = {"m5"}
                await node.put_back(older, noticed=True)
                await world.clock(world.now, "B")
                await asyncio.sleep(60)
                told = await _troubles(world, "B")
                assert "waits for A (" in told["our silence", ""]
                assert "m5 (" in told["our silence", ""]
                assert "do not verify" in told["what it shows of our words", "A"]
                assert ("what it shows of our words", "m5") not in told
            world.network.apart = set()
            await asyncio.sleep(60)
            await _goes_on(world, "B")
            assert not await _troubles(world, "B")

    play(story())


async def _troubles(world: World, name: str) -> dict[tuple[str, str], str]:
    view = await world.nodes[name].manage("view", arrangement=world.arrangement)
    return {(each["what"], each["whom"]): each["reason"] for each in view["troubles"]}


def _a_cosigned_head(live: LiveArrangement, shown: RecallAnswer) -> RecallAnswer:
    """A head of another history that the keeper has signed and A cosigned."""
    name = live.record.sealed.roster.names["A"]
    note, key = parse(_a_head(live, shown, by="m5").cosigned), signing_key("A", "checkpoints")
    line = cosign(note.text, 1, name, key.verify_key.encode(), lambda message: key.sign(message).signature)
    return replace(shown, cosigned=Note(note.text, (*note.signatures, line)).encode())


def test_a_false_head_of_keeper_and_timekeeper_together_is_told(tmp_path: Path) -> None:
    """They make a restored third node stand by a head that their record never comes to: it cosigns no more, and its
    owner reads why, and who has signed that head."""

    async def story() -> None:
        async with World(tmp_path) as world:
            older = await _lived_on(world, "B")
            with _answers(_a_cosigned_head):
                await world.nodes["B"].put_back(older, noticed=True)
                await world.clock(world.now, "B")
                await asyncio.sleep(60)
            world.nodes["m5"].forget_the_past()  # it knows what it has signed
            await world.say("B", Notice(claim="k2", start=at(30, 9), end=at(30, 12), text="a flight"))
            await asyncio.sleep(60)
            live = await world.nodes["B"].live()
            assert live.silence is None
            assert live.witness.size == 10_000
            told = await _troubles(world, "B")
            assert (
                "does not continue the head of 10000 leaves that was signed by A, m5" in told["our cosignature", "m5"]
            )

    play(story())


def test_after_a_day_a_quorum_s_worth_suffices(tmp_path: Path) -> None:
    """Of four timekeepers three seal. A restored one needs two of the other three, once it has waited for a day."""

    async def story() -> None:
        base = world_terms()
        rule = replace(base.timekeepers, of=("A", "B", "m5"), count=3)
        async with World(tmp_path, replace(base, timekeepers=rule)) as world:
            older = await _lived_on(world, "A")
            world.network.apart = {"B"}
            await world.nodes["A"].put_back(older, noticed=True)
            await world.clock(world.now, "A")
            await asyncio.sleep(3600)
            live = await world.nodes["A"].live()
            assert "waits for B" in (live.silence or "")
            await asyncio.sleep(DAY_S)
            assert live.silence is None
            world.network.apart = set()
            await _goes_on(world, "A")

    play(story())


def test_what_turns_up_later_silences_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody says what he knows: the first leaf that shows an entry of ours that we lack ends our speaking, and is
    taken back (rule 11.4b)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            older = await _lived_on(world, "A")
            with patch.object(Recorder, "own", _hiding(Recorder.own)):
                await world.nodes["A"].put_back(older, noticed=False)
                live = await world.nodes["A"].live()
                await world.nodes["A"].running.node.recorder.readiness.wait(live)
                assert live.silence is None
                assert "restored" not in caplog.text
                await world.say("B", Notice(claim="k2", start=at(30, 9), end=at(30, 12), text="a flight"))
                await asyncio.sleep(20)  # the keeper brings the record
                assert "restored from an older copy: a head" in caplog.text
            await world.clock(world.now, "A")
            await asyncio.sleep(60)
            await world.say("A", Withdraw())
            await _goes_on(world, "A")

    play(story())


def _hiding(true: Any) -> Any:
    async def own(self: Recorder, live: LiveArrangement, did: str) -> RecallAnswer:
        return RecallAnswer(now=0, sealed=0)

    return own


def test_several_words_at_once_find_the_node_restored(tmp_path: Path) -> None:
    """Whoever speaks first in a restored node's life notes that; those who come meanwhile wait, and are not told of
    another process that writes to the folder."""

    async def story() -> None:
        async with World(tmp_path) as world:
            older = await _lived_on(world, "A")
            await world.nodes["B"].crash()
            node = world.nodes["A"]
            await node.put_back(older, noticed=True)
            live = await node.live()
            wait = node.running.node.recorder.readiness.wait
            told = await asyncio.gather(*(wait(live) for _ in range(4)), return_exceptions=True)
            assert [getattr(each, "code", each) for each in told] == ["restored"] * 4
            assert all("restored from an older copy" in str(each) for each in told), told

    play(story())
