"""The lanes of a long record stay few cells; those of a short one are one for each period."""

from __future__ import annotations

from dataclasses import replace

from armslength.core.arrangement.state import State
from armslength.report.lanes import CELLS, Lane, picture
from tests.golden.terms import DAY, golden_terms
from tests.views.fold import golden


def lane(letters: str, days: int) -> Lane:
    """The lane of k2 where its periods are decided like this."""
    terms = golden_terms()
    terms = replace(terms, end=terms.start + days * DAY)
    state: State = golden().state
    claims = {**state.claims, "k2": replace(state.claims["k2"], decided=letters)}
    state = replace(state, claims=claims)
    found = picture(terms, state, golden().placed, {})
    return next(each for each in found.lanes if each.label == "k2")


def test_periods_stand_one_by_one_as_long_as_there_is_room() -> None:
    """Each with its own title."""
    found = lane("S" * 45 + "R", 46)
    assert len(found.cells) == 46
    assert "day 45" in found.cells[-1].title
    assert found.cells[-1].letter == "R"


def test_those_that_follow_each_other_alike_are_one_in_a_long_record() -> None:
    """An exception stands out, and the title says which periods a cell is of."""
    found = lane("S" * 200 + "R" + "S" * 164, 365)
    assert [cell.letter for cell in found.cells] == ["", "R", ""]
    assert "day 0–199" in found.cells[0].title
    assert "SUPPORTED" in found.cells[0].title


def test_no_record_makes_more_cells_than_can_be_seen() -> None:
    """Where all differs a cell holds several periods, shows the gravest, and counts them all."""
    found = lane("SR" * 20_000, 40_000)
    assert len(found.cells) <= 2 * CELLS
    assert {cell.letter for cell in found.cells} == {"R"}
    first = found.cells[0].title
    assert "167 REFUTED, 167 SUPPORTED" in first
