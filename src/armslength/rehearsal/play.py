"""Playing a script on the production step: what is said is placed, time moves, and nodes do what nodes do.

1. What happens at one instant comes in this order: deadlines; what those say who do as agreed; what the script says and
   expects, in the order of the file; what those who do as agreed say to that. After each line the record is sealed, and
   nodes act until nothing is left to do.
2. Nothing takes time but what the terms and the script say: files are published beforehand, data comes through at once.
3. While the keeper's node is down, or too few timekeepers are left, the record stands still: what is said waits, and is
   placed with its own time once they are back (rules 2.2c, 2.5d).
4. A rehearsal ends when nothing is left that could happen by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Attest, Body, Seal, Sign
from armslength.core.arrangement.state import Change, State
from armslength.core.arrangement.tables import PeriodValue
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import digest
from armslength.core.record.entry import TYPE_OF
from armslength.errors import Refused
from armslength.rehearsal import checking
from armslength.rehearsal.acts import attestations, needed, next_act
from armslength.rehearsal.checking import Mismatch
from armslength.rehearsal.presence import Presence
from armslength.views.blocks import decided
from armslength.views.placed import PlacedEntry
from armslength.views.words import Words, listing
from armslength.wire.script import AGREED, FOREVER, Expectation, Goal, Script, Spoken

_SIGNED_BY_ITSELF = -1  # the line of what no line says


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What was played. `checked` counts the expectations that were looked at, `unplayed` those that were not, since the
    goal was reached before. `worked` holds the last state of each instant up to which time was worked, in order."""

    terms: Arrangement
    script: Script
    placed: tuple[PlacedEntry, ...]
    state: State
    worked: tuple[tuple[int, State], ...]
    mismatches: tuple[Mismatch, ...]
    checked: int
    unplayed: int
    goal: Goal | None = None
    reached: Change | None = None
    stands: tuple[str, ...] = ()  # whose nodes are missing, where the record stands still in the end

    @property
    def ok(self) -> bool:
        """Whether all that was expected holds, and the goal, if there is one, was reached."""
        return not self.mismatches and (self.goal is None or self.reached is not None)

    def at(self, instant: int) -> State:
        """The state at an instant (UTC seconds)."""
        index = bisect_right(self.worked, instant, key=lambda each: each[0])
        state = self.worked[index - 1][1] if index else step.initial(self.terms)
        return step.advance(self.terms, state, instant).state if instant > state.clock.now else state


