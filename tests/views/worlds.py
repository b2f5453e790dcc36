"""Random histories to look at: rich terms varied at random, and what their actors may say at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Attest, Body, Sign
from armslength.core.arrangement.step import EntryInput
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Refused
from armslength.views.placed import PlacedEntry
from tests.core.arrangement.play import act
from tests.core.arrangement.small import GRACE, D, content
from tests.core.arrangement.test_properties import RICH, SEAL, monitors, powers, traffic
from tests.oracle.duel import history as duel
from tests.views.reading import Seen

LENGTH = 70
SAYINGS = monitors() * 2 + traffic() + powers()


@dataclass
class History:
    """Terms, and every state of a history; what is refused leaves no state."""

    terms: Arrangement
    states: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.states.append(Seen(self.terms, step.initial(self.terms), [], []))

    def place(self, what: EntryInput) -> None:
        """Place an entry, if it is valid."""
        last = self.states[-1]
        try:
            out = step.apply(self.terms, last.state, what)
        except Refused:
            return
        entry = PlacedEntry(
            index=len(last.placed), entry=what.entry, author=what.author, type=what.type, body=what.body, at=out.at,
            changes=out.changes,
        )  # fmt: skip
        self.states.append(Seen(self.terms, out.state, [*last.changes, *out.changes], [*last.placed, entry]))


def some_terms(rng: Random) -> Arrangement:
    """The rich terms with other numbers."""
    duties = {
        name: replace(
            duty,
            cure=rng.choice([0, 1, 2, 3] if duty.kind == "maintain" else [0, 20, 100]),
            consequence=rng.choice(["suspend", "withhold", "record"]),
            still_owed=duty.kind == "maintain" or rng.random() < 0.7,
        )
        for name, duty in RICH.duties.items()
        if rng.random() < 0.9 or name in {"k.Q", "j.P", "e.Q", "f.P"}
    }
    claims = {
        name: replace(
            claim,
            statement="It is so." if claim.kind == "state" else "It was so.",
            monitors=(*claim.monitors, "N"),
            support=rng.choice([1, 2, 3]),
            refute=rng.choice([2, 3]),
            including=rng.choice([(), (), ("n3",)]),
            groups=rng.choice([{}, {}, {"neutral": 1}]),
            report_by=claim.report_by and rng.choice([20, claim.report_by, 500]),
        )
        for name, claim in RICH.claims.items()
    }
    tranches = {name: replace(each, release_cure=rng.choice([0, 50])) for name, each in RICH.tranches.items()}
    allegations = replace(
        RICH.allegations, hold=rng.choice([30, 150, 400]), default=rng.choice(["DISMISSED", "UPHELD"])
    )
    return replace(RICH, duties=duties, claims=claims, tranches=tranches, allegations=allegations)


def history(seed: int) -> History:
    """One random history: of the rich terms, or of any terms at all."""
    if seed % 2:
        played = duel(seed)
        told = History(played.terms)
        for what in played.acts:
            told.place(what)
        return told
    rng = Random(seed)
    told = History(some_terms(rng))
    for number, (later, author, body) in enumerate(story(rng, told)):
        stamp = max(told.states[-1].now + later, D - 50)
        culprit = rng.choice(["n3", "n2", "P"])
        told.place(act(author, stamp, body, f"{number:064x}", culprit))
    return told


def story(rng: Random, told: History) -> Iterator[tuple[int, str, Body]]:
    """Who says what, how long after the last; made up as it goes."""
    for party in told.terms.parties:
        if rng.random() < 0.98:
            yield 0, party, Sign()
    for name, tranche in told.terms.tranches.items():
        if rng.random() < 0.9:
            yield 0, tranche.provider, content(name)
    yield 50, told.terms.keeper, SEAL
    calm = rng.choice([0.0, 0.5, 0.9])  # how often monitors do what is expected of them
    for _ in range(LENGTH):
        state = told.states[-1].state
        later = rng.choice([0, 0, rng.randint(0, 30), rng.randint(0, 120)]) - rng.choice([0, 0, rng.randint(0, GRACE)])
        if rng.random() < calm:
            yield from attested(rng, told)
            continue
        for author, body in rng.choice(SAYINGS)(state):
            yield later, author, body


def attested(rng: Random, told: History) -> Iterator[tuple[int, str, Body]]:
    """Time goes on, and the monitors say of every period that is over, mostly, that it held."""
    yield rng.choice([0, 40, 100]), told.terms.keeper, SEAL
    seen = told.states[-1]
    for name, claim in told.terms.claims.items():
        for number in range(seen.count(claim)):
            if seen.span(claim, number)[1] <= seen.now and seen.value(name, number) == "UNDECIDED":
                value = rng.random() < 0.9
                for monitor in rng.sample(claim.monitors, rng.choice([1, len(claim.monitors)])):
                    yield 0, monitor, Attest(claim=name, period=number, value=value)
