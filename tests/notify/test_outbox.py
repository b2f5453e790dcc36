"""The outbox: held, frozen, sent and given up, over servers that fail, restarts and nights."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from armslength.net.client import Client
from armslength.net.ways import DEVELOPMENT
from armslength.notify import outbox as boxes
from armslength.notify.notification import ASKED, HAPPENED, KINDS, NEAR
from armslength.notify.sender import LAST_S
from armslength.store.sqlite import SqliteStore
from tests.net.test_mail import Inbox, mail_server
from tests.notify.outside import NOON, SECRET_TEXT, Post, Time, at_webhook, by_mail, receiver, settings, some

HOUR, DAY = 3600, 86400


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store in a file."""
    opened = SqliteStore.open(tmp_path / "x.db", "did:web:a.example")
    yield opened
    await opened.close()


def subjects(inbox: Inbox) -> list[str]:
    """Of the messages that a mail server has taken."""
    return [message_from_bytes(each.content or b"", policy=default)["Subject"] for each in inbox.got]


def ids(inbox: Inbox) -> list[str]:
    """Of the messages that a mail server has taken."""
    return [message_from_bytes(each.content or b"", policy=default)["Message-ID"] for each in inbox.got]


async def test_what_comes_together_is_told_together(store: SqliteStore) -> None:
    """One message for an arrangement, however many news; another for another arrangement."""
    inbox, clock = Inbox(), Time()
    async with mail_server(inbox) as port:
        post = await Post(store, settings(by_mail(), port=port), clock).begin()
        await post.outbox.note(some(3), NOON)
        await post.outbox.note(some(1, arrangement="cd" * 32, title="August"), NOON)
        assert not inbox.got
        await post.until(NOON + 60)
    assert sorted(subjects(inbox)) == ["August: k2: asked of you", "July 2016: 3 news"]
    assert not post.outbox.held
    assert not post.outbox.letters


async def test_a_mail_server_that_is_down_for_an_hour_loses_and_repeats_nothing(store: SqliteStore) -> None:
    """News of that hour arrive after it, each once; the pauses grow, and the trouble is told and ends."""
    inbox, clock = Inbox(), Time()
    async with mail_server(inbox) as port:
        pass  # it is killed
    post = await Post(store, settings(by_mail(), port=port), clock).begin()
    looks = 0
    for quarter in range(4):
        await post.outbox.note(some(1, arrangement=f"{quarter}" * 64), int(clock.now))
        looks += await post.until(NOON + (quarter + 1) * HOUR / 4)
    (trouble,) = post.troubles.listed()
    assert trouble.attempts < 20
    assert len(post.outbox.letters) == 4
    async with mail_server(inbox, port):  # and is back
        await post.until(NOON + 2 * HOUR)
    assert len(set(ids(inbox))) == len(inbox.got) == 4
    assert not post.troubles.listed()
    assert not post.outbox.letters
    assert not post.outbox.dead


async def test_a_node_that_is_killed_meanwhile_loses_and_repeats_nothing(store: SqliteStore, tmp_path: Path) -> None:
    """What was held and what was frozen is sent by whoever opens the same store, under the same ids."""
    inbox, clock = Inbox(), Time()
    async with mail_server(inbox) as port:
        pass
    what = settings(by_mail(), port=port)
    first = await Post(store, what, clock).begin()
    await first.outbox.note(some(1), NOON)
    await first.until(NOON + 600)
    await first.outbox.note(some(1, arrangement="cd" * 32), NOON + 600)
    frozen, held = set(first.outbox.letters), set(first.outbox.held)
    assert (len(frozen), len(held)) == (1, 1)
    second = await Post(store, what, clock).begin()
    assert set(second.outbox.letters) == frozen
    assert set(second.outbox.held) == held
    async with mail_server(inbox, port):
        await second.until(NOON + 1200)
    assert len(inbox.got) == 2
    assert f"<{frozen.pop()}@a.example>" in ids(inbox)
    third = await Post(store, what, clock).begin()
    assert not third.outbox.letters
    assert not third.outbox.held


