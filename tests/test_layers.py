"""Who may import whom. One arrow pointing up is how layers stop being layers, so it fails here, and says why."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "armslength"

RULES, WIRE, PORTS = {"core", "errors"}, {"core", "wire", "errors"}, {"core", "wire", "ports", "errors", "config"}
EDGE = PORTS | {"engine", "views", "report", "analysis"}

# Part of the package (a folder or a module) -> the parts it may import, and why no more.
MAY_IMPORT: dict[str, tuple[set[str], str]] = {
    "errors": (set(), "everybody raises errors, so they rest on nothing"),
    "config": ({"errors"}, "configuration is values that anybody may hold"),
    "core": (RULES, "the rules are pure: whatever they need comes as an argument"),
    "wire": (WIRE, "documents are turned into core values and back, and nothing is decided"),
    "ports": (WIRE, "promises are types only, whoever keeps them"),
    "store": (PORTS, "an adapter keeps a promise and knows neither who asked nor its neighbours"),
    "net": (PORTS, "an adapter keeps a promise and knows neither who asked nor its neighbours"),
    "identity": (PORTS, "an adapter keeps a promise and knows neither who asked nor its neighbours"),
    "delivery": (PORTS, "a craft that the engine uses: it knows files and ciphers, and the network as a port"),
    "analysis": (WIRE | {"views"}, "what can happen is explored over the rules themselves, not over a running node"),
    "views": (WIRE, "words about a state are a function of the state"),
    "report": (WIRE | {"views", "analysis"}, "a report is a function of a bundle: it needs no node"),
    "engine": (PORTS | {"analysis", "delivery"}, "the one door reaches network, store and keys through ports alone"),
    "worker": (EDGE, "an edge makes inputs for the engine, and adapters are named in runtime alone"),
    "web": (EDGE | {"delivery"}, "an edge makes inputs for the engine, and adapters are named in runtime alone"),
    "cli": (EDGE | {"runtime", "identity", "net", "store", "delivery"}, "commands start nodes or call them"),
    "runtime": (EDGE | {"store", "net", "identity", "delivery", "web", "worker"}, "the composition root knows all"),
}

# Library -> parts that may name it. A new library wants a row here, and a reason in the decision that brings it.
LIBRARIES: dict[str, set[str]] = {
    "aiohttp": {"net"},
    "apsw": {"store"},
    "cryptography": {"delivery", "identity"},
    "cyclopts": {"cli"},
    "jinja2": {"report", "web"},
    "markupsafe": {"report", "web"},
    "msgspec": {"wire", "engine", "identity", "net", "delivery", "web", "cli", "config", "report", "views"},
    "nacl": {"core", "identity"},
    "rich": {"cli"},
    "ruamel": {"wire"},
    "starlette": {"web", "runtime"},
    "uvicorn": {"runtime", "cli", "web"},
    "uvloop": {"runtime", "cli"},
    "z3": {"analysis"},
}

CORE_STDLIB = {
    "__future__",
    "base64",
    "binascii",
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "re",
    "struct",
    "typing",
}
SIGNATURES = "core/record/keys.py"  # the one core module that names the signature primitive
IMPURE_MODULES = {
    "asyncio",
    "calendar",
    "concurrent",
    "ctypes",
    "glob",
    "locale",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "queue",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
    "warnings",
}
IMPURE_CALLS = {
    "open": "files come in as bytes",
    "print": "what is to be said is returned",
    "input": "what is asked comes as an argument",
    "now": "time comes as an argument: two replicas would read two clocks",
    "utcnow": "time comes as an argument: two replicas would read two clocks",
    "today": "time comes as an argument: two replicas would read two clocks",
    "time": "time comes as an argument: two replicas would read two clocks",
    "uuid4": "ids come as arguments: two replicas would draw two",
    "urandom": "chance comes as an argument: two replicas would draw two",
    "getenv": "settings come as arguments",
    "read_bytes": "files come in as bytes",
    "write_bytes": "files are written by adapters",
    "float": "no floats: two machines may round differently",
}


class Import(NamedTuple):
    """One import, as "file:line", with the module it names."""

    where: str
    part: str
    file: str
    module: str


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(SOURCE.rglob("*.py"))


def imports() -> Iterator[Import]:
    """Every import in the package, those inside functions too."""
    for path in modules():
        file = path.relative_to(SOURCE).as_posix()
        part = file.split("/")[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}:{node.lineno}: relative import; write the full name"
                module = node.module or ""
                names = [f"{module}.{alias.name}" for alias in node.names] if module == "armslength" else [module]
            else:
                continue
            for name in names:
                yield Import(f"{file}:{node.lineno}", part, file, name)


def ours(found: Import) -> str | None:
    """The part of the package that an import names, if it is one of ours."""
    names = found.module.split(".")
    return names[1] if names[0] == "armslength" and len(names) > 1 and not names[1].startswith("__") else None


def test_directions() -> None:
    """No part imports one above it or, among adapters, beside it. There are no exceptions."""
    wrong = []
    for found in imports():
        target = ours(found)
        if target is None or target == found.part or found.part == "__init__":
            continue
        allowed, why = MAY_IMPORT[found.part]
        if target not in allowed:
            wrong.append(f"{found.where} imports {found.module}: {found.part} may not import {target}; {why}")
    assert not wrong, "\n".join(wrong)


def test_every_part_has_a_place() -> None:
    """Each folder and module directly under the package is in the table of directions."""
    parts = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in modules()} - {"__init__"}
    assert parts <= MAY_IMPORT.keys(), f"say where {parts - MAY_IMPORT.keys()} stands, in MAY_IMPORT"


def test_libraries() -> None:
    """A library is named only in the parts that exist to hide it, so that it can be exchanged there."""
    wrong = []
    for found in imports():
        name = found.module.split(".")[0]
        if name == "armslength" or name in sys.stdlib_module_names:
            continue
        if found.part not in LIBRARIES.get(name, set()):
            wrong.append(f"{found.where} imports {name}, which belongs in {sorted(LIBRARIES.get(name, set()))}")
    assert not wrong, "\n".join(wrong)


def test_core_imports() -> None:
    """core/ imports value types of the standard library only, and the signature primitive in one module."""
    wrong = []
    for found in imports():
        name = found.module.split(".")[0]
        if found.part != "core" or name == "armslength" or name in CORE_STDLIB:
            continue
        if not (name == "nacl" and found.file == SIGNATURES):
            wrong.append(f"{found.where} imports {found.module}; the fold gives one state everywhere, for ever")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", ["core", "wire"])
def test_pure(part: str) -> None:
    """core/ and wire/ touch no clock, chance, file, socket, thread, log or float."""
    wrong = []
    for found in imports():
        names = {found.module, found.module.split(".")[0]}
        if found.part == part and names & IMPURE_MODULES:
            wrong.append(f"{found.where} imports {found.module}; data in, data out")
    for path in sorted((SOURCE / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = _called(node)
            if name in IMPURE_CALLS:
                wrong.append(f"{path.relative_to(SOURCE)}:{node.lineno} calls {name}(); {IMPURE_CALLS[name]}")  # type: ignore[attr-defined]
    assert not wrong, "\n".join(wrong)


def test_floats_stay_out() -> None:
    """core/ holds no float and no true division: only integers round alike on every machine."""
    wrong = []
    for path in sorted((SOURCE / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            division = isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div)
            if literal or division:
                wrong.append(f"{path.relative_to(SOURCE)}:{node.lineno}")  # type: ignore[attr-defined]
    assert not wrong, f"float in the core: {wrong}"


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""
