"""The transfer process of the Dataspace Protocol 2025-1: its states, its messages, and one table for both sides.

Laws:

1. Every change of a transfer is a row of TABLE; what both state machines share is said in `process`.
2. An address of data lives from a start to the next suspension, no longer.
3. A consumer does not lift the provider's suspension. (The specification lets either side start a suspended transfer;
   what the provider withholds, it alone resumes.)
4. A consumer that lifts its own suspension has no address yet: the provider answers with a start of its own that
   carries a fresh one. That is the one start that is legal in STARTED.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Final, Self

from armslength.core.process import Message, Process, Role, remember


class TransferState(StrEnum):
    """The states of the specification, and no others."""

    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


FINAL: Final = frozenset({TransferState.COMPLETED, TransferState.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAddress:
    """Where data is fetched. `authorization` is an opaque bearer token; `properties` are further (name, value)."""

    endpoint_type: str
    endpoint: str | None = None
    authorization: str | None = field(default=None, repr=False)
    auth_type: str | None = None
    properties: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest(Message):
    """The consumer asks for the data of an agreement. An address is given for push transfers only."""

    agreement: str
    format: str
    callback: str
    address: DataAddress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStart(Message):
    """The transfer starts, or starts again."""

    address: DataAddress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSuspension(Message):
    """Either side suspends the transfer."""

    code: str | None = None
    reason: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCompletion(Message):
    """Either side declares the transfer complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTermination(Message):
    """Either side ends the transfer."""

    code: str | None = None
    reason: tuple[str, ...] = ()


C, P = Role.CONSUMER, Role.PROVIDER
MESSAGES: Final[tuple[type[Message], ...]] = (
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferCompletion,
    TransferTermination,
)

TABLE: Final[Mapping[tuple[TransferState, Role, type[Message]], TransferState]] = {
    # "sent by the Provider to indicate the data transfer has been initiated"
    (TransferState.REQUESTED, P, TransferStart): TransferState.STARTED,
    # figure: SUSPENDED to STARTED by either side; law 3
    (TransferState.SUSPENDED, P, TransferStart): TransferState.STARTED,
    (TransferState.SUSPENDED, C, TransferStart): TransferState.STARTED,
    # law 4: the provider's answer to the consumer's start
    (TransferState.STARTED, P, TransferStart): TransferState.STARTED,
    # "sent by the Provider or Consumer when either of them needs to temporarily suspend the Transfer Process"
    (TransferState.STARTED, C, TransferSuspension): TransferState.SUSPENDED,
    (TransferState.STARTED, P, TransferSuspension): TransferState.SUSPENDED,
    # "sent by the Provider or Consumer when a data transfer has completed"
    (TransferState.STARTED, C, TransferCompletion): TransferState.COMPLETED,
    (TransferState.STARTED, P, TransferCompletion): TransferState.COMPLETED,
    # "at any point except a terminal state"
    **{
        (state, sender, TransferTermination): TransferState.TERMINATED
        for state in TransferState
        if state not in FINAL
        for sender in Role
    },
}

# What already holds when a peer that gives its messages no ids repeats itself.
SAID_AGAIN: Final[Mapping[type[Message], TransferState]] = {
    TransferStart: TransferState.STARTED,  # the same address only
    TransferSuspension: TransferState.SUSPENDED,
    TransferCompletion: TransferState.COMPLETED,
    TransferTermination: TransferState.TERMINATED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Process):
    """One transfer as one side knows it."""

    TABLE: ClassVar = TABLE
    STATES: ClassVar = TransferState
    TERMINATED: ClassVar = TransferState.TERMINATED
    FINAL: ClassVar = FINAL

    state: TransferState
    agreement: str
    format: str
    data_address: DataAddress | None = None
    suspended_by: Role | None = None

    def allows(self, here: str, sender: Role, message: Message) -> bool:
        if not isinstance(message, TransferStart):
            return True
        if here == TransferState.SUSPENDED and sender is C:  # law 3
            return self.suspended_by is C
        if here == TransferState.STARTED:  # law 4
            return self.data_address is None and message.address is not None
        return True

    def after(self, sender: Role, message: Message) -> Self:
        if isinstance(message, TransferStart):
            address = message.address if sender is P else self.data_address
            return replace(self, data_address=address, suspended_by=None, reason=None)
        if isinstance(message, TransferSuspension):
            reason = "; ".join(message.reason) or message.code
            by = P if self.suspended_by is P else sender  # where both suspend at once, law 3 still holds
            return replace(self, data_address=None, suspended_by=by, reason=reason)
        if isinstance(message, TransferTermination):
            return replace(self, data_address=None, reason="; ".join(message.reason) or message.code)
        return self

    def again(self, sender: Role, message: Message) -> Self | None:
        if isinstance(message, TransferSuspension) and sender is P and self.suspended_by is C:
            return replace(self.after(sender, message), heard=remember(self, message))
        if isinstance(message, TransferStart) and message.address not in (None, self.data_address):
            return None
        return self if self.state is SAID_AGAIN.get(type(message)) else None

    def why_not(self, sender: Role, message: Message) -> str:
        if isinstance(message, TransferStart) and sender is C and self.state is TransferState.SUSPENDED:
            return f"suspended by the provider, which alone resumes it: {self.reason or 'no reason given'}"
        return Process.why_not(self, sender, message)
