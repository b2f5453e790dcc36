"""python -m tests.oracle duel|seals|orders|swaps|oracle-seals|… FIRST COUNT [TELL]: by seed; the first TELL
differences of each kind are made small and told."""

from __future__ import annotations

import sys
import time
from collections import Counter

from tests.oracle.duel import history, replay
from tests.oracle.laws import LAWS, ClaimSummary, ours, theirs
from tests.oracle.shrink import kinds, smaller, smaller_law, told


def duel(seed: int, tell: bool) -> tuple[ClaimSummary, str]:
    """One history, seen by both engines: (the product's, the second engine's)."""
    found = history(seed)
    if not (found.found and tell):
        return found.found, ""
    terms, acts = smaller((found.terms, found.acts), replay)
    return found.found, told(terms, acts, replay((terms, acts)))


def law(name: str, seed: int, tell: bool) -> tuple[ClaimSummary, str]:
    """One law of one engine on one history: (first run, second run)."""
    run = theirs if name.startswith("oracle-") else ours
    case = LAWS[name.removeprefix("oracle-")](seed)
    found = case.broken(run)
    if not (found and tell):
        return found, ""
    case = smaller_law(case, run)
    return found, told(case.terms, case.other, case.broken(run)) + f"\n  first run: {[a.entry[-4:] for a in case.one]}"


def main(what: str, first: int, count: int, tell: int = 1) -> None:
    """Play, and tell."""
    seen: Counter[str] = Counter()
    began, failing = time.process_time(), []
    for seed in range(first, first + count):
        found, _ = duel(seed, False) if what == "duel" else law(what, seed, False)
        if not found:
            continue
        failing.append(seed)
        kind = " ".join(sorted(kinds(found)))
        seen[kind] += 1
        if seen[kind] <= tell:
            _, text = duel(seed, True) if what == "duel" else law(what, seed, True)
            print(f"=== seed {seed}: {kind}\n{text}", flush=True)
    print(f"{count} histories, {len(failing)} differ, {time.process_time() - began:.0f} s: {failing[:40]}")
    for kind, number in seen.most_common():
        print(f"{number:6} {kind}")


if __name__ == "__main__":
    main(sys.argv[1], *(int(word) for word in sys.argv[2:]))
