"""Officials at the console of a real node, each with a key and a session of its own; one of them plays false."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import html
import re
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from armslength.approvals.drafts import APPROVE, ASK, OBJECT
from armslength.approvals.policy import ApprovalRule
from armslength.core.canonical import digest
from armslength.net.client import HttpReply
from armslength.runtime.organisation import InProcessOwner
from armslength.views.jsonable import jsonable
from armslength.views.words import iso
from armslength.wire.approvals import write_policy
from armslength.wire.manage import Verb
from tests.approvals.people import NAMES, key, proof
from tests.console.stage import Browser
from tests.golden.terms import at
from tests.sim.harness import SimNode, World
from tests.sim.script import FILES, begin, perform, take_effect
from tests.sim.strangers import run
from tests.sim.test_approvals import adopt, entries, lines, only, stages, waiting

Q = TypeVar("Q")
A = TypeVar("A")
HOUR = 3600


class LivesOfANode:
    """The owner of a node, over its restarts."""

    is_monitor = False

    def __init__(self, node: SimNode) -> None:
        self._node = node
        self.name, self.did = node.config.name, node.config.did

    async def ask(self, verb: Verb[Q, A], asked: Q) -> A:
        """See `console.owner`."""
        return await InProcessOwner(self._node.config, self._node.running.verbs).ask(verb, asked)


class OfficialAtConsole:
    """One official, whose browser signs as `static/officials.js` does. `sent` is its last word, as it was sent."""

    def __init__(self, node: SimNode, who: str) -> None:
        self.who = who
        self.browser = Browser(LivesOfANode(node))
        self.browser.log_in(("operator", "official"))
        self.sent = ("", "")

    async def post(self, path: str, **fields: str) -> HttpReply:
        """Send a form."""
        return await self.browser.post(path, urlencode({"form": await self.browser.token(), **fields}))

    async def ask(self, path: str, why: str = "it is time", **act: str) -> str:
        """Begin an act, draft it, and sign that one asks for what the page shows; the draft's hash."""
        reply = await self.post(path, **act)
        assert (reply.status, reply.headers.get("location")) == (303, "/approvals/ask"), reply.body.decode()
        page = (await self.post("/approvals/draft", key=key(self.who).text, why=why)).body.decode()
        found = re.search(r'data-hash="([0-9a-f]{64})" data-exact="([^"]+)"', page)
        assert found, page
        assert digest(base64.b64decode(found[2])) == found[1]
        shown = proof(self.who, found[1], ASK)
        reply = await self.post("/approvals/asked", draft=found[1], key=shown.key or "", sig=shown.sig or "")
        assert reply.headers["location"] == f"/approvals/{found[1]}", reply.body.decode()
        return found[1]

    async def leave(self, arrangement: str, text: str) -> str:
        """Ask for a notice of withdrawal."""
        return await self.ask(f"/a/{arrangement}/act", type="withdraw", text=text)

    async def say(self, draft: str, word: str, number: int = 0) -> str:
        """Decide; what the page says then."""
        shown = proof(self.who, draft, word, number)
        fields = {"word": word, "key": shown.key or "", "sig": shown.sig or ""}
        reply = await self.post(f"/approvals/{draft}", **fields)
        self.sent = f"/approvals/{draft}", urlencode(fields)
        return await self._read(reply)

    async def again(self, path: str = "") -> str:
        """Send the last word once more, perhaps about something else."""
        there, fields = self.sent
        return await self._read(await self.browser.post(path or there, f"form={await self.browser.token()}&{fields}"))

    async def page(self, path: str) -> str:
        """A page's text."""
        return _text(await self.browser.get(path))

    async def _read(self, reply: HttpReply) -> str:
        return _text(await self.browser.get(reply.headers["location"]) if reply.status == 303 else reply)


def _text(reply: HttpReply) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", reply.body.decode()).split()))


