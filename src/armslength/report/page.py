"""The report: one self-contained HTML page that tells a verified record to people, and shows what each word rests on.

No script, no external resource. Everything that came from the record is escaped by the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from armslength.core.arrangement.bodies import Allege, Respond
from armslength.core.arrangement.state import VALUE_NAMES, State
from armslength.core.arrangement.tables import AllegationOutcome, DutyStatus, PeriodValue, Stage
from armslength.core.arrangement.terms import Arrangement, release_duty
from armslength.report.clauses import clauses, general
from armslength.report.lanes import axis, picture, slug
from armslength.report.lives import LifeStep, Subject, lives
from armslength.report.stakes import chart, rows
from armslength.views.causes import cause as because
from armslength.views.explain import why
from armslength.views.exposure import moved, number, series, weights_of
from armslength.views.placed import PlacedEntry
from armslength.views.sayings import says, summary
from armslength.views.status import status
from armslength.views.timeline import TimelineLine, effects, idle, timeline
from armslength.views.words import (
    Words,
    clock,
    count,
    date,
    iso,
    listing,
    meaning,
    ranges,
    safe_block,
    start_case,
    tone,
)
from armslength.wire.bundle import Verdict

FOLD = 100  # entries in one foldable part of the index


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """What brought a step about: entry numbers, and who said what in them; nothing said where time alone did it."""

    entries: tuple[int, ...]
    said: str


@dataclass(frozen=True, slots=True)
class LifeRow:
    """One row of a life's table."""

    at: int
    what: str
    state: str
    why: str
    evidence: StepEvidence


@dataclass(frozen=True, slots=True)
class Life:
    """A duty or a tranche: what it is, where it stands and how it came there."""

    id: str
    link: str
    title: str
    of: str
    state: str
    now: str
    rows: tuple[LifeRow, ...]


