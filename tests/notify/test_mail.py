"""Messages of mail: what they say, and that nobody's words make a line of a header."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from zoneinfo import ZoneInfo

import pytest

from armslength.errors import Misuse
from armslength.notify.mail import Letter, html_of, message_of, moment, subject_of, text_of
from armslength.notify.notification import ASKED, HAPPENED, Notification
from armslength.notify.settings import check_address

BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE = "A\r\nBcc: thief@evil.example\r\n\r\n<script>alert(1)</script>\u202e\x1b[31m"
ASK = Notification(
    id="1" * 32,
    kind=ASKED,
    event="attest",
    arrangement="ab" * 32,
    title="July 2016",
    subject="k2",
    at=1469000000,
    until=1469008800,
    text="Attest whether k2 held in day 5.",
    then="k2 day 5 stays UNKNOWN",
    how="armslength attest k2#5 --true (or --false) -a abababababab",
)


def letter(*said: Notification) -> Letter:
    """The letter about these."""
    text, html = text_of(said, BERLIN), html_of(said, BERLIN)
    return Letter(id="2" * 32, to="x", at=1469000000, subject=subject_of(said), text=text, html=html, thread="ab" * 32)


def test_a_message_says_what_until_when_and_how() -> None:
    """In local time with UTC beside it, as text and as HTML."""
    made = message_of(letter(ASK), "node@arandia.example", "ops@arandia.example")
    read = message_from_bytes(made.as_bytes(), policy=default)
    text = read.get_body(("plain",))
    html = read.get_body(("html",))
    assert text is not None
    assert html is not None
    for part in (text.get_content(), html.get_content()):
        assert "Attest whether k2 held in day 5." in part
        assert "20 Jul 2016 12:00 CEST (10:00 UTC)" in part
        assert "armslength attest k2#5" in part
    assert read["Subject"] == "July 2016: k2: asked of you"


def test_messages_about_one_arrangement_are_one_thread() -> None:
    """They refer to one id, and each has its own, the same however often it is made."""
    made = [message_of(replace(letter(ASK), id=name * 32), "n@a.example", "o@a.example") for name in "334"]
    assert len({each["References"] for each in made}) == 1
    assert [each["Message-ID"] for each in made] == ["<" + name * 32 + "@a.example>" for name in "334"]


@pytest.mark.parametrize("field", ["title", "subject", "text", "then", "how"])
@pytest.mark.parametrize("kind", [ASKED, HAPPENED])
def test_no_words_of_others_make_a_header_or_a_tag(field: str, kind: str) -> None:
    """Line breaks, tags, control and direction characters in whatever comes from terms."""
    said = replace(ASK, kind=kind, **{field: HOSTILE})
    made = message_of(letter(said), "n@a.example", "o@a.example").as_bytes()
    read = message_from_bytes(made, policy=default)
    assert read["Bcc"] is None
    assert set(read.keys()) >= {"From", "To", "Subject", "Message-ID"}
    assert len(read.get_all("To", [])) == 1
    assert "\n" not in read["Subject"]
    html = read.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "\x1b" not in made.decode()
    assert "\u202e" not in html.get_content()


@pytest.mark.parametrize(
    "hidden", ["=?utf-8?q?a=0D=0ABcc:_x@y.example?=", "=?utf-8?b?DQpCY2M6IHhAeS5leGFtcGxl?= b", "=?utf-8?q?=E2=80=AE?="]
)
def test_what_a_title_hides_in_an_encoded_word_stays_hidden(hidden: str) -> None:
    """The library decodes such words, whoever wrote them; line breaks and direction characters would come to be."""
    made = message_of(letter(replace(ASK, title=hidden)), "n@a.example", "o@a.example")
    read = message_from_bytes(made.as_bytes(), policy=default)
    assert read["Bcc"] is None
    assert b"\nBcc" not in made.as_bytes()
    assert "utf-8?" in read["Subject"]
    assert "\u202e" not in read["Subject"]
    with pytest.raises(Misuse):
        check_address("=?utf-8?q?a=0D=0ABcc=3Ax?=@evil.example", "address")


def test_a_header_of_several_lines_is_refused_by_the_library_too() -> None:
    """Should a subject ever come unclean, no message is made."""
    with pytest.raises(ValueError, match=r"[Hh]eader"):
        message_of(replace(letter(ASK), subject=HOSTILE), "n@a.example", "o@a.example")


def test_several_are_told_in_one_message() -> None:
    """Grouped by arrangement; the subject counts them."""
    other = replace(ASK, arrangement="cd" * 32, title="August 2016", id="3" * 32)
    assert subject_of([ASK, ASK]) == "July 2016: 2 news"
    assert subject_of([ASK, other]) == "2 news of 2 arrangements"
    text = text_of([ASK, other, ASK], BERLIN)
    assert text.index("July 2016") < text.index("August 2016")
    assert text.count("July 2016\n=") == 1


@pytest.mark.parametrize(
    ("at", "zone", "shown"),
    [
        (1774745999, "Europe/Berlin", "29 Mar 2026 01:59 CET (00:59 UTC)"),
        (1774746000, "Europe/Berlin", "29 Mar 2026 03:00 CEST (01:00 UTC)"),
        (1774746000, "UTC", "29 Mar 2026 01:00 UTC"),
    ],
)
def test_moments_are_local(at: int, zone: str, shown: str) -> None:
    """On both sides of the change of summer time."""
    assert moment(at, ZoneInfo(zone)) == shown


def test_one_click_ends_it() -> None:
    """What a registered monitor gets says how to stop, for programs (RFC 8058)."""
    made = message_of(replace(letter(ASK), stop="https://n.example/stop/x"), "n@a.example", "o@a.example")
    assert made["List-Unsubscribe"] == "<https://n.example/stop/x>"
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