class Play:
    """A rehearsal under way. It can be copied at any instant, and played on differently."""

    def __init__(self, terms: Arrangement, script: Script, *, brief: bool = False) -> None:
        """The terms, and what is to happen. `brief`: those without whom no quorum is reached speak first, and
        nobody says what is agreed of what is decided; that changes no state, and takes less time."""
        self.terms = terms
        self.script = script
        self.presence = Presence(terms, script.quiet)
        self.state = step.initial(terms)
        self.placed: list[PlacedEntry] = []
        self.worked: list[tuple[int, State]] = []
        self.mismatches: list[Mismatch] = []
        self.checked = 0
        self._brief = brief
        self._cues = _with_signatures(terms, script)
        self._cue = 0
        self._habits: list[tuple[int, str, Attest]] | None = None
        self._habit = 0
        self._tried: set[tuple[int, str, Body]] = set()
        self._late: list[tuple[int, str, Body]] = []  # what those say who were down, once they are back
        self._unsealed = False
        self._waiting: list[Spoken] = []
        self._scripted = {spot for cue in self._cues if (spot := _spot(cue))}

    def copy(self) -> Play:
        """Another play that has come just as far."""
        other = copy(self)
        for name in ("placed", "worked", "mismatches", "_waiting", "_late"):
            setattr(other, name, list(getattr(self, name)))
        other._tried = set(self._tried)
        return other

    def departing(self, part: Script) -> Play:
        """A copy that plays on with what this script adds, of which nothing lies behind."""
        other = self.copy()
        spots = {spot for cue in part.cues if (spot := _spot(cue))}
        rest = [cue for cue in self._cues[self._cue :] if _spot(cue) not in spots]
        quiet, told = (*self.script.quiet, *part.quiet), self.script.told | part.told
        other.script = replace(self.script, cues=(*self.script.cues, *part.cues), quiet=quiet, told=told)
        other.presence = Presence(self.terms, quiet)
        other._cues, other._cue = tuple(sorted((*rest, *part.cues), key=lambda cue: cue.at)), 0
        other._scripted = self._scripted | spots
        if self._habits is not None:
            habits = self._habits[self._habit :]
            other._habits = [each for each in habits if (each[1], each[2].claim, each[2].period) not in spots]
            other._habit = 0
        return other

    # --- the course of time -------------------------------------------------------------------------------------------

    def run(self, goal: Goal | None = None) -> Rehearsal:
        """Play to the end, or until the goal is reached."""
        reached = None
        while reached is None and (when := self.next_instant()) is not None:
            before = len(self.placed)
            self.play(when)
            if goal is not None:
                reached = checking.reaches(goal, (change for entry in self.placed[before:] for change in entry.changes))
        for number, cue in enumerate(self._cues):
            if isinstance(cue, Expectation) and (cue.how == "never" or (cue.how == "becomes" and number < self._cue)):
                self.checked += 1
                if missed := checking.looked_back(self.terms, self.state, self.placed, cue):
                    self.mismatches.append(missed)
        return Rehearsal(
            terms=self.terms,
            script=self.script,
            placed=tuple(self.placed),
            state=self.state,
            worked=tuple(self.worked),
            mismatches=tuple(sorted(self.mismatches, key=lambda each: each.line)),
            checked=self.checked,
            unplayed=sum(isinstance(cue, Expectation) and cue.how != "never" for cue in self._cues[self._cue :]),
            goal=goal,
            reached=reached,
            stands=self.stands(),
        )

    def stands(self) -> tuple[str, ...]:
        """Whose nodes are missing, if the record stands still in the end."""
        last = self.presence.gaps[-1] if self.presence.gaps else (FOREVER, 0)
        still = self._waiting or step.next_deadline(self.terms, self.state) is not None
        return self.presence.missing(last[0]) if last[1] == FOREVER and still else ()

    def next_instant(self) -> int | None:
        """The next instant at which anything happens; None if nothing will."""
        found = [self._cues[self._cue].at] if self._cue < len(self._cues) else []
        if self._said_by_habit():
            found.append(self._said_by_habit()[0][0])
        own = [step.next_deadline(self.terms, self.state), *(at for at, _, _ in self._needed())]
        later = [at if (gap := self.presence.gap(at)) is None else gap[1] for at in own if at is not None]
        later += [end for _, end in self.presence.gaps if self._waiting and end > self.state.clock.now]
        return min((at for at in (*found, *later) if at < FOREVER), default=None)

    def play(self, when: int) -> None:
        """Play all that happens at this instant."""
        gap = self.presence.gap(when)
        if gap is None:
            self._catch_up(when)
            self._time(when)
        said: list[tuple[str, Body]] = [(who, body) for at, who, body in self._said_by_habit() if at <= when]
        self._habit += len(said)
        self._late += [(back, author, body) for author, body in said if (back := self.presence.back(author, when))]
        if gap is None:
            asked = [each for each in self._needed() if each[0] <= when]
            self._tried |= {(at, author, body) for asked_at, author, body in asked for at in (asked_at, when)}
            said += [(author, body) for _, author, body in asked]
            self._agreed(when, said)
        else:
            self._waiting += [
                Spoken(at=when, author=author, body=body, line=_SIGNED_BY_ITSELF)
                for author, body in said
                if self.presence.speaks(author, when, body)
            ]
        while self._cue < len(self._cues) and self._cues[self._cue].at <= when:
            self._line(when, standing=gap is not None)
        self._begin()

    def _time(self, when: int) -> None:
        """Let deadlines fire, each at its own instant, and nodes act on what follows."""
        due = step.next_deadline(self.terms, self.state)
        while due is not None and due <= when:
            self._seal(max(due, self.state.clock.now))
            self._settle(self.state.clock.now)
            after = step.next_deadline(self.terms, self.state)
            if after is not None and after <= due:
                raise AssertionError(f"nothing meets the deadline at {due}")
            due = after

    def _begin(self) -> None:
        """Once D is known, so is when those attest who do as agreed."""
        if self._habits is None and self.state.arrangement.effective_at is not None:
            agreed = self.script.otherwise == AGREED
            found = attestations(self.terms, self.state.arrangement.effective_at) if agreed else []
            if self._brief:
                found.sort(key=lambda each: (each[0], each[2].claim, not _must(self.terms, each[2].claim, each[1])))
            self._habits = [each for each in found if (each[1], each[2].claim, each[2].period) not in self._scripted]

    def _catch_up(self, when: int) -> None:
        """Place what was said while the record stood still."""
        waiting, self._waiting = self._waiting, []
        for cue in waiting:
            self._speak(cue, cue.at if self.presence.stamped(cue.author, cue.at) else when)
        if waiting:
            self._settle(when)

    # --- what is said -------------------------------------------------------------------------------------------------

    def _line(self, when: int, *, standing: bool) -> None:
        """Play the cues of one line of the script."""
        first = self._cues[self._cue]
        said = False
        while self._cue < len(self._cues):
            cue = self._cues[self._cue]
            if (cue.at, cue.line) != (first.at, first.line) or isinstance(cue, Spoken) != isinstance(first, Spoken):
                break
            self._cue += 1
            if isinstance(cue, Expectation):
                self._expect(cue, when, standing=standing)
            elif self.presence.speaks(cue.author if cue.culprit is None else cue.culprit, cue.at, cue.body):
                said = True
                if standing:
                    self._waiting.append(cue)
                else:
                    self._speak(cue, when)
        if said and not standing:
            self._settle(when)

    def _speak(self, cue: Spoken, stamp: int) -> None:
        """Place one statement; what becomes of it is told if it is not what the script says."""
        self.checked += cue.refused is not None
        body = cue.body
        if cue.corrects and isinstance(body, Attest):
            votes = self.state.claims[body.claim].open.get(str(body.period), {})
            body = replace(body, supersedes=votes[cue.author].entry if cue.author in votes else "0" * 64)
        try:
            self._place(cue.author, stamp, body, cue.culprit)
        except Refused as error:
            if cue.refused != error.code and cue.line != _SIGNED_BY_ITSELF:
                self._refusal(cue, f"refused ({error.code}): {error.reason}")
        else:
            if cue.refused is not None:
                self._refusal(cue, "it was taken")

    def _refusal(self, cue: Spoken, found: str) -> None:
        self.mismatches.append(checking.of_statement(self.terms, self._words(), cue, found))

    def _expect(self, cue: Expectation, when: int, *, standing: bool) -> None:
        """Check what must be so now; what is expected of the whole course is checked at its end."""
        if cue.how != "is":
            return
        self.checked += 1
        state = self.state
        if not standing and when > state.clock.now:
            state = step.advance(self.terms, state, when).state
        if missed := checking.now(self.terms, state, cue):
            gone = listing(self._words().named(name) for name in self.presence.missing(when)) if standing else ""
            still = (f"The record stands still: {gone} is down.",) if standing else ()
            self.mismatches.append(replace(missed, why=(*missed.why, *still)))

    def _agreed(self, when: int, said: list[tuple[str, Body]]) -> None:
        """What those say who do as agreed; what is refused, or decided without them, is not told."""
        spoken = False
        for author, body in said:
            if (
                self._brief
                and isinstance(body, Attest)
                and decided(self.state, body.claim, body.period) != PeriodValue.UNDECIDED
            ):
                continue
            if self.presence.speaks(author, when, body):
                try:
                    self._place(author, when, body)
                except Refused:
                    continue
                spoken = True
        if spoken:
            self._settle(when)

    def _said_by_habit(self) -> list[tuple[int, str, Attest]]:
        """What those say next, all at one instant, who do as agreed."""
        rest, first = self._habits or [], self._habit
        stop = first
        while stop < len(rest) and rest[stop][0] == rest[first][0]:
            stop += 1
        return rest[first:stop]

    def _needed(self) -> Iterator[tuple[int, str, Body]]:
        if self.script.otherwise != AGREED:
            return
        for at, author, body in (*self._late, *needed(self.terms, self.state)):
            scripted = isinstance(body, Attest) and (author, body.claim, body.period) in self._scripted
            if not scripted and (at, author, body) not in self._tried and self.presence.speaks(author, at, body):
                yield at, author, body

    # --- what nodes do ------------------------------------------------------------------------------------------------

    def _settle(self, at: int) -> None:
        """Seal, and let every node act until nothing is left to do."""
        if self._unsealed:
            self._seal(at)
        acted = True
        while acted:
            acted = False
            for name in sorted(self.terms.tranches):
                acted = self._act(at, name) or acted
        if self._unsealed:
            self._seal(at)

    def _act(self, at: int, name: str) -> bool:
        act = next_act(self.terms, self.state, name)
        if act is None or (act.kind, name) in self.script.told:
            return False
        if not self.presence.speaks(act.author, at):
            return False
        try:
            self._place(act.author, at, act.body(self.terms))
        except Refused:
            return False  # it is too late for it
        if act.kind == "release":
            self._seal(at)
        return True

    def _seal(self, at: int) -> None:
        self._place(self.terms.keeper, at, Seal(checkpoint="", state_root=""))
        self._unsealed = False

    def _place(self, author: str, at: int, body: Body, culprit: str | None = None) -> None:
        """Place an entry. Raises Refused."""
        index, kind = len(self.placed), TYPE_OF[type(body)]
        name = digest(f"{index} {author} {kind}".encode())
        act = step.EntryInput(author=author, stamp=at, type=kind, body=body, entry=name, culprit=culprit)
        out = step.apply(self.terms, self.state, act)
        self.state = out.state
        self.placed.append(
            PlacedEntry(index=index, entry=name, author=author, type=kind, body=body, at=out.at, changes=out.changes)
        )
        if self.worked and self.worked[-1][0] == out.state.clock.now:
            self.worked.pop()
        self.worked.append((out.state.clock.now, out.state))
        self._unsealed = True

    def _words(self) -> Words:
        return Words.of(self.terms, self.state)


def _must(terms: Arrangement, claim: str, monitor: str) -> bool:
    """Whether the terms name the monitor, or its group, for every quorum of the claim."""
    return monitor in terms.claims[claim].including or terms.actors[monitor].group in terms.claims[claim].groups


def _spot(cue: object) -> tuple[str, str, int] | None:
    body = cue.body if isinstance(cue, Spoken) else None
    return (cue.author, body.claim, body.period) if isinstance(cue, Spoken) and isinstance(body, Attest) else None


def _with_signatures(terms: Arrangement, script: Script) -> tuple[Spoken | Expectation, ...]:
    """The cues; where no line says who signs, all parties sign at the stated start (rule 5.6a)."""
    if any(isinstance(cue, Spoken) and TYPE_OF[type(cue.body)] == "sign" for cue in script.cues):
        return script.cues
    signed = [Spoken(at=terms.start, author=party, body=Sign(), line=_SIGNED_BY_ITSELF) for party in terms.parties]
    return tuple(sorted((*signed, *script.cues), key=lambda cue: cue.at))
