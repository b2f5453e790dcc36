"""A node's news among whole nodes: nothing is lost or repeated when it is killed between a change and its news."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from armslength.core.arrangement.bodies import Attest, Notice
from armslength.engine.node import Nobody
from armslength.notify import notifier as notifiers
from armslength.notify import outbox as boxes
from armslength.notify.notification import ASKED, HAPPENED, TROUBLE
from armslength.notify.notifier import Notifier
from armslength.notify.outbox import Outbox
from armslength.notify.settings import Settings
from tests.golden.terms import at
from tests.notify.outside import by_mail, settings, some
from tests.sim.harness import World
from tests.sim.script import begin, moments
from tests.sim.virtual import play

TO = settings(by_mail())


class Watched:
    """The news of one node of a world, which is begun anew as after a kill whenever a test likes."""

    def __init__(self, world: World, name: str, to: Settings = TO) -> None:
        self.to = to
        self.world = world
        self.name = name
        self.said: list[tuple[str, str, str]] = []
        self.outbox: Outbox | None = None
        self.notifier: Notifier | None = None

    async def begin(self) -> Notifier:
        """What was held in memory is gone; what was stored is not."""
        self.collect()
        running = self.world.nodes[self.name].running
        self.outbox = Outbox(self.world.nodes[self.name].store, self.to)
        await self.outbox.load()
        self.notifier = Notifier(
            self.world.nodes[self.name].store,
            running.node.repository,
            running.node.recorder,
            self.to,
            self.outbox,
            wall=World.wall,
        )
        running.node.observer = self.notifier
        await self.notifier.begin()
        self.notifier.look_at_all()
        return self.notifier

    def stop(self) -> None:
        """Nobody looks."""
        self.collect()
        self.world.nodes[self.name].running.node.observer = Nobody()

    def collect(self) -> None:
        """What has been told so far."""
        if self.notifier is not None:
            self.said += [(each.kind, each.event, each.id) for _, each in self.notifier.shown]
            self.notifier.shown.clear()

    def events(self) -> Counter[str]:
        """What has happened, as it was told."""
        self.collect()
        return Counter(event for kind, event, _ in self.said if kind == HAPPENED)


async def play_on(world: World, begins: int, until: int) -> None:
    """What the script says after `begins`, until then."""
    for time, said in moments(until):
        if time > begins:
            await world.clock(time)
            for who, bodies in said:
                await world.say(who, *bodies)
            await world.rest()


def test_killed_between_a_change_and_its_news(tmp_path: Path) -> None:
    """Begun anew at every turn, and once after days in which nobody looked: each thing is told, and once."""

    async def story() -> None:
        async with World(tmp_path) as world:
            steady, killed = Watched(world, "B"), Watched(world, "A")
            await steady.begin()
            await killed.begin()
            await begin(world)
            await play_on(world, at(-1), at(3))
            killed.stop()  # the record grows, and nobody makes news of it
            await play_on(world, at(3), at(7, 1))
            for day in (8, 9, 10):
                await killed.begin()
                await play_on(world, at(day - 1, 1), at(day, 1))
            await world.rest()
            for each in (steady, killed):
                ids = Counter(name for _, _, name in (each.events(), each.said)[1])
                assert set(ids.values()) == {1}
            assert steady.events() == killed.events()
            assert {"signed", "begun", "ready", "delivered", "released", "settled"} <= steady.events().keys()
            assert killed.outbox is not None
            held = {each.said.id for each in killed.outbox.held.values()}
            assert {name for kind, _, name in killed.said if kind == HAPPENED} <= held  # what is done is asked no more

    play(story())


def test_looking_at_everything_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While too much waits nothing is looked at for the first time; once there is room, or after a while, it is."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await asyncio.sleep(60)  # nothing is in work any more
            monkeypatch.setattr(boxes, "MOST", 10)
            before = Outbox(world.nodes["A"].store, TO)
            await before.note(some(8, keys=("x",)), int(World.wall()))
            watched = Watched(world, "A")
            await watched.begin()
            assert watched.outbox is not None
            await asyncio.sleep(notifiers.CROWDED / 4)
            watched.collect()
            assert not watched.said
            await watched.outbox.note((), 0, gone={("ab" * 32, "x")})
            await asyncio.sleep(notifiers.CROWDED / 2)
            watched.collect()
            assert watched.said

    play(story())


def test_a_look_that_fails_stands_in_nobody_s_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble in making news is logged, the node goes on, and what was not told is told later."""

    async def story() -> None:
        async with World(tmp_path) as world:
            watched = Watched(world, "A")
            await watched.begin()
            await begin(world)
            await play_on(world, at(-1), at(0))

            def broken(*_: object) -> None:
                raise RuntimeError("broken")

            with monkeypatch.context() as patched:
                patched.setattr(notifiers, "news", broken)
                await world.say("B", Notice(claim="k2", start=at(5), end=at(6), text=""))
                await play_on(world, at(0), at(1, 1))
            before = watched.events()
            await play_on(world, at(1, 1), at(8, 1))
            await world.rest()
            await world.check()
            assert watched.events()["ready"] > before["ready"]

    play(story())


def test_an_idle_arrangement_waits_for_its_next_instant(tmp_path: Path) -> None:
    """The node's schedule says when there is something to tell; until then it looks at nothing."""

    async def story() -> None:
        async with World(tmp_path) as world:
            watched = Watched(world, "m5")
            await watched.begin()
            await begin(world)
            await play_on(world, at(-1), at(0))
            await world.rest()
            node = world.nodes["m5"].running.node
            live = await world.nodes["m5"].live()
            assert watched.notifier is not None
            instant = watched.notifier.instant(live)
            assert instant is not None
            assert at(0) < instant <= at(1)  # the first day ends, and can be attested
            await world.clock(at(1))

            async def asked() -> bool:
                watched.collect()
                return any(kind == ASKED and event == "attest" for kind, event, _ in watched.said)

            await world.until("asked", asked)
            turns = node.turns
            await world.rest()
            assert node.turns <= turns + 3
            await world.say("m5", Attest(claim="k2", period=0, value=True))
            await world.rest()

    play(story())


def test_what_fails_for_long_is_told_once(tmp_path: Path) -> None:
    """Not at once, not of what news themselves meet, and with what to do."""

    async def story() -> None:
        async with World(tmp_path) as world:
            watched = Watched(world, "A")
            notifier = await watched.begin()
            troubles = world.nodes["A"].running.node.repository.troubles
            troubles.at("messages", "did:web:b.example").tell("nobody answers", "see that its node runs")
            troubles.at(notifiers.BY_MAIL).tell("cannot be reached")
            await notifier.look_at_troubles()
            watched.collect()
            assert not [each for each in watched.said if each[0] == TROUBLE]
            troubles.at("messages", "did:web:b.example").since -= 2 * notifiers.LASTING_S
            troubles.at(notifiers.BY_MAIL).since -= 2 * notifiers.LASTING_S
            for _ in range(2):
                await notifier.look_at_troubles()
            (said,) = (each for _, each in notifier.shown if each.kind == TROUBLE)
            assert "nobody answers" in said.text
            assert "See that its node runs." in said.text

    play(story())
