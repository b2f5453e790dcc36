"""One tranche of a live arrangement at this node: what it does next, by the plan, and how that goes.

Its role (`engine.provider`, `engine.recipient`) is asked what it knows, and told what to do. Laws:

1. One action at a time is under way. It does its deed, or makes a statement, which goes on to the writer: nobody is
   called back, and what became of it is told once, to the tranche that asked.
2. Whatever an action needs again after a crash (a one-time key, a wrapped key, a bearer token) is stored before
   anything that rests on it is sent. Secrets lie in the node's database only, whose file is private to its owner.
3. What failed is retried after a growing backoff; a statement that was refused, until the record has grown: every
   refused entry makes the next one larger.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from armslength.engine.actions import Action, next_action
from armslength.engine.approvals import WAITS
from armslength.engine.backoff import Backoff
from armslength.engine.role import TrancheRole
from armslength.engine.troubles import advice
from armslength.errors import ArmslengthError, unusable

LONGEST_S: Final = 300.0  # before an action that failed is tried again
WHILE_RUNNING_S: Final = 60.0  # what runs says so when it ends
IN_VAIN: Final = 5  # refusals after which nobody waits for the next answer
LOOK_S: Final = 5.0  # before an action is looked at again that came to nothing
AT_PROVIDER: Final = frozenset({Action.NEGOTIATE, Action.REQUEST, Action.DOWNLOAD})

log = logging.getLogger(__name__)


class LiveTranche:
    """A tranche in which this node has a role."""

    def __init__(self, role: TrancheRole) -> None:
        self.role = role
        self.live = role.live
        self.name = role.name
        self._task: asyncio.Task[None] | None = None
        self._failed: dict[Action, Backoff] = {}
        self._refused: dict[Action, int] = {}  # statements: the sealed record's size then
        self._awaited: set[Action] = set()  # that wait for our own officials

    def left_alone(self, action: Action) -> float | None:
        """For how many seconds an action is left alone; None if only the record can move it."""
        if self._refused.get(action) == self.live.record.sealed.size:
            return None
        failed = self._failed.get(action)
        return max(failed.left if failed else 0.0, self.role.pause(action))

    # --- the plan --------------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether an action is under way."""
        return self._task is not None

    @property
    def trouble(self) -> str | None:
        """Why an action does not get through."""
        return next((f"{action}: {backoff.reason}" for action, backoff in self._failed.items()), None)

    def is_pending(self, action: Action) -> bool:
        """Whether an open action is about to come. Nobody need wait for one that waits for our own officials, nor for
        what the other side has finally refused again and again: that is told, and asked for less and less often."""
        return action not in self._awaited and self.role.refusals(action) < IN_VAIN

    def hurry(self) -> None:
        """What has failed is tried at once: something has changed that is not in the record."""
        self._refused.clear()
        self._awaited.clear()
        for backoff in self._failed.values():
            backoff.end()

    async def next_action(self) -> Action | None:
        """What the sealed record asks of us now."""
        if self.role.is_over:
            return None
        live, known = self.live, await self.role.facts()
        state, me, now = live.record.sealed.state, live.record.me.actor, self.role.tools.recorder.now(live)
        return next_action(live.terms, state, me, self.name, known, now)

    async def turn(self) -> None:
        """Begin what is open, unless something is under way, or it is left alone."""
        action = await self.next_action()
        for other in [each for each in self._failed if each is not action]:
            self._went_well(other)  # or is not asked any more
        if action is not None and not self.is_running and self.left_alone(action) == 0.0:
            self._task = task = asyncio.create_task(self._carry_out(action))
            self.role.tools.under_way.add(task)
            task.add_done_callback(self._ended)

    async def left(self) -> float | None:
        """For how many seconds what is to be done waits; None if nothing is, or only the record can move it."""
        if self.is_running:
            return WHILE_RUNNING_S
        action = await self.next_action()
        if action is None:
            return None
        seconds = self.left_alone(action)
        return LOOK_S if seconds == 0.0 and action not in self._failed else seconds

    async def _carry_out(self, action: Action) -> None:
        try:
            if action is await self.next_action():  # the turn may have rested on older facts
                said = await self.role.do(action)
                reason = None if said is None else await self.role.tools.writer.write(self.live, said)
                if reason is not None:
                    self._refused[action] = self.live.record.sealed.size
                    self._backoff(action).tell(reason)
                    return
            self._went_well(action)
        except Exception as error:  # noqa: BLE001  whatever a peer has sent us: tried again after a while
            self._went_wrong(action, error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self.role.tools.under_way.discard(task)
        self.role.tools.repository.schedule.call(self.live.arrangement)

    def _went_wrong(self, action: Action, error: Exception) -> None:
        known = unusable(error, self.role.tools.contents.folder) if isinstance(error, OSError) else error
        self._backoff(action).fail(str(known), advice(known))
        if isinstance(known, ArmslengthError) and known.code == WAITS:
            self._awaited.add(action)
            log.info("%s of %s: %s", action, self.name, known)
            return
        unexpected = None if isinstance(known, ArmslengthError) else known
        log.warning("%s of %s: %s", action, self.name, known, exc_info=unexpected)

    def _backoff(self, action: Action) -> Backoff:
        found = self.role.tools.repository.troubles.at(*self._named(action), longest=LONGEST_S)
        self._failed[action] = found
        return found

    def _went_well(self, action: Action) -> None:
        self._awaited.discard(action)
        if self._failed.pop(action, None) is not None:
            self.role.tools.repository.troubles.over(*self._named(action))

    def _named(self, action: Action) -> tuple[str, str, str]:
        """An action as a trouble names it: what fails, at whom, in which arrangement."""
        whom = self.role.terms.provider if action in AT_PROVIDER else ""
        return f"{action} of {self.name}", whom, self.live.arrangement
