"""Two officials of three at the console, each at a browser of its own, with keys that stay there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stage import console, everywhere, violations, watched
from tests.e2e.stage import WEEK, Stage

pytestmark = pytest.mark.slow("three nodes, three consoles and three browsers are started")

NAMES = {"vera": "Vera Holm", "ivo": "Ivo Lund", "kaja": "Kaja Berg"}
RULE = "{quorum: 2, of: [vera, ivo, kaja]}"
POLICY = f"""
officials: {{vera: vera.yaml, ivo: ivo.yaml, kaja: kaja.yaml}}
acts: {{sign: {RULE}, withdraw: {RULE}, release: {RULE}, propose: {RULE}, policy: {RULE}}}
"""


class Official:
    """One official: a browser at a console of the buyer's node."""

    def __init__(self, page: Page, link: str, name: str) -> None:
        self.page, self.name = page, name
        page.goto(link)
        self.origin = page.url.rstrip("/")

    def key(self, file: Path | None) -> str:
        """Make a key here, or read it from its file; the card."""
        self.page.goto(f"{self.origin}/approvals")
        if file is None:
            self.page.get_by_label("Your name").fill(self.name)
            self.page.get_by_role("button", name="Make a key").click()
        else:
            self.page.get_by_label("Or use a key file").set_input_files(file)
        card = self.page.locator(".key-card")
        expect(card).to_contain_text("did:key:z")
        return card.inner_text()

    def ask(self, why: str) -> None:
        """On the page where one asks: draft it, and sign that one asks."""
        self.page.get_by_label("Why").fill(why)
        self.page.get_by_role("button", name="Draft it").click()
        expect(self.page.get_by_label("Message to sign: ask")).to_contain_text("armslength/approval/1")
        self.page.get_by_role("button", name="Sign and ask").click()
        expect(self.page.get_by_role("status").first).to_contain_text("Asked.")

    def say(self, word: str) -> None:
        """Decide on the only draft that waits."""
        self.page.goto(f"{self.origin}/approvals")
        self.page.get_by_role("link", name="Read and decide").click()
        self.page.get_by_role("button", name=word).click()

    def begin_to_leave(self, arrangement: str, why: str) -> None:
        """Ask for a notice of withdrawal."""
        self.page.goto(f"{self.origin}/a/{arrangement}/act")
        self.page.locator("summary", has_text="Give notice of withdrawal").click()
        self.page.get_by_role("button", name="Give notice of withdrawal").click()
        self.ask(why)


@pytest.fixture(scope="module")
def agreed(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, dict[str, Official]]]:
    """The quality arrangement, and three officials at the buyer's, whose policy wants two of them."""
    folder = tmp_path_factory.mktemp("officials")
    notify = {"buyer": "\n[notify]\ncalendar = true\n"}
    with Stage(folder, settings=notify) as stage, ExitStack() as stack:
        found = {}
        kaja = folder / "kaja.key"
        stage.ok("approvals", "key", kaja, "--name", NAMES["kaja"])
        for name, full in NAMES.items():
            context = chrome.new_context()
            stack.callback(context.close)
            found[name] = Official(context.new_page(), stack.enter_context(console(stage, "buyer")), full)
            card = found[name].key(kaja if name == "kaja" else None)
            text = card if "name:" in card else f"name: {full}\n{card}"
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
        stage.ok("approvals", "policy", folder / "policy.yaml", node="buyer")
        yield stage, found


def signers(stage: Stage, arrangement: str) -> list[str]:
    """Who has signed, as the keeper sees it."""
    found = stage.json("record", "--arrangement", arrangement, node="laboratory")
    return [each["author"] for each in found if each["type"] == "sign"]


