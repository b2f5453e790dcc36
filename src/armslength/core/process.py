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
from typing import Any, ClassVar, Generic, Self, TypeVar

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
class Process:
    """What both kinds of process record, and what each says of its own state machine."""

    TABLE: ClassVar[Mapping[tuple[Any, Role, type[Message]], Any]]
    """The state that a message of a sender leads to."""
    STATES: ClassVar[type[StrEnum]]
    TERMINATED: ClassVar[StrEnum]
    FINAL: ClassVar[frozenset[Any]]

    state: str
    role: Role  # ours
    pid: str  # ours
    peer_pid: str | None  # the consumer learns it from the provider's first word
    peer: str  # DID
    address: str  # the base to which messages to the peer go
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

    @property
    def final(self) -> bool:
        """Whether no message changes it any more."""
        return self.state in self.FINAL

    @property
    def terminated(self) -> bool:
        """Whether it came to nothing."""
        return self.state == self.TERMINATED

    @property
    def ahead(self) -> str:
        """The state once everything under way is acknowledged."""
        return self.STATES(self.under_way[-1].state) if self.under_way else self.state

    def allows(self, here: str, sender: Role, message: Message) -> bool:  # noqa: ARG002
        """Whether a message that TABLE has in state `here` is legal for this record."""
        return True

    def after(self, sender: Role, message: Message) -> Self:
        """The record with what a message says, whatever its state."""
        raise NotImplementedError

    def again(self, sender: Role, message: Message) -> Self | None:
        """The record after a message of the peer that is no step but says what already holds; None if it does not."""
        raise NotImplementedError

    def why_not(self, sender: Role, message: Message) -> str:
        """Why a message of the peer is refused, in words."""
        return f"{type(message).__name__} of the {sender} is not possible in {self.state}"


R = TypeVar("R", bound=Process)


@dataclass(frozen=True, slots=True)
class ProcessOutcome(Generic[R]):
    """The record after a message. `repeat`: it was heard before, and nothing has changed."""

    record: R
    repeat: bool = False


def step(record: R, sender: Role, message: Message) -> ProcessOutcome[R]:
    """Apply an acknowledged message. Raises Refused, and then nothing has changed."""
    _same_process(record, message)
    if sender is record.role:
        return _acknowledged(record, message)
    if message.id is not None and message.id in record.heard:
        return ProcessOutcome(record, repeat=True)
    ahead = (record.state, *(item.state for item in record.under_way))  # law 2
    rows = ((index, here, record.TABLE.get((here, sender, type(message)))) for index, here in enumerate(ahead))
    acknowledged, here, state = next((row for row in rows if row[2] is not None), (0, record.state, None))
    if state is None or not record.allows(here, sender, message):
        again = record.again(sender, message)
        if again is None:
            raise Refused("illegal-transition", record.why_not(sender, message), "state")
        return ProcessOutcome(again, repeat=again is record)
    following = replace(
        record.after(sender, message),
        state=state,
        peer_pid=record.peer_pid or (message.consumer_pid if sender is Role.CONSUMER else message.provider_pid),
        under_way=() if state in record.FINAL else record.under_way[acknowledged:],
        heard=remember(record, message),
    )
    return ProcessOutcome(following)


def queue(record: R, message: Message) -> R:
    """The record with a message of ours under way. Raises Refused where it would not be legal once it arrives."""
    state = record.TABLE.get((record.ahead, record.role, type(message)))
    if state is None or not record.allows(record.ahead, record.role, message):
        raise Refused("illegal-transition", f"cannot send {type(message).__name__} in {record.ahead}", "state")
    item = UnderWay(message.id or record.next_id, state)
    following = record.after(record.role, message)
    return replace(following, under_way=(*record.under_way, item), sent=record.sent + 1)


def refused(record: R, reason: str) -> R:
    """The consumer's record after the provider refused its first request: there is nothing to terminate there."""
    return replace(record, state=record.TERMINATED, under_way=(), reason=reason)


def _acknowledged(record: R, message: Message) -> ProcessOutcome[R]:
    for index, item in enumerate(record.under_way):
        if item.id == message.id:
            rest = () if item.state in record.FINAL else record.under_way[index + 1 :]
            return ProcessOutcome(replace(record, state=record.STATES(item.state), under_way=rest))
    return ProcessOutcome(record, repeat=True)  # an answer of the peer has acknowledged it already


def _same_process(record: Process, message: Message) -> None:
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


def remember(record: Process, message: Message) -> tuple[str, ...]:
    """The ids heard, this one included."""
    return record.heard if message.id is None else (*record.heard, message.id)[-REMEMBERED:]
