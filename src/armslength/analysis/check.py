"""Checks before signing: the table of checks, and the one function that runs them.

A check looks at the terms alone; nothing is simulated here. Checks that explore what can happen have their place in
the table and are marked "later"; those that the language itself rules out are marked "language". No check claims what
it does not do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from armslength.analysis import consequences, order, people, quorums, timing
from armslength.analysis.finding import ERROR, NOTE, WARNING, Finding
from armslength.core.arrangement.terms import Arrangement

__all__ = ["CHECKS", "ERROR", "NOTE", "WARNING", "Check", "Finding", "check"]

_ORDER = {ERROR: 0, WARNING: 1, NOTE: 2}


@dataclass(frozen=True, slots=True)
class Check:
    """A check by its title. `run` is None for "later" (not built yet) and "language" (cannot be written at all)."""

    title: str
    run: Callable[[Arrangement], Iterator[Finding]] | None = None
    status: str = "done"


CHECKS: dict[str, Check] = {
    "S01": Check("well formed: references, texts, identities, roles", people.identities),
    "S02": Check("unverifiable: quorums that no one reaches, or both sides reach", quorums.unverifiable),
    "S03": Check("capturable: one side decides alone", quorums.capturable),
    "S04": Check("circular preconditions", order.circular),
    "S05": Check("deadlock: a state from which nobody can go on", None, "later"),
    "S06": Check("unreachable tranches, dead clauses, vacuous conditions", None, "later"),
    "S07": Check("undefined consequences, and claims that decide nothing or too much", consequences.undefined),
    "S08": Check("every duty comes to a verdict in bounded time", None, "later"),
    "S09": Check("deadlines that cannot fit", timing.unfit),
    "S10": Check("duties that cannot both hold", None, "later"),
    "S11": Check("exposure of each party", None, "later"),
    "S12": Check("incentive to defect", None, "later"),
    "S13": Check("one party that can stall for ever", None, "later"),
    "S14": Check("abuse of holds", timing.holds),
    "S15": Check("third parties for whom nobody answers", consequences.third_parties),
    "S16": Check("clocks under suspension", None, "language"),
    "S17": Check("what survives the end", consequences.survival),
    "S18": Check("fidelity on the wire", None, "later"),
    "S19": Check("pitfalls of policy languages: local time, months, deadlines as constraints", None, "language"),
    "S20": Check("determinism: free-text conditions, fractions, outside references", None, "language"),
    "S21": Check("single points of failure", quorums.indispensable),
}


def check(terms: Arrangement, texts: Mapping[str, str]) -> list[Finding]:
    """All findings, the gravest first. Where the terms are not well formed, that is all that is said."""
    findings = list(people.well_formed(terms, texts))
    if not findings:
        findings = [finding for entry in CHECKS.values() if entry.run for finding in entry.run(terms)]
    return sorted(findings, key=lambda finding: (_ORDER[finding.severity], finding.id))
