"""What the exchange decides automatically, as pure functions: which offers are ours, what follows from a message, how
negotiations and transfers begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.negotiation import Negotiation
from armslength.core.policy import FORMAT, Agreement, Offer, difference, thin
from armslength.core.process import Message, Process, Role, abandoned, queue, refused, step
from armslength.core.transfer import Transfer
from armslength.engine.processes import ProcessChange
from armslength.errors import NotFound, Refused
from armslength.ports import Dataset
from armslength.wire import dsp

R = TypeVar("R", Negotiation, Transfer)


def offer_of(dataset: Dataset) -> Offer:
    """The thin offer of a tranche. Both sides derive it from the terms."""
    return Offer(
        id=f"{dataset.id}:offer",
        policy=thin(dataset.arrangement_hash, dataset.tranche),
        target=dataset.id,
        assigner=dataset.provider_did,
        assignee=dataset.recipient_did,
    )


def check_offer(ours: Offer, theirs: Offer) -> None:
    """Refuse an offer that is not ours. Whom it is between may be left out; nothing else may (rule 6.6e)."""
    if theirs.id != ours.id:
        raise Refused("unknown-offer", f"no offer {theirs.id}: the offer of this dataset is {ours.id}", "offer.@id")
    for name, mine, other in (
        ("target", ours.target, theirs.target),
        ("assigner", ours.assigner, theirs.assigner or ours.assigner),
        ("assignee", ours.assignee, theirs.assignee or ours.assignee),
    ):
        if mine != other:
            raise Refused("not-our-offer", f"{other}, our offer says {mine}", f"offer.{name}")
    if reason := difference(ours.policy, theirs.policy):
        raise Refused("not-our-offer", reason, "offer")


def reaction(record: Negotiation, message: Message) -> tuple[Message | None, str | None]:
    """What follows from a message of the peer: (what we say next, or None; why we end the negotiation, or None)."""
    if isinstance(message, cn.ContractAgreed):
        reason = _not_what_was_asked(record, message.agreement)
        return (None, reason) if reason else (cn.AgreementVerified(**ids(record)), None)
    if isinstance(message, cn.ContractOffer):
        return None, "we ask for the offer of the signed terms, and take no other"
    if isinstance(message, cn.AgreementVerified):
        return cn.AgreementFinalized(**ids(record)), None
    return None, None


def answered(record: R | None, kind: type[Message], message: Message, status: int, body: bytes) -> ProcessChange:
    """What follows from the final answer to a message of ours, of which its kind and its ids are known.

    A peer that finally refuses what our record allows has another record than ours: "In case the states differ, the
    Contract Negotiation MUST be terminated". There is nothing to terminate where it refused the opening message, and
    a refused termination is as good as an accepted one.
    """
    if record is None:
        raise NotFound("unknown-process", "there is no process for this message", message.consumer_pid)
    opening = kind in {cn.ContractRequest, tp.TransferRequest} and message.provider_pid is None
    good = 200 <= status < 300
    if opening and record.peer_pid is not None:
        return ProcessChange(record)
    if opening and good:
        return ProcessChange(replace(record, peer_pid=dsp.read_provider_pid(body)))
    said = (
        f"refused with {status}: {dsp.read_reason(body) or 'no reason given'}" if status else "got no answer for days"
    )
    reason = f"{kind.__name__} {said}"
    if opening:
        return ProcessChange(refused(record, reason))
    if good or kind in {cn.NegotiationTerminated, tp.TransferTermination}:
        return ProcessChange(step(record, record.role, message).record)
    if record.final or message.id not in [item.id for item in record.under_way]:
        return ProcessChange(record)
    dropped = abandoned(record, message)
    ended: Message
    if isinstance(dropped, Negotiation):
        ended = cn.NegotiationTerminated(**ids(dropped), code="out-of-step", reason=(reason,))
    else:
        ended = tp.TransferTermination(**ids(dropped), code="out-of-step", reason=(reason,))
    return ProcessChange(queue(dropped, ended), [ended])


def ids(record: Process) -> dict[str, str | None]:
    """The ids of our next message about a process."""
    return {"id": record.next_id, "consumer_pid": record.consumer_pid, "provider_pid": record.provider_pid}


def of_caller(record: R | None, caller: str) -> R:
    """The record, if `caller` is its peer; else NotFound, so that a stranger learns nothing."""
    if record is None or record.peer != caller:
        raise NotFound("unknown-process", "no such process of yours")
    return record


# --- how they begin, on either side ----------------------------------------------------------------------------------


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


def _not_what_was_asked(record: Negotiation, agreement: Agreement) -> str | None:
    asked = record.offer
    for name, mine, other in (
        ("target", asked.target, agreement.target),
        ("assigner", asked.assigner, agreement.assigner),
        ("assignee", asked.assignee, agreement.assignee),
    ):
        if mine != other:
            return f"{name} is {other}, we asked for {mine}"
    return difference(asked.policy, agreement.policy)
