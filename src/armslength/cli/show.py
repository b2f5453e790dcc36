"""Views on the terminal: text for people, coloured only where a terminal shows it, and one JSON document for programs.

Colour never carries meaning: every state is named. `NO_COLOR` and a pipe both give plain text. The JSON shapes are
documented in docs/cli-json.md.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from armslength.views.jsonable import json_text
from armslength.views.textual import Text, exposure_text, plain, status_text, timeline_text, why_text
from armslength.views.words import Words, safe

if TYPE_CHECKING:
    from armslength.core.arrangement.state import State
    from armslength.core.arrangement.terms import Arrangement
    from armslength.views.asked import Why
    from armslength.views.exposure import Series
    from armslength.views.status import Status
    from armslength.views.timeline import TimelineLine

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


def print_status(terms: Arrangement, status: Status, *, as_json: bool = False, file: TextIO | None = None) -> None:
    """The overview."""
    out = file or sys.stdout
    out.write(_json(status) if as_json else styled(status_text(terms, status, width(out)), out))


def print_why(answer: Why, *, as_json: bool = False, file: TextIO | None = None) -> None:
    """An answer to why."""
    out = file or sys.stdout
    out.write(_json(answer) if as_json else styled(why_text(answer, width(out)), out))


def print_timeline(
    terms: Arrangement,
    lines: Sequence[TimelineLine],
    state: State | None = None,
    *,
    stakes: Mapping[str, Series] | None = None,
    as_json: bool = False,
    file: TextIO | None = None,
) -> None:
    """The timeline; `state`, the last one, tells D before the record does; `stakes` adds the exposure at each step."""
    out = file or sys.stdout
    text = timeline_text(Words.of(terms, state), lines, width(out), stakes)
    out.write(_json(list(lines)) if as_json else styled(text, out))


def print_exposure(
    terms: Arrangement, series: Mapping[str, Series], *, as_json: bool = False, file: TextIO | None = None
) -> None:
    """What was at stake."""
    out = file or sys.stdout
    out.write(_json(dict(series)) if as_json else styled(exposure_text(terms, series, width(out)), out))


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


def _json(value: object) -> str:
    return f"{json_text(value)}\n"
