"""The documents agree with the program: commands exist, links lead somewhere, generated pages are current."""

import ast
import importlib.util
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from armslength.config import Role, parse
from armslength.core.arrangement.terms import roles
from tests.golden.terms import golden_terms

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "armslength"
PAGES = sorted(
    page
    for page in [
        *ROOT.glob("*.md"),
        *(page for top in (".github", "docs", "examples", "tests") for page in (ROOT / top).rglob("*.md")),
    ]
    if "node_modules" not in page.parts
)
RECORDS = sorted((DOCS / "decisions").glob("*.md"))
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
TEST_NAME = re.compile(r"`(tests/[\w/.-]+\.py)::(\w+)`")


def name(path: Path) -> str:
    """A page's path from the project's root."""
    return path.relative_to(ROOT).as_posix()


def code(text: str) -> Iterator[str]:
    """The lines of a page's code blocks, and its inline code."""
    for number, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        yield from part.splitlines() if number % 2 else re.findall(r"`([^`]+)`", part)


def prose(text: str) -> str:
    """A page without its code blocks."""
    return "".join(re.split(r"^```.*$", text, flags=re.MULTILINE)[::2])


def anchors(text: str) -> set[str]:
    """The fragments that a page's headings give."""
    headings = re.findall(r"^#+ (.+)$", prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file of the project, and every fragment to a heading."""
    broken = []
    for link in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not (target.is_relative_to(ROOT) and target.exists()):
            broken.append(link)
        if fragment and fragment not in anchors(target.read_text(encoding="utf-8")):
            broken.append(link)
    assert not broken, broken


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_exist(page: Path) -> None:
    """Every `make …` that a page tells a reader to run is a target."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    told = {
        target
        for line in code(page.read_text(encoding="utf-8"))
        for target in re.findall(r"(?:^|[;&]\s*|\$ )make ([\w-]+)", line.strip())
    }
    assert told <= targets, f"no such target: {told - targets}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page: Path) -> None:
    """Every `armslength VERB` on a page is a command."""
    verbs = commands()
    told = {
        verb
        for line in code(page.read_text(encoding="utf-8"))
        for verb in re.findall(r"(?:^|[;&|$]\s*|bin/)armslength(?: --?[\w-]+)* ([a-z][\w-]*)", line.strip())
    }
    assert told <= verbs, f"no such command: {told - verbs}"


def commands() -> set[str]:
    """The verbs of the command line."""
    app = pytest.importorskip("armslength.cli.__main__").app
    return {verb for verb in app if not verb.startswith("-")}


def test_the_command_reference_is_current() -> None:
    """docs/cli.md is what the commands' own help says."""
    commands()
    script = DOCS / "generate_cli.py"
    made = subprocess.run([sys.executable, script, "--print"], capture_output=True, text=True, check=True).stdout
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == made, "run: python docs/generate_cli.py"


def test_the_code_map_is_current() -> None:
    """docs/map.svg is drawn from the table of imports, with every module that there is."""
    spec = importlib.util.spec_from_file_location("generate_map", DOCS / "generate_map.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (DOCS / "map.svg").read_text(encoding="utf-8") == script.picture(), "run: python docs/generate_map.py"


def test_decisions_are_numbered() -> None:
    """Records of decisions are numbered from 1 on without a gap, and the number stands in the title."""
    numbers = [int(record.name[:4]) for record in RECORDS]
    assert numbers == list(range(1, len(numbers) + 1)), numbers
    for record in RECORDS:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", record.name), record.name
        assert record.read_text(encoding="utf-8").startswith(f"# {record.name[:4]}. "), record.name


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_decisions_have_their_parts(record: Path) -> None:
    """A record of a decision says context, options, choice and what we give up, in this order."""
    headings = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[:4] == ["Context", "Options", "Choice", "What we give up"]


def test_guarantees_name_their_tests() -> None:
    """Every promise names at least one test, and every test that is named exists."""
    text = (DOCS / "guarantees.md").read_text(encoding="utf-8").split("# What it does not promise")[0]
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        assert TEST_NAME.search(section), f"no test holds: {section.splitlines()[0]}"
    missing = [f"{file}::{test}" for file, test in TEST_NAME.findall(text) if test not in defined(ROOT / file)]
    assert not missing, missing


def defined(path: Path) -> set[str]:
    """The names of the functions and classes in a file; none if there is no such file."""
    if not path.exists():
        return set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds)}


