"""What a node itself does not get done, in words: they accuse nobody of what only that node knows of itself."""

from __future__ import annotations

from collections.abc import Iterable

from armslength.views.words import Words, count, date, start_case
from armslength.views.words import clock as time_of_day
from armslength.wire.own import Trouble

CLOCK = "our clock"  # what fails where this node's clock is wrong
SILENCE = "our silence"  # a node that must not speak yet
SHOWN = "what it shows of our words"  # somebody shows it something false


def told(words: Words, troubles: Iterable[Trouble]) -> tuple[str, ...]:
    """A sentence or two for each."""
    return tuple(_told(words, each) for each in troubles)


def about(troubles: Iterable[Trouble], subject: str) -> list[Trouble]:
    """Those that explain why this subject does not move: its own acts, and for the arrangement whatever there is."""
    name = subject.removesuffix(".release")
    return [each for each in troubles if subject == "arrangement" or each.what.endswith(f" of {name}")]


def has_wrong_clock(troubles: Iterable[Trouble]) -> bool:
    """Whether this node's own clock seems wrong: then others' clocks are none of its business."""
    return any(each.what == CLOCK for each in troubles)


def _name(words: Words, whom: str) -> str:
    """An actor by its id or its DID; whoever is no actor of these terms as it is called."""
    actors = words.terms.actors
    found = whom if whom in actors else next((name for name, each in actors.items() if each.did == whom), None)
    return words.actor(found) if found else whom


def _told(words: Words, each: Trouble) -> str:
    since = f"since {date(each.since)} {time_of_day(each.since)} UTC"
    if each.what == CLOCK:
        said = f"This node's clock seems wrong {since}: {each.reason}."
    elif each.what == SILENCE:
        said = f"This node says nothing here {since}: {each.reason}."
    elif each.what == SHOWN:
        said = f"{start_case(_name(words, each.whom))} {each.reason} ({since})."
    else:
        at = f" at {_name(words, each.whom)}" if each.whom else ""
        said = f"{start_case(each.what)}{at} fails here {since} ({count(each.attempts, 'attempt')}): {each.reason}."
    return f"{said} {start_case(each.advice)}." if each.advice else said
