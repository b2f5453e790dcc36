"""Why a duty, a claim or an allegation is as it is."""

from __future__ import annotations

from armslength.core.arrangement import tables
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.duties import remediable
from armslength.core.arrangement.state import CLEAN, REFUTED, DutyState, Instance
from armslength.core.arrangement.tables import DutyStatus, PeriodValue
from armslength.views import why_decided
from armslength.views.asked import Question, Why, start
from armslength.views.blocks import Block, closed, decided, denied, lack, outstanding, unmet
from armslength.views.deadlines import CONSEQUENCES
from armslength.views.words import count, meaning, ranges

SHOWN = 3  # how many open periods are spelt out


def duty(asked: Question, name: str) -> Why:
    """Explain a duty of the terms."""
    terms, held = asked.terms.duties[name], asked.state.duties[name]
    since = "" if held.state == DutyStatus.PENDING else f", since {asked.words.moment(held.at)}"
    said = [f"{asked.words.duty(name)} is {held.state}: {meaning(held.state)}{since}."]
    blocks: tuple[Block, ...] = ()
    if held.state == DutyStatus.PENDING:
        blocks = unmet(asked.terms, asked.state, terms.trigger)
        final = next((block for block in blocks if block.final), None)
        once = f"{asked.words.actor(terms.debtor)} owes it once this comes"
        said += (
            [f"It can never fall due any more: {final.need}."]
            if final
            else [f"{once}: {asked.tell(block)}." for block in blocks]
        )
    elif held.state == DutyStatus.EXPIRED:
        final = next((b for b in unmet(asked.terms, asked.state, terms.trigger) if b.final), None)
        said.append(
            f"What would have made it owed can never come any more: {final.need}." if final else "The term is over."
        )
    elif terms.kind == "maintain":
        said += [_instance(asked, name, i) for i in held.instances]
        blocks = open_periods(asked, terms.claim)
        said += _first(asked, blocks, f"So far: {tally(asked, terms.claim)}.")
        if not blocks and held.state in tables.BAD:
            blocks = upcoming(asked, terms.claim)
    elif held.state in tables.RUNNING:
        block = lack(asked.terms, asked.state, terms.claim, 0)
        blocks = (block,) if block else ()
        said += _achieve(asked, name, held, blocks)
    if held.state == DutyStatus.BREACHED:
        said.append(_follows(asked, name))
    if held.waived:
        said.append(f"{asked.words.actors(held.waived)} waived it.")
    return asked.answer("duty", name, held.state, said, blocks)


def claim(asked: Question, name: str) -> Why:
    """Explain a claim: all of its periods at once."""
    if asked.terms.claims[name].kind == "event":
        return period(asked, name, 0)
    blocks = open_periods(asked, name)
    said = [
        f"Claim {asked.words.claim(name)}: {tally(asked, name)}.",
        *_first(asked, blocks, "Nothing is outstanding."),
    ]
    if not blocks:
        blocks = upcoming(asked, name)
    return asked.answer("claim", name, PeriodValue.UNDECIDED if blocks else "DECIDED", said, blocks)


def period(asked: Question, name: str, number: int) -> Why:
    """Explain one period of a claim (0 for an event)."""
    value, terms = decided(asked.state, name, number), asked.terms.claims[name]
    block = lack(asked.terms, asked.state, name, number)
    spot = f" for {asked.words.period(name, number)}" if terms.kind == "state" else ""
    if value != PeriodValue.UNDECIDED:
        return asked.answer("claim", f"{name}#{number}", value, why_decided.period(asked, name, number), ())
    said = [f"Claim {asked.words.claim(name)} is {value}{spot}: {meaning(value)}."]
    if block and denied(asked.words, asked.state, name, number):
        said = [start(asked.tell(block))]
        if not asked.deadlines_of({f"{name}#{number}"}):
            said.append(
                f"Unless the excuse is supported, {asked.words.subject('claim', f'{name}#{number}')} is REFUTED."
            )
    elif block:
        said = [start(asked.tell(block)), _excuse(asked, name, number)]
    else:
        said.append(f"Nothing said now decides it: the arrangement is {asked.state.shown}.")
    return asked.answer("claim", f"{name}#{number}", value, said, (block,) if block else ())


