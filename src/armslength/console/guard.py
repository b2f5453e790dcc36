"""What every request passes before a page sees it: the host's name, where it comes from, the session, the form's token;
and the headers that every answer bears."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from armslength.console.sessions import Session, Sessions

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
SAFE: Final = frozenset({"GET", "HEAD"})
MAX_FORM: Final = 2 * 1024 * 1024  # bytes of a form …
UPLOAD: Final = re.compile(r"/a/[^/]+/files/[^/]+/publish")  # … but for those with a tranche's file, sent here …
PARTS: Final = "multipart/form-data"  # … in parts, which are written to disk as they come
FORM: Final = "form"  # the field with the session's token, in every form
HEADER: Final = "x-form"  # … or the header with it, where a script sends


@dataclass(frozen=True, slots=True)
class Place:
    """Where the console is reached. `origin`: scheme, host and port; `base`: the path in front of every page's."""

    origin: str
    base: str = ""

    @property
    def host(self) -> str:
        """What the Host header says."""
        return urlsplit(self.origin).netloc

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by TLS."""
        return self.origin.startswith("https://")

    @property
    def cookie(self) -> str:
        """The session cookie's name. Cookies know no ports: on one machine each console has its own."""
        return "__Host-armslength" if self.is_secure else f"armslength-{urlsplit(self.origin).port or 80}"


class Guard:
    """ASGI middleware: refuses what cannot come from a page of ours, and puts the session where pages find it."""

    def __init__(self, app: ASGIApp, place: Place, sessions: Sessions, open_paths: tuple[str, ...]) -> None:
        self._app = app
        self._place = place
        self._sessions = sessions
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                extra = [(k.encode(), v.encode()) for k, v in self._headers().items() if k.encode() not in given]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        request = Request(scope, receive)
        refused = self._refused(request)
        if refused is not None:
            await refused(scope, receive, sent)
            return
        await self._app(scope, receive, sent)

    def _headers(self) -> dict[str, str]:
        secure = {"strict-transport-security": "max-age=31536000"} if self._place.is_secure else {}
        return HEADERS | {"cache-control": "no-store"} | secure

    def _refused(self, request: Request) -> Response | None:
        """Why a request goes no further; None if it does."""
        if request.headers.get("host") != self._place.host:  # another name for our address: DNS rebinding
            return PlainTextResponse("this console has another address\n", 421)
        if request.method not in SAFE and request.headers.get("origin", self._place.origin) != self._place.origin:
            return PlainTextResponse("this comes from another site\n", 403)
        path = request.url.path.removeprefix(self._place.base)
        if request.method not in SAFE and not _is_upload(request, path) and not _is_small(request):
            return PlainTextResponse("this is too large for a form\n", 413)
        if path.startswith(self._open):
            return None
        by_person = "hx-request" not in request.headers or request.method not in SAFE
        session = self._sessions.find(request.cookies.get(self._place.cookie, ""), by_person=by_person)
        if session is None:
            if "hx-request" in request.headers:
                return Response(status_code=401, headers={"hx-redirect": f"{self._place.base}/login"})
            return RedirectResponse(f"{self._place.base}/login", 303)
        wait = self._sessions.wait(session) if request.method not in SAFE else 0.0
        if wait:
            return too_often(wait)
        request.state.session = session
        return None


def too_often(wait: float) -> Response:
    """An answer to whoever is to try again in so many seconds."""
    return PlainTextResponse("this is too often: wait a little\n", 429, {"retry-after": str(math.ceil(wait))})


def _is_upload(request: Request, path: str) -> bool:
    return bool(UPLOAD.fullmatch(path)) and request.headers.get("content-type", "").startswith(PARTS)


def _is_small(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdecimal() and int(length[:20]) <= MAX_FORM


def session_of(request: Request) -> Session:
    """The session that the guard has found."""
    found: Session = request.state.session
    return found


async def is_ours(request: Request) -> bool:
    """Whether a POST bears its session's token, in its form or as a header."""
    given = request.headers.get(HEADER)
    if given is None:
        given = str((await request.form()).get(FORM, ""))
    return session_of(request).holds(given)


def with_cookie(response: Response, place: Place, secret: str) -> Response:
    """The answer that begins a session."""
    response.set_cookie(place.cookie, secret, path="/", httponly=True, samesite="strict", secure=place.is_secure)
    return response


Endpoint = Callable[[Request], Awaitable[Response]]
