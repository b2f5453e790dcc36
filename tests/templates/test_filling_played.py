"""Every template, played on the production step: as agreed to its end, and through a breach, whatever is answered."""

from __future__ import annotations

from typing import Any

import pytest

from armslength.rehearsal.play import Play, Rehearsal
from armslength.templates import ARRANGEMENT, Template, fill, templates
from armslength.wire.script_read import read_script
from armslength.wire.terms import compile_terms
from tests.templates.people import default_answers, monitor_card

ALL = pytest.mark.parametrize("each", templates(), ids=lambda each: each.id)
END = ("least", "most")


def played(each: Template, answers: dict[str, Any]) -> dict[str, Rehearsal]:
    """Every rehearsal that comes with the terms, run."""
    files = fill(each, answers)
    terms = compile_terms(files[ARRANGEMENT], lambda name: files[name]).terms
    scripts = {path: data for path, data in files.items() if path.startswith("rehearsals/")}
    return {path: Play(terms, read_script(data, terms, file=path)).run() for path, data in scripts.items()}


def wrong(found: dict[str, Rehearsal]) -> list[str]:
    """What does not hold, by rehearsal."""
    return [f"{path}: {mismatch}" for path, each in found.items() for mismatch in each.mismatches]


def at_the(bound: str, each: Template) -> dict[str, Any]:
    """Each count and duration at one of its bounds, as far as the others allow."""
    return {
        question.id: getattr(question, bound)
        for question in each.questions
        if question.kind in ("count", "duration") and not (bound == "most" and question.under)
    }


@ALL
def test_every_rehearsal_holds(each: Template) -> None:
    """With the defaults, everything that the scripts expect is so; one plays the whole as agreed, another a breach."""
    found = played(each, default_answers(each))
    assert wrong(found) == []
    assert found["rehearsals/as-agreed.yaml"].state.shown == "COMPLETED"
    seen = [{change.after for entry in run.placed for change in entry.changes} for run in found.values()]
    assert any({"BREACHED", "WITHHELD"} <= after for after in seen)
    assert all(run.ok and run.checked and not run.unplayed for run in found.values())


@ALL
@pytest.mark.slow("terms of many rounds are played to their end")
def test_rehearsals_hold_for_other_answers(each: Template) -> None:
    """With the smallest answers, and with the largest, the same is so."""
    for bound in END:
        answers = default_answers(each) | at_the(bound, each)
        for id_ in ("rounds", "releases", "outputs", "summaries", "deposits", "milestones"):
            if bound == "most" and id_ in answers:
                answers[id_] = 5  # more of the same shows nothing new, and takes its time
        assert wrong(played(each, answers)) == []


def test_the_finder_keeps_the_record_as_well() -> None:
    """Without a neutral node the same is played."""
    each = next(each for each in templates() if each.id == "coordinated-disclosure")
    answers = default_answers(each) | {"record": "finder", "coordinator": monitor_card("coordinator")}
    assert wrong(played(each, answers)) == []


@ALL
def test_when_nobody_speaks_it_comes_to_an_end(each: Template) -> None:
    """Silence of all but the signatures has an end, and nothing conditional is ever released by it."""
    files = fill(each, default_answers(each))
    terms = compile_terms(files[ARRANGEMENT], lambda name: files[name]).terms
    data = b"rehearse: silence\notherwise: agreed\nscript:\n  - silence: nobody speaks from D+1\n"
    found = Play(terms, read_script(data, terms, file="silence.yaml")).run()
    assert found.state.shown in ("COMPLETED", "TERMINATED")
    released = [change for entry in found.placed for change in entry.changes if change.after == "RELEASED"]
    assert all(change.at < (found.state.arrangement.effective_at or 0) + 86400 for change in released)
