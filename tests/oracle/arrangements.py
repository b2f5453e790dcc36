"""Random terms that have a bit of everything. One period is some 100 seconds, the term some ten periods from D.

Half of them are wild: conditions nest, and speak of what comes later by name too, so that tranches wait for each other
both ways; deadlines are a second long; claims begin near the end; more duties survive.
"""

from __future__ import annotations

from random import Random

from armslength.core.arrangement.terms import (
    SEMANTICS,
    Actor,
    ActorKeys,
    Allegations,
    AllOf,
    AnyOf,
    Arrangement,
    AtTime,
    Claim,
    ClaimIs,
    Clause,
    CleanRun,
    Clear,
    Condition,
    Due,
    Duty,
    DutyIs,
    Effective,
    Excuse,
    Not,
    Quorum,
    Tranche,
    TrancheIs,
)
from tests.oracle.world import atoms

D = 1_000_000
MONITORS = ("n1", "n2", "n3", "n4", "n5")
GROUPS = {"n1": "east", "n2": "east", "n3": "west", "n4": "west", "n5": "neutral", "N": "neutral"}
EFFECTIVE = Effective()


def some_terms(rng: Random) -> Arrangement:
    """Terms that `check` would find nothing wrong with, as far as it matters to the fold."""
    return Maker(rng).terms()


