"""S08: whether everything that is waited for comes to a verdict in bounded time.

Most waits end by themselves: a duty has a `due`, an allegation its determination, a suspension its limit, the term its
end. What remains is what monitors have to attest without a time limit.
"""

from __future__ import annotations

from collections.abc import Iterator

from armslength.analysis.finding import WARNING, Finding
from armslength.core.arrangement.terms import Arrangement, ClaimIs, Condition, walk


def unbounded(terms: Arrangement) -> Iterator[Finding]:
    """S08: claims without a limit, where something waits for them. Of a state claim YAML asks for one, the canonical
    form does not."""
    for id_, claim in terms.claims.items():
        if claim.kind == "state" and claim.report_by is None:
            text = "is missing: a period that nobody decides stays open for ever, and with it what rests on it"
            yield Finding("S08", WARNING, f"claims.{id_}.report_by", text)
    for id_, tranche in terms.tranches.items():
        for event in _events(terms, tranche.continuous):
            text = f"rests on the event {event}, which has no report_by: nothing says by when that is settled"
            yield Finding("S08", WARNING, f"tranches.{id_}.while", text)
    for id_, duty in terms.duties.items():
        for event in _events(terms, duty.trigger) if duty.surviving else ():
            text = f"waits for the event {event}, which has no report_by, and the end does not end that: it survives"
            yield Finding("S08", WARNING, f"duties.{id_}.trigger", text)


def _events(terms: Arrangement, condition: Condition) -> list[str]:
    """The event claims without a limit in a condition, each once."""
    events = {part.claim for part in walk(condition) if isinstance(part, ClaimIs)}
    return sorted(event for event in events if terms.claims[event].report_by is None)
