"""Folded records of the arrangements that were looked at last, so that a page folds only what is new."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from armslength.console.owner import Owner
from armslength.views.history import GrowingHistory, History
from armslength.wire.manage import RECORD, SealedRecord, WhichArrangement
from armslength.wire.terms_json import decode_terms

KEPT: Final = 8


@dataclass(slots=True)
class _KeptHistory:
    """What is folded of one arrangement; nobody else folds it while `lock` is held."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    folded: tuple[GrowingHistory, History] | None = None


class Histories:
    """The histories of one owner's arrangements, a few of them kept. They are folded beside the event loop, one at a
    time, so that other pages are answered meanwhile."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._kept: OrderedDict[str, _KeptHistory] = OrderedDict()
        self._one = asyncio.Semaphore(1)

    async def of(self, arrangement: str, sealed: int) -> History:
        """The history up to the last seal, which covers at least `sealed` leaves."""
        kept = self._kept.setdefault(arrangement, _KeptHistory())
        self._kept.move_to_end(arrangement)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        async with kept.lock:
            known = kept.folded
            if known is None or known[0].size < sealed:
                answer = await self._owner.ask(RECORD, WhichArrangement(arrangement=arrangement))
                kept.folded = None  # whoever breaks off leaves a fold behind that nobody may grow further
                async with self._one:
                    known = kept.folded = await asyncio.to_thread(_grown, known and known[0], answer)
            return known[1]


def _grown(known: GrowingHistory | None, answer: SealedRecord) -> tuple[GrowingHistory, History]:
    if known is None or known.size > len(answer.leaves):  # another record: a node that was restored
        known = GrowingHistory(decode_terms(answer.document.encode()))
    return known, known.take(answer.leaves[known.size :])
