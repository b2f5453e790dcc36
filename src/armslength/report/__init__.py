"""What is made for people to read: terms in plain English, their differences, and the report page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from armslength.core.arrangement.state import State
    from armslength.core.arrangement.terms import Arrangement
    from armslength.views.placed import PlacedEntry
    from armslength.wire.bundle import Verdict


def render(
    verdict: Verdict,
    terms: Arrangement,
    texts: Mapping[str, str],
    placed: Sequence[PlacedEntry],
    state: State,
    weights: Mapping[str, int] | None = None,
) -> str:
    """The report page (`page.render`), loaded only when one is made: its templates cost more than the rest."""
    from armslength.report import page

    return page.render(verdict, terms, texts, placed, state, weights)
