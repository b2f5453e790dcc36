"""docs/terms.md and the compiler say the same: every field, type and default, every condition, check and example."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from armslength.analysis.check import CHECKS, NOTE, check
from armslength.wire.terms_build import build
from armslength.wire.terms_conditions import DUTY_STATES, KEYWORDS, TRANCHE_STATES
from armslength.wire.terms_fields import OPTIONAL, REQUIRED, SECTIONS, Computed, Field, Reader
from armslength.wire.terms_tree import from_plain
from armslength.wire.terms_yaml import parse
from tests.terms_base import DOCS, SMALL, YAML_BLOCKS, compiled, plain

TEXT = DOCS.read_text("utf-8")
TABLE = re.compile(r"<!-- (fields|checks):? ?([a-z ,]*)-->\n((?:\|.*\n)+)")


def rows(table: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    cut = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in table.splitlines()[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in cut]


def documented() -> dict[str, dict[str, tuple[str, str]]]:
    """Section → field → (type, default), as the manual has them."""
    found: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for kind, sections, table in TABLE.findall(TEXT):
        for section in sections.split(",") if kind == "fields" else ():
            for field, type_, default, _ in rows(table):
                assert field not in found[section.strip()], f"{section}: {field} is documented twice"
                found[section.strip()][field.strip("`")] = (type_, default)
    return dict(found)


def default(rule: Field) -> str:
    """A default as the manual writes it."""
    if rule.default is REQUIRED:
        return "required"
    if rule.default is OPTIONAL:
        return "–"
    if isinstance(rule.default, Computed):
        return rule.default.words
    if rule.default in ({}, []) and not isinstance(rule.default, bool):
        return "its defaults" if rule.type in SECTIONS else "none"
    if isinstance(rule.default, bool):
        return f"`{str(rule.default).lower()}`"
    return f"`[{', '.join(rule.default)}]`" if isinstance(rule.default, list) else f"`{rule.default}`"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_is_documented(section: str) -> None:
    """The manual has exactly the fields of each section, with their types and defaults."""
    assert documented()[section] == {key: (rule.type, default(rule)) for key, rule in SECTIONS[section].items()}


def test_no_other_section_is_documented() -> None:
    """The manual documents no section that the compiler does not know."""
    assert set(documented()) == set(SECTIONS)


def test_every_condition_is_documented() -> None:
    """The manual shows every word that a condition can begin with, and every state that it can name."""
    table = TEXT[TEXT.index("## Conditions") : TEXT.index("<!-- fields: run -->")]
    assert set(re.findall(r"`\{([a-z]+):", table)) >= set(KEYWORDS)
    assert set(re.findall(r"`([a-z]+)`", table)) >= {state.lower() for state in DUTY_STATES + TRANCHE_STATES}


def test_every_check_is_documented_with_its_status() -> None:
    """The manual lists the registry of checks, and is as honest about what is not built."""
    table = next(table for kind, _, table in TABLE.findall(TEXT) if kind == "checks")
    assert {row[0]: row[2] for row in rows(table)} == {id_: check.status for id_, check in CHECKS.items()}


def merged(base: Any, extra: Any, path: tuple[str, ...] = ()) -> Any:
    """`extra` laid over `base`, field by field; conditions and lists replace."""
    if not (isinstance(base, dict) and isinstance(extra, dict)) or path[-1:] in (("when",), ("while",), ("trigger",)):
        return extra
    return base | {key: merged(base.get(key), item, (*path, key)) for key, item in extra.items()}


@pytest.mark.parametrize("number", range(len(YAML_BLOCKS)))
def test_every_example_compiles(number: int) -> None:
    """Each YAML example compiles: the first by itself, the others laid over it."""
    extra = plain(parse(YAML_BLOCKS[number].encode(), f"example {number}"))
    assert set(extra) <= set(SECTIONS["arrangement"]), "an example must show its sections from the top"
    document = merged(plain(parse(SMALL.encode(), "example 0")), extra)
    reader = Reader("example", None)
    found = build(reader, from_plain(document))
    assert [str(problem) for problem in reader.problems] == []
    assert found is not None


def test_the_worked_example_checks_clean() -> None:
    """What a stranger copies from the manual has nothing that speaks against signing it, nor a warning."""
    found = compiled(SMALL)
    assert {finding.severity for finding in check(found.terms, found.texts)} <= {NOTE}
