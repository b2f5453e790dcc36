"""The small values of the terms language, each with its reader and its writer.

Readers raise BadValue with the reason, and with a repair where one is obvious. What a writer writes, its reader reads
back to the same value.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from armslength.errors import Malformed
from armslength.wire import place


class BadValue(ValueError):
    """A value that does not fit its field: why, and what to write instead."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
LONGEST = 100 * 366 * 86400  # no term of an arrangement lies further away than a century

SHORT = 60  # characters: what follows is matched with some backtracking
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"\s*".join(f"(?:([0-9]{{1,15}}){unit})?" for unit in _UNITS))
_WORDS = re.compile(r"([0-9]{1,15})\s*(week|day|hour|minute|second|hr|min|sec)s?", re.IGNORECASE)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_WHEN = re.compile(r"(?:at|(?P<span>.+?)\s+(?P<side>after|before))\s+(?P<anchor>[a-z]+)")
_SIZE = re.compile(r"([0-9]{1,15})\s*(B|kB|KiB|MB|MiB|GB|GiB)")
_SIZES = {"B": 1, "kB": 1000, "KiB": 1024, "MB": 10**6, "MiB": 1024**2, "GB": 10**9, "GiB": 1024**3}
_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
# Two texts that look alike must be the same text: what nobody sees has no place in terms. Beside controls, formats
# (direction marks among them), private characters and odd spaces, these are letters and marks that show nothing.
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_JOINERS = "\u200c\u200d"


def read_duration(value: Any) -> int:
    """Whole seconds of "7d", "48h", "1h 30m", "90s" or "2w"."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise BadValue("a duration needs a unit", f"{value}s, {value}h or {value}d?")
    if not isinstance(value, str):
        raise BadValue('must be a duration such as "7d", "48h" or "1h 30m"')
    text = value.strip()
    if len(text) > SHORT:
        raise BadValue('too long for a duration such as "7d", "48h" or "1h 30m"')
    found = _DURATION.fullmatch(text)
    if not text or not found:
        words = _WORDS.fullmatch(text)
        if words:
            raise BadValue(f'"{value}" is not a duration', f"did you mean {words[1]}{words[2][0].lower()}?")
        if re.fullmatch(r"[0-9]+\s*(mo|months?|y|yr|years?)", text, re.IGNORECASE):
            raise BadValue("months and years have no fixed length", "say days")
        raise BadValue(f'"{value}" is not a duration such as "7d", "48h" or "1h 30m" (units w d h m s, in that order)')
    seconds = sum(int(n) * unit for n, unit in zip(found.groups(), _UNITS.values(), strict=True) if n)
    if seconds > LONGEST:
        raise BadValue("longer than a century")
    return seconds


def write_duration(seconds: int) -> str:
    """The spelling that `read_duration` reads back: "46d", "1h 30m", "0s"."""
    parts = []
    rest = seconds
    for unit, size in list(_UNITS.items())[1:]:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def read_instant(value: Any) -> int:
    """UTC seconds of a quoted "2016-07-14T00:00:00Z"."""
    if not isinstance(value, str):
        raise BadValue('must be an instant such as "2016-07-14T00:00:00Z", in quotes')
    if not _INSTANT.fullmatch(value):
        day = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
        hint = f'did you mean "{value}T00:00:00Z"?' if day else None
        raise BadValue(f'"{value}" is not an instant in UTC with whole seconds, such as "2016-07-14T00:00:00Z"', hint)
    try:
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise BadValue(f'"{value}" is no such day or hour') from None
    if moment.year < 1970:
        raise BadValue("lies before 1970")
    return int(moment.timestamp())


def write_instant(seconds: int) -> str:
    """The ISO form of UTC seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_when(value: Any, anchors: tuple[str, ...]) -> tuple[str, int]:
    """(anchor, seconds after it) of "14d after trigger", "1d before end" or "at start"."""
    forms = ", ".join(f'"7d after {anchor}"' for anchor in anchors)
    found = _WHEN.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= SHORT else None
    if not found:
        raise BadValue(f"must say when, such as {forms}")
    if found["anchor"] not in anchors:
        raise BadValue(f'"{found["anchor"]}" is not something to count from', f"one of {', '.join(anchors)}")
    seconds = read_duration(found["span"]) if found["span"] else 0
    return found["anchor"], -seconds if found["side"] == "before" else seconds


def write_when(anchor: str, after: int) -> str:
    """The spelling that `read_when` reads back."""
    if after == 0:
        return f"at {anchor}"
    return f"{write_duration(abs(after))} {'after' if after > 0 else 'before'} {anchor}"


