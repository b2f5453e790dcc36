"""Every page, small and large, light and dark; by keyboard; without scripts; and what a page shows by itself."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stage import console, everywhere, violations, watched
from tests.e2e.stage import PROGRAM, Stage

pytestmark = pytest.mark.slow("three nodes, a console and a browser are started")

PAGES = {
    "home": "/",
    "arrangements": "/arrangements",
    "arrangement": "/a/{}",
    "why": "/a/{}/why/R1",
    "act": "/a/{}/act",
    "attest": "/a/{}/attest",
    "files": "/a/{}/files",
    "story": "/a/{}/story",
    "record": "/a/{}/record",
    "entry": "/a/{}/record/3",
    "evidence": "/a/{}/evidence?verify=1",
    "terms": "/terms/{}",
    "inbox": "/inbox",
    "write": "/write?from={}",
    "new": "/new",
    "rehearse": "/rehearse",
    "rehearse-from": "/rehearse?from={}",
    "new-template": "/new/coordinated-disclosure",
    "approvals": "/approvals",
    "journal": "/approvals/journal",
    "settings": "/settings",
}


def test_every_page_is_well_made(page: Page, stage: Stage) -> None:
    """axe finds nothing, nothing is wider than the window, no script fails, and the policy stops nothing of ours."""
    told = watched(page)
    origin = page.url.rstrip("/")
    tranche = stage.json("status", node="buyer")["tranches"][0]["id"]
    for name, path in PAGES.items():
        address = origin + path.format(stage.hash).replace("R1", tranche)
        everywhere(page, name, lambda address=address: page.goto(address))  # type: ignore[misc]
    assert told == []


def test_other_people_of_this_machine_learn_nothing_that_lets_them_in(
    chrome: Browser, stage: Stage, tmp_path: Path
) -> None:
    """What a browser is started with, which everybody sees, is a file that its owner alone reads; it leads in, and
    goes with the console. And no other server of the machine gets the console's cookie."""
    told, script = tmp_path / "told", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$@" >{told}\n')
    script.chmod(0o700)
    line = [PROGRAM, "console", "--json", "--node", stage.folder / "buyer"]
    got: list[str | None] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.headers.get("cookie"))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ExitStack() as ending:
        started = Popen(line, stdout=PIPE, text=True, env={**os.environ, "BROWSER": str(script)})
        process = ending.enter_context(started)
        ending.callback(process.terminate)
        assert process.stdout is not None
        key = json.loads(process.stdout.readline())["url"].partition("key=")[2]
        stage.until("a browser is started", told.exists)
        (address,) = told.read_text().split()
        assert address.startswith("file://")
        assert key not in address
        file = Path(address.removeprefix("file://"))
        assert file.stat().st_mode & 0o777 == 0o600
        context = chrome.new_context()
        ending.callback(context.close)
        page = context.new_page()
        page.goto(address)
        page.wait_for_url("http://127.0.0.1:*/*/")
        expect(page.get_by_text("You are")).to_be_visible()
        assert context.cookies()[0]["name"].startswith("armslength-")
        server = ending.enter_context(HTTPServer(("127.0.0.1", 0), Other))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ending.callback(server.shutdown)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        assert got[0] is None
    assert not file.exists()


def test_settings_show_the_card_and_say_what_is_not_configured(page: Page) -> None:
    """Nobody is told anything, and there is no calendar: with the reason."""
    origin = page.url.rstrip("/")
    page.goto(f"{origin}/settings")
    assert (
        "\n  entries: " in page.get_by_label("Identity card").inner_text()
    )  # as it is copied: YAML lives by its spaces
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Nobody is told anything")).to_be_visible()
    assert violations(page) == []
    page.goto(f"{origin}/settings")
    page.get_by_role("button", name="Make a new address").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no calendar")


RECORDED = """
const Real = Notification;
window.told = [];
window.Notification = class extends Real {
  constructor(title, options) { super(title, options); window.told.push([title, options.body]); }
};
"""


def test_the_desktop_says_that_something_is_new_and_not_what(chrome: Browser, stage: Stage) -> None:
    """At a node's console and at a monitor's: nothing until the button is pressed, and nothing once it is pressed
    again; of what has come to be asked no word leaves the page."""
    with ExitStack() as stack:
        pages = []
        for node in ("laboratory", "inspector"):
            context = chrome.new_context(permissions=["notifications"])
            stack.callback(context.close)
            page = context.new_page()
            page.add_init_script(RECORDED)
            told = watched(page)
            page.goto(stack.enter_context(console(stage, node)))
            assert page.evaluate("window.told") == []
            page.get_by_role("button", name="Tell me on this desktop").click()
            expect(page.locator("#desktop [role=status]")).to_contain_text("While this page is open")
            pages.append((page, told))
        stage.clock("2027-03-15T01:00:00Z")  # the second week can be attested
        for page, told in pages:
            expect(page.get_by_role("link", name="Attest whether quality")).to_be_visible(timeout=30_000)
            assert page.evaluate("window.told")[1:] == [["Armslength", "Something new waits for you."]]
            page.reload()
            page.get_by_role("button", name="Do not tell me").click()
            assert page.evaluate("localStorage.getItem('armslength-desktop')") == "off"
            assert not violations(page)
            assert told == []


def test_what_happens_is_shown_without_reload(page: Page, stage: Stage) -> None:
    """A page that stays open tells what has changed meanwhile."""
    page.goto(f"{page.url.rstrip('/')}/a/{stage.hash}")
    before = page.locator("#live").inner_text()
    stage.ok("withdraw", node="supplier")
    expect(page.locator("#live")).not_to_have_text(before, timeout=20_000)


def test_it_works_without_scripts(chrome: Browser, stage: Stage) -> None:
    """The link, the pages, and the way out."""
    with console(stage, "buyer") as link:
        context = chrome.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(link)
        page.get_by_role("link", name="Arrangements").click()
        page.locator("tbody a").first.click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        context.close()


def test_by_keyboard(page: Page) -> None:
    """The first stop leads past the navigation to the content."""
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_name_leads_to_what_its_bearer_has_kept(page: Page, stage: Stage) -> None:
    """From an arrangement's page; each line names the entries on which it rests, and leads to them."""
    page.goto(f"{page.url.rstrip('/')}/a/{stage.hash}")
    page.get_by_role("region", name="People").get_by_role("link", name="Supplier").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("has kept")
    everywhere(page, "counterparty", lambda: None)
    page.get_by_role("link", name="Entry").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Entry")
