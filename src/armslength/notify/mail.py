"""Messages of mail: text and HTML, one thread for each arrangement, and no line that others could make.

A message tells what is asked, until when and how; never a secret, and nothing of any file. What terms say in it was
written by others: a header takes one line of it, and the library refuses what would be more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from armslength.notify import catalogue
from armslength.notify.notification import HAPPENED, PASSED, Notification
from armslength.views.today import NAMED
from armslength.views.words import safe, safe_block

LONGEST_SUBJECT: Final = 150  # characters
LONGEST_TEXT: Final = 1000  # of one sentence
SHOWN: Final = 200  # notifications in one message
ENCODED: Final = "=?"  # begins what the library decodes (RFC 2047), and what it hides may be lines of a header


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that is to be sent, as it is kept until it has been: `id` and what it says stay the same, however often
    it is tried. to: the addressee's name. thread: the arrangement, "" for several. body: what a webhook receives.
    calendar, method: an invitation. stop: where whoever gets it can end that. tries: how often it has been tried."""

    id: str
    to: str
    at: int
    subject: str = ""
    text: str = ""
    html: str = ""
    thread: str = ""
    body: str = ""
    calendar: str = ""
    method: str = ""
    stop: str = ""
    tries: int = 0


def subject_of(said: Sequence[Notification]) -> str:
    """The subject line of a message about these."""
    titles = list(dict.fromkeys(each.title for each in said if each.title))
    if len(titles) > 1:
        return line_of(catalogue.DIGEST.format(count=len(said), titles=len(titles)))
    if len(said) > 1:
        return line_of(catalogue.SEVERAL.format(title=titles[0] if titles else "", count=len(said)))
    (one,) = said
    subject = catalogue.WHOLE if one.subject in {"", "arrangement"} else one.subject
    event = catalogue.EVENTS.get(one.event, one.event)
    return line_of(catalogue.SUBJECTS[one.kind].format(title=one.title, subject=subject, event=event))


def text_of(said: Sequence[Notification], zone: ZoneInfo) -> str:
    """The message as text."""
    blocks = []
    for title, found in _by_arrangement(said):
        blocks.append("\n".join([line_of(title), "=" * min(len(title), 70)]) if title else "")
        blocks += ["\n".join(_lines(each, zone)) for each in found]
    return "\n\n".join(block for block in blocks if block) + "\n"


def html_of(said: Sequence[Notification], zone: ZoneInfo) -> str:
    """The message as HTML: nothing is loaded, and nothing of it runs."""
    parts = ['<!doctype html><html lang="en"><meta charset="utf-8"><body>']
    for title, found in _by_arrangement(said):
        parts.append(f"<h2>{escape(line_of(title))}</h2>" if title else "")
        for each in found:
            first, *rest = (escape(line) for line in _lines(each, zone))
            parts.append("<p>" + "<br>".join([f"<strong>{first}</strong>", *rest]) + "</p>")
    return "\n".join(part for part in parts if part) + "</body></html>\n"


def page_of(lines: Sequence[str]) -> str:
    """Plain paragraphs as HTML."""
    paragraphs = "\n".join(f"<p>{escape(safe(line))}</p>" for line in lines)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><body>\n{paragraphs}\n</body></html>\n'


def _by_arrangement(said: Iterable[Notification]) -> list[tuple[str, list[Notification]]]:
    found: dict[tuple[str, str], list[Notification]] = {}
    for each in list(said)[:SHOWN]:
        found.setdefault((each.arrangement, each.title), []).append(each)
    return [(title, each) for (_, title), each in found.items()]


def _lines(said: Notification, zone: ZoneInfo) -> list[str]:
    lines = [safe(said.text[:LONGEST_TEXT])]
    if said.until is not None:
        form = catalogue.WAS if said.kind == PASSED else catalogue.BY
        lines.append(form.format(moment=moment(said.until, zone)))
    if said.then and said.kind not in {HAPPENED, PASSED}:
        lines.append(catalogue.THEN.format(then=safe(said.then)))
    if said.how:
        lines.append(catalogue.HOW_TO.format(how=safe(said.how)))
    if said.kind == HAPPENED and said.arrangement and said.subject and "," not in said.subject:
        lines.append(catalogue.WHY.format(subject=safe(said.subject), short=said.arrangement[:NAMED]))
    return lines


def moment(at: int, zone: ZoneInfo) -> str:
    """`20 Jul 2016 12:00 CEST (10:00 UTC)`."""
    local, utc = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(at, UTC)
    shown = f"{local.day} {local:%b %Y %H:%M} {local.tzname()}"
    return shown if local.utcoffset() == utc.utcoffset() else f"{shown} ({utc:%H:%M} UTC)"


def message_of(letter: Letter, sender: str, to: str) -> EmailMessage:
    """The message as it is sent. Raises ValueError for a header that would be more than one line."""
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = letter.subject.replace(ENCODED, f"{ENCODED[0]} {ENCODED[1]}")
    if len(str(message["Subject"]).splitlines()) > 1:
        raise ValueError("header of more than one line")
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.at, UTC))
    message["Message-ID"] = f"<{letter.id}@{domain}>"
    if letter.thread:
        message["In-Reply-To"] = f"<{letter.thread[:32]}@{domain}>"
        message["References"] = f"<{letter.thread[:32]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if letter.stop:
        message["List-Unsubscribe"] = f"<{letter.stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(safe_block(letter.text))
    message.add_alternative(letter.html, subtype="html")
    if letter.calendar:
        message.add_alternative(letter.calendar, subtype="calendar", params={"method": letter.method})
    return message


def line_of(text: str) -> str:
    """Text that is one line of a header, and no longer than people read."""
    shown = safe(text)
    return shown if len(shown) <= LONGEST_SUBJECT else f"{shown[: LONGEST_SUBJECT - 1]}…"
