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
from armslength.core.arrangement.terms import Arrangement
from armslength.views.placed import PlacedEntry
from armslength.views.sayings import says
from armslength.views.words import Words, listing, ranges

TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What changed, in words, with the changes it stands for. `after` is the state reached, for its tone."""

    text: str
    cause: str
    after: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
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

    @property
    def routine(self) -> bool:
        return all(_routine(change) for change in self.changes)


def timeline(terms: Arrangement, placed: Iterable[PlacedEntry], state: State | None = None) -> tuple[Line, ...]:
    """The lines of a record, oldest first. `state`, the last one, tells D before the record does."""
    placed = tuple(placed)
    words = Words(terms, _origin(terms, placed, state))
    groups: list[_Group] = []
    for entry in placed:
        own = _by_time(groups, entry)
        if entry.type == "seal" and not own:
            continue
        _join(groups, entry, own)
    return tuple(_line(words, group) for group in sorted(groups, key=lambda g: g.at))


def effects(words: Words, changes: Iterable[Change]) -> tuple[Effect, ...]:
    """Changes in words; decisions of a claim's periods that read the same are said once."""
    out: list[Effect] = []
    by_value: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.kind == "claim":
            claim = change.subject.partition("#")[0]
            by_value.setdefault((claim, change.after), []).append(change)
        elif change.kind != "instance":
            name = words.subject(change.kind, change.subject)
            out.append(Effect(text=_became(name, change), cause=change.cause, after=change.after, changes=(change,)))
    decided = [_decided(words, claim, after, found) for (claim, after), found in by_value.items()]
    instances = [_instance(change) for change in changes if change.kind == "instance"]
    return (*decided, *instances, *out)


def _became(name: str, change: Change) -> str:
    name = f"{name[0].upper()}{name[1:]}" if name.startswith(("the ", "allegation ")) else name
    return f"{name}: {change.after}" if change.before in {"", "NONE"} else f"{name}: {change.before} → {change.after}"


def _instance(change: Change) -> Effect:
    name = change.subject.partition("#")[0]
    text = f"The violation of {name}: {change.after}"
    return Effect(text=text, cause=change.cause, after=change.after, changes=(change,))


def _decided(words: Words, claim: str, after: str, found: list[Change]) -> Effect:
    rules = words.terms.claims[claim]
    numbers = [int(change.subject.partition("#")[2] or 0) for change in found]
    spot = (
        "" if rules.kind == "event" else f" {words.unit(rules)}{'s' if len(numbers) > 1 else ''} {ranges('', numbers)}"
    )
    cause = found[0].cause if len(found) == 1 else ""
    return Effect(text=f"{claim}{spot}: {after}", cause=cause, after=after, changes=tuple(found))


def _origin(terms: Arrangement, placed: Sequence[PlacedEntry], state: State | None) -> int:
    if state is not None and state.arrangement.effective_at is not None:
        return state.arrangement.effective_at
    for entry in placed:
        for change in entry.changes:
            if change.kind == "arrangement" and change.before == "SIGNED" and change.after == "EFFECTIVE":
                return change.at
    return terms.start


def _routine(change: Change) -> bool:
    return change.kind == "claim" and change.after == "SUPPORTED"


def _by_time(groups: list[_Group], entry: PlacedEntry) -> list[Change]:
    """Put what time alone did into groups of its own, one per instant; returns what the entry itself did."""
    own = []
    for change in entry.changes:
        if change.at == entry.at and entry.type != "seal":
            own.append(change)
            continue
        if not (groups and groups[-1].key == (TIME, change.at)):
            groups.append(_Group((TIME, change.at), change.at, change.at))
        groups[-1].changes.append(change)
        if entry not in groups[-1].entries:
            groups[-1].entries.append(entry)
    return own


def _join(groups: list[_Group], entry: PlacedEntry, own: list[Change]) -> None:
    key = _key(entry)
    last = next((g for g in reversed(groups) if g.key == key), None)
    if last is None or not _joins(groups, last, entry):
        last = _Group(key, entry.at, entry.at)
        groups.append(last)
    last.entries.append(entry)
    last.changes.extend(own)
    last.until = max(last.until, entry.at)


def _joins(groups: list[_Group], last: _Group, entry: PlacedEntry) -> bool:
    """Whether an entry continues a group: on the same occasion, or as one more day of routine."""
    between = groups[groups.index(last) + 1 :]
    if last.until == entry.at:
        return True
    folds = last.key[0] == "attest" and last.key[1] is True
    return folds and last.routine and all(g.key[0] == "commit" for g in between)


def _key(entry: PlacedEntry) -> tuple[object, ...]:
    """Entries with equal keys say the same kind of thing."""
    body = entry.body
    if isinstance(body, Attest):
        return ("attest", body.value)
    if isinstance(body, Determine):
        return ("determine", body.allegation, body.tranche, body.uphold, body.text)
    if entry.type in {"sign", "resume"}:
        return (entry.type,)
    if entry.type in {"commit", "evidence"}:
        return (entry.type, entry.author)
    return (entry.type, entry.index)


def _line(words: Words, group: _Group) -> Line:
    indexes = tuple(entry.index for entry in group.entries)
    changed = effects(words, group.changes)
    if group.key[0] == TIME:
        did = f"time reaches {words.short(group.at)}"
        return Line(at=group.at, until=group.at, who=(), did=did, effects=changed, entries=indexes)
    who = tuple(dict.fromkeys(entry.author for entry in group.entries))
    did = f"{words.actors(who)} {says(words, group.entries)}"
    if group.key[0] == "attest":
        did = _monitors(words, group)
    return Line(at=group.at, until=group.until, who=who, did=did, effects=changed, entries=indexes)


def _monitors(words: Words, group: _Group) -> str:
    """Attestations by several sets of monitors on different claims, each set said once."""
    by_claim: dict[str, list[PlacedEntry]] = {}
    for entry in group.entries:
        if isinstance(entry.body, Attest):
            by_claim.setdefault(entry.body.claim, []).append(entry)
    by_who: dict[tuple[str, ...], list[PlacedEntry]] = {}
    for entries in by_claim.values():
        who = tuple(sorted({entry.author for entry in entries}))
        by_who.setdefault(who, []).extend(entries)
    return "; ".join(f"{listing(words.actors([w]) for w in who)} {says(words, found)}" for who, found in by_who.items())
