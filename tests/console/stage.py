"""A console over a state that the golden scenario has come to, asked in memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from armslength.approvals.policy import OWNER
from armslength.console.app import build_console
from armslength.console.guard import Place
from armslength.console.owner import Owner
from armslength.console.sessions import OWNER as EVERYTHING
from armslength.console.sessions import Sessions
from armslength.core.canonical import digest
from armslength.errors import NotFound
from armslength.net.client import HttpReply
from armslength.views.today import outline
from armslength.wire.card import Card
from armslength.wire.manage import (
    APPROVALS,
    LIST,
    POLICY,
    RECORD,
    VIEW,
    ApprovalsView,
    ArrangementList,
    ArrangementSummary,
    NodeView,
    SealedRecord,
    Verb,
)
from armslength.wire.news import NEWS, TODAY, NewsView, TodayView
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import DAY
from tests.sim.harness import world_terms
from tests.sim.network import ask
from tests.views.fold import golden

A = TypeVar("A")
ORIGIN = "http://127.0.0.1:8181"


class FoldOwner:
    """The owner of a node that sees the golden scenario at an instant; `asked` keeps what it was asked."""

    name, did, is_monitor = "Arandia", "did:web:arandia.example", False

    def __init__(self, time: int, me: str = "A") -> None:
        self.asked: list[tuple[str, object]] = []
        state, document = golden().at(time), encode_terms(world_terms()).decode()
        self.arrangement = digest(document.encode())
        size = len(golden().until(time))
        view = NodeView(
            arrangement=self.arrangement, document=document, state=state, sealed_state=state, state_root="",
            tree_root="", size=size, sealed=size, now=time, heard={}, transfers={}, suspended={}, sealing={},
            troubles=(), me=me, absent={}, others={}, **_number(1),
        )  # fmt: skip
        summary = ArrangementSummary(
            arrangement=self.arrangement, title=golden().terms.title, state=state.shown, proposed_by="did:x", note="",
            signed=("A", "B"), me=me, document=document, texts={},
        )  # fmt: skip
        found = outline(self.arrangement, world_terms(), state, me, time)
        today = TodayView(now=time + 10 * DAY, simulated=time, asked=found.asked, stalled=found.stalled, said=())
        self.answers: dict[str, object] = {
            VIEW.name: view,
            LIST.name: ArrangementList(arrangements=(summary,)),
            TODAY.name: today,
            APPROVALS.name: ApprovalsView(policy=OWNER, lines=0, head="", drafts=()),
            POLICY.name: ApprovalsView(policy=OWNER, lines=0, head="", drafts=()),
            RECORD.name: SealedRecord(document=document, texts={}, leaves=()),
            NEWS.name: NewsView(events=(), cursor="1"),
        }

    async def ask(self, verb: Verb[Any, A], asked: object) -> A:
        """What the state answers."""
        self.asked.append((verb.name, asked))
        wanted = getattr(asked, "arrangement", "")
        if not self.arrangement.startswith(wanted) or verb.name not in self.answers:
            raise NotFound("unknown-arrangement", "no such arrangement", wanted)
        found: A = self.answers[verb.name]  # type: ignore[assignment]
        return found


def _number(held: int) -> dict[str, int]:
    """The field of `NodeView` that counts the arrangements here."""
    return {next(name for name in ("arrangements", "held") if name in NodeView.__dataclass_fields__): held}


class Browser:
    """Requests with the cookies that answers set."""

    def __init__(
        self,
        owner: Owner,
        origin: str = ORIGIN,
        base: str = "",
        uploads: Path = Path("uploads"),
        card: Card | None = None,
    ) -> None:
        self.place = Place(origin, base)
        self.sessions = Sessions(lambda: self.time)
        self.time = 1000.0
        self.owner = owner
        self.app = build_console(owner, self.place, self.sessions, uploads, card=card)
        self.cookie = ""

    async def get(self, path: str, **headers: str) -> HttpReply:
        """GET a page."""
        return await self._ask("GET", path, b"", headers)

    async def post(self, path: str, body: str, **headers: str) -> HttpReply:
        """Send a form."""
        kind = {"content-type": "application/x-www-form-urlencoded", "origin": self.place.origin}
        return await self._ask("POST", path, body.encode(), kind | headers)

    async def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> HttpReply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            given["cookie"] = self.cookie
        reply = await ask(self.app, method, f"{self.place.origin}{path}", body, given)
        if set_ := reply.headers.get("set-cookie"):
            self.cookie = str(set_).split(";")[0]
        return reply

    def log_in(self, roles: tuple[str, ...] = EVERYTHING) -> None:
        """Begin a session as whoever has these roles."""
        self.cookie = f"{self.place.cookie}={self.sessions.begin('Pat', 'pat', roles)}"

    async def token(self, path: str = "/") -> str:
        """The form token of a page."""
        found = re.search(r'name="form" value="([^"]+)"', (await self.get(path)).body.decode())
        assert found
        return found[1]
