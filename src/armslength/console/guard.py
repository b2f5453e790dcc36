"""What every request passes before a page sees it: the host's name, where it comes from, the session, the form's token;
and the headers that every answer bears."""

from __future__ import annotations

import hmac
import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from armslength.console.sessions import Session, Sessions
from armslength.errors import Unauthorised

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
AT_ONCE: Final = 16  # requests of one person's; the server's connections are for all
MAX_FORM: Final = 2 * 1024 * 1024  # bytes of a form …
UPLOAD: Final = re.compile(r"/a/[^/]+/files/[^/]+/publish")  # … but for those with a tranche's file, sent here …
PARTS: Final = "multipart/form-data"  # … in parts, which are written to disk as they come
FORM: Final = "form"  # the field with the session's token, in every form
HEADER: Final = "x-form"  # … or the header with it, where a script sends


@dataclass(frozen=True, slots=True)
class Place:
    """Where the console is reached. `origin`: scheme, host and port; `base`: the path in front of each page's, a secret
    where other people's servers share the host."""

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
        """The session cookie's name. Cookies know no ports: on one machine each console has its own, and one that has
        a secret `base` has a name that nobody else can set a cookie under."""
        port = urlsplit(self.origin).port or 80
        return "__Host-armslength" if self.is_secure else f"armslength-{port}{self.base.replace('/', '-')}"

    @property
    def path(self) -> str:
        """The paths that its cookies are sent to: another server on this machine is asked for none of these."""
        return self.base or "/"

    def has(self, path: str) -> bool:
        """Whether a request's path lies under `base`, which may be a secret."""
        given = path.encode()[: len(self.base) + 1]
        return not self.base or hmac.compare_digest(given, f"{self.base}/".encode())


class Guard:
    """ASGI middleware: refuses what cannot come from a page of ours, and puts the session where pages find it."""

    def __init__(self, app: ASGIApp, place: Place, sessions: Sessions, open_paths: tuple[str, ...]) -> None:
        self._app = app
        self._place = place
        self._sessions = sessions
        self._open = open_paths
        self._under_way = Counter[str]()  # requests, by subject

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
        session: Session | None = getattr(request.state, "session", None)
        if session is None:
            await self._app(scope, receive, sent)
            return
        self._under_way[session.subject] += 1
        try:
            within = self._under_way[session.subject] <= AT_ONCE
            await (self._app if within else too_often(1))(scope, receive, sent)
        finally:
            self._under_way[session.subject] -= 1
            self._under_way += Counter()  # drops those at nothing

    def _headers(self) -> dict[str, str]:
        secure = {"strict-transport-security": "max-age=31536000"} if self._place.is_secure else {}
        return HEADERS | {"cache-control": "no-store"} | secure

    def _refused(self, request: Request) -> Response | None:
        """Why a request goes no further; None if it does."""
        if request.headers.get("host") != self._place.host:  # another name for our address: DNS rebinding
            return PlainTextResponse("this console has another address\n", 421)
        if request.method not in SAFE and request.headers.get("origin", self._place.origin) != self._place.origin:
            return PlainTextResponse("this comes from another site\n", 403)
        path: str = request.scope["path"]  # by which a page is found
        if not self._place.has(path):
            return PlainTextResponse("there is nothing here\n", 404)
        path = path.removeprefix(self._place.base)
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


async def check_form(request: Request) -> None:
    """Refuse a POST that does not bear its session's token, in its form or as a header. Raises Unauthorised."""
    given = request.headers.get(HEADER)
    check_token(request, str((await request.form()).get(FORM, "")) if given is None else given)


def check_token(request: Request, given: str) -> None:
    """Refuse what is not the token of the request's session. Raises Unauthorised."""
    if not session_of(request).holds(given):
        raise Unauthorised("expired-form", "this form has expired: go back, reload the page and send it again")


def with_cookie(response: Response, place: Place, secret: str) -> Response:
    """The answer that begins a session."""
    response.set_cookie(
        place.cookie, secret, path=place.path, httponly=True, samesite="strict", secure=place.is_secure
    )  # fmt: skip
    return response


Endpoint = Callable[[Request], Awaitable[Response]]
