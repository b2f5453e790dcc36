"""Which modules a statement passes through, counted as it is made: few, and each of them once, with no way back.

Calls are followed in the process of whoever makes the statement; a way back is a function of a module that is entered
from another module which that very module has called. Callbacks that merely tell of a change are none: they begin anew.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import armslength
from armslength.core.arrangement.bodies import Attest, Notice
from armslength.engine.actions import Action
from armslength.engine.tranche import LiveTranche
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import World
from tests.sim.script import FILES
from tests.sim.virtual import play

ROOT = str(Path(armslength.__file__).parent) + "/"


@dataclass
class Walk:
    """The modules that were entered, as paths, and the ways back: the modules that were passed, and the function that
    was come back to."""

    modules: set[str] = field(default_factory=set)
    back: set[tuple[str, ...]] = field(default_factory=set)

    def enter(self, frame: FrameType) -> None:
        """A function begins, or goes on."""
        chain, caller = list[str](), frame
        while caller is not None:
            module = _module(caller)
            if module and (not chain or chain[-1] != module):
                chain.append(module)
            caller = caller.f_back  # type: ignore[assignment]
        self.modules.add(chain[0])
        if chain[0] in chain[1:]:
            way = chain[: chain.index(chain[0], 1) + 1]
            self.back.add((*reversed(way), frame.f_code.co_name))

    def engine(self) -> list[str]:
        """What was entered of the engine."""
        return sorted(name.removeprefix("engine/") for name in self.modules if name.startswith("engine/"))

    def returns(self) -> list[tuple[str, ...]]:
        """The ways back, but for those inside the core, whose rules rest on each other."""
        return sorted(way for way in self.back if not way[0].startswith("core/"))


_WALK: ContextVar[Walk | None] = ContextVar("walk", default=None)


def _module(frame: FrameType) -> str | None:
    """Of the program; None for other people's code, for what has no name, and for a class or module that is read in."""
    code = frame.f_code
    is_named = code.co_flags & inspect.CO_OPTIMIZED and code.co_name[0] != "<"
    return code.co_filename.removeprefix(ROOT)[:-3] if is_named and code.co_filename.startswith(ROOT) else None


def _profile(frame: FrameType, event: str, _: Any) -> None:
    if event == "call" and (walk := _WALK.get()) is not None and _module(frame):
        walk.enter(frame)


@contextmanager
def following() -> Iterator[None]:
    """Whatever is marked as a walk inside is followed, with all tasks that it begins."""
    before = sys.getprofile()
    sys.setprofile(_profile)
    try:
        yield
    finally:
        sys.setprofile(before)


@contextmanager
def walked() -> Iterator[Walk]:
    """What is called inside is a walk."""
    walk = Walk()
    token = _WALK.set(walk)
    with following():
        yield walk
    _WALK.reset(token)


def test_an_attestation(tmp_path: Path) -> None:
    """A monitor without a node attests: from the command's words to the keeper's answer."""

    async def story() -> Walk:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            with walked() as walk:
                said = await world.monitor("m1").say(world.arrangement, [Attest(claim="k2", period=0, value=False)])
            assert [each.status for each in said.said] == ["placed"]
            return walk

    walk = play(story())
    assert walk.returns() == []
    assert len(walk.engine()) <= 8, " ".join(walk.engine())


def test_a_partys_statement(tmp_path: Path) -> None:
    """A party states something: from the owner's request to the keeper's answer."""

    async def story() -> Walk:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            node = world.nodes["B"]
            live = await node.live()
            with walked() as walk:
                (said,) = await node.running.node.writer.say(
                    live, [Notice(claim="k2", start=at(5), end=at(6), text="")]
                )
            assert said.status == "placed"
            return walk

    walk = play(story())
    assert walk.returns() == []
    assert len(walk.engine()) <= 12, " ".join(walk.engine())


def test_the_release_of_a_key(tmp_path: Path) -> None:
    """A node gives a key: from the plan to the keeper's answer."""
    walk, true = Walk(), LiveTranche._carry_out

    async def carry_out(self: LiveTranche, action: Action) -> None:
        if action is Action.KEY:
            _WALK.set(walk)  # of this task
        await true(self, action)

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            with following(), patch.object(LiveTranche, "_carry_out", carry_out):
                await world.publish("T1", FILES["T1"])
                await world.rest()
            assert (await world.state()).tranches["T1"].stage == "SETTLED"

    play(story())
    assert walk.returns() == []
    assert len(walk.engine()) <= 18, " ".join(walk.engine())
