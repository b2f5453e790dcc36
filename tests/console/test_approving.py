"""What the policy of approvals names is asked for, and not done; and only those who may, ask and decide."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from armslength.approvals.policy import ApprovalPolicy, ApprovalRule, Official
from armslength.wire.approvals import write_card
from armslength.wire.did_key import key_did
from armslength.wire.manage import APPROVALS, POLICY, SAY, ApprovalsView, PolicyOrder
from tests.approvals.people import key
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


async def test_an_official_asks_for_what_is_sealed_and_uploads_nothing() -> None:
    """The file that lies there is asked for; to bring another is for those who act."""
    found, _, path = inside(("official",))
    token = await found.token()
    reply = await found.post(f"{path}/files/T1/ask", f"form={token}")
    assert (reply.status, reply.headers["location"]) == (303, "/approvals/ask")
    assert "Give out a file" in (await found.get("/approvals/ask")).body.decode()
    assert (await found.post(f"{path}/files/T1/publish", f"form={token}")).status == 403


@pytest.mark.parametrize(("role", "status"), [("operator", 403), ("official", 403), ("administrator", 303)])
async def test_the_first_policy_is_for_those_who_administer(role: str, status: int) -> None:
    """It is read beside none first; whoever may not put it into force is refused before the node is asked."""
    owner = FoldOwner(at(9, 3), "A")
    found = Browser(owner)
    found.log_in((role,))
    card = write_card("Vera", key("vera").public).replace("\n", "\n    ")
    source = (
        f"officials:\n  vera:\n    {card}\n  ivo:\n    {card.replace('Vera', 'Ivo')}\nacts:\n"
        "  policy: {quorum: 1, of: [vera, ivo]}\n"
    )
    fields = {"form": await found.token(), "source": source}
    twice = await found.post("/approvals/policy", urlencode(fields | {"do": "adopt"}))
    assert twice.status == 422
    assert "one card is one person" in twice.body.decode()
    source = source.replace(key_did(key("vera").public), key_did(key("ivo").public), 1)
    fields |= {"source": source}
    page = (await found.post("/approvals/policy", urlencode(fields | {"do": "compare"}))).body.decode()
    assert "It takes effect at once." in page
    assert (await found.post("/approvals/policy", urlencode(fields | {"do": "adopt"}))).status == status
    adopted = [asked.policy for name, asked in owner.asked if isinstance(asked, PolicyOrder) and asked.policy]
    assert [sorted(each.officials) for each in adopted] == ([["ivo", "vera"]] if status == 303 else [])


@pytest.mark.parametrize("role", ["official", "administrator"])
async def test_whoever_may_not_act_does_nothing_where_nobody_is_needed(role: str) -> None:
    """Without a policy there is nobody to ask: the form is refused, and the node is told nothing."""
    owner = FoldOwner(at(9, 3), "A")
    found = Browser(owner)
    found.log_in((role,))
    token = await found.token()
    path = f"/a/{owner.arrangement}"
    for there, fields in (
        (f"{path}/act", "type=withdraw&text=x"),
        (f"{path}/files/T1/ask", ""),
        (f"/terms/{owner.arrangement}", "answer=sign"),
        (f"/terms/{owner.arrangement}", "answer=decline&reason=x"),
        ("/approvals/standing", "what=&until=2030-01-01T00:00"),
    ):
        assert (await found.post(there, f"form={token}&{fields}")).status == 403, there
    assert not {name for name, _ in owner.asked} & {"say", "decline", "accept", "propose", "draft", "ask"}
