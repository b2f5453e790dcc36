"""What a live tranche does when its actions do not get through."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import gc
import weakref
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Body, Notice, Release
from armslength.core.arrangement.state import State
from armslength.core.process import Role
from armslength.delivery import sealing
from armslength.engine import repository
from armslength.engine.actions import Action
from armslength.engine.contents import dataset_id
from armslength.engine.exchange import ADVICE
from armslength.engine.journal import KIND
from armslength.engine.provider import Provider
from armslength.engine.repository import LiveArrangement
from armslength.engine.tranche import LiveTranche
from armslength.engine.writer import Writer
from armslength.errors import Unavailable
from tests.golden.terms import at
from tests.sim.harness import World, shown
from tests.sim.script import begin, perform
from tests.sim.virtual import play


class Asked(LiveTranche):
    """Is asked for the same action again and again."""

    action: Action

    async def next_action(self) -> Action | None:
        return self.action


class Releasing(Provider):
    """Wants to release what is not delivered."""

    async def do(self, action: Action) -> Body | None:
        return Release(tranche=self.name, wrapped="0" * 64)


class Broken(Provider):
    """Fails as nobody has expected."""

    tries = 0

    async def do(self, action: Action) -> Body | None:
        self.tries += 1
        raise ValueError("Invalid IPv6 URL")


def asked(role: Provider, action: Action) -> Asked:
    """A live tranche in which this action is always open."""
    tranche = Asked(role)
    tranche.action = action
    return tranche


class Credulous(Writer):
    """Takes every statement for valid: only the keeper knows better."""

    def _applied(self, live: LiveArrangement, state: State, body: Body, entry: str = "") -> State:
        return state


async def _live(world: World) -> tuple[LiveArrangement, Any]:
    """A's arrangement, and what its tranches work with."""
    live, tranches = await world.nodes["A"].live(), world.nodes["A"].running.node.tranches
    return live, tranches._tools


@pytest.mark.parametrize("known", [True, False])
def test_a_refused_statement_waits_for_the_next_seal(tmp_path: Path, known: bool) -> None:
    """A node does not sign the same refused statement again and again, whoever knows better."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            node = world.nodes["A"].running.node
            live, tools = await _live(world)
            if not known:
                parts = ("_repository", "_recorder", "_keeper", "_peers", "_proposals", "_contents", "_approvals")
                writer = Credulous(*(getattr(tools.writer, part) for part in parts))
                tools = dataclasses.replace(tools, writer=writer)
            node.tranches.of(live)["T2"] = tranche = asked(Releasing(live, "T2", tools), Action.RELEASE)
            node.repository.schedule.call(world.arrangement)
            await asyncio.sleep(30)
            written = await world.nodes["A"].store.find(KIND, f"{world.arrangement}/refused")
            assert len(written) == (0 if known else 1)
            assert tranche.trouble is not None
            assert await tranche.left() is None  # only the record can move it

    play(story())


def test_an_unexpected_error_is_not_tried_at_once(tmp_path: Path) -> None:
    """Whatever a peer makes an action fail with, it is tried again after a while, and the others go on."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            live, tools = await _live(world)
            node = world.nodes["A"].running.node
            role = Broken(live, "T2", tools)
            node.tranches.of(live)["T2"] = asked(role, Action.START)
            node.repository.schedule.call(world.arrangement)
            await asyncio.sleep(20)
            assert 4 <= role.tries <= 8  # after 0, 0.5, 1, 2, 4 … s
            assert "Invalid IPv6 URL" in node.tranches.troubles(live)["T2"]
            await world.clock(at(0))
            await asyncio.sleep(60)
            assert shown(await world.state())["T1"] == "SETTLED"

    play(story())


