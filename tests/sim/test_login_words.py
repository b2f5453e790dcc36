"""An official's word at the console of a real node, by a login that is made for it."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

from armslength.approvals.drafts import APPROVE, ASK, OBJECT, login_nonce
from armslength.approvals.policy import Login, Official
from armslength.config import RoleHolders
from armslength.core.arrangement.bodies import Withdraw
from armslength.runtime.organisation import InProcessOwner
from tests.login.stage import ISSUER, Organisation
from tests.sim.harness import World
from tests.sim.script import take_effect
from tests.sim.strangers import run
from tests.sim.test_approvals import adopt, ask, entries, lines, only, word

OFFICIALS = {"official": RoleHolders(subjects=("4711", "4712"))}


async def leave(org: Organisation, draft: str, said: str) -> str:
    """Send the form of a word; where the page then goes on to, if it does."""
    shows = len(draft) == 64 and said in {APPROVE, OBJECT}
    page = (await org.get(f"/approvals/{draft}" if shows else "/")).body.decode()
    assert not shows or f'action="/approvals/{draft}/login"' in page
    reply = await org.post(f"/approvals/{draft}/login", f"form={token_of(page)}&word={said}")
    onward = re.search(r'content="0;url=([^"]+)"', reply.body.decode())
    return html.unescape(onward[1]) if onward else f"{reply.status}"


def token_of(page: str) -> str:
    """The token of a page's forms."""
    found = re.search(r'name="form" value="([^"]+)"', page)
    assert found
    return found[1]


def test_an_official_approves_by_a_login_for_this_word_alone(tmp_path: Path) -> None:
    """The ID token that the provider makes for the word is its evidence; somebody else's login, an old one, or one in a
    session that has ended gives no word (rule 12.3a)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        base = only("withdraw")
        ivo = Official(name="Ivo", logins=(Login(issuer=ISSUER, subject="4711"),))
        await adopt(b, dataclasses.replace(base, officials=base.officials | {"ivo": ivo}))
        draft = await ask(b, "vera", Withdraw(text="we leave"))
        org = Organisation(tmp_path, OFFICIALS, owner=InProcessOwner(b.config, b.running.verbs))
        b.running.officials.logins = org.client
        await org.log_in()

        assert await leave(org, draft, "sign") == "400"
        assert await leave(org, draft, ASK) == "404"  # it was not drafted here
        assert await leave(org, "..", APPROVE) in {"400", "404"}
        address = await leave(org, draft, APPROVE)
        assert f"nonce={login_nonce(draft, APPROVE)}" in address
        assert "prompt=login" in address
        org.provider.person = {"sub": "4712"}
        assert (await org.get(await org.there(address), foreign=True)).status == 401
        org.provider.person = {"sub": "4711"}
        org.provider.claims = {"auth_time": int(org.time) - 3600}
        assert (await org.get(await org.there(await leave(org, draft, APPROVE)), foreign=True)).status == 401
        org.provider.claims = {}
        address = await leave(org, draft, APPROVE)
        org.sessions.end_of("4711")
        assert (await org.get(await org.there(address), foreign=True)).status == 401
        assert not [line for line in await lines(b) if line.decided]

        await org.log_in()
        back = await org.there(await leave(org, draft, APPROVE))
        assert (await org.get(back, foreign=True)).status == 200
        assert (await org.audit.lines())[0].action == APPROVE
        shown = (await org.get(f"/approvals/{draft}")).body.decode()
        assert "Your word is in the journal." in shown
        assert re.search("Approved by[^<]*Ivo", shown)
        await word(b, "kaja", draft, APPROVE)
        await world.rest()
        assert await entries(world, "B", "withdraw") == 1
        (kept,) = [line.decided.proof for line in await lines(b) if line.decided and line.decided.proof.token]
        assert kept.login == ivo.logins[0]
        assert kept.jwk is not None

    run(tmp_path, story)


async def log_in_as(org: Organisation, subject: str) -> str:
    """Another person at this browser; the token of its forms."""
    org.provider.person = {"sub": subject}
    await org.log_in()
    return token_of((await org.get("/")).body.decode())


async def drafted(org: Organisation, arrangement: str, token: str) -> str:
    """Begin a notice of withdrawal, and draft it to ask by a login; the draft's hash."""
    reply = await org.post(f"/a/{arrangement}/act", f"form={token}&type=withdraw&text=we+leave")
    assert (reply.status, reply.headers["location"]) == (303, f"{org.place.base}/approvals/ask")
    page = (await org.get("/approvals/ask")).body.decode()
    assert 'name="by" value="login"' in page
    page = (await org.post("/approvals/draft", f"form={token}&by=login&why=enough&key=")).body.decode()
    found = re.search(r'action="/approvals/([0-9a-f]{64})/login"', page)
    assert found, page
    return found[1]


def test_an_official_asks_by_a_login_for_this_draft_alone(tmp_path: Path) -> None:
    """Who may only approve asks as well, by a login that is made for the draft's hash and the word "ask"; a login of
    somebody else, for another draft, or that comes again asks for nothing; and it counts once, as a key's does."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        base = only("withdraw")
        logins = {
            name: Official(name=name.capitalize(), logins=(Login(issuer=ISSUER, subject=subject),))
            for name, subject in (("ivo", "4711"), ("vera", "4712"))
        }
        await adopt(b, dataclasses.replace(base, officials=base.officials | logins))
        org = Organisation(tmp_path, OFFICIALS, owner=InProcessOwner(b.config, b.running.verbs))
        b.running.officials.logins = org.client
        token = await log_in_as(org, "4711")
        refused = await org.post(f"/a/{world.arrangement}/act", f"form={token}&type=allege&subject=T1")
        assert refused.status == 403  # nobody's approval is needed for that, and officials do not act alone

        old = await drafted(org, world.arrangement, token)
        stale = await leave(org, old, ASK)
        draft = await drafted(org, world.arrangement, token)
        assert (await org.get(await org.there(stale), foreign=True)).status == 404
        assert await leave(org, old, ASK) == "404"
        org.provider.person = {"sub": "4712"}
        assert (await org.get(await org.there(await leave(org, draft, ASK)), foreign=True)).status == 401
        assert [each for each in await lines(b) if each.requested] == []

        org.provider.person = {"sub": "4711"}
        address = await leave(org, draft, ASK)
        assert f"nonce={login_nonce(draft, ASK)}" in address
        assert (await org.get(await org.there(address), foreign=True)).status == 200
        assert await leave(org, draft, ASK) == "404"  # it is asked for
        (asked,) = [each.requested for each in await lines(b) if each.requested]
        assert (asked.draft.hash, asked.draft.by) == (draft, "ivo")
        assert asked.proof is not None
        assert (asked.proof.login, asked.proof.key) == (logins["ivo"].logins[0], None)
        shown = (await org.get(f"/approvals/{draft}")).body.decode()
        assert "You cannot approve it now: whoever asks does not count" in shown
        assert "Approve by a login" not in shown
        assert "Object by a login" in shown

        assert (await org.get(await org.there(await leave(org, draft, APPROVE)), foreign=True)).status in {403, 409}
        await log_in_as(org, "4712")
        assert (await org.get(await org.there(await leave(org, draft, APPROVE)), foreign=True)).status == 200
        assert await entries(world, "B", "withdraw") == 0
        await word(b, "kaja", draft, APPROVE)
        await world.rest()
        assert await entries(world, "B", "withdraw") == 1

    run(tmp_path, story)
