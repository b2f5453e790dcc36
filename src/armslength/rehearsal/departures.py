"""What one person may do otherwise than agreed: one line of a script each. A search puts them together.

They are made from what may be said, never from what would be refused by rule alone: whoever is not asked, or says what
nobody counts, changes nothing. Each is read from the very line that is printed in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from armslength.core.arrangement.bodies import Ack, Attest, Body, Commit, Key, Release
from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import UNRELEASED, AllegationOutcome, PeriodValue, Phase
from armslength.core.arrangement.terms import Arrangement, Claim
from armslength.core.canonical import JsonObject
from armslength.views.blocks import decided
from armslength.views.placed import PlacedEntry
from armslength.views.words import HOUR, Words
from armslength.wire.script import Goal, Script
from armslength.wire.script_read import read_rows
from armslength.wire.script_times import Anchors, write_time

_NEVER = {  # by the type of the entry, the act of a node that does not take place
    "commit": "publishes",
    "release": "releases",
    "key": "hands over the key of",
    "cipher": "fetches",
    "plain": "confirms",
}
LATE = 2 * HOUR  # after what fires late


@dataclass(frozen=True, slots=True)
class Departure:
    """One line, what it comes to, and who answers for it. `since`: from when on it may change anything."""

    row: tuple[tuple[str, str], ...]
    part: Script
    by: frozenset[str]
    since: int

    @property
    def plain(self) -> JsonObject:
        """The line, as a script has it."""
        return dict(self.row)


class Departures:
    """The departures of one arrangement."""

    def __init__(self, terms: Arrangement) -> None:
        """D is the stated start: in what is searched all parties sign there."""
        self.terms = terms
        self.words = Words(terms, terms.start)
        self.anchors = Anchors(d=terms.start, start=terms.start, end=terms.end, before=terms.start)
        shown = {duty.claim: duty.debtor for duty in terms.duties.values()}
        self._owes = {name: shown[name] for name in terms.claims if name in shown}
        self._excuses = {claim.excuse.claim for claim in terms.claims.values() if claim.excuse}

    # --- at any time --------------------------------------------------------------------------------------------------

    def beside(self, placed: Iterable[PlacedEntry]) -> Iterator[Departure]:
        """Those from a course as agreed: what is said or done in it, and now never is; what somebody receives, and now
        complains of."""
        seen: set[tuple[str, str]] = set()
        for entry in placed:
            body, at = entry.body, entry.at - 1
            if isinstance(body, Attest) and self.terms.claims[body.claim].period is None:
                spot, claim = ("event", body.claim), self.terms.claims[body.claim]
                if spot not in seen:
                    seen.add(spot)
                    row = {"silence": f"{self._blocking(claim)} on {body.claim}"}
                    yield self._made(row, by=self._blamed(body.claim, claim), since=at)
            elif act := _act_of(body):
                kind, name = act
                yield self._made({"say": f"{entry.author} never {_NEVER[kind]} {name}"}, by={entry.author}, since=at)
                if kind == "plain":
                    row = {"at": self._time(entry.at), "say": f"{entry.author} complains of {name}"}
                    yield self._made(row, by={entry.author}, since=at)

    def silences(self) -> Iterator[Departure]:
        """Every single actor who could say anything, and does not: after the start, and parties from the beginning."""
        who = {*self.terms.parties, *self.terms.monitors, *self.terms.allegations.determiners.of}
        for name in sorted(who):
            row = {"silence": f"{name} from {self._time(self.terms.start + HOUR)}"}
            yield self._made(row, by={name}, since=self.terms.start)
        for name in self.terms.parties:
            yield self._made({"silence": name}, by={name}, since=-1)

    def outages(self) -> Iterator[Departure]:
        """The nodes that keep record or time, each gone from the start on."""
        for name in dict.fromkeys((self.terms.keeper, *self.terms.timekeepers.of)):
            row = {"down": f"{name} from {self._time(self.terms.start + HOUR)}"}
            yield self._made(row, by={name}, since=self.terms.start)

    # --- towards a goal -----------------------------------------------------------------------------------------------

    def towards(self, goal: Goal, state: State) -> Iterator[Departure]:
        """Those that speak of the goal itself; `state` is how the course ends from which they depart."""
        if goal.subject is None:
            return
        if goal.kind == "claim":
            name, _, period = goal.subject.partition("#")
            yield from self._about(name, int(period))
        elif goal.kind == "allegation" and goal.subject.count("/") == 2:
            who, name, period = goal.subject.split("/")
            at = self.words.starts(self.terms.claims[name], int(period)) + HOUR
            spot = name if self.terms.claims[name].period is None else f"{name}#{period}"
            for hold in ("", " with hold"):
                row = {"at": self._time(at), "say": f"{who} alleges {spot}{hold}"}
                yield self._made(row, by={who}, since=at - 1)
            for verb in ("admits", "denies"):
                row = {"at": self._time(at + HOUR), "say": f"{self._owes.get(name, who)} {verb} {goal.subject}"}
                yield self._made(row, by={self._owes.get(name, who)}, since=at - 1)
            for verb in ("uphold", "dismiss"):
                row = {"at": self._time(at + HOUR), "say": f"all {verb} {goal.subject}"}
                yield self._made(row, by=self.terms.allegations.determiners.of, since=at - 1)
        elif goal.kind == "duty" and goal.subject in self.terms.duties:
            duty, due = self.terms.duties[goal.subject], state.duties[goal.subject].due
            if due is not None:
                row = {"at": self._time(due + self.terms.grace + LATE), "say": f"all attest {duty.claim} true"}
                yield self._made(row, by={duty.debtor}, since=self.terms.start)

    def _about(self, name: str, period: int) -> Iterator[Departure]:
        """Those about one period."""
        claim, begun = self.terms.claims[name], self.words.starts(self.terms.claims[name], period)
        spot = name if claim.period is None else f"{name}#{period}"
        when = "1h after each" if claim.period else self._time(begun + HOUR)
        since = begun - 1 if claim.period else self.terms.start
        yield self._made({"at": when, "say": f"all attest {spot} false"}, by=self._blamed(name, claim), since=since)
        yield self._made({"silence": f"{self._blocking(claim)} on {spot}"}, by=claim.monitors, since=since)
        if claim.excuse is not None and name in self._owes:
            at = begun - claim.excuse.lead - HOUR
            span = f"from {self._time(begun)} to {self._time(begun + HOUR)}"
            row = {"at": self._time(at), "say": f"{self._owes[name]} notifies {name} {span}"}
            yield self._made(row, by={self._owes[name]}, since=at - 1)

    # --- at one state -------------------------------------------------------------------------------------------------

    def at(self, state: State) -> Iterator[Departure]:
        """Those that begin at this state: its claims' next periods, what was released, who falls silent, alleges or
        leaves."""
        now = state.clock.now
        if state.arrangement.phase != Phase.EFFECTIVE:
            return
        for name, claim in self.terms.claims.items():
            yield from self._periods(state, name, claim, now)
        for name, tranche in self.terms.tranches.items():
            yield from self._late(state, name, tranche.provider)
        soon = self._time(now + HOUR)
        for who in self.terms.parties:
            yield self._made({"silence": f"{who} from {soon}"}, by={who}, since=now)
            yield self._made({"at": soon, "say": f"{who} withdraws"}, by={who}, since=now)
            yield from self._allegations(state, who, now)
        for known, said in state.allegations.items():
            if said.outcome == AllegationOutcome.OPEN:
                judges = self.terms.allegations.determiners.of
                yield self._made({"at": soon, "say": f"all uphold {known}"}, by=set(judges), since=now)

    def for_good(self, state: State) -> Iterator[Departure]:
        """Those that begin at this state and last to the end: who falls silent or leaves, what no longer holds, what
        nobody confirms any more."""
        now = state.clock.now
        if state.arrangement.phase != Phase.EFFECTIVE:
            return
        soon = self._time(now + HOUR)
        for who in self.terms.parties:
            yield self._made({"silence": f"{who} from {soon}"}, by={who}, since=now)
            yield self._made({"at": soon, "say": f"{who} withdraws"}, by={who}, since=now)
        for name, claim in self.terms.claims.items():
            if name in self._owes and claim.period is not None:
                *_, refuted, unknown = [None, None, *self._periods(state, name, claim, now)]
                yield from (each for each in (refuted, unknown) if each is not None)

    def unconfirmed(self) -> Iterator[Departure]:
        """Each claim of periods of which, from the first on, no quorum is reached."""
        for name, claim in self.terms.claims.items():
            if claim.period is not None and name not in self._excuses:
                row = {"silence": f"{self._blocking(claim)} on {name}#0..{self.words.periods(claim) - 1}"}
                yield self._made(row, by=claim.monitors, since=self.terms.start)

    def _periods(self, state: State, name: str, claim: Claim, now: int) -> Iterator[Departure]:
        if claim.period is None or name in self._excuses:
            return
        last = self.words.periods(claim) - 1
        first = max(0, (now - self.terms.start - claim.offset) // claim.period)
        while first <= last and decided(state, name, first) != PeriodValue.UNDECIDED:
            first += 1
        if first > last:
            return
        by, pause = self._blamed(name, claim), "1h after each" if (claim.report_by or HOUR) >= HOUR else "0s after each"
        cures = [duty.cure for duty in self.terms.duties.values() if duty.claim == name and duty.kind == "maintain"]
        ends = sorted({first, *(min(first + cure, last) for cure in cures), last})
        for spots in (f"{name}#{first}..{end}" if end > first else f"{name}#{first}" for end in ends):
            yield self._made({"at": pause, "say": f"all attest {spots} false"}, by=by, since=now)
            yield self._made({"silence": f"{self._blocking(claim)} on {spots}"}, by=set(claim.monitors), since=now)

    def _late(self, state: State, name: str, provider: str) -> Iterator[Departure]:
        """A release that comes after it was due, where the tranche waits for what comes before."""
        gate, term = state.tranches[name].gate_at, self.terms.tranches[name]
        if gate is None or state.tranches[name].stage not in UNRELEASED:
            return
        late = self._time(gate + term.release_by + self.terms.grace + LATE)
        yield self._made({"at": late, "say": f"{provider} releases {name}"}, by={provider}, since=state.clock.now)

    def _allegations(self, state: State, who: str, now: int) -> Iterator[Departure]:
        """Of each claim that shows what somebody else owes, its present period."""
        for name, debtor in self._owes.items():
            claim = self.terms.claims[name]
            begun = self.words.starts(claim, 0)
            if debtor == who or now + HOUR < begun:
                continue
            period = 0 if claim.period is None else (now + HOUR - begun) // claim.period
            known = f"{who}/{name}/{period}"
            if period >= self.words.periods(claim) or known in state.allegations:
                continue
            spot = name if claim.period is None else f"{name}#{period}"
            for hold in (" with hold", ""):
                row = {"at": self._time(now + HOUR), "say": f"{who} alleges {spot}{hold}"}
                yield self._made(row, by={who}, since=now)

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _blamed(self, name: str, claim: Claim) -> set[str]:
        """Who answers for what a claim shows; its monitors, where it shows nobody's duty."""
        return {self._owes[name]} if name in self._owes else set(claim.monitors)

    def _blocking(self, claim: Claim) -> str:
        """Monitors without whom nothing is decided: few of them."""
        if claim.including:
            return claim.including[0]
        return ", ".join(claim.monitors[: len(claim.monitors) - claim.support + 1])

    def _time(self, at: int) -> str:
        return write_time(at, self.anchors)

    def _made(self, row: dict[str, str], *, by: Iterable[str], since: int) -> Departure:
        return Departure(tuple(row.items()), read_rows([row], self.terms), frozenset(by), since)


def _act_of(body: Body) -> tuple[str, str] | None:
    """The act of a node that an entry is, and its tranche."""
    match body:
        case Commit():
            return "commit", body.tranche
        case Release():
            return "release", body.tranche
        case Key():
            return "key", body.tranche
        case Ack():
            return body.stage, body.tranche
        case _:
            return None
