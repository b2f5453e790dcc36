"""Rehearsals at the console: what `armslength rehearse` plays, as a page, bounded."""

from __future__ import annotations

import asyncio
import os
import re
import time
from html import escape, unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from armslength.console import computations
from armslength.console.pages.rehearsing import AS_AGREED, then_nobody_speaks
from armslength.core.arrangement.terms import Arrangement
from armslength.wire.manage import TERMS, ShownTerms
from armslength.wire.script_read import read_script
from armslength.wire.terms import compile_terms, decompile_terms
from armslength.wire.terms_json import encode_terms
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at
from tests.sim.harness import clause_texts, world_terms

EXAMPLES = Path(__file__).parents[3] / "examples"
SCRIPTS = EXAMPLES / "july-2016" / "rehearsals"
QUALITY = EXAMPLES / "quality" / "arrangement.yaml"  # a small one: what can happen is soon looked at


async def begun(terms: Arrangement | None = None) -> tuple[Browser, dict[str, str]]:
    """A browser that is logged in, and the fields of a form about these terms; by default the golden ones."""
    owner, document = FoldOwner(at(9, 3)), encode_terms(terms or world_terms()).decode()
    owner.answers[TERMS.name] = ShownTerms(
        arrangement=owner.arrangement, document=document, texts={}, replaces=None, note=""
    )
    found = Browser(owner)
    found.log_in()
    return found, {"form": await found.token(), "arrangement": owner.arrangement}


def states(page: str) -> dict[str, str]:
    """The states that the page says hold where its slider stands."""
    found = re.findall(r'<li data-subject="(?:\w+) ([^"]+)".*?<span class="badge [a-z]+">([A-Z]+)<', page)
    return {unescape(name): state for name, state in found}


async def asked(found: Browser, form: dict[str, str], **fields: str) -> str:
    """Where the page is on which what the form asks for will be."""
    reply = await found.post("/rehearse", urlencode(form | fields))
    assert reply.status == 303
    return str(reply.headers["location"])


async def whole(found: Browser, path: str) -> str:
    """The page once it holds what was asked for."""
    until = time.monotonic() + 60
    while "hx-get=" in (page := (await found.get(path)).body.decode()):
        assert time.monotonic() < until
    return page


async def played(found: Browser, form: dict[str, str], **fields: str) -> str:
    """The page that comes of a form in the end."""
    return await whole(found, await asked(found, form, **fields))


async def test_a_script_is_played_with_its_reasons() -> None:
    """Each state that it comes to; what is not as expected, with the line of the script and why."""
    found, form = await begun()
    script = (SCRIPTS / "golden.yaml").read_text()
    page = await played(found, form, played=script)
    assert "and all hold" in page
    assert states(page)["T4"] == "SETTLED"
    assert len(page) < 400_000
    wrong = f"{AS_AGREED.replace('[]', '')}  - at: D+3\n    expect: T1 is FORFEITED\n"
    page = await played(found, form, played=wrong)
    assert "Line 6," in page
    assert "1 expectation not met" in page


async def test_the_slider_shows_states_at_its_instant_without_scripts_too() -> None:
    """At the first line nothing is delivered; at the last all is."""
    found, form = await begun()
    first = await played(found, form, played=AS_AGREED, do="show", step="0")
    last = await played(found, form, played=AS_AGREED)
    assert states(first)["T6"] != "SETTLED"
    assert states(last)["T6"] == "SETTLED"
    assert states(last)["arrangement"] == "COMPLETED"


async def test_changes_on_the_page_lead_to_the_states_on_it() -> None:
    """What the script of the page computes from the lines is what the server says."""
    found, form = await begun()
    page = await played(found, form, played=AS_AGREED)
    told = dict(re.findall(r'data-change="\w+ ([^"]+)" data-after="([A-Z]+)"', page))
    begun_ = dict(re.findall(r'data-subject="\w+ ([^"]+)" data-begun="([A-Z]+)"', page))
    assert begun_ | {name: state for name, state in told.items() if name in begun_} == states(page)


