"""Every word stands in the catalogue, and every entry of it is used."""

from __future__ import annotations

import re
from pathlib import Path

from armslength.console import catalogue

CONSOLE = Path(catalogue.__file__).parent
TEMPLATES = sorted((CONSOLE / "templates").glob("*.j2"))
KEY = re.compile(r"""\b(?:t|say|text)\(\s*["']([a-z0-9_.]+)["']""")
# Keys that are put together where they are used: their beginnings.
BY_PREFIX = re.compile(r"""\b(?:t|say)\(\s*(?:["']([a-z0-9_.]+)["']\s*[~+]|f"([a-z0-9_.]+)\{)""")


def sources() -> str:
    """The templates, and the modules that name texts."""
    return "\n".join(path.read_text(encoding="utf-8") for path in [*TEMPLATES, *sorted(CONSOLE.rglob("*.py"))])


def test_every_text_that_is_used_is_there_and_every_one_there_is_used() -> None:
    """By their keys."""
    text = sources()
    prefixes = {one or other for one, other in BY_PREFIX.findall(text)}
    used = set(KEY.findall(text)) - prefixes
    words = set(catalogue.words())
    assert used <= words, f"not in words.toml: {used - words}"
    left = {key for key in words - used if not key.startswith(tuple(prefixes or {"\0"}))}
    assert not left, f"used nowhere: {left}"


def test_templates_hold_no_words() -> None:
    """What is not markup or a value comes from the catalogue."""
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
        text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", text, flags=re.DOTALL)
        named = re.findall(r"""(?:aria-label|title|alt|placeholder)="([^"]*[A-Za-z]{2}[^"]*)\"""", text)
        shown = re.sub(r"<[^>]*>", " ", text)
        assert not named, f"{path.name}: {named}"
        assert not re.findall(r"[A-Za-z]{2,}", shown), f"{path.name}: {' '.join(shown.split())}"


def test_places_are_filled_with_escaped_values() -> None:
    """A name with markup in it stays text."""
    assert "&lt;b&gt;" in catalogue.say("site.logged_in", name="<b>")
