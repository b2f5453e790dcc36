"""The settings page says who is told what and what has not got through, and how that is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from armslength.config import FILE, load
from armslength.console.pages.settings import LINES
from armslength.console.sessions import ROLES
from armslength.notify.desk import NewsDesk
from armslength.notify.notifier import Notifier
from armslength.notify.outbox import Outbox
from armslength.notify.settings import settings
from armslength.store.memory import MemoryStore
from armslength.wire.news import NOTIFY, NOTIFY_AGAIN
from tests.console.pages.test_beginning import card
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at
from tests.notify.outside import NOON, SECRET_TEXT
from tests.notify.test_mail import ASK, letter


class Told(FoldOwner):
    """A node that tells whom the lines of the page name; a message to one of them was given up."""

    def __init__(self, folder: Path, lines: str = LINES) -> None:
        super().__init__(at(9, 3))
        (folder / "hook.secret").write_text(SECRET_TEXT)
        (folder / "smtp.password").write_text("hunter2")
        (folder / FILE).write_text(f'name = "Arandia"\ndid = "did:web:a.example"\n{lines}')
        found = settings(load(folder))
        self.outbox = Outbox(MemoryStore(), found)
        unused: Any = None
        self.desk = NewsDesk(unused, Notifier(unused, unused, unused, found), found, "Arandia", self.outbox)

    async def ask(self, verb: Any, asked: Any) -> Any:
        if verb.name == NOTIFY.name:
            return self.desk.shown()
        if verb.name == NOTIFY_AGAIN.name:
            return await self.desk.again(asked)
        return await super().ask(verb, asked)

    async def lose(self, to: str) -> str:
        """Give a message up; its name."""
        lost = replace(letter(ASK), to=to)
        await self.outbox.died(lost, "says that it wants nothing more (410)", NOON)
        return lost.id


async def test_who_is_told_what_is_shown_without_secrets(tmp_path: Path) -> None:
    """The very lines that the page says to put into node.toml are read by a node, and told back in words."""
    found = Browser(Told(tmp_path))
    found.log_in()
    page = (await found.get("/settings")).body.decode()
    for text in (
        "coordinator@example.org", "what has happened (once a day)", "with invitations to a calendar",
        "Local times are those of Europe/Berlin.", "22:00-07:00", "comes at 08:00", "to attest: 6 h, 1 h",
        "smtp.example.org:587, from armslength@example.org", "https://hooks.example.org", "Everything has got through",
    ):  # fmt: skip
        assert text in page, text
    shown = page.partition("<details")[0]
    assert "hooks.example.org/armslength" not in shown  # what follows the host may be a secret
    assert SECRET_TEXT not in page
    assert "hunter2" not in page


async def test_a_node_that_tells_nobody_says_how_that_begins(tmp_path: Path) -> None:
    """With the lines, open."""
    found = Browser(Told(tmp_path, ""))
    found.log_in()
    page = (await found.get("/settings")).body.decode()
    assert "Nobody is told anything" in page
    assert "<details open>" in page
    assert "[[notify.to]]" in page


async def test_what_was_given_up_is_sent_again_from_the_page(tmp_path: Path) -> None:
    """By whoever manages the node, and by nobody else; what is not there any more is told."""
    owner = Told(tmp_path)
    name = await owner.lose("x")
    found = Browser(owner)
    found.log_in(("reader",))
    page = (await found.get("/settings")).body.decode()
    assert "Says that it wants nothing more (410)" in page
    token = await found.token("/settings")
    assert (await found.post("/settings/again", f"form={token}&id={name}")).status == 403
    assert name in owner.outbox.dead
    found.log_in(tuple(ROLES))
    token = await found.token("/settings")
    for text in ("on its way again", "no such message any more"):
        assert (await found.post("/settings/again", f"form={token}&id={name}")).status == 303
        assert text in (await found.get("/settings")).body.decode()
    assert name in owner.outbox.letters
    assert not owner.outbox.dead


async def test_the_card_is_saved_as_a_file(tmp_path: Path) -> None:
    """Byte for byte as `armslength card` prints it; where there is none, there is no link."""
    ours = card(tmp_path, "arandia")
    found = Browser(Told(tmp_path), card=ours)
    found.log_in()
    assert b'href="/settings/card"' in (await found.get("/settings")).body
    reply = await found.get("/settings/card")
    assert (reply.status, reply.body) == (200, ours.file())
    assert "attachment" in reply.headers["content-disposition"]
    found = Browser(Told(tmp_path))
    found.log_in()
    assert b"/settings/card" not in (await found.get("/settings")).body
    assert (await found.get("/settings/card")).status == 404
