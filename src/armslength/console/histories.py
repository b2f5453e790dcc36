"""Folded records of the arrangements that were looked at last, so that a page folds only what is new."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from armslength.console.owner import Owner
from armslength.views.history import GrowingHistory, History
from armslength.wire.manage import RECORD, WhichArrangement
from armslength.wire.terms_json import decode_terms

KEPT: Final = 8


class Histories:
    """The histories of one owner's arrangements, a few of them kept."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._kept: OrderedDict[str, tuple[GrowingHistory, History]] = OrderedDict()

    async def of(self, arrangement: str, sealed: int) -> History:
        """The history up to the last seal, which covers at least `sealed` leaves."""
        known = self._kept.get(arrangement)
        if known is None or known[0].size < sealed:
            answer = await self._owner.ask(RECORD, WhichArrangement(arrangement=arrangement))
            grown = known[0] if known else GrowingHistory(decode_terms(answer.document.encode()))
            if grown.size > len(answer.leaves):  # another record: a node that was restored
                grown = GrowingHistory(decode_terms(answer.document.encode()))
            known = grown, grown.take(answer.leaves[grown.size :])
        self._kept[arrangement] = known
        self._kept.move_to_end(arrangement)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return known[1]
