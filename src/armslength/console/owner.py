"""What the console asks of whoever it stands for: a node, or a monitor's folder."""

from __future__ import annotations

from typing import Protocol, TypeVar

from armslength.wire.manage import Verb

Q = TypeVar("Q")
A = TypeVar("A")


class Owner(Protocol):
    """The owner's side of a node or of a monitor's folder (`wire.manage` has the verbs)."""

    name: str  # as its configuration calls it
    did: str
    is_monitor: bool  # a folder without a node: it attests, and looks at what the nodes show

    async def ask(self, verb: Verb[Q, A], asked: Q) -> A:
        """Ask. Raises what is answered; NotFound with "no-such-verb" for what a monitor's folder cannot do."""
        ...
