"""A real browser at real consoles of real nodes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.stage import PROGRAM, Stage

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
ROOT = Path(__file__).parents[2]
AXE = Axe()
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """The browser, if there is one: on the machine, or among the services that .ci/services has unpacked."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    unpacked = ROOT / ".services" / "usr" / "bin" / "chromium"
    return found or (str(unpacked) if unpacked.exists() else None)


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, without a window. The test is skipped where there is none."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium here: .ci/services brings it")
    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield made
        finally:
            made.close()


@contextmanager
def console(stage: Stage, node: str) -> Iterator[str]:
    """The console of a folder of the stage, by the real command; its link."""
    line = [str(PROGRAM), "console", "--no-browser", "--json", "--node", str(stage.folder / node)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait()


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page, one line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.axe_script)
    found: list[dict[str, Any]] = page.evaluate('axe.run({resultTypes: ["violations"]})')["violations"]
    return [f"{each['id']}: {each['help']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def overflows(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def watched(page: Page) -> list[str]:
    """What goes wrong in a page from now on: errors of scripts, and what the policy has stopped."""
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", lambda said: told.append(said.text) if said.type in {"error", "warning"} else None)
    return told


def look(page: Page, name: str) -> None:
    """Keep a picture of the page, where the environment names a folder for them."""
    folder = os.environ.get("ARMSLENGTH_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def everywhere(page: Page, name: str, visit: Callable[[], object]) -> None:
    """Look at a page small and light, large and dark: nothing wrong for axe, nothing wider than the window. It is
    loaded once, as on a phone."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    visit()
    for size, label, scheme in ((PHONE, "390", "light"), (DESK, "1440", "dark")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        wrong = violations(page)
        assert not wrong, f"{name}, {label}, {scheme}:\n" + "\n".join(wrong)
        assert not overflows(page), (name, label)
        look(page, f"{name}-{label}-{scheme}")
