"""How negotiations and transfers begin, on either side, as values: the record, and the first message of ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.negotiation import Negotiation
from armslength.core.policy import FORMAT, Agreement, Offer
from armslength.core.process import Role, queue
from armslength.core.transfer import Transfer
from armslength.engine.processes import ProcessChange
from armslength.engine.reactions import ids


def ask_agreement(pid: str, offer: Offer, address: str, callback: str, now: int) -> ProcessChange:
    """We ask a provider, whose DSP base URL is `address`, for an agreement on its offer; ours is `callback`."""
    record = Negotiation(
        role=Role.CONSUMER,
        pid=pid,
        peer_pid=None,
        peer=offer.assigner or "",
        address=address,
        dataset=offer.target or "",
        began=now,
        state=cn.NegotiationState.REQUESTED,
        offer=offer,
    )
    first = cn.ContractRequest(id=record.next_id, consumer_pid=pid, offer=offer, callback=callback)
    return ProcessChange(replace(record, sent=1), [first])


def ask_transfer(pid: str, agreed: Negotiation, agreement: str, callback: str, now: int) -> ProcessChange:
    """We ask for the data of an agreement that was made in this negotiation."""
    record = Transfer(
        role=Role.CONSUMER,
        pid=pid,
        peer_pid=None,
        peer=agreed.peer,
        address=agreed.address,
        dataset=agreed.dataset,
        began=now,
        state=tp.TransferState.REQUESTED,
        agreement=agreement,
        format=FORMAT,
    )
    first = tp.TransferRequest(
        id=record.next_id, consumer_pid=pid, agreement=agreement, format=FORMAT, callback=callback
    )
    return ProcessChange(replace(record, sent=1), [first])


def agree(pid: str, agreement_id: str, ours: Offer, message: cn.ContractRequest, now: int) -> ProcessChange:
    """A consumer has asked for our offer: we agree at once."""
    agreement = Agreement(
        id=agreement_id,
        policy=ours.policy,
        target=ours.target or "",
        assigner=ours.assigner or "",
        assignee=ours.assignee or "",
        timestamp=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    asked = Negotiation(
        role=Role.PROVIDER,
        pid=pid,
        peer_pid=message.consumer_pid,
        peer=agreement.assignee,
        address=message.callback or "",
        dataset=agreement.target,
        began=now,
        heard=() if message.id is None else (message.id,),
        state=cn.NegotiationState.REQUESTED,
        offer=message.offer,
    )
    answer = cn.ContractAgreed(**ids(asked), agreement=agreement)
    return ProcessChange(queue(asked, answer), [answer])


def accept_transfer(pid: str, agreed: Negotiation, message: tp.TransferRequest, now: int) -> ProcessChange:
    """The consumer of an agreement of ours has asked for its data: the transfer waits until it may be started."""
    return ProcessChange(
        Transfer(
            role=Role.PROVIDER,
            pid=pid,
            peer_pid=message.consumer_pid,
            peer=agreed.peer,
            address=message.callback,
            dataset=agreed.dataset,
            began=now,
            heard=() if message.id is None else (message.id,),
            state=tp.TransferState.REQUESTED,
            agreement=message.agreement,
            format=message.format,
        )
    )
