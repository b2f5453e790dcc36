"""Webhooks as the reference library of Standard Webhooks verifies them."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from armslength.config import parse
from armslength.errors import Misuse
from armslength.notify.settings import settings as read_settings
from armslength.notify.webhook import body_of, called, headers, read_secret
from armslength.runtime.news import _check_webhooks
from armslength.store.memory import MemoryStore
from tests.notify.outside import NOON, Post, Time, at_webhook, receiver, settings, some
from tests.notify.test_mail import ASK

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


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


async def test_an_answer_that_sends_elsewhere_is_not_followed_and_no_address_is_shown(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A receiver may not aim what it gets, signature included, at another host. Whoever knows the address of a webhook
    can often send there, so neither troubles, which readers see, nor logs show it."""
    clock = Time()
    async with receiver() as elsewhere, receiver() as hook:
        url = f"{hook.url}?token=s3cret"
        hook.status, hook.location = 307, elsewhere.url
        post = await Post(store, settings(at_webhook(url)), clock).begin()
        await post.outbox.note(some(1), NOON)
        await post.until(NOON + 60)
        assert hook.tries > 0
        assert elsewhere.tries == 0
        (trouble,) = post.troubles.listed()
        assert (trouble.what, trouble.reason) == (f"news to the webhook at {called(url)}", "answers 307")
        hook.status = 410
        await post.until(NOON + 3600)
        assert post.outbox.dead
        assert "given up" in caplog.text
        assert "s3cret" not in caplog.text + str(trouble)
        assert "/hook" not in caplog.text + str(trouble)
        await post.client.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "https://10.0.0.7/x",
        "https://2130706433/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://user:pass@hooks.example/x",
        "ftp://hooks.example/x",
        "hooks.example",
    ],
)
def test_a_webhook_to_which_nothing_would_be_sent_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    """Not when the first news dies of it; and without showing what is secret in it."""
    (tmp_path / "hook").write_text(SECRET)
    table = f'[[notify.to]]\nwebhook = "{url}"\nsecret_file = "hook"\n'
    config = parse(f'name = "a"\ndid = "did:web:a.example"\n{table}', tmp_path)
    with pytest.raises(Misuse) as refused:
        _check_webhooks(config, read_settings(config))
    assert refused.value.code == "bad-config"
    assert "pass" not in str(refused.value)
    assert "/x" not in str(refused.value)
