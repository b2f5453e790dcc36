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
from typing import ClassVar, Final, Self

from armslength.core.policy import Agreement, Offer
from armslength.core.process import Message, Process, Role


class NegotiationState(StrEnum):
    """The states of the specification, and no others."""

    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


FINAL: Final = frozenset({NegotiationState.FINALIZED, NegotiationState.TERMINATED})


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

TABLE: Final[Mapping[tuple[NegotiationState, Role, type[Message]], NegotiationState]] = {
    # "sent by a Consumer to initiate a Contract Negotiation or to respond to a Contract Offer Message"
    (NegotiationState.OFFERED, C, ContractRequest): NegotiationState.REQUESTED,
    # "sent by a Provider to initiate a Contract Negotiation or to respond to a Contract Request Message"
    (NegotiationState.REQUESTED, P, ContractOffer): NegotiationState.OFFERED,
    # "When the message is sent by a Consumer with an eventType set to ACCEPTED, the state machine MUST be placed in
    # the ACCEPTED state"
    (NegotiationState.OFFERED, C, OfferAccepted): NegotiationState.ACCEPTED,
    # "sent by a Provider when it agrees to a Policy"
    (NegotiationState.REQUESTED, P, ContractAgreed): NegotiationState.AGREED,
    (NegotiationState.ACCEPTED, P, ContractAgreed): NegotiationState.AGREED,
    # "sent by a Consumer to verify the acceptance of an Agreement"
    (NegotiationState.AGREED, C, AgreementVerified): NegotiationState.VERIFIED,
    # "sent by a Provider with an eventType property set to FINALIZED, an Agreement has been finalized and the
    # associated Dataset is accessible"
    (NegotiationState.VERIFIED, P, AgreementFinalized): NegotiationState.FINALIZED,
    # "sent by a Consumer or a Provider indicating it has cancelled the negotiation sequence. The message can be sent
    # at any state of a Contract Negotiation without providing an explanation"
    **{
        (state, sender, NegotiationTerminated): NegotiationState.TERMINATED
        for state in NegotiationState
        if state not in FINAL
        for sender in Role
    },
}

# What already holds when a peer that gives its messages no ids repeats itself.
SAID_AGAIN: Final[Mapping[tuple[Role, type[Message]], frozenset[NegotiationState]]] = {
    (C, OfferAccepted): frozenset({NegotiationState.ACCEPTED}),
    (P, ContractAgreed): frozenset(
        {NegotiationState.AGREED, NegotiationState.VERIFIED, NegotiationState.FINALIZED}
    ),  # the same agreement only
    (C, AgreementVerified): frozenset({NegotiationState.VERIFIED, NegotiationState.FINALIZED}),
    (P, AgreementFinalized): frozenset({NegotiationState.FINALIZED}),
    (C, NegotiationTerminated): frozenset({NegotiationState.TERMINATED}),
    (P, NegotiationTerminated): frozenset({NegotiationState.TERMINATED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation(Process):
    """One negotiation as one side knows it."""

    TABLE: ClassVar = TABLE
    STATES: ClassVar = NegotiationState
    TERMINATED: ClassVar = NegotiationState.TERMINATED
    FINAL: ClassVar = FINAL

    state: NegotiationState
    offer: Offer
    agreement: Agreement | None = None

    def after(self, sender: Role, message: Message) -> Self:  # noqa: ARG002
        if isinstance(message, ContractRequest | ContractOffer):
            return replace(self, offer=message.offer)
        if isinstance(message, ContractAgreed):
            return replace(self, agreement=message.agreement)
        if isinstance(message, NegotiationTerminated):
            return replace(self, reason="; ".join(message.reason) or message.code)
        return self

    def again(self, sender: Role, message: Message) -> Self | None:
        if isinstance(message, ContractAgreed) and message.agreement != self.agreement:
            return None
        return self if self.state in SAID_AGAIN.get((sender, type(message)), ()) else None
