"""A record as a timeline that a newcomer understands: when, who, what they did, what it changed and why.

Entries that say the same on the same occasion are one line. Routine attestations (true, and nothing followed but
periods becoming SUPPORTED) fold over many days into one line, which ends where something followed. Seals are not shown
unless time, moved by them, made a deadline fire: what time alone did has lines of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from armslength.core.arrangement.bodies import Attest, Determine
from armslength.core.arrangement.state import Change, State
from armslength.core.arrangement.tables import AuthorState, DutyStatus, PeriodValue, Phase
from armslength.core.arrangement.terms import Arrangement
from armslength.views.causes import cause as because
from armslength.views.placed import PlacedEntry
from armslength.views.sayings import says
from armslength.views.words import Words, listing, ranges, start_case

TIME = "time"
_CLOCKS = {"clock.frozen": "stop", "clock.thawed": "start"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What changed, in words, with the changes it stands for. `text` says all of it but the cause; `name` is who or
    what changed, `before` (empty for a first state) and `after` are its states."""

    text: str
    name: str
    before: str
    cause: str
    after: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLine:
    """One line. `who` is empty where time alone did it. `entries` are indexes into the record."""

    at: int
    until: int
    who: tuple[str, ...]
    did: str
    effects: tuple[Effect, ...]
    entries: tuple[int, ...]