def allegation(asked: Question, name: str) -> Why:
    """Explain an allegation."""
    held, words = asked.state.allegations[name], asked.words
    about = f"tranche {held.tranche} was not delivered sealed in time"
    if held.claim is not None:
        spot = words.period(held.claim, held.period or 0)
        about = f"claim {words.claim(held.claim)} did not hold{f' on {spot}' if spot else ''}"
    because = meaning(held.outcome) if held.open else why_decided.allegation(asked, name)
    said = [
        f"Allegation {name} is {held.outcome}: {because}.",
        f"{words.actor(held.by)} alleged on {words.moment(held.raised_at)} that {about}.",
        f"The answer: {held.answer}." if held.answer else "It has not been answered yet.",
    ]
    if held.holding:
        end = held.raised_at + asked.terms.allegations.hold
        lead = "While it is open it" if held.open else "It"
        said.append(f"{lead} holds the arrangement, at most until {asked.moment(end)}.")
    blocks: tuple[Block, ...] = ()
    if held.open:
        until = held.raised_at + asked.terms.allegations.determination
        blocks = (asked.vote("allegation", name, held.votes, until),)
        more = lack(asked.terms, asked.state, held.claim, held.period or 0) if held.claim is not None else None
        if more:
            blocks += (more,)
            said.append(f"The monitors may settle it first: {asked.tell(more)}.")
        said.insert(1, start(asked.tell(blocks[0])))
    return asked.answer("allegation", name, held.outcome, said, blocks)


def open_periods(asked: Question, name: str) -> tuple[Block, ...]:
    """What the periods of a claim lack that are over, or voted on, and not decided."""
    found = (lack(asked.terms, asked.state, name, p) for p in outstanding(asked.terms, asked.state, name))
    return tuple(block for block in found if block)


def upcoming(asked: Question, name: str) -> tuple[Block, ...]:
    """What the first undecided period of a claim lacks, although it is not over."""
    letters = asked.state.claims[name].decided
    total = asked.words.periods(asked.terms.claims[name])
    first = next((p for p in range(total) if letters[p : p + 1] in {"", "."}), None)
    block = lack(asked.terms, asked.state, name, first) if first is not None else None
    return (block,) if block else ()


def tally(asked: Question, name: str) -> str:
    """`supported: day 0–day 8; excused: day 9`."""
    unit = asked.words.unit(asked.terms.claims[name])
    letters = asked.state.claims[name].decided
    kinds = (("S", "supported"), ("X", "excused"), (REFUTED, "refuted"), ("U", "never verified"))
    parts = []
    for letter, word in kinds:
        hits = [i for i, value in enumerate(letters) if value == letter]
        if hits:
            parts.append(f"{count(len(hits), unit)} {word} ({ranges('', hits)})")
    return "; ".join(parts) or f"no {unit} is decided yet"


def _first(asked: Question, blocks: tuple[Block, ...], none: str) -> list[str]:
    if not blocks:
        return [none]
    said = [start(asked.tell(block)) for block in blocks[:SHOWN]]
    return [*said, f"And {len(blocks) - SHOWN} more."] if len(blocks) > SHOWN else said


