"""The terms in plain English: every quorum, clock, claim, duty and tranche as a sentence for people who sign.

Pure text from terms; nothing here is normative. What binds is the canonical document and the clauses' own text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from armslength.analysis.people import named_for_nothing
from armslength.core.arrangement.tables import AllegationOutcome, DutyStatus, PeriodValue, Stage
from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    Arrangement,
    AtTime,
    Claim,
    ClaimIs,
    CleanRun,
    Clear,
    Condition,
    Due,
    Duty,
    DutyIs,
    Effective,
    Not,
    Tranche,
    TrancheIs,
)
from armslength.views.words import count, isolated, listing
from armslength.wire.terms_values import write_size
from armslength.wire.terms_write import natural

DAY, HOUR, MINUTE = 86400, 3600, 60

# What a state of a duty or tranche means in the middle of a sentence: "C5a is …".
STATES: dict[str, str] = {
    DutyStatus.PENDING: "not yet owed",
    DutyStatus.ACTIVE: "owed",
    DutyStatus.OVERDUE: "overdue",
    DutyStatus.CURED: "done within the cure",
    DutyStatus.BREACHED: "in breach",
    DutyStatus.REMEDIED: "remedied after a breach",
    DutyStatus.FULFILLED: "done in time",
    DutyStatus.DISCHARGED: "discharged",
    DutyStatus.EXPIRED: "expired",
    DutyStatus.UNVERIFIED: "ended without proof",
    Stage.LOCKED: "not yet due to be given",
    Stage.READY: "ready",
    Stage.DELIVERED: "handed over under seal",
    Stage.RELEASED: "released",
    Stage.SETTLED: "received",
    Stage.DISPUTED: "complained about",
    Stage.FORFEITED: "forfeited",
    Stage.WITHHELD: "withheld",
    PeriodValue.SUPPORTED: "confirmed",
    PeriodValue.REFUTED: "refuted",
}

# Sets of states that the language has a word for.
_TOGETHER: dict[tuple[str, ...], str] = {
    (Stage.DISPUTED, Stage.RELEASED, Stage.SETTLED): "released",
    (DutyStatus.CURED, DutyStatus.FULFILLED): "done",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """What the terms say under one heading; `id` is the id of what it speaks of, or empty."""

    heading: str
    id: str
    text: str


def english(terms: Arrangement) -> list[Sentence]:
    """The whole arrangement, in reading order."""
    said = [Sentence("The arrangement", "", text) for text in (_opening(terms), _clock(terms), _record(terms))]
    said += [Sentence("The arrangement", "", text) for text in _idle(terms)]
    said += [Sentence("What monitors attest", id_, claim(terms, id_)) for id_ in sorted(terms.claims, key=natural)]
    said += [Sentence("What is owed", id_, duty(terms, id_)) for id_ in sorted(terms.duties, key=natural)]
    said += [Sentence("What is given", id_, tranche(terms, id_)) for id_ in sorted(terms.tranches, key=natural)]
    said.append(Sentence("When somebody alleges, stops or leaves", "", _allegations(terms)))
    said.append(Sentence("When somebody alleges, stops or leaves", "", _leaving(terms)))
    return said


def as_text(sentences: Sequence[Sentence]) -> str:
    """Sentences under their headings, one paragraph each."""
    lines: list[str] = []
    heading = ""
    for sentence in sentences:
        if sentence.heading != heading:
            heading = sentence.heading
            lines += ["", heading.upper(), ""] if lines else [heading.upper(), ""]
        lines.append(f"{sentence.id}: {sentence.text}" if sentence.id else sentence.text)
    return "\n".join(lines) + "\n"


def duration(seconds: int) -> str:
    """`24 hours`, `3 days`, `1 hour 30 minutes`. Up to three days are counted in hours, as people do in agreements."""
    if seconds % DAY == 0 and seconds > 3 * DAY:
        return count(seconds // DAY, "day")
    parts = [
        count(number, unit)
        for number, unit in ((seconds // HOUR, "hour"), (seconds % HOUR // MINUTE, "minute"), (seconds % 60, "second"))
        if number
    ]
    return " ".join(parts) or "no time"


def moment(at: int) -> str:
    """`15 July 2016, 00:00 UTC`."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {when:%B %Y}, {when:%H:%M}{f':{when:%S}' if when.second else ''} UTC"


def named(terms: Arrangement, id_: str) -> str:
    """The name of an actor."""
    return isolated(terms.actors[id_].name)


def names(terms: Arrangement, ids: Sequence[str], last: str = "and") -> str:
    """The names of actors, as a list."""
    return listing([named(terms, id_) for id_ in ids], last)