async def test_and_then_nobody_speaks() -> None:
    """From where the slider stands: what was agreed no longer comes to pass."""
    found, form = await begun()
    page = await played(found, form, played=AS_AGREED, do="silence", **{"from": str(at(5))})
    assert "nobody speaks from" in page
    assert states(page)["T6"] != "SETTLED"
    longer = then_nobody_speaks("rehearse: x\nscript:\n- at: D+1\n  say: A withdraws\n", at(5))
    assert read_script(longer.encode(), world_terms(), file="script").quiet


async def test_what_cannot_be_read_is_told_with_its_line() -> None:
    """And the script stays."""
    found, form = await begun()
    page = await played(found, form, played="rehearse: x\nscript:\n  - sya: <b>\n")
    assert "script:3" in page
    assert "&lt;b&gt;" in page
    reply = await found.post("/rehearse", urlencode(form | {"arrangement": "", "source": "title: Half\n"}))
    assert b"terms:1" in reply.body


async def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bound."""
    monkeypatch.setattr(computations, "LONGEST_S", 0.01)
    found, form = await begun()
    assert "takes more than" in await played(found, form, played=AS_AGREED)


async def test_an_exploration_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one course of events too, which nothing else bounds: terms may have a hundred thousand periods."""
    monkeypatch.setattr(computations, "LONGEST_S", 2.0)
    found, form = await begun()
    source = decompile_terms(world_terms(), clause_texts())
    source = re.sub(r"period: \S+", "period: 5m", re.sub(r"report_by: \S+", "report_by: 1h", source))
    assert "takes more than" in await played(found, form | {"arrangement": "", "source": source}, do="explore")
    assert processes() == []


async def test_what_is_wrong_everywhere_makes_no_large_page() -> None:
    """Neither by many problems nor by long ones."""
    found, form = await begun()
    for source in ("- 2001-01-01\n" * 5000, "version: " + "9" * 100_000):
        for path in ("/rehearse", "/write/check"):
            page = (await found.post(path, urlencode(form | {"arrangement": "", "source": source}))).body.decode()
            page = page.replace(source, "").replace(escape(source), "")
            assert "terms:1" in page
            assert len(page) < 100_000
    assert (
        "4900 problems"
        in (await found.post("/write/check", urlencode(form | {"source": "- 2001-01-01\n" * 5000}))).body.decode()
    )


async def test_other_pages_answer_while_something_is_explored() -> None:
    """The page says how far it is; another session does not see it; it ends when it is stopped, and its process too."""
    found, form = await begun()
    page = await asked(found, form, do="explore")
    for _ in range(5):
        assert (await asyncio.wait_for(found.get("/write"), 10)).status == 200
    while "looked at" not in (shown := (await found.get(page)).body.decode()):
        assert "being played" in shown
    assert len(processes()) == 1
    own = found.cookie
    found.log_in()
    assert (await found.get(page)).status == 404
    found.cookie = own
    assert (await found.post(f"{page}/stop", urlencode(form))).status == 303
    assert "It was stopped" in await whole(found, page)
    until = time.monotonic() + 20
    while processes():
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


async def test_what_is_asked_for_anew_takes_the_place_of_what_is_under_way() -> None:
    """One person has one process; what was begun first was stopped."""
    found, form = await begun()
    first = await asked(found, form, do="explore")
    page = await played(found, form, played=AS_AGREED)
    assert states(page)["arrangement"] == "COMPLETED"
    assert "It was stopped" in await whole(found, first)
    assert processes() == []


async def test_the_worst_that_is_found_is_played_from_its_page() -> None:
    """In a process of its own, whole: exposure as a table and a picture, who can stall, and each silence."""
    terms = compile_terms(QUALITY.read_bytes(), lambda name: (QUALITY.parent / name).read_bytes()).terms
    found, form = await begun(terms)
    page = unescape(await played(found, form, do="explore"))
    assert "<svg" in page
    assert "at worst" in page
    worst = re.findall(r'name="worst" value="([^"]+)"', page)
    assert len(worst) == 4  # of each party: the worst for it, and what it gains most by
    assert "and all hold" in await played(found, form, worst=unescape(worst[0]))


def processes() -> list[int]:
    """The processes of computations of ours."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            line = (each / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"armslength.console.computing" in line:
            found.append(int(each.name))
    return found
