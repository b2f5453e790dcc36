"""Calendars as another library reads them, with whatever texts terms may hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from armslength.notify.calendar import CANCEL, PUBLISH, REQUEST, calendar, entry_of
from armslength.notify.news import OpenTask

TASK = OpenTask(
    key="perform/C5a", kind="perform", subject="C5a", until=1470549600, text="Perform C5a, and say so.", then="overdue"
)
HASH = "ab" * 32
HOSTILE = "Day 1; a, b\\n\r\nEND:VEVENT\r\nBEGIN:VALARM\nACTION:EMAIL\rATTENDEE:mailto:x@evil.example\u2028\x00ü"


def events(text: str) -> list[Any]:
    """The entries that are read from a calendar, which must be valid."""
    read = Calendar.from_ical(text)
    assert isinstance(read, Calendar)
    assert not read.errors
    return list(read.walk("VEVENT"))


def written(task: OpenTask, title: str = "July 2016", method: str = PUBLISH) -> str:
    """A calendar of one task."""
    entry = entry_of(HASH, title, task, "arandia.example", 1470000000)
    assert entry is not None
    return calendar([entry], method, "node@arandia.example", "ops@arandia.example")


def test_an_entry_ends_at_its_deadline() -> None:
    """In UTC, with the texts that were given."""
    (event,) = events(written(TASK))
    assert int(event["DTEND"].dt.timestamp()) == TASK.until
    assert str(event["SUMMARY"]) == "July 2016: Perform C5a, and say so."
    assert not event.walk("VALARM")


def test_what_has_no_deadline_has_no_entry() -> None:
    """Nothing is written."""
    assert entry_of(HASH, "x", replace(TASK, until=None), "h", 0) is None


def test_a_move_keeps_the_uid_and_raises_the_sequence() -> None:
    """And what falls away is cancelled under it."""
    moved = replace(TASK, until=(TASK.until or 0) + 86400, sequence=1)
    (first,), (second,) = events(written(TASK, method=REQUEST)), events(written(moved, method=REQUEST))
    (third,) = events(written(replace(moved, sequence=2), method=CANCEL))
    assert first["UID"] == second["UID"] == third["UID"]
    assert [int(each["SEQUENCE"]) for each in (first, second, third)] == [0, 1, 2]
    assert third["STATUS"] == "CANCELLED"


@pytest.mark.parametrize("field", ["text", "then"])
def test_no_words_of_others_make_a_property(field: str) -> None:
    """Line ends of every kind, separators and controls in whatever comes from terms."""
    text = written(replace(TASK, **{field: HOSTILE}), title=HOSTILE)
    (event,) = events(text)
    assert set(event.keys()) == {
        "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "STATUS", "TRANSP", "ORGANIZER",
        "ATTENDEE",
    }  # fmt: skip
    assert not event.subcomponents
    assert str(event["ATTENDEE"]) == "mailto:ops@arandia.example"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_as_one_text(text: str) -> None:
    """Lines are at most 75 octets, end with CRLF alone, and give one entry."""
    made = written(replace(TASK, text=text), title=text)
    assert made.endswith("\r\n")
    lines = made.encode().split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert all(b"\n" not in line and b"\r" not in line for line in lines)
    (event,) = events(made)
    assert len(event.keys()) == 11