def read_size(value: Any) -> int:
    """Bytes of "16 MiB", "500 kB" or a plain number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if not found:
            raise BadValue('must be a size such as "16 MiB", "500 kB" or a number of bytes')
        size = int(found[1]) * _SIZES[found[2]]
    if not 0 < size <= 2**50:
        raise BadValue("must be at least one byte and at most 1 PiB")
    return size


def write_size(size: int) -> str | int:
    """The spelling that `read_size` reads back."""
    for unit in ("GiB", "MiB", "KiB", "GB", "MB", "kB"):
        if size % _SIZES[unit] == 0:
            return f"{size // _SIZES[unit]} {unit}"
    return size


def read_line(value: Any) -> str:
    """One line of text: runs of white space count as one space."""
    text = " ".join(read_text(value).split())
    if len(text) > 2000:
        raise BadValue("longer than 2000 characters", "put long text into a clause")
    return text


def read_text(value: Any) -> str:
    """Text of any length, in Unicode's composed form (NFC), without characters that nobody sees: they could make it
    read differently than it is, or two texts look alike that differ."""
    if not isinstance(value, str):
        raise BadValue("must be text", f'write "{value}"' if isinstance(value, (int, bool)) else None)
    if not value.strip():
        raise BadValue("must not be empty")
    if value.isascii() and value.replace("\n", " ").replace("\t", " ").isprintable():
        return value
    for index, char in enumerate(value):
        kind = unicodedata.category(char)
        if char in _JOINERS and _may_join(value, index):
            continue
        if (kind in _UNSEEN and char not in "\n\t") or _BLANK.match(char):
            raise BadValue(f"holds the invisible character U+{ord(char):04X}", "remove it")
        if kind == "Zs" and char != " ":
            raise BadValue(f"holds U+{ord(char):04X}, which looks like a space", "write a space")
    composed = unicodedata.normalize("NFC", value)
    if composed != value:
        same = next((i for i, (a, b) in enumerate(zip(value, composed, strict=False)) if a != b), len(composed))
        raise BadValue(f'is not in Unicode\'s composed form (NFC), at "{composed[same : same + 20]}"', "save it as NFC")
    return value


def _may_join(text: str, index: int) -> bool:
    """Whether a joiner is part of the spelling (RFC 5892, appendix A): after a virama, or between Arabic letters."""
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    arabic = all(char and unicodedata.bidirectional(char) in ("AL", "NSM") for char in (before, after))
    return bool(before) and (unicodedata.combining(before) == 9 or (text[index] == "\u200c" and arabic))


def read_id(value: Any) -> str:
    """A short name: letters, digits, "_" and "-", beginning with a letter."""
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise BadValue(f"{value!r} is not a short name (letters, digits, _ and -, first a letter, at most 64)")
    return value


def read_key(value: Any) -> str:
    """A public key: 32 bytes in strict standard base64."""
    try:
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    text = base64.b64encode(raw).decode()
    if len(raw) != 32 or text != value:
        raise BadValue("must be an Ed25519 public key: 32 bytes in base64, 44 characters")
    return text


def read_did(value: Any) -> str:
    """A decentralised identifier."""
    if not isinstance(value, str) or not _DID.fullmatch(value):
        raise BadValue("must be a DID such as did:web:example.org or did:key:z6Mk…")
    if value.startswith(place.PREFIX):
        try:
            place.address_of(value)
        except Malformed as error:
            raise BadValue(f"is not the one spelling of a did:web: {error.reason}") from None
    return value


def read_address(value: Any) -> str:
    """The base URL of a node, in its one spelling."""
    if not isinstance(value, str):
        raise BadValue("must be the base URL of a node, such as https://node.example.org")
    try:
        place.did_of(value)
    except Malformed as error:
        hint = f"write {value.rstrip('/')}" if value.endswith("/") else None
        raise BadValue(error.reason, hint) from None
    return value


def read_media_type(value: Any) -> str:
    """A media type without parameters, in lower case."""
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise BadValue("must be a media type such as application/pdf or text/csv")
    return value


def read_path(value: Any) -> str:
    """A file beside the terms: a relative path that does not leave its folder."""
    if not isinstance(value, str) or not value.isprintable() or "\\" in value or value.startswith(("/", "~")):
        raise BadValue("must be the path of a file beside this one")
    if not value or any(part in ("", ".", "..") for part in value.split("/")):
        raise BadValue("must stay in the folder of this file", "without ./ and ../")
    return value
