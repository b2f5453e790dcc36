"""What can happen before anyone signs: every figure is of a course that its script plays, and bounds are told."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import pytest

from armslength.analysis.exploration import Exploration, explore
from armslength.errors import Malformed
from armslength.rehearsal.play import Play
from armslength.views.exposure import measure, series
from armslength.wire.script import AGREED, Script
from armslength.wire.script_read import read_script
from tests.rehearsal.support import example


@cache
def found(name: str) -> Exploration:
    """What can happen in a shipped example."""
    return explore(example(name))


@pytest.mark.parametrize("name", ["quality", "hospital"])
def test_the_worst_is_what_its_script_plays(name: str) -> None:
    """Each party's worst is the peak of its script, played on its own; no step's worst is below its exposure, and none
    is above the worst of all."""
    terms = example(name)
    for party, worst in found(name).worst.items():
        played = Play(terms, read_script(worst.script.encode(), terms, file="worst.yaml")).run()
        assert series(terms, played.placed)[party].peak.exposure == worst.exposure
        assert series(terms, played.placed)[party].peak.at == worst.at
    for step in found(name).steps:
        for party in terms.parties:
            assert step.exposure[party] <= step.worst[party] <= max(found(name).worst[party].exposure, Fraction(0))


def test_exposure_as_agreed() -> None:
    """Both have got what they gave, but for the quality that was found so far."""
    steps = found("quality").steps
    assert [step.why for step in steps] == ["Results is received and Forecast is received"]
    assert {party: str(value) for party, value in steps[0].exposure.items()} == {"S": "1/4", "B": "-1/4"}


@pytest.mark.parametrize("name", ["quality", "hospital"])
def test_what_a_silence_leads_to_is_what_its_script_plays(name: str) -> None:
    """The differences of each silence are those of its script from what was agreed."""
    terms = example(name)
    for each in found(name).silences:
        state = Play(terms, read_script(each.script.encode(), terms, file="silence.yaml")).run().state
        assert state.shown == each.state
        for difference in each.differences:
            name, now = difference.subject, state.shown
            if difference.kind != "arrangement":
                is_tranche = difference.kind == "tranche"
                now = state.tranches[name].shown if is_tranche else state.duties[name].state
            assert now == difference.instead != difference.agreed


def test_who_alone_can_stall() -> None:
    """Either party, the laboratory and the inspector, without whom nothing is found in order, and the keeper's node."""
    alone = found("quality").alone()
    assert set(alone) == {"S", "B", "L", "I"}
    assert any(each.stands for each in alone["L"])
    assert set(found("hospital").alone()) == {"H", "R", "e", "N"}


def test_private_weights_count_and_stay_out_of_scripts() -> None:
    """Weights change figures; unknown ones are refused; no script holds them."""
    terms = example("quality")
    heavy = explore(terms, {"Results": 700})
    assert heavy.worst["S"].exposure > 600
    assert not any("700" in worst.script for worst in heavy.worst.values())
    with pytest.raises(Malformed, match="no duty or tranche"):
        explore(terms, {"nothing": 1})


def test_the_bound_is_told() -> None:
    """A search that ends at its bound says so, and one that does not does not."""
    assert found("quality").whole
    bounded = explore(example("quality"), entries=200)
    assert not bounded.whole
    assert sum(bounded.looked) < sum(found("quality").looked)


@pytest.mark.parametrize("name", ["quality", "hospital"])
def test_what_is_gained_is_what_its_script_plays(name: str) -> None:
    """Who gains most by breaking off is by so much less exposed at the end of the script; no step tells of more."""
    terms = example(name)
    agreed = Play(terms, Script(title="-", otherwise=AGREED)).run()
    assert found(name).gains
    for party, gain in found(name).gains.items():
        played = Play(terms, read_script(gain.script.encode(), terms, file="gain.yaml")).run()
        ends = [measure(terms, each.state)[party].exposure for each in (agreed, played)]
        assert ends[0] - ends[1] == gain.gain > 0
    for step in found(name).steps:
        for party in terms.parties:
            assert 0 <= step.gain[party] <= found(name).gains[party].gain


def test_private_weights_tell_who_gains() -> None:
    """To whom the other's tranche is worth far more than its own, there is nothing to gain before it has it; and once
    nothing more is to come, the conduct that is still owed is what is gained by stopping."""
    terms = example("quality")
    eager = explore(terms, {"Forecast": 100, "Results": 1, "Quality": 8})
    assert eager.gains["S"].gain == 6  # three of four weeks are still owed when the forecast is there
    assert eager.gains["S"].at > terms.start
    assert eager.steps[0].gain["S"] == 6
    idle = explore(terms, {"Forecast": 0, "Results": 0, "Quality": 0})
    assert idle.gains == {}
    assert idle.steps == ()
