"""What a node tells people with, as its configuration has it (`notify`)."""

from __future__ import annotations

from armslength.config import Config, bad_setting
from armslength.engine.approvals import Approvals
from armslength.engine.node import Node
from armslength.errors import Refused
from armslength.net.lazy import LazyClient
from armslength.net.mail import MailClient
from armslength.net.ways import ways
from armslength.notify.desk import NewsDesk
from armslength.notify.door import Door
from armslength.notify.feed import Feed
from armslength.notify.notifier import Notifier
from armslength.notify.outbox import Outbox
from armslength.notify.registry import Registry
from armslength.notify.sender import LetterSender
from armslength.notify.settings import Settings, settings
from armslength.notify.webhook import called
from armslength.ports import Store


async def news(config: Config, node: Node, store: Store, client: LazyClient, approvals: Approvals) -> NewsDesk:
    """The news of a node. Raises Misuse for settings that are none."""
    found, repository = settings(config), node.repository
    if not found.is_on:
        return NewsDesk(node, Notifier(store, repository, node.recorder, found), found, config.name)
    _check_webhooks(config, found)
    outbox, registry = Outbox(store, found), None
    if found.monitors:
        registry = Registry(store, config.address, config.name)
        await registry.load()
        outbox.registered = registry.named
    await outbox.load()
    door = Door(store, repository, node.proposals, approvals, found.leads)
    notifier = Notifier(store, repository, node.recorder, found, outbox, door, registry)
    await notifier.begin()
    node.observer = notifier
    sender = LetterSender(outbox, found, _mail(config, found), client.post, repository.troubles)
    feed = Feed(store, config.address, found.host) if found.calendar else None
    return NewsDesk(node, notifier, found, config.name, outbox, sender, feed, registry)


def _check_webhooks(config: Config, found: Settings) -> None:
    """Refuse an address that nothing would ever be sent to, before news are lost on it. Raises Misuse."""
    reach = ways(config).reach
    for each in found.to:
        if each.webhook:
            try:
                reach.check_url(each.webhook)
            except Refused as error:
                raise bad_setting("notify.to", f"webhook at {called(each.webhook)}: {error.reason}") from None


def _mail(config: Config, found: Settings) -> MailClient | None:
    server = found.mailing
    if server is None:
        return None
    return MailClient(
        host=server.host,
        port=server.port,
        security=server.security,
        user=server.user,
        password=server.password,
        trust=ways(config).trust,
    )
