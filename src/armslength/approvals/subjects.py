"""Where the object of an act stands: part of the draft, so that any change of it ends the draft (rule 12.2b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from armslength.approvals.drafts import SIGN, Act, Subject
from armslength.core.arrangement.state import UNDECIDED, VALUE_NAMES, State
from armslength.core.arrangement.tables import AllegationAnswer, Phase
from armslength.core.canonical import names

ARRANGEMENT = "arrangement"
PROPOSED = Subject(name=ARRANGEMENT, state=Phase.PROPOSED, since=0)  # terms that are no record's yet


@dataclass(frozen=True, slots=True, kw_only=True)
class ActObject:
    """What an act names, of all that acts may name; "" for what it does not."""

    tranche: str = ""
    duty: str = ""
    allegation: str = ""
    claim: str = ""
    period: int = 0

    @classmethod
    def of(cls, act: Act) -> Self:
        """That of an act."""
        return cls(**{name: act.body[name] for name in names(ActObject) if act.body.get(name) is not None})


def subject_of(state: State, act: Act) -> Subject:
    """What an act is about, in this state: votes of others on it are no change. Who signs is about the terms alone."""
    named = ActObject.of(act)
    if act.name == SIGN:
        return PROPOSED
    if named.tranche in state.tranches:
        tranche = state.tranches[named.tranche]
        return Subject(name=named.tranche, state=str(tranche.shown), since=tranche.at)
    if named.duty in state.duties:
        duty = state.duties[named.duty]
        return Subject(name=named.duty, state=str(duty.state), since=duty.at)
    if named.allegation in state.allegations:
        said = state.allegations[named.allegation]
        answered = f"{said.answer or AllegationAnswer.UNANSWERED} {said.outcome}"
        return Subject(name=named.allegation, state=answered, since=said.raised_at)
    if named.claim in state.claims:
        decided, period = state.claims[named.claim].decided, named.period
        letter = decided[period] if 0 <= period < len(decided) else UNDECIDED
        return Subject(name=f"{named.claim}#{period}", state=VALUE_NAMES[letter], since=0)
    running = state.arrangement
    since = max(running.at, running.suspension.since if running.suspension else 0)
    return Subject(name=ARRANGEMENT, state=str(state.shown), since=since)
