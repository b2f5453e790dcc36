"""Rehearsals at the console: what `armslength rehearse` plays, as a page, bounded."""

from __future__ import annotations

import asyncio
import re
import time
from html import escape, unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from armslength.console.pages import rehearsing
from armslength.console.pages.rehearsing import AS_AGREED, then_nobody_speaks
from armslength.wire.manage import TERMS, ShownTerms
from armslength.wire.script_read import read_script
from armslength.wire.terms import decompile_terms
from armslength.wire.terms_json import encode_terms
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at
from tests.sim.harness import clause_texts, world_terms

SCRIPTS = Path(__file__).parents[3] / "examples" / "july-2016" / "rehearsals"


async def begun() -> tuple[Browser, dict[str, str]]:
    """A browser that is logged in, and the fields of a form about the golden terms."""
    owner = FoldOwner(at(9, 3))
    owner.answers[TERMS.name] = ShownTerms(
        arrangement=owner.arrangement, document=encode_terms(world_terms()).decode(), texts={}, replaces=None, note=""
    )
    found = Browser(owner)
    found.log_in()
    return found, {"form": await found.token(), "arrangement": owner.arrangement}


def states(page: str) -> dict[str, str]:
    """The states that the page says hold where its slider stands."""
    found = re.findall(r'<li data-subject="(?:\w+) ([^"]+)".*?<span class="badge [a-z]+">([A-Z]+)<', page)
    return {unescape(name): state for name, state in found}


async def played(found: Browser, form: dict[str, str], **fields: str) -> str:
    """The page that comes of a form."""
    return (await found.post("/rehearse", urlencode(form | fields))).body.decode()


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
    asked = form | {"played": AS_AGREED, "do": "silence", "from": str(at(5))}
    page = (await found.post("/rehearse", urlencode(asked))).body.decode()
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


async def test_what_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bound."""
    monkeypatch.setattr(rehearsing, "PLAY_S", -1.0)
    found, form = await begun()
    reply = await found.post("/rehearse", urlencode(form | {"played": AS_AGREED}))
    assert b"takes more than" in reply.body


async def test_an_exploration_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one course of events too, which nothing else bounds: terms may have a hundred thousand periods."""
    monkeypatch.setattr(rehearsing, "EXPLORE_S", 0.2)
    found, form = await begun()
    source = decompile_terms(world_terms(), clause_texts())
    source = re.sub(r"period: \S+", "period: 5m", re.sub(r"report_by: \S+", "report_by: 1h", source))
    began = time.monotonic()
    reply = await found.post("/rehearse", urlencode(form | {"arrangement": "", "source": source, "do": "explore"}))
    assert b"takes more than" in reply.body
    assert time.monotonic() - began < 20


async def test_one_person_plays_one_thing_at_a_time() -> None:
    """Others get their turn; whoever asks for more is told to wait."""
    found, form = await begun()
    asked = urlencode(form | {"played": AS_AGREED})
    pages = [each.body for each in await asyncio.gather(*(found.post("/rehearse", asked) for _ in range(4)))]
    assert sum(b"something of yours is still being played" in page.lower() for page in pages) == 3
    assert "still being played" not in await played(found, form, played=AS_AGREED)


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