@dataclass(slots=True)
class _Group:
    key: tuple[object, ...]
    at: int
    until: int
    entries: list[PlacedEntry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def timeline(terms: Arrangement, placed: Iterable[PlacedEntry], state: State | None = None) -> tuple[TimelineLine, ...]:
    """The lines of a record, oldest first. `state`, the last one, tells D before the record does."""
    placed = tuple(placed)
    words = Words(terms, _origin(terms, placed, state))
    groups: list[_Group] = []
    for entry in placed:
        own = _by_time(terms, groups, entry)
        if entry.type != "seal":
            _join(terms, groups, entry, own)
    return tuple(_line(words, group) for group in sorted(groups, key=lambda g: g.at))


def effects(words: Words, changes: Iterable[Change]) -> tuple[Effect, ...]:
    """Changes in words. What happens to several subjects for one cause is said once; so are the periods of a claim."""
    alike: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        if not idle(words.terms, change):
            alike.setdefault(_likeness(words, change), []).append(change)
    return (*_supported(words, alike), *(_effect(words, found) for found in alike.values()))


def idle(terms: Arrangement, change: Change) -> bool:
    """Whether a change says nothing to a reader: an excuse that was never attested, mostly because none was needed."""
    if change.kind != "claim" or change.after != PeriodValue.UNKNOWN:
        return False
    name = change.subject.partition("#")[0]
    return any(claim.excuse and claim.excuse.claim == name for claim in terms.claims.values())


def _supported(words: Words, alike: dict[tuple[str, ...], list[Change]]) -> list[Effect]:
    """Take the supported periods out of `alike`; claims with the same periods share one effect."""
    shared: dict[tuple[str, tuple[int, ...]], list[list[Change]]] = {}
    for key in [key for key in alike if key[0] == "claim" and key[-1] == PeriodValue.SUPPORTED]:
        found = alike.pop(key)
        rules = words.terms.claims[found[0].subject.partition("#")[0]]
        numbers = tuple(sorted(int(change.subject.partition("#")[2] or 0) for change in found))
        shared.setdefault((words.unit(rules) if rules.period else "", numbers), []).append(found)
    out = []
    for (unit, numbers), groups in shared.items():
        name = listing(group[0].subject.partition("#")[0] for group in groups)
        name += f" {unit}{'s' if len(numbers) > 1 else ''} {ranges('', numbers)}" if unit else ""
        changes = tuple(change for group in groups for change in group)
        text = f"{name}: SUPPORTED"
        out.append(Effect(text=text, name=name, before="", cause="", after=PeriodValue.SUPPORTED, changes=changes))
    return out


def _likeness(words: Words, change: Change) -> tuple[str, ...]:
    """Changes with equal likeness are said together."""
    if change.kind == "claim":
        return ("claim", change.subject.partition("#")[0], change.after)
    if change.kind in {"duty", "tranche"}:
        return (change.kind, change.before, change.after, because(words, change))
    return (change.kind, change.subject, change.rule)


def _effect(words: Words, found: list[Change]) -> Effect:
    change = found[0]
    if change.kind == "claim":
        return _decided(words, found)
    name = listing(words.subject(c.kind, c.subject) for c in found)
    name = start_case(name) if change.kind in {"arrangement", "allegation"} else name  # ids stay as they are
    before = "" if change.before in {DutyStatus.NONE, change.after} else change.before
    text = f"{name}: {before} → {change.after}" if before else f"{name}: {change.after}"
    if change.kind == "instance":
        duty, _, period = change.subject.partition("#")
        name = f"Violation of {duty} since {words.period(words.terms.duties[duty].claim, int(period))}"
        text = f"{name}: {change.after}"
    elif change.after == AuthorState.EXCLUDED:
        name, before = words.actors([change.subject]), ""
        text = f"{name} counts no more: {change.after}"
    elif change.rule in _CLOCKS:
        clocks = "its clock {}s" if len(found) == 1 else "their clocks {}"
        name = f"{name}, {clocks.format(_CLOCKS[change.rule])}"
        text = f"{name}: {change.after}"
    elif change.rule.startswith("answer."):
        text = f"{name} is {change.after}"
    elif change.before == change.after:
        text = f"{name} {'stays' if len(found) == 1 else 'stay'} {change.after}"
    cause = because(words, change)
    return Effect(text=text, name=name, before=before, cause=cause, after=change.after, changes=tuple(found))


def _decided(words: Words, found: list[Change]) -> Effect:
    claim, after = found[0].subject.partition("#")[0], found[0].after
    rules = words.terms.claims[claim]
    numbers = [int(change.subject.partition("#")[2] or 0) for change in found]
    plural = "s" if len(numbers) > 1 else ""
    name = f"{claim} {words.unit(rules)}{plural} {ranges('', numbers)}" if rules.period else claim
    told = len(found) > 1 or found[0].rule in {"claim.supported", "claim.refuted"}  # the line itself says who attested
    cause = "" if told else because(words, found[0])
    return Effect(text=f"{name}: {after}", name=name, before="", cause=cause, after=after, changes=tuple(found))


def _origin(terms: Arrangement, placed: Sequence[PlacedEntry], state: State | None) -> int:
    if state is not None and state.arrangement.effective_at is not None:
        return state.arrangement.effective_at
    for entry in placed:
        for change in entry.changes:
            if change.kind == "arrangement" and change.before == Phase.SIGNED and change.after == Phase.EFFECTIVE:
                return change.at
    return terms.start


def _routine(terms: Arrangement, change: Change) -> bool:
    return (change.kind == "claim" and change.after == PeriodValue.SUPPORTED) or idle(terms, change)


def _by_time(terms: Arrangement, groups: list[_Group], entry: PlacedEntry) -> list[Change]:
    """Put what time alone did into groups of its own, one per instant; returns what the entry itself did."""
    own = []
    for change in entry.changes:
        if change.at == entry.at and entry.type != "seal":
            own.append(change)
            continue
        if idle(terms, change):
            continue
        if not (groups and groups[-1].key == (TIME, change.at)):
            groups.append(_Group((TIME, change.at), change.at, change.at))
        groups[-1].changes.append(change)
        if entry not in groups[-1].entries:
            groups[-1].entries.append(entry)
    return own


def _join(terms: Arrangement, groups: list[_Group], entry: PlacedEntry, own: list[Change]) -> None:
    key = _key(terms, entry)
    last = next((g for g in reversed(groups) if g.key == key), None)
    if last is None or not _joins(terms, groups, last, entry):
        last = _Group(key, entry.at, entry.at)
        groups.append(last)
    last.entries.append(entry)
    last.changes.extend(own)
    last.at, last.until = min(last.at, entry.at), max(last.until, entry.at)


def _joins(terms: Arrangement, groups: list[_Group], last: _Group, entry: PlacedEntry) -> bool:
    """Whether an entry continues a group: on the same occasion, or as one more day of routine."""
    between = groups[groups.index(last) + 1 :]
    if last.until == entry.at:
        return True
    folds = last.key == ("attest", True, "state")
    return folds and all(_routine(terms, c) for c in last.changes) and all(g.key[0] == "commit" for g in between)


def _key(terms: Arrangement, entry: PlacedEntry) -> tuple[object, ...]:
    """Entries with equal keys say the same kind of thing."""
    body = entry.body
    if isinstance(body, Attest):
        return ("attest", body.value, terms.claims[body.claim].kind)
    if isinstance(body, Determine):
        return ("determine", body.allegation, body.tranche, body.uphold, body.text)
    if entry.type in {"sign", "resume"}:
        return (entry.type,)
    if entry.type in {"commit", "evidence"}:
        return (entry.type, entry.author)
    return (entry.type, entry.index)


def _line(words: Words, group: _Group) -> TimelineLine:
    indexes = tuple(entry.index for entry in group.entries)
    changed = effects(words, group.changes)
    if group.key[0] == TIME:
        did = f"time reaches {words.short(group.at)}"
        return TimelineLine(at=group.at, until=group.at, who=(), did=did, effects=changed, entries=indexes)
    who = tuple(dict.fromkeys(entry.author for entry in group.entries))
    did = f"{words.actors(who)} {says(words, group.entries)}"
    if group.key[0] == "attest":
        did = _monitors(words, group)
    return TimelineLine(at=group.at, until=group.until, who=who, did=did, effects=changed, entries=indexes)


def _monitors(words: Words, group: _Group) -> str:
    """Attestations by several sets of monitors on different claims and periods, each set said once: nobody is said to
    have spoken of a period of which others spoke alone."""
    by_spot: dict[tuple[str, int], list[PlacedEntry]] = {}
    for entry in group.entries:
        if isinstance(entry.body, Attest):
            by_spot.setdefault((entry.body.claim, entry.body.period), []).append(entry)
    by_who: dict[tuple[str, ...], list[PlacedEntry]] = {}
    for entries in by_spot.values():
        who = tuple(sorted({entry.author for entry in entries}))
        by_who.setdefault(who, []).extend(entries)
    return "; ".join(f"{words.actors(who)} {says(words, found)}" for who, found in by_who.items())
