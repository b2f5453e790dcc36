"""Every statement that one could make in an arrangement, each with the engine's reason where it may not be made now.

Nothing is decided here: each candidate is placed by the pure step (`views.tasks.preview`), and what it refuses is what
is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from armslength.console.reading import LookedAt
from armslength.core.arrangement.bodies import (
    Allege,
    Body,
    Determine,
    Notice,
    Perform,
    Respond,
    Resume,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.tables import AllegationAnswer
from armslength.core.record.entry import TYPE_OF
from armslength.views.idle import without_effect
from armslength.views.tasks import preview


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleStatement:
    """A statement that could be made. `body` is what is asked of the engine; the form may change its text, its period
    or its times. `last`: the last period that a form may name. `refused`: why it may not be made now, in the engine's
    words; `idle`: why it would change nothing."""

    body: Body
    subject: str = ""
    last: int | None = None
    refused: str = ""
    idle: str = ""

    @property
    def type(self) -> str:
        """The type of its entry."""
        return TYPE_OF[type(self.body)]


def possible_statements(seen: LookedAt) -> tuple[PossibleStatement, ...]:
    """What `seen.me` could ever state, attestations apart: those that may be made now first."""
    found = [_asked(seen, each) for each in _candidates(seen)]
    return tuple(sorted(found, key=lambda each: bool(each.refused)))


def _asked(seen: LookedAt, offer: PossibleStatement) -> PossibleStatement:
    error = preview(seen.terms, seen.ahead, seen.me, offer.body, seen.view.now)
    if error is not None:
        return replace(offer, refused=error.reason)
    return replace(offer, idle=without_effect(seen.terms, seen.ahead, seen.me, offer.body, seen.view.now))


def _candidates(seen: LookedAt) -> Iterator[PossibleStatement]:
    terms, state, me = seen.terms, seen.ahead, seen.me
    is_party, is_determiner = me in terms.parties, me in terms.allegations.determiners.of
    if is_party and me not in state.arrangement.signed:
        yield PossibleStatement(body=Sign())
    for name, said in state.allegations.items():
        if is_party and said.by != me:
            yield PossibleStatement(body=Respond(allegation=name, answer=AllegationAnswer.DENIED), subject=name)
        if is_determiner:
            yield PossibleStatement(body=Determine(allegation=name, uphold=True), subject=name)
    for name, held in state.tranches.items():
        if is_determiner and held.complaint is not None:
            yield PossibleStatement(body=Determine(tranche=name, uphold=True), subject=name)
    for name, duty in terms.duties.items():
        if duty.debtor == me and duty.kind == "achieve":
            yield PossibleStatement(body=Perform(duty=name), subject=name)
    if state.arrangement.suspension and (is_party or is_determiner):
        yield PossibleStatement(body=Resume())
    if is_party:
        yield from _of_a_party(seen)


def _of_a_party(seen: LookedAt) -> Iterator[PossibleStatement]:
    terms, me, now = seen.terms, seen.me, seen.view.now
    for name, duty in terms.duties.items():
        if me in duty.creditors:
            claim = terms.claims[duty.claim]
            period, last = (max(0, count - 1) for count in (seen.ended(claim), seen.words.periods(claim)))
            yield PossibleStatement(body=Allege(claim=duty.claim, period=period), subject=name, last=last)
    for name, tranche in terms.tranches.items():
        if tranche.recipient == me:
            yield PossibleStatement(body=Allege(tranche=name), subject=name)
    for name, claim in terms.claims.items():
        if claim.excuse and any(duty.claim == name and duty.debtor == me for duty in terms.duties.values()):
            start = now + claim.excuse.lead + 3600
            yield PossibleStatement(body=Notice(claim=name, start=start, end=start + 3600, text=""), subject=name)
    for name, duty in terms.duties.items():
        if me in duty.creditors:
            yield PossibleStatement(body=Waive(duty=name), subject=name)
    yield PossibleStatement(body=Withdraw())
