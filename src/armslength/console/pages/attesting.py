"""For each claim that one monitors: the question, its periods, and what one has said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.approving import policy_of, said
from armslength.console.forms import attestations
from armslength.console.reading import LookedAt, look
from armslength.console.render import Pages
from armslength.console.sessions import BEGIN
from armslength.core.arrangement.bodies import Attest
from armslength.core.arrangement.tables import PeriodValue
from armslength.core.arrangement.terms import Claim
from armslength.views.blocks import decided
from armslength.views.history import History
from armslength.views.tasks import preview

RECENT = 14  # periods that are shown, besides those that wait


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
    """One claim that we monitor, its periods latest first; `earlier`: how many more there are."""

    name: str
    claim: Claim
    clause: str
    lines: tuple[PeriodLine, ...]
    earlier: int

    @property
    def waiting(self) -> tuple[PeriodLine, ...]:
        """The periods that wait for our word, earliest first."""
        return tuple(line for line in reversed(self.lines) if line.waits)


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def attesting(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        history = await pages.histories.of(seen.arrangement, seen.view.sealed)
        asked = tuple(_questions(seen, history, everything="all" in request.query_params))
        policy = await policy_of(pages.owner)
        return pages.page(request, "attest.html.j2", seen=seen, words=seen.words, questions=asked, policy=policy)

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


def _questions(seen: LookedAt, history: History, *, everything: bool) -> Iterator[ClaimQuestion]:
    mine = _said(seen, history)
    for name, claim in seen.terms.claims.items():
        if seen.me in claim.monitors:
            lines = [_line(seen, name, claim, number, mine) for number in range(seen.begun(claim))]
            lines.reverse()
            shown = [line for at, line in enumerate(lines) if everything or at < RECENT or line.waits]
            clause = seen.terms.clauses[claim.clause].title
            yield ClaimQuestion(
                name=name, claim=claim, clause=clause, lines=tuple(shown), earlier=len(lines) - len(shown)
            )


def _line(seen: LookedAt, name: str, claim: Claim, number: int, mine: dict[tuple[str, int], OwnWord]) -> PeriodLine:
    value, now = decided(seen.state, name, number), seen.view.now
    ends = seen.words.ends(claim, number)
    has_ended = claim.period is None or ends <= now
    vote = seen.ahead.claims[name].open.get(str(number), {}).get(seen.me)
    said = mine.get((name, number))
    if vote is not None:
        said = OwnWord(value=vote.value, at=vote.at, entry=vote.entry, counted=True)
    refused = ""
    if value == PeriodValue.UNDECIDED:
        body = Attest(claim=name, period=number, value=has_ended, supersedes=vote.entry if vote else None)
        error = preview(seen.terms, seen.ahead, seen.me, body, now)
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
