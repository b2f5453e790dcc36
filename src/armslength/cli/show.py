"""Views on the terminal: text for people, coloured only where a terminal shows it, and one JSON document for programs.

Colour never carries meaning: every state is named. `NO_COLOR` and a pipe both give plain text. The JSON shapes are
documented in docs/cli-json.md.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from armslength.views.textual import Text, plain
from armslength.views.words import safe

NARROWEST, WIDEST = 60, 100
_CODES = {
    "title": "1",
    "faint": "2",
    "running": "34",
    "good": "32",
    "mended": "36",
    "warning": "33",
    "broken": "31",
    "ended": "35",
}


def styled(text: Text, file: TextIO | None = None) -> str:
    """The text with colours if `file` (standard output unless given) is a terminal that wants them, else plain."""
    out = file or sys.stdout
    if not out.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return plain(text)
    return "".join(f"{''.join(_dressed(safe(span.text), span.tone) for span in line)}\n" for line in text)


def width(file: TextIO) -> int:
    """Columns to fill: 80 where there is no terminal."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST) if file.isatty() else 80


def _dressed(text: str, tone: str) -> str:
    code = _CODES.get(tone)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text