def _achieve(asked: Question, name: str, held: DutyState, blocks: tuple[Block, ...]) -> list[str]:
    terms = asked.terms.duties[name]
    debtor = asked.words.actor(terms.debtor)
    said = asked.stands(held)
    if held.due is not None and held.frozen_at is None:
        said.append(f"{debtor} {'owed' if held.due < asked.now else 'owes'} it by {asked.moment(held.due)}.")
    if held.state == DutyStatus.OVERDUE and held.frozen_at is None and held.cure_due is not None:
        said.append(f"It can still be cured, by {asked.moment(held.cure_due)}.")
    elif held.state == DutyStatus.BREACHED and terms.still_owed:
        left = "and counts as remedied once shown" if blocks else "but nothing can show it any more"
        said.append(f"It is still owed, {left}.")
    if held.performed_at is not None:
        said.append(f"{debtor} stated on {asked.words.moment(held.performed_at)} that it is done; the monitors decide.")
    return said + [start(asked.tell(b)) for b in blocks]


def _instance(asked: Question, name: str, instance: Instance) -> str:
    terms = asked.terms.duties[name]
    unit = asked.words.unit(asked.terms.claims[terms.claim])
    since = asked.words.moment(instance.at)
    text = f"The violation that began on {unit} {instance.first} is {instance.state} since {since}"
    if instance.state == DutyStatus.OVERDUE:
        plural = "" if terms.cure == 1 else "s"
        last, rules = instance.first + terms.cure, asked.terms.claims[terms.claim]
        window = f"{unit}{plural} {ranges('', range(instance.first + 1, last + 1))} {'are' if plural else 'is'}"
        if asked.words.starts(rules, last + 1) <= asked.terms.end:
            text += f"; it is cured if {window} clean, and breached if not"
        else:
            text += f"; the term ends before {window} over, so that it can be cured no more"
    elif instance.state == DutyStatus.BREACHED:
        broke = f" after {unit} {instance.broke}" if instance.broke is not None else ""
        run = count(terms.remedy_run or 0, f"clean {unit}") + (" in a row" if terms.remedy_run != 1 else "")
        if can_be_remedied(asked, name):
            text += f"; {run}{broke} would remedy it{_run(asked, terms.claim, instance.broke)}"
        else:
            text += f"; the {run}{broke} that would remedy it can come no more"
    elif instance.state == DutyStatus.REMEDIED:
        broke = f" by {unit} {instance.broke}" if instance.broke is not None else ""
        text += f"; it was a breach{broke}, and was made good"
    return f"{text}."


def can_be_remedied(asked: Question, name: str) -> bool:
    """Whether a breach may still be remedied: enough periods are left for it, and are still decided."""
    if closed(asked.terms, asked.state, asked.terms.duties[name].claim):
        return False
    return remediable(Draft(asked.terms, asked.state), name)


def _follows(asked: Question, name: str) -> str:
    """What a breach leads to, or has led to."""
    consequence, suspension = asked.terms.duties[name].consequence, asked.state.arrangement.suspension
    if consequence == "suspend" and (suspension is None or name not in suspension.duties):
        return f"While the term runs, such a breach suspends the arrangement; now that is {asked.state.shown}."
    return f"Consequence: {CONSEQUENCES.get(consequence, consequence)}."


def _run(asked: Question, claim: str, broke: int | None) -> str:
    """How far the remedying run has come: the clean periods at the end of what is decided."""
    letters = asked.state.claims[claim].decided.rstrip(".")
    streak = len(letters) - len(letters.rstrip(CLEAN))
    if broke is not None:
        streak = min(streak, max(0, len(letters) - 1 - broke))
    return f" ({streak} so far)"


def _excuse(asked: Question, name: str, number: int) -> str:
    terms = asked.terms.claims[name]
    begin, end = asked.words.starts(terms, number), asked.words.ends(terms, number)
    notices = [n for n in asked.state.claims[name].notices if n.start < end and begin < n.end]
    if not terms.excuse or not notices:
        return ""
    if not any(n.timely for n in notices):
        return "A notice covers part of it, but came too late to excuse anything."
    excuse = asked.words.claim(terms.excuse.claim)
    return f"A timely notice covers part of it: if claim {excuse} is supported, the period is excused."
