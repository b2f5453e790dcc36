"""The golden scenario's branches as scripts for nodes, and worlds that are taken up again where another one stood.

There is one table of branches: the tests in `tests/core/arrangement/test_branches.py`. `script` lets one of them play
in memory and writes down what is said and what is true after each row; `perform` has nodes play the same.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest.mock import patch

from armslength.core.arrangement.bodies import Attest, Body, Evidence
from armslength.core.arrangement.state import Change, Outcome, State
from armslength.core.arrangement.step import EntryInput
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical
from armslength.core.record.entry import Leaf
from armslength.store.memory import MemoryStore
from armslength.wire.bundle import Verdict
from armslength.wire.record import decode_leaf
from tests.core.arrangement import test_branches
from tests.core.arrangement.play import Play
from tests.golden.terms import D, at, golden_groups
from tests.sim.evil import signed
from tests.sim.harness import NODES, World, shown, world_terms
from tests.sim.script import OWN, begin
from tests.sim.virtual import VirtualLoop


def picture(state: State) -> dict[str, str]:
    """Everything's state, and every claim's decided periods."""
    return shown(state) | {name: claim.decided for name, claim in state.claims.items()}


# --- scripts ----------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What people say at one time (what nodes do of themselves is left out), and what is true then."""

    said: dict[str, list[Body]] = field(default_factory=dict)
    then: dict[str, str] = field(default_factory=dict)


class Scribe(Play):
    """A play that writes itself down."""

    def __init__(self, terms: Arrangement | None = None) -> None:
        super().__init__(terms)
        self.rows: dict[int, Row] = {}

    def place(self, what: EntryInput) -> Outcome:
        outcome = super().place(what)
        row = self.rows.setdefault(what.stamp, Row())
        row.then = picture(self.state)
        if not isinstance(what.body, OWN):
            row.said.setdefault(what.author, []).append(what.body)
        return outcome


def script(branch: Callable[[], object]) -> Scribe:
    """Play a test of the branches in memory, with its own assertions; the first play in it is the branch."""
    scribes: list[Scribe] = []

    def scribe(terms: Arrangement | None = None) -> Scribe:
        scribes.append(Scribe(terms))
        return scribes[-1]

    with patch.object(test_branches, "Play", scribe):
        branch()
    return scribes[0]


# --- worlds -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shot:
    """A world at rest: its files, its stores, what went over its network, and its machine's clock."""

    files: Path
    stores: dict[str, MemoryStore]
    submitted: frozenset[bytes]
    cosigned: tuple[tuple[str, bytes, bytes], ...]
    time: float


C9 = (at(76, 1), at(83, 1))  # it alone survives: at these times nodes move again, since nothing shows its performance


class Stage:
    """The golden scenario with one keeper, played once; branches set out from where they part from it."""

    def __init__(self, folder: Path, keeper: str, forks: Iterable[int]) -> None:
        """`forks` are the rows from which somebody sets out."""
        self.terms = world_terms(keeper)
        self.golden = Scribe(self.terms)
        self.golden.groups(golden_groups())
        for after in C9:
            self.golden.seal(after)
        self._forks = sorted(forks)
        self._shots: dict[int, Shot] = {}
        self._folder = folder

    @asynccontextmanager
    async def world(self, fork: int | None = None) -> AsyncIterator[World]:
        """A world of its own, at rest after the row at `fork`; without, before anything is proposed."""
        shot = None if fork is None else await self._shot(fork)
        files = self._folder / "world"  # always the same, for nodes remember where their files are
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir(parents=True)
        world = World(files, self.terms)
        if shot:
            _take_up(world, shot)
        async with world:
            yield world

    async def _shot(self, fork: int) -> Shot:
        if fork not in self._shots:
            before = max((each for each in self._forks if each < fork), default=None)
            async with self.world(before) as world:
                if before is None:
                    await begin(world)
                await perform(world, self.golden, after=before, until=fork)
                self._shots[fork] = _taken(world, self._folder / str(fork))
        return self._shots[fork]


def _taken(world: World, files: Path) -> Shot:
    shutil.copytree(world.folder, files)
    stores = world.stores | {name: node.store for name, node in world.nodes.items()}
    found = {name: copy.copy(store) for name, store in stores.items()}  # a commit replaces what a store holds
    network, time = world.network, asyncio.get_running_loop().time()
    return Shot(files, found, frozenset(network.submitted), tuple(network.cosigned), time)  # type: ignore[arg-type]


def _take_up(world: World, shot: Shot) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.now = max(loop.now, shot.time)
    shutil.copytree(shot.files, world.folder, dirs_exist_ok=True)
    for name, store in shot.stores.items():
        if name in NODES:
            world.nodes[name].store = copy.copy(store)
        else:
            world.monitor(name)
            vars(world.stores[name]).update(vars(store))
    world.network.submitted |= shot.submitted
    world.network.cosigned += shot.cosigned


# --- playing ----------------------------------------------------------------------------------------------------------


async def perform(
    world: World, play: Scribe, *, after: int | None = None, until: int | None = None, without: str | None = None
) -> None:
    """Play the script's rows from D on; after each, all nodes (but `without`, which is down) show what it says and have
    one root."""
    names = [name for name in NODES if name != without]
    for time, row in play.rows.items():
        if time < D or (after is not None and time <= after) or (until is not None and time > until):
            continue
        await world.clock(time, *sorted(names, key=lambda name: name == world.terms.keeper))
        for who, bodies in row.said.items():
            await world.say(who, *[await _real(world, body) for body in bodies])
        await (world.rest() if without is None else world.until("rest", partial(_at_rest, world, names)))
        await compare(world, row.then, time, names)


async def _at_rest(world: World, names: Iterable[str]) -> bool:
    """Nothing is left to do at these nodes but messages to one that is down."""
    sizes = set()
    for name in names:
        live = await world.nodes[name].live()
        sizes.add(live.record.sealed.size)
        pending_work = await world.nodes[name].running.node.pending_work(live)
        if pending_work and not pending_work.endswith("are on their way"):
            return False
    return len(sizes) == 1


async def compare(world: World, wanted: dict[str, str], time: int, names: Iterable[str] = NODES) -> None:
    """These nodes show this, and are at one head."""
    heads = set()
    for name in names:
        sealed = (await world.nodes[name].live()).record.sealed
        found = picture(sealed.state)
        wrong = {key: (found.get(key), wanted.get(key)) for key in found | wanted if found.get(key) != wanted.get(key)}
        assert not wrong, f"{name} at D+{(time - D) / 86400:.2f}: {wrong}"
        heads.add((sealed.size, sealed.tree_root, sealed.state_root))
    assert len(heads) == 1, heads


async def _real(world: World, body: Body) -> Body:
    """The body as said; the evidence against m2, which the script only names, with two entries that m2 signed."""
    if not isinstance(body, Evidence):
        return body
    leaf = [each for each in await leaves(world) if each.entry.author == "m2"][-1]
    said = leaf.entry.body
    assert isinstance(said, Attest)
    other = dataclasses.replace(leaf.entry, body=dataclasses.replace(said, value=not said.value))
    first, second = ({"entry": each.entry, "sig": each.sig} for each in (leaf, signed(other)))
    return Evidence(kind=body.kind, first=canonical(first).decode(), second=canonical(second).decode())


async def leaves(world: World) -> list[Leaf]:
    """The record at B."""
    return [decode_leaf(line) for line in await world.nodes["B"].store.leaves(world.arrangement, 0)]


def told(verdict: Verdict) -> list[Change]:
    """All that the record has changed, in order, as its verifier has found it."""
    return [change for entry in verdict.timeline for change in entry.changes]