async def test_a_crash_before_the_commit_repeats_under_the_same_id(store: SqliteStore) -> None:
    """At least once: whoever gets it twice can tell."""
    inbox, clock = Inbox(), Time()
    async with mail_server(inbox) as port:
        what = settings(by_mail(), port=port)
        first = await Post(store, what, clock).begin()
        await first.outbox.note(some(1), NOON)
        await first.outbox.freeze(NOON + 60)
        (letter,) = first.outbox.letters.values()
        await first.sender.send(letter)  # and the node is killed here
        second = await Post(store, what, clock).begin()
        await second.until(NOON + 120)
    assert len(inbox.got) == 2
    assert len(set(ids(inbox))) == 1


async def test_a_webhook_that_answers_500_for_an_hour(store: SqliteStore) -> None:
    """All of it arrives afterwards, once, signed, with ids that stay the same; other ways are not held up."""
    clock, inbox = Time(), Inbox()
    async with receiver() as hook, mail_server(inbox) as port:
        post = await Post(store, settings(by_mail(), at_webhook(hook.url), port=port), clock).begin()
        hook.status = 500
        await post.outbox.note(some(5), NOON)
        await post.until(NOON + HOUR)
        assert hook.tries < 30
        assert len(inbox.got) == 1
        names = set(post.outbox.letters)
        hook.status = 200
        await post.until(NOON + 2 * HOUR)
        await post.client.close()
    assert {fields["webhook-id"] for fields, _ in hook.got} == names
    assert len(hook.got) == 5
    for fields, body in hook.got:
        at = datetime.fromtimestamp(int(fields["webhook-timestamp"]), UTC)
        assert at.timestamp() > NOON + HOUR - 60  # of the attempt that was taken, not of the first
        assert Webhook(SECRET_TEXT).sign(fields["webhook-id"], at, fields["body"]) == fields["webhook-signature"]
        assert body["type"] == "asked.attest"


async def test_a_letter_that_fails_gives_way(store: SqliteStore) -> None:
    """An address that is refused dies at once; those behind it arrive."""
    inbox, clock = Inbox(), Time()
    async with mail_server(inbox) as port:
        post = await Post(store, settings(by_mail("a@a.example"), by_mail("b@a.example"), port=port), clock).begin()
        inbox.at_rcpt = "550 no such user"
        await post.outbox.note(some(1), NOON)
        await post.until(NOON + 10)
        assert {each.letter.to for each in post.outbox.dead.values()} == {"a@a.example", "b@a.example"}
        inbox.at_rcpt = "250 OK"
        await post.outbox.note(some(1, event="sign"), NOON + 10)
        await post.until(NOON + 60)
    assert len(inbox.got) == 2


async def test_what_is_refused_or_tried_for_days_dies_and_is_shown(store: SqliteStore) -> None:
    """410 at once; silence after five days; the dead survive a restart, and only so many are kept."""
    clock = Time()
    async with receiver() as hook:
        what = settings(at_webhook(hook.url))
        post = await Post(store, what, clock).begin()
        hook.status = 410
        await post.outbox.note(some(1), NOON)
        await post.until(NOON + 5)
        assert [each.reason for each in post.outbox.dead.values()] == ["says that it wants nothing more (410)"]
        hook.status = 503
        await post.outbox.note(some(1, event="sign"), NOON)
        await post.until(NOON + LAST_S - HOUR)
        assert len(post.outbox.letters) == 1
        await post.until(NOON + LAST_S + HOUR)
        assert not post.outbox.letters
        assert len((await Post(store, what, clock).begin()).outbox.dead) == 2
        hook.status = 410
        for number in range(3):
            await post.outbox.note(some(40, event=f"e{number}"), int(clock.now))
            await post.until(clock.now + 5)
        assert len(post.outbox.dead) == boxes.DEAD_KEPT
        await post.client.close()


