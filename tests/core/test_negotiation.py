"""The negotiation's table, walked whole, and the laws around it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from armslength.core import negotiation as cn
from armslength.core.negotiation import FINAL, MESSAGES, TABLE, Negotiation, NegotiationState
from armslength.core.policy import Agreement, Offer, thin
from armslength.core.process import Message, Role, UnderWay, abandoned, queue, step
from armslength.errors import Refused

OFFER = Offer(id="o", policy=thin("ab" * 32, "T1"), target="d", assigner="did:p", assignee="did:c")
AGREEMENT = Agreement(
    id="a", policy=OFFER.policy, target="d", assigner="did:p", assignee="did:c", timestamp="2016-07-01T00:00:00Z"
)
C, P = Role.CONSUMER, Role.PROVIDER

# The figure of the specification, written down once more and independently of the table.
FIGURE = """
REQUESTED consumer NegotiationTerminated TERMINATED
REQUESTED provider NegotiationTerminated TERMINATED
REQUESTED provider ContractOffer OFFERED
REQUESTED provider ContractAgreed AGREED
OFFERED consumer ContractRequest REQUESTED
OFFERED consumer OfferAccepted ACCEPTED
OFFERED consumer NegotiationTerminated TERMINATED
OFFERED provider NegotiationTerminated TERMINATED
ACCEPTED provider ContractAgreed AGREED
ACCEPTED consumer NegotiationTerminated TERMINATED
ACCEPTED provider NegotiationTerminated TERMINATED
AGREED consumer AgreementVerified VERIFIED
AGREED consumer NegotiationTerminated TERMINATED
AGREED provider NegotiationTerminated TERMINATED
VERIFIED provider AgreementFinalized FINALIZED
VERIFIED consumer NegotiationTerminated TERMINATED
VERIFIED provider NegotiationTerminated TERMINATED
"""
ROWS = {tuple(line.split()[:3]): line.split()[3] for line in FIGURE.strip().splitlines()}
EVERY = list(product(NegotiationState, Role, MESSAGES))


def record(state: NegotiationState = NegotiationState.REQUESTED, role: Role = C, **changes: object) -> Negotiation:
    start = Negotiation(
        role=role,
        pid="c" if role is C else "p",
        peer_pid="p" if role is C else "c",
        peer="did:peer",
        address="https://peer/dsp",
        dataset="d",
        state=state,
        offer=OFFER,
        agreement=AGREEMENT
        if state in (NegotiationState.AGREED, NegotiationState.VERIFIED, NegotiationState.FINALIZED)
        else None,
    )
    return replace(start, **changes)  # type: ignore[arg-type]


def message(kind: type[Message], **fields: object) -> Message:
    content: dict[str, object] = {"consumer_pid": "c", "provider_pid": "p"}
    if kind in (cn.ContractRequest, cn.ContractOffer):
        content["offer"] = OFFER
    if kind is cn.ContractAgreed:
        content["agreement"] = AGREEMENT
    return kind(**content | fields)  # type: ignore[arg-type]


def test_the_table_is_the_figure() -> None:
    """Every row of the specification's figure is a row of the table, and there are no others."""
    assert {(str(state), str(role), kind.__name__): str(to) for (state, role, kind), to in TABLE.items()} == ROWS


@pytest.mark.parametrize(("state", "sender", "kind"), EVERY)
def test_what_the_peer_says(state: NegotiationState, sender: Role, kind: type[Message]) -> None:
    """For every state, sender and message: the table's next state, a repeat that changes nothing, or a refusal."""
    before = record(state, role=sender.other)
    told = message(kind)
    if (state, sender, kind) in TABLE:
        after = step(before, sender, told)
        assert (after.record.state, after.repeat) == (TABLE[state, sender, kind], False)
    elif state in cn.SAID_AGAIN.get((sender, kind), ()):
        after = step(before, sender, told)
        assert (after.record, after.repeat) == (before, True)
    else:
        with pytest.raises(Refused) as caught:
            step(before, sender, told)
        assert caught.value.code == "illegal-transition"


@pytest.mark.parametrize(("state", "sender", "kind"), EVERY)
def test_what_we_say(state: NegotiationState, sender: Role, kind: type[Message]) -> None:
    """We send what the table allows and nothing else; the state moves when it is acknowledged, not before."""
    before = record(state, role=sender)
    ours = message(kind, id=before.next_id)
    if (state, sender, kind) not in TABLE:
        with pytest.raises(Refused):
            queue(before, ours)
        return
    waiting = queue(before, ours)
    assert (waiting.state, waiting.ahead) == (state, TABLE[state, sender, kind])
    after = step(waiting, sender, ours).record
    assert (after.state, after.under_way) == (TABLE[state, sender, kind], ())
    assert step(after, sender, ours).repeat


