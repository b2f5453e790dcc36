"""Budgets. They are here to be argued with in a change of their own, never loosened in passing."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "armslength"

MODULE_LINES = 600  # aim at 400
FUNCTION_LINES = 70
PORT_METHODS = 8
CONSTRUCTOR_PARAMETERS = 8
FOLD_LINES = 5_600  # what an auditor has to read to believe the fold
MODULES_PER_MESSAGE = 5

# (file, function) -> why it is longer than the budget.
LONG_FUNCTIONS: dict[tuple[str, str], str] = {}

# A package's tests stand where the module they test stands: of <package>/<module>.py in
# tests/<package>/test_<module>.py, or in test_<module>_<aspect>.py where one file would be too long.
# These files test something else than one module: file -> what.
ACROSS_MODULES = {
    "console/test_pages.py": "what every page holds to",
    "cli/test_help.py": "the help of every verb",
    "cli/test_misuse.py": "what every verb says when something is wrong",
    "cli/test_odd_files.py": "every verb on files that are missing, odd or not writable",
    "core/arrangement/test_branches.py": "the golden scenario's branches, through the whole fold",
    "core/arrangement/test_found.py": "small cases that random histories found, through the whole fold",
    "core/arrangement/test_golden.py": "the golden scenario, through the whole fold",
    "core/arrangement/test_oracle.py": "the whole fold against a second engine",
    "core/arrangement/test_properties.py": "laws of the whole fold",
    "delivery/test_processes.py": "delivery between processes, one of them killed",
    "engine/test_witness.py": "the witness's endpoint, from the web to the keeper",
    "store/test_contract.py": "what every store promises",
    "store/test_stateful.py": "every store against the others",
    "views/test_property.py": "every sentence of every view",
    "views/test_truth.py": "what several views once told wrongly",
}

SLOW = "pytest.mark.slow"
SKIPPED = {".git", ".venv", "out", "__pycache__", "node_modules", "dist", "build"}


def python_files(*folders: str) -> list[Path]:
    """All Python files under the named folders of the project."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if not SKIPPED & set(path.relative_to(ROOT).parts))


def name(path: Path) -> str:
    """A file's path from the project's root."""
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function in a file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file of the project, with its text."""
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT).parts
        if SKIPPED & set(inside) or any(part.endswith((".egg-info", "_cache")) for part in inside):
            continue
        if path.is_file() and inside[0] != ".hypothesis":
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_modules_are_short() -> None:
    """No module is longer than can be held in mind at once."""
    lines = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files("src", "tests")}
    long = {file: count for file, count in lines.items() if count > MODULE_LINES}
    assert not long, f"split by what changes together: {long}"


def test_functions_are_short() -> None:
    """No function is longer than a screen, docstring included, unless its reason is listed; no reason is left over."""
    long = {
        (name(path), node.name): (node.end_lineno or 0) - node.lineno + 1
        for path in python_files("src", "examples")
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    }
    unexplained = {place: count for place, count in long.items() if place not in LONG_FUNCTIONS}
    assert not unexplained, f"longer than {FUNCTION_LINES} lines: {unexplained}"
    assert not LONG_FUNCTIONS.keys() - long.keys(), "a listed function is short now: take its reason off"


def test_ports_are_narrow() -> None:
    """A promise that somebody else must keep has few methods."""
    tree = ast.parse((SOURCE / "ports.py").read_text(encoding="utf-8"))
    wide = {}
    for port in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        methods = [node for node in port.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        if len(methods) > PORT_METHODS:
            wide[port.name] = len(methods)
    assert not wide, f"more than {PORT_METHODS} methods: {wide}"


def test_constructors_are_narrow() -> None:
    """What needs many parameters wants a value that holds them."""
    wide = {}
    for path in python_files("src"):
        for node in functions(path):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if node.name == "__init__" and len(given) - 1 > CONSTRUCTOR_PARAMETERS:
                wide[f"{name(path)}:{node.lineno}"] = len(given) - 1
    assert not wide, f"more than {CONSTRUCTOR_PARAMETERS} parameters: {wide}"


def test_a_class_name_stands_once() -> None:
    """One meaning for one word, across the whole package."""
    found = [
        (each.name, name(path))
        for path in python_files("src")
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.ClassDef)
    ]
    known = Counter(each for each, _ in found)
    assert sorted(place for place in found if known[place[0]] > 1) == []


def imported(path: Path) -> set[Path]:
    """The modules of the core that a module imports."""
    known = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("armslength.core"):
            folder = SOURCE.parent.joinpath(*(node.module or "").split("."))
            known |= {folder.with_suffix(".py"), *(folder / f"{each.name}.py" for each in node.names)}
    return {each for each in known if each.is_file()}


def test_the_fold_is_small() -> None:
    """The rules as a whole stay readable in a day: what the judge of a leaf imports, and what that imports."""
    read, reached = set(), {SOURCE / "core" / "record" / "replica.py"}
    while reached - read:
        module = min(reached - read)
        read.add(module)
        reached |= imported(module)
    outside = {name(path) for path in python_files("src/armslength/core") if path.stem != "__init__"} - set(
        map(name, read)
    )
    assert outside == {f"src/armslength/core/{each}.py" for each in ("negotiation", "policy", "process", "transfer")}
    total = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in read)
    assert total <= FOLD_LINES, f"the fold has {total} lines"


def messages() -> list[str]:
    """The Dataspace Protocol's messages, by the names of their classes in the core."""
    found = []
    for file in ("negotiation.py", "transfer.py"):
        tree = ast.parse((SOURCE / "core" / file).read_text(encoding="utf-8"))
        for node in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            found += [node.name] if "Message" in bases else []
    assert len(found) >= 10
    return found


