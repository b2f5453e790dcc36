"""What is ripe, and that no crash between two commits makes a node forget what it has to do."""

from __future__ import annotations

import asyncio
from copy import copy
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from armslength.engine import schedule
from armslength.engine.schedule import SCHEDULE, Schedule
from armslength.errors import Unavailable
from armslength.ports import Batch, Put
from armslength.store.memory import MemoryStore

NAMES = ["a" * 64, "b" * 64]
A, B = NAMES


def clock(real: int = 0, simulated: int = 0) -> Any:
    """Both clocks stand."""
    return SimpleNamespace(now=lambda **kind: simulated if kind["simulated"] else real)


class Recording(MemoryStore):
    """Remembers what was on the disk after each commit. Commits take a while; some fail."""

    def __init__(self) -> None:
        super().__init__()
        self.after: list[MemoryStore] = [copy(self)]
        self.failing = False

    async def commit(self, batch: Batch) -> bool:
        await asyncio.sleep(0)
        if self.failing:
            raise Unavailable("store-failed", "nothing was written")
        done = await super().commit(batch)
        self.after.append(copy(self))
        await asyncio.sleep(0)
        return done


async def repository(store: MemoryStore) -> Schedule:
    """A schedule of two arrangements, which are settled until 10 and for ever."""
    found = Schedule(store)
    await found.commit(Batch(puts=[schedule.row(A, 10), schedule.row(B)]))
    return found


async def reopened(store: MemoryStore) -> Schedule:
    """The schedule as the next process reads it."""
    found = Schedule(store)
    await found.load()
    return found


def about(name: str, how: int = 0) -> Batch:
    """A change of an arrangement, by each of the ways in which rows name one."""
    return [
        Batch(puts=[Put("journal", f"{name}/0001", None, b"", f"{name}/pending")]),
        Batch(puts=[Put("transfer", "urn:uuid:1", None, b"", f"urn:armslength:{name}:T1")]),
        Batch(leaves=[(name, 0, b"{}")]),
        Batch(deletes=[("refusal", f"{name}/x")]),
    ][how]


@pytest.mark.parametrize("how", range(4))
async def test_whatever_is_committed_marks(how: int) -> None:
    """In the same commit: entries, processes of the dataspace, leaves, and what is deleted."""
    store = Recording()
    found = await repository(store)
    assert found.ripe(clock()) == []
    assert await found.commit(about(A, how))
    assert found.ripe(clock()) == [A]
    assert len(store.after) == 3
    assert (await reopened(store)).ripe(clock()) == [A]


async def test_instants_by_the_clock_of_the_terms() -> None:
    """What is settled until an instant is ripe from then on, by its own clock, in the next process as well."""
    store = MemoryStore()
    found = await repository(store)
    assert await found.settle(schedule.row(B, 5, simulated=True), found.moves(B))
    for each in (found, await reopened(store)):
        assert each.next_instant() == 10
        assert each.ripe(clock(9, 4)) == []
        assert each.ripe(clock(9, 5)) == [B]
        assert each.ripe(clock(10, 4)) == [A, B]  # until it is settled again


async def test_a_change_during_the_look_is_looked_at() -> None:
    """`settle` does nothing if something was committed since the look began, or is on its way."""
    store = Recording()
    found = await repository(store)
    since = found.moves(A)
    await found.commit(about(A))
    assert not await found.settle(schedule.row(A, 20), since)
    since = found.moves(A)
    flying = asyncio.create_task(found.commit(about(A)))
    await asyncio.sleep(0)
    assert not await found.settle(schedule.row(A, 20), found.moves(A))
    await flying
    assert not await found.settle(schedule.row(A, 20), since)
    assert found.ripe(clock()) == [A]
    assert await found.settle(schedule.row(A, 20), found.moves(A))
    assert found.ripe(clock(19)) == []


async def test_a_disk_that_fails_loses_no_mark() -> None:
    """Where a mark could not be taken away it is looked at again; where a change failed, the next one marks."""
    store = Recording()
    found = await repository(store)
    await found.commit(about(A))
    store.failing = True
    with pytest.raises(Unavailable):
        await found.settle(schedule.row(A), found.moves(A))
    with pytest.raises(Unavailable):
        await found.commit(about(B))
    store.failing = False
    assert found.ripe(clock()) == [A]
    assert await found.settle(schedule.row(A), found.moves(A))
    assert await found.commit(about(A))
    assert await found.commit(about(B))
    assert (await reopened(store)).ripe(clock()) == NAMES


