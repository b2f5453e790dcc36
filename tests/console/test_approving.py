"""What the policy of approvals names is asked for, and not done; and only those who may, ask and decide."""

from __future__ import annotations

import pytest

from armslength.approvals.policy import ApprovalPolicy, ApprovalRule, Official
from armslength.wire.manage import APPROVALS, POLICY, SAY, ApprovalsView
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at

NAMES = ("vera", "ivo", "kaja")
RULE = ApprovalRule(count=2, of=NAMES)
IN_FORCE = ApprovalPolicy(
    officials={name: Official(name=f"{name} <b>", keys=("A" * 43 + "=",)) for name in NAMES},
    acts={"*": RULE},
)


def inside(roles: tuple[str, ...]) -> tuple[Browser, FoldOwner, str]:
    """A browser that is logged in, the owner whose policy names everything, and the arrangement's path."""
    owner = FoldOwner(at(9, 3), "A")
    view = ApprovalsView(policy=IN_FORCE, lines=1, head="ab" * 32, drafts=())
    owner.answers |= {APPROVALS.name: view, POLICY.name: view}
    found = Browser(owner)
    found.log_in(roles)
    return found, owner, f"/a/{owner.arrangement}"


async def test_an_act_that_needs_officials_says_so_and_is_asked_for() -> None:
    """Nothing is stated; the way leads to where an official asks. Names stay text."""
    found, owner, path = inside(("operator", "official"))
    page = (await found.get(f"{path}/act")).body.decode()
    assert "Needs approval:" in page
    assert "vera &lt;b&gt;" in page
    token = await found.token()
    reply = await found.post(f"{path}/act", f"form={token}&type=withdraw&text=enough")
    assert (reply.status, reply.headers["location"]) == (303, "/approvals/ask")
    assert SAY.name not in {name for name, _ in owner.asked}
    assert "withdraw" in (await found.get("/approvals/ask")).body.decode()


async def test_nothing_is_asked_for_that_nobody_began() -> None:
    """A page of its own, and no error of ours."""
    found, _, _ = inside(("official",))
    assert (await found.get("/approvals/ask")).status == 404
    assert (await found.get(f"/approvals/{'0' * 64}")).status == 404
    page = (await found.get("/approvals")).body.decode()
    assert "Everything else" in page


OFFICIAL = ("draft", "asked", "submit", "0" * 64)


@pytest.mark.parametrize("path", [f"/approvals/{name}" for name in OFFICIAL])
async def test_only_officials_ask_and_decide(path: str) -> None:
    """Others are refused before anything is asked of the node."""
    found, owner, _ = inside(("reader", "operator", "administrator"))
    token = await found.token()
    asked = len(owner.asked)
    reply = await found.post(path, f"form={token}&word=approve&key={'A' * 44}&sig={'A' * 88}")
    assert reply.status == 403
    assert len(owner.asked) == asked


@pytest.mark.parametrize("path", ["/settings/calendar", "/settings/notifications"])
async def test_only_administrators_change_settings(path: str) -> None:
    """Others are refused before anything is asked of the node."""
    found, owner, _ = inside(("reader", "operator", "official"))
    token = await found.token()
    asked = len(owner.asked)
    assert (await found.post(path, f"form={token}&do=revoke")).status == 403
    assert len(owner.asked) == asked
