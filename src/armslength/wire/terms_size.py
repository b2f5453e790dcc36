"""How large terms may be: whoever signs them, and whoever is asked to, can fold their record at a known cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from armslength.core.arrangement.terms import Arrangement, ClaimIs, CleanRun, Clear, Condition, DutyIs, TrancheIs, walk
from armslength.wire.terms_fields import MOST

SECTIONS: Final = ("actors", "clauses", "claims", "duties", "tranches")
MAX_PERIODS: Final = 100_000  # of all claims together; a year of three hourly claims is 26,280
MAX_PARTS: Final = 5000  # of all conditions together
MAX_HOLDS: Final = 1000  # of each party


def oversized(terms: Arrangement) -> Iterator[tuple[str, str]]:
    """Where the terms are too large, as (place, reason) (rule 11.1h)."""
    for section in SECTIONS:
        if (count := len(getattr(terms, section))) > MOST:
            yield section, f"has {count} entries, and may have {MOST}"
    endless = sorted(name for name, term in terms.claims.items() if term.period is not None and term.period < 1)
    if endless:
        yield f"claims.{endless[0]}.period", "makes periods without end"
        return
    counts = {claim: term.periods(terms.start, terms.end) for claim, term in terms.claims.items()}
    if (total := sum(counts.values())) > MAX_PERIODS:
        place = max(sorted(counts), key=counts.__getitem__)
        reason = f"makes {counts[place]} periods in the term, and all claims together make {total}"
        yield f"claims.{place}.period", f"{reason}: more than {MAX_PERIODS} periods"
    conditions = [
        *((f"duties.{name}.trigger", duty.trigger) for name, duty in terms.duties.items()),
        *((f"tranches.{name}.gate", tranche.gate) for name, tranche in terms.tranches.items()),
        *((f"tranches.{name}.continuous", tranche.continuous) for name, tranche in terms.tranches.items()),
    ]
    sizes = {place: _parts(condition) for place, condition in conditions}
    if (total := sum(sizes.values())) > MAX_PARTS:
        place = max(sorted(sizes), key=sizes.__getitem__)
        yield place, f"all conditions together have {total} parts, and may have {MAX_PARTS}"
    if (holds := terms.allegations.holds_per_party) > MAX_HOLDS:
        yield "allegations.holds_per_party", f"{holds} holds for each party, and there may be {MAX_HOLDS}"


def _parts(condition: Condition) -> int:
    """The conditions of which it is made, and all that they name."""
    return sum(1 + len(_named(part)) for part in walk(condition))


def _named(part: Condition) -> tuple[str, ...]:
    match part:
        case CleanRun():
            return part.claims
        case Clear():
            return part.duties
        case ClaimIs() | DutyIs() | TrancheIs():
            return part.states
        case _:
            return ()
