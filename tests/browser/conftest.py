"""One browser and three nodes for the tests of a module: what they do is seen by the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache

import pytest
from playwright.sync_api import Browser, Page, StorageState

from tests.browser.stage import browser, console
from tests.e2e.stage import NODES, Stage


@dataclass(frozen=True)
class Login:
    """Where a console is, and what the browser of somebody who has logged in there keeps of it."""

    home: str
    cookies: StorageState


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


@pytest.fixture(scope="module")
def logged_in(chrome: Browser, stage: Stage) -> Iterator[Callable[[str], Login]]:
    """A node's console, where somebody has logged in by its link, which works once; kept for the module's tests."""
    with ExitStack() as stack:

        @cache
        def login(node: str) -> Login:
            link = stack.enter_context(console(stage, node))
            with chrome.new_context() as context:
                made = context.new_page()
                made.goto(link)
                return Login(made.url, context.storage_state())

        yield login


@pytest.fixture
def at_console(chrome: Browser, stage: Stage, logged_in: Callable[[str], Login]) -> Iterator[Callable[[str], Page]]:
    """Opens a page of a folder's console, logged in. That of a monitor ends with the test: while it is open no command
    speaks for the monitor."""
    with ExitStack() as stack:

        def opened(node: str) -> Page:
            if node in NODES:
                login = logged_in(node)
                context = stack.enter_context(chrome.new_context(storage_state=login.cookies))
                made = context.new_page()
                made.goto(login.home)
                return made
            link = stack.enter_context(console(stage, node))
            made = stack.enter_context(chrome.new_context()).new_page()
            made.goto(link)
            return made

        yield opened


@pytest.fixture
def page(at_console: Callable[[str], Page]) -> Page:
    """A page of the buyer's console."""
    return at_console("buyer")
