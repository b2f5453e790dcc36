"""What people do at the console is what the command line would have done."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import PIPE, STDOUT, Popen
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stage import console, everywhere
from tests.e2e.stage import PROGRAM, Stage

pytestmark = pytest.mark.slow("three nodes, consoles and a browser are started")

Console = Callable[[str], Page]


def test_a_monitor_attests_with_one_tap(at_console: Console, stage: Stage) -> None:
    """The laboratory is asked about the weeks that are over, says so, and sees that its word counted."""
    stage.clock("2027-03-22T01:00:00Z")
    page = at_console("laboratory")
    address = f"{page.url.rstrip('/')}/a/{stage.hash}/attest"
    everywhere(page, "attest-asked", lambda: page.goto(address))
    page.get_by_role("button", name="It held week 2").click()
    expect(page.get_by_role("status")).to_contain_text("signed and placed on record")
    expect(page.get_by_role("row", name="week 2")).to_contain_text("held (counted)")
    said = [each for each in stage.json("record", node="laboratory") if each["type"] == "attest"]
    assert said[-1]["body"] == {"claim": "quality", "period": 2, "value": True}


def test_what_may_not_be_said_bears_the_engine_s_reason(at_console: Console, stage: Stage) -> None:
    """The buyer may allege and withdraw; resuming is not there while nothing is suspended."""
    page = at_console("buyer")
    everywhere(page, "act-open", lambda: page.goto(f"{page.url.split('/a/')[0].rstrip('/')}/a/{stage.hash}/act"))
    page.locator("summary", has_text="Give notice of withdrawal").click()
    form = page.locator("details", has_text="Give notice of withdrawal")
    form.get_by_label("In your words").fill('Enough <b>of</b> "this"')
    form.get_by_role("button", name="Give notice of withdrawal").click()
    expect(page.get_by_role("status")).to_contain_text("1 statement signed and placed on record")
    page.goto(f"{page.url.rstrip('/')}/act")
    expect(page.get_by_text("Not now")).to_be_visible()
    expect(page.locator("li", has_text="Give notice of withdrawal")).to_be_visible()


def test_a_monitor_without_a_node_has_a_console(at_console: Console, stage: Stage) -> None:
    """Its home says what waits; it attests there, and sees the record that the nodes show."""
    stage.clock("2027-03-22T01:00:00Z")
    page = at_console("inspector")
    home = page.url
    everywhere(page, "monitor-home", lambda: page.goto(home))
    page.get_by_role("link", name="Go there").first.click()
    page.get_by_role("button", name="It held week 2").click()
    expect(page.get_by_role("status")).to_contain_text("signed and placed on record")
    page.get_by_role("link", name="Story").click()
    expect(page.get_by_role("heading", name="Lives")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    everywhere(page, "monitor-settings", page.reload)
    expect(page.get_by_text("answers.")).to_be_visible()
    assert "did:" in page.get_by_label("Identity card").inner_text()
    page.get_by_label("Address of mail").fill("inspector@example.org")
    page.get_by_role("button", name="Remind me").click()
    expect(page.get_by_role("heading", name="Reminders")).to_be_visible()


def test_a_monitor_s_folder_speaks_with_one_voice(chrome: Browser, stage: Stage) -> None:
    """Commands in the folder of a monitor whose console runs, and several at once without it: one process alone signs,
    the others are told why not, and nothing is signed twice."""
    stage.clock("2027-03-29T01:00:00Z")

    def attest(*said: str) -> list[Popen[str]]:
        line = [str(PROGRAM), "attest", "--node", str(stage.folder / "inspector")]
        return [Popen([*line, *each.split()], stdout=PIPE, stderr=STDOUT, text=True) for each in said]

    def own() -> list[dict[str, Any]]:
        return [each for each in stage.json("record", node="laboratory") if each["author"] == "I"]

    def outcome(process: Popen[str]) -> int:
        told, _ = process.communicate()
        assert process.returncode == 0 or "a console, a command) has this database open" in told
        return process.returncode

    with console(stage, "inspector") as link, chrome.new_context() as context:
        page = context.new_page()
        page.goto(link)
        page.goto(f"{page.url.rstrip('/')}/a/{stage.hash}/attest")
        shell = attest("quality#3 --true", "quality#3 --false")
        page.get_by_role("button", name="It held week 3").click()
        expect(page.get_by_role("status")).to_contain_text("signed and placed on record")
        assert [outcome(each) for each in shell] == [2, 2]
    last = own()[-1]
    correction = f"quality#3 --false --supersedes {last['entry']}"
    assert 0 in [outcome(each) for each in attest(correction, correction, correction)]
    stage.ok("attest", *correction.split(), node="inspector")
    words = [(each["body"]["period"], each["body"]["value"]) for each in own() if each["type"] == "attest"]
    assert words == [(0, True), (2, True), (3, True), (3, False)]
    assert not [each for each in stage.json("record", node="laboratory") if each["type"] == "evidence"]
