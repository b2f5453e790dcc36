"""What each type of entry says, in one sentence per group of entries that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from armslength.core.arrangement.bodies import (
    Ack,
    Allege,
    Attest,
    Body,
    Commit,
    Determine,
    Evidence,
    Key,
    Notice,
    Perform,
    Release,
    Respond,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.tables import AllegationAnswer
from armslength.core.record.entry import TYPE_OF
from armslength.views.placed import PlacedEntry
from armslength.views.words import Words, clock, count, date, listing, ranges, size

QUOTED = 200  # characters of an author's free text that are shown in a line
B = TypeVar("B")


def says(words: Words, entries: Sequence[PlacedEntry]) -> str:
    """What a group of like entries says, without the authors and without a full stop: `release T2`."""
    bodies: list[Body] = [entry.body for entry in entries]
    first, many = bodies[0], len({entry.author for entry in entries}) > 1
    s = "" if many else "s"
    if isinstance(first, Attest):
        return _attests(words, entries, s)
    if isinstance(first, Commit):
        names = listing(f"{b.tranche} ({size(b.size)}, {b.media_type})" for b in _all(bodies, Commit))
        return f"pin{s} the content of {names}"
    if isinstance(first, Determine):
        about = f"allegation {first.allegation}" if first.allegation else f"the complaint about {first.tranche}"
        return f"vote{s} to {'uphold' if first.uphold else 'dismiss'} {about}{_quote(first.text)}"
    if isinstance(first, Evidence) and first.kind == "refusals":
        return f"put{s} the keeper's refusals of earlier statements on record"
    if isinstance(first, Evidence):
        return f"present{s} evidence of {first.kind.replace('-', ' ')}: two signed statements that exclude each other"
    return _single(words, entries[0].type, first, s)


def _single(words: Words, kind: str, body: Body, s: str) -> str:
    """What one entry of the other types says."""
    match body:
        case Perform():
            return f"state{s} to have performed {body.duty}"
        case Notice():
            spell = f"{words.short(body.start)}–{_until(words, body)}"
            return f"give{s} notice of an exception to {words.claim(body.claim)}, {spell}{_quote(body.text)}"
        case Allege():
            return _alleges(words, body, s)
        case Respond():
            verbs: dict[str, str] = {
                AllegationAnswer.ADMITTED: f"admit{s}",
                AllegationAnswer.DENIED: "denies" if s else "deny",
            }
            return f"{verbs.get(body.answer, body.answer)} allegation {body.allegation}{_quote(body.text)}"
        case Ack():
            return _acks(body, s)
        case Release():
            return f"release{s} {words.tranche(body.tranche)}"
        case Key():
            return f"hand{s} over the key of {body.tranche}"
        case Withdraw():
            return f"give{s} notice of withdrawal{_quote(body.text)}"
        case Waive():
            return f"waive{s} {body.duty}"
        case _:
            fixed = {"sign": "sign{s} the terms", "resume": "agree{s} to resume", "seal": "seal{s} the record"}
            return fixed.get(kind, kind).replace("{s}", s)


def _attests(words: Words, entries: Sequence[PlacedEntry], s: str) -> str:
    """`attest that these held: day 0–day 6 of k1a, k1b and k2`: like claims and periods said once."""
    value = any(body.value for body in _all([e.body for e in entries], Attest))
    by_claim: dict[str, set[int]] = {}
    for body in _all([entry.body for entry in entries], Attest):
        by_claim.setdefault(body.claim, set()).add(body.period)
    by_periods: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    events: list[str] = []
    for name, periods in by_claim.items():
        rules = words.terms.claims[name]
        if rules.kind == "event":
            events.append(words.claim(name))
        else:
            by_periods.setdefault((words.unit(rules), tuple(sorted(periods))), []).append(name)
    held = "held" if value else "did not hold"
    parts = []
    for (unit, periods_), names in by_periods.items():
        what = words.claim(names[0]) if len(by_claim) == 1 else listing(sorted(names))
        parts.append(f"{what} {held} on {_spell(unit, periods_)}")
    parts += [f"{event} {'is so' if value else 'is not so'}" for event in events]
    return f"attest{s} that {listing(parts)}"


def _spell(unit: str, periods: Sequence[int]) -> str:
    plural = unit if len(periods) == 1 else f"{unit}s"
    return f"{plural} {ranges('', periods)}"


def _alleges(words: Words, body: Allege, s: str) -> str:
    about = f"that {body.tranche} was not delivered sealed in time"
    if body.claim is not None:
        spot = words.period(body.claim, body.period or 0)
        about = f"that {words.claim(body.claim)} did not hold{f' on {spot}' if spot else ''}"
    hold = f", and ask{s} for a hold" if body.hold else ""
    return f"allege{s} {about}{hold}{_quote(body.text)}"


def _acks(body: Ack, s: str) -> str:
    if body.stage == "cipher":
        return f"confirm{s} that the sealed data of {body.tranche} has arrived intact"
    if body.ok:
        return f"open{s} {body.tranche} and confirm{s} that it is what was promised"
    return f"complain{s} about {body.tranche}"


def _until(words: Words, body: Notice) -> str:
    same = date(body.start) == date(body.end)
    return clock(body.end) if same else words.short(body.end)


def _quote(text: str) -> str:
    if not text:
        return ""
    return f": “{text if len(text) <= QUOTED else f'{text[: QUOTED - 1]}…'}”"


def _all(bodies: Sequence[Body], kind: type[B]) -> list[B]:
    return [body for body in bodies if isinstance(body, kind)]


def summary(words: Words, entry: PlacedEntry) -> str:
    """One entry in one line, with its author: `Borovia denies allegation A/k2/14`."""
    return f"{words.actors([entry.author])} {says(words, [entry])}"


def would_say(words: Words, author: str, body: Body) -> str:
    """A statement that is not made yet, as it will stand on record: `Borovia gives notice of withdrawal`."""
    entry = PlacedEntry(index=0, entry="", author=author, type=TYPE_OF[type(body)], body=body, at=0, changes=())
    return summary(words, entry)


def seals(number: int) -> str:
    """`1 seal`."""
    return count(number, "seal")
