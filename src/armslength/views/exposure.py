"""Who had how much at stake, and when: what a party has irrevocably given, less what it has verifiably received.

Each tranche and each duty of the terms has a worth: the private weights' number, else the `weight` that the terms sign,
else 1. From these, at one state:

- a tranche is **given** by its provider from RELEASED on (a release is for ever), in full;
  it is **received** by its recipient once SETTLED, in full. A tranche that is DISPUTED counts as given and not
  as received.
- an *achieve* duty is given by its debtor, and received by each of its creditors, once FULFILLED, CURED or REMEDIED:
  performance that the monitors have confirmed. A discharged or waived duty gives nothing.
- a *maintain* duty gives its worth in equal parts, one for each of its periods: a part counts, for debtor and
  creditors, from the moment its period is decided clean (SUPPORTED or EXCUSED). Refuted, unknown and undecided periods
  count for nothing. Its periods are those of its claim that begin once it is ACTIVE and before the term's end.
- release duties give nothing of their own: the tranche does.

The unit is the weights' own. Exposure is positive while a party has given more than it has verifiably got back, and
negative while it is ahead. The series is a step function: a value holds from its moment until the next one. The peak is
the first moment of the highest value, 0 before anything was given. All arithmetic is exact (fractions).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from armslength.core.arrangement import tables
from armslength.core.arrangement.state import CLEAN, Change, State
from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Phase, Stage
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Malformed
from armslength.views.placed import PlacedEntry
from armslength.views.words import Words

PERFORMED = frozenset({DutyStatus.FULFILLED, DutyStatus.CURED, DutyStatus.REMEDIED})
CLEAN_NAMES = frozenset({PeriodValue.SUPPORTED, PeriodValue.EXCUSED})


@dataclass(frozen=True, slots=True)
class Balance:
    """What one party has irrevocably given and verifiably received, in the weights' unit."""

    given: Fraction = Fraction(0)
    received: Fraction = Fraction(0)

    @property
    def exposure(self) -> Fraction:
        """Given less received."""
        return self.given - self.received


@dataclass(frozen=True, slots=True)
class Point:
    """A party's balance from `at` on. `index` is the entry that moved it; `why` says what moved, in words; `kind` is
    "tranche", "duty" or, for the daily parts of maintain duties, "claim"."""

    at: int
    index: int | None
    given: Fraction
    received: Fraction
    why: str
    kind: str

    @property
    def exposure(self) -> Fraction:
        """Given less received."""
        return self.given - self.received


@dataclass(frozen=True, slots=True)
class Series:
    """One party's exposure over time, first moment first, and its highest point."""

    party: str
    points: tuple[Point, ...]
    peak: Point


def weights_of(terms: Arrangement, private: Mapping[str, int] | None = None) -> dict[str, int]:
    """The worth of every tranche and duty by id. Raises Malformed for a private weight that names neither
    (rule 6.2b)."""
    signed = {name: duty.weight for name, duty in terms.duties.items()}
    signed |= {name: tranche.weight for name, tranche in terms.tranches.items()}
    unknown = sorted(set(private or {}) - set(signed))
    if unknown:
        raise Malformed("unknown-weight", f"weights name no duty or tranche of these terms: {', '.join(unknown)}")
    return {name: 1 if weight is None else weight for name, weight in signed.items()} | dict(private or {})


def measure(terms: Arrangement, state: State, weights: Mapping[str, int] | None = None) -> dict[str, Balance]:
    """Every party's balance at one state. `weights` are private ones; see `weights_of`."""
    worth = weights_of(terms, weights)
    ledger = _Ledger(terms, worth)
    for name, duty in terms.duties.items():
        held = state.duties[name]
        if duty.kind == "achieve":
            if held.state in PERFORMED:
                ledger.perform(name, Fraction(worth[name]))
        elif held.active_at is not None:
            first, total = _periods(Words.of(terms, state), name, held.active_at)
            decided = state.claims[duty.claim].decided[first : first + total]
            ledger.perform(name, _part(worth[name], sum(letter in CLEAN for letter in decided), total))
    for name, tranche in terms.tranches.items():
        stage = state.tranches[name].stage
        if stage in tables.GIVEN:
            ledger.given[tranche.provider] += worth[name]
        if stage == Stage.SETTLED:
            ledger.received[tranche.recipient] += worth[name]
    return ledger.balances()


def series(
    terms: Arrangement, placed: Iterable[PlacedEntry], weights: Mapping[str, int] | None = None
) -> dict[str, Series]:
    """Every party's exposure over a record, from its changes alone."""
    worth = weights_of(terms, weights)
    ledger = _Ledger(terms, worth)
    moves = _Moves(terms, ledger)
    points: dict[str, list[Point]] = {party: [] for party in terms.parties}
    for entry in placed:
        for change in entry.changes:
            before = ledger.balances()
            why = moves.take(change)
            for party, balance in ledger.balances().items():
                if balance != before[party]:
                    point = Point(change.at, entry.index, balance.given, balance.received, why, change.kind)
                    points[party] = _append(points[party], point)
    zero = Point(terms.start, None, Fraction(0), Fraction(0), "nothing has been given yet", "")
    return {
        party: Series(party, tuple(line), max([zero, *line], key=lambda p: p.exposure))
        for party, line in points.items()
    }