async def test_what_is_taken_off_is_gone() -> None:
    """Neither a later commit nor a look that was under way brings it back."""
    store = MemoryStore()
    found = await repository(store)
    since = found.moves(A)
    await found.commit(Batch(deletes=[(SCHEDULE, A)]))
    await found.commit(about(A))
    assert not await found.settle(schedule.row(A, 20), since)
    for each in (found, await reopened(store)):
        assert A not in each
        assert len(each) == 1
        assert each.ripe(clock(99)) == []


async def test_what_waits_for_a_peer_is_left_alone_until_it_answers_or_something_happens() -> None:
    """It is not ripe, stays marked for the next process, and comes back by its peer, its instant, or a commit."""
    store = MemoryStore()
    found = await repository(store)
    whom = frozenset({"did:b", "did:c"})

    async def parked(name: str = A, until: int | None = None) -> None:
        assert await found.park(schedule.row(name, until), found.moves(name), whom)
        assert name not in found.ripe(clock())
        assert name in (await reopened(store)).ripe(clock())

    await parked()
    assert [sorted(found.waited_for()), found.waiting("did:b"), found.waiting("did:x")] == [sorted(whom), [A], []]
    found.resume(A)
    assert (found.ripe(clock()), found.waited_for()) == ([A], [])
    await parked(until=7)
    assert [found.next_instant(), found.ripe(clock(6)), found.ripe(clock(7)), found.waited_for()] == [7, [], [A], []]
    await parked(until=7)
    await found.commit(about(A))
    assert (found.ripe(clock()), found.waited_for()) == ([A], [])
    since = found.moves(A)
    await found.commit(about(A))
    assert not await found.park(schedule.row(A), since, whom)  # something has happened since the look
    await parked()
    await parked(B)
    assert found.waiting("did:c") == [A, B]
    await found.commit(Batch(deletes=[(SCHEDULE, A)]))
    assert (found.waiting("did:c"), found.ripe(clock())) == ([B], [])


STEPS = st.tuples(st.sampled_from(["commit", "look", "settle", "pause"]), st.sampled_from(NAMES))


# A look that began before a settling ended, and a change after both: it must not pass for having seen that change.
LOOKED_BEFORE_A_SETTLING = [
    *(("commit", B), ("commit", A), ("settle", B), ("commit", A)),
    *(("look", B), ("commit", B), ("commit", A), ("settle", B)),
]


@settings(deadline=None)
@given(st.lists(STEPS, max_size=14))
@example(LOOKED_BEFORE_A_SETTLING)
def test_no_crash_forgets_a_change(script: list[tuple[str, str]]) -> None:
    """Changes and looks in any order and at once: after each commit the next process looks at every arrangement with a
    change that the look by which it was settled had not seen."""

    async def story() -> None:
        store = Recording()
        found = await repository(store)
        acknowledged: set[str] = set()  # changes whose commit has returned
        looks: dict[str, tuple[int, frozenset[str]]] = {}  # by arrangement: since when, and what it has seen
        seen: dict[str, frozenset[str]] = {}  # by a settling's number: what its look had seen

        async def commit(name: str, number: int) -> None:
            key = f"{name}/{number:03}"
            if await found.commit(Batch(puts=[Put("change", key, None, b"")])):
                acknowledged.add(key)

        async def settle(name: str, number: int) -> None:
            since, what = looks.get(name, (found.moves(name), frozenset(acknowledged)))
            seen[f"{number:03}"] = what
            await found.settle(
                schedule.row(name), since, Batch(puts=[Put("settled", f"{name}/{number:03}", None, b"")])
            )

        tasks: list[asyncio.Task[None]] = []
        for number, (what, name) in enumerate(script):
            if what == "look":
                looks[name] = found.moves(name), frozenset(acknowledged)
            elif what == "pause":
                for _ in range(3):
                    await asyncio.sleep(0)
            else:
                tasks.append(asyncio.create_task((commit if what == "commit" else settle)(name, number)))
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        for disk in store.after[2:]:
            ripe = (await reopened(disk)).ripe(clock())
            for name in NAMES:
                changes = {row.key for row in await disk.find("change") if row.key.startswith(name)}
                settled = [row for row in await disk.find("settled") if row.key.startswith(name)]
                last = max(settled, key=lambda row: row.order, default=None)
                known = frozenset() if last is None else seen[last.key[-3:]]
                assert name in ripe or changes <= known

    asyncio.run(story())
