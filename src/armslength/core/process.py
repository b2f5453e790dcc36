"""What a negotiation and a transfer have in common: two sides, one table, and what is still under way.

Laws (they hold for both state machines):

1. A state counts once the message that leads to it is acknowledged. Until then the message is `under_way`, in the
   order in which it was queued; there are no further states for waiting.
2. A message of the peer that is legal only after one of ours acknowledges ours: the peer could not have sent it
   otherwise. So an answer may overtake the acknowledgement of what it answers.
3. A message heard before (same id) changes nothing and is answered as it was. Where a peer gives no ids, a message
   that says what already holds is taken as said again.
4. A refusal changes nothing. A terminal state is final, and drops what was still under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from armslength.errors import Refused

REMEMBERED = 16  # ids of heard messages a record keeps: far more than can be repeated while later ones wait


class Role(StrEnum):
    """Which side of an exchange a participant is on."""

    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> Role:
        """The opposite side."""
        return Role.PROVIDER if self is Role.CONSUMER else Role.CONSUMER


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A protocol message. `id` names this one message, if its sender names messages."""

    id: str | None = None
    consumer_pid: str | None = None
    provider_pid: str | None = None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A message of ours that is not acknowledged yet, and the state that its acknowledgement leads to."""

    id: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What both kinds of process record. `address` is the base to which messages to the peer go."""

    role: Role  # ours
    pid: str  # ours
    peer_pid: str | None  # the consumer learns it from the provider's first word
    peer: str  # DID
    address: str
    dataset: str
    began: int = 0  # UNIX seconds
    under_way: tuple[UnderWay, ...] = ()
    heard: tuple[str, ...] = ()  # ids of the peer's last messages
    sent: int = 0  # messages of ours so far; numbers their ids
    reason: str | None = None  # why it was suspended, terminated or refused, in words

    @property
    def consumer_pid(self) -> str | None:
        """The consumer's id of this process."""
        return self.pid if self.role is Role.CONSUMER else self.peer_pid

    @property
    def provider_pid(self) -> str | None:
        """The provider's id of this process."""
        return self.pid if self.role is Role.PROVIDER else self.peer_pid

    @property
    def next_id(self) -> str:
        """The id of our next message: a function of the record, so that trying again says the same thing."""
        return f"{self.pid}#{self.sent + 1}"


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """The record after a message. `repeat`: it was heard before, and nothing has changed."""

    record: R
    repeat: bool = False


def same_process(record: Record, message: Message) -> None:
    """Refuse a message whose process ids are not this record's."""
    for name, ours, theirs in (
        ("consumerPid", record.consumer_pid, message.consumer_pid),
        ("providerPid", record.provider_pid, message.provider_pid),
    ):
        if theirs is not None and ours is not None and ours != theirs:
            raise Refused("wrong-process", f"{name} {theirs} is not the one of this process", name)


def abandoned(record: R, message: Message) -> R:
    """The record once the peer has refused `message` of ours for good: it, and what waits behind it, leads nowhere."""
    ids = [item.id for item in record.under_way]
    return record if message.id not in ids else replace(record, under_way=record.under_way[: ids.index(message.id)])


def landing(
    table: Mapping[tuple[Any, Role, type[Message]], Any], record: Record, state: str, sender: Role, message: Message
) -> tuple[Any, Any, int] | None:
    """Where `message` leads: (from, to, how many of ours under way it acknowledges), or None if it is not legal."""
    ahead = [state]
    if sender is not record.role:
        ahead += [item.state for item in record.under_way]
    for count, here in enumerate(ahead):
        there = table.get((here, sender, type(message)))
        if there is not None:
            return here, there, count
    return None


def remember(record: Record, message: Message) -> tuple[str, ...]:
    """The ids heard, this one included."""
    return record.heard if message.id is None else (*record.heard, message.id)[-REMEMBERED:]
