"""Mail over a real server: with STARTTLS and with TLS, its certificate verified, and what each reply means."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from armslength.errors import Refused, Unavailable
from armslength.net.mail import MailClient
from tests.net.certificates import authority


class Inbox:
    """A server's handler that keeps what it is given, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.over_tls: list[bool] = []
        self.at_rcpt = self.at_data = "250 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's names)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take an address, or not."""
        if self.at_rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.at_rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message, or not."""
        if self.at_data.startswith("250"):
            self.got.append(envelope)
            self.over_tls.append(session.ssl is not None or _is_tls(server))
        return self.at_data


def _is_tls(server: Any) -> bool:
    return server.transport.get_extra_info("sslcontext") is not None


@contextlib.asynccontextmanager
async def mail_server(inbox: Inbox, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """A mail server on loopback; its port. `ssl` makes it speak TLS from the first byte."""
    loop, wrapped = asyncio.get_running_loop(), options.pop("ssl", None)
    listening = await loop.create_server(
        lambda: SMTP(inbox, loop=loop, hostname="localhost", **options), "127.0.0.1", port, ssl=wrapped
    )
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await asyncio.sleep(0)


def message(text: str = "Hello.\n.\nThe end.\n") -> EmailMessage:
    """A message."""
    made = EmailMessage()
    made["Subject"] = "x"
    made["From"], made["To"] = "n@a.example", "o@a.example"
    made.set_content(text)
    return made


def trusting(folder: Path) -> ssl.SSLContext:
    """What trusts the authority of this folder alone."""
    return ssl.create_default_context(cafile=str(folder / "ca.pem"))


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_message_arrives(tmp_path: Path, security: str) -> None:
    """As it was, dots included, over TLS where that is asked for."""
    context, inbox = authority(tmp_path, "localhost"), Inbox()
    options = {"starttls": {"tls_context": context, "require_starttls": True}, "tls": {"ssl": context}, "none": {}}
    async with mail_server(inbox, **options[security]) as port:
        client = MailClient(host="localhost", port=port, security=security, trust=trusting(tmp_path))
        await client.send(message(), "n@a.example", "o@a.example")
    (got,) = inbox.got
    assert got.rcpt_tos == ["o@a.example"]
    assert b"\r\n.\r\nThe end." in (got.content or b"")
    assert inbox.over_tls == [security != "none"]


async def test_a_server_that_offers_no_tls_gets_nothing(tmp_path: Path) -> None:
    """Where STARTTLS is asked for, mail does not leave without it."""
    inbox = Inbox()
    async with mail_server(inbox) as port:
        client = MailClient(host="localhost", port=port, security="starttls", trust=None)
        with pytest.raises(Unavailable):
            await client.send(message(), "n@a.example", "o@a.example")
    assert not inbox.got


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_is_not_trusted_gets_nothing(tmp_path: Path, security: str) -> None:
    """One of an authority that nobody knows, or for another name."""
    context, inbox = authority(tmp_path, "elsewhere.example"), Inbox()
    options = {"starttls": {"tls_context": context}, "tls": {"ssl": context}}
    async with mail_server(inbox, **options[security]) as port:
        for trust in (None, trusting(tmp_path)):
            client = MailClient(host="localhost", port=port, security=security, trust=trust)
            with pytest.raises(Unavailable) as failed:
                await client.send(message(), "n@a.example", "o@a.example")
            assert "certificate" in failed.value.reason
    assert not inbox.got


async def test_a_password_is_sent_over_tls_and_shown_to_nobody_else(tmp_path: Path) -> None:
    """A wrong one is our trouble, to be tried again once it has been set right; no message shows it."""
    context, inbox, seen = authority(tmp_path, "localhost"), Inbox(), []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append(data.password)
        return AuthResult(success=data.password == b"swordfish", handled=False)

    options = {"tls_context": context, "authenticator": check, "auth_required": True}
    async with mail_server(inbox, **options) as port:
        good = MailClient(
            host="localhost", port=port, security="starttls", user="n", password="swordfish", trust=trusting(tmp_path)
        )
        await good.send(message(), "n@a.example", "o@a.example")
        with pytest.raises(Unavailable) as failed:
            await replace(good, password="hunter2").send(message(), "n@a.example", "o@a.example")
    assert "hunter2" not in str(failed.value)
    assert "swordfish" not in repr(good)
    assert seen == [b"swordfish", b"hunter2"]
    assert len(inbox.got) == 1


@pytest.mark.parametrize(
    ("at_rcpt", "at_data", "final"),
    [
        ("550 no such user", "250 OK", True),
        ("451 later", "250 OK", False),
        ("250 OK", "554 not wanted", True),
        ("250 OK", "452 disk full", False),
    ],
)
async def test_what_a_reply_means(at_rcpt: str, at_data: str, final: bool) -> None:
    """5xx is for good, 4xx is to be tried again."""
    inbox = Inbox()
    inbox.at_rcpt, inbox.at_data = at_rcpt, at_data
    async with mail_server(inbox) as port:
        client = MailClient(host="localhost", port=port, security="none")
        with pytest.raises(Refused if final else Unavailable):
            await client.send(message(), "n@a.example", "o@a.example")


async def test_nobody_there_is_to_be_tried_again() -> None:
    """No server at this port."""
    inbox = Inbox()
    async with mail_server(inbox) as port:
        pass
    with pytest.raises(Unavailable):
        await MailClient(host="127.0.0.1", port=port, security="none").send(message(), "n@a.example", "o@a.example")
