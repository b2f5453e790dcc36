"""What a node tells people with, as its configuration has it (`notify`)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from armslength.config import Config
from armslength.engine.node import Node
from armslength.net.lazy import LazyClient
from armslength.net.mail import MailClient
from armslength.net.ways import ways
from armslength.notify.notifier import Notifier
from armslength.notify.outbox import Outbox
from armslength.notify.sender import LetterSender
from armslength.notify.settings import settings
from armslength.ports import Store


@dataclass(frozen=True, slots=True)
class NewsDesk:
    """What looks and what sends; nothing is sent where nobody is told anything."""

    notifier: Notifier
    sender: LetterSender | None = None
    outbox: Outbox | None = None

    async def run(self) -> None:
        """Look and send until cancelled."""
        if self.sender is not None:
            await asyncio.gather(self.notifier.run(), self.sender.run())


async def news(config: Config, node: Node, store: Store, client: LazyClient) -> NewsDesk:
    """The news of a node that does not run yet. Raises Misuse for settings that are none."""
    found = settings(config)
    if not found.is_on:
        return NewsDesk(Notifier(store, node.repository, node.recorder, found))
    outbox, mail = Outbox(store, found), None
    await outbox.load()
    if found.mailing is not None:
        server = found.mailing
        mail = MailClient(
            host=server.host,
            port=server.port,
            security=server.security,
            user=server.user,
            password=server.password,
            trust=ways(config).trust,
        )
    notifier = Notifier(store, node.repository, node.recorder, found, outbox)
    await notifier.begin()
    node.observer = notifier
    return NewsDesk(
        notifier, LetterSender(outbox, found, mail, client.post, node.repository.troubles, time.time), outbox
    )
