"""S09: whether every deadline, cure and remedy fits where it must, and S14: how long holds can last."""

from __future__ import annotations

from collections.abc import Iterator

from armslength.analysis.finding import ERROR, NOTE, WARNING, Finding
from armslength.analysis.order import NEVER, earliest
from armslength.core.arrangement.terms import Arrangement, Claim, Duty
from armslength.wire.terms_values import write_duration, write_instant


def unfit(terms: Arrangement) -> Iterator[Finding]:
    """S09: deadlines that cannot be met, or cannot come, within the term."""
    yield from _entry_and_clocks(terms)
    soonest = earliest(terms)
    yield from _tranches(terms, soonest)
    for id_, claim in terms.claims.items():
        yield from _claim(terms, id_, claim)
    for id_, duty in terms.duties.items():
        if duty.kind == "maintain":
            yield from _maintain(terms, id_, duty)
        else:
            yield from _achieve(terms, id_, duty, soonest[f"duty {id_}"])


def _entry_and_clocks(terms: Arrangement) -> Iterator[Finding]:
    length = terms.end - terms.start
    if terms.entry_by >= terms.end:
        yield Finding("S09", ERROR, "entry_by", f"lies at or after the end, {write_instant(terms.end)}")
    rules = terms.allegations
    if rules.reply > rules.determination:
        yield Finding("S09", ERROR, "allegations.reply", "is longer than the determination it is meant to inform")
    if rules.hold > rules.determination:
        yield Finding("S09", NOTE, "allegations.hold", "is longer than the determination, which ends it anyway")
    if terms.withdrawal_notice >= length:
        yield Finding("S09", WARNING, "withdrawal.notice", "is as long as the term: nobody can leave before the end")
    shortest = min(
        [(rules.reply, "allegations.reply"), (rules.determination, "allegations.determination")]
        + [(claim.period, f"claims.{id_}.period") for id_, claim in terms.claims.items() if claim.period]
        + [(tranche.key_by, f"tranches.{id_}.key_by") for id_, tranche in terms.tranches.items()]
    )
    if terms.grace > shortest[0]:
        text = f"is longer than {shortest[1]} ({write_duration(shortest[0])}): an entry could be backdated past it"
        yield Finding("S09", WARNING, "grace", text)


def _tranches(terms: Arrangement, soonest: dict[str, int]) -> Iterator[Finding]:
    length, delay = terms.end - terms.start, max(0, terms.entry_by - terms.start)
    late = earliest(terms, delay)
    for id_ in terms.tranches:
        ready = soonest[f"tranche {id_}"]
        if ready >= NEVER:
            continue  # S04 says why
        place = f"tranches.{id_}.when"
        if ready >= length:
            text = (
                f"cannot hold before {write_duration(ready)} after the start, and the term is {write_duration(length)}"
            )
            yield Finding("S09", ERROR, place, text)
        elif late[f"tranche {id_}"] + delay >= length:
            text = f"needs {write_duration(ready)}; if entry takes until entry_by, the term ends before that"
            yield Finding("S09", WARNING, place, text)


def _claim(terms: Arrangement, id_: str, claim: Claim) -> Iterator[Finding]:
    left = terms.end - terms.start - claim.offset
    if claim.kind == "event":
        return
    if left <= 0:
        yield Finding("S09", ERROR, f"claims.{id_}.offset", "its first period begins at or after the end of the term")
    elif (claim.period or 0) > left:
        text = "is longer than what is left of the term: the only period is cut short"
        yield Finding("S09", WARNING, f"claims.{id_}.period", text)
    if claim.excuse is not None and claim.excuse.lead >= left:
        yield Finding("S09", ERROR, f"claims.{id_}.excuse.lead", "is as long as the term: no notice could be in time")


def _maintain(terms: Arrangement, id_: str, duty: Duty) -> Iterator[Finding]:
    claim = terms.claims[duty.claim]
    period, left = claim.period or 0, terms.end - terms.start - claim.offset
    place = f"duties.{id_}"
    if (duty.cure + 1) * period > left:
        text = f"a violation and {duty.cure} periods of cure do not fit into the term"
        yield Finding("S09", ERROR, f"{place}.cure", text)
    remedy = (duty.remedy_run or 0) * period
    if duty.consequence == "suspend" and remedy > terms.max_suspension:
        text = f"takes {write_duration(remedy)}, longer than a suspension may last: a breach could never be remedied"
        yield Finding("S09", ERROR, f"{place}.remedy_run", text)


def _achieve(terms: Arrangement, id_: str, duty: Duty, triggered: int) -> Iterator[Finding]:
    if duty.due is None or triggered >= NEVER:
        return
    place, length = f"duties.{id_}.due", terms.end - terms.start
    base = {"trigger": triggered, "start": 0, "end": length}[duty.due.anchor]
    due = base + duty.due.after
    if due < triggered:
        yield Finding("S09", ERROR, place, "lies before the duty can be triggered: it would be overdue at once")
    elif due > length and not duty.surviving and duty.due.anchor != "trigger":
        yield Finding("S09", ERROR, place, "lies after the end; say surviving: true, or winding up would discharge it")
    elif due > length and not duty.surviving:
        yield Finding("S09", WARNING, place, "cannot come before the end, even if all goes as fast as it can")


def holds(terms: Arrangement) -> Iterator[Finding]:
    """S14: how long one party can hold releases by allegations alone."""
    total, length = terms.allegations.hold * terms.allegations.holds_per_party, terms.end - terms.start
    if 2 * total >= length:
        text = f"one party can hold all releases for {write_duration(total)} of {write_duration(length)}"
        yield Finding("S14", WARNING, "allegations.holds_per_party", text)
