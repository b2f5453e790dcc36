"""Deadlines as entries of a calendar (RFC 5545): a feed, and invitations by mail (RFC 5546).

An entry keeps its UID for as long as what it stands for is asked, and its SEQUENCE is raised whenever its time moves;
one that falls away is cancelled. Whatever is written here comes from terms, which others write: no text of theirs ends
a line or begins a property.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from armslength.notify import catalogue
from armslength.notify.news import OpenTask
from armslength.notify.notification import id_of
from armslength.views.today import NAMED
from armslength.views.words import safe_block

PUBLISH, REQUEST, CANCEL = "PUBLISH", "REQUEST", "CANCEL"  # methods (RFC 5546)
LENGTH_S: Final = 1800  # an entry ends at its deadline, and begins so long before
LONGEST: Final = 2000  # characters of one text
OCTETS: Final = 75  # of a line, without its end
_ESCAPED: Final = re.compile(r"([\\;,])")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """One entry: `at` is the deadline, `stamp` when this was written. is_paused: the deadline is this at the latest."""

    uid: str
    sequence: int
    at: int
    stamp: int
    summary: str
    description: str = ""
    is_paused: bool = False


def entry_of(arrangement: str, title: str, task: OpenTask, host: str, stamp: int) -> CalendarEntry | None:
    """The entry of a task; None if it has no deadline. While its clock is paused it stands where that can be last."""
    if task.at is None:
        return None
    lines = [task.text]
    if task.until is None:
        lines.append(catalogue.PAUSED)
    if task.then:
        lines.append(catalogue.THEN.format(then=task.then))
    return CalendarEntry(
        uid=f"{id_of(arrangement, task.key)}@{host}",
        sequence=task.sequence,
        at=task.at,
        stamp=stamp,
        summary=f"{title}: {task.text}",
        description="\n".join([*lines, f"armslength today ({arrangement[:NAMED]})"]),
        is_paused=task.until is None,
    )


def calendar(entries: Iterable[CalendarEntry], method: str = PUBLISH, organizer: str = "", attendee: str = "") -> str:
    """A calendar of these entries, with CRLF at the end of each line."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//armslength//notify//EN", f"METHOD:{method}"]
    if method == PUBLISH:
        lines += ["X-WR-CALNAME:armslength", "REFRESH-INTERVAL;VALUE=DURATION:PT15M"]
    for entry in entries:
        lines += _event(entry, method, organizer, attendee)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _event(entry: CalendarEntry, method: str, organizer: str, attendee: str) -> list[str]:
    lines = [
        "BEGIN:VEVENT",
        f"UID:{entry.uid}",
        f"SEQUENCE:{entry.sequence}",
        f"DTSTAMP:{_instant(entry.stamp)}",
        f"DTSTART:{_instant(entry.at - LENGTH_S)}",
        f"DTEND:{_instant(entry.at)}",
        f"SUMMARY:{_text(entry.summary)}",
        f"DESCRIPTION:{_text(entry.description)}",
        f"STATUS:{'CANCELLED' if method == CANCEL else 'TENTATIVE' if entry.is_paused else 'CONFIRMED'}",
        "TRANSP:TRANSPARENT",
    ]
    if organizer:
        lines.append(f"ORGANIZER:mailto:{organizer}")
    if attendee:
        lines.append(f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=FALSE:mailto:{attendee}")
    return [*lines, "END:VEVENT"]


def _instant(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """A text value: nothing in it ends the line."""
    lines = safe_block(re.sub(r"\r\n?", "\n", text[:LONGEST])).replace("\t", " ").split("\n")
    return "\\n".join(_ESCAPED.sub(r"\\\1", line) for line in lines)


def _folded(line: str) -> Iterator[str]:
    """The line in pieces of at most 75 octets, none of which cuts a character in two."""
    piece, size, room = "", 0, OCTETS
    for char in line:
        width = len(char.encode("utf-8", "replace"))
        if size + width > room:
            yield piece
            piece, size, room = " ", 1, OCTETS
        piece, size = piece + char, size + width
    yield piece