def test_two_of_three_sign_and_a_third_ends_a_draft(agreed: tuple[Stage, dict[str, Official]]) -> None:
    """Vera asks, and her word is not enough; with Ivo's nothing leaves; with Kaja's it is signed. Another draft ends by
    an objection. The journal tells all of it, and its export verifies."""
    stage, officials = agreed
    vera, ivo, kaja = officials.values()
    told = [watched(each.page) for each in officials.values()]
    terms = stage.folder / "terms" / "again.yaml"
    text = (stage.folder / "terms" / "arrangement.yaml").read_text(encoding="utf-8")
    terms.write_text(text.replace("title: ", "title: Again, ", 1), encoding="utf-8")
    other = stage.json("propose", terms, "--node", stage.folder / "supplier")["arrangement"]
    stage.ok("accept", other, node="laboratory")

    vera.page.goto(f"{vera.origin}/terms/{other}")
    expect(vera.page.get_by_text("Needs approval:").first).to_be_visible()
    vera.page.get_by_role("button", name="Sign", exact=True).click()
    everywhere(vera.page, "ask", lambda: vera.page.goto(f"{vera.origin}/approvals/ask"))
    vera.ask("the board has agreed")
    everywhere(vera.page, "approvals", lambda: vera.page.goto(f"{vera.origin}/approvals"))
    vera.say("Approve")  # whoever asks does not count
    expect(vera.page.get_by_role("alert")).to_contain_text("approve")
    ivo.say("Approve")
    expect(ivo.page.get_by_role("status").first).to_contain_text("in the journal")
    everywhere(ivo.page, "draft", lambda: ivo.page.goto(ivo.page.url))
    assert "B" not in signers(stage, other)
    kaja.say("Approve")
    expect(kaja.page.get_by_role("status").first).to_contain_text("signed and placed on record")
    stage.until("signed", lambda: "B" in signers(stage, other))

    stage.clock(WEEK)
    vera.begin_to_leave(stage.hash, "we are leaving")
    kaja.say("Object")
    ivo.page.goto(f"{ivo.origin}/approvals")
    expect(ivo.page.get_by_text("Nothing waits for approval.")).to_be_visible()
    expect(ivo.page.get_by_text("Ended: an official has objected.")).to_be_visible()
    everywhere(ivo.page, "journal", lambda: ivo.page.goto(f"{ivo.origin}/approvals/journal"))
    body = ivo.page.locator("tbody")
    for said in ("policy adopted", "asked for: Sign terms", "approved", "objected", "done"):
        expect(body).to_contain_text(said)
    with ivo.page.expect_download() as got:
        ivo.page.get_by_role("link", name="Download the journal").click()
    journal = stage.folder / "journal"
    journal.mkdir()
    (journal / "journal.jsonl").write_bytes(Path(got.value.path()).read_bytes())
    assert "HOLDS" in stage.ok("approvals", "verify", journal)
    assert [line for each in told for line in each if "403" not in line and "409" not in line] == []


def test_a_decision_is_taken_in_from_elsewhere(agreed: tuple[Stage, dict[str, Official]]) -> None:
    """Without scripts: the draft is downloaded, signed by the command, and its decision handed in."""
    stage, officials = agreed
    vera, ivo, _ = officials.values()
    vera.begin_to_leave(stage.hash, "once more")
    with vera.page.expect_download() as got:
        vera.page.get_by_role("link", name="Download the draft").click()
    draft, decision = stage.folder / "draft.json", stage.folder / "decision.json"
    draft.write_bytes(Path(got.value.path()).read_bytes())
    stage.ok("approvals", "object", draft, "--key", stage.folder / "kaja.key", "--out", decision)
    ivo.page.goto(f"{ivo.origin}/approvals")
    ivo.page.locator("summary", has_text="A decision from elsewhere").click()
    ivo.page.get_by_label("Decision").set_input_files(decision)
    ivo.page.get_by_role("button", name="Hand it in").click()
    expect(ivo.page.get_by_text("Ended: an official has objected.").first).to_be_visible()
    text = (stage.folder / "terms" / "arrangement.yaml").read_text(encoding="utf-8")
    (stage.folder / "terms" / "third.yaml").write_text(text.replace("title: ", "title: Third, ", 1), encoding="utf-8")
    told = stage.json("propose", stage.folder / "terms" / "third.yaml", "--as", stage.folder / "kaja.key", node="buyer")
    name, read = told["draft"]["hash"], stage.folder / "read.yaml"
    stage.ok("approvals", "show", name[:12], "--terms", read, node="buyer")
    assert "Third, Test results for forecasts" in read.read_text(encoding="utf-8")
    everywhere(ivo.page, "drafted-terms", lambda: ivo.page.goto(f"{ivo.origin}/approvals/{name}/terms"))
    stage.ok("approvals", "object", name, "--key", stage.folder / "kaja.key", node="buyer")
    assert "withdraw" not in {each["type"] for each in stage.json("record", "--arrangement", stage.hash, node="buyer")}


def test_the_calendar_has_an_address_until_it_is_revoked(agreed: tuple[Stage, dict[str, Official]]) -> None:
    """Made, shown, and gone, in the settings."""
    official = agreed[1]["ivo"]
    for button, told in (
        ("Make a new address", "Subscribe to this address"),
        ("Show the calendar's address", "Subscribe to this address"),
        ("Revoke it", "There is no address"),
    ):
        official.page.goto(f"{official.origin}/settings")
        official.page.get_by_role("button", name=button).click()
        expect(official.page.get_by_role("status")).to_contain_text(told)
        assert violations(official.page) == []


CHANGED = """
officials:
  ivo: %s
  kaja: %s
acts:
  withdraw: {quorum: 1, of: [ivo, kaja]}
  policy: {quorum: 1, of: [ivo, kaja]}
"""


