"""The contract negotiation of the Dataspace Protocol 2025-1: its states, its messages, and one table for both sides.

Laws:

1. Every change of a negotiation is a row of TABLE; the row says who sent the message. Whether we received it, or had
   our own acknowledged, is the same lookup. What the two sides share is said in `process`.
2. Nothing here knows which offers are good. The engine compares policies; this file keeps what was said.
3. A negotiation speaks of one dataset under one pair of process ids, for ever.

The specification's figure lets only some senders terminate after ACCEPTED; its prose says "at any state". A side that
ends a negotiation is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from armslength.core.policy import Agreement, Offer
from armslength.core.process import Message, Outcome, Record, Role, UnderWay, landing, remember, same_process
from armslength.errors import Refused


class State(StrEnum):
    """The states of the specification, and no others."""

    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


FINAL: Final = frozenset({State.FINALIZED, State.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRequest(Message):
    """The consumer asks for an agreement: first with a callback address, later as a counter-offer."""

    offer: Offer
    callback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractOffer(Message):
    """The provider makes an offer: of its own accord with a callback address, or as an answer."""

    offer: Offer
    callback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAccepted(Message):
    """The consumer accepts the provider's latest offer (event ACCEPTED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractAgreed(Message):
    """The provider agrees, and sends the complete agreement."""

    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementVerified(Message):
    """The consumer has checked the agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementFinalized(Message):
    """The provider has checked it too; the dataset can be asked for (event FINALIZED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationTerminated(Message):
    """Either side ends the negotiation."""

    code: str | None = None
    reason: tuple[str, ...] = ()


C, P = Role.CONSUMER, Role.PROVIDER
MESSAGES: Final[tuple[type[Message], ...]] = (
    ContractRequest,
    ContractOffer,
    OfferAccepted,
    ContractAgreed,
    AgreementVerified,
    AgreementFinalized,
    NegotiationTerminated,
)

TABLE: Final[Mapping[tuple[State, Role, type[Message]], State]] = {
    # "sent by a Consumer to initiate a Contract Negotiation or to respond to a Contract Offer Message"
    (State.OFFERED, C, ContractRequest): State.REQUESTED,
    # "sent by a Provider to initiate a Contract Negotiation or to respond to a Contract Request Message"
    (State.REQUESTED, P, ContractOffer): State.OFFERED,
    # "When the message is sent by a Consumer with an eventType set to ACCEPTED, the state machine MUST be placed in
    # the ACCEPTED state"
    (State.OFFERED, C, OfferAccepted): State.ACCEPTED,
    # "sent by a Provider when it agrees to a Policy"
    (State.REQUESTED, P, ContractAgreed): State.AGREED,
    (State.ACCEPTED, P, ContractAgreed): State.AGREED,
    # "sent by a Consumer to verify the acceptance of an Agreement"
    (State.AGREED, C, AgreementVerified): State.VERIFIED,
    # "sent by a Provider with an eventType property set to FINALIZED, an Agreement has been finalized and the
    # associated Dataset is accessible"
    (State.VERIFIED, P, AgreementFinalized): State.FINALIZED,
    # "sent by a Consumer or a Provider indicating it has cancelled the negotiation sequence. The message can be sent
    # at any state of a Contract Negotiation without providing an explanation"
    **{
        (state, sender, NegotiationTerminated): State.TERMINATED
        for state in State
        if state not in FINAL
        for sender in Role
    },
}

# What already holds when a peer that gives its messages no ids repeats itself.
SAID_AGAIN: Final[Mapping[tuple[Role, type[Message]], frozenset[State]]] = {
    (C, OfferAccepted): frozenset({State.ACCEPTED}),
    (P, ContractAgreed): frozenset({State.AGREED, State.VERIFIED, State.FINALIZED}),  # the same agreement only
    (C, AgreementVerified): frozenset({State.VERIFIED, State.FINALIZED}),
    (P, AgreementFinalized): frozenset({State.FINALIZED}),
    (C, NegotiationTerminated): frozenset({State.TERMINATED}),
    (P, NegotiationTerminated): frozenset({State.TERMINATED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation(Record):
    """One negotiation as one side knows it."""

    state: State
    offer: Offer
    agreement: Agreement | None = None

    @property
    def final(self) -> bool:
        """Whether no message changes it any more."""
        return self.state in FINAL

    @property
    def ahead(self) -> State:
        """The state once everything under way is acknowledged."""
        return State(self.under_way[-1].state) if self.under_way else self.state


def step(record: Negotiation, sender: Role, message: Message) -> Outcome[Negotiation]:
    """Apply an acknowledged message. Raises Refused, and then nothing has changed."""
    same_process(record, message)
    if sender is record.role:
        return _acknowledged(record, message)
    if message.id is not None and message.id in record.heard:
        return Outcome(record, repeat=True)
    found = landing(TABLE, record, record.state, sender, message)
    if found is None:
        if _said_again(record, sender, message):
            return Outcome(record, repeat=True)
        raise Refused(
            "illegal-transition", f"{type(message).__name__} of the {sender} is not possible in {record.state}", "state"
        )
    _, state, acknowledged = found
    learned = message.consumer_pid if sender is Role.CONSUMER else message.provider_pid
    following = replace(
        _content(record, message),
        state=state,
        peer_pid=record.peer_pid or learned,
        under_way=() if state in FINAL else record.under_way[acknowledged:],
        heard=remember(record, message),
    )
    return Outcome(following)


def queue(record: Negotiation, message: Message) -> Negotiation:
    """The record with a message of ours under way. Raises Refused where it would not be legal once it arrives."""
    state = TABLE.get((record.ahead, record.role, type(message)))
    if state is None:
        raise Refused("illegal-transition", f"cannot send {type(message).__name__} in {record.ahead}", "state")
    item = UnderWay(message.id or record.next_id, state)
    return replace(_content(record, message), under_way=(*record.under_way, item), sent=record.sent + 1)


def refused(record: Negotiation, reason: str) -> Negotiation:
    """The consumer's record after the provider refused its first request: there is nothing to terminate there."""
    return replace(record, state=State.TERMINATED, under_way=(), reason=reason)


def _acknowledged(record: Negotiation, message: Message) -> Outcome[Negotiation]:
    for index, item in enumerate(record.under_way):
        if item.id == message.id:
            state = State(item.state)
            rest = () if state in FINAL else record.under_way[index + 1 :]
            return Outcome(replace(record, state=state, under_way=rest))
    return Outcome(record, repeat=True)  # an answer of the peer has acknowledged it already


def _said_again(record: Negotiation, sender: Role, message: Message) -> bool:
    if isinstance(message, ContractAgreed) and message.agreement != record.agreement:
        return False
    return record.state in SAID_AGAIN.get((sender, type(message)), ())


def _content(record: Negotiation, message: Message) -> Negotiation:
    if isinstance(message, ContractRequest | ContractOffer):
        return replace(record, offer=message.offer)
    if isinstance(message, ContractAgreed):
        return replace(record, agreement=message.agreement)
    if isinstance(message, NegotiationTerminated):
        return replace(record, reason="; ".join(message.reason) or message.code)
    return record
