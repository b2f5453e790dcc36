"""The simulated clock says times as people write them."""

from __future__ import annotations

import pytest

from armslength.engine.clock import Clocks
from armslength.errors import Misuse
from armslength.store.memory import MemoryStore


async def test_a_clock_that_is_set_back_says_what_it_shows() -> None:
    """The refusal names the time in UTC, not in seconds since 1970."""
    clock = Clocks(MemoryStore(), development=True)
    await clock.set(1468540800)
    with pytest.raises(Misuse, match="the simulated time is 2016-07-15T00:00:00Z already and never goes back"):
        await clock.set(1468540799)
