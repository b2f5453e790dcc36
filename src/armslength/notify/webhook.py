"""Webhooks in the Standard Webhooks form: an id that stays the same, a timestamp, and a signature over these and the
body.

Whoever receives them tells repeats by the id, replays by the timestamp, and forgeries by the signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from armslength.core.canonical import JsonObject, canonical
from armslength.errors import Misuse
from armslength.notify.notification import Notification
from armslength.views.words import iso

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a secret


def read_secret(text: str, setting: str) -> bytes:
    """The key in a secret such as `whsec_…`. Raises Misuse, which does not show it."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except (binascii.Error, ValueError):
        key = b""
    if not SHORTEST <= len(key) <= LONGEST:
        form = f"{PREFIX} and then {SHORTEST} to {LONGEST} random bytes in base64"
        raise Misuse("bad-config", f"{setting}: the secret of a webhook is {form}")
    return key


def called(url: str) -> str:
    """How a webhook is called where others than the owner read: whoever knows an address may often send there."""
    return f"{urlsplit(url).hostname} ({hashlib.sha256(url.encode()).hexdigest()[:8]})"


def signature(key: bytes, name: str, timestamp: int, body: bytes) -> str:
    """`v1,…`: HMAC-SHA256 of id, timestamp and body, in base64."""
    message = b"%s.%d.%s" % (name.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def headers(key: bytes, name: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The header fields of one attempt at `timestamp`."""
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, name, timestamp, body),
    }


def body_of(said: Notification) -> bytes:
    """What is posted: its type, such as `asked.attest`, when it was said, and what."""
    return canonical({"type": f"{said.kind}.{said.event}", "timestamp": iso(said.at), "data": _data(said)})


def body_of_digest(said: Sequence[Notification], at: int) -> bytes:
    """What is posted of several at once."""
    return canonical({"type": "digest", "timestamp": iso(at), "data": [_data(each) for each in said]})


def _data(said: Notification) -> JsonObject:
    return {
        "id": said.id,
        "kind": said.kind,
        "event": said.event,
        "arrangement": said.arrangement or None,
        "title": said.title or None,
        "subject": said.subject or None,
        "at": said.at,
        "until": said.until,
        "who": list(said.who),
        "text": said.text,
        "then": said.then or None,
        "how": said.how or None,
    }
