"""One browser and three nodes for the tests of a module: what they do is seen by the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.stage import browser, console
from tests.e2e.stage import Stage


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """The browser. While it is open its library has an event loop running, in which no asynchronous test can run."""
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def stage(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The quality arrangement between a supplier, a buyer and a laboratory, its first week over."""
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        made.clean_week()
        made.ok("wait", node="buyer")
        yield made


@pytest.fixture
def at_console(chrome: Browser, stage: Stage) -> Iterator[Callable[[str], Page]]:
    """Opens a page of a folder's console, logged in by its link."""
    with ExitStack() as stack:

        def opened(node: str) -> Page:
            link = stack.enter_context(console(stage, node))
            context = chrome.new_context()
            stack.callback(context.close)
            made = context.new_page()
            made.goto(link)
            return made

        yield opened


@pytest.fixture
def page(at_console: Callable[[str], Page]) -> Page:
    """A page of the buyer's console."""
    return at_console("buyer")
