"""Strict YAML 1.2 as a tree (`terms_tree`).

Only what says itself is read: mappings, lists, text, whole decimal numbers, true, false and null. Anchors, aliases,
tags, merge keys, a second document, duplicate keys and plain scalars that some reader might take for a date, a
fraction or a hexadecimal number are refused, so that two readers can never see different terms.
"""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from armslength.wire.terms_tree import BadTerms, Problem, YamlNode

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40  # more than the canonical form allows, so that whatever it holds can be written

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_OTHER_NUMBER = re.compile(
    r"[-+]?(0[0-9]+|[0-9]{17,}|\.[0-9]+([eE][-+]?[0-9]+)?|[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF)"
    r"|0o[0-7]+|0x[0-9a-fA-F]+|\.nan|\.NaN|\.NAN"
)
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class _Builder:
    """Turns the parser's events into nodes without recursion, so depth is bounded before memory is spent."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def problem(self, code: str, line: int, path: str, reason: str, hint: str | None = None) -> None:
        self.problems.append(Problem(code, self.file, line, path, reason, hint))

    def build(self, text: str) -> YamlNode | None:
        root: YamlNode | None = None
        documents = 0
        # Open collections: (node, path, waiting key and its line, or None when a key comes next).
        stack: list[tuple[YamlNode, str, list[tuple[str, int]]]] = []
        for event in YAML(typ="safe", pure=True).parse(text):
            line = event.start_mark.line + 1
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.problem("yaml", line, "", "a second document begins here; a terms file holds exactly one")
                    break
                if event.version is not None and tuple(event.version) != (1, 2):
                    self.problem("yaml", line, "", "only YAML 1.2 is read", "remove the %YAML line")
                continue
            if isinstance(event, (SequenceEndEvent, MappingEndEvent)):
                stack.pop()
                continue
            if not isinstance(event, (AliasEvent, ScalarEvent, SequenceStartEvent, MappingStartEvent)):
                continue
            parent, path, waiting = stack[-1] if stack else (None, "", [])
            is_key = parent is not None and isinstance(parent.value, dict) and not waiting
            self._refuse_indirection(event, line, f"{path}.{waiting[0][0]}".lstrip(".") if waiting else path)
            if is_key:
                waiting.append((self._key(event, line, path), line))
                if isinstance(event, (SequenceStartEvent, MappingStartEvent)):
                    break  # a collection as a key; already reported, and nothing after it can be placed
                continue
            node, path = self._place(event, line, parent, path, waiting)
            root = root or node
            if isinstance(event, (SequenceStartEvent, MappingStartEvent)):
                stack.append((node, path, []))
                if len(stack) > MAX_DEPTH:
                    self.problem("depth", line, path, f"nested deeper than {MAX_DEPTH} levels")
                    break
        return root

    def _refuse_indirection(self, event: Any, line: int, path: str) -> None:
        if isinstance(event, AliasEvent):
            self.problem("alias", line, path, f"alias *{event.anchor}: aliases are not read", "write the value out")
        elif event.anchor is not None:
            self.problem("alias", line, path, f"anchor &{event.anchor}: anchors are not read", "remove it")
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = str(tag).replace("tag:yaml.org,2002:", "!!")
            self.problem("tag", line, path, f"tag {shown}: tags are not read", "remove it")

    def _key(self, event: Any, line: int, path: str) -> str:
        value = self._scalar(event, line, path) if isinstance(event, ScalarEvent) else None
        if isinstance(value, str):
            return value
        self.problem("type", line, path, "a field name must be text", "quote it")
        return f"(line {line})"

    def _place(
        self, event: Any, line: int, parent: YamlNode | None, path: str, waiting: list[tuple[str, int]]
    ) -> tuple[YamlNode, str]:
        if parent is not None and isinstance(parent.value, dict):
            key, line = waiting.pop()
            path = f"{path}.{key}" if path else key
            node = YamlNode(self._content(event, line, path), line)
            if key in parent.value:
                first = parent.value[key].line
                self.problem("duplicate", line, path, f"{key} is given twice (first on line {first})", "remove one")
            parent.value[key] = node
            return node, path
        if parent is not None and isinstance(parent.value, list):
            path = f"{path}[{len(parent.value)}]"
            node = YamlNode(self._content(event, line, path), line)
            parent.value.append(node)
            return node, path
        return YamlNode(self._content(event, line, path), line), path

    def _content(self, event: Any, line: int, path: str) -> Any:
        if isinstance(event, MappingStartEvent):
            return {}
        if isinstance(event, SequenceStartEvent):
            return []
        return self._scalar(event, line, path) if isinstance(event, ScalarEvent) else None

    def _scalar(self, event: Any, line: int, path: str) -> bool | int | str | None:
        text: str = event.value
        if event.style is not None and event.style != "":
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DATE.fullmatch(text):
            whole = f"{text}T00:00:00Z" if len(text) <= len("2027-01-01") else text
            self.problem("date", line, path, f"{text} is a date without quotes", f'write "{whole}"')
        elif _OTHER_NUMBER.fullmatch(text):
            self.problem("type", line, path, f"{text} is not a whole decimal number", "quote it if it is meant as text")
        return text


def parse(data: bytes, file: str) -> YamlNode:
    """Parse the bytes of one YAML document. Raises BadTerms with every problem of form (rule 7.2c)."""
    if len(data) > MAX_BYTES:
        raise BadTerms([Problem("size", file, 1, "", f"{len(data)} bytes; at most {MAX_BYTES} are read")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadTerms([Problem("yaml", file, line, "", "this is not UTF-8 text")]) from None
    builder = _Builder(file)
    try:
        root = builder.build(text)
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:  # the library lets some through
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark is not None else 1
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        builder.problem("yaml", line, "", f"not YAML: {reason}")
        root = None
    if builder.problems:
        raise BadTerms(builder.problems)
    return root or YamlNode(None, 1)
