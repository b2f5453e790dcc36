"""How many entries a second the fold takes, one by one, and what the last of them cost beside the first.

Without signatures and roots: the rules alone. `attestations` are those of two monitors that decide period after period;
of `refuted` every other period is REFUTED, so that violations open, breach and join all the time. The peer is the first
tenth of the same entries; the ratio is that of the last tenth's rate to it, 1 where cost does not grow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.core.arrangement.floods import Flood, attestations, begun, refuted

from armslength.core.arrangement import step

ENTRIES = 100_000


def figures() -> list[dict[str, object]]:
    """One dict per figure: name, value, unit, n, peer, ratio."""
    return [_figure("attestations", attestations), _figure("refuted", refuted)]


def _figure(name: str, flood: Callable[[int], Flood]) -> dict[str, object]:
    terms, entries = flood(ENTRIES)
    state, tenth = begun(terms), ENTRIES // 10
    rates = []
    for _ in range(10):
        acts = list(islice(entries, tenth))
        start = time.process_time()
        for act in acts:
            state = step.apply(terms, state, act).state
        rates.append(tenth / (time.process_time() - start))
    return {
        "name": f"fold.{name}.{ENTRIES}",
        "value": round(len(rates) * ENTRIES / sum(ENTRIES / rate for rate in rates)),
        "unit": "1/s",
        "n": ENTRIES,
        "peer": {"name": "the first tenth of the same entries", "value": round(rates[0])},
        "ratio": round(rates[-1] / rates[0], 2),
    }