def quorum(
    terms: Arrangement, needed: int, of: Sequence[str], groups: Mapping[str, int], including: Sequence[str]
) -> str:
    """`3 of the 5 (names), with Neutral body among them,`: what follows in the sentence is a verb."""
    if len(of) == 1:
        return named(terms, of[0])
    text = f"all of {names(terms, of)}" if needed == len(of) else f"{needed} of the {len(of)} ({names(terms, of)})"
    among = [named(terms, id_) for id_ in including]
    among += [f"at least {least} of the group {group}" for group, least in sorted(groups.items())]
    return f"{text}, with {listing(among)} among them," if among else text


def condition(terms: Arrangement, formula: Condition) -> str:
    """A condition as a clause that follows "once" or "as long as"."""
    match formula:
        case AllOf() | AnyOf():
            last = "and" if isinstance(formula, AllOf) else "or"
            return listing([_bracketed(terms, part) for part in formula.of], last)
        case Not():
            return f"it is not so that {condition(terms, formula.of[0])}"
        case Effective():
            return "the arrangement is in effect"
        case AtTime():
            return f"it is {_instant(formula.anchor, formula.after)} or later"
        case CleanRun():
            return _run(terms, formula)
        case Clear():
            several = len(formula.duties) > 1
            return f"{'none of ' if several else ''}{listing(formula.duties)} is {'' if several else 'not '}" + (
                "overdue or in breach"
            )
        case ClaimIs():
            return f"{formula.claim} is {_in_state(formula.states)}"
        case DutyIs():
            return f"{formula.duty} is {_in_state(formula.states)}"
        case TrancheIs():
            return f"{formula.tranche} is {_in_state(formula.states)}"
        case _:
            assert_never(formula)


def _in_state(states: tuple[str, ...]) -> str:
    return _TOGETHER.get(states) or listing([STATES[state] for state in states], "or")


def _bracketed(terms: Arrangement, part: Condition) -> str:
    text = condition(terms, part)
    return f"({text})" if isinstance(part, AllOf | AnyOf) else text


def _run(terms: Arrangement, run: CleanRun) -> str:
    claims, length = run.claims, run.length
    unit = _unit(terms.claims[claims[0]])
    each = f"{claims[0]} has" if len(claims) == 1 else f"each of {listing(claims)} has"
    row = " in a row" if length > 1 else ""
    after = f" (counted after those for {run.follows})" if run.follows else ""
    return f"{each} been clean for {count(length, unit)}{row}{after}"


def _unit(rule: Claim) -> str:
    """What a claim's period is called."""
    length = rule.period or 0
    known = {HOUR: "hour", DAY: "day", 7 * DAY: "week"}
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second")):
        if length % size == 0:
            return known.get(length, f"{length // size}-{unit} period")
    raise ValueError(length)


def _instant(anchor: str, after: int) -> str:
    base = {"trigger": "that", "start": "the start", "end": "the end"}[anchor]
    if after == 0:
        return f"at {base}" if anchor != "trigger" else "at once"
    return f"{duration(abs(after))} {'after' if after > 0 else 'before'} {base}"


def _opening(terms: Arrangement) -> str:
    return (
        f"“{isolated(terms.title)}” is an arrangement between {names(terms, terms.parties)}. It takes effect on "
        f"{moment(terms.start)}, or with the last of their signatures if that is later, and lapses if one is missing "
        f"by {moment(terms.entry_by)}. It ends on {moment(terms.end)} and is never extended."
    )


def _clock(terms: Arrangement) -> str:
    keepers = terms.timekeepers
    simulated = "Time in it is simulated: this is a trial and binds nobody. " if terms.clock == "simulated" else ""
    return (
        f"{simulated}Time is what {quorum(terms, keepers.count, keepers.of, {}, ())} sign it to be; without them it "
        f"stands still and nothing is released. A message counts from when it was stamped, if it arrives within "
        f"{duration(terms.grace)}."
    )


def _record(terms: Arrangement) -> str:
    fallbacks = f"; should it fail, {names(terms, terms.fallback_keepers)}" if terms.fallback_keepers else ""
    return f"{named(terms, terms.keeper)} keeps the record{fallbacks}. Everyone else checks every entry of it."


def _idle(terms: Arrangement) -> list[str]:
    return [f"{named(terms, id_)} is named, and nothing follows for it." for id_ in named_for_nothing(terms)]


def claim(terms: Arrangement, id_: str) -> str:
    """A claim, who decides it and when."""
    rule = terms.claims[id_]
    deciders = quorum(terms, rule.support, rule.monitors, rule.groups, rule.including)
    if len(rule.monitors) == 1:
        who = f"{deciders} alone says so or denies it"
    elif rule.refute == rule.support:
        who = f"it takes {deciders} to say so, and as many to deny it"
    else:
        who = f"it takes {deciders} to say so, and {rule.refute} to deny it"
    since = f", from {duration(rule.offset)} after the start" if rule.offset else ""
    if rule.kind == "event":
        limit = (
            f" If it is not confirmed within {duration(rule.report_by)}, it counts as unknown."
            if rule.report_by
            else ""
        )
        return f"“{isolated(rule.statement)}” This is said once, at any time{since}: {who}.{limit}"
    unit = _unit(rule)
    text = (
        f"“{isolated(rule.statement)}” This is said of every {unit}{since}: {who}. What is not decided "
        f"{duration(rule.report_by or 0)} after the {unit} ends counts as unknown, which is not clean."
    )
    if rule.excuse is not None:
        text += (
            f" A {unit} is excused, and counts as clean, if an exception in it was notified at least "
            f"{duration(rule.excuse.lead)} before and {rule.excuse.claim} is confirmed."
        )
    return text


