"""What terms say of themselves."""

from __future__ import annotations

from armslength.core.arrangement.terms import AllOf, AnyOf, ClaimIs, CleanRun, DutyIs, Not, claims_of, duties_of, roles
from tests.core.arrangement.small import EFFECTIVE, clear, terms, when


def test_roles_are_all_that_terms_ask_of_an_actor() -> None:
    """One who signs is a party; whoever is named besides has offices, and may have several."""
    known = terms(fallback_keepers=("n2",))
    assert roles(known, "P") == ("party", "timekeeper")
    assert roles(known, "N") == ("keeper", "timekeeper", "determiner")
    assert roles(known, "n1") == ("determiner", "monitor")
    assert roles(known, "n2") == ("fallback-keeper", "monitor")
    assert roles(known, "C") == ()


def test_a_condition_names_claims_and_duties_at_any_depth() -> None:
    """Whatever it says of them."""
    run, claim, duty = CleanRun(claims=("k", "j"), length=2), ClaimIs(claim="e", states=()), DutyIs(duty="a", states=())
    whole = AllOf(of=(EFFECTIVE, AnyOf(of=(run, Not(of=(claim,)))), Not(of=(AnyOf(of=(duty, clear("b", "c"))),))))
    assert claims_of(whole) == {"k", "j", "e"}
    assert duties_of(whole) == {"a", "b", "c"}
    assert claims_of(when("start", 0)) == duties_of(EFFECTIVE) == set()
