"""Exposure: given less received, by the definition in docs/exposure.md."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.core.arrangement.bodies import Ack, Sign
from armslength.errors import Malformed
from armslength.views.exposure import Balance, measure, number, series, weights_of
from tests.golden.terms import HOUR, at, commit, deliver, give, golden_terms, seal
from tests.views.fold import Folded, golden, script

PAGE = Path(__file__).parents[2] / "docs" / "exposure.md"


def exposure(time: int, party: str = "A", weights: dict[str, int] | None = None) -> Fraction:
    """A party's exposure in the golden scenario at an instant."""
    return measure(golden().terms, golden().at(time), weights)[party].exposure


def test_nothing_is_at_stake_before_the_first_release() -> None:
    """Until D both parties stand at 0."""
    assert measure(golden().terms, golden().at(at(-1))) == {"A": Balance(), "B": Balance()}


def test_the_first_tranche_exposes_its_provider() -> None:
    """At D, T1 is given and received: A stands at 1, B at -1."""
    assert exposure(at(0)) == 1
    assert exposure(at(0), "B") == -1


def test_a_release_counts_as_given_before_it_is_received() -> None:
    """Between RELEASED and SETTLED the provider has given and the recipient has nothing yet."""
    states, placed = golden().states, golden().placed
    index = next(i for i, entry in enumerate(placed) if entry.type == "release")
    balance = measure(golden().terms, states[index + 1])
    assert balance["A"].given == 1
    assert balance["B"].received == 0


def test_conduct_counts_in_equal_parts_for_each_clean_day() -> None:
    """After seven clean days of C1.A, C1.B and C2 and a week of C6, each side has given what that makes."""
    got = measure(golden().terms, golden().at(at(7, 1)))
    assert got["B"].given == Fraction(7 + 7, 46) + Fraction(1, 7)
    assert got["A"].given == 1 + Fraction(7, 46) + Fraction(1, 7)


def test_refuted_days_count_for_nothing() -> None:
    """Days 20 to 23 are refuted and add nothing to C2, the excused day 9 does."""
    only = dict.fromkeys(weights_of(golden().terms), 0) | {"C2": 46}
    assert exposure(at(20), weights=only) == -19  # day 19 is attested at D+20 01:00
    assert exposure(at(25), weights=only) == -20
    assert exposure(at(25, 1), weights=only) == -21
    assert exposure(at(50), weights=only) == -42


def test_the_numbers_in_the_documentation_are_the_golden_ones() -> None:
    """The table in docs/exposure.md is what the code yields."""
    rows = re.findall(r"^\| (D\S*)(?: (\d\d):(\d\d))? \| ([\d.]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 7
    for day, hours, minutes, shown in rows:
        time = at(int(day[2:] or 0), int(hours or 0), int(minutes or 0))
        assert number(exposure(time)) == shown, day


def test_the_peak_names_its_moment_and_its_reason() -> None:
    """A's peak is at D+38 01:00, by the release of T5; B is never exposed."""
    lines = series(golden().terms, golden().placed)
    assert lines["A"].peak.at == at(38, 1)
    assert lines["A"].peak.why == "T5 is released"
    assert number(lines["A"].peak.exposure) == "3.26"
    assert lines["B"].peak.index is None


def test_the_series_ends_where_the_state_stands() -> None:
    """Following the changes and reading the state give the same balance, at every entry."""
    folded = golden()
    lines = series(folded.terms, folded.placed)
    for entry, state in zip(folded.placed[::7], folded.states[1::7], strict=True):
        balance = measure(folded.terms, state)
        for party, line in lines.items():
            upto = [p for p in line.points if p.index is not None and p.index <= entry.index]
            got = (upto[-1].given, upto[-1].received) if upto else (0, 0)
            assert got == (balance[party].given, balance[party].received)


def test_private_weights_replace_signed_ones() -> None:
    """Private weights win, signed ones come next, and what has none counts 1 (rule 6.2b)."""
    terms = golden_terms()
    signed = replace(terms, tranches=terms.tranches | {"T1": replace(terms.tranches["T1"], weight=5)})
    worth = weights_of(signed, {"T2": 9})
    assert (worth["T1"], worth["T2"], worth["T3"], worth["C2"]) == (5, 9, 1, 1)


def test_weights_for_nothing_are_refused() -> None:
    """A private weight that names no duty or tranche is an error, not silence."""
    with pytest.raises(Malformed, match="T9"):
        weights_of(golden_terms(), {"T9": 1})


def test_a_complaint_leaves_the_tranche_given_and_not_received() -> None:
    """While DISPUTED, the provider has given and the recipient has not received."""
    complaint = ("B", Ack(tranche="T1", stage="plain", ok=False, evidence="0" * 64))
    folded = Folded(
        golden_terms(),
        script(
            (at(-3), [("A", Sign()), ("B", Sign())]),
            (at(-2), commit("T1")),
            (at(0), [*seal(), *deliver("T1"), *give("T1")[:-1], complaint]),
        ),
    )
    balance = measure(folded.terms, folded.state)
    assert balance["A"].given == 1
    assert balance["B"].received == 0


@given(st.dictionaries(st.sampled_from(sorted(weights_of(golden_terms()))), st.integers(-50, 50)))
@settings(max_examples=20, deadline=None)
def test_two_parties_mirror_each_other_where_nothing_is_on_its_way(weights: dict[str, int]) -> None:
    """With every tranche settled or unreleased, what one has given the other has received, under any weights."""
    got = measure(golden().terms, golden().at(at(26)), weights)
    assert got["A"].given == got["B"].received
    assert got["B"].given == got["A"].received


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Fraction(2), "2"), (Fraction(113, 23), "4.91"), (Fraction(-1, 3), "−0.33"), (Fraction(-1, 999), "0")],
)
def test_numbers_are_short(value: Fraction, shown: str) -> None:
    """At most two decimals, a real minus sign, and no minus zero."""
    assert number(value) == shown


def test_exposure_at_half_hours_is_that_of_the_entry_before() -> None:
    """The series is a step function."""
    assert exposure(at(9, 6) + HOUR // 2) == exposure(at(9, 6))
