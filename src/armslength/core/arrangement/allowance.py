"""How much one author may say: a bound on the record that the terms alone decide.

It depends on nothing that happens, so it cannot make one entry valid before another and invalid after it; and it lies
far above what anybody needs: attesting a period, correcting it, alleging, answering and voting on it.
"""

from __future__ import annotations

from typing import Final

from armslength.core.arrangement.terms import Arrangement, Claim

AT_LEAST: Final = 256  # entries of one author
FOR_EACH: Final = 8  # … and as many more for each period of each claim, each duty and each tranche


def allowance(terms: Arrangement) -> int:
    """How many entries each author but the keeper, who has to seal, may place (rule 11.1f)."""
    total = sum(periods(terms, claim) for claim in terms.claims.values())
    return AT_LEAST + FOR_EACH * (total + len(terms.duties) + len(terms.tranches))


def periods(terms: Arrangement, claim: Claim) -> int:
    """The most periods that a claim can have: as many as if all begins at the stated start."""
    return 1 if claim.period is None else max(0, -(-(terms.end - terms.start - claim.offset) // claim.period))
