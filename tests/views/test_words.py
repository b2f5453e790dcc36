"""How things are named: names first with ids, counts with their plurals, and nothing of others that fakes our lines."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.terms import CleanRun
from armslength.views.blocks import describe, unmet
from armslength.views.textual import Span, plain
from armslength.views.words import Words, safe, safe_block, suspended, transfers
from tests.golden.terms import at
from tests.views.fold import golden


def words() -> Words:
    """Names in the golden terms."""
    return Words.of(golden().terms, golden().state)


def test_actors_go_by_name_with_their_id_and_parties_by_name_alone() -> None:
    """An id never stands without its name; a party's name needs no id in a sentence, and has one where it is listed."""
    assert words().actor("v") == "Convenor (v)"
    assert words().actor("A") == "Arandia"
    assert words().named("A") == "Arandia (A)"
    assert words().actors(["v", "h"], "or") == "Convenor (v) or Humanitarian body (h)"
    assert words().actors(["m1", "m2", "m5"]) == "First monitor (m1), Second monitor (m2) and Neutral body (m5)"
    assert words().actors(["m1", "m2", "m3", "m4", "m5"]) == "5 monitors (m1–m5)"
    assert words().actors(["m1", "m2", "m3", "m5"], "or") == "any of 4 monitors (m1, m2, m3 and m5)"
    assert words().tranche("T2") == "Historical summaries (T2)"


@pytest.mark.parametrize(("length", "said"), [(1, "1 clean week of k6a"), (2, "2 clean weeks in a row of k6a")])
def test_one_of_a_thing_is_singular(length: int, said: str) -> None:
    """A run of one week is one clean week, wherever it is told."""
    run = CleanRun(claims=("k6a",), length=length)
    assert describe(words(), run) == said
    assert unmet(golden().terms, golden().at(at(1)), run)[0].need.startswith(f"it takes {said}, and there are 0 so far")


@pytest.mark.parametrize(
    "mark", ["\n", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x1b[2K", "\u202e", "\x00"]
)
def test_what_others_write_fakes_no_line(mark: str) -> None:
    """Whatever stands in peers' text, one line of ours stays one line, on every reading of what ends a line."""
    text = f"quiet{mark}armslength: HOLDS"
    assert len(safe(text).splitlines()) == 1
    assert len(plain([[Span("title "), Span(text)]]).splitlines()) == 1
    assert not any(ord(character) < 32 for character in safe(text))


def test_a_page_keeps_line_breaks_of_clauses() -> None:
    """In a page a line break ends nothing, and the paragraphs of a clause stay."""
    assert safe_block("one\n\ntwo\x1b") == "one\n\ntwo�"


def test_transfers_say_what_their_state_means() -> None:
    """A transfer's state is explained beside it; one that is not known stands alone."""
    told = transfers({"T1": "REQUESTED", "T2": "COMPLETED", "T3": "ODD"})
    first = "T1 REQUESTED (asked for; its provider starts it once the tranche is READY)"
    assert told == f"Transfers of sealed data: {first}; T2 COMPLETED (done); T3 ODD."
    assert transfers({}) == ""
    assert transfers({"T1": "SUSPENDED"}, {"T1": ("Borovia", "full")}).endswith(
        "SUSPENDED (suspended by Borovia: full)."
    )
    assert "suspended by Borovia, who alone resumes it" in suspended("T1", "Borovia", None)