def test_one_of_two_officials_plays_false(tmp_path: Path) -> None:
    """Its own word, by any of its keys; the other's word sent again, also about another draft, also to a node that was
    killed; a word that was taken back, or came too late: nothing leaves with it, and the page says why (rules 12.2b to
    12.3a, 12.4b)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        rules = only("withdraw", "notice")
        noted = dataclasses.replace(rules.acts["notice"], objection_ends=False)
        await adopt(b, dataclasses.replace(rules, acts=rules.acts | {"notice": noted}, lapse=HOUR))
        vera, ivo, kaja = (OfficialAtConsole(b, name) for name in NAMES)

        draft = await vera.leave(world.arrangement, "we leave")
        for number in (0, 1):
            assert "whoever asks does not count" in await vera.say(draft, APPROVE, number)
        page = await ivo.page(f"/approvals/{draft}")
        assert "Who cannot approve it now Vera: whoever asks does not count: another official approves." in page
        assert "gives notice of withdrawal: “we leave”" in page
        assert "Who moves next: Ivo, Kaja (2 more needed), by" in page
        assert "Your word is in the journal." in await ivo.say(draft, APPROVE)
        for told in (await ivo.say(draft, APPROVE, 1), await ivo.again(), await ivo.say(draft, APPROVE)):
            assert "ivo has decided already" in told
        assert "Who moves next: Kaja (1 more needed), by" in await kaja.page("/approvals")
        assert "Ended: an official has objected." in await kaja.say(draft, OBJECT)
        assert "has ended" in await ivo.again()

        second = await vera.leave(world.arrangement, "we leave, I say")
        assert "is not this official's signature" in await ivo.again(f"/approvals/{second}")
        await ivo.say(second, APPROVE)
        assert "Ended: an official has objected." in await vera.say(second, OBJECT)  # who asks takes it back
        assert "has ended" in await kaja.say(second, APPROVE)

        end = {"type": "notice", "subject": "k2", "start": "2016-08-01T00:00", "end": "2016-08-02T00:00", "text": "x"}
        third = await vera.ask(f"/a/{world.arrangement}/act", **end)
        await ivo.say(third, APPROVE)
        await ivo.say(third, OBJECT)  # the policy only notes it: it takes back the approval
        await kaja.say(third, APPROVE)
        assert [(each["hash"], each["approved"]) for each in await waiting(b)] == [(third, ["kaja"])]

        late = await vera.leave(world.arrangement, "we leave in an hour")
        await ivo.say(late, APPROVE)
        await b.crash()
        await b.start()
        assert "ivo has decided already" in await ivo.again()
        await asyncio.sleep(HOUR + 1)
        assert "Ended: its time was over." in await kaja.page(f"/approvals/{late}")
        assert "has ended" in await kaja.say(late, APPROVE)
        assert await waiting(b) == []
        for kind in ("withdraw", "notice"):
            assert await entries(world, "B", kind) == 0
        told = await kaja.page("/approvals/journal")
        assert "Vera" in told
        assert "Ivo" in told
        await lines(b)

    run(tmp_path, story)


def test_an_official_is_taken_out_while_a_draft_waits(tmp_path: Path) -> None:
    """The change is read beside what is in force, needs the quorum that is in force, and ends what waits; who stands in
    the journal by an id keeps the name that the id had, whoever bears it now (rule 12.1c)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        in_force = only("withdraw")
        await adopt(b, in_force)
        vera, ivo, kaja = (OfficialAtConsole(b, name) for name in NAMES)
        pending = await vera.leave(world.arrangement, "we leave")
        await ivo.say(pending, APPROVE)
        mallory = dataclasses.replace(in_force.officials["vera"], name="Mallory", keys=(key("mallory").text,))
        one = ApprovalRule(count=1, of=NAMES)
        wanted = dataclasses.replace(
            in_force, officials=in_force.officials | {"vera": mallory}, acts={"withdraw": one, "policy": one}
        )
        read = _text(await kaja.post("/approvals/policy", source=write_policy(wanted), do="compare"))
        for told in ("Official vera", "Mallory", "In force 2 of Vera, Ivo, Kaja.", "Then 1 of Mallory, Ivo, Kaja.",
                     "Needs approval: 2 of Vera, Ivo, Kaja."):  # fmt: skip
            assert told in read, read
        change = await kaja.ask("/approvals/policy", source=write_policy(wanted), do="ask")
        assert "Then 1 of Mallory, Ivo, Kaja." in await ivo.page(f"/approvals/{change}")
        await ivo.say(change, APPROVE)
        assert (await waiting(b))[0]["hash"] == pending
        assert "Done." in await vera.say(change, APPROVE)
        assert "Ended: another policy is in force." in await ivo.page(f"/approvals/{pending}")
        assert "has ended" in await ivo.say(pending, APPROVE)
        assert "is no official" in await vera.say(pending, APPROVE)
        told = await ivo.page(f"/approvals/{pending}")
        assert "Who asks Vera" in told
        assert "Mallory" not in told
        journal = await ivo.page("/approvals/journal")
        assert "Vera" in journal
        assert "Mallory" not in journal
        reply = await vera.post(f"/a/{world.arrangement}/act", type="withdraw", text="x")
        assert reply.status == 303
        assert "only officials of the policy in force ask" in _text(
            await vera.post("/approvals/draft", key=key("vera").text, why="")
        )
        await lines(b)

    run(tmp_path, story)


