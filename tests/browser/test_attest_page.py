"""A monitor with nothing but a phone: a key made in the browser, statements signed there, offline too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.stage import PHONE, look, overflows, violations, watched
from tests.e2e.stage import Stage

pytestmark = pytest.mark.slow("three nodes and a browser are started, and weeks pass")


def daily(text: str) -> str:
    """The example's terms by days, with ample time to report."""
    return text.replace("period: 7d", "period: 1d").replace("report_by: 48h", "report_by: 20d")


class Phone:
    """A monitor's browser at a node's page."""

    def __init__(self, chrome: Browser) -> None:
        self.context: BrowserContext = chrome.new_context(viewport=PHONE, accept_downloads=True)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.told = watched(self.page)
        self.copy: Path | None = None

    def card(self, address: str) -> str:
        """Make a key, keep a copy of it, and show the card."""
        page = self.page
        page.goto(f"{address}/attest")
        assert violations(page) == []
        look(page, "phone-begin-390")
        page.get_by_label("Your name").fill('Inspector "Ada" #1')
        page.evaluate("dispatchEvent(new Event('online'))")  # what is typed stays
        expect(page.get_by_label("Your name")).not_to_have_value("")
        page.get_by_role("button", name="Make my key").click()
        page.get_by_label("Its passphrase").fill("correct horse battery")
        look(page, "phone-key-390")
        with page.expect_response("**/arrangements?from="):
            page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.get_by_label("Its passphrase")).to_have_value("correct horse battery")
        with page.expect_download() as got:
            page.get_by_role("button", name="Save the copy").click()
        self.copy = Path(got.value.path())
        page.get_by_text("Your card").first.wait_for()
        assert violations(page) == []
        return page.locator("pre").inner_text() + "\n"


@pytest.fixture(scope="module")
def phone(chrome: Browser) -> Iterator[Phone]:
    """The phone."""
    made = Phone(chrome)
    yield made
    made.context.close()


