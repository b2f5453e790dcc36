"""What waits over all arrangements, for pages that do not wait for it: the first time after a node has started it opens
every arrangement, which with hundreds takes a while."""

from __future__ import annotations

import asyncio
from typing import Final

from armslength.console.owner import Owner
from armslength.wire.news import TODAY, NoQuestion, TodayView

PATIENCE_S: Final = 0.15  # so that the page itself takes no more than 200 ms


class Gathering:
    """One owner's answers to what waits. While one takes long, nobody asks again."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._slow: asyncio.Task[TodayView] | None = None

    async def today(self) -> TodayView | None:
        """What waits; None while it is being gathered. Raises what is answered."""
        task = self._slow
        if task is None:
            task = asyncio.create_task(self._owner.ask(TODAY, NoQuestion()))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
        if not done:
            self._slow = task
            return None
        self._slow = None  # later, something else may wait
        return task.result()
