"""Terms written in the browser: from a template's questions to a proposal that the others can read."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import everywhere, watched
from tests.e2e.stage import Stage

pytestmark = pytest.mark.slow("three nodes, consoles and a browser are started")


def test_terms_from_a_template_to_a_proposal(at_console: Callable[[str], Page], stage: Stage) -> None:
    """The supplier reports a weakness to the buyer, before the laboratory: cards are pasted, the text is changed while
    its meaning renews itself beside, and the buyer finds it in its inbox."""
    supplier = at_console("supplier")
    told = watched(supplier)
    supplier.get_by_role("link", name="Templates").click()
    supplier.get_by_role("link", name="Coordinated disclosure with an embargo").click()
    supplier.get_by_label("Which of them are you").select_option("finder")
    supplier.get_by_label("Whose product is it?").fill(stage.ok("card", node="buyer"))
    card = {"name": "laboratory.yaml", "mimeType": "text/yaml", "buffer": stage.ok("card", node="laboratory").encode()}
    supplier.get_by_label("The card of coordinator as a file").set_input_files(card)  # type: ignore[arg-type]
    supplier.get_by_label("Which product is affected?").fill("Frob 3.1")
    supplier.get_by_label("On which day does it start?").fill("2027-06-01")
    supplier.get_by_label("How long does the embargo last at most?").fill("5d")
    supplier.get_by_role("button", name="Write the terms").click()
    expect(supplier.get_by_text("must be at least 30d")).to_be_visible()
    assert "entries:" in supplier.get_by_label("4. Who coordinates").input_value()
    assert supplier.get_by_label("Which product is affected?").input_value() == "Frob 3.1"
    everywhere(supplier, "new-refused", lambda: None)
    supplier.get_by_label("How long does the embargo last at most?").fill("45d")
    supplier.get_by_role("button", name="Write the terms").click()
    side = supplier.locator("#side")
    expect(side).to_contain_text("can be proposed")
    everywhere(supplier, "write-from-template", lambda: None)
    editor = supplier.get_by_label("The terms", exact=True)
    text = editor.input_value()
    assert "45 days" in text
    editor.fill(text.replace("title: ", "titel: ", 1))
    expect(side).to_contain_text("titel")
    expect(supplier.get_by_role("button", name="Propose to the others")).to_have_count(0)
    editor.fill(text.replace("suspension: {limit: 21d}", "suspension: {limit: 20d}"))
    expect(side).to_contain_text("can be proposed")
    expect(side).to_contain_text("20 days")
    supplier.get_by_role("button", name="Propose to the others").click()
    expect(supplier.get_by_role("status")).to_contain_text("Proposed", timeout=30_000)
    assert not [each for each in told if "422" not in each]
    buyer = at_console("buyer")
    buyer.goto(f"{buyer.url.rstrip('/')}/inbox")
    expect(buyer.get_by_role("heading", name="Coordinated disclosure: Frob 3.1")).to_be_visible()


def test_a_file_is_taken_into_the_editor(at_console: Callable[[str], Page]) -> None:
    """And checked at once, without scripts as well."""
    page = at_console("buyer")
    page.goto(f"{page.url.rstrip('/')}/write")
    page.get_by_label("A file with terms").set_input_files(
        {"name": "terms.yaml", "mimeType": "text/yaml", "buffer": b"title: Half\n"}
    )
    page.get_by_role("button", name="Take this file").click()
    expect(page.get_by_label("The terms", exact=True)).to_have_value("title: Half\n")
    expect(page.locator("#side")).to_contain_text("parties")


def test_what_could_happen_is_played(at_console: Callable[[str], Page], stage: Stage) -> None:
    """From a template's terms: the script that comes with them, the slider, silence from there on, and the worst."""
    page = at_console("supplier")
    told = watched(page)
    page.goto(f"{page.url.rstrip('/')}/new/coordinated-disclosure")
    for number, who in enumerate(("supplier", "buyer", "laboratory")):
        card = {"name": "card.yaml", "mimeType": "text/yaml", "buffer": stage.ok("card", node=who).encode()}
        page.locator("input[type=file]").nth(number).set_input_files(card)  # type: ignore[arg-type]
    page.get_by_role("button", name="Write the terms").click()
    page.get_by_role("button", name="Play what could happen").click()
    expect(page.get_by_role("status")).to_contain_text("and all hold", timeout=60_000)
    everywhere(page, "rehearse-played", lambda: None)
    slider = page.get_by_role("slider")
    states = page.locator("#states")
    expect(states).to_contain_text("COMPLETED", timeout=60_000)
    slider.focus()
    page.keyboard.press("Home")
    expect(states).not_to_contain_text("COMPLETED")
    expect(page.locator("#played-lines > li:visible")).to_have_count(1)
    page.get_by_role("button", name="And then nobody speaks").click()
    expect(page.get_by_label("The script")).to_have_value(re.compile("nobody speaks from"), timeout=60_000)
    page.get_by_label("Scripts that come with").select_option("A vendor that falls silent")
    page.get_by_role("button", name="Play this one").click()
    expect(page.get_by_role("status")).to_contain_text("and all hold", timeout=60_000)
    page.get_by_role("button", name="What can happen at worst").click()
    expect(page.get_by_role("heading", name="What can happen at worst")).to_be_visible(timeout=60_000)
    everywhere(page, "explored", lambda: None)
    page.get_by_role("button", name="Play the worst for buyer").click()
    expect(page.get_by_role("slider")).to_be_visible(timeout=60_000)
    assert told == []
