"""Two nodes negotiate and transfer: over a good network, over a bad one, and against peers that get it wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.policy import Agreement, Constraint, Offer, Policy, Rule, thin
from armslength.core.process import Message
from armslength.engine.reactions import offer_of
from armslength.errors import NotFound, Refused
from armslength.ports import Send
from armslength.wire import dsp
from tests.engine.dataspace import (
    ADDRESSES,
    BASES,
    CONSUMER,
    DATA,
    HASH,
    PROVIDER,
    STRANGER,
    T1,
    Network,
    Tranches,
    tranche,
)

OFFER = offer_of(tranche())


def request(consumer_pid: str = "c1", **changes: object) -> cn.ContractRequest:
    fields: dict[str, Any] = {
        "consumer_pid": consumer_pid,
        "offer": OFFER,
        "callback": BASES[CONSUMER],
    }
    return cn.ContractRequest(**fields | changes)


async def queued(net: Network, did: str) -> list[Message]:
    """What a node is about to send: the first message of each queue."""
    return [dsp.read(send.body) for send in await net.stores[did].due(net.now, 100)]


async def test_request_to_finalized() -> None:
    """Asking is enough: both sides end FINALIZED with the same agreement, in four messages."""
    net = Network()
    agreement = await net.agree()
    assert agreement == await net.nodes[PROVIDER].agreement_for(T1)
    assert (agreement.target, agreement.assigner, agreement.assignee) == (T1, PROVIDER, CONSUMER)
    assert agreement.policy == thin(HASH, "T1")
    assert agreement.id.startswith("urn:uuid:")
    assert agreement.timestamp == "2016-07-01T00:00:00Z"
    assert [(name, status) for _, name, status in net.log] == [
        ("ContractRequest", 201),
        ("ContractAgreed", 200),
        ("AgreementVerified", 200),
        ("AgreementFinalized", 200),
    ]


async def test_asking_again_is_the_same_negotiation() -> None:
    """`negotiate` is idempotent for a dataset, before and after the end; `fresh` begins another."""
    net = Network()
    first = await net.negotiate()
    assert await net.negotiate() == first
    await net.settle()
    assert await net.negotiate() == first
    second = await net.negotiate(fresh=True)
    assert second != first
    await net.settle()
    assert {item.state for item in await net.negotiations(PROVIDER)} == {cn.NegotiationState.FINALIZED}
    assert len(await net.negotiations(PROVIDER)) == 2


async def test_a_terminated_negotiation_is_begun_anew() -> None:
    """After a termination `negotiate` asks under a new id."""
    net = Network()
    first = await net.negotiate()
    provider_pid = (await net.nodes[PROVIDER].receive(CONSUMER, (await queued(net, CONSUMER))[0])).pid
    ended = cn.NegotiationTerminated(consumer_pid=first, provider_pid=provider_pid, reason=("not now",))
    await net.nodes[CONSUMER].receive(PROVIDER, ended, first)
    assert await net.negotiate() != first


async def test_the_same_request_finds_the_same_negotiation() -> None:
    """A request repeated under the same consumerPid is one negotiation; another offer under it is refused."""
    net = Network(datasets=Tranches(tranche(), tranche("T2")))
    first = await net.nodes[PROVIDER].receive(CONSUMER, request())
    again = await net.nodes[PROVIDER].receive(CONSUMER, request())
    assert again == first
    assert len(await net.stores[PROVIDER].find("negotiation")) == 1
    assert len(await queued(net, PROVIDER)) == 1
    with pytest.raises(Refused) as caught:
        await net.nodes[PROVIDER].receive(CONSUMER, request(offer=offer_of(tranche("T2"))))
    assert caught.value.code == "pid-in-use"


async def test_the_same_verification_again_changes_nothing() -> None:
    """A verification repeated, before and after FINALIZED, is answered as before and starts nothing."""
    net = Network()
    await net.agree()
    (before,) = await net.negotiations(PROVIDER)
    told = cn.AgreementVerified(consumer_pid=before.consumer_pid, provider_pid=before.pid)
    assert await net.nodes[PROVIDER].receive(CONSUMER, told, before.pid) == before
    assert await queued(net, PROVIDER) == []


SPOILED: list[tuple[str, Callable[[Offer], Offer], str]] = [
    ("another hash", lambda o: replace(o, policy=thin("cd" * 32, "T1")), "not-our-offer"),
    ("another tranche", lambda o: replace(o, policy=thin(HASH, "T2")), "not-our-offer"),
    ("another action", lambda o: replace(o, policy=Policy(permissions=(Rule("sell"),))), "not-our-offer"),
    ("no constraints", lambda o: replace(o, policy=Policy(permissions=(Rule("use"),))), "not-our-offer"),
    (
        "an unknown operand",
        lambda o: replace(
            o,
            policy=Policy(
                permissions=(Rule("use", (*o.policy.permissions[0].constraints, Constraint("count", "lt", "5"))),)
            ),
        ),
        "not-our-offer",
    ),
    ("an obligation", lambda o: replace(o, policy=replace(o.policy, obligations=(Rule("inform"),))), "not-our-offer"),
    ("a profile", lambda o: replace(o, policy=replace(o.policy, profiles=("urn:p",))), "not-our-offer"),
    ("another assignee", lambda o: replace(o, assignee=STRANGER), "not-our-offer"),
    ("another assigner", lambda o: replace(o, assigner=STRANGER), "not-our-offer"),
    ("an unknown offer", lambda o: replace(o, id="urn:other"), "unknown-offer"),
]


@pytest.mark.parametrize(
    ("spoil", "code"), [(spoil, code) for _, spoil, code in SPOILED], ids=[n for n, _, _ in SPOILED]
)
async def test_only_our_own_offer_is_agreed_to(spoil: Callable[[Offer], Offer], code: str) -> None:
    """A request that differs from our offer in anything is refused with the reason, and leaves nothing behind
    (rule 6.6e)."""
    net = Network()
    with pytest.raises(Refused) as caught:
        await net.nodes[PROVIDER].receive(CONSUMER, request(offer=spoil(OFFER)))
    assert caught.value.code == code
    assert await net.stores[PROVIDER].find("negotiation") == []
    assert await queued(net, PROVIDER) == []


async def test_whom_the_offer_is_between_may_be_left_out() -> None:
    """EDC names the assigner only; the dataset says who is meant."""
    net = Network()
    record = await net.nodes[PROVIDER].receive(CONSUMER, request(offer=replace(OFFER, assigner=None, assignee=None)))
    assert record.state is cn.NegotiationState.REQUESTED


@pytest.mark.parametrize("caller", [STRANGER, PROVIDER])
async def test_only_the_recipient_sees_a_tranche(caller: str) -> None:
    """To anyone but its recipient a tranche does not exist."""
    node = Network().nodes[PROVIDER]
    with pytest.raises(NotFound):
        await node.receive(caller, request())
    with pytest.raises(NotFound):
        await node.offered_dataset(caller, T1)
    assert await node.offered(caller) == []
    assert [dataset.id for dataset, _ in await node.offered(CONSUMER)] == [T1]


async def test_a_process_is_known_to_its_peer_only() -> None:
    """Neither state nor existence of a process is told to anyone else, and nobody else moves it."""
    net = Network()
    await net.agree()
    (record,) = await net.negotiations(PROVIDER)
    node = net.nodes[PROVIDER]
    assert (await node.negotiation(CONSUMER, record.pid)).state is cn.NegotiationState.FINALIZED
    with pytest.raises(NotFound):
        await node.negotiation(STRANGER, record.pid)
    told = cn.NegotiationTerminated(consumer_pid=record.consumer_pid, provider_pid=record.pid)
    with pytest.raises(NotFound):
        await node.receive(STRANGER, told, record.pid)
    with pytest.raises(NotFound):
        await node.receive(CONSUMER, told, "urn:uuid:nothing")


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/dsp", "http://b.example/dsp", "https://b.example:8443/dsp", "b.example", "", "https://[/"],
)
async def test_callbacks_go_to_the_peers_own_address(address: str) -> None:
    """A callback address anywhere but at the peer's own origin is refused."""
    net = Network()
    with pytest.raises(Refused) as caught:
        await net.nodes[PROVIDER].receive(CONSUMER, request(callback=address))
    assert caught.value.place == "callbackAddress"


