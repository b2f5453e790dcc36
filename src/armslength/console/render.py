"""Pages from templates: every text from the catalogue, every value escaped, what others write made safe to read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from armslength.console.catalogue import say
from armslength.console.guard import FORM, HEADER, Endpoint, Place, session_of
from armslength.console.histories import Histories
from armslength.console.owner import Owner
from armslength.console.sessions import MANAGE
from armslength.core.record.keys import from_base64
from armslength.errors import Unauthorised
from armslength.ports import Audit
from armslength.report import page as report_page
from armslength.views.words import (
    count,
    size,
    span,
    start_case,
)
from armslength.wire.card import Card
from armslength.wire.did_key import key_did
from armslength.wire.manage import StatementResult

NOTHING: Final = ""  # the outcome of a form that changes nothing: the audit trail does not keep it
HAVE: Final = "have"  # the query field with the version that a page has


@cache
def environment() -> Environment:
    """The templates, with the filters of the views."""
    made = report_page.environment("armslength.console")
    made.filters |= {
        "size": size,
        "span": span,
        "count": count,
        "did_key": lambda key: key_did(from_base64(key, "key")),
    }
    made.globals |= {"t": say}
    return made


@dataclass(frozen=True, slots=True)
class Pages:
    """What pages are made with: the owner that they show, where they are, and where uploads lie until they are
    sealed."""

    owner: Owner
    place: Place
    uploads: Path
    histories: Histories
    card: Card | None = None  # the owner's own identity card
    audit: Audit | None = None  # where several people come in …
    issuer: str = ""  # … and who tells who they are
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    needs: dict[Endpoint, str] = field(default_factory=dict)  # what one must be allowed, by page
    uploads_of: set[Endpoint] = field(default_factory=set)  # pages that read their forms by `uploads`

    def only(self, what: str, work: Endpoint) -> Endpoint:
        """A page for those whose role allows this."""

        async def endpoint(request: Request) -> Response:
            self.demand(request, what)
            return await work(request)

        self.needs[endpoint] = what
        return endpoint

    def upload(self, what: str, work: Endpoint) -> Endpoint:
        """The same for a page that takes a file of any size: it reads its form with `uploads.uploaded`."""
        endpoint = self.only(what, work)
        self.uploads_of.add(endpoint)
        return endpoint

    @staticmethod
    def demand(request: Request, what: str) -> None:
        """Raise Unauthorised unless a role of the session's allows this."""
        if not session_of(request).may(what):
            raise Unauthorised("role", str(say(f"role.{what}")))

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to work that goes on after its page."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @staticmethod
    def text(key: str, **filled: Any) -> str:
        """A note's text."""
        return str(say(key, **filled).unescape())

    @staticmethod
    def unchanged(request: Request, version: str) -> Response | None:
        """Where a page that is open asks whether it is still current, and it is: the answer without a page. Ask before
        anything is computed for one."""
        has_it = request.headers.get("hx-request") and request.query_params.get(HAVE) == version
        return Response(status_code=204) if has_it else None

    def page(self, request: Request, template: str, *, version: str = "", status: int = 200, **values: Any) -> Response:
        """A page. One with a version asks itself whether it is still current (`unchanged`)."""
        session = session_of(request)
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != HAVE]
        by_script = "hx-request" in request.headers or HEADER in request.headers
        notes = [] if by_script else list(session.notes)
        if notes:
            session.notes.clear()
        html = environment().get_template(template).render(
            owner=self.owner, base=self.place.base, here=request.url.path, session=session, notes=notes,
            again=f"{quote(request.scope['path'])}?{urlencode([*asked, (HAVE, version)])}", form=FORM,
            by_login=bool(self.issuer), audited=self.audit is not None and session.may(MANAGE), **values,
        )  # fmt: skip
        return HTMLResponse(html, status)

    def told(self, request: Request, path: str, results: Sequence[StatementResult]) -> Response:
        """After statements: to the page that shows what came of them, with what became of each kind."""
        notes = session_of(request).notes
        request.state.outcome = ", ".join(f"{each.type} {each.status} {each.entry[:12]}" for each in results)
        for status, tone_ in (("placed", "good"), ("pending", "warning"), ("refused", "broken")):
            found = [each for each in results if each.status == status]
            reasons = dict.fromkeys(each.reason or each.note or "" for each in found)
            for reason in reasons:
                many = sum((each.reason or each.note or "") == reason for each in found)
                text = say(f"said.{status}", count=count(many, "statement"))
                notes.append((tone_, f"{text} {start_case(reason)}." if reason else str(text)))
        return RedirectResponse(f"{self.place.base}{path}", 303)

    def back(self, request: Request, path: str, text: str = "", tone_: str = "good") -> Response:
        """After a form: to the page that shows what came of it, with a note."""
        if text:
            session_of(request).notes.append((tone_, text))
        return RedirectResponse(f"{self.place.base}{path}", 303)
