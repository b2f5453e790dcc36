"""What pages show is what the views say, and what others write cannot be markup."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

import armslength.console
from armslength.core.arrangement.bodies import Attest
from armslength.views.tasks import ahead, tasks
from armslength.wire.manage import VIEW, NodeView
from armslength.wire.terms_json import encode_terms
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import DAY, at
from tests.sim.harness import world_terms

VENDORED = {"htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"}  # 2.0.11, 0BSD
STATIC = Path(armslength.console.__file__).parent / "static"


def inside(time: int, me: str = "A") -> tuple[Browser, str]:
    """A browser that is logged in, and the arrangement's path."""
    owner = FoldOwner(time, me)
    found = Browser(owner)
    found.log_in()
    return found, f"/a/{owner.arrangement}"


def test_what_is_vendored_is_what_its_makers_released() -> None:
    """By its hash; its licence stands beside it."""
    for name, digest in VENDORED.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest
        assert (STATIC / f"{name.split('.', maxsplit=1)[0]}.LICENSE.txt").is_file()


@pytest.mark.parametrize("day", [-2, 3, 14, 22, 39, 47])
async def test_an_arrangement_shows_where_it_stands(day: int) -> None:
    """Every tranche and duty with its state; nothing needs a script."""
    found, path = inside(at(day, 11))
    page = (await found.get(path)).body.decode()
    for name in ("T1", "T6", "C2", "C5a"):
        assert f"{path}/why/{name}" in page
    assert "/counterparty/did%3A" in page  # C has no DID, and so no link
    assert "/counterparty/None" not in page
    assert ("why/k2%23" in page) == (day > 0)  # each period that has begun
    for subject in ("arrangement", "T4", "C2", "k2", "k2#3"):
        reply = await found.get(f"{path}/why/{subject.replace('#', '%23')}")
        assert reply.status == 200


async def test_a_page_that_is_current_is_not_sent_again() -> None:
    """204 to a page that asks for news with the version it has; the page itself to any other."""
    found, path = inside(at(9, 3))
    page = (await found.get(path)).body.decode()
    version = page.split("?have=")[1].split('"')[0]
    assert (await found.get(f"{path}?have={version}", hx_request="true")).status == 204
    assert (await found.get(f"{path}?have=0", hx_request="true")).status == 200


async def test_what_is_not_there_is_told_in_a_page() -> None:
    """With the reason that the node gives."""
    found, path = inside(at(9, 3))
    assert (await found.get("/a/ffff")).status == 404
    reply = await found.get(f"{path}/why/T99")
    assert reply.status == 404
    assert b"T99" in reply.body


async def test_home_says_what_waits_and_where_it_is_done() -> None:
    """A monitor's attestations lead to the page where they are made; the times stand beside them."""
    found, path = inside(at(22, 8), "m1")
    page = (await found.get("/")).body.decode()
    assert f'href="{path}/attest#attest-k2"' in page
    assert "Nothing waits" not in page
    assert " ago)" not in page  # by the arrangement's clock, whatever that of the machine says
    found, path = inside(at(9, 3), "A")
    page = (await found.get("/")).body.decode()
    assert re.search(rf'href="{path}/files#publish-T\d"', page)


async def test_what_was_just_said_is_not_asked_again() -> None:
    """Though no seal covers it yet: the page says so, and shows the record as it is."""
    found, path = inside(at(22, 8), "m1")
    view = found.owner.answers[VIEW.name]
    assert isinstance(view, NodeView)
    terms = world_terms()
    (asked,) = (each for each in tasks(terms, view.state, "m1", view.now) if each.subject == "k2")
    before = (await found.get(path)).body.decode()
    said = [Attest(claim="k2", period=period, value=True) for period in asked.periods]
    found.owner.answers[VIEW.name] = replace(view, ahead=ahead(terms, view.state, "m1", said, view.now))
    page = (await found.get(path)).body.decode()
    assert escape(asked.text) in before
    assert escape(asked.text) not in page
    assert "is not sealed yet" in page
    assert "is not sealed yet" not in before


async def test_pages_on_which_one_attests_stay_small_and_hide_nothing() -> None:
    """120 days of a claim, the last not over and the others waiting: the first page asks about the earliest, and the
    claim's own pages have every period once; each has less than 100 KB."""
    found, path = inside(at(0, 1), "m1")
    view, terms = found.owner.answers[VIEW.name], world_terms()
    assert isinstance(view, NodeView)
    claims = {**terms.claims, "k2": replace(terms.claims["k2"], report_by=300 * DAY)}
    document = encode_terms(replace(terms, claims=claims, end=at(200))).decode()
    found.owner.answers[VIEW.name] = replace(view, document=document, now=at(119))
    pages = [f"{path}/attest", *(f"{path}/attest?claim=k2&page={number}" for number in range(3))]
    first, *others = [(await found.get(each)).body.decode() for each in pages]
    assert max(map(len, (first, *others))) < 100_000
    assert re.findall(r'value="k2#(\d+)"', first)[:3] == ["0", "1", "2"]
    assert [len(re.findall(r'value="k2#(\d+)"', each)) for each in others] == [39, 40, 40]
    assert {int(n) for each in others for n in re.findall(r'value="k2#(\d+)"', each)} == set(range(119))
    assert "?claim=k2&amp;page=1" in others[0]
    assert "page=3" not in others[2]
