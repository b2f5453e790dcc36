"""Statements that are recorded and change nothing: why, told beforehand, so that nobody relies on one."""

from __future__ import annotations

from armslength.core.arrangement.bodies import Attest, Body, Determine, Notice
from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import AllegationOutcome, PeriodValue
from armslength.core.arrangement.terms import Arrangement
from armslength.views.blocks import closed, decided
from armslength.views.words import Words, span


def without_effect(terms: Arrangement, state: State, author: str, body: Body, now: int) -> str:
    """Why a statement would change nothing if it were placed in `state` at `now`: a phrase, empty if it may change
    something. What would be refused is not looked at."""
    words = Words.of(terms, state)
    match body:
        case Attest(claim=claim, period=number) if claim in terms.claims:
            spot = words.subject("claim", f"{claim}#{number}")
            value = decided(state, claim, number)
            if value != PeriodValue.UNDECIDED:
                return f"{spot} is already decided: {value}"
            if closed(terms, state, claim):
                return f"{spot} is decided no more: the arrangement is {state.shown}"
            before = state.claims[claim].open.get(str(number), {}).get(author)
            if before is not None and before.value == body.value:
                return f"{words.actor(author)} has said the same of {spot} already"
        case Notice(claim=claim) if claim in terms.claims:
            return _notice(words, state, body, now)
        case Determine(allegation=str(name)) if name in state.allegations:
            outcome = state.allegations[name].outcome
            if outcome != AllegationOutcome.OPEN:
                return f"allegation {name} is already {outcome}"
        case _:
            pass
    if author in state.arrangement.excluded:
        return f"{words.actor(author)} counts no more, having signed statements that contradict each other"
    return ""


def _notice(words: Words, state: State, body: Notice, now: int) -> str:
    rules = words.terms.claims[body.claim]
    if rules.excuse is None:
        return ""
    latest = body.start - rules.excuse.lead
    if now > latest:
        return f"it comes too late to excuse anything: {span(rules.excuse.lead)} before means by {words.moment(latest)}"
    touched = [
        number
        for number in range(words.periods(rules))
        if words.starts(rules, number) < body.end and body.start < words.ends(rules, number)
    ]
    if all(decided(state, body.claim, number) != PeriodValue.UNDECIDED for number in touched):
        return f"no undecided {words.unit(rules)} of {body.claim} lies in it"
    return ""
