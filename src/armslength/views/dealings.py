"""What one actor has kept, and what it has not, in one arrangement: a line for each thing, with the entries on which it
rests. Nothing is scored, and nothing is left out because it is small.

Outcomes: kept · late (due and not done, and may still be cured) · cured (late or violated, and made good in its cure) ·
breached · remedied (broken, and made good after) · disputed (the recipient complained, or somebody alleged) · unknown
(never verified) · open (owed, and in order so far) · discharged (no longer owed) · contradicted (it signed statements
that exclude each other).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from armslength.core.arrangement.state import CLEAN, UNKNOWN, AllegationState, State
from armslength.core.arrangement.tables import AllegationOutcome, DutyStatus
from armslength.core.arrangement.terms import Arrangement, release_duty
from armslength.views.history import History
from armslength.views.placed import PlacedEntry
from armslength.views.words import Words, count, ranges
from armslength.wire.bundle import receipt_path

OUTCOMES = (
    "kept", "late", "cured", "breached", "remedied", "disputed", "unknown", "open", "discharged", "contradicted",
)  # fmt: skip
_OF_DUTY = {
    DutyStatus.FULFILLED: "kept",
    DutyStatus.OVERDUE: "late",
    DutyStatus.CURED: "cured",
    DutyStatus.BREACHED: "breached",
    DutyStatus.REMEDIED: "remedied",
    DutyStatus.UNVERIFIED: "unknown",
    DutyStatus.ACTIVE: "open",
    DutyStatus.DISCHARGED: "discharged",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """One line. kind: duty, violation, release, periods, complaint, allegation or statement. `at`: since when it is so.
    `entries`: indexes into the record of the entries that made it so; `receipts`: the files in a bundle that prove that
    these are in it (none for the last seal, which proves itself)."""

    kind: str
    subject: str
    outcome: str
    text: str
    at: int
    entries: tuple[int, ...]
    receipts: tuple[str, ...]


def dealings(terms: Arrangement, state: State, placed: Sequence[PlacedEntry], who: str) -> tuple[Dealing, ...]:
    """The lines about the actor `who` of these terms, in the order in which they came to be so."""
    return tuple(
        sorted(_Dealings(terms, state, placed, who).all(), key=lambda each: (each.at, each.kind, each.subject))
    )


@dataclass(frozen=True, slots=True)
class ArrangementDealings:
    """What is known of somebody in one arrangement: who it is there, and where the record stands."""

    arrangement: str
    title: str
    who: str
    name: str
    state: str
    at: int
    lines: tuple[Dealing, ...]


def dealings_of(did: str, arrangement: str, history: History) -> Iterator[ArrangementDealings]:
    """What one record tells of whoever has this DID in it."""
    for who, actor in sorted(history.terms.actors.items()):
        if actor.did == did:
            yield ArrangementDealings(
                arrangement=arrangement,
                title=history.terms.title,
                who=who,
                name=actor.name,
                state=history.state.shown,
                at=history.state.clock.tau,
                lines=dealings(history.terms, history.state, history.placed, who),
            )


class _Dealings:
    def __init__(self, terms: Arrangement, state: State, placed: Sequence[PlacedEntry], who: str) -> None:
        self._terms = terms
        self._state = state
        self._who = who
        self._words = Words.of(terms, state)
        self._made: dict[tuple[str, str], list[int]] = {}
        for entry in placed:
            for change in entry.changes:
                self._made.setdefault((change.kind, change.subject), []).append(entry.index)
        self._last = max((entry.index for entry in placed if entry.type == "seal"), default=0)

    def all(self) -> Iterator[Dealing]:
        """Every line, in no order."""
        for name, duty in self._terms.duties.items():
            if duty.debtor == self._who:
                yield from self._maintained(name) if duty.kind == "maintain" else self._achieved(name)
        for name, tranche in self._terms.tranches.items():
            if tranche.provider == self._who:
                yield from self._released(name)
            if self._who in (tranche.provider, tranche.recipient):
                yield from self._disputed(name)
        for name, said in self._state.allegations.items():
            if self._who in self._alleged(said):
                yield self._allegation(name, said)
        if (since := self._state.arrangement.excluded.get(self._who)) is not None:
            text = "signed statements that exclude each other, and counts no more"
            yield self._line("statement", self._who, "contradicted", text, since, [("arrangement", self._who)])

    def _achieved(self, name: str) -> Iterator[Dealing]:
        duty, held = self._terms.duties[name], self._state.duties[name]
        if outcome := _OF_DUTY.get(held.state):
            rests = [("duty", name), ("claim", f"{duty.claim}#0")]
            yield self._line("duty", name, outcome, self._words.duty(name), held.at, rests)

    def _maintained(self, name: str) -> Iterator[Dealing]:
        duty, held = self._terms.duties[name], self._state.duties[name]
        claim, what = self._terms.claims[duty.claim], self._words.duty(name)
        letters = self._state.claims[duty.claim].decided
        unknown = [number for number, letter in enumerate(letters) if letter == UNKNOWN]
        clean = sum(letter in CLEAN for letter in letters)
        so_far = f"{what}: {clean} of {count(self._words.periods(claim), self._words.unit(claim))} clean"
        for instance in held.instances:
            spot = self._words.period(duty.claim, instance.first)
            rests = [("instance", f"{name}#{instance.first}"), ("claim", f"{duty.claim}#{instance.first}")]
            text = f"{what}: violated on {spot}"
            yield self._line(
                "violation", f"{name}#{instance.first}", _OF_DUTY[instance.state], text, instance.at, rests
            )
        if unknown and held.active_at is not None:
            rests = [("claim", f"{duty.claim}#{number}") for number in unknown]
            text = f"{what}: {self._words.unit(claim)}s {ranges('', unknown)} never verified"
            yield self._line("periods", duty.claim, "unknown", text, self._state.claims[duty.claim].at or 0, rests)
        if held.state in {DutyStatus.FULFILLED, DutyStatus.DISCHARGED} or (
            held.state == DutyStatus.ACTIVE and not held.instances
        ):
            yield self._line("duty", name, _OF_DUTY[held.state], so_far, held.at, [("duty", name)])

    def _released(self, name: str) -> Iterator[Dealing]:
        owed = release_duty(name)
        held = self._state.duties[owed]
        if outcome := _OF_DUTY.get(held.state):
            text = f"release of {self._words.tranche(name)}"
            yield self._line("release", owed, outcome, text, held.at, [("duty", owed), ("tranche", name)])

    def _disputed(self, name: str) -> Iterator[Dealing]:
        held, term = self._state.tranches[name], self._terms.tranches[name]
        if held.disputed_at is not None:
            by = self._words.actor(term.recipient)
            text = f"{by} complains of {self._words.tranche(name)}: {held.complaint or AllegationOutcome.OPEN}"
            yield self._line("complaint", name, "disputed", text, held.disputed_at, [("tranche", name)])

    def _alleged(self, said: AllegationState) -> set[str]:
        """Who answers for what is alleged."""
        if said.claim is not None:
            return {duty.debtor for duty in self._terms.duties.values() if duty.claim == said.claim} - {said.by}
        return {self._terms.tranches[said.tranche].provider} if said.tranche else set()

    def _allegation(self, name: str, said: AllegationState) -> Dealing:
        about = self._words.subject("claim", f"{said.claim}#{said.period}") if said.claim else said.tranche
        answer = said.answer or "not answered yet"
        text = f"alleged by {self._words.actor(said.by)} about {about}: {answer}, {said.outcome}"
        return self._line("allegation", name, "disputed", text, said.raised_at, [("allegation", name)])

    def _line(
        self, kind: str, subject: str, outcome: str, text: str, at: int, rests: Sequence[tuple[str, str]]
    ) -> Dealing:
        entries = tuple(sorted({index for spot in rests for index in self._made.get(spot, ())}))
        receipts = tuple(receipt_path(index) for index in entries if index < self._last)
        return Dealing(
            kind=kind, subject=subject, outcome=outcome, text=text, at=at, entries=entries, receipts=receipts
        )