def test_messages_make_few_hops() -> None:
    """A message of the Dataspace Protocol is named in few modules: its rules, its form, its path, who acts on it."""
    sources = {name(path): path.read_text(encoding="utf-8") for path in python_files("src")}
    many = {}
    for message in messages():
        where = [file for file, text in sources.items() if re.search(rf"\b{message}(Message)?\b", text)]
        if len(where) > MODULES_PER_MESSAGE:
            many[message] = where
    assert not many, f"named in more than {MODULES_PER_MESSAGE} modules: {many}"


@pytest.mark.parametrize("path", python_files("tests"), ids=name)
def test_tests_state_facts(path: Path) -> None:
    """Every test says in its docstring what holds, and no two tests of one class or file share a name."""
    silent = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
        tests = [
            node
            for node in scope.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
        ]
        silent += [f"{name(path)}:{node.lineno} {node.name}" for node in tests if not ast.get_docstring(node)]
        names = [node.name for node in tests]
        silent += [f"{name(path)}: {twice} is defined twice" for twice in {n for n in names if names.count(n) > 1}]
    assert not silent, "\n".join(silent)


def mirrors(file: Path) -> bool:
    """Whether a test file, relative to tests/, is named after a module that stands at the same place in the source."""
    words = file.stem.removeprefix("test_").split("_")
    modules = ("_".join(words[:count]) for count in range(1, len(words) + 1))
    return any((SOURCE / file.parent / f"{module}.py").is_file() for module in modules)


def test_tests_mirror_the_modules_they_test() -> None:
    """A test file is named after a module at the same place, or its reason is listed; no reason is left over."""
    tests = ROOT / "tests"
    files = [path.relative_to(tests) for path in sorted(tests.rglob("test_*.py"))]
    files = [file for file in files if len(file.parts) > 1 and (SOURCE / file.parts[0]).is_dir()]
    assert files
    astray = {file.as_posix() for file in files if not mirrors(file)}
    unlisted = sorted(astray - ACROSS_MODULES.keys())
    assert not unlisted, f"no module of that name stands there: {unlisted}"
    assert not ACROSS_MODULES.keys() - astray, "a listed file is gone, or has a module now: take its reason off"


def test_what_is_slow_says_why() -> None:
    """Every mark `slow` bears its reason; whole processes and whole scenarios are marked."""
    bare, marked = [], set()
    for path in python_files("tests"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        marks = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node) == SLOW]
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == SLOW]
        reasons = [call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)]
        if len([why for why in reasons if isinstance(why, str) and " " in why]) != len(marks):
            bare.append(name(path))
        if marks:
            marked.add(name(path))
    assert not bare, f"slow, and not why: {bare}"
    unmarked = {name(path) for path in (ROOT / "tests" / "e2e").glob("test_*.py")} - marked
    assert not unmarked, f"tests of whole processes are slow: say why: {unmarked}"


def test_no_machine_or_registry_is_named() -> None:
    """No committed file names a package registry's host or a path of somebody's machine."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io", "repo1.maven" + ".org"]
    paths = ["/" + folder + "/" for folder in ("work", "root", "home", "Users")]
    pattern = re.compile("|".join([*map(re.escape, hosts), *(rf"(?<![\w.}}*-]){path}[a-zA-Z0-9]" for path in paths)]))
    found = []
    for path, text in texts():
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name(path)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


def test_files_end_as_editors_leave_them() -> None:
    """Every text file ends with one line break, and no line with white space or a carriage return."""
    wrong = []
    for path, text in texts():
        if path.name.endswith(".min.js"):  # others' files stay as they were released: tests/console holds their hashes
            continue
        wrong += [f"{name(path)}: end"] if text and (not text.endswith("\n") or text.endswith("\n\n")) else []
        wrong += [f"{name(path)}:{n}" for n, line in enumerate(text.split("\n"), 1) if line != line.rstrip()]
    assert not wrong, "\n".join(wrong)


def test_dependencies_are_used() -> None:
    """Each runtime dependency is imported somewhere, or speeds up one that is: nothing is installed for nothing."""
    quiet = {
        "httptools": "uvicorn parses HTTP with it",
        "uvloop": "uvicorn runs on it",
        "python-multipart": "Starlette reads forms with it",
        "tzdata": "zoneinfo reads it where the machine has no time zones",
    }
    modules = {"pynacl": "nacl", "ruamel.yaml": "ruamel"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=;\[ ]", line)[0] for line in project["dependencies"]}
    source = "\n".join(path.read_text(encoding="utf-8") for path in python_files("src"))
    unused = {
        one
        for one in names - quiet.keys()
        if not re.search(rf"^\s*(import|from) {modules.get(one, one)}\b", source, re.MULTILINE)
    }
    assert not unused, f"take them out of pyproject.toml: {unused}"
