"""Statements of ours that may be said: nothing else is ever signed with our key for entries (rule 12.4b)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from armslength.core.arrangement.bodies import Body
from armslength.ports import Batch

CommitBatch = Callable[[Batch], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Clearance:
    """What may be said, and how it is stored: `commit` does it together with the note that it was said, once; None
    where no note is needed.

    Two make it: the door of a node's own acts (`engine.approvals`), and a monitor without a node, which has no
    officials.
    """

    bodies: tuple[Body, ...] = ()
    commit: CommitBatch | None = None
