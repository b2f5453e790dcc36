"""What a request must be before a page sees it, and what every answer bears."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.app import PAGES, guarded
from armslength.console.guard import SAFE, Place
from armslength.console.histories import Histories
from armslength.console.render import Pages
from armslength.console.sessions import ACT, APPROVE, BEGIN, LOOK, MANAGE
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at
from tests.sim.network import ask


def browser() -> Browser:
    """One that has not logged in."""
    return Browser(FoldOwner(at(9, 3)))


async def test_without_a_session_every_page_leads_to_the_login() -> None:
    """Nothing is shown, not even whether an arrangement is there."""
    found = browser()
    for path in ("/", "/arrangements", "/a/0000", "/a/0000/why/T2"):
        reply = await found.get(path)
        assert (reply.status, reply.headers["location"]) == (303, "/login")
    assert (await found.get("/login")).status == 401


async def test_a_link_works_once_and_for_ten_minutes() -> None:
    """The second use, and a late one, lead to the login."""
    found = browser()
    link = f"/enter?key={found.sessions.link()}"
    reply = await found.get(link)
    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert (await found.get("/")).status == 200
    assert (await found.get(link)).headers["location"] == "/login"
    late = found.sessions.link()
    found.time += 601
    assert (await found.get(f"/enter?key={late}")).headers["location"] == "/login"
    assert (await found.get("/enter?key=")).headers["location"] == "/login"


async def test_the_cookie_is_for_the_browser_alone() -> None:
    """No script reads it, no other site sends it; with TLS no other host can set it."""
    found = browser()
    reply = await found.get(f"/enter?key={found.sessions.link()}")
    cookie = str(reply.headers["set-cookie"])
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    secure = Browser(FoldOwner(at(9, 3)), "https://console.example")
    reply = await secure.get(f"/enter?key={secure.sessions.link()}")
    assert str(reply.headers["set-cookie"]).startswith("__Host-armslength=")
    assert "Secure" in str(reply.headers["set-cookie"])


async def test_a_console_among_others_on_one_machine_has_a_path_that_is_a_secret() -> None:
    """Cookies know no ports: those of this console go to paths that nobody else's server is asked for, under a name
    that nobody else knows; and no answer tells the path."""
    found = Browser(FoldOwner(at(9, 3)), base="/s3cret")
    reply = await found.get(f"/s3cret/enter?key={found.sessions.link()}")
    cookie = str(reply.headers["set-cookie"])
    assert "; Path=/s3cret;" in cookie
    assert "s3cret" in cookie.split("=", maxsplit=1)[0]
    assert (await found.get("/s3cret/")).status == 200
    assert (await found.get("/s3cret/static/console.css")).status == 200
    for path in ("/", "/enter", "/login", "/static/console.css", "/s3cre", "/s3cretx/login", "/a/s3cret/", "//s3cret/"):
        for logged_in in (True, False):
            found.cookie = found.cookie if logged_in else ""
            reply = await found.get(path)
            assert reply.status == 404, path
            assert not [each for each in reply.headers.values() if "s3cret" in each]


async def test_another_name_for_our_address_is_refused() -> None:
    """A page of another site, whose name is made to lead here, sees nothing."""
    found = browser()
    found.log_in()
    reply = await ask(found.app, "GET", "http://evil.example:8181/", b"", {"cookie": found.cookie})
    assert reply.status == 421
    assert b"July" not in reply.body


async def test_a_form_of_another_site_is_refused() -> None:
    """By its origin; and without its session's token whatever it says of its origin."""
    found = browser()
    found.log_in()
    token = await found.token()
    assert (await found.post("/logout", f"form={token}", origin="https://evil.example")).status == 403
    assert (await found.post("/logout", f"form={token}", origin="null")).status == 403
    assert (await found.post("/logout", "")).status == 403
    other = browser()
    other.log_in()
    assert (await found.post("/logout", f"form={await other.token()}")).status == 403
    assert (await found.get("/")).status == 200
    assert (await found.post("/logout", f"form={token}")).status == 303
    assert (await found.get("/")).headers["location"] == "/login"


async def test_sessions_end_by_time() -> None:
    """After an hour without a person's request, whatever pages ask by themselves; and after half a day."""
    found = browser()
    found.log_in()
    for _ in range(4):
        found.time += 1000
        await found.get("/arrangements", hx_request="true")
    assert (await found.get("/")).headers["location"] == "/login"
    found.log_in()
    for _ in range(13):
        found.time += 3500
        await found.get("/arrangements")
    assert (await found.get("/arrangements", hx_request="true")).status == 401


async def test_every_answer_forbids_what_is_not_ours() -> None:
    """No script, style, frame or form of others; nothing is kept by caches but the pages' own files."""
    found = browser()
    found.log_in()
    for path in ("/", "/login", "/nothing", "/static/console.css", "/static/none.css"):
        headers = (await found.get(path)).headers
        policy = str(headers["content-security-policy"])
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert ("no-store" in str(headers["cache-control"])) == (path != "/static/console.css")


async def test_files_outside_the_pages_are_not_there() -> None:
    """Whatever the path says."""
    found = browser()
    for name in ("../words.toml", "..%2fwords.toml", "%2e%2e/app.py", ".", "console.css/", "none.css"):
        assert (await found.get(f"/static/{name}")).status in {303, 307, 404}


async def test_every_form_says_who_may_send_it() -> None:
    """A page that takes forms from anybody is not served at all; and to whoever may only look, each of ours says no,
    before it looks at the form. What is rehearsed changes nothing: all may who may look, and may stop their own."""

    async def open_to_all(_: Request) -> Response:
        return Response()

    pages = Pages(FoldOwner(at(9, 3)), Place("http://127.0.0.1:1"), Path("uploads"), Histories(FoldOwner(at(9, 3))))
    with pytest.raises(TypeError, match="does not say who may send them"):
        guarded(pages, Route("/x", open_to_all, methods=["POST"]))
    found = browser()
    found.log_in(("reader",))
    forms = [each for module in PAGES for each in module.routes(pages) if not set(each.methods or ()) <= SAFE]
    assert len(forms) >= 5
    harmless = {"/rehearse", "/rehearse/{work}/stop"}
    assert {each.path for each in forms if pages.needs[each.endpoint] == LOOK} == harmless
    for each in (each for each in forms if each.path not in harmless):
        assert pages.needs[each.endpoint] in {ACT, APPROVE, BEGIN, MANAGE}, each.path
        path = re.sub(r"\{[^}]+\}", "x", each.path)
        assert (await found.post(path, "form=x")).status == 403, path


async def test_files_of_the_pages_are_kept_only_while_they_are_the_same() -> None:
    """A browser asks each time; what it has is not sent again. After an update nobody signs with an old script."""
    found = browser()
    reply = await found.get("/static/officials.js")
    assert "no-cache" in str(reply.headers["cache-control"])
    tag = str(reply.headers["etag"])
    again = await found.get("/static/officials.js", if_none_match=tag)
    assert (again.status, again.body) == (304, b"")
    assert (await found.get("/static/console.js", if_none_match=tag)).status == 200


async def test_files_of_the_pages_travel_compressed() -> None:
    """For whoever takes that; the same bytes."""
    found = browser()
    plain = await found.get("/static/htmx.min.js")
    packed = await found.get("/static/htmx.min.js", accept_encoding="gzip, br")
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < 18_000
