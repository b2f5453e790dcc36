"""An official's word at the console of a real node, by a login that is made for it."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

from armslength.approvals.drafts import APPROVE, login_nonce
from armslength.approvals.policy import Login, Official
from armslength.config import RoleHolders
from armslength.core.arrangement.bodies import Withdraw
from armslength.runtime.organisation import InProcessOwner
from tests.golden.terms import at
from tests.login.stage import ISSUER, Organisation
from tests.sim.harness import World
from tests.sim.script import begin
from tests.sim.strangers import run
from tests.sim.test_approvals import adopt, ask, entries, lines, only, word

OFFICIALS = {"official": RoleHolders(subjects=("4711", "4712"))}


async def leave(org: Organisation, draft: str, said: str) -> str:
    """Send the form of a word; where the page then goes on to, if it does."""
    page = (await org.get(f"/approvals/{draft}" if len(draft) == 64 else "/")).body.decode()
    assert len(draft) != 64 or f'action="/approvals/{draft}/login"' in page
    token = re.search(r'name="form" value="([^"]+)"', page)
    assert token
    reply = await org.post(f"/approvals/{draft}/login", f"form={token[1]}&word={said}")
    onward = re.search(r'content="0;url=([^"]+)"', reply.body.decode())
    return html.unescape(onward[1]) if onward else f"{reply.status}"


def test_an_official_approves_by_a_login_for_this_word_alone(tmp_path: Path) -> None:
    """The ID token that the provider makes for the word is its evidence; somebody else's login, an old one, or one in a
    session that has ended gives no word (rule 12.3a)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await begin(world)
        await world.clock(at(0))
        await world.rest()
        base = only("withdraw")
        ivo = Official(name="Ivo", logins=(Login(issuer=ISSUER, subject="4711"),))
        await adopt(b, dataclasses.replace(base, officials=base.officials | {"ivo": ivo}))
        draft = await ask(b, "vera", Withdraw(text="we leave"))
        org = Organisation(tmp_path, OFFICIALS, owner=InProcessOwner(b.config, b.running.verbs))
        b.running.officials.logins = org.client
        await org.log_in()

        assert await leave(org, draft, "ask") == "400"
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
