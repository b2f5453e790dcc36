"""How long `check --explore` takes for the July 2016 arrangement, and how many courses of events it plays in that time.

The peer is one course, everybody doing as agreed; the ratio is how many of them the whole takes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.golden.terms import golden_terms

from armslength.analysis.exploration import explore
from armslength.rehearsal.play import Play
from armslength.wire.script import AGREED, Script


def figures() -> list[dict[str, object]]:
    """One dict per figure: name, value, unit, n, peer, ratio."""
    terms = golden_terms()
    start = time.process_time()
    Play(terms, Script(title="-", otherwise=AGREED)).run()
    one = time.process_time() - start
    start = time.process_time()
    found = explore(terms)
    whole = time.process_time() - start
    return [
        {
            "name": "exploration.july-2016",
            "value": round(whole, 2),
            "unit": "s",
            "n": sum(found.looked),
            "peer": {"name": "one course as agreed", "value": round(one, 3)},
            "ratio": round(whole / one, 1),
        }
    ]
