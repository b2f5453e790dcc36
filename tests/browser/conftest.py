"""One browser and one stage of three nodes for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.stage import browser, console
from tests.e2e.stage import Stage


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """The browser."""
    with browser() as made:
        yield made


@pytest.fixture(scope="session")
def stage(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The quality arrangement between a supplier, a buyer and a laboratory, its first week over."""
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        made.clean_week()
        made.ok("wait", node="buyer")
        yield made


@pytest.fixture
def page(chrome: Browser, stage: Stage) -> Iterator[Page]:
    """A page of the buyer's console, logged in by its link."""
    with console(stage, "buyer") as link:
        context = chrome.new_context()
        made = context.new_page()
        made.goto(link)
        yield made
        context.close()
