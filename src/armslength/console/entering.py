"""Logging in at a provider: out by a link, back with a code, and from there a session.

What a browser brings back counts only together with the cookie that it got when it left, once, and for ten minutes.
That cookie comes along although another site sends the browser here (SameSite=Lax); the session's own (Strict) would
not, so the answer is a page that goes on by itself.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from armslength.approvals.drafts import APPROVE, ASK, OBJECT, Decision, Proof, login_nonce
from armslength.console.approving import asked_for, check_drafted
from armslength.console.catalogue import say
from armslength.console.guard import Place, too_often, with_cookie
from armslength.console.rates import Rates
from armslength.console.render import Pages, environment
from armslength.console.sessions import Session, Sessions
from armslength.errors import ArmslengthError, Misuse, Unauthorised, Unavailable
from armslength.ports import Account, Audit, LoginAttempt, LoginProvider
from armslength.wire.manage import DECIDE

ATTEMPT_S: Final = 600.0
MOST: Final = 4096  # attempts at a time: more than the rates let begin in their time
WORDS: Final = (ASK, APPROVE, OBJECT)
LONGEST: Final = 2048  # characters of what comes back
EVERYBODY: Final = ""  # the key of a rate of all together


@dataclass(frozen=True, slots=True)
class Access:
    """How people get in who have no folder: by whom they are told, where it is kept what they do, and whom an address
    counts as: everybody has many of IPv6."""

    provider: LoginProvider
    audit: Audit
    whom: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class BegunLogin:
    """A login that a browser has begun: to enter, or for an official's word (draft and word) in a session."""

    attempt: LoginAttempt
    until: float
    session: Session | None = None
    word: tuple[str, str] | None = None


