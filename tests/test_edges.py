"""Edges translate: they know messages by their classes, errors by their tree, and the engine by what it offers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "armslength"
EDGES = ("cli", "web", "worker.py", "runtime")

# What is asked for a text and is no JSON object: by the last name of what is asked.
NO_MESSAGE = {
    "headers": "HTTP",
    "path_params": "HTTP",
    "query_params": "HTTP",
    "form": "HTML, by the names of a page's own fields",
    "scope": "ASGI",
    "message": "ASGI, where `web` reads a body as it arrives",
    "receive": "ASGI",
    "result": "the resolver of the HTTP client",
    "getproxies": "the machine's proxies",
    "environ": "the machine's environment",
    "keys": "a ring of keys, by role",
    "_keys": "a ring of keys, by role",
    "sql": "statements by the names of their files",
    "_queries": "statements by the names of their files",
    "rows": "a table of the core",
}
NO_ERROR = {416: "a range that a file does not have", 512: "connections"}
# Who reads JSON by its keys outside wire all the same, and why.
BY_KEYS = {
    "core/record/evidence.py": "any signed statement proves a contradiction, whatever its form; the fold judges it",
}


def modules(*parts: str) -> Iterator[tuple[str, ast.AST]]:
    """The modules of these parts of the package, each with its tree."""
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        if not parts or file.split("/")[0] in parts:
            yield file, ast.parse(path.read_text(encoding="utf-8"))


def _last(node: ast.AST) -> str:
    """The last name in an expression: of a.b, a.b() and await a.b() it is b."""
    while isinstance(node, (ast.Await, ast.Call)):
        node = node.value if isinstance(node, ast.Await) else node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _asked_for_a_text(node: ast.AST) -> ast.AST | None:
    """What a["…"], a.get("…") or a.pop("…") asks."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_text(node.slice):
        return None if _last(node.value) == "Literal" else node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args and _is_text(node.args[0]):
        return node.func.value if node.func.attr in {"get", "pop", "setdefault"} else None
    return None


def test_keys_of_messages_stand_in_wire() -> None:
    """Outside wire nobody takes a message apart by its keys: there it is a value of a class."""
    wrong = []
    for file, tree in modules():
        if file.startswith("wire/") or file in BY_KEYS:
            continue
        for node in ast.walk(tree):
            asked = _asked_for_a_text(node)
            if asked is not None and _last(asked) not in NO_MESSAGE:
                wrong.append(f"{file}:{node.lineno} {ast.unparse(node)}")  # type: ignore[attr-defined]
    assert not wrong, "give it a class in wire:\n" + "\n".join(wrong)


def test_no_reason_is_left_over() -> None:
    """Whoever is excused still does what it is excused for."""
    asked = {_last(found) for _, tree in modules() for node in ast.walk(tree) if (found := _asked_for_a_text(node))}
    assert not NO_MESSAGE.keys() - asked
    by_keys = {file for file, tree in modules() if any(map(_asked_for_a_text, ast.walk(tree)))}
    assert not BY_KEYS.keys() - by_keys


def test_edges_do_not_reach_through() -> None:
    """An edge takes no lock of the engine's, and touches no private part of anything but itself."""
    wrong = []
    for file, tree in modules(*EDGES):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or _last(node.value) in {"self", "cls"}:
                continue
            is_private = node.attr.startswith("_") and not node.attr.startswith("__")
            if is_private or node.attr in {"lock", "writing"}:
                wrong.append(f"{file}:{node.lineno} {ast.unparse(node)}")
    assert not wrong, "let the engine offer it:\n" + "\n".join(wrong)


def test_errors_alone_decide_exit_codes_and_statuses() -> None:
    """No command returns the number of a failure, and no answer bears that of an error: `errors.py` has them."""
    wrong = []
    for file, tree in modules("cli", "web"):
        for node in ast.walk(tree):
            value = node.value if isinstance(node, ast.Return) else node if isinstance(node, ast.Constant) else None
            number = value.value if isinstance(value, ast.Constant) else None
            if type(number) is not int:
                continue
            is_code = isinstance(node, ast.Return) and file.startswith("cli/") and 0 < number < 256
            if is_code or (file.startswith("web/") and 400 <= number < 600 and number not in NO_ERROR):
                wrong.append(f"{file}:{node.lineno} {number}")
    assert not wrong, "\n".join(wrong)