async def test_we_ask_only_where_the_terms_say() -> None:
    """The provider's base must be at its pinned address, and the dataset one that it provides to us."""
    net = Network()
    with pytest.raises(Refused):
        await net.nodes[CONSUMER].negotiate(PROVIDER, "https://evil.example/dsp", T1)
    with pytest.raises(NotFound):
        await net.nodes[CONSUMER].negotiate(PROVIDER, BASES[PROVIDER], "urn:other")
    with pytest.raises(NotFound):
        await net.nodes[PROVIDER].negotiate(CONSUMER, BASES[CONSUMER], T1)


def agreed(net: Network, record: cn.Negotiation, **changes: Any) -> cn.ContractAgreed:
    fields: dict[str, Any] = {
        "id": "urn:uuid:1",
        "policy": OFFER.policy,
        "target": T1,
        "assigner": PROVIDER,
        "assignee": CONSUMER,
        "timestamp": "2016-07-01T00:00:00Z",
    }
    return cn.ContractAgreed(consumer_pid=record.pid, provider_pid="urn:p", agreement=Agreement(**(fields | changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": thin("cd" * 32, "T1")},
        {"policy": thin(HASH, "T2")},
        {"policy": Policy(permissions=(Rule("use"),))},
        {"policy": replace(OFFER.policy, prohibitions=(Rule("distribute"),))},
        {"target": "urn:other"},
        {"assigner": STRANGER},
        {"assignee": STRANGER},
    ],
)
async def test_another_agreement_than_was_asked_for_ends_the_negotiation(changes: dict[str, Any]) -> None:
    """The consumer refuses an agreement that differs from its offer, and terminates with the reason."""
    net = Network()
    pid = await net.negotiate()
    (record,) = await net.negotiations(CONSUMER)
    with pytest.raises(Refused) as caught:
        await net.nodes[CONSUMER].receive(PROVIDER, agreed(net, record, **changes), pid)
    assert caught.value.code == "not-our-offer"
    first = (await net.stores[CONSUMER].due(net.now, 1))[0]
    await net.nodes[CONSUMER].delivered(first, 201, b"")  # the request, answered at last
    (ended,) = await queued(net, CONSUMER)
    assert isinstance(ended, cn.NegotiationTerminated)
    assert caught.value.reason in ended.reason
    assert await net.nodes[CONSUMER].agreement_for(T1) is None


async def test_an_offer_of_the_providers_own_is_not_taken() -> None:
    """The terms are signed: a provider that offers something else is refused, and the negotiation ended."""
    net = Network()
    pid = await net.negotiate()
    told = cn.ContractOffer(consumer_pid=pid, provider_pid="urn:p", offer=OFFER)
    with pytest.raises(Refused):
        await net.nodes[CONSUMER].receive(PROVIDER, told, pid)
    opening = cn.ContractOffer(provider_pid="urn:p", offer=OFFER, callback=BASES[PROVIDER])
    with pytest.raises(Refused) as caught:
        await net.nodes[CONSUMER].receive(PROVIDER, opening)
    assert caught.value.code == "provider-initiated"


async def test_the_agreement_may_come_before_the_answer_to_the_request() -> None:
    """The consumer stores its request before it is sent, so an early agreement finds it."""
    net = Network()
    pid = await net.negotiate()
    (send,) = await net.stores[CONSUMER].due(net.now, 10)
    status, body = await net.carry(send, CONSUMER)
    (early,) = await net.stores[PROVIDER].due(net.now, 10)
    assert (await net.carry(early, PROVIDER))[0] == 200
    await net.nodes[CONSUMER].delivered(send, status, body)
    assert (await net.nodes[CONSUMER].negotiation(PROVIDER, pid)).state is cn.NegotiationState.AGREED
    await net.settle()
    assert (await net.nodes[CONSUMER].negotiation(PROVIDER, pid)).state is cn.NegotiationState.FINALIZED


async def test_a_refused_request_is_over() -> None:
    """A request that the provider refuses for good ends TERMINATED here, with the provider's reason."""
    net = Network()
    pid = await net.negotiate()
    (send,) = await net.stores[CONSUMER].due(net.now, 10)
    await net.nodes[CONSUMER].delivered(send, 400, dsp.write_error("E", "x", ["no such offer"], ("c", "p")))
    record = await net.nodes[CONSUMER].negotiation(PROVIDER, pid)
    assert record.state is cn.NegotiationState.TERMINATED
    assert "no such offer" in (record.reason or "")
    assert await queued(net, CONSUMER) == []


async def test_sides_that_differ_terminate() -> None:
    """Where the peer refuses for good what our record allows, the negotiation is terminated on both sides."""
    net = Network()
    await net.negotiate()
    await net.step()
    (send,) = await net.stores[PROVIDER].due(net.now, 10)
    await net.nodes[PROVIDER].delivered(send, 400, dsp.write_error("E", "x", ["we disagree"], ("c", "p")))
    (ended,) = await queued(net, PROVIDER)
    assert isinstance(ended, cn.NegotiationTerminated)
    assert "we disagree" in ended.reason[0]
    await net.settle()
    for did in ADDRESSES:
        assert [item.state for item in await net.negotiations(did)] == [cn.NegotiationState.TERMINATED]


async def test_a_refused_termination_is_ignored() -> None:
    """ "A sender may ignore an error on termination": for us it is over."""
    net = Network()
    await net.negotiate()
    await net.step()
    (record,) = await net.negotiations(PROVIDER)
    await net.nodes[PROVIDER].terminate(record.pid, "no")
    while sends := await net.stores[PROVIDER].due(net.now, 10):
        await net.nodes[PROVIDER].delivered(sends[0], 200 if b"Agreement" in sends[0].body else 400, b"")
    assert [item.state for item in await net.negotiations(PROVIDER)] == [cn.NegotiationState.TERMINATED]


# -- transfers --------------------------------------------------------------------------------------------------------


async def requested(net: Network) -> str:
    """A transfer in REQUESTED on both sides; the provider's pid."""
    agreement = await net.agree()
    await net.nodes[CONSUMER].request_transfer(agreement)
    await net.settle()
    return (await net.transfer(PROVIDER)).pid


async def states(net: Network) -> list[str]:
    return [str((await net.transfer(did)).state) for did in (PROVIDER, CONSUMER)]


async def test_a_transfer_through_its_whole_life() -> None:
    """Requested, started, withheld, resumed at a new address, completed; both sides agree at every step."""
    net = Network()
    pid = await requested(net)
    provider = net.nodes[PROVIDER]
    assert await states(net) == ["REQUESTED"] * 2
    await provider.start(pid, DATA)
    await net.settle()
    assert await states(net) == ["STARTED"] * 2
    assert (await net.transfer(CONSUMER)).data_address == DATA
    await provider.suspend(pid, "HELD", "allegation a1")
    await net.settle()
    consumer = await net.transfer(CONSUMER)
    assert await states(net) == ["SUSPENDED"] * 2
    assert (consumer.data_address, consumer.reason) == (None, "allegation a1")
    renewed = replace(DATA, authorization="t2")
    await provider.start(pid, renewed)
    await net.settle()
    assert (await net.transfer(CONSUMER)).data_address == renewed
    await net.nodes[CONSUMER].complete(consumer.pid)
    await net.settle()
    assert await states(net) == ["COMPLETED"] * 2


async def test_asking_again_is_the_same_transfer() -> None:
    """`request_transfer` is idempotent for an agreement until the transfer is terminated."""
    net = Network()
    agreement = await net.agree()
    first = await net.nodes[CONSUMER].request_transfer(agreement)
    assert await net.nodes[CONSUMER].request_transfer(agreement) == first
    await net.settle()
    await net.nodes[CONSUMER].terminate(first, "start over")
    await net.settle()
    assert await states(net) == ["TERMINATED"] * 2
    assert await net.nodes[CONSUMER].request_transfer(agreement) != first
    await net.settle()
    assert await states(net) == ["REQUESTED"] * 2


async def test_processes_begun_in_one_second_are_told_apart() -> None:
    """Of several transfers and agreements of one dataset the last begun counts, on both sides, whatever their ids."""
    for _ in range(4):  # ids are random on one side, and functions of them on the other
        net = Network()
        agreement = await net.agree()
        for _ in range(6):
            ours = await net.nodes[CONSUMER].request_transfer(agreement, fresh=True)
            await net.settle()
            here, there = [await net.nodes[did].transfer_for(T1) for did in (CONSUMER, PROVIDER)]
            assert here is not None
            assert there is not None
            assert (here.pid, there.peer_pid, here.began) == (ours, ours, int(net.now))
        for _ in range(3):
            pid = await net.nodes[CONSUMER].negotiate(PROVIDER, BASES[PROVIDER], T1, fresh=True)
            await net.settle()
            last = [await net.nodes[did].negotiation_for(T1) for did in (CONSUMER, PROVIDER)]
            assert [each and each.consumer_pid for each in last] == [pid, pid]
            latest = [await net.nodes[did].agreement_for(T1) for did in (CONSUMER, PROVIDER)]
            assert latest == [last[0] and last[0].agreement] * 2


async def test_no_transfer_without_a_final_agreement() -> None:
    """A transfer is asked for, and granted, under an agreement of the two that is final, and under no other."""
    net = Network()
    agreement = await net.agree()
    ask = tp.TransferRequest(
        consumer_pid="t1", agreement=agreement.id, format="HttpData-PULL", callback=BASES[CONSUMER]
    )
    provider = net.nodes[PROVIDER]
    with pytest.raises(NotFound):
        await provider.receive(CONSUMER, replace(ask, agreement="urn:other"))
    with pytest.raises(NotFound):
        await provider.receive(STRANGER, ask)
    with pytest.raises(Refused, match="HttpData-PULL"):
        await provider.receive(CONSUMER, replace(ask, format="HttpData-PUSH"))
    with pytest.raises(Refused, match="pushed"):
        await provider.receive(CONSUMER, replace(ask, address=DATA))
    with pytest.raises(Refused):
        await provider.receive(CONSUMER, replace(ask, callback="https://evil.example/"))
    with pytest.raises(Refused):
        await net.nodes[CONSUMER].request_transfer(replace(agreement, id="urn:other"))
    assert (await provider.receive(CONSUMER, ask)).state is tp.TransferState.REQUESTED
    assert await provider.receive(CONSUMER, ask) == await provider.receive(CONSUMER, ask)


async def test_a_transfer_may_be_asked_for_before_we_know_that_it_is_final() -> None:
    """The consumer hears FINALIZED before the provider hears that it was heard: its request is in order."""
    net = Network()
    await net.negotiate()
    finalized: Send | None = None
    while finalized is None:
        for did in ADDRESSES:
            for send in await net.stores[did].due(net.now, 10):
                status, body = await net.carry(send, did)
                if b"FINALIZED" in send.body:
                    finalized = send
                    break
                await net.nodes[did].delivered(send, status, body)
    agreement = await net.nodes[CONSUMER].agreement_for(T1)
    assert agreement is not None
    assert [item.state for item in await net.negotiations(PROVIDER)] == [cn.NegotiationState.VERIFIED]
    await net.nodes[CONSUMER].request_transfer(agreement)
    await net.settle()
    assert await states(net) == ["REQUESTED"] * 2


async def test_the_consumer_cannot_lift_a_suspension_of_the_provider() -> None:
    """A consumer's start while the provider withholds is refused, and nothing moves."""
    net = Network()
    pid = await requested(net)
    await net.nodes[PROVIDER].start(pid, DATA)
    await net.nodes[PROVIDER].suspend(pid, "HELD", "allegation a1")
    await net.settle()
    consumer = await net.transfer(CONSUMER)
    with pytest.raises(Refused):
        await net.nodes[CONSUMER].start(consumer.pid)
    told = tp.TransferStart(consumer_pid=consumer.pid, provider_pid=pid)
    with pytest.raises(Refused, match="allegation a1"):
        await net.nodes[PROVIDER].receive(CONSUMER, told, pid)
    assert await states(net) == ["SUSPENDED"] * 2


async def test_the_consumer_lifts_its_own_suspension() -> None:
    """The consumer suspends and resumes; the provider answers with a start of its own and a fresh address."""
    net = Network()
    pid = await requested(net)
    await net.nodes[PROVIDER].start(pid, DATA)
    await net.settle()
    consumer = await net.transfer(CONSUMER)
    await net.nodes[CONSUMER].suspend(consumer.pid, "1", "full")
    await net.settle()
    await net.nodes[CONSUMER].start(consumer.pid)
    await net.settle()
    assert await states(net) == ["STARTED"] * 2
    assert (await net.transfer(PROVIDER)).data_address is None
    await net.nodes[PROVIDER].start(pid, DATA)
    await net.settle()
    assert (await net.transfer(CONSUMER)).data_address == DATA


async def test_unknown_processes_cannot_be_moved() -> None:
    """A verb on a pid that we do not know is refused."""
    with pytest.raises(NotFound):
        await Network().nodes[PROVIDER].terminate("urn:uuid:nothing", "no")


async def test_changes_are_told_after_they_are_durable() -> None:
    """Each new record is told once, and is in the store by then."""
    net = Network()
    await net.agree()
    heard = [(record.role, record.state) for record in net.changes if isinstance(record, cn.Negotiation)]
    assert heard[-1][1] is cn.NegotiationState.FINALIZED
    assert len([record for record in net.changes if record.under_way == ()]) >= 4


# -- a bad network ----------------------------------------------------------------------------------------------------

BAD = {
    "request lost": 0.15,
    "answer lost": 0.15,
    "copy delayed": 0.2,
    "process dies": 0.1,
    "commit fails": 0.05,
    "commit fails after the fact": 0.05,
}


async def persist(what: Callable[[], Any]) -> None:
    """Do it until the store lets us."""
    from armslength.errors import Unavailable

    while True:
        try:
            await what()
            return
        except Unavailable:
            continue


@pytest.mark.parametrize("seed", range(40))
async def test_negotiations_survive_a_bad_network(seed: int) -> None:
    """Loss, repeats, reordering, crashes and failing stores cost time and nothing else: one agreement, twice."""
    net = Network(seed, dict(BAD))
    await persist(net.negotiate)
    for _ in range(60):
        await net.step()
    net.calm()
    await net.settle()
    consumer, provider = await net.negotiations(CONSUMER), await net.negotiations(PROVIDER)
    assert {item.state for item in consumer + provider} == {cn.NegotiationState.FINALIZED}
    assert {item.agreement for item in consumer} == {item.agreement for item in provider}
    assert {item.pid for item in consumer} == {item.peer_pid for item in provider}
    assert not any(item.under_way for item in consumer + provider)
    assert all(status < 400 or status == 503 for _, _, status in net.log)


@pytest.mark.parametrize("seed", range(40))
async def test_transfers_survive_a_bad_network(seed: int) -> None:
    """Through starts and suspensions over a bad network, both sides end in the same state with the last address."""
    net = Network(seed)
    pid = await requested(net)
    net.chances = dict(BAD)
    provider = lambda: net.nodes[PROVIDER]  # noqa: E731  it may be restarted
    for number in range(3):
        address = replace(DATA, authorization=f"t{number}")
        if (await net.transfer(PROVIDER)).ahead is not tp.TransferState.STARTED:
            await persist_verb(net, lambda address=address: provider().start(pid, address), tp.TransferState.STARTED)
        for _ in range(net.random.randrange(6)):
            await net.step()
        if number < 2:
            await persist_verb(net, lambda: provider().suspend(pid, "HELD", "a1"), tp.TransferState.SUSPENDED)
        for _ in range(net.random.randrange(6)):
            await net.step()
    net.calm()
    await net.settle()
    assert await states(net) == ["STARTED"] * 2
    assert (await net.transfer(CONSUMER)).data_address == replace(DATA, authorization="t2")
    assert [status for _, _, status in net.log if 400 <= status < 500] == []


async def persist_verb(net: Network, verb: Callable[[], Any], wanted: tp.TransferState) -> None:
    """Do it until the store says it is done: a commit that failed after the fact has done it."""

    async def once() -> None:
        if (await net.transfer(PROVIDER)).ahead is not wanted:
            await verb()

    await persist(once)


def test_the_bad_network_is_bad() -> None:
    """Over all seeds, every kind of mishap happens."""
    import asyncio

    async def run() -> set[str]:
        seen: set[str] = set()
        for seed in range(30):
            net = Network(seed, dict(BAD))
            await persist(net.negotiate)
            for _ in range(60):
                await net.step()
            seen |= net.happened.keys()
        return seen

    assert asyncio.run(run()) == BAD.keys()