def test_a_standing_approval_is_granted_seen_and_ended(tmp_path: Path) -> None:
    """In the page: for a tranche of an arrangement, until a date; what was done on it; and any official ends it
    (rule 12.3b)."""

    async def story(world: World) -> None:
        a = world.nodes["A"]
        await begin(world)
        await adopt(a, only("release"))
        vera, ivo, kaja = (OfficialAtConsole(a, name) for name in NAMES)
        offered = await vera.page("/approvals/standing")
        assert "T1: " in offered
        now = a.running.officials.approvals.now()
        until = iso(now + 86400)[:16]
        for tranche, date, reason in (("T9", until, "no such tranche"), ("T1", "2020-01-01T00:00", "and ends")):
            reply = await vera.post("/approvals/standing", what=f"{world.arrangement}/{tranche}", until=date)
            assert reply.status == 303
            page = (await vera.post("/approvals/draft", key=key("vera").text, why="")).body.decode()
            if found := re.search(r'data-hash="([0-9a-f]{64})"', page):
                shown = proof("vera", found[1], ASK)
                fields = {"draft": found[1], "key": shown.key or "", "sig": shown.sig or ""}
                page = (await vera.post("/approvals/asked", **fields)).body.decode()
            assert reason in page
        name = await vera.ask("/approvals/standing", what=f"{world.arrangement}/T1", until=until)
        for other in (ivo, kaja):
            await other.say(name, APPROVE)
        assert "It is approved, and in force." in await ivo.page(f"/approvals/{name}")
        await world.clock(at(0))
        await world.rest()
        assert await stages(world, "T1") == ["SETTLED"]
        page = await ivo.page(f"/approvals/{name}")
        assert f"What was done on it T1 {world.arrangement[:12]}" in page
        assert "End it now" in page
        assert "On it: 1 release." in await ivo.page("/approvals")
        assert "Ended: an official has objected." in await ivo.say(name, OBJECT)

        await world.publish("T2", FILES["T2"])
        await perform(world, at(7, 1))
        await world.rest()
        page = await vera.page(f"/a/{world.arrangement}")
        assert "Release a tranche T2 : Asked for by the node itself. It waits for approval." in page
        assert "Who moves next: Vera, Ivo, Kaja (2 more needed)" in page
        (waits,) = await waiting(a)
        await vera.say(waits["hash"], APPROVE)
        await kaja.say(waits["hash"], APPROVE)
        await world.rest()
        assert await stages(world, "T2") == ["SETTLED"]
        assert "Release a tranche T2" not in await vera.page(f"/a/{world.arrangement}")

    run(tmp_path, story)


def test_terms_are_read_before_they_are_proposed(tmp_path: Path) -> None:
    """What an official approves to propose is shown whole: nobody outside has it, and the node holds it alone."""

    async def story(world: World) -> None:
        a = world.nodes["A"]
        await adopt(a, only("propose"))
        reply = await a.manage(
            "draft", asker={"key": key("vera").text}, statements=[], proposal=jsonable(world.proposal)
        )
        draft = reply["draft"]
        shown = proof("vera", reply["hash"], ASK)
        await a.manage(
            "ask", draft=draft, proof={"key": shown.key, "sig": shown.sig}, proposal=jsonable(world.proposal)
        )
        ivo = OfficialAtConsole(a, "ivo")
        assert world.arrangement in await ivo.page(f"/approvals/{reply['hash']}")
        page = await ivo.page(f"/approvals/{reply['hash']}/terms")
        assert world.terms.title in page
        assert next(iter(world.terms.clauses.values())).title in page
        assert (await ivo.browser.get(f"/approvals/{'0' * 64}/terms")).status == 404
        for who in ("ivo", "kaja"):
            await OfficialAtConsole(a, who).say(reply["hash"], APPROVE)

        b = world.nodes["B"]
        await adopt(b, only("sign"))
        await world.until("the proposal", lambda: arrived(b))
        vera = OfficialAtConsole(b, "vera")
        await vera.ask(f"/terms/{world.arrangement}", answer="sign")
        for path in ("/inbox", f"/terms/{world.arrangement}"):
            page = await OfficialAtConsole(b, "ivo").page(path)
            assert "Sign terms : Asked for by Vera. It waits for approval. Who moves next: Ivo, Kaja" in page
        assert f"Sign terms: {world.terms.title}" in await vera.page("/approvals")

    run(tmp_path, story)


async def arrived(node: SimNode) -> bool:
    """Whether terms wait in its inbox."""
    return bool((await node.manage("inbox"))["proposals"])
