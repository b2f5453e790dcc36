"""Random histories: entries at random and at adversarial times, made up as the story goes, so that it goes far."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from armslength.core.arrangement.bodies import (
    BODIES,
    Ack,
    Allege,
    Attest,
    Body,
    Commit,
    Determine,
    Evidence,
    Notice,
    Perform,
    Release,
    Respond,
    Resume,
    Seal,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.draft import EntryInput
from tests.core.arrangement.small import content, release_and_key
from tests.oracle.engine import Oracle, instants
from tests.oracle.world import World

TYPES = {kind: name for name, kind in BODIES.items()}
Saying = tuple[str, Body]


class Teller:
    """Tells what comes next, looking at the second engine's world."""

    def __init__(self, rng: Random, oracle: Oracle) -> None:
        self.rng, self.oracle, self.said = rng, oracle, 0
        self.mood = rng.choice([0.95, 0.8, 0.6, 0.3])  # how often monitors say true
        self.tidy = rng.choice([0.0, 0.5, 0.95])  # how often all that is due is done
        self.step = rng.choice([1, 1, 1, 50])  # how coarse time is: many entries at one instant
        self.sealing = rng.choice([0.4, 0.4, 0.05, 0.9])  # how often the keeper seals

    @property
    def world(self) -> World:
        """As it is now."""
        return self.oracle.world

    def story(self, length: int) -> Iterator[EntryInput]:
        """Acts, one after the other; each must be placed before the next is asked for."""
        yield from self.beginning()
        while self.said < length:
            stamp = self.time() // self.step * self.step
            if self.rng.random() < self.sealing:
                yield self.act(self.world.terms.keeper, stamp, Seal(checkpoint="", state_root=""))
            for who, body in self.sayings(max(stamp, self.world.tau - self.world.terms.grace)):
                back = self.rng.choice([0, 0, 0, self.rng.randint(0, self.world.terms.grace + 1)])
                yield self.act(who, stamp - back, body)
                if isinstance(body, Release) and self.rng.random() < 0.8:
                    yield self.act(self.world.terms.keeper, stamp, Seal(checkpoint="", state_root=""))

    def beginning(self) -> Iterator[EntryInput]:
        """Mostly, all sign in time."""
        terms, rng = self.world.terms, self.rng
        begin = terms.start - 50 if rng.random() < 0.9 else terms.entry_by + rng.choice([-1, 0, 1, terms.grace])
        yield self.act(terms.keeper, begin - 100, Seal(checkpoint="", state_root=""))
        for party in terms.parties:
            if rng.random() < 0.98:
                yield self.act(party, begin, Sign())
        for name, tranche in terms.tranches.items():
            if rng.random() < 0.8:
                yield self.act(tranche.provider, begin, self.content(name))

    def act(self, who: str, stamp: int, body: Body) -> EntryInput:
        """An entry with a hash of its own."""
        self.said += 1
        culprit = self.rng.choice(list(self.world.terms.actors)) if isinstance(body, Evidence) else None
        return EntryInput(
            author=who, stamp=stamp, type=TYPES[type(body)], body=body, entry=f"{self.said:064x}", culprit=culprit
        )

    def content(self, name: str) -> Commit:
        """A commit of the right kind."""
        return content(name)

    def time(self) -> int:
        """Now, a little later, or at, before or after an instant that matters."""
        rng, world, grace = self.rng, self.world, self.world.terms.grace
        if rng.random() < 0.35:
            return world.now + rng.choice([0, 0, 1, rng.randint(0, 30)])
        ahead = sorted({*instants(world), *self.boundaries()})
        ahead = [instant for instant in ahead if instant > world.now - grace][: rng.choice([1, 2, 4])]
        if not ahead:
            return world.now + rng.randint(0, 100)
        return rng.choice(ahead) + rng.choice([0, 0, 1, -1, -grace, 1 - grace, -grace - 1, 5])

    def boundaries(self) -> list[int]:
        """Where periods end."""
        world = self.world
        if world.day is None:
            return [world.terms.start]
        return [
            end
            for claim in world.terms.claims
            for p in range(world.count(claim))
            if (end := world.ends(claim, p)) is not None
        ]

    # --- what is said -----------------------------------------------------------------------------------------------

    def sayings(self, at: int) -> list[Saying]:
        """What somebody says now."""
        rng = self.rng
        if self.world.day is None:
            return self.early()
        if rng.random() < self.tidy:
            done = self.chores(at)
            if rng.random() < 0.8:
                return done
        kind = rng.choices(
            [
                self.attestations,
                self.one_attestation,
                self.traffic,
                self.charges,
                self.replies,
                self.powers,
                self.nonsense,
            ],
            [6, 3, 6, 3, 3, 2, 0.5],
        )[0]
        return kind(at)

    def early(self) -> list[Saying]:
        """Before D."""
        rng, terms = self.rng, self.world.terms
        options: list[Saying] = [(party, Sign()) for party in terms.parties]
        options += [(tranche.provider, self.content(name)) for name, tranche in terms.tranches.items()]
        options += [(terms.parties[0], Withdraw())]
        return [rng.choice(options)] if rng.random() < 0.3 else []

    def chores(self, at: int) -> list[Saying]:
        """All that is due: monitors attest whole periods, tranches go on, those suspended agree to resume."""
        out: list[Saying] = []
        for claim in self.world.terms.claims:
            for period in range(self.world.count(claim)):
                end = self.world.ends(claim, period)
                if (
                    end is not None
                    and end <= at
                    and self.world.letter(claim, period) == "."
                    and self.rng.random() < 0.95
                ):
                    value = self.rng.random() < self.mood
                    out += [
                        (who, self.attestation(who, claim, period, value))
                        for who in self.world.terms.claims[claim].monitors
                    ]
        for name in self.world.tranches:
            if self.rng.random() < 0.9:
                out += self.next_step(name)
        if self.world.suspension and self.rng.random() < 0.5:
            out += [(party, Resume()) for party in self.world.terms.parties]
        return out

    def attestation(self, who: str, claim: str, period: int, value: bool) -> Attest:
        """An attestation, superseding the author's earlier one if there is one."""
        known = self.world.votes(claim, period).get(who)
        supersedes = known[2] if known is not None and self.rng.random() < 0.9 else None
        return Attest(claim=claim, period=period, value=value, supersedes=supersedes)

    def period(self, claim: str, at: int) -> int:
        """A period to speak of: mostly one that is undecided and has begun."""
        world = self.world
        begun = [p for p in range(world.count(claim)) if world.begins(claim, p) <= at]
        undecided = [p for p in begun if world.letter(claim, p) == "."]
        if undecided and self.rng.random() < 0.9:
            return self.rng.choice([undecided[0], undecided[0], self.rng.choice(undecided), undecided[-1]])
        return self.rng.choice(begun) if begun else self.rng.randint(0, 10)

    def attestations(self, at: int) -> list[Saying]:
        """Enough monitors say the same, on one period or two."""
        rng, out = self.rng, list[Saying]()
        claims = list(self.world.terms.claims)
        for claim in rng.sample(claims, min(len(claims), rng.choice([1, 1, 2]))):
            for _ in range(rng.choice([1, 1, 2])):
                period, value = self.period(claim, at), rng.random() < self.mood
                monitors = list(self.world.terms.claims[claim].monitors)
                rng.shuffle(monitors)
                out += [(who, self.attestation(who, claim, period, value)) for who in monitors]
        if rng.random() < 0.3:
            rng.shuffle(out)
        return out

    def one_attestation(self, at: int) -> list[Saying]:
        """One monitor says something."""
        if not self.world.terms.claims:
            return []
        claim = self.rng.choice(list(self.world.terms.claims))
        who = self.rng.choice(self.world.terms.claims[claim].monitors)
        return [(who, self.attestation(who, claim, self.period(claim, at), self.rng.random() < 0.5))]

    def traffic(self, at: int) -> list[Saying]:
        """A tranche goes on."""
        names = list(self.world.tranches)
        return self.next_step(self.rng.choice(names)) if names else []

    def next_step(self, name: str) -> list[Saying]:
        """What comes next for a tranche."""
        rng, known, term = self.rng, self.world.tranches[name], self.world.terms.tranches[name]
        release, key = release_and_key(name)
        if known.commit is None:
            return [(term.provider, self.content(name))]
        if known.stage == "READY":
            return [(term.recipient, Ack(tranche=name, stage="cipher", key="k" * 43 + "="))]
        if known.stage == "DELIVERED":
            return [(term.provider, release)]
        if known.stage == "RELEASED" and known.key_at is None:
            return [(term.provider, key)]
        if known.stage == "RELEASED":
            ok = rng.random() < 0.7
            return [(term.recipient, Ack(tranche=name, stage="plain", ok=ok, evidence=None if ok else "0" * 64))]
        if known.stage == "DISPUTED":
            word, voters = rng.random() < 0.5, self.world.terms.allegations.determiners.of
            return [(who, Determine(tranche=name, uphold=word)) for who in voters[: rng.choice([0, 1, 5])]]
        return []

    def charges(self, at: int) -> list[Saying]:
        """Allegations and notices."""
        rng, world = self.rng, self.world
        excused = [claim for claim, term in world.terms.claims.items() if term.excuse is not None]
        if excused and rng.random() < 0.4:
            claim, begins = rng.choice(excused), at + rng.choice([0, 20, 50, 51, 120])
            body = Notice(claim=claim, start=begins, end=begins + rng.choice([1, 60, 300]), text="")
            return [(world.debtor(duty), body) for duty in world.shows(claim)]
        out: list[Saying] = []
        for claim in world.terms.claims:
            hold, period = rng.random() < 0.6, self.period(claim, at)
            out += [(party, Allege(claim=claim, period=period, hold=hold)) for party in world.terms.parties]
        for name, tranche in world.terms.tranches.items():
            out += [(tranche.recipient, Allege(tranche=name, hold=rng.random() < 0.5))]
        return [rng.choice(out)] if out else []

    def replies(self, at: int) -> list[Saying]:
        """Allegations are answered or voted on."""
        rng, world = self.rng, self.world
        if not world.allegations:
            return self.charges(at)
        names = [name for name, known in world.allegations.items() if known.outcome == "OPEN"] or list(
            world.allegations
        )
        name = rng.choice(names if rng.random() < 0.8 else list(world.allegations))
        if rng.random() < 0.4:
            answer = rng.choice(["ADMITTED", "DENIED"])
            return [(party, Respond(allegation=name, answer=answer)) for party in world.terms.parties]
        word = rng.random() < 0.5
        voters = list(world.terms.allegations.determiners.of)
        return [(who, Determine(allegation=name, uphold=word)) for who in voters[: rng.choice([1, 5, 5])]]

    def powers(self, at: int) -> list[Saying]:
        """What parties and determiners may do on their own."""
        rng, world = self.rng, self.world
        terms = world.terms
        options: list[list[Saying]] = [[(party, Resume()) for party in terms.parties]] * 3
        options += [[(who, Resume()) for who in terms.allegations.determiners.of]]
        options += [[(rng.choice(terms.parties), Resume())]]
        for duty in world.duties:
            options += [[(who, Waive(duty=duty)) for who in world.creditors(duty)]]
            options += [[(world.debtor(duty), Perform(duty=duty))]]
        options += [[(rng.choice(list(terms.actors)), Evidence(kind="equivocation", first="", second=""))]]
        options += [[(rng.choice(terms.parties), Withdraw())]] * (4 if world.suspension else 1)
        return rng.choice(options)

    def nonsense(self, at: int) -> list[Saying]:
        """Somebody says what is somebody else's to say."""
        said = self.attestations(at) + self.traffic(at) + self.charges(at) + self.powers(at)
        if not said:
            return []
        _, body = self.rng.choice(said)
        return [(self.rng.choice([*self.world.terms.actors, "stranger"]), body)]
