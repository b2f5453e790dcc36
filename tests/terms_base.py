"""A small arrangement that compiles and checks clean, to be spoilt in one place by a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from armslength.wire.terms import Compiled, compile_terms
from armslength.wire.terms_tree import YamlNode

DOCS = Path(__file__).parents[1] / "docs" / "terms.md"
YAML_BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
SMALL: str = YAML_BLOCKS[0]  # the worked example of the manual, whole


def compiled(text: str, files: dict[str, bytes] | None = None) -> Compiled:
    """Compile text with the files that lie beside it."""

    def load(name: str) -> bytes:
        if name in (files or {}):
            return (files or {})[name]
        raise FileNotFoundError(2, "No such file or directory", name)

    return compile_terms(text.encode(), load, file="t.yaml")


def replaced(old: str, new: str, text: str = SMALL) -> str:
    """The text with the one occurrence of `old` replaced."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
    return text.replace(old, new)


def plain(node: YamlNode) -> Any:
    """A node as plain data."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value