@dataclass(frozen=True, slots=True)
class ClaimSummary:
    """What the monitors found of one claim; `odd` are the periods that are not SUPPORTED."""

    id: str
    link: str
    statement: str
    monitors: str
    tally: str
    event: bool
    odd: tuple[LifeRow, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day, or of one stretch of days."""

    dates: str
    days: str
    lines: tuple[TimelineLine, ...]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One entry in the index of the record."""

    entry: PlacedEntry
    says: str
    led_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A foldable part of the index."""

    title: str
    rows: tuple[IndexRow, ...]


def render(
    verdict: Verdict,
    terms: Arrangement,
    texts: Mapping[str, str],
    placed: Sequence[PlacedEntry],
    state: State,
    weights: Mapping[str, int] | None = None,
) -> str:
    """The page. `texts` are the clauses' texts by id; `placed` and `state` are what the verifier folded; `weights` are
    private ones for the exposure, and then the page says so."""
    words = Words.of(terms, state)
    told = lives(placed)
    on = axis(words, placed)
    stakes = series(terms, placed, weights)
    page = _Page(words, state, placed, told)
    return _template().render(
        verdict=verdict,
        terms=terms,
        state=state,
        words=words,
        status=status(terms, state, weights=weights),
        facts=page.facts(),
        answer=why(terms, state, "arrangement"),
        picture=picture(terms, state, placed, told),
        chart=chart(words, stakes, on),
        rows=rows(stakes),
        stakes=stakes,
        weights=weights_of(terms, weights),
        private=weights is not None,
        general=general(terms),
        clauses=clauses(terms, texts),
        duties=[page.duty(name) for name in terms.duties],
        tranches=[page.tranche(name) for name in terms.tranches],
        found=[page.found(name) for name in terms.claims],
        allegations=[page.allegation(name) for name in state.allegations],
        moved=lambda line: moved(stakes, line.entries),
        days=page.days(timeline(terms, placed, state)),
        parts=page.parts(),
        style=Markup(style()),  # noqa: S704 - our own file
    )


class _Page:
    def __init__(
        self, words: Words, state: State, placed: Sequence[PlacedEntry], told: Mapping[Subject, Sequence[LifeStep]]
    ) -> None:
        self.words = words
        self.terms = words.terms
        self.state = state
        self.placed = placed
        self.told = told

    # Where it stands

    def facts(self) -> list[tuple[str, str, str]]:
        """Four numbers that say most: (number, what it counts, more)."""
        tranches, duties = self.state.tranches.values(), [self.state.duties[d] for d in self.terms.duties]
        settled = sum(t.stage == Stage.SETTLED for t in tranches)
        broken = sum(i.broke is not None for d in duties for i in d.instances)
        broken += sum(
            self._ever(name, DutyStatus.BREACHED) for name, d in self.terms.duties.items() if d.kind == "achieve"
        )
        raised = self.state.allegations.values()
        outcomes = [
            f"{sum(a.outcome == o for a in raised)} {o.lower()}"
            for o in (AllegationOutcome.UPHELD, AllegationOutcome.DISMISSED, AllegationOutcome.OPEN)
        ]
        seals = sum(entry.type == "seal" for entry in self.placed)
        authors = len({entry.author for entry in self.placed})
        return [
            (f"{settled} of {len(self.terms.tranches)}", "tranches delivered", ""),
            (str(broken), "breach" if broken == 1 else "breaches", listing(self._broken())),
            (str(len(raised)), "allegation" if len(raised) == 1 else "allegations", self._outcomes(outcomes)),
            (str(len(self.placed)), "entries in the record", f"by {authors} authors; {count(seals, 'seal')}"),
        ]

    def _outcomes(self, parts: Iterable[str]) -> str:
        return listing(part for part in parts if not part.startswith("0 "))

    def _broken(self) -> list[str]:
        return [
            f"{name}, now {self.state.duties[name].state}"
            for name in self.terms.duties
            if self._ever(name, DutyStatus.BREACHED)
        ]

    def _ever(self, duty: str, state: str) -> bool:
        return any(step.change.after == state for step in self.told.get(("duty", duty), ()))

    # Lives

    def duty(self, name: str) -> Life:
        """A duty of the terms."""
        terms, held = self.terms.duties[name], self.state.duties[name]
        of = f"{self.words.actor(terms.debtor)} owes {self.words.actors(terms.creditors)}"
        if terms.performer != terms.debtor:
            of += f"; {self.words.actor(terms.performer)} performs"
        of += f"; claim {terms.claim} shows it"
        answer = why(self.terms, self.state, name)
        return Life(
            name,
            f"duty-{slug(name)}",
            start_case(terms.statement.rstrip(".")),
            of,
            held.state,
            answer.sentences[0],
            self._rows(self.told.get(("duty", name), ())),
        )

    def tranche(self, name: str) -> Life:
        """A tranche, with the duty to release it."""
        terms, held = self.terms.tranches[name], self.state.tranches[name]
        steps = [*self.told.get(("tranche", name), ()), *self.told.get(("duty", release_duty(name)), ())]
        steps.sort(key=lambda step: (step.entries[-1].index, step.change.at))
        of = f"from {self.words.actor(terms.provider)} to {self.words.actor(terms.recipient)}"
        now = why(self.terms, self.state, name).sentences[0]
        return Life(name, f"tranche-{slug(name)}", terms.title, of, held.shown, now, self._rows(steps))

    def _rows(self, steps: Iterable[LifeStep]) -> tuple[LifeRow, ...]:
        return tuple(self._told(step) for step in steps)

    def _told(self, step: LifeStep) -> LifeRow:
        change = step.change
        what = ""
        if change.kind == "instance":
            duty, _, period = change.subject.partition("#")
            what = f"Violation since {self.words.period(self.terms.duties[duty].claim, int(period))}"
        elif change.kind == "duty" and self.words.release_of(change.subject):
            what = "Release duty"
        elif change.rule.startswith("answer."):
            what = "Answer"
        if change.before == change.after:
            what = f"{what} stays".strip() if what else "Stays"
        return LifeRow(change.at, what, change.after, because(self.words, change), self._evidence(step))

    def _evidence(self, step: LifeStep) -> StepEvidence:
        entries = tuple(entry.index for entry in step.entries)
        if step.of_itself:
            return StepEvidence(entries, "")
        who = self.words.actors(dict.fromkeys(entry.author for entry in step.entries))
        return StepEvidence(entries, f"{who} {says(self.words, step.entries)}")

    def found(self, name: str) -> ClaimSummary:
        """What the monitors found of a claim."""
        rules, held = self.terms.claims[name], self.state.claims[name]
        steps = [
            step for (kind, id_), steps in self.told.items() if kind == "claim" for step in steps if _of(id_, name)
        ]
        odd = [s for s in steps if rules.kind == "event" or s.change.after != PeriodValue.SUPPORTED]
        excuse = any(claim.excuse and claim.excuse.claim == name for claim in self.terms.claims.values())
        parts = []
        for letter, value in VALUE_NAMES.items():
            hits = sum(c == letter for c in held.decided)
            if hits and value != PeriodValue.UNDECIDED:
                said = "not attested" if value == PeriodValue.UNKNOWN and excuse else value
                parts.append(f"{count(hits, self.words.unit(rules))} {said}" if rules.period else value)
        return ClaimSummary(
            name,
            f"claim-{slug(name)}",
            rules.statement,
            self.words.actors(rules.monitors),
            "; ".join(parts) or "nothing decided",
            rules.kind == "event",
            tuple(self._decided(name, step) for step in odd if not idle(self.terms, step.change)),
        )

    def _decided(self, claim: str, step: LifeStep) -> LifeRow:
        change = step.change
        period = self.words.period(claim, int(change.subject.partition("#")[2] or 0))
        return LifeRow(change.at, period, change.after, because(self.words, change), self._evidence(step))

    def allegation(self, name: str) -> Life:
        """An allegation: who said what, the answer, and how it ended."""
        held = self.state.allegations[name]
        spot = self.words.subject("claim", f"{held.claim}#{held.period}") if held.claim else f"tranche {held.tranche}"
        of = f"{self.words.actor(held.by)} alleged on {self.words.moment(held.raised_at)}, about {spot}"
        said = [_quote(self.words, entry) for entry in self.placed if self._about(entry, name)]
        now = listing(text for text in said if text)
        return Life(
            name,
            f"allegation-{slug(name)}",
            f"Allegation {name}",
            of,
            held.outcome,
            now,
            self._rows(self.told.get(("allegation", name), ())),
        )

    def _about(self, entry: PlacedEntry, name: str) -> bool:
        match entry.body:
            case Allege(claim=claim, period=period, tranche=tranche):
                return name == f"{entry.author}/{claim}/{period}" or name == f"{entry.author}/{tranche}"
            case Respond(allegation=allegation):
                return allegation == name
            case _:
                return False

    # The record

    def days(self, lines: Iterable[TimelineLine]) -> list[Day]:
        """The timeline's lines under their days."""
        out: list[tuple[tuple[str, str], list[TimelineLine]]] = []
        for line in lines:
            heading = date(line.at), self.words.relative(line.at).split()[0]
            if date(line.until) != heading[0]:
                last = self.words.relative(line.until).split()[0]
                heading = f"{heading[0].rsplit(' ', 1)[0]} – {date(line.until)}", f"{heading[1]} to {last}"
            if not out or out[-1][0] != heading:
                out.append((heading, []))
            out[-1][1].append(line)
        return [Day(dates, days, tuple(found)) for (dates, days), found in out]

    def parts(self) -> list[Part]:
        """The index of all entries, in foldable parts."""
        found = []
        for start in range(0, len(self.placed), FOLD):
            chunk = self.placed[start : start + FOLD]
            span = f"{date(chunk[0].at)} to {date(chunk[-1].at)}"
            title = f"Entries {chunk[0].index} to {chunk[-1].index}, {span}"
            found.append(Part(title, tuple(self._index_row(entry) for entry in chunk)))
        return found

    def _index_row(self, entry: PlacedEntry) -> IndexRow:
        return IndexRow(entry, says(self.words, [entry]), tuple(e.text for e in effects(self.words, entry.changes)))


def _of(subject: str, claim: str) -> bool:
    return subject.partition("#")[0] == claim


def _quote(words: Words, entry: PlacedEntry) -> str:
    return f"{summary(words, entry)} (entry {entry.index})"


@cache
def style() -> str:
    """The style sheet, which pictures that stand alone carry too."""
    return shared_style() + _file("report.css")


def shared_style() -> str:
    """What reports and other pages look alike by: colours, light and dark, and pictures."""
    return _file("shared.css")


def _file(name: str) -> str:
    return resources.files("armslength.report").joinpath("templates", name).read_text(encoding="utf-8")


def environment(*packages: str) -> Environment:
    """Where the templates are, in these packages and then in ours, with what they may call."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(each, "templates") for each in (*packages, "armslength.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: safe_block(value) if type(value) is str else value,
    )
    made.filters |= {
        "tone": tone,
        "meaning": meaning,
        "date": date,
        "clock": clock,
        "iso": iso,
        "number": number,
        "listing": listing,
        "sentence": start_case,
        "slug": slug,
        "runs": lambda numbers: ranges("", numbers),
    }
    return made


@cache
def _template() -> Template:
    return environment().get_template("report.html.j2")
