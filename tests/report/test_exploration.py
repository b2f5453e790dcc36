"""What can happen, in words and as a picture."""

from __future__ import annotations

import re
from xml.dom import minidom

from armslength.analysis.exploration import explore
from armslength.report.exploration import as_lines, svg
from tests.rehearsal.support import example

TERMS = example("quality")
FOUND = explore(TERMS)


def test_the_words() -> None:
    """Steps with both exposures, the worst with its line, who alone can stall, and what else each silence leads to."""
    text = "\n".join(as_lines(TERMS, FOUND))
    assert "Looked at the course as agreed and" in text
    assert re.search(r"D\+7 01:00 +Results is received and Forecast is received: Buyer −0\.25, at worst", text)
    assert "Who ends with more received" in text
    assert re.search(r"Supplier: at most 1, from D 00:00 on; something after D\+7 01:00", text)
    assert "Who alone can stall" in text
    assert "the record stands still, and nothing more happens" in text
    assert max(map(len, text.split("\n"))) <= 100


def test_the_picture_stands_alone() -> None:
    """It is well formed, asks nothing from outside, and shows a line for each party as agreed and at worst."""
    drawn = svg(TERMS, FOUND)
    root = minidom.parseString(drawn).documentElement
    assert root is not None
    assert root.tagName == "svg"
    assert not re.findall(
        r"(?:href|src|url)\s*[=(]\s*[\"']?(?:https?:)?//", drawn.replace("http://www.w3.org/2000/svg", "")
    )
    assert drawn.count('class="step') == 4
    assert "Supplier at worst" in drawn
