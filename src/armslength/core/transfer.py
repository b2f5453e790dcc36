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
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from armslength.core.process import Message, Outcome, Record, Role, UnderWay, landing, remember, same_process
from armslength.errors import Refused


class State(StrEnum):
    """The states of the specification, and no others."""

    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


FINAL: Final = frozenset({State.COMPLETED, State.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAddress:
    """Where data is fetched. `authorization` is an opaque bearer token; `properties` are further (name, value)."""

    endpoint_type: str
    endpoint: str | None = None
    authorization: str | None = None
    auth_type: str | None = None
    properties: tuple[tuple[str, str], ...] = ()


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

TABLE: Final[Mapping[tuple[State, Role, type[Message]], State]] = {
    # "sent by the Provider to indicate the data transfer has been initiated"
    (State.REQUESTED, P, TransferStart): State.STARTED,
    # figure: SUSPENDED to STARTED by either side; law 3
    (State.SUSPENDED, P, TransferStart): State.STARTED,
    (State.SUSPENDED, C, TransferStart): State.STARTED,
    # law 4: the provider's answer to the consumer's start
    (State.STARTED, P, TransferStart): State.STARTED,
    # "sent by the Provider or Consumer when either of them needs to temporarily suspend the Transfer Process"
    (State.STARTED, C, TransferSuspension): State.SUSPENDED,
    (State.STARTED, P, TransferSuspension): State.SUSPENDED,
    # "sent by the Provider or Consumer when a data transfer has completed"
    (State.STARTED, C, TransferCompletion): State.COMPLETED,
    (State.STARTED, P, TransferCompletion): State.COMPLETED,
    # "at any point except a terminal state"
    **{
        (state, sender, TransferTermination): State.TERMINATED
        for state in State
        if state not in FINAL
        for sender in Role
    },
}

# What already holds when a peer that gives its messages no ids repeats itself.
SAID_AGAIN: Final[Mapping[type[Message], State]] = {
    TransferStart: State.STARTED,  # the same address only
    TransferSuspension: State.SUSPENDED,
    TransferCompletion: State.COMPLETED,
    TransferTermination: State.TERMINATED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Record):
    """One transfer as one side knows it."""

    state: State
    agreement: str
    format: str
    data_address: DataAddress | None = None
    suspended_by: Role | None = None

    @property
    def final(self) -> bool:
        """Whether no message changes it any more."""
        return self.state in FINAL

    @property
    def ahead(self) -> State:
        """The state once everything under way is acknowledged."""
        return State(self.under_way[-1].state) if self.under_way else self.state


def step(record: Transfer, sender: Role, message: Message) -> Outcome[Transfer]:
    """Apply an acknowledged message. Raises Refused, and then nothing has changed."""
    same_process(record, message)
    if sender is record.role:
        return _acknowledged(record, message)
    if message.id is not None and message.id in record.heard:
        return Outcome(record, repeat=True)
    found = landing(TABLE, record, record.state, sender, message)
    if found is None or not _allowed(record, found[0], sender, message):
        if isinstance(message, TransferSuspension) and sender is P and record.suspended_by is C:
            return Outcome(replace(_content(record, sender, message), heard=remember(record, message)))
        if _said_again(record, message):
            return Outcome(record, repeat=True)
        raise Refused("illegal-transition", _why(record, sender, message), "state")
    _, state, acknowledged = found
    learned = message.consumer_pid if sender is Role.CONSUMER else message.provider_pid
    following = replace(
        _content(record, sender, message),
        state=state,
        peer_pid=record.peer_pid or learned,
        under_way=() if state in FINAL else record.under_way[acknowledged:],
        heard=remember(record, message),
    )
    return Outcome(following)


def queue(record: Transfer, message: Message) -> Transfer:
    """The record with a message of ours under way. Raises Refused where it would not be legal once it arrives."""
    state = TABLE.get((record.ahead, record.role, type(message)))
    if state is None or not _allowed(record, record.ahead, record.role, message):
        raise Refused("illegal-transition", f"cannot send {type(message).__name__} in {record.ahead}", "state")
    item = UnderWay(message.id or record.next_id, state)
    following = _content(record, record.role, message)
    return replace(following, under_way=(*record.under_way, item), sent=record.sent + 1)


def refused(record: Transfer, reason: str) -> Transfer:
    """The consumer's record after the provider refused its request: there is nothing to terminate there."""
    return replace(record, state=State.TERMINATED, under_way=(), reason=reason)


def _acknowledged(record: Transfer, message: Message) -> Outcome[Transfer]:
    for index, item in enumerate(record.under_way):
        if item.id == message.id:
            state = State(item.state)
            rest = () if state in FINAL else record.under_way[index + 1 :]
            return Outcome(replace(record, state=state, under_way=rest))
    return Outcome(record, repeat=True)  # an answer of the peer has acknowledged it already


def _allowed(record: Transfer, here: str, sender: Role, message: Message) -> bool:
    if not isinstance(message, TransferStart):
        return True
    if here == State.SUSPENDED and sender is Role.CONSUMER:
        return record.suspended_by is Role.CONSUMER
    if here == State.STARTED:
        return record.data_address is None and message.address is not None
    return True


def _said_again(record: Transfer, message: Message) -> bool:
    if isinstance(message, TransferStart) and message.address not in (None, record.data_address):
        return False
    return record.state is SAID_AGAIN.get(type(message))


def _why(record: Transfer, sender: Role, message: Message) -> str:
    if isinstance(message, TransferStart) and sender is C and record.state is State.SUSPENDED:
        return f"suspended by the provider, which alone resumes it: {record.reason or 'no reason given'}"
    return f"{type(message).__name__} of the {sender} is not possible in {record.state}"


def _content(record: Transfer, sender: Role, message: Message) -> Transfer:
    if isinstance(message, TransferStart):
        address = message.address if sender is Role.PROVIDER else record.data_address
        return replace(record, data_address=address, suspended_by=None, reason=None)
    if isinstance(message, TransferSuspension):
        reason = "; ".join(message.reason) or message.code
        by = P if record.suspended_by is P else sender  # where both suspend at once, law 3 still holds
        return replace(record, data_address=None, suspended_by=by, reason=reason)
    if isinstance(message, TransferTermination):
        return replace(record, data_address=None, reason="; ".join(message.reason) or message.code)
    return record
