"""How many processes a counterparty can have, and how often what comes to nothing is asked for."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.engine.census import AGREED, KEPT, LIVE
from armslength.engine.reactions import offer_of
from armslength.errors import Refused
from armslength.net.client import HttpReply
from tests.engine.dataspace import BASES, CONSUMER, PROVIDER, Network, Tranches, tranche
from tests.engine.test_exchange import request
from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.virtual import play


async def ask(net: Network, pid: str, **changes: Any) -> cn.Negotiation:
    record = await net.nodes[PROVIDER].receive(CONSUMER, request(pid, **changes))
    assert isinstance(record, cn.Negotiation)
    return record


async def test_negotiations_that_run_are_bounded() -> None:
    """Of 1,500 that are opened at once about one dataset so many begin; the rest is refused with the reason. One about
    another dataset begins, and so does the next where one has ended (rule 11.1d)."""
    net = Network(datasets=Tranches(tranche(), tranche("T2")))
    results = await asyncio.gather(*(ask(net, f"c{number}") for number in range(1500)), return_exceptions=True)
    begun = [each for each in results if isinstance(each, cn.Negotiation)]
    refused = [each for each in results if isinstance(each, Refused)]
    assert (len(begun), len(refused)) == (LIVE, 1500 - LIVE)
    assert {each.code for each in refused} == {"too-many"}
    assert "run already" in refused[0].reason
    assert len(await net.stores[PROVIDER].due(net.now, 2000)) == LIVE
    await ask(net, "other", offer=offer_of(tranche("T2")))
    assert await ask(net, "c0") == begun[0]  # asked again, it is the same
    ended = cn.NegotiationTerminated(consumer_pid="c0", provider_pid=begun[0].pid)
    await net.nodes[PROVIDER].receive(CONSUMER, ended, begun[0].pid)
    await ask(net, "next")
    net.restart(PROVIDER)  # what is stored counts as well
    with pytest.raises(Refused, match="run already"):
        await ask(net, "more")


async def test_of_those_that_came_to_nothing_the_last_are_kept() -> None:
    """However often they begin and end; one that has gone may begin again under its old id."""
    net = Network()
    for number in range(200):
        record = await ask(net, f"c{number}")
        ended = cn.NegotiationTerminated(consumer_pid=f"c{number}", provider_pid=record.pid)
        await net.nodes[PROVIDER].receive(CONSUMER, ended, record.pid)
        net.now += 1
    assert len(await net.negotiations(PROVIDER)) <= KEPT
    assert len(await net.stores[PROVIDER].find("agreement")) <= KEPT
    assert (await ask(net, "c0")).state == cn.NegotiationState.REQUESTED
    while sends := await net.stores[PROVIDER].due(net.now, 1000):  # what was sent for those that have gone
        for send in sends:
            await net.nodes[PROVIDER].delivered(send, 404, b"")


async def test_agreements_on_a_dataset_are_bounded() -> None:
    """Each is kept for good, so there are not many."""
    net = Network()
    for _ in range(AGREED):
        await net.negotiate(fresh=True)
        await net.settle()
    assert {record.state for record in await net.negotiations(PROVIDER)} == {cn.NegotiationState.FINALIZED}
    with pytest.raises(Refused, match="agreed on"):
        await ask(net, "more")


async def test_transfers_that_run_are_bounded() -> None:
    """Of one dataset, whichever agreement they name."""
    net = Network()
    agreement = await net.agree()
    results = await asyncio.gather(
        *(
            net.nodes[PROVIDER].receive(
                CONSUMER,
                tp.TransferRequest(
                    consumer_pid=f"t{number}", agreement=agreement.id, format="HttpData-PULL", callback=BASES[CONSUMER]
                ),
            )
            for number in range(100)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, tp.Transfer) for each in results) == LIVE
    assert {each.code for each in results if isinstance(each, Refused)} == {"too-many"}


@pytest.mark.parametrize(("status", "most"), [(400, 30), (403, 1), (401, 1), (500, 1)])
def test_what_is_refused_is_asked_less_and_less_often(tmp_path: Path, status: int, most: int) -> None:
    """A proxy before the provider answers every request for an agreement so. In an hour few negotiations are begun, few
    requests made, and those that came to nothing do not pile up; the owner is told; once it is away, all goes on."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            carry, asked = world.network.carry, list[float]()

            async def barred(sender: str, method: str, url: str, *rest: Any) -> HttpReply:
                if url.endswith("/negotiations/request"):
                    asked.append(asyncio.get_running_loop().time())
                    return HttpReply(status, {}, b"<html>Forbidden</html>")
                return await carry(sender, method, url, *rest)

            with patch.object(world.network, "carry", barred):
                await world.agree()
                await asyncio.sleep(3600)
                tranches = sum(each.recipient == "B" for each in world.terms.tranches.values())
                negotiations = await world.nodes["B"].store.find("negotiation")
                assert 0 < len(negotiations) <= min(most, KEPT) * tranches
                assert len(asked) < 90 * tranches
                assert max(later - sooner for sooner, later in itertools.pairwise(asked)) < 400
                (told, *_) = (await world.nodes["B"].manage("view"))["troubles"]
                assert str(status) in told["reason"]
                assert told["attempts"] > 5
            await asyncio.sleep(310)
            await world.rest()
            assert (await world.nodes["B"].manage("view"))["troubles"] == []
            for name in world.terms.tranches:
                dataset = f"urn:armslength:{world.arrangement}:{name}"
                assert await world.nodes["B"].running.exchange.agreement_for(dataset) is not None

    play(story())
