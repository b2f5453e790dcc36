"""Records are folded beside the event loop, once for whoever asks, and no further than is new."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from armslength.views.history import GrowingHistory, History
from armslength.wire.manage import RECORD, VIEW, NodeView, SealedRecord
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at


def held(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, list[int]]:
    """A fold that waits for the event; how many have begun."""
    go, begun = threading.Event(), list[int]()
    take = GrowingHistory.take

    def waiting(self: GrowingHistory, lines: tuple[str, ...]) -> History:
        begun.append(len(lines))
        assert go.wait(20)
        return take(self, lines)

    monkeypatch.setattr(GrowingHistory, "take", waiting)
    return go, begun


async def test_other_pages_answer_while_a_record_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those about the same arrangement too, where they need no history; two that need it wait for one fold."""
    owner = FoldOwner(at(9, 3))
    view = owner.answers[VIEW.name]
    assert isinstance(view, NodeView)
    owner.answers[VIEW.name] = replace(view, sealed=0)  # as the record has it
    found = Browser(owner)
    found.log_in()
    path = f"/a/{owner.arrangement}"
    go, begun = held(monkeypatch)
    waiting = [asyncio.create_task(found.get(f"{path}/{page}")) for page in ("story", "record")]
    while not begun:
        await asyncio.sleep(0.01)
    for other in ("/", f"{path}/why/T4", f"{path}/act"):
        assert (await asyncio.wait_for(found.get(other), 10)).status == 200
    assert not any(task.done() for task in waiting)
    go.set()
    assert [reply.status for reply in await asyncio.gather(*waiting)] == [200, 200]
    assert len(begun) == 1
    assert [name for name, _ in owner.asked].count(RECORD.name) == 1


async def test_a_fold_that_fails_is_not_grown_further() -> None:
    """The next page folds from the beginning, and says the same; it is no half of a record."""
    owner = FoldOwner(at(9, 3))
    found = Browser(owner)
    found.log_in()
    right = owner.answers[RECORD.name]
    assert isinstance(right, SealedRecord)
    owner.answers[RECORD.name] = SealedRecord(document=right.document, texts={}, leaves=("{}",))
    path = f"/a/{owner.arrangement}/record"
    assert (await found.get(path)).status == 400
    owner.answers[RECORD.name] = right
    assert (await found.get(path)).status == 200


async def test_whether_a_page_is_current_is_answered_without_its_history() -> None:
    """A console that is open asks every few seconds: that folds nothing and asks for no record."""
    owner = FoldOwner(at(9, 3))
    found = Browser(owner)
    found.log_in()
    path = f"/a/{owner.arrangement}"
    for page in (path, f"{path}/story"):
        html = (await found.get(page)).body.decode()
        version = html.split("have=")[1].split('"')[0]
        owner.asked.clear()
        other = Browser(owner)  # with nothing folded
        other.log_in()
        assert (await other.get(f"{page}?have={version}", hx_request="true")).status == 204
        assert RECORD.name not in [name for name, _ in owner.asked]


async def test_an_open_page_asks_for_itself_again() -> None:
    """The second page of a story, and all periods of an arrangement, are not replaced by the first ones."""
    owner = FoldOwner(at(9, 3))
    found = Browser(owner)
    found.log_in()
    html = (await found.get(f"/a/{owner.arrangement}?all=&have=old")).body.decode()
    assert f'hx-get="/a/{owner.arrangement}?all=&amp;have=' in html
    assert "have=old" not in html
    html = (await found.get(f"/a/{owner.arrangement}/why/k2%233")).body.decode()
    assert f'hx-get="/a/{owner.arrangement}/why/k2%233?have=' in html
