"""Checks before signing: the table of checks, and the one function that runs them.

A check looks at the terms alone; nothing is simulated here. What takes playing what can happen is marked "explored",
and `exploration` does it. Those that the language itself rules out are marked "language". No check claims what it does
not do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from armslength.analysis import (
    chase,
    consequences,
    contradictions,
    limits,
    order,
    oversights,
    people,
    quorums,
    reach,
    timing,
)
from armslength.analysis.finding import ERROR, NOTE, WARNING, Finding
from armslength.core.arrangement.terms import Arrangement

__all__ = ["CHECKS", "ERROR", "NOTE", "WARNING", "Check", "Finding", "check", "check_well_formed"]

_ORDER = {ERROR: 0, WARNING: 1, NOTE: 2}


@dataclass(frozen=True, slots=True)
class Check:
    """A check by its title. `run` looks at the terms, `read` at the texts of their clauses too. Both are None for
    "explored" (by `exploration`, when asked for; `reason` says why) and "language" (cannot be written at all)."""

    title: str
    run: Callable[[Arrangement], Iterator[Finding]] | None = None
    read: Callable[[Arrangement, Mapping[str, str]], Iterator[Finding]] | None = None
    status: str = "done"
    reason: str = ""


CHECKS: dict[str, Check] = {
    "S01": Check("well formed: references, texts, identities, roles", people.identities),
    "S02": Check("unverifiable: quorums that no one reaches, or both sides reach", quorums.unverifiable),
    "S03": Check("capturable: one side decides alone", quorums.capturable),
    "S04": Check("circular preconditions, and conditions that chase each other", order.circles),
    "S05": Check("deadlock: tranches that keep each other withheld", chase.locked_in),
    "S06": Check("unreachable tranches, dead clauses, vacuous conditions", reach.unreachable),
    "S07": Check("undefined consequences, and claims that decide nothing or too much", consequences.undefined),
    "S08": Check("every duty comes to a verdict in bounded time", limits.unbounded),
    "S09": Check("deadlines that cannot fit", timing.unfit),
    "S10": Check("duties that cannot both be kept, and gains from one's own breach", contradictions.contradictions),
    "S11": Check(
        "exposure of each party",
        status="explored",
        reason="how far one side can get ahead depends on the order of events: check --explore plays what can happen",
    ),
    "S12": Check(
        "incentive to break off",
        status="explored",
        reason="what a party is ahead by depends on when it stops: check --explore plays that at each step",
    ),
    "S13": Check("one party that can stall for ever", quorums.stalls),
    "S14": Check("abuse of holds", timing.holds),
    "S15": Check("third parties for whom nobody answers", consequences.third_parties),
    "S16": Check("clocks under suspension", status="language"),
    "S17": Check("what survives the end", consequences.survival),
    "S18": Check("fidelity on the wire: what is sent is what was signed, byte for byte", status="language"),
    "S19": Check("pitfalls of policy languages: local time, months, deadlines as constraints", status="language"),
    "S20": Check("determinism: free-text conditions, fractions, outside references", status="language"),
    "S21": Check("single points of failure", quorums.indispensable),
    "S22": Check("limits that a cure or a notice swallows", oversights.swallowed),
    "S23": Check("embargoes that are the provider's goodwill", read=oversights.goodwill),
}


def check(terms: Arrangement, texts: Mapping[str, str]) -> list[Finding]:
    """All findings, the gravest first. Where the terms are not well formed, that is all that is said."""
    return _sorted(people.well_formed(terms, texts)) or check_well_formed(terms, texts)


def check_well_formed(terms: Arrangement, texts: Mapping[str, str]) -> list[Finding]:
    """All findings, the gravest first, about terms that the language could have produced (`wire.terms.read_terms`)."""
    findings = [finding for entry in CHECKS.values() if entry.run for finding in entry.run(terms)]
    findings += [finding for entry in CHECKS.values() if entry.read for finding in entry.read(terms, texts)]
    return _sorted(findings)


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (_ORDER[finding.severity], finding.id))
