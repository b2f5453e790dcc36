"""Sending what we have written: to the timekeepers for their stamps, then to the keeper, until it is sealed."""

from __future__ import annotations

import logging

from armslength.core.record.entry import entry_hash
from armslength.engine.keeper import Keeper
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement
from armslength.engine.transport import NodeTransport
from armslength.engine.troubles import advice, advise
from armslength.errors import ArmslengthError
from armslength.ports import Peers
from armslength.wire.own import SubmissionAnswer

log = logging.getLogger(__name__)


class Submitter:
    """Sends the entries of one node."""

    def __init__(self, recorder: Recorder, keeper: Keeper, peers: Peers) -> None:
        self._recorder = recorder
        self._keeper = keeper
        self._peers = peers

    async def send(self, live: LiveArrangement) -> dict[str, SubmissionAnswer]:
        """Send what is pending; the keeper's answers by entry hash. Call it under `live.writing`.

        Where that fails nothing is raised: it is reported, and retried after a growing backoff.
        """
        live.backoffs.own.grow()  # what comes of it is seen when the record moves on
        try:
            await self._recorder.readiness.wait(live)
            if live.record.me.keeper:
                await self._keeper.prepare(live)
            mine = (live.record.me.actor, self._recorder)
            transport = NodeTransport(live.terms, live.arrangement, self._peers, mine, live.backoffs)
            answers = await live.journal.send(transport)
        except ArmslengthError as error:
            log.info("entries wait: %s", error)
            live.backoffs.own.tell(str(error), advice(error))
            return {}
        waiting = next((each for each in answers.values() if each.code and each.refusal is None), None)
        reason = "" if waiting is None else waiting.reason or waiting.code or ""
        live.backoffs.own.tell(reason, "" if waiting is None else advise(waiting.code))
        return answers

    async def send_at_once(self, live: LiveArrangement) -> dict[str, SubmissionAnswer]:
        """The same for what has just been written: no backoff delays it."""
        live.backoffs.own.end()
        return await self.send(live)

    async def send_again(self, live: LiveArrangement) -> None:
        """Send what waits, unless it was just sent."""
        if live.backoffs.own.is_over and await is_unsent(live):
            async with live.writing:
                await self.send(live)


async def is_unsent(live: LiveArrangement) -> bool:
    """Whether entries of ours wait to be sent: until they are sealed or, to ourselves, until they are placed."""
    names = [entry_hash(each.entry) for each in await live.journal.pending()]
    sealed = {name for name in names if live.record.sealed.index_of(name) is not None}
    if sealed:  # a crash, or a full disk, came between the seal and our journal
        await live.journal.sealed(sealed)
    if not live.record.me.keeper:
        return len(sealed) < len(names)
    return any(live.record.view.index_of(name) is None for name in names)
