"""Letters leave: by mail and to webhooks, each server for itself, with growing pauses where it does not take them.

Laws:

1. A server that fails is left alone, longer each time; nothing else waits for it.
2. A letter that fails gives way to the others for the same server, so that none stands in their way.
3. What a server refuses for good dies, and so does what has been tried for `LAST_S`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.message import EmailMessage
from typing import Final, Protocol

from armslength.engine.backoff import Backoff, woken_within
from armslength.engine.troubles import Troubles
from armslength.errors import ArmslengthError, Refused, Unavailable
from armslength.notify.mail import Letter, message_of
from armslength.notify.outbox import Outbox
from armslength.notify.settings import Addressee, Settings
from armslength.notify.webhook import called, headers

BY_MAIL: Final = "mail to whom this node tells its news"  # troubles
TO_WEBHOOK: Final = "news to the webhook at {called}"
LONGEST_S: Final = 900.0  # between two tries at one server
LAST_S: Final = 5 * 86400  # for which a letter is tried
LOOK_S: Final = 5.0  # before another look where the store did not take something in
SLEEP_S: Final = 60.0  # the longest sleep while something waits: the clock may leap
GONE: Final = 410  # a receiver that wants nothing more
TAKEN: Final = range(200, 300)

log = logging.getLogger(__name__)


class Mailer(Protocol):
    """`net.mail.MailClient`: raises Unavailable where another try may help, Refused where none will."""

    async def send(self, message: EmailMessage, sender: str, to: str) -> None: ...


class WebhookReply(Protocol):
    """An answer, as far as it matters here."""

    @property
    def status(self) -> int: ...


class Post(Protocol):
    """`net.client.Client.post`, which connects to permitted addresses alone."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookReply: ...


class LetterSender:
    """Sends what the outbox holds. `run` until cancelled."""

    def __init__(
        self,
        outbox: Outbox,
        settings: Settings,
        mail: Mailer | None,
        post: Post,
        troubles: Troubles,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._settings = settings
        self._mail = mail
        self._post = post
        self._troubles = troubles
        self._clock = clock
        self._woken = asyncio.Event()
        self._tries: dict[str, int] = {}  # by letter
        outbox.wake = self._woken.set

    async def run(self) -> None:
        """Send until cancelled; what is on its way then is sent again another time."""
        while True:
            self._woken.clear()
            try:
                wait = await self.look()
            except Exception:  # whatever it is, the loop lives on and looks again
                log.exception("news are not sent")
                wait = LOOK_S
            await woken_within(self._woken, wait)

    async def look(self) -> float | None:
        """Send what is due and may be tried; in how many seconds the next look is due, None if nothing waits."""
        now = int(self._clock())
        await self._outbox.freeze(now)
        by_server: dict[str, list[Letter]] = {}
        for letter in self._outbox.letters.values():
            by_server.setdefault(self._server(letter), []).append(letter)
        free = [(server, letters) for server, letters in by_server.items() if self._backoff(server).is_over]
        await asyncio.gather(*(self._deliver(server, letters) for server, letters in free))
        waits = [self._backoff(self._server(letter)).left for letter in self._outbox.letters.values()]
        due = self._outbox.next_due()
        if due is not None:
            waits.append(max(0.0, due - self._clock()))
        return min([SLEEP_S, *waits]) if waits else None

    def _server(self, letter: Letter) -> str:
        """Through which server it goes: a webhook's URL, or "" for the mail server."""
        to = self._outbox.addressee(letter.to)
        return to.webhook if to else ""

    def _backoff(self, server: str) -> Backoff:
        what = TO_WEBHOOK.format(called=called(server)) if server else BY_MAIL
        return self._troubles.at(what, longest=LONGEST_S)

    async def _deliver(self, server: str, letters: Sequence[Letter]) -> None:
        """Deliver to one server, those that have failed least often first, until one fails."""
        backoff = self._backoff(server)
        for letter in sorted(letters, key=lambda each: (self._tries.get(each.id, 0), each.at, each.id)):
            try:
                await self.send(letter)
            except Unavailable as error:
                self._tries[letter.id] = self._tries.get(letter.id, 0) + 1
                backoff.fail(error.reason)
                if self._clock() - letter.at > LAST_S:
                    await self._give_up(letter, error)
                return
            except (Refused, ValueError) as error:
                await self._give_up(letter, error)
            else:
                backoff.end()
                self._tries.pop(letter.id, None)
                await self._outbox.delivered(letter)

    async def _give_up(self, letter: Letter, error: Exception) -> None:
        reason = error.reason if isinstance(error, ArmslengthError) else "it cannot be written as a message"
        log.warning("news for %s are given up: %s", called(letter.to) if self._server(letter) else letter.to, reason)
        self._tries.pop(letter.id, None)
        await self._outbox.died(letter, reason, int(self._clock()))

    async def send(self, letter: Letter) -> None:
        """Try to deliver a letter. Raises Unavailable where another try may help, Refused where none will."""
        to = self._outbox.addressee(letter.to)
        if to is None and "@" not in letter.to:
            raise Refused("not-told", "nobody is told under this name any more", letter.to)
        if to is not None and to.webhook:
            await self._to_webhook(letter, to)
        else:
            await self._by_mail(letter, to.mail if to else letter.to)

    def _by_mail(self, letter: Letter, to: str) -> Awaitable[None]:
        if self._mail is None or self._settings.mailing is None:
            raise Refused("no-mail", "no mail server is configured any more", "notify.mail")
        sender = self._settings.mailing.sender
        return self._mail.send(message_of(letter, sender, to), sender, to)

    async def _to_webhook(self, letter: Letter, to: Addressee) -> None:
        body = letter.body.encode()
        reply = await self._post(to.webhook, body, headers(to.secret, letter.id, int(self._clock()), body))
        if reply.status == GONE:
            raise Refused("webhook-gone", "says that it wants nothing more (410)", to.webhook)
        if reply.status not in TAKEN:
            raise Unavailable("webhook", f"answers {reply.status}", to.webhook)
