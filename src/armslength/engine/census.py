"""How many negotiations and transfers there are of each dataset, which has one counterparty, and which are too many.

Laws (rule 11.1d):

1. Of a dataset so many processes run at once, and so many agreements are made; who asks for more is refused, with the
   reason.
2. Of those that came to nothing the last ones are kept. An agreement is kept permanently.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final
from weakref import WeakValueDictionary

from armslength.core import negotiation as cn
from armslength.core.negotiation import Negotiation
from armslength.core.process import Process
from armslength.core.transfer import Transfer
from armslength.engine.processes import KINDS, Processes
from armslength.errors import Refused

LIVE: Final = 16  # negotiations of a dataset that run, and as many transfers
AGREED: Final = 16  # agreements on a dataset
KEPT: Final = 16  # negotiations of a dataset that came to nothing, and as many transfers that are over
REMEMBERED: Final = 4096  # datasets whose processes are counted in memory

Kind = type[Negotiation] | type[Transfer]
Counted = dict[str, tuple[bool, bool, int]]
"""By pid: whether it is over, whether it is an agreement, and when it began."""


class Census:
    """Counts what `processes` keeps. It must `heed` every record that is new or has changed."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._counted: OrderedDict[tuple[str, str], Counted] = OrderedDict()  # by kind and dataset
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, what: str) -> asyncio.Lock:
        """Around what begins a process: one at a time."""
        return self._turns.setdefault(what, asyncio.Lock())

    async def room(self, kind: Kind, dataset: str) -> list[str]:
        """The pids of those that make room for one more. Raises Refused where too many run, or have led to an
        agreement."""
        found = await self._of(kind, dataset)
        live = sum(not is_over for is_over, _, _ in found.values())
        agreed = sum(is_agreed for _, is_agreed, _ in found.values())
        if live >= LIVE:
            raise Refused("too-many", f"{live} {KINDS[kind]}s of this dataset run already: end one first", dataset)
        if agreed >= AGREED:
            raise Refused("too-many", f"this dataset has been agreed on {agreed} times: use one of these", dataset)
        return _spare(found)

    async def spare(self, kind: Kind, dataset: str) -> list[str]:
        """The pids of those that are over and can go."""
        return _spare(await self._of(kind, dataset))

    def update(self, record: Process, gone: Iterable[str] = ()) -> None:
        """A record is new, or has changed, and these have gone for it."""
        counted = self._counted.get((KINDS[type(record)], record.dataset))
        if counted is not None:
            counted[record.pid] = _seen(record)
            for pid in gone:
                counted.pop(pid, None)

    async def _of(self, kind: Kind, dataset: str) -> Counted:
        place = (KINDS[kind], dataset)
        if place not in self._counted:
            stored: Sequence[Process] = await self._processes.of_dataset(kind, dataset)  # type: ignore[type-var]
            self._counted.setdefault(place, {record.pid: _seen(record) for record in stored})
            if len(self._counted) > REMEMBERED:
                self._counted.popitem(last=False)
        self._counted.move_to_end(place)
        return self._counted[place]


def _spare(found: Counted) -> list[str]:
    over = sorted((began, pid) for pid, (is_over, is_agreed, began) in found.items() if is_over and not is_agreed)
    return [pid for _, pid in over[: max(0, len(over) - KEPT + 1)]]


def _seen(record: Process) -> tuple[bool, bool, int]:
    return record.final, record.state == cn.NegotiationState.FINALIZED, record.began
