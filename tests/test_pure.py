"""The core holds nothing between two calls: no cache, and no value of a module that changes."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import armslength.core

ROOT = Path(armslength.core.__file__).parent
MODULES = sorted(".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts) for path in ROOT.rglob("[a-z]*.py"))
MUTABLE = (dict, list, set, bytearray)
CHANGES = {
    *("append", "extend", "insert", "remove", "clear", "add", "discard", "update", "setdefault", "pop", "popitem"),
    *("appendleft", "popleft", "sort", "reverse", "move_to_end", "__setitem__", "__delitem__"),
}


@pytest.mark.parametrize("name", MODULES)
def test_no_function_remembers(name: str) -> None:
    """No function or method of the core has a cache; whoever wants one passes a function that has."""
    module = importlib.import_module(name)
    owners: list[Any] = [module, *(each for each in vars(module).values() if inspect.isclass(each))]
    found = [key for owner in owners for key, each in vars(owner).items() if hasattr(each, "cache_info")]
    assert not found, f"{name}: {found}"


@pytest.mark.parametrize("name", MODULES)
def test_no_value_of_a_module_changes(name: str) -> None:
    """Tables are read only: what a function changed there would be state that no caller sees."""
    module = importlib.import_module(name)
    assert not changes(module), "\n".join(changes(module))


def changes(module: ModuleType) -> list[str]:
    """Where code of the module changes a mutable value that some module holds."""
    held = {key for key, value in vars(module).items() if isinstance(value, MUTABLE) and not key.startswith("__")}
    return [
        f"{module.__name__}:{node.lineno} changes {name}"
        for function in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
        for name in changed(node)
        if name in held or isinstance(node, ast.Global)
    ]


def changed(node: ast.AST) -> list[str]:
    """The names whose values this piece of code changes."""
    match node:
        case ast.Global(names=names):
            return names
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in CHANGES:
            return [name]
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return [name]
        case _:
            return []


@pytest.mark.parametrize(
    "code",
    ["KNOWN[1] = 2", "del KNOWN[1]", "KNOWN[1] += 1", "KNOWN.setdefault(1, 2)", "global KNOWN\n    KNOWN = {}"],
)
def test_what_changes_is_seen(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that remembers is found."""
    (tmp_path / "remembers.py").write_text(f"KNOWN = {{}}\n\ndef look():\n    {code}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "remembers", raising=False)
    assert changes(importlib.import_module("remembers"))
