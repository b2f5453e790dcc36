"""Webhooks as the reference library of Standard Webhooks verifies them."""

from __future__ import annotations

import base64
import json
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from armslength.errors import Misuse
from armslength.notify.webhook import body_of, headers, read_secret
from tests.notify.test_mail import ASK

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


def test_others_verify_what_we_sign() -> None:
    """The library that the specification comes with accepts it, and reads what we said."""
    now, body = int(time.time()), body_of(ASK)
    fields = headers(read_secret(SECRET, "x"), ASK.id, now, body)
    read = Webhook(SECRET).verify(body, fields)
    assert read["type"] == "asked.attest"
    assert read["data"]["until"] == ASK.until
    assert json.loads(body)["data"]["how"] == ASK.how


def test_a_changed_word_does_not_verify() -> None:
    """Body, id and timestamp are all signed."""
    now, body = int(time.time()), body_of(ASK)
    fields = headers(read_secret(SECRET, "x"), ASK.id, now, body)
    for spoilt, also in (
        (body + b" ", {}),
        (body, {"webhook-id": "other"}),
        (body, {"webhook-timestamp": str(now - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(spoilt, fields | also)


@pytest.mark.parametrize(
    "text", ["", "hunter2", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"x" * 23).decode()]
)
def test_a_secret_that_is_too_weak_is_refused_and_not_shown(text: str) -> None:
    """Of fewer than 24 bytes, or in another form."""
    with pytest.raises(Misuse) as refused:
        read_secret(text, "notify.to")
    assert not text or text == "whsec_" or text not in str(refused.value)
