"""An arrangement as the pages look at it: a node's view, decoded once."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from armslength.console.owner import Owner
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement, Claim
from armslength.views.explain import NodeFacts, facts_of
from armslength.views.words import Words
from armslength.wire.manage import VIEW, NodeView, WhichArrangement
from armslength.wire.terms_json import decode_terms


@dataclass(frozen=True, slots=True)
class LookedAt:
    """One arrangement as its node sees it now. `version` changes whenever any page about it could."""

    arrangement: str
    terms: Arrangement
    state: State
    facts: NodeFacts
    view: NodeView

    @property
    def me(self) -> str:
        """Who we are in it."""
        return self.view.me

    @property
    def ahead(self) -> State:
        """The state once what we have said is placed: what is asked of us, and what we may say, follows from it."""
        return self.view.ahead or self.state

    @property
    def is_ahead(self) -> bool:
        """Whether something that we have said is not placed yet, as far as our node knows."""
        return self.ahead is not self.state

    @property
    def words(self) -> Words:
        """How the views name things in it."""
        return Words.of(self.terms, self.state)

    def begun(self, claim: Claim) -> int:
        """How many periods of a claim have begun; an event has the one from the start."""
        if self.state.arrangement.effective_at is None:
            return 0
        words, now = self.words, self.view.now
        return sum(claim.period is None or words.starts(claim, n) <= now for n in range(words.periods(claim)))

    def ended(self, claim: Claim) -> int:
        """How many periods of a claim are over."""
        words, now = self.words, self.view.now
        return sum(words.ends(claim, n) <= now for n in range(self.begun(claim)))

    @property
    def version(self) -> str:
        """What a page says it was made from."""
        moving = (
            self.is_ahead,
            self.view.transfers,
            self.view.sealing,
            self.view.troubles,
        )
        return f"{self.view.size}-{self.view.sealed}-{self.view.now // 60}-{hash(str(moving)) & 0xFFFFFF:x}"


async def look(owner: Owner, arrangement: str) -> LookedAt:
    """The present state. Raises NotFound where there is no such arrangement."""
    view = await owner.ask(VIEW, WhichArrangement(arrangement=arrangement))
    return LookedAt(view.arrangement, decode_terms(view.document.encode()), view.state, facts_of(view), view)


def page_number(request: Request, there: int, each: int) -> int:
    """Which page is asked for: the first is 0, what is no page is the first."""
    given = request.query_params.get("page", "0")
    number = int(given) if given.isascii() and given.isdecimal() and len(given) < 7 else 0
    return number if number * each < there else 0
