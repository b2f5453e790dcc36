"""The pictures of the state tables are current, and say every row."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

from armslength.core.arrangement import tables

DOCS = Path(__file__).parents[3] / "docs"


def generator() -> ModuleType:
    """The script that draws them."""
    spec = importlib.util.spec_from_file_location("generate_states", DOCS / "generate_states.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["allegation", "arrangement", "claim", "duty", "maintain", "release", "tranche"])
def test_pictures_are_current(name: str) -> None:
    """What the tables draw is what is in the folder, and every state and rule is in it."""
    script = generator()
    drawn = (DOCS / "states" / f"{name}.svg").read_text(encoding="utf-8")
    assert drawn == script.picture(name), "run: python docs/generate_states.py"
    texts = {element.text for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")}
    for _, machine in script.PICTURES[name]:
        assert set(machine.states) <= texts
        assert set(machine.rows) <= texts


def test_every_machine_is_drawn() -> None:
    """No table is without a picture, and no picture is left over."""
    pictures = generator().PICTURES
    drawn = [machine.name for machines in pictures.values() for _, machine in machines]
    assert sorted(drawn) == sorted(machine.name for machine in tables.MACHINES)
    assert {path.stem for path in (DOCS / "states").iterdir()} == set(pictures)
