"""docs/rules.md, the code that decides its rules and the tests that hold them name each other."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
SOURCE: Final = ROOT / "src" / "armslength"
PAGE: Final = (DOCS / "rules.md").read_text(encoding="utf-8")
NUMBER: Final = r"\d+(?:\.\d+)?[a-z]?(?!\w|\.\d)"
CITED: Final = re.compile(rf"\b[Rr]ules?\s+({NUMBER}(?:(?:,\s+and\s+|,\s+|\s+and\s+){NUMBER})*)")


def generator() -> ModuleType:
    """The script that reads the page."""
    spec = importlib.util.spec_from_file_location("generate_rules", DOCS / "generate_rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT: Final = generator()
RULES: Final[dict[str, Any]] = {rule.number: rule for rule in SCRIPT.rules(PAGE)}
ITEMS: Final[dict[str, str]] = SCRIPT.headings(PAGE)


def cited(text: str) -> set[str]:
    """The numbers that a text cites."""
    return {number for found in CITED.findall(text) for number in re.findall(NUMBER, found)}


def texts(*folders: str) -> Iterator[tuple[str, str]]:
    """Every Python file and page under these folders, with its text."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".md"} and "node_modules" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_numbers_stand_once_and_in_order() -> None:
    """Letters of an item begin with a and leave none out, under the item's heading; items and parts likewise."""
    numbers = [rule.number for rule in SCRIPT.rules(PAGE)]
    assert len(numbers) == len(set(numbers)), "a number stands twice"
    for item in dict.fromkeys(RULES[number].item for number in numbers):
        letters = [number[-1] for number in numbers if RULES[number].item == item]
        assert letters == [chr(ord("a") + index) for index in range(len(letters))], item
        assert PAGE.index(f"### {item} ") < PAGE.index(f"**{item}a "), f"{item} stands above its heading"
    places = [tuple(map(int, number.split("."))) for number in ITEMS]
    for before, after in pairwise(places):
        assert after in {(*before, 1), (*before[:-1], before[-1] + 1), (before[0] + 1,)}, f"{before}, then {after}"


def test_every_rule_says_where_it_lives() -> None:
    """Each rule ends with the file that holds it."""
    assert not [number for number, rule in RULES.items() if not rule.files]


@pytest.mark.parametrize("number", RULES)
def test_the_code_that_decides_a_rule_cites_it(number: str) -> None:
    """Whoever searches a file for a rule that is said to live there finds the place."""
    for file in RULES[number].files:
        assert number in cited((SOURCE / file).read_text(encoding="utf-8")), f"{file} does not cite rule {number}"


def test_a_test_holds_every_rule() -> None:
    """Each rule is cited in the docstring of at least one test that would fail without it."""
    held = set[str]()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                held |= cited(ast.get_docstring(node) or "")
    assert not RULES.keys() - held, sorted(RULES.keys() - held)


def test_citations_lead_to_rules() -> None:
    """No code, test or page cites a rule, or an item of rules, that there is not."""
    wrong = [
        f"{place}: rule {number}"
        for place, text in texts("src", "tests", "docs", "bench", "examples")
        for number in sorted(cited(text))
        if number not in RULES and (number not in ITEMS or "." not in number)
    ]
    assert not wrong, wrong


def test_the_map_is_current() -> None:
    """ARCHITECTURE's table of rules and files is what the page says."""
    page = (DOCS / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert page == SCRIPT.architecture(PAGE, page), "run: python docs/generate_rules.py"
