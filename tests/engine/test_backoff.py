"""How often peers are asked that do not answer, and what is made of answers that make no sense."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Notice
from armslength.core.canonical import canonical
from armslength.engine.backoff import Backoff, in_time
from armslength.engine.troubles import Backoffs, Troubles
from armslength.errors import Malformed, Unavailable
from armslength.ports import Row
from armslength.store.memory import MemoryStore
from armslength.wire.own import BASE, decode_synced
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import World
from tests.sim.virtual import play

NOTICE = Notice(claim="k2", start=at(5), end=at(6), text="")


def test_pauses_grow_and_end() -> None:
    """Pauses double up to a minute, and begin anew after a sign of life, which also ends the pause of what waits."""

    async def story() -> None:
        loop, pause, lengths = asyncio.get_running_loop(), Backoff(chance=lambda: 1.0), []
        for _ in range(9):
            pause.grow()
            start = loop.time()
            while not pause.is_over:
                await asyncio.sleep(0.5)
            lengths.append(loop.time() - start)
        assert lengths == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
        pauses = Backoffs(Troubles(), "")
        pauses.own.grow()
        pauses.answered("A")
        assert not pauses.own.is_over
        pauses.of("A").fail(Unavailable("unreachable", "nobody there"))
        pauses.answered("A")
        assert pauses.own.is_over
        assert pauses.of("A").is_over

    play(story())


def test_who_is_late_is_not_waited_for() -> None:
    """With enough answers the others have a moment; what is not done then is ended."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (1, 1.5, 3, 1000)]
        done = await in_time(tasks, 10, 1, lambda ended: bool(ended))
        assert (sorted(task.result() for task in done), loop.time()) == ([1, 1.5], 2)
        assert all(task.done() for task in tasks)
        done = await in_time([asyncio.create_task(asyncio.sleep(1000))], 10, 1, lambda ended: bool(ended))
        assert (done, loop.time()) == (set(), 12)

    play(story())


def test_a_keeper_that_is_down_is_asked_less_and_less(tmp_path: Path) -> None:
    """What waits for a keeper that is down is sent some ten times in a minute, and at once when it is back."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            asked: list[float] = []
            carry = world.network.carry

            async def counted(sender: str, method: str, url: str, body: bytes, headers: Any) -> Any:
                if sender == "B" and "/submit/" in url and url.startswith(world.nodes["m5"].config.address):
                    asked.append(asyncio.get_running_loop().time())
                return await carry(sender, method, url, body, headers)

            await world.nodes["m5"].crash()
            with patch.object(world.network, "carry", counted):
                (said,) = await world.say("B", NOTICE)
                assert said.status == "pending"
                await asyncio.sleep(60)
            assert 5 <= len(asked) <= 11
            assert max(later - sooner for sooner, later in itertools.pairwise(asked)) < 60
            await world.nodes["m5"].start()
            await asyncio.sleep(3)
            assert (await world.state("B")).claims["k2"].notices
            await world.rest()

    play(story())


def test_arrangements_are_listed_once(tmp_path: Path) -> None:
    """However long a node runs, the store is asked once which arrangements there are."""
    found: list[str] = []

    class Counting(MemoryStore):
        async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
            found.append(kind)
            return await super().find(kind, tag, start=start, limit=limit)

    async def story() -> None:
        async with World(tmp_path, store=lambda _: Counting()) as world:
            await begun(world, publish=False)
            before = found.count("arrangement")
            await asyncio.sleep(60)
            assert found.count("arrangement") == before
            assert before <= 3 * 3

    play(story())


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b"\xff", b'{"now":0,"sealed":"x"}', Malformed("bad", "no")])
def test_unrest_is_told_in_words_whatever_a_peer_answers(tmp_path: Path, answer: bytes | Exception) -> None:
    """A peer's error, or nonsense, is said to be in the way; nothing is raised."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            node = world.nodes["A"].running.node
            assert await node.pending_elsewhere(await world.nodes["A"].live()) is None
            get = node._peers.get

            async def nonsense(did: str, address: str, path: str) -> bytes:
                if address != world.nodes["m5"].config.address or f"{BASE}/rest/" not in path:
                    return await get(did, address, path)
                if isinstance(answer, Exception):
                    raise answer
                return answer

            with patch.object(node._peers, "get", nonsense):
                told = await node.pending_elsewhere(await world.nodes["A"].live())
            assert told is not None
            assert told.startswith("Neutral body (m5) does not say")

    play(story())


@pytest.mark.parametrize(("sealed", "size"), [(-1, 5), (0, -1), (-2, -1), (6, 5)])
def test_sizes_make_sense(sealed: int, size: int) -> None:
    """A follower's answer with negative sizes, or more sealed than shown, is not in the agreed form."""
    with pytest.raises(Malformed):
        decode_synced(canonical({"missing": [], "sealed": sealed, "size": size}))
