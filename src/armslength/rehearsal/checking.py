"""Whether what a script expects is so; and if not, what is, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from armslength.core.arrangement.state import Change, State
from armslength.core.arrangement.tables import AllegationAnswer, AllegationOutcome
from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.entry import TYPE_OF
from armslength.views.blocks import decided
from armslength.views.explain import why
from armslength.views.exposure import measure, number, series
from armslength.views.placed import PlacedEntry
from armslength.views.sayings import summary
from armslength.views.words import Words, listing
from armslength.wire.script import Expectation, Goal, Spoken
from armslength.wire.script_sentences import Grammar
from armslength.wire.script_times import Anchors

SPELT = 3  # times that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """An expectation that does not hold, or a statement of which something else became than the script says: its line,
    and why things are as they are."""

    line: int
    at: int
    expected: str
    found: str
    why: tuple[str, ...] = ()


def now(terms: Arrangement, state: State, cue: Expectation) -> Mismatch | None:
    """What is expected of this state ("is")."""
    if cue.kind == "exposure":
        return _exposed(terms, state, cue, measure(terms, state)[cue.subject].exposure, "")
    is_so = shown(state, cue.kind, cue.subject)
    if cue.state in is_so:
        return None
    subject = Words.of(terms, state).subject(cue.kind, cue.subject)
    return _mismatch(terms, state, cue, f"{subject} is {' and '.join(dict.fromkeys(is_so))}")


def looked_back(terms: Arrangement, state: State, placed: Iterable[PlacedEntry], cue: Expectation) -> Mismatch | None:
    """What is expected of the whole course ("becomes", "never"): what was placed late may bear an earlier time."""
    if cue.kind == "exposure":
        peak = series(terms, placed)[cue.subject].peak
        return _exposed(terms, state, cue, peak.exposure, f" on {Words.of(terms, state).moment(peak.at)}: {peak.why}")
    wanted = (cue.kind, cue.subject, cue.state)
    changes = (change for entry in placed for change in entry.changes)
    times = [change.at for change in changes if (change.kind, change.subject, change.after) == wanted]
    words = Words.of(terms, state)
    listed = listing(words.short(at) for at in times[:SPELT])
    if cue.how == "never" and times:
        return _mismatch(terms, state, cue, f"it became {cue.state} at {listed}")
    if cue.how == "becomes" and cue.at not in times:
        rest = f"became {cue.state} at {listed}" if times else f"never became {cue.state}"
        return _mismatch(terms, state, cue, f"it {rest}")
    return None


def _exposed(terms: Arrangement, state: State, cue: Expectation, value: Fraction, when: str) -> Mismatch | None:
    if value <= Fraction(cue.state):
        return None
    party = Words.of(terms, state).actor(cue.subject)
    expected = f"the exposure of {party} is {'never above' if cue.how == 'never' else 'at most'} {cue.state}"
    return Mismatch(line=cue.line, at=cue.at, expected=expected, found=f"it is {number(value)}{when}")


def of_statement(terms: Arrangement, words: Words, cue: Spoken, found: str) -> Mismatch:
    """A statement that was refused, or was not."""
    expected = _sentence(terms, words, cue) + (f" is refused ({cue.refused})" if cue.refused else "")
    return Mismatch(line=cue.line, at=cue.at, expected=expected, found=found)


def _mismatch(terms: Arrangement, state: State, cue: Expectation, found: str) -> Mismatch:
    reasons = why(terms, state, _asked(terms, state, cue)).sentences
    expected = told(Words.of(terms, state), cue)
    return Mismatch(line=cue.line, at=cue.at, expected=expected, found=found, why=reasons)


def _asked(terms: Arrangement, state: State, cue: Expectation) -> str:
    """What is asked why it is as it is; of an allegation that nobody raised, the arrangement."""
    if cue.kind == "allegation" and cue.subject not in state.allegations:
        return "arrangement"
    claim = cue.subject.partition("#")[0]
    return claim if cue.kind == "claim" and terms.claims[claim].period is None else cue.subject


def _sentence(terms: Arrangement, words: Words, cue: Spoken) -> str:
    """A statement as a script says it, where it can, or as the timeline does."""
    if written := Grammar(terms, Anchors(words.origin, terms.start, terms.end, cue.at)).write(cue.author, cue.body):
        return written
    kind = TYPE_OF[type(cue.body)]
    entry = PlacedEntry(index=0, entry="", author=cue.author, type=kind, body=cue.body, at=cue.at, changes=())
    return summary(words, entry)


def shown(state: State, kind: str, subject: str) -> tuple[str, ...]:
    """The states that something shows; an allegation has an answer and an outcome."""
    match kind:
        case "arrangement":
            return (state.shown,)
        case "tranche":
            return (state.tranches[subject].shown,)
        case "duty":
            return (state.duties[subject].state,)
        case "claim":
            claim, _, period = subject.partition("#")
            return (decided(state, claim, int(period)),)
        case _:
            said = state.allegations.get(subject)
            return (AllegationOutcome.NONE,) if said is None else (said.outcome, said.answer or AllegationAnswer.NONE)


def reaches(goal: Goal, changes: Iterable[Change]) -> Change | None:
    """The first of these changes with which the goal is reached."""
    for change in changes:
        if change.kind == goal.kind and change.after in goal.states and goal.subject in {None, change.subject}:
            return change
    return None


def told(words: Words, expected: Expectation) -> str:
    """An expectation in words."""
    name = words.subject(expected.kind, expected.subject)
    if expected.how == "becomes":
        return f"{name} becomes {expected.state} at {words.short(expected.at)}"
    return f"{name} is never {expected.state}" if expected.how == "never" else f"{name} is {expected.state}"
