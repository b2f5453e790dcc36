"""Every word of the pages, by key: `words.toml`, one file for a translator to take over."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup, escape

from armslength.views.words import safe_block


@cache
def words() -> Mapping[str, str]:
    """The catalogue: `page.key` to a text, in which {name} is a place to fill."""
    text = resources.files("armslength.console").joinpath("words.toml").read_text(encoding="utf-8")
    return {f"{page}.{key}": said for page, table in tomllib.loads(text).items() for key, said in table.items()}


def say(key: str, /, **filled: Any) -> Markup:
    """The text of a key, its places filled with escaped values, in which nothing reorders a line. Raises KeyError for a
    key that is not there."""
    shown = {name: safe_block(value) if type(value) is str else value for name, value in filled.items()}
    return Markup(words()[key]).format(**{name: escape(value) for name, value in shown.items()})  # noqa: S704  ours
