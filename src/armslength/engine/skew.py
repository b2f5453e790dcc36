"""How far this node's clock lies from those that others show with their answers (the Date field of HTTP).

A clock that is wrong makes everything fail that is signed with a time: tokens, stamps, cosignatures. Whose it is, one
node cannot tell from one other; from several it can.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from armslength.engine.troubles import Troubles

CLOCK: Final = "our clock"  # as `views.troubles` knows it
LEEWAY: Final = 20  # seconds that clocks may differ before it is told; tokens allow for 30
HOSTS: Final = 256  # whose clocks are remembered
NAMED: Final = 3  # that are named where several differ


class ClockSkew:
    """What other clocks show. It is a trouble where they differ from ours."""

    def __init__(self, troubles: Troubles, clock: Callable[[], float] = time.time) -> None:
        self._troubles = troubles
        self._clock = clock
        self._ahead: OrderedDict[str, int] = OrderedDict()  # by host: by how many seconds our clock is ahead

    def heard(self, url: str, date: str) -> None:
        """An answer has come from this URL, dated so; a date that is none is passed over."""
        try:
            ahead = round(self._clock() - parsedate_to_datetime(date).timestamp())
            host = urlsplit(url).netloc
        except (ValueError, TypeError, OverflowError):
            return
        self._ahead[host] = ahead
        self._ahead.move_to_end(host)
        if len(self._ahead) > HOSTS:
            self._ahead.popitem(last=False)
        if abs(ahead) > LEEWAY or self._troubles.at(CLOCK).reason:
            self._judge()

    def _judge(self) -> None:
        """Whether it is ours: more than half of the others' differ from it, and there are several."""
        wrong = {host: ahead for host, ahead in self._ahead.items() if abs(ahead) > LEEWAY}
        pause = self._troubles.at(CLOCK)
        if 2 * len(wrong) <= len(self._ahead):
            pause.tell("")
            return
        ahead = sorted(wrong.values())[len(wrong) // 2]
        named = [*list(wrong)[:NAMED], *([f"{len(wrong) - NAMED} others"] if len(wrong) > NAMED else [])]
        said = f"it is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} what {' and '.join(named)} show"
        doubt = "" if len(self._ahead) > 1 else " (or that one's is wrong: no other has been heard)"
        pause.tell(said + doubt, "set it by a time server; tokens, stamps and cosignatures fail while it is wrong")