def test_statements_of_one_moment_are_written_together(tmp_path: Path) -> None:
    """Three statements that wait for their turn leave in one message; one of them is not valid, and it alone hears."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            node = world.nodes["B"]
            live, writer = await node.live(), node.running.node.writer
            notices = [Notice(claim="k2", start=at(5), end=at(6) + each, text="") for each in range(2)]
            before = len(await node.store.find(KIND))
            async with live.writing:
                told = [
                    asyncio.create_task(writer.write(live, body))
                    for body in (notices[0], Release(tranche="T1", wrapped="0" * 64), notices[1])
                ]
                await asyncio.sleep(1)
                assert len(live.outgoing) == 3
                assert len(await node.store.find(KIND)) == before
            first, wrong, last = await asyncio.gather(*told)
            assert (first, last) == (None, None)
            assert wrong is not None
            await world.rest()
            stored = await node.store.leaves(world.arrangement, 0)
            numbers = [number for number, line in enumerate(stored) if b'"type":"notice"' in line]
            assert numbers[1] == numbers[0] + 1

    play(story())


def test_who_is_broken_off_while_writing_for_others_tells_them(tmp_path: Path) -> None:
    """Whoever writes for several is ended in the middle: none of the others waits for ever, or takes it for done."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            node = world.nodes["B"]
            live, writer = await node.live(), node.running.node.writer
            notices = [Notice(claim="k2", start=at(5), end=at(6) + each, text="") for each in range(3)]
            async with live.writing:
                told = [asyncio.create_task(writer.write(live, body)) for body in notices]
                await asyncio.sleep(1)
            await asyncio.sleep(0.0002)  # it is in the middle of storing them
            assert live.outgoing == []
            told[0].cancel()
            found = await asyncio.gather(*told, return_exceptions=True)
            assert [type(each) for each in found] == [asyncio.CancelledError, Unavailable, Unavailable]
            assert not live.writing.locked()
            await world.rest()
            await world.check()

    play(story())


def test_a_request_that_was_refused_for_good_is_made_again(tmp_path: Path) -> None:
    """A's node refuses B's requests for a transfer for a while: B's node asks again, less and less often, `status` says
    so meanwhile, and all goes well once A's node has come to its senses."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            refused = list[float]()
            host = world.nodes["A"].host
            true = host.app
            assert true is not None

            async def stubborn(scope: Any, receive: Any, send: Any) -> None:
                if scope["path"].endswith("/transfers/request") and len(refused) < 24:
                    refused.append(asyncio.get_running_loop().time())
                    await send({"type": "http.response.start", "status": 400, "headers": []})
                    await send({"type": "http.response.body", "body": b""})
                else:
                    await true(scope, receive, send)

            host.app = stubborn
            await world.agree()
            await asyncio.sleep(5)
            view = await world.nodes["B"].manage("view", arrangement=world.arrangement)
            told = [each for each in view["troubles"] if each["what"].startswith("the transfer of")]
            assert {each["advice"] for each in told} == {ADVICE}
            assert all("refused with 400" in each["reason"] for each in told)
            await asyncio.sleep(120)
            assert len(refused) == 24  # six tranches, four times each
            assert refused[-1] - refused[-7] > 2 * (refused[6] - refused[0])
            found = await world.nodes["B"].running.exchange.transfer_for(dataset_id(world.arrangement, "T1"))
            assert found is not None
            assert (found.role, found.state, found.peer_pid is None) == (Role.CONSUMER, "REQUESTED", False)
            await world.rest()
            live = await world.nodes["B"].live()
            assert world.nodes["B"].running.node.troubles(live) == []

    play(story())


def test_a_closed_arrangement_is_let_go_of_with_its_tranches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is at hand of an arrangement keeps it in memory once others were needed, though its tranches and
    followers know it; opened again, it is as it was."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            await asyncio.sleep(120)  # until nobody works on it
            for name in ("A", "B", "m5"):
                node = world.nodes[name]
                kept = weakref.ref(await node.live())
                assert kept().tranches is not None  # type: ignore[union-attr]
                with monkeypatch.context() as patched:
                    patched.setattr(repository, "KEPT_OPEN", 0)
                    await node.live()
                assert kept() is None
            assert shown(await world.state())["T1"] == "SETTLED"

    gc.disable()
    try:
        play(story())
    finally:
        gc.enable()


def test_a_full_disk_while_opening(tmp_path: Path) -> None:
    """The disk takes no opened file for a while: it is said, nothing is complained of, and it goes on by itself."""
    true, fails = sealing.unseal, [OSError(errno.ENOSPC, "No space left on device")] * 3

    def full(*args: Any, **more: Any) -> None:
        if fails:
            raise fails.pop()
        true(*args, **more)

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            with patch.object(sealing, "unseal", full):
                await world.clock(at(0))
                await world.until("trouble", lambda: _said(world))
                await world.rest()
            assert not fails
            assert shown(await world.state())["T1"] == "SETTLED"
            assert await _troubles(world) == {}

    async def _said(world: World) -> bool:
        return "no space left" in str(await _troubles(world))

    async def _troubles(world: World) -> dict[str, str]:
        node = world.nodes["B"]
        return node.running.node.tranches.troubles(await node.live())

    play(story())