def ours(text: str) -> Iterator[str]:
    """What looks like a path of this project in a page's inline code: `engine/clock.py`, `wire/`, `clock.py`."""
    tops = {path.stem for path in [*SOURCE.iterdir(), *ROOT.iterdir()]}
    for word in re.findall(r"`([\w./*-]+)`", prose(text)):
        if word.endswith(".py") or ("/" in word and word.partition("/")[0] in tops):
            yield word


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_in_pages_exist(page: Path) -> None:
    """Every page names modules, folders and files that there are, from the project's or the package's root."""
    words = set(ours(page.read_text(encoding="utf-8")))
    places = {word: [ROOT, SOURCE, page.parent] if "/" in word else [SOURCE, ROOT / "tests"] for word in words}
    missing = [
        word
        for word, tops in places.items()
        if not any([*top.glob(word if "/" in word else f"**/{word}")] for top in tops)
    ]
    assert not missing, missing


@pytest.mark.parametrize("page", [DOCS / "ARCHITECTURE.md", DOCS / "rules.md", ROOT / "CONTRIBUTING.md"], ids=name)
def test_names_in_pages_exist(page: Path) -> None:
    """`step.apply` is a function of a module of that name."""
    modules = {path.stem: path for path in sorted(SOURCE.rglob("*.py"))}
    found = re.findall(r"`([a-z_]+)\.(?!py`)([A-Za-z_]+)(?:\(\))?`", prose(page.read_text(encoding="utf-8")))
    missing = [
        f"{module}.{what}" for module, what in found if module in modules and what not in defined(modules[module])
    ]
    assert not missing, missing


def test_a_path_that_is_gone_is_seen() -> None:
    """Of modules, of folders, and of files that are named by themselves."""
    text = "See `engine/gone.py`, `wire/` and `gone.py`, but `armslength inbox` and `A/k2/14` are no paths."
    assert list(ours(text)) == ["engine/gone.py", "wire/", "gone.py"]


def test_what_each_can_take_is_what_the_code_says() -> None:
    """Each bound in the table of guarantees.md is the constant, or the setting's default, that it names."""
    text = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    table = text[text.index("## What each can take") : text.index("## Nothing fails in a tight loop")]
    rows = re.findall(r"^\| .* \| (\d+) ?(KiB|MiB|s|) \| `([\w.]+)` \|$", table, re.MULTILINE)
    assert len(rows) == table.count("\n| ") - 1
    for number, unit, name in rows:
        module, _, constant = name.rpartition(".")
        if constant.islower():  # a setting: its table's default
            module, _, kind = module.rpartition(".")
            found = getattr(getattr(importlib.import_module(f"armslength.{module}"), kind)(), constant)
        else:
            found = getattr(importlib.import_module(f"armslength.{module}"), constant)
        assert found == int(number) * {"KiB": 1024, "MiB": 1024**2}.get(unit, 1), name


def test_settings_that_are_shown_can_be_read() -> None:
    """Every table of a node's configuration in the documents and examples is one that a node takes."""
    pages = [*DOCS.glob("*.md"), *(ROOT / "examples").glob("*/README.md")]
    found = [
        (page, textwrap.dedent(block))
        for page in pages
        for block in re.findall(r"^ *```toml\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    ]
    assert any("[accept]" in block for _, block in found)
    for page, block in found:
        base = "" if "name =" in block else 'name = "x"\ndid = "did:web:x.example"\n'
        assert parse(base + block, page.parent).name


def test_offices_that_a_rule_accepts_are_those_that_there_are() -> None:
    """What `roles` in `[accept]` may name are the offices that terms give, and no more."""
    terms = golden_terms()
    offices = {role for actor in terms.actors for role in roles(terms, actor)} | {"fallback-keeper"}
    assert set(get_args(Role)) == offices - {"party"}
