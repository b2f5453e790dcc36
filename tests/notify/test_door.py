"""What is asked by no record: proposals and drafts, each told once; strangers make nobody's mail."""

from __future__ import annotations

from pathlib import Path

from armslength.approvals.drafts import APPROVE
from armslength.core.arrangement.bodies import Withdraw
from armslength.engine.approvals import Approvals
from armslength.notify.door import SELDOM_S, Door
from armslength.notify.notification import ASKED, NEAR, Notification
from armslength.notify.settings import Addressee, Leads
from armslength.ports import Batch
from tests.approvals.people import NAMES
from tests.engine.test_proposals import other
from tests.sim.harness import World
from tests.sim.script import begin, take_effect
from tests.sim.test_approvals import adopt, ask, only, word
from tests.sim.virtual import play

NOON = 1785585600


def test_proposals_are_told_once_and_strangers_are_counted(tmp_path: Path) -> None:
    """A counterparty's by its title; of strangers' that there are some, and that seldom."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            node = world.nodes["B"].running.node
            store, approvals = (
                world.nodes["B"].store,
                await Approvals.opened(world.nodes["B"].store, world.nodes["B"].running.clock),
            )
            door = Door(store, node.repository, node.proposals, approvals, Leads())

            async def look(now: int) -> list[Notification]:
                said, puts = await door.look(now)
                await store.commit(Batch(puts=puts))
                return said

            assert await look(NOON) == []
            _, proposal = other(world)
            await node.proposals.receive(proposal, world.terms.actors["A"].did or "")
            (said,) = await look(NOON)
            assert said.title == "The other terms"
            assert said.event == "sign"
            assert await look(NOON + 60) == []
            assert await Door(store, node.repository, node.proposals, approvals, Leads()).look(NOON) == ([], [])

            for number in range(3):
                _, strange = other(world, f"BUY NOW {number}")
                await node.proposals.receive(strange, f"did:web:s{number}.example")
            (said,) = await look(NOON + 60)
            assert "3 arrangements" in said.text
            assert "BUY" not in said.text
            _, strange = other(world, "BUY NOW 4")
            await node.proposals.receive(strange, "did:web:s4.example")
            assert await look(NOON + 3600) == []
            (said,) = await look(NOON + 60 + SELDOM_S)
            assert "4 arrangements" in said.text
            assert await look(NOON + 10 * SELDOM_S) == []

    play(story())


def test_officials_are_told_what_waits_for_their_word(tmp_path: Path) -> None:
    """Whose approval a draft waits for is told once, and again when its time is nearly over, unless it has approved by
    then; whoever asks is not, nor is anybody once it is done."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await take_effect(world)
            b = world.nodes["B"]
            node, approvals = b.running.node, b.running.officials.approvals
            await adopt(b, only("withdraw"))
            door = Door(b.store, node.repository, node.proposals, approvals, Leads())

            async def look(now: int) -> list[tuple[str, tuple[str, ...]]]:
                said, puts = await door.look(now)
                await b.store.commit(Batch(puts=puts))
                assert len({each.id for each in said} - seen) == len(said)
                seen.update(each.id for each in said)
                to = {name: Addressee(name=name, kinds=frozenset({ASKED, NEAR}), official=name) for name in NAMES}
                return [(each.kind, tuple(name for name in NAMES if to[name].wants(each))) for each in said]

            seen = set[str]()
            name = await ask(b, "vera", Withdraw(text="we leave"))
            lapses = approvals.ledger.find(name).draft.lapses
            assert await look(approvals.now()) == [(ASKED, ("ivo", "kaja"))]
            await word(b, "ivo", name, APPROVE)
            assert await look(lapses - 25 * 3600) == []
            assert await look(lapses - 24 * 3600) == [(NEAR, ("kaja",))]
            assert await look(lapses - 3 * 3600) == []
            assert await look(lapses - 3600) == [(NEAR, ("kaja",))]
            await word(b, "kaja", name, APPROVE)
            assert await look(lapses - 60) == []

    play(story())