async def test_what_was_given_up_is_sent_again_when_somebody_says_so(store: SqliteStore) -> None:
    """Under the id that it had, with days to be tried again; once, and also after a restart."""
    clock = Time()
    async with receiver() as hook:
        what = settings(at_webhook(hook.url))
        post = await Post(store, what, clock).begin()
        hook.status = 410
        await post.outbox.note(some(1), NOON)
        await post.until(NOON + 5)
        (name,) = post.outbox.dead
        await post.client.close()
        post = await Post(store, what, clock).begin()
        hook.status = 200
        clock.now += 2 * LAST_S
        assert await post.outbox.revive(name, int(clock.now))
        assert not await post.outbox.revive(name, int(clock.now))
        await post.until(clock.now + 5)
        assert [fields["webhook-id"] for fields, _ in hook.got] == [name]
        again = (await Post(store, what, clock).begin()).outbox
        assert not again.dead
        assert not again.letters
        await post.client.close()


async def test_a_receiver_that_hangs_holds_up_nobody_else(store: SqliteStore) -> None:
    """It takes the connection and never answers: mail arrives meanwhile, and what is for it waits."""
    clock, inbox = Time(), Inbox()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up
        writer.close()

    async with mail_server(inbox) as port, await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        post = await Post(
            store, settings(by_mail(), at_webhook(url), port=port), clock, Client(DEVELOPMENT, total=0.5)
        ).begin()
        await post.outbox.note(some(1), NOON)
        await post.until(NOON + 30)
        await post.client.close()
    assert len(inbox.got) == 1
    assert len(post.outbox.letters) == 1
    (trouble,) = post.troubles.listed()
    assert "webhook at 127.0.0.1" in trouble.what


async def test_a_digest_of_nothing_is_not_sent(store: SqliteStore) -> None:
    """Days without news bring no message, and nothing is looked for meanwhile."""
    inbox, clock = Inbox(), Time()
    async with mail_server(inbox) as port:
        to = by_mail(digest=frozenset(KINDS))
        post = await Post(store, settings(to, port=port), clock).begin()
        assert await post.sender.look() is None
        clock.now += 3 * DAY
        assert await post.sender.look() is None
    assert not inbox.got


async def test_private_addresses_are_not_asked(store: SqliteStore) -> None:
    """A webhook inside our own network is refused by the client, and said to be."""
    clock = Time()
    post = await Post(store, settings(at_webhook("https://10.0.0.7/hook")), clock).begin()
    await post.outbox.note(some(1), NOON)
    await post.until(NOON + 5)
    await post.client.close()
    (dead,) = post.outbox.dead.values()
    assert "may not be connected to" in dead.reason


async def test_quiet_hours_hold_what_can_wait(store: SqliteStore) -> None:
    """At night nothing comes but what would be too late in the morning; a webhook knows no night."""
    night = NOON + 10 * HOUR + 60  # 22:01
    clock, inbox = Time(night), Inbox()
    async with receiver() as hook, mail_server(inbox) as port:
        what = settings(by_mail(), at_webhook(hook.url), port=port, quiet=(22, 7))
        post = await Post(store, what, clock).begin()
        await post.outbox.note(some(1, until=night + 20 * HOUR), night)
        await post.outbox.note(some(1, until=night + 2 * HOUR, event="sign"), night)
        await post.until(night + HOUR)
        assert len(hook.got) == 2
        assert subjects(inbox) == ["July 2016: k2: asked of you"]
        await post.until(NOON + 18 * HOUR + 59 * 60)  # 06:59
        assert len(inbox.got) == 1
        await post.until(NOON + 19 * HOUR + 60)
        assert len(inbox.got) == 2
        await post.client.close()


