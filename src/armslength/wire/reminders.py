"""What a monitor without a node asks of a node: to be reminded at an address (POST to /armslength/1/reminders)."""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.canonical import canonical
from armslength.wire.strict import check_size, exact

LARGEST = 4096  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRequest:
    """An address of mail; "" ends the reminders."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderReply:
    """Whether somebody at the address is asked to confirm it now."""

    asked: bool


def encode_reminder(address: str) -> bytes:
    """A request as it travels."""
    return canonical(ReminderRequest(address=address))


def decode_reminder(data: bytes) -> ReminderRequest:
    """Raises Malformed."""
    check_size(data, LARGEST)
    return exact(ReminderRequest, data)


def encode_reminded(*, asked: bool) -> bytes:
    """An answer as it travels."""
    return canonical(ReminderReply(asked=asked))


def decode_reminded(data: bytes) -> ReminderReply:
    """Raises Malformed."""
    check_size(data, LARGEST)
    return exact(ReminderReply, data)
