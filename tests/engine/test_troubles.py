"""What fails and is tried again: growing pauses with chance in them, and what the owner is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from armslength.core.arrangement.bodies import Notice
from armslength.engine.troubles import Troubles
from armslength.views.explain import NodeFacts, Timekeeper, why
from armslength.views.troubles import CLOCK, SHOWN
from armslength.wire.own import Trouble
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import World
from tests.sim.virtual import play
from tests.views.fold import golden


def test_what_fails_is_listed_until_it_goes_well() -> None:
    """The oldest first, with what is at home and at those who are asked about; nothing once it goes well
    (rule 11.3a)."""

    async def story() -> None:
        troubles, now = Troubles(clock=lambda: 1000.0), asyncio.get_running_loop().time()
        b = troubles.at("messages", "did:b")
        b.fail("answers 503", "ask them")
        b.fail("answers 502")
        troubles.at("its cosignature", "m5", "aa").fail("does not answer")
        troubles.at("its cosignature", "m5", "bb").fail("does not answer")
        assert [(each.whom, each.reason, each.attempts) for each in troubles.listed("aa", frozenset({"did:b"}))] == [
            ("m5", "does not answer", 1),
            ("did:b", "answers 502", 2),
        ]
        assert [each.whom for each in troubles.listed("aa")] == ["m5"]
        assert b.left > 0
        assert asyncio.get_running_loop().time() == now
        b.end()
        troubles.forget("aa")
        assert [each.arrangement for each in troubles.listed()] == ["bb"]

    play(story())


def test_chance_spreads_pauses_and_no_more_than_by_half() -> None:
    """Whoever failed together does not come back together; a pause is never shorter than half of what it may be
    (rule 11.3a)."""

    async def story() -> None:
        random = Random(7)
        pauses = [Troubles(chance=random.random).at("messages") for _ in range(100)]
        for length in (0.5, 1, 2, 4, 8, 16, 32, 60, 60):
            for pause in pauses:
                pause.grow()
            left = [pause.left for pause in pauses]
            assert len(set(left)) > 90
            assert length / 2 <= min(left)
            assert max(left) <= length

    play(story())


def test_a_keeper_that_is_down_is_told_in_status_and_no_longer_once_it_is_back(tmp_path: Path) -> None:
    """What waits, since when and why; after the keeper's return nothing fails any more."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            world.network.apart = {"m5"}
            await world.say("B", Notice(claim="k2", start=at(5), end=at(6), text=""))
            await asyncio.sleep(60)
            (trouble,) = [
                each for each in (await world.nodes["B"].manage("view"))["troubles"] if each["what"] == "our entries"
            ]
            assert "nobody there" in trouble["reason"]
            assert trouble["arrangement"] == world.arrangement
            assert trouble["attempts"] >= 5
            assert 0 <= world.wall() - trouble["since"] - 60 < 10
            world.network.calm()
            await world.rest()
            assert (await world.nodes["B"].manage("view"))["troubles"] == []

    play(story())


def test_a_clock_of_ours_that_is_wrong_accuses_no_other() -> None:
    """Where this node's clock is ahead, the others' do not lag."""
    fold = golden()
    lagging = {name: Timekeeper(heard=fold.state.clock.now, behind=1000) for name in ("A", "B", "m5")}
    facts = NodeFacts(now=fold.state.clock.now, size=1, sealed=1, timekeepers=lagging, me="A")
    assert "lags" in " ".join(why(fold.terms, fold.state, "arrangement", facts).sentences)
    ours = Trouble(what=CLOCK, since=1_750_000_000, reason="it is 90 s ahead of Borovia's")
    facts = NodeFacts(now=facts.now, size=1, sealed=1, timekeepers=lagging, me="A", troubles=(ours,))
    said = " ".join(why(fold.terms, fold.state, "arrangement", facts).sentences)
    assert "lags" not in said
    assert "This node's clock seems wrong" in said


def test_who_shows_something_false_is_named_with_what_it_shows() -> None:
    """As a sentence about that one, not about an attempt of ours."""
    fold = golden()
    false = Trouble(what=SHOWN, whom="A", since=1_750_000_000, reason="shows words of ours that do not verify: x")
    facts = NodeFacts(now=0, size=0, sealed=0, troubles=(false,))
    said = why(fold.terms, fold.state, "arrangement", facts).sentences
    assert any(line.startswith("Arandia shows words of ours that do not verify: x (since ") for line in said), said


def test_why_names_what_our_own_node_does_not_get_done() -> None:
    """An act on a tranche is told with that tranche and with the arrangement, not with another tranche."""
    fold = golden()
    act = Trouble(what="negotiate of T2", whom="A", since=1_750_000_000, reason="answers 403", advice="ask them")
    facts = NodeFacts(now=0, size=0, sealed=0, troubles=(act,))
    for subject in ("arrangement", "T2", "T2.release"):
        assert "Negotiate of T2 at Arandia fails here" in why(fold.terms, fold.state, subject, facts).sentences[-1]
    assert all("fails" not in said for said in why(fold.terms, fold.state, "T3", facts).sentences)
