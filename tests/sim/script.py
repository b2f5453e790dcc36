"""The golden script as it is played between nodes: what people say and when, and what must be true after each moment.

What nodes do of themselves (commit, acknowledge, release, key, seal) is left out; the provider's embargoes make it late
where the script wants it so.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Ack, Body, Commit, Key, Release, Seal, Sign
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import TYPE_OF
from tests.golden.terms import at, golden_script, golden_terms
from tests.sim.harness import World, shown

OWN = (Ack, Commit, Key, Release, Seal, Sign)
EMBARGO = {"T2": at(9, 6), "T3": at(15, 10)}
FILES = {f"T{number}": f"Summary {number}: invented and aggregated.\n".encode() * 2000 for number in range(1, 7)}


@cache
def expected(keeper: str) -> dict[int, dict[str, str]]:
    """What must be shown after each moment of the script."""
    terms = golden_terms(keeper=keeper)
    state, found = step.initial(terms), {}
    for time, entries in golden_script(keeper=keeper):
        for number, (author, body) in enumerate(entries):
            name = digest(canonical({"time": time, "number": number}))
            act = step.EntryInput(author=author, stamp=time, type=TYPE_OF[type(body)], body=body, entry=name)
            state = step.apply(terms, state, act).state
        found[time] = shown(state)
    return found


def moments(until: int) -> Iterator[tuple[int, list[tuple[str, list[Body]]]]]:
    """When, and who says what then, in order."""
    for time, entries in golden_script():
        if time > until:
            return
        said: list[tuple[str, list[Body]]] = []
        for author, body in entries:
            if isinstance(body, OWN):
                continue
            if said and said[-1][0] == author:
                said[-1][1].append(body)
            else:
                same = next((each for each in said if each[0] == author and author not in {"A", "B"}), None)
                (same[1].append(body) if same else said.append((author, [body])))
        yield time, said


async def begin(world: World) -> None:
    """Propose, sign and publish."""
    await world.clock(at(-3))
    await world.agree()
    await world.rest()
    await world.clock(at(-2))
    for tranche, content in FILES.items():
        await world.publish(tranche, content, EMBARGO.get(tranche, 0))
    await world.rest()


async def take_effect(world: World) -> None:
    """The same, and the terms are in effect."""
    await begin(world)
    await world.clock(at(0))
    await world.rest()


async def perform(world: World, until: int) -> None:
    """Play the script to this moment; after each, every node shows what the script says."""
    for time, said in moments(until):
        if time < at(0):
            continue
        await world.clock(time)
        for who, bodies in said:
            await world.say(who, *bodies)
        await world.rest()
        await compare(world, time)


async def compare(world: World, time: int) -> None:
    """Every node shows what the script says for this moment."""
    wanted = expected(world.terms.keeper)[time]
    for name in world.nodes:
        found = shown(await world.state(name))
        wrong = {key: (found.get(key), value) for key, value in wanted.items() if found.get(key) != value}
        assert not wrong, f"{name} at D+{(time - at(0)) / 86400:.2f}: {wrong}"
