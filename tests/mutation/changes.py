"""What may go wrong in a line of code, one small change at a time.

Comparisons and their bounds, arithmetic, constants, booleans, branches, early returns, deleted statements, arguments.
What only people read (messages, docstrings) and types are left alone, and so is what the type checker notices by
itself: None in the place of False, and a default that is left out (`known or 0`).
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

Change = tuple[ast.AST, str]  # in the place of this node stands that text

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Pow: ast.Mult,
}
SWAPPED = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sorted": "list",
    "find": "rfind",
    "rfind": "find",
    "ljust": "rjust",
    "issuperset": "issubset",
}
WORDS = {"because", "what", "word", "words", "reason"}  # variables that hold what people read
TYPING = {"TypeVar", "assert_never"}
ALIKE = {"min", "max"}  # whose arguments may come in any order
STATE = re.compile(r"[A-Z]+( [A-Z]+)*")
ARROW = "  →  "
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DELETED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Return, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Mutant:
    """One change of one file. `function` is the outermost one that it lies in, with its class; None outside of all."""

    path: str
    function: str | None
    line: int
    start: int  # where what is replaced begins and ends, in bytes
    stop: int
    after: str

    def source(self, root: Path) -> bytes:
        """The file's text with the change."""
        text = (root / self.path).read_bytes()
        return text[: self.start] + self.after.encode() + text[self.stop :]

    def told(self, root: Path) -> str:
        """The change, for people."""
        before = (root / self.path).read_bytes()[self.start : self.stop].decode()
        return f"{' '.join(before.split())}{ARROW}{self.after}"


def mutants(root: Path, path: str) -> list[Mutant]:
    """Every change of one file, in order."""
    text = (root / path).read_bytes()
    begins = [0]
    for line in text.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    return [
        Mutant(
            path=path,
            function=function,
            line=node.lineno,
            start=begins[node.lineno - 1] + node.col_offset,
            stop=begins[node.end_lineno - 1] + node.end_col_offset,
            after=after,
        )
        for function, (node, after) in _within(ast.parse(text), None, "")
    ]


def _within(node: ast.AST, function: str | None, prefix: str) -> Iterator[tuple[str | None, Change]]:
    """The changes of a node and of what it is made of, each with its outermost function."""
    for change in _changes(node):
        yield function, change
    for child in _children(node):
        if isinstance(child, FUNCTION) and function is None:
            yield from _within(child, prefix + child.name, "")
        elif isinstance(child, ast.ClassDef):
            yield from _within(child, function, f"{prefix}{child.name}.")
        else:
            yield from _within(child, function, prefix)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts that a program does something with."""
    if isinstance(node, (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom, ast.Assert)) or _words(node):
        return
    left_out = {
        "annotation",
        "returns",
        "decorator_list",
        "bases",
        "keywords" if isinstance(node, ast.ClassDef) else "",
    }
    for name, value in ast.iter_fields(node):
        if name not in left_out:
            items = value if isinstance(value, list) else [value]
            idle = name == "body" and _idle(node)
            yield from (item for item in items[: -1 if idle else None] if isinstance(item, ast.AST))


def _words(node: ast.AST) -> bool:
    """Whether it only says something to people, or of types."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TYPING:
        return True
    if isinstance(node, ast.Name) and node.id in WORDS:
        return True
    if isinstance(node, ast.Tuple) and node.elts:
        return all(map(_words, node.elts))
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    return any(isinstance(target, ast.Name) and target.id in WORDS for target in targets)


def _with(node: ast.AST, **fields: object) -> str:
    """The node's text with other fields."""
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    text = ast.unparse(ast.fix_missing_locations(made))
    return f"({text})" if isinstance(node, ast.expr) else text


def _without(items: Iterable[ast.AST], number: int) -> list[ast.AST]:
    return [item for at, item in enumerate(items) if at != number]


def _idle(node: ast.AST) -> bool:
    """Whether a function's last words are that it returns nothing."""
    return (
        isinstance(node, FUNCTION)
        and isinstance(node.body[-1], ast.Return)
        and ast.unparse(node.body[-1])
        in {
            "return",
            "return None",
        }
    )


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Expr) and _words(node.value):
        return
    if _words(node) or (isinstance(node, ast.Raise) and "AssertionError" in ast.unparse(node)):
        return
    if isinstance(node, DELETED) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        yield node, "pass"
    match node:
        case ast.Return(value=value) if value is not None and ast.unparse(value) not in {"None", "False"}:
            yield node, "return None"
        case ast.Compare(ops=ops):
            for at, known in enumerate(ops):
                for other in COMPARISONS[type(known)]:
                    yield node, _with(node, ops=[*ops[:at], other(), *ops[at + 1 :]])
        case ast.BoolOp(op=op, values=values):
            yield node, _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            if len(values) == 2:
                default = isinstance(op, ast.Or) and ast.unparse(values[1]) in {"0", "''", "()"}
                yield from ((node, _with(value)) for value in values[default:])
            else:
                yield from ((node, _with(node, values=_without(values, at))) for at in range(len(values)))
        case ast.UnaryOp(operand=operand):
            yield node, _with(operand)
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield node, _with(node, op=ARITHMETIC[type(op)]())
        case ast.IfExp(body=body, orelse=orelse):
            yield from ((node, _with(value)) for value in (body, orelse))
        case ast.If(test=test):
            yield from ((test, text) for text in ("True", "False"))
        case ast.While(test=test):
            yield test, "False"
        case ast.comprehension(ifs=ifs):
            yield from ((test, "True") for test in ifs)
        case ast.Slice(lower=lower, upper=upper):
            yield from ((node, text) for text in _slices(lower, upper))
        case ast.Constant(value=value):
            yield from ((node, text) for text in _constants(value))
        case ast.MatchValue(value=ast.Constant(value=str(value))):
            yield node, f'"not {value}"'
        case ast.Call():
            yield from ((node, text) for text in _calls(node))


def _slices(lower: ast.expr | None, upper: ast.expr | None) -> Iterator[str]:
    if lower is not None:
        yield f":{ast.unparse(upper) if upper else ''}"
    if upper is not None:
        yield f"{ast.unparse(lower) if lower else ''}:"


def _constants(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int):
        yield str(value + 1)
        if value > 0:
            yield str(value - 1)
    elif isinstance(value, str) and STATE.fullmatch(value):
        yield f'"X{value}"'


def _calls(node: ast.Call) -> Iterator[str]:
    args, keywords, function = node.args, node.keywords, node.func
    match function:
        case ast.Name(id=name) if name in SWAPPED:
            yield _with(node, func=ast.Name(id=SWAPPED[name]))
        case ast.Attribute(attr=name, value=value) if name in SWAPPED:
            yield _with(node, func=ast.Attribute(value=value, attr=SWAPPED[name]))
    for at, arg in enumerate(args):
        if isinstance(arg, (ast.JoinedStr, ast.Starred)) or (isinstance(arg, ast.Constant) and arg.value in (None, "")):
            continue
        if not _words(arg):
            yield _with(node, args=[*args[:at], ast.Constant(value=None), *args[at + 1 :]])
        alike = isinstance(function, ast.Name) and function.id in ALIKE
        if not alike and at + 1 < len(args) and ast.dump(arg) != ast.dump(args[at + 1]):
            yield _with(node, args=[*args[:at], args[at + 1], arg, *args[at + 2 :]])
    if args:
        yield _with(node, args=args[:-1])
    yield from (_with(node, keywords=_without(keywords, at)) for at in range(len(keywords)))