def duty(terms: Arrangement, id_: str) -> str:
    """A duty, from what triggers it to what follows when it is not met."""
    rule = terms.duties[id_]
    text = f"{named(terms, rule.debtor)} owes {names(terms, rule.creditors)}: {isolated(rule.statement.rstrip('.'))}."
    if rule.performer != rule.debtor:
        text += f" {named(terms, rule.performer)} performs; {named(terms, rule.debtor)} answers for it."
    text += _maintained(terms, rule) if rule.kind == "maintain" else _achieved(terms, rule)
    text += {
        "suspend": " A breach suspends the whole arrangement.",
        "withhold": " While it is overdue or in breach, the tranches that depend on it are withheld.",
        "record": " A breach stands on the record; nothing else follows from it.",
    }[rule.consequence]
    return text + (" This duty survives the end." if rule.surviving else "")


def _maintained(terms: Arrangement, rule: Duty) -> str:
    unit = _unit(terms.claims[rule.claim])
    since = "from the start" if isinstance(rule.trigger, Effective) else f"once {condition(terms, rule.trigger)}"
    cure = "it is a breach at once"
    if rule.cure:
        window = f"the next {unit} is" if rule.cure == 1 else f"the next {count(rule.cure, unit)} are"
        cure = f"it is cured if {window} clean, and is a breach if not"
    run = rule.remedy_run or 0
    remedy = f"one clean {unit} remedies" if run == 1 else f"{count(run, f'clean {unit}')} in a row remedy"
    return (
        f" It holds {since} to the end, and {rule.claim} shows it for every {unit}. When a {unit} is refuted, {cure}; "
        f"{remedy} a breach."
    )


def _achieved(terms: Arrangement, rule: Duty) -> str:
    due = rule.due or Due(anchor="trigger", after=0)
    since = "From the start" if isinstance(rule.trigger, Effective) else f"Once {condition(terms, rule.trigger)}"
    cure = f" If it is late, {duration(rule.cure)} remain to make it good." if rule.cure else ""
    still = " It stays owed after a breach." if rule.still_owed else " After a breach it can no longer be made good."
    when = _instant(due.anchor, due.after)
    return f" {since} it is owed, and it is due {when}; {rule.claim} shows it.{cure}{still}"


def tranche(terms: Arrangement, id_: str) -> str:
    """A tranche: what, from whom to whom, when, under what condition, and in which steps."""
    rule: Tranche = terms.tranches[id_]
    giver, taker = named(terms, rule.provider), named(terms, rule.recipient)
    size = write_size(rule.max_size)
    shown = f"{size} bytes" if isinstance(size, int) else size
    always = isinstance(rule.continuous, Effective)
    only = "" if always else f", and only as long as {condition(terms, rule.continuous)}"
    return (
        f"{giver} gives {taker} “{isolated(rule.title)}” ({listing(rule.media_types, 'or')}, at most {shown}) once "
        f"{condition(terms, rule.gate)}{only}. {taker} fetches the sealed data within {duration(rule.deliver_by)}; "
        f"{giver} releases it within {duration(rule.release_by)} of that and sends the key within "
        f"{duration(rule.key_by)}, with {duration(rule.release_cure)} to make good a delay. Silence of {taker} for "
        f"{duration(rule.ack_by)} "
        "after the key means that it was in order."
    )


def _allegations(terms: Arrangement) -> str:
    rules, judges = terms.allegations, terms.allegations.determiners
    deciders = quorum(terms, judges.count, judges.of, judges.groups, judges.including)
    holding = "It never holds releases."
    if rules.holds_per_party:
        times = count(rules.holds_per_party, "time")
        holding = f"It may hold all releases for at most {duration(rules.hold)}, {times} for each party."
    default = "dismissed" if rules.default == AllegationOutcome.DISMISSED else "upheld"
    return (
        f"An allegation alone changes nothing. {holding} The other side answers within {duration(rules.reply)}. It "
        f"takes {deciders} to determine it within {duration(rules.determination)}; after that it is dismissed. A "
        f"complaint about delivered data that nobody determines is {default}."
    )


def _leaving(terms: Arrangement) -> str:
    return (
        "A suspension ends when the breach is remedied and all parties, or those who determine allegations, agree to "
        f"resume; after {duration(terms.max_suspension)} the arrangement winds up. Each party may withdraw on notice "
        f"of {duration(terms.withdrawal_notice)}, but not out of a breach."
    )
