"""Statements of ours that may be said: nothing else is ever signed with our key for entries (rule 12.4b)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from armslength.core.arrangement.bodies import Body
from armslength.ports import Batch

CommitBatch = Callable[[Batch], Awaitable[bool]]


class Clearance:
    """What may be said, and how it is stored: together with the note that it was, once.

    Two make it: the door of a node's own acts (`engine.approvals`), and a monitor without a node, which has no
    officials.
    """

    __slots__ = ("_commit", "bodies")

    def __init__(self, bodies: Sequence[Body], commit: CommitBatch | None = None) -> None:
        self.bodies = tuple(bodies)
        self._commit = commit

    def part(self, bodies: Sequence[Body]) -> Clearance:
        """That for some of these statements. Raises ValueError for one that is none of them."""
        if not all(body in self.bodies for body in bodies):
            raise ValueError("this statement was not cleared")
        return Clearance(bodies, self._commit)

    async def store(self, batch: Batch, commit: CommitBatch) -> bool:
        """Commit what was signed, by the way of the door if it has one."""
        return await (self._commit or commit)(batch)
