"""What follows from a breach, for whom, and what outlives the arrangement."""

from __future__ import annotations

from collections.abc import Iterator

from armslength.analysis.finding import ERROR, WARNING, Finding
from armslength.analysis.people import actor_place, named_for_nothing
from armslength.core.arrangement.terms import AllOf, Arrangement, Clear, Condition, claims_of
from armslength.views.words import listing


def gated_by(condition: Condition) -> set[str]:
    """The duties whose breach makes this condition false, whatever else holds."""
    if isinstance(condition, Clear):
        return set(condition.duties)
    if isinstance(condition, AllOf):
        return {duty for part in condition.of for duty in gated_by(part)}
    return set()


def undefined(terms: Arrangement) -> Iterator[Finding]:
    """S07: consequences that nothing carries out, and claims that decide nothing or too much."""
    withheld = {duty for tranche in terms.tranches.values() for duty in gated_by(tranche.continuous)}
    for id_, duty in terms.duties.items():
        place = f"duties.{id_}.consequence"
        if duty.consequence == "withhold" and id_ not in withheld:  # rule 4.4a
            text = f"says withhold, but no tranche is released only while {id_} is clear: add clear: {id_} to its while"
            yield Finding("S07", ERROR, place, text)
        if duty.consequence == "record" and id_ in withheld:
            text = "says record, but a tranche is withheld over it: say withhold"
            yield Finding("S07", WARNING, place, text)
    used = _claims_in_conditions(terms) | {claim.excuse.claim for claim in terms.claims.values() if claim.excuse}
    for id_ in terms.claims:
        showing = [duty for duty, rule in terms.duties.items() if rule.claim == id_]
        excusing = [other for other, rule in terms.claims.items() if rule.excuse and rule.excuse.claim == id_]
        if len(showing) > 1:
            text = f"shows {listing(showing)}; an allegation of it would have no single debtor: give each its own claim"
            yield Finding("S07", ERROR, f"claims.{id_}", text)
        if len(excusing) > 1:
            yield Finding("S07", ERROR, f"claims.{id_}", f"excuses {listing(excusing)}: give each its own excuse claim")
        if excusing and (showing or terms.claims[id_].excuse):
            text = "is an excuse, and can neither show a duty nor be excused itself"
            yield Finding("S07", ERROR, f"claims.{id_}", text)
        if not showing and id_ not in used:
            yield Finding("S07", WARNING, f"claims.{id_}", "decides nothing: no duty, condition or excuse rests on it")


def _claims_in_conditions(terms: Arrangement) -> set[str]:
    conditions = [duty.trigger for duty in terms.duties.values()]
    conditions += [part for tranche in terms.tranches.values() for part in (tranche.gate, tranche.continuous)]
    return {claim for condition in conditions for claim in claims_of(condition)}


def third_parties(terms: Arrangement) -> Iterator[Finding]:
    """S15: a performer that signed nothing, and a debtor for whom nothing follows; and whoever is named for nothing."""
    withheld = {name for tranche in terms.tranches.values() for name in gated_by(tranche.continuous)}
    for id_, duty in terms.duties.items():
        nothing = duty.consequence == "record" or (duty.consequence == "withhold" and id_ not in withheld)
        if duty.performer not in terms.parties and nothing:
            text = f"{duty.performer} performs and signs nothing, and nothing follows for {duty.debtor}: only a record"
            yield Finding("S15", WARNING, f"duties.{id_}.consequence", text)
    for id_ in named_for_nothing(terms):
        text = f"{id_} is named, and nothing in the terms follows for it"
        yield Finding("S15", WARNING, actor_place(terms, id_), text)


def survival(terms: Arrangement) -> Iterator[Finding]:
    """S17: recipients who owe nothing once the arrangement is over."""
    owing = {duty.debtor for duty in terms.duties.values() if duty.surviving}
    for party in sorted({tranche.recipient for tranche in terms.tranches.values()} - owing):
        text = f"{party} receives data, and no duty of {party} survives the end (such as deletion or confidentiality)"
        yield Finding("S17", WARNING, "duties", text)
