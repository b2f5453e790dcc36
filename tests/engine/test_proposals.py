"""What others propose: how much of it is kept, what makes room, and what never does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Sign
from armslength.engine.proposals import EACH, PROPOSALS, decline, make_room
from armslength.errors import NotFound, Refused
from tests.sim.harness import World
from tests.sim.virtual import play

ME = "did:web:me.example"


def _held(name: str, by: str, at: int, phase: str = "PROPOSED", *signed: str) -> Any:
    arrangement = SimpleNamespace(phase=phase, signed=dict.fromkeys(signed, 1))
    view = SimpleNamespace(state=SimpleNamespace(arrangement=arrangement))
    return SimpleNamespace(
        arrangement=name,
        held=SimpleNamespace(by=by, at=at),
        book=SimpleNamespace(me=SimpleNamespace(actor="me"), view=view),
    )


class Shelf:
    """Arrangements; one that is being signed is not forgotten."""

    did = ME

    def __init__(self, *held: Any, signing: str = "") -> None:
        self.held = list(held)
        self.signing = signing

    async def everything(self) -> list[Any]:
        return list(self.held)

    async def forget(self, held: Any) -> bool:
        if held.arrangement == self.signing:
            return False
        self.held.remove(held)
        return True


async def _gone(by: str, *held: Any, signing: str = "") -> list[str]:
    """What has made room for a proposal of this proposer."""
    shelf: Any = Shelf(*held, signing=signing)
    await make_room(shelf, by)
    left = {each.arrangement for each in shelf.held}
    return [each.arrangement for each in held if each.arrangement not in left]


async def test_nothing_goes_while_there_is_room() -> None:
    """49 of one proposer and 199 in all are no crowd, nor is what is ours or has ended, however much it is."""
    few = [_held(f"x{n}", "x", n) for n in range(EACH - 1)]
    ours = [_held(f"m{n}", ME, n) for n in range(PROPOSALS)]
    signed = [_held(f"s{n}", "x", n, "EFFECTIVE", "me") for n in range(PROPOSALS)]
    over = [_held(f"o{n}", "x", n, "COMPLETED") for n in range(PROPOSALS)]
    assert await _gone("x", *few, *ours, *signed, *over) == []


async def test_the_oldest_of_the_same_proposer_makes_room() -> None:
    """Those that somebody has signed go after those that nobody has; those in force, and those of others, never."""
    others = [_held("y", "y", 0), _held("in force", "x", 0, "EFFECTIVE", "them")]
    some = [_held(f"x{n:02}", "x", 10 + n) for n in range(EACH - 2)]
    begun = _held("begun", "x", 1, "PROPOSED", "them")
    assert await _gone("x", *others, begun, *some) == ["x00"]
    assert await _gone("x", *others, begun, *some, signing="x00") == ["x01"]


async def test_where_many_share_the_room_those_with_most_give() -> None:
    """A newcomer takes the oldest of a proposer with the most, and not that of one with few."""
    few = [_held("few", "few", 0)]
    many = [_held(f"{by}{n:02}", by, 1 + n) for by in ("a", "b", "c", "d") for n in range(EACH - 1)]
    rest = [_held(f"z{n}", "z", 0) for n in range(PROPOSALS - len(many) - 1)]
    assert await _gone("new", *few, *rest, *many) == ["a00"]


async def test_what_binds_makes_no_room() -> None:
    """Where everything of a proposer is in force at a node that is no party, the next one is refused."""
    held = [_held(f"x{n}", "x", n, "EFFECTIVE", "them", "others") for n in range(EACH)]
    with pytest.raises(Refused, match="too many"):
        await _gone("x", *held)
    held = [_held(f"x{n}", f"x{n}", n, "EFFECTIVE", "them", "others") for n in range(PROPOSALS)]
    with pytest.raises(Refused, match="too many"):
        await _gone("new", *held)


def test_declined_terms_are_gone_until_they_come_again(tmp_path: Path) -> None:
    """Who has not signed may decline; who has, may not. Declined terms can be proposed again, and their record goes on
    where it was."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(world.terms.start - 86400)
            await world.until("the proposal", world._propose)
            await world.say("A", Sign())
            await world.until("a seal at B", lambda: _sealed(world))
            a, b = world.nodes["A"], world.nodes["B"]
            with pytest.raises(Refused, match="we have signed"):
                await decline(a.running.node.shelf, await a.held())
            before, shelf = await b.held(), b.running.node.shelf
            declined = await b.manage("decline", arrangement=world.arrangement[:8])
            assert declined == {"arrangement": world.arrangement, "title": world.terms.title}
            assert await shelf.everything() == []
            assert not await shelf.naming(a.config.did)
            assert shelf._naming == {}  # whoever makes up names leaves nothing behind
            with pytest.raises(NotFound):
                await b.held()
            with pytest.raises(NotFound, match="declined"):
                await b.running.node.say(before, [Sign()])
            await world._propose()
            again = await b.held()
            assert again.book.sealed.size >= before.book.sealed.size > 0
            assert again.kept == before.kept
            await world.say("B", Sign())
            await world.rest()
            assert (await world.state("B")).arrangement.phase == "SIGNED"
            with pytest.raises(Refused, match="all parties"):
                await decline(world.nodes["m5"].running.node.shelf, await world.nodes["m5"].held())

    play(story())


async def _sealed(world: World) -> bool:
    return (await world.nodes["B"].held()).book.sealed.size > 0


def test_what_we_are_signing_is_not_forgotten(tmp_path: Path) -> None:
    """A signature that is written, and not placed yet, holds its terms."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(world.terms.start - 86400)
            await world.until("the proposal", world._propose)
            world.network.apart = {"B"}
            await world.say("B", Sign())
            b = world.nodes["B"]
            with pytest.raises(Refused, match="about to sign"):
                await decline(b.running.node.shelf, await b.held())
            with patch("armslength.engine.proposals.EACH", 1), pytest.raises(Refused, match="too many"):
                await make_room(b.running.node.shelf, world.nodes["A"].config.did)

    play(story())
