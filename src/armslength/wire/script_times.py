"""Times in a script: of the calendar, counted from D, the stated start or the end, or from the line before."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from armslength.wire.terms_values import LONGEST, SHORT, BadValue, read_duration, write_duration

MINUTE, HOUR, DAY = 60, 3600, 86400

_COUNTED = re.compile(
    r"(?P<anchor>D|start|end)(?:\s*(?P<sign>[-+\u2212])\s*(?P<days>[0-9]{1,5})(?=\s|$))?(?:\s+(?P<clock>[0-9]{2}:[0-9]{2}))?"
)
_SPAN = re.compile(r"(?P<anchor>D|start|end)\s*(?P<sign>[-+\u2212])\s*(?P<span>[0-9].*)")
_DATE = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ](?P<clock>[0-9]{2}:[0-9]{2})(?::(?P<second>[0-9]{2}))?Z?)?"
)
EACH = re.compile(r"(?P<span>.+?)\s+after\s+each")
FORMS = 'such as "D+3 10:00", "start+36h", "end-1d", "2016-07-18T10:00:00Z" or "+2h" after the line before'


@dataclass(frozen=True, slots=True)
class Anchors:
    """What a script's times count from: D, the stated start, the end of the term, and the line before."""

    d: int
    start: int
    end: int
    before: int

    def after(self, before: int) -> Anchors:
        """The same for the next line."""
        return replace(self, before=before)


def read_time(text: str, anchors: Anchors) -> int:
    """UTC seconds of a time. Raises BadValue."""
    text = text.strip()
    if len(text) > SHORT:
        raise BadValue(f"too long for a time, {FORMS}")
    if text.startswith("+"):
        return anchors.before + read_duration(text[1:])
    if found := _DATE.fullmatch(text):
        return _calendar(text, found)
    base = {"D": anchors.d, "start": anchors.start, "end": anchors.end}
    if found := _COUNTED.fullmatch(text):
        days = int(found["days"] or 0) * (1 if found["sign"] == "+" else -1)
        return _bounded(base[found["anchor"]] + days * DAY + _clock(found["clock"]))
    if found := _SPAN.fullmatch(text):
        seconds = read_duration(found["span"])
        return _bounded(base[found["anchor"]] + (seconds if found["sign"] == "+" else -seconds))
    raise BadValue(f'"{text}" is not a time, {FORMS}')


def write_time(at: int, anchors: Anchors) -> str:
    """The spelling counted from D that `read_time` reads back: "D+3 10:00"."""
    days, rest = divmod(at - anchors.d, DAY)
    sign = "+" if days >= 0 else "-"
    if rest % MINUTE == 0:
        day = f"D{sign}{abs(days)}" if days else "D"
        return f"{day} {rest // HOUR:02}:{rest % HOUR // MINUTE:02}"
    whole = at - anchors.d
    return f"D{'+' if whole >= 0 else '-'}{write_duration(abs(whole))}"


def _clock(text: str | None) -> int:
    if text is None:
        return 0
    hours, minutes = int(text[:2]), int(text[3:])
    if hours > 23 or minutes > 59:
        raise BadValue(f'"{text}" is no time of a day')
    return hours * HOUR + minutes * MINUTE


def _calendar(text: str, found: re.Match[str]) -> int:
    whole = f"{found['date']}T{found['clock'] or '00:00'}:{found['second'] or '00'}"
    try:
        moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadValue(f'"{text}" is no such day or hour') from None
    return _bounded(int(moment.timestamp()))


def _bounded(at: int) -> int:
    if not 0 <= at < 1 << 40:
        raise BadValue(f"lies further away than {LONGEST // DAY} days")
    return at
