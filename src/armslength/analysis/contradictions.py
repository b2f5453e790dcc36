"""S10: what cannot both be: a duty that is kept and what its debtor is to get, or two duties by their words.

What a duty asks of the world stands in its statement, which nothing here understands. So two things are looked for:
what somebody gets only once it has broken what it owes, by the conditions; and statements that are the same words, one
of them with a "not".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from armslength.analysis.finding import WARNING, Finding
from armslength.analysis.reach import StepBudget, truth
from armslength.core.arrangement import tables
from armslength.core.arrangement.tables import DutyStatus, PeriodValue
from armslength.core.arrangement.terms import Arrangement, Condition

_BROKEN: frozenset[str] = frozenset(
    {DutyStatus.OVERDUE, DutyStatus.BREACHED, DutyStatus.CURED, DutyStatus.REMEDIED}
)  # what has been, too
_NOT = frozenset({"not", "no", "never", "nor", "neither", "cannot", "without", "nothing", "nobody", "none"})
_SMALL = frozenset(
    {
        "the", "a", "an", "to", "do", "does", "did", "is", "are", "be", "been", "was", "has", "have", "had", "will",
        "shall", "must", "may", "can", "any", "that", "this", "of", "it", "its", "their", "all", "every",
    }
)  # fmt: skip
_ENDINGS = ("ing", "ies", "es", "ed", "s", "e", "y")
_LEAST = 2  # words that two statements have to share


def contradictions(terms: Arrangement) -> Iterator[Finding]:
    """S10: duties that cannot be kept together with each other, or with what their debtor gets."""
    work = StepBudget()
    for id_, tranche in terms.tranches.items():
        for duty in _broken_for(terms, tranche.gate, tranche.recipient, work):
            yield _rewarded(f"tranches.{id_}.when", duty, tranche.recipient)
    for id_, rule in terms.duties.items():
        for creditor in rule.creditors:
            for duty in _broken_for(terms, rule.trigger, creditor, work):
                yield _rewarded(f"duties.{id_}.trigger", duty, creditor)
    yield from _by_words(terms)


def _broken_for(terms: Arrangement, condition: Condition, who: str, work: StepBudget) -> Iterator[str]:
    """The duties of `who` without whose breach the condition never holds."""
    if truth(terms, condition, work) == "never":
        return
    for id_, duty in terms.duties.items():
        if duty.debtor != who:
            continue
        machine = tables.ACHIEVE if duty.kind == "achieve" else tables.MAINTAIN
        kept: dict[str, set[str]] = {
            f"duty {id_}": {str(each) for each in machine.reachable(DutyStatus.PENDING)} - _BROKEN,
            f"claim {duty.claim}": {PeriodValue.UNDECIDED, PeriodValue.SUPPORTED, PeriodValue.UNKNOWN},
        }
        if truth(terms, condition, work, kept) == "never":
            yield id_


def _rewarded(place: str, duty: str, who: str) -> Finding:
    text = (
        f"holds only once {duty} is broken, which {who} owes, and {who} gets what follows: it gains by its own breach"
    )
    return Finding("S10", WARNING, place, text)


def _by_words(terms: Arrangement) -> Iterator[Finding]:
    said = [(f"claims.{id_}.statement", "", claim.statement) for id_, claim in terms.claims.items()]
    said += [(f"duties.{id_}.statement", duty.debtor, duty.statement) for id_, duty in terms.duties.items()]
    read = [(place, who, *_words(text)) for place, who, text in said]
    for (place, who, words, negated), (other, whose, same, as_well) in combinations(read, 2):
        alike = words == same and len(words) >= _LEAST and negated != as_well
        if alike and who == whose and place.partition(".")[0] == other.partition(".")[0]:
            text = f"says the same as {other}, but for a no: what fulfils one violates the other"
            yield Finding("S10", WARNING, place, text)


def _words(text: str) -> tuple[frozenset[str], bool]:
    """The words of a statement without their endings, and whether it denies them."""
    found = re.findall(r"\w+", re.sub(r"n[’']t\b", " not", text.lower()))
    kept = frozenset(_stem(word) for word in found if word not in _SMALL | _NOT)
    return kept, sum(word in _NOT for word in found) % 2 == 1


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word.removesuffix(ending)
    return word
