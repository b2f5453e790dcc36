"""Writing of every direction: what is authored reads right, and nothing that others write reorders or steers a line."""

import json
import re
import unicodedata
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armslength.report.english import as_text, english
from armslength.views.jsonable import json_text
from armslength.views.words import Words, isolated, safe, safe_block, wrap
from tests.terms_base import SMALL, compiled

ISOLATE, END = "\u2068", "\u2069"
HEBREW, ARABIC = "משרד הבריאות (ירושלים)", "شركة الاختبار المحدودة"
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def is_closed(line: str) -> bool:
    """Whether every isolate that the line opens is closed in it, and none else."""
    depth = 0
    for char in line:
        depth += (char == ISOLATE) - (char == END)
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("name", [HEBREW, ARABIC])
def test_names_from_right_to_left_stand_apart(name: str) -> None:
    """A name in Hebrew or Arabic is isolated in every sentence; one in Latin stays as it is."""
    terms = compiled(SMALL.replace("name: Supplier", f'name: "{name}"')).terms
    changed = {"S": replace(terms.actors["S"], name=name)}
    words = Words(replace(terms, actors={**terms.actors, **changed}), terms.start)
    assert words.actor("S") == f"{ISOLATE}{name}{END}"
    assert words.named("S") == f"{ISOLATE}{name}{END} (S)"
    assert f"{ISOLATE}{name}{END} owes" in as_text(english(words.terms))
    assert ISOLATE not in words.named("B")


@given(st.text(), st.integers(20, 60))
def test_every_wrapped_line_is_closed(text: str, width: int) -> None:
    """An isolate that runs over a line's end is closed there and opened again: no line is spoilt by `safe`."""
    whole = f"The text {isolated(safe(text + ARABIC * 5))} ends here"
    lines = wrap(whole, width)
    assert all(map(is_closed, lines))
    assert [safe(line) for line in lines] == lines


@given(st.text(st.sampled_from(f"a\u05d0{ISOLATE}{END}\u202e\u200f\x1b\n"), max_size=12))
def test_what_others_write_leaves_no_isolate_open(text: str) -> None:
    """Unbalanced isolates become visible; so nothing reaches beyond its own line."""
    assert is_closed(safe(text))
    assert all(map(is_closed, safe_block(text).split("\n")))
    assert not CONTROLS.search(safe(text).replace(ISOLATE, "").replace(END, ""))


@dataclass(frozen=True)
class Said:
    """Something with a text in it."""

    text: str


@given(st.text())
def test_json_shows_no_control_as_itself(text: str) -> None:
    """It is read back as it was; a terminal that shows the document obeys nothing in it."""
    written = json_text(Said(text), indent=None)
    assert json.loads(written) == {"text": text}
    assert not CONTROLS.search(written)
    assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in written)
