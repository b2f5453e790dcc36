"""For each claim that one monitors: the question, its periods, and what one has said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.approving import policy_of, said
from armslength.console.forms import attestations
from armslength.console.reading import LookedAt, look, page_number
from armslength.console.render import Pages
from armslength.console.sessions import BEGIN
from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Attest
from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import PeriodValue
from armslength.core.arrangement.terms import Claim
from armslength.views.blocks import decided
from armslength.views.history import History
from armslength.views.tasks import preview

SHOWN = 40  # periods on a page
RECENT = 14  # of them, at most, the latest of a claim whatever they are; the others wait for our word


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWord:
    """What we said of a period. `counted`: it counted when it was placed."""

    value: bool
    at: int
    entry: str
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodLine:
    """One period. `open`: we may speak on it now; `refused`: why not, in the engine's words."""

    number: int
    starts: int
    ends: int
    value: str
    said: OwnWord | None = None
    is_open: bool = False
    has_ended: bool = False
    refused: str = ""

    @property
    def waits(self) -> bool:
        """Whether it is over and has no word of ours."""
        return self.is_open and self.has_ended and self.said is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimQuestion:
    """One claim that we monitor. `lines`: the periods that are shown, latest first; `waiting`: those that wait for our
    word, earliest first. `hidden`: how many periods are not shown; `more`: whether some of them wait."""

    name: str
    claim: Claim
    clause: str
    lines: tuple[PeriodLine, ...]
    waiting: tuple[PeriodLine, ...]
    hidden: int = 0
    more: bool = False


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def attesting(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        history = await pages.histories.of(seen.arrangement, seen.view.sealed)
        asking, alone = _asking(seen, history), request.query_params.get("claim", "")
        claims = {name: claim for name, claim in seen.terms.claims.items() if seen.me in claim.monitors}
        number, begun = 0, seen.begun(claims[alone]) if alone in claims else 0
        if begun:  # this claim's own pages
            number = page_number(request, begun, SHOWN)
            asked = [asking.question(alone, range(begun)[::-1][number * SHOWN : (number + 1) * SHOWN])]
        else:
            asked = [asking.at_first(name, max(2, SHOWN // len(claims))) for name in claims]
        policy, more = await policy_of(pages.owner), begun > (number + 1) * SHOWN
        return pages.page(
            request, "attest.html.j2", seen=seen, words=seen.words, questions=asked, policy=policy,
            claim=alone if begun else "", number=number, more=more,
        )  # fmt: skip

    async def attest(request: Request) -> Response:
        form = await request.form()
        picked = [value for value in form.getlist("period") if isinstance(value, str)]
        value = str(form.get("say", ""))
        if "=" in value:  # one period's own button
            one, _, value = value.partition("=")
            picked = [one]
        arrangement = request.path_params["arrangement"]
        seen = await look(pages.owner, arrangement)
        bodies = attestations(picked, value=value == "true", earlier=_earlier(seen))
        return await said(pages, request, arrangement, bodies, f"/a/{arrangement}/attest")

    return [
        Route("/a/{arrangement}/attest", attesting),
        Route("/a/{arrangement}/attest", pages.only(BEGIN, attest), methods=["POST"]),
    ]


def _earlier(seen: LookedAt) -> dict[tuple[str, int], str]:
    """Our attestations that count and could be corrected, by claim and period."""
    return {
        (name, int(period)): votes[seen.me].entry
        for name, claim in seen.ahead.claims.items()
        for period, votes in claim.open.items()
        if seen.me in votes
    }


@dataclass(frozen=True, slots=True)
class _Asking:
    """What we are asked: `mine` is what we have said, and `ahead` the state at present once that is placed."""

    seen: LookedAt
    ahead: State
    mine: dict[tuple[str, int], OwnWord]

    def at_first(self, name: str, most: int) -> ClaimQuestion:
        """The latest periods, and of those before them the earliest that wait; at most so many."""
        begun, recent = self.seen.begun(self.seen.terms.claims[name]), min(RECENT, most // 2)
        latest = range(max(0, begun - recent), begun)
        waiting = (number for number in range(latest.start) if self.line(name, number).waits)
        earliest = list(islice(waiting, most - recent))
        shown = self.question(name, [*reversed(latest), *reversed(earliest)])
        more = next(waiting, None) is not None
        return replace(shown, hidden=begun - len(latest) - len(earliest), more=more)

    def question(self, name: str, numbers: Sequence[int]) -> ClaimQuestion:
        """These periods of a claim, latest first."""
        claim, lines = self.seen.terms.claims[name], tuple(self.line(name, number) for number in numbers)
        clause = self.seen.terms.clauses[claim.clause].title
        waiting = tuple(line for line in reversed(lines) if line.waits)
        return ClaimQuestion(name=name, claim=claim, clause=clause, lines=lines, waiting=waiting)

    def line(self, name: str, number: int) -> PeriodLine:
        """One period."""
        seen, claim = self.seen, self.seen.terms.claims[name]
        value, now, ends = decided(seen.state, name, number), seen.view.now, seen.words.ends(claim, number)
        has_ended = claim.period is None or ends <= now
        vote = seen.ahead.claims[name].open.get(str(number), {}).get(seen.me)
        said = self.mine.get((name, number))
        if vote is not None:
            said = OwnWord(value=vote.value, at=vote.at, entry=vote.entry, counted=True)
        refused = ""
        if value == PeriodValue.UNDECIDED:
            body = Attest(claim=name, period=number, value=has_ended, supersedes=vote.entry if vote else None)
            error = preview(seen.terms, self.ahead, seen.me, body, now)
            refused = error.reason if error else ""
        return PeriodLine(
            number=number,
            starts=seen.words.starts(claim, number),
            ends=ends,
            value=value,
            said=said,
            is_open=value == PeriodValue.UNDECIDED and not refused,
            has_ended=has_ended,
            refused=refused,
        )


def _asking(seen: LookedAt, history: History) -> _Asking:
    ahead, now = seen.ahead, seen.view.now
    if ahead.clock.now < now:  # once, not for each period
        ahead = step.advance(seen.terms, ahead, now).state
    return _Asking(seen, ahead, _said(seen, history))


def _said(seen: LookedAt, history: History) -> dict[tuple[str, int], OwnWord]:
    """Our last attestation on each period: it counted if the period was undecided when it was placed."""
    found: dict[tuple[str, int], OwnWord] = {}
    over: dict[str, bool] = {}
    for placed in history.placed:
        is_ours = placed.author == seen.me and isinstance(placed.body, Attest)
        if is_ours and isinstance(placed.body, Attest):
            counted = f"{placed.body.claim}#{placed.body.period}" not in over
            said = OwnWord(value=placed.body.value, at=placed.at, entry=placed.entry, counted=counted)
            found[placed.body.claim, placed.body.period] = said
        over |= {change.subject: True for change in placed.changes if change.kind == "claim"}
    return found
