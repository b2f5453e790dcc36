"""What can be written but is seldom intended: S22, limits that a cure or a notice swallows; S23, embargoes that rest on
the provider's goodwill alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from armslength.analysis.finding import WARNING, Finding
from armslength.analysis.order import NEVER, earliest
from armslength.core.arrangement.terms import Arrangement, AtTime, ClaimIs, Duty, walk
from armslength.wire.terms_values import write_duration as span

# Words by which a clause says that something is kept back until a day. They are looked for, and nothing is understood.
_EMBARGO = re.compile(
    r"\bembargo(?:es|ed)?\b|\bnot (?:be )?(?:\w+ )?before\b|\b(?:no|not) (?:earlier|sooner)\b", re.IGNORECASE
)


def swallowed(terms: Arrangement) -> Iterator[Finding]:
    """S22: limits that a cure or a notice swallows."""
    soonest = earliest(terms)
    yield from _withdrawal(terms)
    yield from _leads(terms)
    for id_, duty in terms.duties.items():
        if duty.kind == "maintain":
            yield from _maintain(terms, id_, duty)
        elif soonest[f"duty {id_}"] < NEVER:
            yield from _achieve(terms, id_, duty, soonest[f"duty {id_}"])
    for id_, tranche in terms.tranches.items():
        if tranche.release_cure > tranche.release_by:
            text = (
                f"{span(tranche.release_cure)} is longer than the {span(tranche.release_by)} of release_by: the "
                f"provider breaks nothing for {span(tranche.release_by + tranche.release_cure)}"
            )
            yield Finding("S22", WARNING, f"tranches.{id_}.release_cure", text)


def _withdrawal(terms: Arrangement) -> Iterator[Finding]:
    """A notice that ends after the term changes nothing (rule 5.4b). As long as the term it is told under S09."""
    length, notice = terms.end - terms.start, terms.withdrawal_notice
    if length <= 2 * notice < 2 * length:
        last = span(length - notice)
        text = f"a notice given later than {last} after the start ends after the term, and changes nothing"
        yield Finding("S22", WARNING, "withdrawal.notice", text)


def _leads(terms: Arrangement) -> Iterator[Finding]:
    """Periods for which notice would have to be given before anything is in force (rule 3.3a)."""
    for id_, claim in terms.claims.items():
        if claim.excuse is None or claim.period is None:
            continue
        number = max(0, (claim.excuse.lead - claim.offset) // claim.period)
        if claim.excuse.lead < terms.end - terms.start - claim.offset and number:
            which = "the first period" if number == 1 else f"the first {number} periods"
            text = f"for {which} notice would have to be given before the start: nothing in them can be excused"
            yield Finding("S22", WARNING, f"claims.{id_}.excuse.lead", text)


def _maintain(terms: Arrangement, id_: str, duty: Duty) -> Iterator[Finding]:
    claim = terms.claims[duty.claim]
    left, window = terms.end - terms.start - claim.offset, (duty.cure + 1) * (claim.period or 0)
    if duty.consequence != "record" and window <= left < 2 * window:
        text = (
            f"a violation and its cure take {span(window)} of {span(left)}: one that begins later than "
            f"{span(left - window)} after the first period is found to be a breach by the end alone"
        )
        yield Finding("S22", WARNING, f"duties.{id_}.cure", text)


def _achieve(terms: Arrangement, id_: str, duty: Duty, triggered: int) -> Iterator[Finding]:
    if duty.due is None:
        return
    length = terms.end - terms.start
    due = {"trigger": triggered, "start": 0, "end": length}[duty.due.anchor] + duty.due.after
    given, place = due - triggered, f"duties.{id_}.cure"
    if duty.cure > given > 0:
        whole = span(given + duty.cure)
        text = f"{span(duty.cure)} is longer than the {span(given)} until it is due: nothing follows for {whole}"
        yield Finding("S22", WARNING, place, text)
    elif duty.consequence != "record" and due <= length <= due + duty.cure + terms.grace:
        late = f"it is due in it, and to {duty.consequence} comes too late"
        text = f"ends after the term even if all goes as fast as it can: {late}"
        yield Finding("S22", WARNING, place, text)


def goodwill(terms: Arrangement, texts: Mapping[str, str]) -> Iterator[Finding]:
    """S23: clauses that speak of an embargo, of which neither a condition nor a duty knows anything."""
    owed = {duty.clause for duty in terms.duties.values()}
    for id_, tranche in terms.tranches.items():
        told = f"{terms.clauses[tranche.clause].title}\n{tranche.title}\n{texts.get(tranche.clause, '')}"
        waits = any(isinstance(part, AtTime | ClaimIs) for part in walk(tranche.gate))
        if waits or tranche.clause in owed or not (found := _EMBARGO.search(told)):
            continue
        text = (
            f'its clause says "{found[0]}", and no condition waits for a time or an event: an embargo is then the '
            f"goodwill of {tranche.provider} alone (publish --release-after); say when: {{time: 7d after start}}, or "
            "make it a duty"
        )
        yield Finding("S23", WARNING, f"tranches.{id_}.when", text)