async def test_the_digest_comes_once_a_day_and_urgent_news_do_not_wait_for_it(store: SqliteStore) -> None:
    """What is gathered is one message over all arrangements; what would be too late by then comes at once."""
    clock, inbox = Time(), Inbox()
    async with mail_server(inbox) as port:
        to = by_mail(digest=frozenset({ASKED, HAPPENED}))
        post = await Post(store, settings(to, port=port), clock).begin()
        for day in range(3):
            noon = NOON + day * DAY
            clock.now = noon
            await post.outbox.note(some(2, until=noon + 2 * DAY, kind=ASKED, event=f"x{day}"), noon)
            await post.outbox.note(some(1, arrangement="cd" * 32, title="August", kind=HAPPENED, until=None), noon)
            await post.until(noon + 19 * HOUR)
            assert len(inbox.got) == day
            await post.until(noon + 21 * HOUR)  # 08:00 has passed
            assert len(inbox.got) == day + 1
        assert set(subjects(inbox)) == {"3 news of 2 arrangements"}
        await post.outbox.note(some(1, until=int(clock.now) + 2 * HOUR, kind=ASKED), int(clock.now))
        await post.outbox.note(some(1, kind=NEAR), int(clock.now))
        await post.until(clock.now + 60)
    assert len(inbox.got) == 4


async def test_what_is_done_before_it_is_told_is_not_told(store: SqliteStore) -> None:
    """A task that falls away while its notification waits for the morning takes it along."""
    clock, inbox = Time(NOON + 11 * HOUR), Inbox()
    async with mail_server(inbox) as port:
        post = await Post(store, settings(by_mail(), port=port, quiet=(22, 7)), clock).begin()
        now = int(clock.now)
        await post.outbox.note(some(1, until=None, keys=("attest/k2#5",)), now)
        await post.outbox.note(some(1, until=None, keys=("attest/k2#5", "attest/k2#6"), event="sign"), now)
        await post.outbox.note(some(1, until=None, keys=("attest/k2#5",), arrangement="cd" * 32, title="August"), now)
        await post.outbox.note((), now, gone={("ab" * 32, "attest/k2#5")})
        assert len(post.outbox.held) == 2  # the same of another arrangement is another task
        await post.until(NOON + 20 * HOUR)
    assert len(inbox.got) == 2
    assert len((await Post(store, settings(by_mail()), clock).begin()).outbox.held) == 0


async def test_a_flood_is_bounded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one addressee so many may wait; the others are not touched, and what was dropped is counted."""
    monkeypatch.setattr(boxes, "MOST", 10)
    what = settings(by_mail("a@a.example"), by_mail("b@a.example", kinds=frozenset({NEAR})))
    post = await Post(store, what, Time()).begin()
    await post.outbox.note(some(25), NOON)
    await post.outbox.note(some(3, kind=NEAR), NOON)
    assert Counter(each.to for each in post.outbox.held.values()) == {"a@a.example": 10, "b@a.example": 3}
    assert post.outbox.dropped["a@a.example"] == 18


async def test_half_full_is_crowded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one addressee: what looks at many arrangements waits then, so that it drops nothing."""
    monkeypatch.setattr(boxes, "MOST", 10)
    post = await Post(store, settings(by_mail("a@a.example"), by_mail("b@a.example")), Time()).begin()
    await post.outbox.note(some(5), NOON)
    assert not post.outbox.is_crowded
    await post.outbox.note(some(1, event="sign"), NOON)
    assert post.outbox.is_crowded


async def test_the_same_news_noted_again_are_held_once(store: SqliteStore) -> None:
    """Whoever computes them again after a crash adds nothing."""
    post = await Post(store, settings(by_mail()), Time()).begin()
    await post.outbox.note(some(2), NOON)
    await post.outbox.note(some(2), NOON + 100)
    assert len(post.outbox.held) == 2


async def test_whoever_is_not_told_any_more_gets_nothing(store: SqliteStore) -> None:
    """What waits for an addressee that the configuration has lost is forgotten when the node starts."""
    post = await Post(store, settings(by_mail("old@a.example")), Time()).begin()
    await post.outbox.note(some(2), NOON)
    again = await Post(store, settings(by_mail("new@a.example")), Time()).begin()
    assert not again.outbox.held
    assert not await store.find(boxes.HELD)
