"""A rehearsal in words, and as one document for programs (docs/cli-json.md)."""

from __future__ import annotations

from armslength.core.arrangement.state import Change, State
from armslength.rehearsal.checking import Mismatch
from armslength.rehearsal.play import Rehearsal
from armslength.views.causes import cause
from armslength.views.textual import Span, Text, timeline_text
from armslength.views.timeline import timeline
from armslength.views.words import Words, count, tone, wrap


def as_text(found: Rehearsal, width: int = 80) -> Text:
    """What happened, by day; where it ended; and what was expected and is not so."""
    words = Words.of(found.terms, found.state)
    out: Text = [[Span(found.script.title, "title")], []]
    out += timeline_text(words, timeline(found.terms, found.placed, found.state), width)
    out += [
        [],
        [Span("The arrangement is "), Span(found.state.shown, tone(found.state.shown)), Span(_since(found, words))],
    ]
    if found.goal is not None:
        out += _folded(_goal(found, words), width, tone="" if found.reached else "warning")
    for missed in found.mismatches:
        out += _missed(missed, words, width)
    return [*out, [Span(_verdict(found))]]


def _since(found: Rehearsal, words: Words) -> str:
    """Since when it is in the state in which it ends."""
    changes = [change for entry in found.placed for change in entry.changes if change.subject == "arrangement"]
    since = f" since {words.moment(changes[-1].at)}" if changes else ""
    still = f", and its record stands still: {words.actors(found.stands)} down" if found.stands else ""
    return f"{since}{still}."


def _goal(found: Rehearsal, words: Words) -> str:
    if found.reached is None:
        return f"It never comes to {found.goal.text if found.goal else ''}."
    reached = found.reached
    what = words.subject(reached.kind, reached.subject)
    return f"Played until {what} is {reached.after}, on {words.moment(reached.at)}: {cause(words, reached)}."


def _missed(missed: Mismatch, words: Words, width: int) -> Text:
    head = f"Line {missed.line}, {words.short(missed.at)}: expected that {missed.expected}, but {missed.found}."
    out = _folded(head, width, tone="broken")
    for sentence in missed.why:
        out += _folded(sentence, width, "  - ")
    return out


def _folded(text: str, width: int, lead: str = "", tone: str = "") -> Text:
    lines = wrap(text, width - len(lead))
    return [[Span((lead if index == 0 else " " * len(lead)) + line, tone)] for index, line in enumerate(lines)]


def _verdict(found: Rehearsal) -> str:
    missed = len(found.mismatches)
    rest = f"; {found.unplayed} not played" if found.unplayed else ""
    if missed:
        return f"{missed} of what the script says {'does' if missed == 1 else 'do'} not hold{rest}."
    return (
        f"{count(found.checked, 'expectation')}, and all hold{rest}."
        if found.checked
        else f"Nothing was expected{rest}."
    )


def document(found: Rehearsal) -> dict[str, object]:
    """The same for programs."""
    words = Words.of(found.terms, found.state)
    return {
        "title": found.script.title,
        "ok": found.ok,
        "checked": found.checked,
        "unplayed": found.unplayed,
        "mismatches": found.mismatches,
        "goal": found.goal.text if found.goal else None,
        "reached": _change(words, found.reached) if found.reached else None,
        "stands": found.stands,
        "at": found.state.clock.now,
        "state": pictured(found.state),
        "timeline": [
            {
                "at": line.at,
                "until": line.until,
                "who": line.who,
                "did": line.did,
                "changes": [_change(words, change) for effect in line.effects for change in effect.changes],
            }
            for line in timeline(found.terms, found.placed, found.state)
        ],
    }


def pictured(state: State) -> dict[str, object]:
    """The public states of everything; of a claim one letter for each period (docs/cli-json.md)."""
    return {
        "arrangement": state.shown,
        "duties": {name: duty.state for name, duty in state.duties.items()},
        "tranches": {name: tranche.shown for name, tranche in state.tranches.items()},
        "claims": {name: claim.decided for name, claim in state.claims.items()},
        "allegations": {
            name: {"answer": said.answer, "outcome": said.outcome, "holding": said.holding}
            for name, said in state.allegations.items()
        },
    }


def _change(words: Words, change: Change) -> dict[str, object]:
    return {
        "at": change.at,
        "kind": change.kind,
        "subject": change.subject,
        "before": change.before,
        "after": change.after,
        "rule": change.rule,
        "cause": cause(words, change),
    }
