"""What a hostile counterparty, or a person with a role, can do to the console."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any, TypeVar

from armslength.console.app import build_console
from armslength.console.catalogue import say
from armslength.console.guard import AT_ONCE
from armslength.console.pages import files
from armslength.console.sessions import NOTES, Sessions
from armslength.wire.manage import Verb
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at

A = TypeVar("A")
LARGE = 3 * 1024 * 1024


def inside() -> tuple[Browser, str]:
    """A browser that is logged in, and the arrangement's path."""
    owner = FoldOwner(at(39, 11), "A")
    found = Browser(owner)
    found.log_in()
    return found, f"/a/{owner.arrangement}"


async def test_only_files_of_tranches_may_be_large() -> None:
    """Not whatever has an address that ends like theirs, nor a form of another kind there: that would be held in
    memory."""
    found, path = inside()
    token = await found.token()
    body = f"form={token}&answer=x&x=" + "x" * LARGE
    for where in ("/terms/publish", f"{path}/files/T1/publish"):
        assert (await found.post(where, body, content_length=str(len(body)))).status == 413


async def test_a_page_about_a_period_renews_itself_as_that_page() -> None:
    """`k2#3` is no fragment in the address that is asked again."""
    found, path = inside()
    page = (await found.get(f"{path}/why/k2%233")).body.decode()
    assert page.split('hx-get="')[1].split("?")[0] == f"{path}/why/k2%233"


def test_texts_that_fill_places_reorder_nothing() -> None:
    """Direction characters of others' are shown, not obeyed, in the catalogue's sentences too."""
    assert "\u202e" not in say("inbox.note", note="pay \u202eyap")
    assert "&lt;b&gt;" in say("inbox.note", note="<b>")


def test_what_a_crash_has_left_of_uploads_is_let_go_of(tmp_path: Path) -> None:
    """Their plain text would lie there for ever. What is new may be another console's; what has another name is not
    ours."""
    found, _ = inside()
    names = {name: tmp_path / name for name in ("0" * 32, "1" * 32, "notes.txt")}
    for path in names.values():
        path.write_bytes(b"secret")
    for name in ("0" * 32, "notes.txt"):
        os.utime(names[name], (time.time() - 2 * files.LEFT_S,) * 2)
    build_console(FoldOwner(at(9)), found.place, Sessions(time.monotonic), tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["1" * 32, "notes.txt"]


class Stalled(FoldOwner):
    """A node that answers nobody until it may."""

    def __init__(self) -> None:
        super().__init__(at(39, 11), "A")
        self.may = asyncio.Event()
        self.waiting = 0

    async def ask(self, verb: Verb[Any, A], asked: object) -> A:
        """Wait."""
        self.waiting += 1
        await self.may.wait()
        return await super().ask(verb, asked)


async def test_one_person_s_requests_leave_room_to_the_others() -> None:
    """The server's connections are for all: whoever begins more requests than browsers do is told to wait, and may go
    on afterwards."""
    owner = Stalled()
    found = Browser(owner)
    found.log_in()
    asked = [asyncio.create_task(found.get("/")) for _ in range(AT_ONCE)]
    while owner.waiting < AT_ONCE:
        await asyncio.sleep(0)
    assert (await found.get("/")).status == 429
    mine, found.cookie = found.cookie, f"{found.place.cookie}={found.sessions.begin('Else', 'else', ('reader',))}"
    other = asyncio.create_task(found.get("/"))
    owner.may.set()
    assert {(await each).status for each in [*asked, other]} == {200}
    found.cookie = mine
    assert (await found.get("/")).status == 200


async def test_notes_that_nobody_reads_are_not_kept_without_end() -> None:
    """A script sends forms and never looks at a page."""
    found, _ = inside()
    (session,) = found.sessions._open.values()
    for number in range(100):
        session.notes.append(("good", str(number)))
    page = (await found.get("/")).body.decode()
    assert page.count('class="note good"') == NOTES
    assert ">99<" in page
