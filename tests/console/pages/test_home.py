"""Home with many arrangements: it waits for no one, and shows what is soonest."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from armslength.console import gathering
from armslength.wire.manage import Verb
from armslength.wire.news import TODAY, TodayView
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at

A = TypeVar("A")


class SlowOwner(FoldOwner):
    """An owner whose node takes its time to say what waits."""

    def __init__(self, time: int, me: str) -> None:
        super().__init__(time, me)
        self.ready = asyncio.Event()

    async def ask(self, verb: Verb[Any, A], asked: object) -> A:
        """The same, late."""
        found = await super().ask(verb, asked)
        if verb.name == TODAY.name:
            await self.ready.wait()
        return found


async def test_home_does_not_wait_until_all_is_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, asks again by itself, and the node is asked once."""
    monkeypatch.setattr(gathering, "PATIENCE_S", 0.05)
    owner = SlowOwner(at(22, 8), "m1")
    found = Browser(owner)
    found.log_in()
    for _ in range(3):
        page = (await found.get("/")).body.decode()
        assert "is being gathered" in page
        assert 'hx-trigger="load delay' in page
    assert (await found.get("/?have=some", hx_request="true")).status == 204  # what is shown stays
    assert [name for name, _ in owner.asked].count(TODAY.name) == 1
    owner.ready.set()
    assert "/attest" in (await found.get("/")).body.decode()


async def test_hundreds_of_tasks_are_shown_page_by_page() -> None:
    """The soonest first; nothing is left out over all pages, and none is large."""
    owner = FoldOwner(at(22, 8), "m1")
    today = owner.answers[TODAY.name]
    assert isinstance(today, TodayView)
    many = [replace(today.asked[0], text=f"task {number:04}.") for number in range(1000)]
    owner.answers[TODAY.name] = replace(today, asked=tuple(many))
    found = Browser(owner)
    found.log_in()
    seen, path = list[str](), "/"
    while path:
        page = (await found.get(path)).body.decode()
        assert len(page) < 100_000
        seen += [word[:4] for word in page.split("<strong>task ")[1:]]
        path = page.split('">More that waits')[0].rpartition('href="')[2] if "More that waits" in page else ""
    assert seen == [f"{number:04}" for number in range(1000)]
