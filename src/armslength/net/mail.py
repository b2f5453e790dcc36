"""Mail leaves through one server that the configuration names (RFC 5321), over TLS whose certificate is verified."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache
from typing import TYPE_CHECKING, Final

from armslength.errors import Refused, Unavailable

if TYPE_CHECKING:
    import aiosmtplib

TIMEOUT_S: Final = 30.0
FINAL: Final = range(500, 600)  # replies that another try does not change
OURS: Final = frozenset({530, 534, 535, 538})  # but for these: our password, or what is asked of a connection


@dataclass(frozen=True, slots=True, kw_only=True)
class MailClient:
    """One server. Each message goes over a connection of its own."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    trust: ssl.SSLContext | None = field(default=None, repr=False)

    async def send(self, message: EmailMessage, sender: str, to: str) -> None:
        """Hand a message over. Raises Unavailable where it may be tried again, Refused where the server will never take
        it."""
        import aiosmtplib  # a node that sends no mail does without

        context = None if self.security == "none" else self.trust or _system_trust()
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            timeout=TIMEOUT_S,
            tls_context=context,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
        )
        try:
            async with client:
                if self.user:
                    await _log_in(client, self.user, self.password)
                await client.send_message(message, sender=sender, recipients=[to])
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code if error.recipients else 0
            raise _failed(code, "does not take mail for this address", self.host) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _failed(error.code, f"answers {error.code}", self.host) from None
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            raise Unavailable("mail-server", _words(error), self.host) from None


@cache
def _system_trust() -> ssl.SSLContext:
    """The authorities of this machine: reading them takes tens of milliseconds."""
    return ssl.create_default_context()


async def _log_in(client: aiosmtplib.SMTP, user: str, password: str) -> None:
    """One way of it alone where the usual one is offered: a wrong password tried in several ways locks accounts."""
    await client.ehlo()
    if "plain" in client.supported_auth_methods:
        await client.auth_plain(user, password)
    else:
        await client.login(user, password)


def _failed(code: int, reason: str, host: str) -> Unavailable | Refused:
    """What a reply means. The server's own words are not repeated: they may hold anything."""
    if code in FINAL and code not in OURS:
        return Refused("mail-refused", f"{reason} ({code})", host)
    return Unavailable("mail-server", f"{reason} ({code})" if str(code) not in reason else reason, host)


def _words(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, TimeoutError) or "imeout" in type(error).__name__:
        return "did not answer in time"
    return f"cannot be reached ({type(error).__name__})"