@pytest.mark.parametrize("state", sorted(FINAL))
def test_final_states_are_final(state: NegotiationState) -> None:
    """No row leaves a final state."""
    assert not [row for row in TABLE if row[0] is state]


def test_an_answer_acknowledges_what_it_answers() -> None:
    """A verification that overtakes the acknowledgement of the agreement is taken, and the late one changes nothing."""
    asked = record(NegotiationState.REQUESTED, role=P)
    agreed = message(cn.ContractAgreed, id=asked.next_id)
    waiting = queue(asked, agreed)
    verified = step(waiting, C, message(cn.AgreementVerified)).record
    assert (verified.state, verified.under_way) == (NegotiationState.VERIFIED, ())
    late = step(verified, P, agreed)
    assert (late.record, late.repeat) == (verified, True)


def test_a_message_heard_before_is_a_repeat() -> None:
    """A message with an id we have heard changes nothing, even where its kind would be legal again."""
    offered = step(record(NegotiationState.REQUESTED), P, message(cn.ContractOffer, id="m1")).record
    countered = step(queue(offered, counter := message(cn.ContractRequest, id=offered.next_id)), C, counter).record
    assert countered.state is NegotiationState.REQUESTED
    again = step(countered, P, message(cn.ContractOffer, id="m1"))
    assert (again.record, again.repeat) == (countered, True)


def test_another_agreement_is_no_repeat() -> None:
    """A second agreement that differs from the first is refused."""
    other = replace(AGREEMENT, id="b")
    with pytest.raises(Refused):
        step(record(NegotiationState.AGREED), P, message(cn.ContractAgreed, agreement=other))


@pytest.mark.parametrize("field", ["consumer_pid", "provider_pid"])
def test_foreign_ids_are_refused(field: str) -> None:
    """A message whose ids are not this process's is refused, naming the field."""
    with pytest.raises(Refused) as caught:
        step(record(NegotiationState.AGREED, role=P), C, message(cn.AgreementVerified, **{field: "x"}))
    assert caught.value.place == ("consumerPid" if field == "consumer_pid" else "providerPid")


def test_the_consumer_learns_the_providers_id_once() -> None:
    """The first message of the provider tells its id; from there on it must stay the same."""
    agreed = step(record(NegotiationState.REQUESTED, peer_pid=None), P, message(cn.ContractAgreed)).record
    assert agreed.peer_pid == "p"
    with pytest.raises(Refused):
        step(agreed, P, message(cn.NegotiationTerminated, provider_pid="q"))


def test_messages_queue_up_in_order() -> None:
    """What we say next is judged by where what is under way leads."""
    asked = record(NegotiationState.REQUESTED, role=P)
    waiting = queue(asked, message(cn.ContractOffer, id=asked.next_id))
    with pytest.raises(Refused):
        queue(waiting, message(cn.ContractAgreed, id=waiting.next_id))
    ended = queue(waiting, message(cn.NegotiationTerminated, id=waiting.next_id, reason=("no",)))
    assert [item.state for item in ended.under_way] == [NegotiationState.OFFERED, NegotiationState.TERMINATED]
    assert len({item.id for item in ended.under_way}) == 2


def test_the_end_drops_what_is_under_way() -> None:
    """Once the peer has ended the negotiation, nothing of ours is waited for."""
    waiting = queue(record(NegotiationState.REQUESTED, role=P), message(cn.ContractAgreed, id="1"))
    ended = step(waiting, C, message(cn.NegotiationTerminated, reason=("changed our mind",))).record
    assert (ended.state, ended.under_way, ended.reason) == (NegotiationState.TERMINATED, (), "changed our mind")


def test_abandoning_drops_a_message_and_what_waits_behind_it() -> None:
    """A message that was refused for good leads nowhere, nor does what was to follow it."""
    items = tuple(UnderWay(str(number), "AGREED") for number in range(3))
    waiting = record(under_way=items)
    assert abandoned(waiting, message(cn.ContractAgreed, id="1")).under_way == items[:1]
    assert abandoned(waiting, message(cn.ContractAgreed, id="9")) == waiting