def test_another_policy_takes_out_an_official_while_a_draft_waits(agreed: tuple[Stage, dict[str, Official]]) -> None:
    """The two are read beside each other; with the approvals that the one in force needs the other takes effect. What
    waited has ended, a word that was given for it comes again in vain, and whoever is taken out gets nothing done; nor
    does whoever asks alone. The node is killed while the last word comes in: what is approved is done, once."""
    stage, officials = agreed
    vera, ivo, kaja = officials.values()
    vera.begin_to_leave(stage.hash, "we are leaving now")
    words = list[tuple[str, str]]()
    ivo.page.on(
        "request", lambda sent: words.append((sent.url, sent.post_data or "")) if sent.method == "POST" else None
    )
    ivo.say("Approve")
    expect(ivo.page.get_by_role("status").first).to_contain_text("in the journal")
    everywhere(ivo.page, "standing", lambda: ivo.page.goto(f"{ivo.origin}/approvals/standing"))

    cards = [(stage.folder / f"{name}.yaml").read_text(encoding="utf-8") for name in ("ivo", "kaja")]
    inline = [f"{{name: {NAMES[name]}, keys: [{card.split('- ')[1].strip()}]}}"
              for name, card in zip(("ivo", "kaja"), cards, strict=True)]  # fmt: skip
    kaja.page.goto(f"{kaja.origin}/approvals/policy")
    kaja.page.get_by_label("The policy, in YAML").fill("officials: {}\nacts: {sing: {quorum: 1, of: []}}")
    kaja.page.get_by_role("button", name="Compare").click()
    expect(kaja.page.get_by_role("alert")).to_contain_text("is no act")

    def compare() -> None:
        kaja.page.goto(f"{kaja.origin}/approvals/policy")
        kaja.page.get_by_label("The policy, in YAML").fill(CHANGED % tuple(inline))
        kaja.page.get_by_role("button", name="Compare").click()

    everywhere(kaja.page, "policy", compare)
    expect(kaja.page.get_by_text("Official vera")).to_be_visible()
    expect(kaja.page.locator("#effect + p")).to_contain_text("2 of Vera Holm, Ivo Lund, Kaja Berg")
    kaja.page.get_by_role("button", name="Ask for this policy").click()
    kaja.ask("Vera has left")
    change = kaja.page.url
    everywhere(kaja.page, "policy-draft", lambda: kaja.page.goto(change))
    for each in (ivo, vera):
        each.page.goto(f"{each.origin}{change.removeprefix(kaja.origin)}")
        each.page.get_by_role("button", name="Approve").click()
        expect(each.page.get_by_role("status").first).to_contain_text("in the journal")
    vera.page.goto(f"{vera.origin}/approvals")
    expect(vera.page.get_by_text("Ended: another policy is in force.")).to_be_visible()
    expect(vera.page.get_by_text("Nothing waits for approval.")).to_be_visible()

    url, body = words[0]
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert "has ended" in ivo.page.request.post(url, data=body, headers=kind).text()
    vera.page.goto(f"{vera.origin}/a/{stage.hash}/act")
    vera.page.locator("summary", has_text="Give notice of withdrawal").click()
    vera.page.get_by_role("button", name="Give notice of withdrawal").click()
    vera.page.get_by_role("button", name="Draft it").click()
    expect(vera.page.get_by_role("alert")).to_contain_text("only officials of the policy in force ask")

    ivo.begin_to_leave(stage.hash, "as agreed")
    draft = ivo.page.url.removeprefix(ivo.origin)
    assert "bad-signature" in ivo.page.request.post(f"{ivo.origin}{draft}", data=body, headers=kind).text()
    ivo.page.get_by_role("button", name="Approve").click()
    expect(ivo.page.get_by_role("alert")).to_contain_text("whoever asks does not count")
    kaja.page.goto(f"{kaja.origin}{draft}")
    kaja.page.get_by_role("button", name="Approve").click(no_wait_after=True)
    stage.nodes["buyer"].kill()
    stage.nodes["buyer"].wait()
    stage.up("buyer")
    kaja.page.goto(f"{kaja.origin}{draft}")
    if kaja.page.get_by_role("button", name="Approve").count():  # the word itself was lost
        kaja.page.get_by_role("button", name="Approve").click()
    stage.until("the notice", lambda: left(stage))
    stage.ok("wait", "--arrangement", stage.hash, node="buyer")
    assert left(stage) == ["B"]
    kaja.page.goto(f"{kaja.origin}{draft}")
    expect(kaja.page.get_by_role("status").first).to_contain_text("Done.")


def left(stage: Stage) -> list[str]:
    """Who has given notice, as the keeper sees it."""
    found = stage.json("record", "--arrangement", stage.hash, node="laboratory")
    return [each["author"] for each in found if each["type"] == "withdraw"]
