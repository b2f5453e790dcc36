"""Both engines, entry by entry, until they differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from armslength.core.arrangement import step
from armslength.core.arrangement.draft import EntryInput
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Refused
from tests.oracle.arrangements import some_terms
from tests.oracle.compare import compared
from tests.oracle.engine import Oracle
from tests.oracle.histories import Teller
from tests.oracle.laws import ClaimSummary


@dataclass
class Duel:
    """One arrangement, seen by both, and where they differ first."""

    terms: Arrangement
    acts: list[EntryInput] = field(default_factory=list)
    found: ClaimSummary = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Both begin."""
        self.oracle, self.state = Oracle(self.terms), step.initial(self.terms)

    def place(self, what: EntryInput) -> bool:
        """Place an entry with both: which entries are valid, and the whole state. True if they agree."""
        self.acts.append(what)
        ours, self.state = placed(self.terms, self.state, what)
        theirs = self.oracle.place(what)
        if (ours == "placed") != (theirs == "placed"):
            self.found["verdict"] = ours, theirs
        self.found |= compared(self.state, self.oracle.world)
        return not self.found


def placed(terms: Arrangement, state: State, what: EntryInput) -> tuple[str, State]:
    """What the product says, and its state."""
    try:
        return "placed", step.apply(terms, state, what).state
    except Refused as refusal:
        return refusal.code, state


def history(seed: int, length: int = 90) -> Duel:
    """One random history, up to its end or to the first difference."""
    rng = Random(seed)
    duel = Duel(some_terms(rng))
    for what in Teller(rng, duel.oracle).story(length):
        if not duel.place(what):
            break
    return duel


def replay(record: tuple[Arrangement, list[EntryInput]]) -> ClaimSummary:
    """Where the engines differ first, on a given record."""
    duel = Duel(record[0])
    for what in record[1]:
        if not duel.place(what):
            break
    return duel.found
