"""The golden scenario's branches between whole nodes: each leads there to what it leads to in memory.

The scripts are those of `tests/core/arrangement/test_branches.py`; see `tests/sim/branches.py`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest

from armslength.core.arrangement.bodies import Attest
from armslength.core.arrangement.state import Change
from tests.core.arrangement import test_branches as in_memory
from tests.golden.terms import at
from tests.sim.branches import Scribe, Stage, perform, picture, script, told
from tests.sim.harness import World, shown
from tests.sim.script import FILES
from tests.sim.virtual import play

pytestmark = pytest.mark.slow("every node signs, sends and stores the whole golden scenario once for each branch")

FORKS = {"m5": (at(9, 10), at(11, 1), at(14, 1), at(24, 1), at(30, 1)), "A": (at(10, 1),)}
End = Callable[[World], Awaitable[None]]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """The scenario with each keeper, up to where branches set out."""
    return {keeper: Stage(tmp_path_factory.mktemp(keeper), keeper, forks) for keeper, forks in FORKS.items()}


@pytest.fixture(autouse=True)
def _no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No node meets with anything that it did not expect."""
    yield
    assert [record.message for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []


def run(stage: Stage, fork: int, branch: Scribe, end: End | None = None, without: str | None = None) -> None:
    """Play a branch from its fork on: every row's states at every node, and in the end one root, a bundle that verifies
    offline to the same, and each change at its instant. A node that is down (`without`) is back for the end."""

    async def story() -> None:
        async with stage.world(fork) as world:
            if without is not None:
                await world.nodes[without].crash()
            await perform(world, branch, after=fork, without=without)
            if without is not None:
                await world.nodes[without].start()
                await world.clock(world.now)
                await world.rest()
            assert moments(told(await world.check())) == moments(branch.changes)
            if end is not None:
                await end(world)

    play(story())


def moments(changes: list[Change]) -> list[tuple[int, str, str, str]]:
    """When what became what."""
    return sorted((change.at, change.subject, change.before, change.after) for change in changes)


async def all_files(world: World) -> None:
    """B has opened every tranche, and each is the file that A sealed."""
    for tranche, content in FILES.items():
        assert await world.received(tranche) == content


async def only(world: World, *tranches: str) -> None:
    """B has opened these tranches and no other."""
    node = world.nodes["B"]
    opened = []
    for tranche in FILES:
        reception = await node.running.node.tranches.recipient(await node.live(), tranche).reception()
        opened += [tranche] if reception is not None and reception.plain is not None else []
    assert tuple(opened) == tranches


@pytest.mark.parametrize("refuted", [True, False])
def test_no_cure(stages: dict[str, Stage], refuted: bool) -> None:
    """No cure: D+36 11:00 WINDING → TERMINATED; T4–T6 FORFEITED and never opened, C2 BREACHED, C9 ACTIVE."""
    branch = script(functools.partial(in_memory.test_no_cure, refuted))
    run(stages["m5"], at(24, 1), branch, lambda world: only(world, "T1", "T2", "T3"))


def test_cured_but_never_resumed(stages: dict[str, Stage]) -> None:
    """Cured but never resumed: the same end, C2 DISCHARGED with its remedied instance on record."""
    branch = script(in_memory.test_cured_but_never_resumed)
    run(stages["m5"], at(24, 1), branch, lambda world: only(world, "T1", "T2", "T3"))


def test_m2_equivocates(stages: dict[str, Stage]) -> None:
    """Two entries of m2 with one number, shown at D+12: a2 is DISMISSED, nothing is suspended, C2 is UNVERIFIED."""

    async def end(world: World) -> None:
        assert (await world.state()).arrangement.excluded == {"m2": at(12)}
        await all_files(world)

    run(stages["m5"], at(11, 1), script(in_memory.test_m2_equivocates), end)


def test_m2_equivocates_and_m3_saw_it_too(stages: dict[str, Stage]) -> None:
    """If m3 attests false too, the arrangement's states are the golden ones."""
    run(stages["m5"], at(11, 1), script(in_memory.test_m2_equivocates_and_m3_saw_it_too), all_files)


def test_b_is_silent(stages: dict[str, Stage]) -> None:
    """B's node is down from D+10: T3 stays READY, C5a is OVERDUE D+23 07:00, SUSPENDED D+30 07:00, TERMINATED D+44
    08:00, A never in breach; when it is back, B has the same record."""
    run(stages["m5"], at(9, 10), script(in_memory.test_b_is_silent), lambda world: only(world, "T1", "T2"), without="B")


def test_m5_is_silent_as_monitor(stages: dict[str, Stage]) -> None:
    """m5 says nothing from D+10 on, and A keeps the record: p10 on UNKNOWN, T3–T6 FORFEITED, COMPLETED D+47 01:00."""
    branch = script(in_memory.test_m5_is_silent_as_monitor)
    run(stages["A"], at(10, 1), branch, lambda world: only(world, "T1", "T2"))


def test_m5_is_silent_as_keeper(stages: dict[str, Stage]) -> None:
    """m5 is down as keeper from D+14: nothing is placed, and the last sealed state stays; what others have stamped
    meanwhile is in time once m5 is back, and the key leaves then (rule 2.5b)."""
    branch = script(in_memory.test_m5_is_silent_as_keeper)

    async def story() -> None:
        async with stages["m5"].world(at(14, 1)) as world:
            root = await world.agreed_root()
            await world.nodes["m5"].crash()
            await world.clock(at(15, 10), "A", "B")
            await world.say("m1", Attest(claim="k2", period=14, value=False))
            party = await world.nodes["A"].live()
            await world.until("A's release", party.journal.pending)
            await asyncio.sleep(60)
            for name in ("A", "B"):
                book = (await world.nodes[name].live()).record
                assert picture(book.sealed.state) == branch.rows[at(14, 1)].then
                assert (book.sealed.state_root, book.sealed.state.clock.tau) == (root, at(14, 1))
            await world.nodes["m5"].start()
            await world.clock(at(18))
            await world.rest()
            verdict = await world.check()
            assert {(at(15, 10), "T3", "DELIVERED", "RELEASED"), (at(18), "T3", "RELEASED", "SETTLED")} <= {
                *moments(told(verdict))
            }
            assert shown(await world.state())["T3.release"] == "FULFILLED"
            await only(world, "T1", "T2", "T3")

    play(story())


def test_a_withdraws(stages: dict[str, Stage]) -> None:
    """A withdraws at D+30 02:00: T4 SETTLED D+31; D+35 02:00 WINDING → TERMINATED; T5, T6 FORFEITED."""
    run(stages["m5"], at(30, 1), script(in_memory.test_a_withdraws), lambda world: only(world, "T1", "T2", "T3", "T4"))


@pytest.mark.parametrize(("keeper", "fork"), [("m5", at(30, 1)), ("A", at(10, 1))])
def test_the_scenario_itself(stages: dict[str, Stage], keeper: str, fork: int) -> None:
    """The whole script leads to the golden states, whether m5 or a party keeps the record; after its end C9 is OVERDUE
    at D+76 01:00 and BREACHED at D+83 01:00, each sealed then."""

    async def end(world: World) -> None:
        state = await world.state()
        assert (state.shown, state.duties["C9"].state, state.clock.tau) == ("COMPLETED", "BREACHED", at(83, 1))
        assert {(at(76, 1), "C9", "ACTIVE", "OVERDUE"), (at(83, 1), "C9", "OVERDUE", "BREACHED")} <= {
            *moments(stages[keeper].golden.changes)
        }
        await all_files(world)

    run(stages[keeper], fork, stages[keeper].golden, end)