@pytest.fixture(scope="module")
def signed(phone: Phone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The quality arrangement by days, whose inspector is the phone."""
    folder = tmp_path_factory.mktemp("phone")
    with Stage(folder, daily, inspector=phone.card) as made:
        yield made


def imported(page: Page, copy: Path, address: str) -> None:
    """Bring the key here; another passphrase does not."""
    page.goto(f"{address}/attest/")
    page.get_by_text("I have a copy of my key").click()
    page.get_by_label("The copy").set_input_files(copy)
    page.get_by_label("Its passphrase").fill("wrong horse battery")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("alert")).to_contain_text("no copy of a key")
    page.get_by_label("Its passphrase").fill("correct horse battery")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_label("The copy")).to_have_count(0, timeout=30_000)  # from here on it is kept


def attested(stage: Stage) -> list[tuple[int, bool]]:
    """What the inspector has said on record."""
    placed = stage.json("record", node="laboratory")
    return [
        (each["body"]["period"], each["body"]["value"])
        for each in placed
        if each["author"] == "I" and each["type"] == "attest"
    ]


def test_ten_periods_are_attested_offline(phone: Phone, signed: Stage) -> None:
    """Ten days pass; the phone says nine held and one did not, without a connection, its tab is closed in between, and
    all are on record once it is back; the engine takes every one."""
    signed.clock("2027-03-11T01:00:00Z")
    page = phone.page
    page.reload()
    expect(page.get_by_role("button", name=": It held")).to_have_count(10, timeout=30_000)
    assert violations(page) == []
    assert not overflows(page)
    page.get_by_text("The exact statement").first.click()
    page.evaluate("dispatchEvent(new Event('online'))")  # it asks the node again, and stays as it is
    with page.expect_response("**/questions/**"):
        pass
    expect(page.get_by_text("false in place of true").first).to_be_visible()
    look(page, "phone-asked-390")
    page.wait_for_function("navigator.serviceWorker.controller !== null || navigator.serviceWorker.ready")
    page.reload()
    expect(page.get_by_role("button", name=": It held")).to_have_count(10, timeout=30_000)
    phone.context.set_offline(True)
    for number in range(9):
        page.get_by_role("button", name=f"{number}: It held").click()
        expect(page.get_by_role("button", name=": It held")).to_have_count(9 - number)
    page.get_by_role("button", name="9: It did not").click()
    expect(page.get_by_role("button", name=": It held")).to_have_count(0)  # it has been taken down
    page.close()  # the tab is closed before anything was sent
    phone.page = page = phone.context.new_page()
    page.goto(f"{address_of(signed)}/attest/")  # without a connection: from what the phone keeps
    expect(page.get_by_text("kept on this device")).to_have_count(10)
    look(page, "phone-offline-390")
    assert attested(signed) == []
    phone.context.set_offline(False)
    page.reload()
    signed.until("on record", lambda: len(attested(signed)) == 10)
    assert sorted(attested(signed)) == [*((number, True) for number in range(9)), (9, False)]
    page.reload()
    expect(page.get_by_text("on record")).to_have_count(10, timeout=30_000)
    look(page, "phone-said-390")


def test_the_key_cannot_be_read_out_of_the_browser(phone: Phone, signed: Stage) -> None:
    """Not by the page's own scripts either; and a copy brings it back in another browser, which goes on where the first
    one stopped."""
    page = phone.page
    read = """async () => {
        const { get } = await import('./store.js');
        const me = await get('identity', 'me');
        try { await crypto.subtle.exportKey('pkcs8', me.entries.secret); return 'read'; }
        catch (error) { return error.name; }
    }"""
    assert page.evaluate(read) == "InvalidAccessError"
    assert phone.copy is not None
    context = page.context.browser.new_context(viewport=PHONE)  # type: ignore[union-attr, arg-type]
    other = context.new_page()
    imported(other, phone.copy, address_of(signed))
    signed.clock("2027-03-12T01:00:00Z")
    other.reload()
    other.get_by_role("button", name="10: It held").click()
    signed.until("on record", lambda: (10, True) in attested(signed))
    assert [said for said in phone.told if "ERR_INTERNET_DISCONNECTED" not in said] == []
    context.close()


def hiding(route: Route) -> None:
    """A node that shows nothing of what a monitor has said."""
    answer = route.fetch()
    told = json.loads(answer.text())
    told.pop("included", None)
    told.update({each: [] for each in ("waiting", "refusals") if each in told})
    route.fulfill(response=answer, body=json.dumps(told))


def test_a_copy_sends_nothing_before_all_were_asked(chrome: Browser, phone: Phone, signed: Stage) -> None:
    """At a node that hides everything, while another one is down: what is said is kept, and who is silent is named.
    Once all have answered it goes on after what was said elsewhere: no number twice."""
    assert phone.copy is not None
    context = chrome.new_context(viewport=PHONE, service_workers="block")  # type: ignore[arg-type]
    for path in ("head", "own"):
        context.route(f"{address_of(signed)}/armslength/1/{path}/**", hiding)
    page = context.new_page()
    imported(page, phone.copy, address_of(signed))
    signed.clock("2027-03-13T01:00:00Z")
    before = attested(signed)
    signed.nodes["supplier"].kill()
    page.reload()
    page.get_by_role("button", name="11: It held").click()
    told = page.get_by_role("status").filter(has_text="brought here")
    expect(told).to_contain_text(str(signed.json("card", node="supplier")["address"]), timeout=30_000)
    expect(told).not_to_contain_text(str(signed.json("card", node="buyer")["address"]))
    assert page.get_by_role("button", name="Go on without them").count() == 0
    expect(page.get_by_text("Day 8: held (said elsewhere, as this node shows it)")).to_be_visible()
    assert violations(page) == []
    look(page, "phone-unsettled-390")
    assert attested(signed) == before
    signed.up("supplier")
    page.reload()
    expect(page.get_by_text("Day 11: held (on record)")).to_be_visible(timeout=60_000)
    expect(told).to_have_count(0)
    look(page, "phone-imported-390")
    assert (11, True) in attested(signed)
    context.unroute_all(behavior="ignoreErrors")
    context.close()


def test_what_a_node_serves_is_compared_with_the_program(signed: Stage) -> None:
    """`page` says that it is the very same."""
    told = signed.ok("page", address_of(signed), "--development")
    assert "serves this very page" in told


def address_of(stage: Stage) -> str:
    """The laboratory's address."""
    return str(stage.json("card", node="laboratory")["address"])
