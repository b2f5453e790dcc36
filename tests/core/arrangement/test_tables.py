"""The state tables: what they may and may not hold, and that the code takes their rows and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from armslength.core.arrangement import duties, step, tables
from armslength.core.arrangement.bodies import BODIES
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.tables import MACHINES, AuthorState, Machine
from armslength.core.negotiation import NegotiationState
from armslength.core.transfer import TransferState
from tests.core.arrangement.play import Play

SOURCE = Path(step.__file__).parent


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_rows_are_well_formed(machine: Machine[Any]) -> None:
    """Rules carry their machine's name; a row is made by an entry's type, by time, or follows; words say how."""
    for rule, row in machine.rows.items():
        assert rule == row.rule
        assert rule.startswith(f"{machine.name}.")
        assert row.by in {*BODIES, "time", "follows"}
        assert row.words
        assert row.before
    assert machine.reachable(machine.start) == set(machine.states)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_states_are_members_of_one_class(machine: Machine[Any]) -> None:
    """A table's states are members of the class beside it."""
    assert {type(state) for state in machine.states} == {type(machine.start)}
    assert all(state == state.name for state in machine.states)


def test_no_state_stands_in_no_table() -> None:
    """Each class of states holds what its tables know, and nothing else."""
    for kind in {type(machine.start) for machine in MACHINES}:
        known = {state for machine in MACHINES if type(machine.start) is kind for state in machine.states}
        assert known == set(kind)


def test_no_rule_twice() -> None:
    """A rule names one row of one machine."""
    rules = [rule for machine in MACHINES for rule in machine.rows] + list(tables.ASIDE)
    assert len(rules) == len(set(rules))


def test_code_takes_every_row_and_no_other() -> None:
    """Every rule is named in the code that takes it, and every rule that the code names is a row (rule 1.6c)."""
    text = "\n".join(path.read_text() for path in sorted(SOURCE.glob("*.py")) if path.name != "tables.py")
    named = set(re.findall(r'"([a-z]+\.[a-z-]+)"', text))
    shared = {
        f"{machine}.{rule}" for machine in ("duty", "maintain") for rule in ("triggered", "expired", "discharged")
    }
    shared |= {f"{machine}.waived" for machine in ("duty", "maintain", "release")}
    rules = {rule for machine in MACHINES for rule in machine.rows} | set(tables.ASIDE)
    assert rules - named == shared
    assert {name for name in named if name.split(".")[0] in {machine.name for machine in MACHINES}} <= rules


def test_released_is_for_ever() -> None:
    """From RELEASED a tranche comes to SETTLED or DISPUTED only; nothing but DELIVERED comes to RELEASED
    (rule 6.1d)."""
    assert tables.TRANCHE.reachable("RELEASED") == {"RELEASED", "SETTLED", "DISPUTED"}
    assert [row.before for row in tables.TRANCHE.rows.values() if row.after == "RELEASED"] == [("DELIVERED",)]


def test_what_is_decided_stays() -> None:
    """Decided periods, closed allegations and ended arrangements have no row that leads on."""
    for machine, states in (
        (tables.CLAIM, ("SUPPORTED", "REFUTED", "EXCUSED", "UNKNOWN")),
        (tables.OUTCOME, ("UPHELD", "DISMISSED")),
        (tables.ANSWER, ("ADMITTED", "DENIED", "UNANSWERED")),
        (tables.ARRANGEMENT, ("LAPSED", "COMPLETED", "TERMINATED")),
        (tables.ACHIEVE, ("FULFILLED", "CURED", "REMEDIED", "DISCHARGED", "EXPIRED")),
        (tables.RELEASE, ("FULFILLED", "CURED", "BREACHED", "DISCHARGED")),
        (tables.TRANCHE, ("SETTLED", "FORFEITED")),
    ):
        for state in states:
            assert machine.reachable(state) == {state}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_row_is_taken_from_its_states_only(machine: Machine) -> None:
    """Taking a row from any other state is an error of ours, not a change."""
    for rule, row in machine.rows.items():
        for state in machine.states:
            draft = Draft(Play().terms, Play().state)
            if state in row.before:
                assert draft.move(machine, "x", state, rule, "because") == row.after
                assert draft.changes[-1].rule == rule
            else:
                with pytest.raises(AssertionError):
                    draft.move(machine, "x", state, rule, "because")
                assert draft.changes == []


def test_guards_belong_to_the_states_they_leave() -> None:
    """Each guard of an achieve duty stands under a state that its row starts from."""
    for state, guards in duties._GUARDS.items():
        for rule, _ in guards:
            assert state in tables.ACHIEVE.rows[rule].before


def test_a_named_set_of_states_stands_once() -> None:
    """Where a set of states has a name, it is asked for by that name."""
    named = {value: name for name, value in vars(tables).items() if isinstance(value, frozenset)}
    assert all(value <= {state for machine in MACHINES for state in machine.states} for value in named)
    again = [
        (path.name, named[found])
        for path in sorted(SOURCE.parents[1].rglob("*.py"))
        if path.name != "tables.py"
        for text in re.findall(r"(?:\{|in \()\s*(?:\w+\.[A-Z]+(?:,\s*)?){2,}[})]", path.read_text(encoding="utf-8"))
        if (found := frozenset(re.findall(r"\.([A-Z]+)", text))) in named
    ]
    assert not again


def texts(path: Path) -> Iterator[ast.Constant]:
    """The texts in a module, but for those that name the members of a class."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    members = {node.value for part in ast.walk(tree) if isinstance(part, ast.ClassDef) for node in part.body
               if isinstance(node, ast.Assign)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in members:
            yield node


def test_no_state_is_written_as_text() -> None:
    """A state is named as a member of its class, never as text that nobody checks."""
    states = {state for machine in MACHINES for state in machine.states}
    states |= {*NegotiationState, *TransferState, *AuthorState}
    events = {
        ("dsp.py", "ACCEPTED"),
        ("dsp.py", "FINALIZED"),
    }  # of messages, which are named as the states they lead to
    bare = [
        f"{path.name}:{node.lineno} {node.value}"
        for path in sorted(SOURCE.parents[1].rglob("*.py"))
        for node in texts(path)
        if path.name != "tables.py" and node.value in states and (path.name, node.value) not in events
    ]
    assert not bare