class Maker:
    """Makes one arrangement."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.wild = rng.random() < 0.5
        self.parties = rng.choice(["PQ", "PQR", "PQRS"] if self.wild else ["PQ", "PQ", "PQR"])
        self.claims: dict[str, Claim] = {}
        self.duties: dict[str, Duty] = {}
        self.tranches: dict[str, Tranche] = {}
        self.end = D + rng.choice([300, 500, 700, 1000, 1000, 1050])

    def terms(self) -> Arrangement:
        """All of it."""
        rng = self.rng
        for number in range(rng.choice([0, 1, 1, 2, 2, 3])):
            self.state_claim(f"k{number}")
        for number in range(rng.choice([0, 1, 2, 3])):
            self.event(f"e{number}")
        for number in range(rng.choice([0, 1, 2, 3, 4])):
            self.tranche(f"t{number}")
        for claim in sorted(self.claims):
            if not claim.startswith("x") and rng.random() < 0.9:
                self.duty(claim)
        for name in sorted(self.tranches):
            self.condition_of(name)
        actors = (*self.parties, "N", *MONITORS, "C")
        return Arrangement(
            semantics=SEMANTICS,
            title="Random",
            clock="simulated",
            actors={
                name: Actor(
                    name=name,
                    did=None if name == "C" else f"did:key:{name}",
                    keys=None if name == "C" else ActorKeys(entries=name),
                    group=GROUPS.get(name),
                )
                for name in actors
            },
            parties=tuple(self.parties),
            third_parties=("C",),
            monitors=MONITORS,
            keeper=rng.choice(["N", "N", "P"]),
            fallback_keepers=(),
            timekeepers=Quorum(of=("N", *self.parties), count=len(self.parties), groups={}, including=()),
            start=D,
            end=self.end,
            entry_by=D + rng.choice([-20, 0, 100]),
            grace=rng.choice([0, 1, 10, 10, 10, 30, 60]),
            max_suspension=self.some([40, 100, 300, 2000]),
            withdrawal_notice=self.some([0, 30, 200, 600]),
            allegations=self.allegations(),
            clauses={"c": Clause(title="All", sha256="0" * 64)},
            claims=self.claims,
            duties=self.duties,
            tranches=self.tranches,
        )

    def some(self, usual: list[int]) -> int:
        """A usual duration, or a second; or as long as grace."""
        return self.rng.choice([*usual, *([1, self.rng.choice([10, 30, 60])] if self.wild else [])])

    def allegations(self) -> Allegations:
        """Clocks and determiners."""
        rng = self.rng
        of, count, including = rng.choice(
            [
                (("N", "n1"), 2, ()),
                (("N",), 1, ()),
                (("n1", "n2", "n3", "n4", "n5"), 3, ("n5",)),
                (("P", "Q", "N"), 2, ()),
            ]
        )
        return Allegations(
            reply=self.some([20, 100]),
            determination=self.some([60, 200, 400]),
            hold=self.some([30, 150, 500]),
            holds_per_party=rng.choice([0, 1, 2, 3]),
            determiners=Quorum(of=of, count=count, groups=rng.choice([{}, {"neutral": 1}]), including=including),
            default=rng.choice(["DISMISSED", "UPHELD"]),
        )

    # --- claims -----------------------------------------------------------------------------------------------------

    def quorum(self) -> dict[str, object]:
        """Monitors and thresholds: never both sides at once."""
        monitors, support, refute, groups, including = self.rng.choice(
            [
                (("n1", "n2", "n3"), 2, 2, {}, ()),
                (("n1", "n2", "n3"), 2, 2, {}, ("n3",)),
                (("n1",), 1, 1, {}, ()),
                (("n1", "n5"), 1, 2, {}, ()),
                (MONITORS, 3, 3, {"neutral": 1}, ()),
                (MONITORS, 2, 2, {"neutral": 1}, ()),
                (("n1", "n3", "n5"), 3, 1, {}, ()),
                (("n1", "n2", "n3", "n4"), 3, 2, {"east": 1, "west": 1}, ()),
                (("n1", "P"), 1, 2, {}, ()),
            ]
        )
        return {"monitors": monitors, "support": support, "refute": refute, "groups": groups, "including": including}

    def state_claim(self, name: str) -> None:
        """Per period; sometimes with an excuse."""
        rng = self.rng
        form = {
            "kind": "state",
            "clause": "c",
            "statement": "It is so.",
            "offset": rng.choice([0, 0, 0, 50, 130, *([self.end - D - 100, 2000] if self.wild else [])]),
            "period": self.some([100, 100, 100, 70, 250]) if not self.wild else rng.choice([50, 100, 100, 300, 2000]),
            "report_by": self.some([20, 100, 100, 400, 900]),
        }
        if rng.random() < 0.4:
            other = form | {"report_by": rng.choice([form["report_by"], form["report_by"], 60, 300])}
            self.claims["x" + name] = Claim(**other, **self.quorum())  # type: ignore[arg-type]
            form |= {"excuse": Excuse(claim="x" + name, lead=rng.choice([0, 0, 20, 50]))}
        self.claims[name] = Claim(**form, **self.quorum())  # type: ignore[arg-type]

    def event(self, name: str) -> None:
        """Once."""
        rng = self.rng
        self.claims[name] = Claim(
            kind="event",
            clause="c",
            statement="It was so.",
            offset=rng.choice([0, 0, 80, *([self.end - D + 50] if self.wild else [])]),
            report_by=rng.choice([None, None, 250, 800, *([1, 40] if self.wild else [])]),
            **self.quorum(),  # type: ignore[arg-type]
        )

    # --- duties and tranches ----------------------------------------------------------------------------------------

    def duty(self, claim: str) -> None:
        """What a claim shows."""
        rng = self.rng
        debtor = rng.choice(self.parties)
        others = tuple(party for party in self.parties if party != debtor)
        state = self.claims[claim].kind == "state"
        due = Due(anchor=rng.choice(["trigger", "start", "end"]), after=0)
        after = {"trigger": [30, 150, 300], "start": [100, 300, 600], "end": [-300, -50, 0, 100]}[due.anchor]
        name = f"d{claim}"
        self.duties[name] = Duty(
            kind="maintain" if state else "achieve",
            clause="c",
            statement="Do it.",
            debtor=debtor,
            creditors=rng.choice([others, others[:1]]),
            performer=rng.choice([debtor, "C"]),
            claim=claim,
            trigger=self.condition(rng.choice([0, 1, 2] if self.wild else [0, 0, 1]), without=f"{name} {claim}")
            if rng.random() < (0.7 if self.wild else 0.5)
            else EFFECTIVE,
            consequence=rng.choice(["suspend", "suspend", "withhold", "record"]),
            cure=rng.choice([0, 1, 1, 2, 2, 3]) if state else self.some([0, 20, 100, 200]),
            due=None if state else Due(anchor=due.anchor, after=rng.choice(after)),
            remedy_run=rng.choice([1, 1, 2, 3]) if state else None,
            still_owed=state or rng.random() < 0.7,
            surviving=rng.random() < (0.4 if self.wild else 0.15),
        )

    def tranche(self, name: str) -> None:
        """Conditions come later, when there are duties to speak of."""
        rng = self.rng
        provider, recipient = rng.sample(self.parties, 2) if rng.random() < 0.4 else ["P", "Q"]
        self.tranches[name] = Tranche(
            clause="c",
            title="Something",
            media_types=("application/pdf",),
            max_size=10_000,
            provider=provider,
            recipient=recipient,
            gate=EFFECTIVE,
            continuous=EFFECTIVE,
            deliver_by=self.some([5, 50, 100, 300]),
            release_by=self.some([10, 60, 100, 300, 2000]),
            release_cure=self.some([0, 20, 50, 300]),
            key_by=self.some([5, 20, 60]),
            ack_by=self.some([10, 60, 200]),
        )

    def condition_of(self, name: str) -> None:
        """A gate, often a run after the one before, and a continuous condition, often that duties are clear."""
        import dataclasses

        rng, number = self.rng, int(name[1:])
        states = [claim for claim in sorted(self.claims) if self.claims[claim].kind == "state"]
        parts = []
        before = [f"t{n}" for n in range(number)]
        with_run = [
            other for other in before if sum(isinstance(a, CleanRun) for a in atoms(self.tranches[other].gate)) == 1
        ]
        if states and rng.random() < 0.6:
            claim = rng.choice(states)
            follows = None
            same = [
                o
                for o in with_run
                if all(self.claims[c].period == self.claims[claim].period for c in run_claims(self.tranches[o].gate))
            ]
            if same and rng.random() < 0.7:
                follows = rng.choice(same)
            claims = (
                claim,
                *(
                    [c for c in states if c != claim and alike(self.claims[c], self.claims[claim])][
                        : rng.choice([0, 0, 1])
                    ]
                ),
            )
            parts.append(CleanRun(claims=tuple(sorted(claims)), length=rng.choice([1, 2, 2, 3]), follows=follows))
            if rng.random() < 0.2:
                parts.append(CleanRun(claims=(rng.choice(states),), length=rng.choice([1, 2, 4])))
        if before and rng.random() < 0.4:
            parts.append(
                TrancheIs(
                    tranche=rng.choice(before),
                    states=rng.choice([("SETTLED",), ("RELEASED", "SETTLED", "DISPUTED")]),
                )
            )
        if rng.random() < 0.3:
            parts.append(self.condition(2 if self.wild else 1, without=name))
        gate = (
            EFFECTIVE
            if not parts
            else parts[0]
            if len(parts) == 1
            else rng.choice([AllOf, AllOf, AnyOf])(of=tuple(parts))
        )
        continuous = EFFECTIVE
        others = [other for other in sorted(self.tranches) if other != name] if self.wild else before
        clearable = [*self.duties, *(f"{other}.release" for other in others)]
        if clearable and rng.random() < 0.7:
            continuous = Clear(duties=tuple(sorted(rng.sample(clearable, rng.randint(1, len(clearable))))))
            if rng.random() < (0.5 if self.wild else 0.2):
                other = self.condition(1 if self.wild else 0, without=name)
                continuous = rng.choice([AllOf, AnyOf])(of=(continuous, other))
        elif self.wild and rng.random() < 0.5:
            continuous = self.condition(2, without=name)
        self.tranches[name] = dataclasses.replace(self.tranches[name], gate=gate, continuous=continuous)

    def condition(self, depth: int, without: str) -> Condition:
        """Any condition that speaks of what comes earlier by name, so that nothing goes in circles."""
        rng = self.rng
        if depth and rng.random() < 0.5:
            kind = rng.choice([AllOf, AnyOf, AnyOf, Not])
            return kind(of=tuple(self.condition(depth - 1, without) for _ in range(1 if kind is Not else 2)))
        events = [claim for claim in sorted(self.claims) if self.claims[claim].kind == "event" and claim not in without]
        states = [claim for claim in sorted(self.claims) if self.claims[claim].kind == "state" and claim not in without]
        kinds = ["time", "time"]
        kinds += ["claim"] * bool(events) + ["run"] * bool(states)
        later = self.wild and rng.random() < 0.3
        tranches = [
            t for t in sorted(self.tranches) if t != without and (later or "t" not in without[0] or t < without)
        ]
        kinds += ["tranche"] * bool(tranches)
        duties = [duty for duty in sorted(self.duties) if duty < without or without.startswith("t")]
        kinds += ["duty"] * bool(duties) + ["clear"] * bool(self.wild and duties)
        match rng.choice(kinds):
            case "claim":
                return ClaimIs(
                    claim=rng.choice(events),
                    states=rng.choice([("SUPPORTED",), ("REFUTED",), ("REFUTED", "SUPPORTED")]),
                )
            case "run":
                claim = rng.choice(states)
                both = [c for c in states if c != claim and alike(self.claims[c], self.claims[claim])][: int(self.wild)]
                return CleanRun(claims=tuple(sorted((claim, *both))), length=rng.choice([1, 2, 3]))
            case "clear":
                return Clear(duties=(rng.choice(duties),))
            case "tranche":
                return TrancheIs(
                    tranche=rng.choice(tranches),
                    states=rng.choice(
                        [
                            ("SETTLED",),
                            ("RELEASED", "SETTLED"),
                            ("DELIVERED",),
                            ("FORFEITED",),
                            ("WITHHELD",),
                            ("READY",),
                        ]
                    ),
                )
            case "duty":
                return DutyIs(
                    duty=rng.choice(duties),
                    states=rng.choice(
                        [
                            ("CURED", "FULFILLED"),
                            ("BREACHED",),
                            ("OVERDUE",),
                            ("ACTIVE",),
                            ("EXPIRED",),
                            ("DISCHARGED",),
                        ]
                    ),
                )
            case _:
                anchor = rng.choice(["start", "end"])
                after = rng.choice([0, 50, 120, 300] if anchor == "start" else [-200, -50, 0, 50])
                return AtTime(anchor=anchor, after=after)


def alike(one: Claim, other: Claim) -> bool:
    """Whether both have the same periods."""
    return (one.period, one.offset) == (other.period, other.offset)


def run_claims(gate: Condition) -> list[str]:
    """The claims of its runs."""
    return [claim for atom in atoms(gate) if isinstance(atom, CleanRun) for claim in atom.claims]