class Entrance:
    """The ways in by a provider. `now` is a clock that never goes back, in seconds."""

    def __init__(self, access: Access, pages: Pages, sessions: Sessions, now: Callable[[], float]) -> None:
        self._access = access
        self._pages = pages
        self._sessions = sessions
        self._now = now
        self._begun: dict[str, BegunLogin] = {}
        self._by_address = Rates(now, at_once=20, a_minute=20)
        self._by_all = Rates(now, at_once=300, a_minute=300)
        self._failures = Rates(now, at_once=20, a_minute=10)

    def routes(self) -> list[Route]:
        """Out and back; they need no session."""
        return [Route("/login/start", self._start), Route("/login/callback", self._callback)]

    # --- out -------------------------------------------------------------------------------------------------------

    async def _start(self, request: Request) -> Response:
        try:
            return await self._leave(request, self._begin())
        except ArmslengthError as error:
            return self._failed(error)

    async def leave_to_decide(self, request: Request, session: Session, draft: str, word: str) -> Response:
        """Send the browser of an official to log in anew for its word on a draft. Raises Misuse, Unavailable."""
        if word not in WORDS or not re.fullmatch("[0-9a-f]{64}", draft):
            raise Misuse("bad-form", f"one of: {', '.join(WORDS)}, and a draft", "word")
        if word == ASK:
            check_drafted(session, draft)
        return await self._leave(request, self._begin(session, (draft, word)))

    def _begin(self, session: Session | None = None, word: tuple[str, str] | None = None) -> BegunLogin:
        nonce = login_nonce(*word) if word else secrets.token_urlsafe(32)
        attempt = LoginAttempt(
            state=secrets.token_urlsafe(32), nonce=nonce, verifier=secrets.token_urlsafe(48), fresh=word is not None
        )
        return BegunLogin(attempt, self._now() + ATTEMPT_S, session, word)

    def _wait(self, request: Request) -> float:
        """Count one: for how many seconds whoever asks is to wait."""
        return self._by_address.wait(self._access.whom(_address(request))) or self._by_all.wait(EVERYBODY)

    async def _leave(self, request: Request, begun: BegunLogin) -> Response:
        if wait := self._wait(request):
            return too_often(wait)
        address = await self._access.provider.address(begun.attempt)
        secret = secrets.token_urlsafe(32)
        now = self._now()
        self._begun = {key: each for key, each in self._begun.items() if each.until > now}
        while len(self._begun) >= MOST:
            del self._begun[next(iter(self._begun))]
        self._begun[secret] = begun
        response: Response = RedirectResponse(address, 303)
        if begun.word is not None:  # a form may lead to ourselves alone: the page goes on by itself
            response = onward(self._pages.place.base, address)
        place = self._pages.place
        response.set_cookie(
            _cookie(place), secret, max_age=int(ATTEMPT_S), path=place.path, httponly=True, samesite="lax",
            secure=place.is_secure,
        )  # fmt: skip
        return response

    # --- back ------------------------------------------------------------------------------------------------------

    async def _callback(self, request: Request) -> Response:
        begun = self._begun.pop(request.cookies.get(_cookie(self._pages.place), ""), None)
        if begun is None and (wait := self._wait(request)):  # one that was begun was counted then, and comes back once
            return too_often(wait)
        account: Account | None = None
        try:
            if begun is None or begun.until <= self._now():
                raise Unauthorised("login-expired", "this login was not begun here, is over, or took too long")
            account = await self._access.provider.account(begun.attempt, self._code(request, begun.attempt))
            response = await (self._decide(request, begun, account) if begun.word else self._enter(account))
        except ArmslengthError as error:
            await self._note_failure(error, account)
            response = self._failed(error)
        place = self._pages.place
        response.delete_cookie(
            _cookie(place), path=place.path, secure=place.is_secure, httponly=True, samesite="lax"
        )  # fmt: skip
        return response

    def _code(self, request: Request, attempt: LoginAttempt) -> str:
        """The code that came back to this attempt. Raises Unauthorised."""
        given = {name: request.query_params.getlist(name) for name in ("state", "code", "error", "iss")}
        if any(len(each) > 1 or any(len(value) > LONGEST for value in each) for each in given.values()):
            raise Unauthorised("bad-login", "what came back says something twice, or too much")
        state, code, error, issuer = ("".join(each) for each in given.values())
        if not hmac.compare_digest(state.encode(), attempt.state.encode()):
            raise Unauthorised("bad-login", "what came back belongs to another login")
        if issuer and issuer != self._access.provider.issuer:
            raise Unauthorised("bad-login", "what came back is of another provider")
        if error or not code:
            told = error if re.fullmatch("[a-z_]{1,40}", error) else "no code"
            raise Unauthorised("login-declined", f"the provider has logged in nobody: {told}")
        return code

    async def _enter(self, account: Account) -> Response:
        if not account.roles:
            self._sessions.end_of(account.subject)
            raise Unauthorised("no-role", "you have no role at this console: ask whoever administers it")
        self._sessions.end_of(account.subject, but_with=account.roles)
        secret = self._sessions.begin(account.name, account.subject, account.roles)
        await self._access.audit.note(account.subject, account.name, "login", "", f"as {', '.join(account.roles)}")
        place = self._pages.place
        return with_cookie(onward(place.base, f"{place.base}/"), place, secret)

    async def _decide(self, request: Request, begun: BegunLogin, account: Account) -> Response:
        """The official's word, with the login as its proof: of the person whose session it was asked in."""
        if begun.word is None or begun.session is None or not self._sessions.holds(begun.session):
            raise Unauthorised("login-expired", "the session in which it was asked has ended")
        if begun.session.subject != account.subject:
            raise Unauthorised("bad-login", "somebody else has logged in than whoever asked")
        (draft, word), pages, proof = begun.word, self._pages, Proof(token=account.token)
        request.state.session = begun.session
        if word == ASK:
            state = (await asked_for(pages, begun.session, draft, proof)).state
            pages.back(request, "", pages.text("approvals.asked"))
        else:
            told = await pages.owner.ask(DECIDE, Decision(draft=draft, word=word, proof=proof))
            state = told.draft.state
            if told.said:
                pages.told(request, "", told.said)
            else:
                pages.back(request, "", pages.text("approvals.taken"))
        await self._access.audit.note(account.subject, account.name, word, draft, f"by a login: {state}")
        return onward(pages.place.base, f"{pages.place.base}/approvals/{draft}")

    async def _note_failure(self, error: ArmslengthError, account: Account | None) -> None:
        """Failures of strangers are kept too, as many as do not fill a disk."""
        if account is not None or not self._failures.wait(EVERYBODY):
            who = (account.subject, account.name) if account else ("", "")
            await self._access.audit.note(*who, "login", "", f"refused: {error.code}: {error.reason}")

    # --- pages -----------------------------------------------------------------------------------------------------

    def _failed(self, error: ArmslengthError) -> Response:
        reason = str(say("login.away")) if isinstance(error, Unavailable) else error.reason
        return login_page(self._pages.place, by_provider=True, reason=reason, status=error.http_status)


def onward(base: str, address: str) -> Response:
    """A page that goes on by itself: what begins here, with the cookies that are for nobody whom others have sent."""
    html = environment().get_template("onward.html.j2").render(base=base, address=address)
    return Response(html, media_type="text/html")


def login_page(place: Place, *, by_provider: bool, reason: str = "", status: int = 401) -> Response:
    """How to get in."""
    html = environment().get_template("login.html.j2").render(
        base=place.base, by_provider=by_provider, reason=reason
    )  # fmt: skip
    return Response(html, status, media_type="text/html")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _cookie(place: Place) -> str:
    """The name of the cookie of a login that is begun."""
    return f"{place.cookie}-login"
