"""Who is at the console: sessions by a secret in a cookie, begun by a link that works once, ended by time.

Nothing of it is stored: whoever restarts the console logs everybody out.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from armslength.approvals.drafts import DraftedAct
from armslength.console.rates import Rates
from armslength.wire.manage import DraftOrder
from armslength.wire.news import ToldEvent

LINK_S: Final = 600.0  # that a link works
IDLE_S: Final = 3600.0  # after the last request of a person's
LONGEST_S: Final = 12 * 3600.0
MOST: Final = 200  # at a time; the longest idle goes …
MOST_OF_ONE: Final = 10  # … and of one person's, too
NOTES: Final = 20  # that wait for the next page; the last ones

LOOK, ACT, APPROVE, MANAGE = "look", "act", "approve", "manage"  # what somebody may do
BEGIN: Final = "begin"  # fill in the form of an act: it is done for those who may act, and else asked of officials
ROLES: Final = {
    "reader": frozenset({LOOK}),
    "operator": frozenset({LOOK, BEGIN, ACT}),
    "official": frozenset({LOOK, BEGIN, APPROVE}),
    "administrator": frozenset({LOOK, BEGIN, MANAGE}),
}
OWNER: Final = tuple(ROLES)  # whoever has the folder is everything


@dataclass(slots=True, eq=False)
class Session:
    """One person at one browser. `csrf` is shown in every form. `notes` are told on the next page, once."""

    name: str
    subject: str
    roles: tuple[str, ...]
    csrf: str
    begun: float
    seen: float
    notes: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=NOTES))  # tone and text
    # Since it began: from where on to ask, and what there was.
    news: tuple[str, list[ToldEvent]] = field(default_factory=lambda: ("", []))
    asking: DraftOrder | None = None  # what is to be asked of officials …
    drafted: DraftedAct | None = None  # … and as it was drafted, to be signed

    def may(self, what: str) -> bool:
        """Whether a role of theirs allows it."""
        return any(what in ROLES[role] for role in self.roles)

    def holds(self, token: str) -> bool:
        """Whether a form is ours."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """All sessions. `now` is a clock that never goes back, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._open: dict[str, Session] = {}
        self._links: dict[str, float] = {}
        self._acts = Rates(now, at_once=60, a_minute=60)

    def link(self) -> str:
        """A secret that begins one session of the owner's."""
        secret = secrets.token_urlsafe(32)
        self._links[secret] = self.now() + LINK_S
        return secret

    def enter(self, secret: str, name: str) -> str | None:
        """The new session's secret, if the link's still works; it does no more."""
        until = self._links.pop(secret, 0.0)
        return self.begin(name, "owner", OWNER) if until > self.now() else None

    def begin(self, name: str, subject: str, roles: tuple[str, ...]) -> str:
        """A new session; its secret is for the cookie."""
        now = self.now()
        self._sweep(now)
        theirs = [each for each, session in self._open.items() if session.subject == subject]
        for most, among in ((MOST_OF_ONE, theirs), (MOST, list(self._open))):
            if len(among) >= most:
                self.end(min(among, key=lambda each: self._open[each].seen))
        secret = secrets.token_urlsafe(32)
        self._open[secret] = Session(name, subject, roles, secrets.token_urlsafe(32), now, now)
        return secret

    def find(self, secret: str, *, by_person: bool) -> Session | None:
        """The session of a cookie, if it has not ended. What a page asks by itself keeps nobody in."""
        now = self.now()
        self._sweep(now)
        found = self._open.get(secret)
        if found is not None and by_person:
            found.seen = now
        return found

    def end(self, secret: str) -> None:
        """Log out."""
        self._open.pop(secret, None)

    def end_of(self, subject: str, but_with: tuple[str, ...] | None = None) -> None:
        """Log somebody out everywhere, but for sessions with just these roles."""
        for secret, each in list(self._open.items()):
            if each.subject == subject and each.roles != but_with:
                del self._open[secret]

    def holds(self, session: Session) -> bool:
        """Whether a session has not ended."""
        self._sweep(self.now())
        return session in self._open.values()

    def wait(self, session: Session) -> float:
        """For how many seconds whoever is in this session may do nothing: more was done than people do."""
        return self._acts.wait(session.subject)

    def _sweep(self, now: float) -> None:
        for secret, each in list(self._open.items()):
            if now > each.seen + IDLE_S or now > each.begun + LONGEST_S:
                del self._open[secret]
        self._links = {secret: until for secret, until in self._links.items() if until > now}