def moved(lines: Mapping[str, Series], entries: Collection[int]) -> dict[str, Fraction]:
    """What every party's exposure was after these entries, if a tranche or a single duty among them moved it; else
    empty. The daily parts of maintain duties alone are not worth a line."""
    here = {point.index for line in lines.values() for point in line.points if point.kind != "claim"}
    if not here.intersection(entries):
        return {}
    last = max(entries)
    return {party: _after(line, last) for party, line in lines.items()}


def _after(line: Series, last: int) -> Fraction:
    """A party's exposure once the entry `last` was placed."""
    upto = [point.exposure for point in line.points if point.index is not None and point.index <= last]
    return upto[-1] if upto else Fraction(0)


def number(value: Fraction) -> str:
    """`2`, `1.48`, `−0.26`: at most two decimals, with a real minus sign."""
    text = f"{float(abs(value)):.2f}".rstrip("0").rstrip(".")
    return f"−{text}" if value < 0 and text != "0" else text


def _part(worth: int, clean: int, total: int) -> Fraction:
    return Fraction(worth * clean, total) if total else Fraction(0)


def _periods(words: Words, duty: str, active_at: int) -> tuple[int, int]:
    """The index of a maintain duty's first period, and how many it has."""
    claim = words.terms.claims[words.terms.duties[duty].claim]
    first = max(0, -((words.origin + claim.offset - active_at) // (claim.period or 1)))
    return first, max(0, words.periods(claim) - first)


def _append(line: list[Point], point: Point) -> list[Point]:
    """One point per moment and entry: what happens at once reads as one step."""
    if line and (line[-1].at, line[-1].index) == (point.at, point.index):
        last = line[-1]
        why = point.why if point.why == last.why else f"{last.why}; {point.why}"
        kind = last.kind if point.kind == "claim" else point.kind
        return [*line[:-1], Point(point.at, point.index, point.given, point.received, why, kind)]
    return [*line, point]


class _Ledger:
    def __init__(self, terms: Arrangement, worth: Mapping[str, int]) -> None:
        self.terms = terms
        self.worth = worth
        self.given: dict[str, Fraction] = defaultdict(Fraction)
        self.received: dict[str, Fraction] = defaultdict(Fraction)

    def perform(self, duty: str, amount: Fraction) -> None:
        terms = self.terms.duties[duty]
        self.given[terms.debtor] += amount
        for creditor in terms.creditors:
            self.received[creditor] += amount

    def balances(self) -> dict[str, Balance]:
        return {party: Balance(self.given[party], self.received[party]) for party in self.terms.parties}


class _Moves:
    """Follows the changes of a record and books what each moves."""

    def __init__(self, terms: Arrangement, ledger: _Ledger) -> None:
        self.terms = terms
        self.ledger = ledger
        self.words = Words.of(terms)
        self.active: dict[str, tuple[int, int]] = {}  # maintain duty → its first period and how many there are
        self.performed: set[str] = set()

    def take(self, change: Change) -> str:
        """Book one change; returns what it moved, in words."""
        if change.kind == "arrangement" and change.after == Phase.EFFECTIVE and change.before == Phase.SIGNED:
            self.words = Words(self.terms, change.at)
        if change.kind == "tranche":
            return self._tranche(change)
        if change.kind == "duty" and change.subject in self.terms.duties:
            return self._duty(change)
        if change.kind == "claim" and change.after in CLEAN_NAMES:
            return self._claim(change)
        return ""

    def _tranche(self, change: Change) -> str:
        tranche = self.terms.tranches[change.subject]
        worth = self.ledger.worth[change.subject]
        if change.after in tables.GIVEN and change.before not in tables.GIVEN:
            self.ledger.given[tranche.provider] += worth
        if change.after == Stage.SETTLED:
            self.ledger.received[tranche.recipient] += worth
        return f"{change.subject} is {'received' if change.after == Stage.SETTLED else change.after.lower()}"

    def _duty(self, change: Change) -> str:
        name, duty = change.subject, self.terms.duties[change.subject]
        if duty.kind == "maintain":
            if change.after == DutyStatus.ACTIVE and name not in self.active:
                self.active[name] = _periods(self.words, name, change.at)
        elif change.after in PERFORMED and name not in self.performed:
            self.performed.add(name)
            self.ledger.perform(name, Fraction(self.ledger.worth[name]))
        return f"{name} is {change.after.lower()}"

    def _claim(self, change: Change) -> str:
        claim, _, period = change.subject.partition("#")
        index = int(period or 0)
        for name, (first, total) in self.active.items():
            if self.terms.duties[name].claim == claim and first <= index < first + total:
                self.ledger.perform(name, _part(self.ledger.worth[name], 1, total))
        return f"{self.words.subject('claim', change.subject)} is {change.after.lower()}"
