"""A small driver for the step: places entries, seals, and answers questions about the state."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import BODIES, Body, Seal
from armslength.core.arrangement.state import Change, Outcome, State
from armslength.core.arrangement.step import EntryInput
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Refused
from tests.golden.terms import Group, golden_script, golden_terms

TYPES = {kind: name for name, kind in BODIES.items()}


def act(author: str, stamp: int, body: Body, entry: str = "", culprit: str | None = None) -> EntryInput:
    """An entry as the step sees it."""
    return EntryInput(
        author=author,
        stamp=stamp,
        type=TYPES[type(body)],
        body=body,
        entry=entry or f"{author} {stamp} {body!r}",
        culprit=culprit,
    )


class Play:
    """An arrangement being played. Times are instants; `say` places at a stamp, `seal` moves time."""

    def __init__(self, terms: Arrangement | None = None) -> None:
        self.terms = terms or golden_terms()
        self.state: State = step.initial(self.terms)
        self.changes: list[Change] = []
        self.placed: list[tuple[EntryInput, Outcome]] = []

    def place(self, what: EntryInput) -> Outcome:
        """Place an entry; raises Refused."""
        outcome = step.apply(self.terms, self.state, what)
        self.state = outcome.state
        self.changes += outcome.changes
        self.placed.append((what, outcome))
        return outcome

    def say(self, when: int, author: str, body: Body, *, culprit: str | None = None, entry: str = "") -> Outcome:
        """Place a body by `author`, stamped at `when`."""
        return self.place(act(author, when, body, entry, culprit))

    def refused(self, code: str, when: int, author: str, body: Body, *, culprit: str | None = None) -> str:
        """Assert that the entry is refused with `code` and changes nothing; return the reason."""
        before, root = self.state, step.state_root(self.state)
        with pytest.raises(Refused) as caught:
            self.say(when, author, body, culprit=culprit)
        assert caught.value.code == code, caught.value.reason
        assert self.state is before
        assert step.state_root(self.state) == root
        return caught.value.reason

    def seal(self, when: int) -> Outcome:
        """A seal by the keeper."""
        return self.say(when, self.terms.keeper, Seal(checkpoint="", state_root=""))

    def all(self, when: int, entries: Iterable[tuple[str, Body]]) -> None:
        """Place entries in order, all stamped at `when`; "keeper" writes for the keeper."""
        for author, body in entries:
            self.say(when, self.terms.keeper if author == "keeper" else author, body)

    def groups(self, groups: Iterable[Group], *, until: int | None = None, skip_refused: bool = False) -> Play:
        """Play groups with their seals, up to and including `until`. With `skip_refused`, refused entries are left
        out, as a keeper would."""
        for when, entries in golden_script(keeper=self.terms.keeper, groups=groups):
            if until is not None and when > until:
                break
            for author, body in entries:
                try:
                    self.say(when, author, body)
                except Refused:
                    if not skip_refused:
                        raise
        return self

    @property
    def shown(self) -> str:
        """The arrangement's state."""
        return self.state.shown

    def duty(self, name: str) -> str:
        """A duty's state."""
        return self.state.duties[name].state

    def tranche(self, name: str) -> str:
        """A tranche's state as people see it."""
        return self.state.tranches[name].shown

    def letters(self, claim: str) -> str:
        """A claim's decided periods."""
        return self.state.claims[claim].decided

    def when(self, subject: str, after: str) -> list[int]:
        """The instants at which `subject` came to `after`."""
        return [change.at for change in self.changes if (change.subject, change.after) == (subject, after)]

    def rules(self, subject: str) -> list[str]:
        """The rules that changed `subject`, in order."""
        return [change.rule for change in self.changes if change.subject == subject]
