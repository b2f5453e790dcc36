"""Who may import whom. One arrow pointing up is how layers stop being layers, so it fails here, and says why."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "armslength"

# Part of the package (a folder or a module) -> the parts that it imports, and why no more. No arrow stands here that no
# import uses. docs/map.svg draws it.
MAY_IMPORT: dict[str, tuple[set[str], str]] = {
    "errors": (set(), "everybody raises errors, so they rest on nothing"),
    "config": ({"errors"}, "configuration is values that anybody may hold"),
    "core": ({"errors"}, "the rules are pure: whatever they need comes as an argument"),
    "approvals": ({"core", "errors"}, "who inside a party must agree follows from a journal, wherever that lies"),
    "wire": ({"core", "approvals", "errors"}, "documents are turned into core values and back, and nothing is decided"),
    "ports": (set(), "promises are types only, whoever keeps them"),
    "store": ({"ports", "errors"}, "an adapter keeps a promise and knows neither who asked nor its neighbours"),
    "net": ({"wire", "config", "errors"}, "an adapter keeps a promise and knows neither who asked nor its neighbours"),
    "identity": (
        {"core", "wire", "errors"},
        "an adapter keeps a promise and knows neither who asked nor its neighbours",
    ),
    "delivery": (
        {"core", "ports", "errors"},
        "a craft that the engine uses: it knows files and ciphers, and the network as a port",
    ),
    "views": ({"core", "wire", "errors"}, "words about a state are a function of the state"),
    "rehearsal": (
        {"core", "wire", "errors", "views"},
        "what could happen is played on the rules themselves: no node, no clock, no network",
    ),
    "analysis": (
        {"core", "wire", "errors", "views", "rehearsal"},
        "what can happen is explored over the rules themselves, not over a running node",
    ),
    "report": (
        {"core", "wire", "views", "analysis", "rehearsal"},
        "a report is a function of a bundle: it needs no node",
    ),
    "templates": (
        {"wire", "errors"},
        "terms from answers are a function of the answers: commands and pages ask, and write what comes out",
    ),
    "engine": (
        {"core", "approvals", "wire", "ports", "errors", "config", "analysis", "delivery"},
        "the one door reaches network, store and keys through ports alone",
    ),
    "worker": (
        {"engine", "ports", "errors"},
        "an edge makes inputs for the engine, and adapters are named in runtime alone",
    ),
    "web": (
        {"core", "approvals", "wire", "ports", "errors", "config", "engine", "views", "delivery", "notify"},
        "an edge makes inputs for the engine, and adapters are named in runtime alone",
    ),
    "notify": (
        {"core", "approvals", "wire", "ports", "errors", "config", "views", "engine"},
        "it looks at what the engine holds and changes nothing of it; who sends is an adapter, named in runtime alone",
    ),
    "login": (
        {"wire", "config", "ports", "errors"},
        "an adapter keeps a promise and knows neither who asked nor its neighbours: the network is a port here, too",
    ),
    "console": (
        {"core", "approvals", "wire", "ports", "errors", "views", "report", "analysis", "templates", "rehearsal"},
        "a page is a view of what the owner is answered: it asks as the command line does, and reaches no engine",
    ),
    "runtime": (
        {
            "console",
            "views",
            "login",
            "wire",
            "ports",
            "errors",
            "config",
            "engine",
            "store",
            "net",
            "identity",
            "web",
            "worker",
            "notify",
        },
        "the composition root knows all",
    ),
    "cli": (
        {
            "core",
            "approvals",
            "wire",
            "errors",
            "config",
            "views",
            "report",
            "analysis",
            "rehearsal",
            "templates",
            "runtime",
            "identity",
            "net",
            "store",
        },
        "commands start nodes or call them: what they ask is in wire, and no engine is within their reach",
    ),
}

# Library -> parts that may name it. A new library wants a row here, and a reason in the decision that brings it.
LIBRARIES: dict[str, set[str]] = {
    "aiohttp": {"net"},
    "aiosmtplib": {"net"},
    "apsw": {"store"},
    "cryptography": {"delivery"},
    "cyclopts": {"cli"},
    "jinja2": {"report", "console", "templates"},
    "joserfc": {"login"},
    "markupsafe": {"report", "console"},
    "msgspec": {"wire", "engine", "identity", "cli", "config"},
    "nacl": {"core", "identity"},
    "python_multipart": {"console"},
    "ruamel": {"wire"},
    "starlette": {"web", "runtime", "console"},
    "uvicorn": {"runtime", "web"},
    "uvloop": {"cli"},
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


@cache
def imports() -> tuple[Import, ...]:
    """Every import in the package, those inside functions too."""
    return tuple(_imports())


def _imports() -> Iterator[Import]:
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


def test_every_arrow_is_used() -> None:
    """No arrow is permitted that no import uses: what nobody needs yet is argued for when somebody does."""
    used = {(found.part, ours(found)) for found in imports()}
    idle = [
        f"{part} -> {target}"
        for part, (targets, _) in MAY_IMPORT.items()
        for target in sorted(targets)
        if (part, target) not in used
    ]
    assert not idle, f"take these out of MAY_IMPORT: {idle}"


def test_arrows_make_no_circle() -> None:
    """Parts can be put in rows so that every arrow points to a lower one."""
    TopologicalSorter({part: targets for part, (targets, _) in MAY_IMPORT.items()}).prepare()


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


def test_every_library_is_used() -> None:
    """No part may name a library that it does not name."""
    used = {(found.module.split(".")[0], found.part) for found in imports()}
    idle = [f"{name} in {part}" for name, parts in LIBRARIES.items() for part in parts if (name, part) not in used]
    assert not idle, f"take these out of LIBRARIES: {idle}"


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


@pytest.mark.parametrize("part", ["core", "approvals", "wire"])
def test_pure(part: str) -> None:
    """core/, approvals/ and wire/ touch no clock, chance, file, socket, thread, log or float."""
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
