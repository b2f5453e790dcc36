"""Terms as a tree of nodes that know their lines, whatever they were written in, and what is wrong in it.

Whoever reads the canonical form alone, as a node does that starts, needs no reader of YAML (`terms_yaml`), which takes
a tenth of a second to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from armslength.errors import Malformed


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value and the line (from 1) where it, or the key it belongs to, stands."""

    value: bool | int | str | list[YamlNode] | dict[str, YamlNode] | None
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a terms file. `path` is dotted, with [n] for list items; `hint` suggests a repair."""

    code: str
    file: str
    line: int
    path: str
    reason: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        return place + self.reason + (f" ({self.hint})" if self.hint else "")


class BadTerms(Malformed):
    """A terms file that does not compile; `problems` holds everything found, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line)))
        super().__init__("bad-terms", "\n".join(map(str, self.problems)))


def lines_of(root: YamlNode) -> dict[str, int]:
    """The line of every path in a tree."""
    found: dict[str, int] = {}
    waiting = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if path:
            found[path] = node.line
        if isinstance(node.value, dict):
            waiting += [(f"{path}.{key}" if path else key, child) for key, child in node.value.items()]
        elif isinstance(node.value, list):
            waiting += [(f"{path}[{index}]", child) for index, child in enumerate(node.value)]
    return found


def from_plain(value: Any) -> YamlNode:
    """The node of plain data, for documents that were never a file; every line is 0."""
    if isinstance(value, Mapping):
        return YamlNode({key: from_plain(item) for key, item in value.items()}, 0)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return YamlNode([from_plain(item) for item in value], 0)
    return YamlNode(value, 0)


def to_data(node: YamlNode) -> Any:
    """A node as plain data: the other way."""
    if isinstance(node.value, dict):
        return {key: to_data(each) for key, each in node.value.items()}
    if isinstance(node.value, list):
        return [to_data(each) for each in node.value]
    return node.value
