"""The golden scenario and variants of it, folded for the views: placed entries, and the state after each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import TYPE_OF
from armslength.views.placed import PlacedEntry
from tests.golden.terms import Group, golden_script, golden_terms


class Folded:
    """Placed entries with the state after each, and the state at an instant."""

    def __init__(self, terms: Arrangement, script: Iterable[Group]) -> None:
        self.terms = terms
        self.placed: list[PlacedEntry] = []
        self.states: list[State] = [step.initial(terms)]
        for time, entries in script:
            for author, body in entries:
                self._place(time, author, body)

    def _place(self, time: int, author: str, body: Body) -> None:
        index = len(self.placed)
        name = digest(canonical({"index": index, "author": author, "body": body}))
        kind = TYPE_OF[type(body)]
        out = step.apply(
            self.terms, self.states[-1], step.EntryInput(author=author, stamp=time, type=kind, body=body, entry=name)
        )
        self.placed.append(
            PlacedEntry(index=index, entry=name, author=author, type=kind, body=body, at=out.at, changes=out.changes)
        )
        self.states.append(out.state)

    @property
    def state(self) -> State:
        """The last state."""
        return self.states[-1]

    def at(self, time: int) -> State:
        """The state after the last entry whose time is at or before `time`, worked forward to it."""
        after = [state for entry, state in zip(self.placed, self.states[1:], strict=True) if entry.at <= time]
        state = after[-1] if after else self.states[0]
        return step.advance(self.terms, state, time).state if time > state.clock.now else state

    def until(self, time: int) -> list[PlacedEntry]:
        """The entries up to an instant."""
        return [entry for entry in self.placed if entry.at <= time]


@cache
def golden() -> Folded:
    """The golden scenario, folded once."""
    return Folded(golden_terms(), golden_script())


def script(*groups: Group) -> list[Group]:
    """Groups, each followed by a seal."""
    return golden_script(groups=groups)
