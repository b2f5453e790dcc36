"""What is kept of what people do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from armslength.config import RoleHolders
from armslength.login.audit import LINE
from armslength.ports import Batch, Put
from tests.login.stage import Organisation


@pytest.fixture
def org(tmp_path: Path) -> Organisation:
    """One in which subject 4711 is an operator."""
    return Organisation(tmp_path)


def token_of(page: bytes) -> str:
    """The form token of a page."""
    found = re.search(r'name="form" value="([^"]+)"', page.decode())
    assert found
    return found[1]


async def test_what_people_do_is_kept_with_what_came_of_it(tmp_path: Path) -> None:
    """Done, refused for the role, refused for the form: who, what, about what."""
    org = Organisation(tmp_path, {"reader": RoleHolders(subjects=("4711",))})
    await org.log_in()
    token = token_of((await org.get("/")).body)
    act = f"/a/{org.owner.arrangement}/act"
    assert (await org.post(act, f"form={token}&type=resume")).status == 403
    assert (await org.post("/logout", "form=x")).status == 403
    assert (await org.post("/logout", f"form={token}")).status == 303
    lines = await org.audit.lines()
    assert [(line.action, line.outcome.split(":")[0]) for line in lines] == [
        ("/logout", "done"),
        ("/logout", "refused"),
        ("/a/{arrangement}/act", "refused"),
        ("login", "as reader"),
    ]
    assert {line.subject for line in lines} == {"4711"}
    assert lines[2].about == f"arrangement={org.owner.arrangement}"
    assert not [name for name, _ in org.owner.asked if name == "say"]


async def test_the_trail_is_read_page_by_page(tmp_path: Path) -> None:
    """Fifty lines at a time, by administrators alone; a line that is written stays."""
    org = Organisation(tmp_path, {"administrator": RoleHolders(subjects=("4711",))})
    for number in range(120):
        await org.audit.note("x", "X", f"act-{number}", "", "<script>done")
    await org.log_in()
    page = (await org.get("/audit")).body.decode()
    assert page.count("<tr>") == 51
    assert "<script>done" not in page
    earlier = re.search(r'href="(/audit\?before=\d+)"', page)
    assert earlier
    assert "act-70" in (await org.get(earlier[1])).body.decode()
    for bad in ("x", "-1", "9" * 30):
        assert (await org.get(f"/audit?before={bad}")).status == 400


async def test_nobody_acts_faster_than_people_do(org: Organisation) -> None:
    """Sixty forms at once, then one a second."""
    await org.log_in()
    token = token_of((await org.get("/")).body)
    replies = [await org.post("/write/check", f"form={token}&source=x") for _ in range(61)]
    assert replies[60].status == 429
    assert replies[60].headers["retry-after"] == "1"
    assert 429 not in {each.status for each in replies[:60]}
    assert await org.outcomes() == ["as operator"], "what changes nothing is not kept"


async def test_twenty_logins_at_once(org: Organisation) -> None:
    """One that was begun comes back though it was the last; what was not begun here is counted, too."""
    for _ in range(19):
        await org.out()
    assert (await org.log_in()).status == 200
    assert (await org.get("/login/start", foreign=True)).status == 429
    assert (await org.get("/login/callback?state=x&code=y", foreign=True)).status == 429


@pytest.mark.parametrize(
    "alter",
    [
        lambda body: body.replace(b"act-7", b"act-8"),
        lambda body: body.replace(b'"number": 7', b'"number": 6'),
        lambda body: body + b" ",
        lambda _: b"{}",
        lambda _: None,
    ],
)
async def test_a_line_that_was_altered_or_left_out_is_found(
    tmp_path: Path, alter: Callable[[bytes], bytes | None]
) -> None:
    """By the line that follows it; whoever rewrites all that follow changes the last line's hash, which others know."""
    org = Organisation(tmp_path, {"administrator": RoleHolders(subjects=("4711",))})
    for number in range(1, 121):
        await org.audit.note("x", "X", f"act-{number}", "", "done")
    await org.log_in()
    whole = await org.audit.chain(check=True)
    assert (whole.lines, whole.broken) == (121, None)
    page = (await org.get("/audit?check")).body.decode()
    assert whole.head in page
    assert "Every line follows" in page
    key = f"{7:012}"
    row = await org.store.get(LINE, key)
    assert row is not None
    body = alter(row.body)
    change = Batch(puts=[Put(LINE, key, None, body)]) if body is not None else Batch(deletes=[(LINE, key)])
    assert await org.store.commit(change)
    assert (await org.audit.chain(check=True)).broken in {7, 8}
    assert "is not as it was written" in (await org.get("/audit?check")).body.decode()
    assert (await org.get("/audit?before=9")).status == 200


async def test_what_was_noted_elsewhere_is_found_in_the_next_line(org: Organisation) -> None:
    """And a trail whose end was cut off has another head."""
    for number in range(3):
        await org.audit.note("x", "X", f"act-{number}", "", "done")
    noted = await org.audit.chain()
    await org.audit.note("x", "X", "act-4", "", "done")
    assert (await org.audit.lines())[0].before == noted.head
    await org.store.commit(Batch(deletes=[(LINE, f"{4:012}")]))
    assert (await org.audit.chain(check=True)).broken == 4
