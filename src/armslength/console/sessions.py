"""Who is at the console: sessions by a secret in a cookie, begun by a link that works once, ended by time.

Nothing of it is stored: whoever restarts the console logs everybody out.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from armslength.wire.news import ToldEvent

LINK_S: Final = 600.0  # that a link works
IDLE_S: Final = 3600.0  # after the last request of a person's
LONGEST_S: Final = 12 * 3600.0
MOST: Final = 200  # at a time; the longest idle goes

LOOK, ACT, APPROVE, MANAGE = "look", "act", "approve", "manage"  # what somebody may do
ROLES: Final = {
    "reader": frozenset({LOOK}),
    "operator": frozenset({LOOK, ACT}),
    "official": frozenset({LOOK, APPROVE}),
    "administrator": frozenset({LOOK, MANAGE}),
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
    notes: list[tuple[str, str]] = field(default_factory=list)  # tone and text
    # Since it began: from where on to ask, and what there was.
    news: tuple[str, list[ToldEvent]] = field(default_factory=lambda: ("", []))

    def may(self, what: str) -> bool:
        """Whether a role of theirs allows it."""
        return any(what in ROLES[role] for role in self.roles)

    def holds(self, token: str) -> bool:
        """Whether a form is ours."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """All sessions. `now` is a clock that never goes back, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open: dict[str, Session] = {}
        self._links: dict[str, float] = {}

    def link(self) -> str:
        """A secret that begins one session of the owner's."""
        secret = secrets.token_urlsafe(32)
        self._links[secret] = self._now() + LINK_S
        return secret

    def enter(self, secret: str, name: str) -> str | None:
        """The new session's secret, if the link's still works; it does no more."""
        until = self._links.pop(secret, 0.0)
        return self.begin(name, "owner", OWNER) if until > self._now() else None

    def begin(self, name: str, subject: str, roles: tuple[str, ...]) -> str:
        """A new session; its secret is for the cookie."""
        now = self._now()
        self._sweep(now)
        if len(self._open) >= MOST:
            del self._open[min(self._open, key=lambda each: self._open[each].seen)]
        secret = secrets.token_urlsafe(32)
        self._open[secret] = Session(name, subject, roles, secrets.token_urlsafe(32), now, now)
        return secret

    def find(self, secret: str, *, by_person: bool) -> Session | None:
        """The session of a cookie, if it has not ended. What a page asks by itself keeps nobody in."""
        now = self._now()
        self._sweep(now)
        found = self._open.get(secret)
        if found is not None and by_person:
            found.seen = now
        return found

    def end(self, secret: str) -> None:
        """Log out."""
        self._open.pop(secret, None)

    def _sweep(self, now: float) -> None:
        for secret, each in list(self._open.items()):
            if now > each.seen + IDLE_S or now > each.begun + LONGEST_S:
                del self._open[secret]
        self._links = {secret: until for secret, until in self._links.items() if until > now}
