"""Terms that are too large are refused where they are read, with the place and the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armslength.core.arrangement.terms import AnyOf, Arrangement, Clause, Effective
from armslength.core.canonical import canonical
from armslength.errors import Malformed
from armslength.wire.terms_fields import MOST
from armslength.wire.terms_json import decode_terms
from armslength.wire.terms_size import MAX_HOLDS, MAX_PARTS, MAX_PERIODS
from tests.record_builder import keyed_terms


def refused(terms: Arrangement) -> tuple[str | None, str]:
    """Where and why the terms are refused as too large."""
    with pytest.raises(Malformed) as caught:
        decode_terms(canonical(terms))
    assert caught.value.code == "too-large"
    return caught.value.place, caught.value.reason


def clauses(count: int) -> Arrangement:
    """Terms with so many clauses."""
    terms = keyed_terms()
    more = {f"X{number}": Clause(title="x", sha256="0" * 64) for number in range(count - len(terms.clauses))}
    return replace(terms, clauses=terms.clauses | more)


def test_the_entries_of_a_section_are_bounded() -> None:
    """As many as may be are read; one more is refused."""
    assert len(decode_terms(canonical(clauses(MOST))).clauses) == MOST
    assert refused(clauses(MOST + 1)) == ("clauses", f"has {MOST + 1} entries, and may have {MOST}")


def seconds(periods: int) -> Arrangement:
    """Terms whose claim k2 has so many periods."""
    terms = keyed_terms()
    others = {name: replace(claim, period=10**9) for name, claim in terms.claims.items() if claim.period}
    k2 = replace(terms.claims["k2"], period=1)
    return replace(terms, end=terms.start + periods, claims=terms.claims | others | {"k2": k2})


def test_the_periods_of_all_claims_are_bounded_together() -> None:
    """A claim that leaves no room for the others' periods is named (rule 11.1h)."""
    others = len(keyed_terms().claims) - 1
    decode_terms(canonical(seconds(MAX_PERIODS - others)))
    place, reason = refused(seconds(MAX_PERIODS - others + 1))
    assert place == "claims.k2.period"
    assert reason.endswith(f"all claims together make {MAX_PERIODS + 1}: more than {MAX_PERIODS} periods")


@pytest.mark.parametrize("period", [0, -1])
def test_periods_last(period: int) -> None:
    """A claim whose periods last no time has no number of them."""
    terms = keyed_terms()
    k2 = replace(terms.claims["k2"], period=period)
    assert refused(replace(terms, claims=terms.claims | {"k2": k2})) == (
        "claims.k2.period",
        "makes periods without end",
    )


def test_conditions_and_holds_are_bounded() -> None:
    """So is what is looked at, and held, at each step."""
    terms = keyed_terms()
    many = AnyOf(of=(Effective(),) * MAX_PARTS)
    large = replace(terms.duties["C2"], trigger=many)
    assert refused(replace(terms, duties=terms.duties | {"C2": large}))[0] == "duties.C2.trigger"
    held = replace(terms.allegations, holds_per_party=MAX_HOLDS + 1)
    assert refused(replace(terms, allegations=held))[0] == "allegations.holds_per_party"
