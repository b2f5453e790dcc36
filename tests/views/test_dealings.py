"""What an actor has kept and what not: a line for each thing, with the entries on which it rests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from armslength.rehearsal.play import Play
from armslength.views.dealings import OUTCOMES, Dealing, dealings
from armslength.wire.script_read import read_script
from tests.golden.terms import at
from tests.rehearsal.support import EXAMPLES, TERMS, play
from tests.views.fold import golden


@cache
def of(who: str) -> dict[str, Dealing]:
    """The lines of the golden scenario about somebody, by kind and subject."""
    found = golden()
    return {f"{each.kind} {each.subject}": each for each in dealings(found.terms, found.state, found.placed, who)}


def outcomes(who: str) -> dict[str, str]:
    """The outcomes alone."""
    return {name: each.outcome for name, each in of(who).items()}


def test_the_provider_s_lines() -> None:
    """Arandia released in time but for T2, which it made good, and kept its duties."""
    assert outcomes("A") == {
        "release T1.release": "kept",
        "release T2.release": "cured",
        "release T3.release": "kept",
        "release T4.release": "kept",
        "release T5.release": "kept",
        "release T6.release": "kept",
        "duty C1.A": "kept",
        "duty C6.A": "kept",
    }


def test_the_other_side_s_lines() -> None:
    """Borovia's violation is remedied, its two steps were kept, and both allegations are told with their outcome."""
    assert outcomes("B") == {
        "allegation A/k2/14": "disputed",
        "allegation A/k2/20": "disputed",
        "duty C5a": "kept",
        "duty C5b": "kept",
        "duty C1.B": "kept",
        "duty C6.B": "kept",
        "duty C9": "open",
        "violation C2#20": "remedied",
    }
    assert of("B")["allegation A/k2/14"].text == "alleged by Arandia about k2 day 14: DENIED, DISMISSED"
    assert of("B")["allegation A/k2/20"].text.endswith("DENIED, UPHELD")
    assert of("B")["violation C2#20"].at == at(26, 1)


@pytest.mark.parametrize("who", ["A", "B"])
def test_every_line_rests_on_entries(who: str) -> None:
    """Each line names entries of the record that changed what it is about, and their receipts."""
    placed = golden().placed
    for line in of(who).values():
        assert line.entries
        for index in line.entries:
            subjects = {change.subject for change in placed[index].changes}
            assert subjects
        assert len(line.receipts) == len([index for index in line.entries if index < len(placed) - 1])


def _played(text: str, who: str) -> dict[str, str]:
    found = play(f"otherwise: agreed\n{text}")
    return {f"{each.kind} {each.subject}": each.outcome for each in dealings(TERMS, found.state, found.placed, who)}


def test_other_outcomes() -> None:
    """Breached, unknown, disputed, discharged, and signed what excludes each other."""
    broken = _played("- {at: 1h after each, say: 'all attest k2#20..45 false'}", "B")
    assert broken["violation C2#20"] == "breached"
    unknown = _played("- silence: m5 on k2#3..5", "B")
    assert (unknown["periods k2"], "duty C2" in unknown) == ("unknown", False)
    assert _played("- {at: D, say: B complains of T1}", "A")["complaint T1"] == "disputed"
    assert _played("- {at: D+10, say: A withdraws}", "B")["duty C5b"] == "discharged"
    assert _played("- {at: D+10, say: m2 contradicts itself}", "m2")["statement m2"] == "contradicted"
    assert _played("- {at: D+3, say: A never releases T2}", "A")["release T2.release"] == "breached"


def test_every_outcome_has_its_name() -> None:
    """No line of any shipped script has an outcome that the list of outcomes lacks."""
    folder = Path(EXAMPLES) / "july-2016" / "rehearsals"
    for path in sorted(folder.glob("*.yaml")):
        found = Play(TERMS, read_script(path.read_bytes(), TERMS, file=path.name)).run()
        for who in TERMS.actors:
            for line in dealings(TERMS, found.state, found.placed, who):
                assert line.outcome in OUTCOMES
