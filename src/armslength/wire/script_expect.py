"""What a script expects, and what a rehearsal is played until: subjects and their states."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from armslength.core.arrangement import tables
from armslength.core.arrangement.tables import ENDED, DutyStatus, Phase, Stage
from armslength.core.arrangement.terms import Arrangement
from armslength.wire.script import Expectation, Goal
from armslength.wire.script_sentences import ALLEGATION, Grammar
from armslength.wire.script_times import Anchors
from armslength.wire.terms_values import BadValue

_FORM = re.compile(
    r"(?P<what>.+?)\s+(?:(?P<how>is never|are never|never|is|are|becomes|become)\s+)?(?P<state>[A-Z]+)"
    r"(?:\s+at\s+(?P<at>.+))?"
)
_EXPOSURE = re.compile(
    r"exposure of (?P<who>\S+) is (?P<how>at most|never above) (?P<number>-?[0-9]{1,12}(?:\.[0-9]{1,3})?)"
    r"(?:\s+at\s+(?P<at>.+))?"
)
_HOWS = {"becomes": "becomes", "become": "becomes", "never": "never", "is never": "never", "are never": "never"}
ARRANGEMENT = "arrangement"

# What a rehearsal may be played until, by its word.
ALIASES: dict[str, tuple[str, frozenset[str]]] = {
    "violation": ("duty", frozenset({DutyStatus.OVERDUE})),
    "breach": ("duty", frozenset({DutyStatus.BREACHED})),
    "hold": (ARRANGEMENT, frozenset({Phase.HELD})),
    "suspension": (ARRANGEMENT, frozenset({Phase.SUSPENDED})),
    "withdrawal": (ARRANGEMENT, frozenset({Phase.WINDING})),
    "release": ("tranche", frozenset({Stage.RELEASED})),
    "withholding": ("tranche", frozenset({Stage.WITHHELD})),
    "forfeiture": ("tranche", frozenset({Stage.FORFEITED})),
    "dispute": ("tranche", frozenset({Stage.DISPUTED})),
    "completion": (ARRANGEMENT, frozenset({Phase.COMPLETED})),
    "termination": (ARRANGEMENT, frozenset({Phase.TERMINATED})),
    "end": (ARRANGEMENT, ENDED),
}


@dataclass(frozen=True, slots=True)
class Stateful:
    """Something that has a state: its kind, as in `Change`, its id, and the states that it can have."""

    kind: str
    name: str
    states: tuple[str, ...]


def subjects(grammar: Grammar, text: str) -> list[Stateful]:
    """The subjects of "T4, T5 and T6", "k2#0..6", "C1", "A/k2/14" or "arrangement". Raises BadValue."""
    text = text.removeprefix("the ").removeprefix("The ")
    terms, found = grammar.terms, []
    if text == ARRANGEMENT:
        return [Stateful(ARRANGEMENT, ARRANGEMENT, tables.ARRANGEMENT.states)]
    first = re.split(r"\s*,\s*|\s+and\s+", text)[0]
    if ALLEGATION.fullmatch(first):
        states = (*tables.OUTCOME.states, *tables.ANSWER.states)
        return [Stateful("allegation", name, states) for name in re.split(r"\s*,\s*|\s+and\s+", text)]
    if first.partition("#")[0] in terms.claims:
        return [Stateful("claim", f"{claim}#{period}", tables.CLAIM.states) for claim, period in grammar.spots(text)]
    if first in terms.tranches:
        return [Stateful("tranche", name, tables.TRANCHE.states) for name in grammar.tranches(text)]
    try:
        named = grammar.duties(text)
    except BadValue:
        raise BadValue(f"the terms have no {first}", _known(terms, first)) from None
    for name in named:
        term = terms.duties.get(name)
        machine = tables.RELEASE if term is None else tables.ACHIEVE if term.kind == "achieve" else tables.MAINTAIN
        found.append(Stateful("duty", name, machine.states))
    return found


def _known(terms: Arrangement, name: str) -> str:
    ids = [ARRANGEMENT, *terms.claims, *terms.duties, *terms.tranches]
    close = difflib.get_close_matches(name, ids, 1, 0.6)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(ids)}"


def read_expectation(grammar: Grammar, text: str, at: int, line: int) -> list[Expectation]:
    """What "T2 is READY", "C2 becomes BREACHED at D+22 10:00" or "T4 is never RELEASED" expects. Raises BadValue."""
    text = " ".join(text.split())
    if text.startswith("exposure "):
        return [_exposure(grammar, text, at, line)]
    found = _FORM.fullmatch(text)
    if not found:
        raise BadValue(f'"{text}" does not say what is expected', 'such as "T2 is READY" or "T4 is never RELEASED"')
    how, state = _HOWS.get(found["how"] or "", "is"), found["state"]
    if how == "never" and found["at"]:
        raise BadValue("never is said of the whole rehearsal, and has no time")
    when = grammar.instant(found["at"]) if found["at"] else at
    expected = []
    for subject in subjects(grammar, found["what"]):
        if state not in subject.states:
            close = difflib.get_close_matches(state, subject.states, 1, 0.6)
            hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(dict.fromkeys(subject.states))}"
            raise BadValue(f"{subject.name} is never {state}: {state} is no state of it", hint)
        expected.append(
            Expectation(at=when, kind=subject.kind, subject=subject.name, how=how, state=state, line=line, text=text)
        )
    return expected


def _exposure(grammar: Grammar, text: str, at: int, line: int) -> Expectation:
    """What "exposure of A is at most 3" expects now, or "… is never above 3.5" of the whole rehearsal."""
    found = _EXPOSURE.fullmatch(text)
    if not found or (found["how"] == "never above" and found["at"]):
        raise BadValue(
            f'"{text}" is not about exposure', '"exposure of A is at most 3 at D+5", or "is never above 3.5"'
        )
    if found["who"] not in grammar.terms.parties:
        raise BadValue(f"{found['who']} is no party", f"there are {', '.join(grammar.terms.parties)}")
    return Expectation(
        at=grammar.instant(found["at"]) if found["at"] else at,
        kind="exposure",
        subject=found["who"],
        how="never" if found["how"] == "never above" else "is",
        state=found["number"],
        line=line,
        text=text,
    )


def read_goal(terms: Arrangement, text: str) -> Goal:
    """The goal of "breach", "suspension", … or of "withheld:T4". Raises BadValue."""
    word, colon, what = text.partition(":")
    if not colon and word in ALIASES:
        kind, states = ALIASES[word]
        return Goal(kind=kind, subject=None, states=states, text=text)
    if not colon:
        close = difflib.get_close_matches(word, ALIASES, 1, 0.6)
        hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(ALIASES)}, or such as withheld:T4"
        raise BadValue(f'"{text}" is nothing to come to', hint)
    grammar = Grammar(terms, _anchors(terms))
    (subject, *more) = subjects(grammar, what)
    if more:
        raise BadValue(f"{what} are several: name one")
    state = word.upper()
    if state not in subject.states:
        raise BadValue(f"{state} is no state of {subject.name}", f"one of {', '.join(dict.fromkeys(subject.states))}")
    return Goal(kind=subject.kind, subject=subject.name, states=frozenset({state}), text=text)


def _anchors(terms: Arrangement) -> Anchors:
    return Anchors(d=terms.start, start=terms.start, end=terms.end, before=terms.start)
