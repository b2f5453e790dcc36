"""By what something was decided, as far as the state still holds it: votes on decided periods are not kept."""

from __future__ import annotations

from armslength.core.arrangement.state import AllegationState
from armslength.core.arrangement.tables import AllegationAnswer, AllegationOutcome, PeriodValue
from armslength.views.asked import Question
from armslength.views.blocks import decided, noticed
from armslength.views.words import listing


def period(asked: Question, name: str, number: int) -> list[str]:
    """A decided period of a claim: the short answer with what decided it, and what only the record shows."""
    words, rules, value = asked.words, asked.terms.claims[name], decided(asked.state, name, number)
    spot = f" for {words.period(name, number)}" if rules.kind == "state" else ""
    held = asked.state.claims[name]
    alone = len(held.decided.replace(".", "")) == 1
    since = f", since {words.moment(held.at)}" if alone and held.at is not None else ""
    lead = f"Claim {words.claim(name)} is {value}{spot}{since}"
    if value == PeriodValue.UNKNOWN:
        end = words.ends(rules, number) + (rules.report_by or 0)
        return [f"{lead}: no quorum of monitors agreed by {words.moment(end)}, when the time to report was over."]
    if value == PeriodValue.EXCUSED and rules.excuse:
        return [f"{lead}: a notice given in time covers it, and claim {words.claim(rules.excuse.claim)} is supported."]
    upheld = _upheld(asked, name, number)
    if value == PeriodValue.REFUTED and upheld:
        said = f"{lead}: {listing(upheld)}, unless enough monitors had attested before that it did not hold."
        return [said, "The record shows which, and when."]
    least = rules.support if value == PeriodValue.SUPPORTED else rules.refute
    who = words.actors(rules.monitors)
    some = who if least == len(rules.monitors) else f"at least {least} of {who}"
    said = f"{lead}: {some} attested that it {'held' if value == PeriodValue.SUPPORTED else 'did not hold'}"
    if value == PeriodValue.REFUTED and rules.excuse and noticed(words, asked.state, name, number):
        said += ", and what would have excused it was not supported"
    whose = "whose attestations decided it" if least < len(rules.monitors) else ""
    unknown = listing(filter(None, (whose, "" if since else "when")))
    return [f"{said}.", *([f"The record shows {unknown}."] if unknown else [])]


def allegation(asked: Question, name: str) -> str:
    """What decided an allegation that is no longer open, as a phrase."""
    held = asked.state.allegations[name]
    until = asked.words.moment(held.raised_at + asked.terms.allegations.determination)
    how, found = _how(asked, held), _found(asked, held)
    if how and found and held.outcome == AllegationOutcome.UPHELD:  # one of them made the other come too late to decide
        return f"{how}, unless the monitors had {found} before; the record shows which, and when"
    if how or (found and not _may_be_late(asked, held)):
        said = [how] * bool(how) + [f"the monitors {found}"] * bool(found)
        return f"{listing(said)}; the record shows when{', and which came first' if len(said) > 1 else ''}"
    if found and not _came_late(asked, held):
        return f"the monitors {found}, unless the time to decide it was over before, on {until}; the record shows which"
    return f"neither monitors nor determiners had decided it by {until}"


def _found(asked: Question, held: AllegationState) -> str:
    """What the monitors found that goes with the outcome of an allegation: `found k2 day 14 REFUTED`; else empty."""
    if held.claim is None:
        return ""
    value = decided(asked.state, held.claim, held.period or 0)
    fits = (
        {PeriodValue.REFUTED}
        if held.outcome == AllegationOutcome.UPHELD
        else {PeriodValue.SUPPORTED, PeriodValue.EXCUSED}
    )
    return f"found {asked.words.subject('claim', f'{held.claim}#{held.period or 0}')} {value}" if value in fits else ""


def _may_be_late(asked: Question, held: AllegationState) -> bool:
    """Whether the monitors may have decided the period after the allegation's time was over."""
    rules = asked.terms.claims[held.claim or ""]
    last = held.raised_at + asked.terms.allegations.determination
    return rules.report_by is None or asked.words.ends(rules, held.period or 0) + rules.report_by > last


def _came_late(asked: Question, held: AllegationState) -> bool:
    """Whether they certainly have; of a claim with several decided periods only the last decision's time is known."""
    claim = asked.state.claims[held.claim or ""]
    alone = len(claim.decided.replace(".", "")) == 1
    return alone and (claim.at or 0) > held.raised_at + asked.terms.allegations.determination


def _upheld(asked: Question, name: str, number: int) -> list[str]:
    """The allegations of a period that an admission or votes upheld; those that followed the monitors left out."""
    about = [(n, a) for n, a in asked.state.allegations.items() if (a.claim, a.period or 0) == (name, number)]
    hows = [(known, _how(asked, held)) for known, held in about if held.outcome == AllegationOutcome.UPHELD]
    return [f"allegation {known} is UPHELD ({how})" for known, how in hows if how]


def _how(asked: Question, held: AllegationState) -> str:
    """The admission, or the votes, that suffice for the outcome of an allegation; empty if neither does."""
    said = []
    if held.outcome == AllegationOutcome.UPHELD and held.answer == AllegationAnswer.ADMITTED:
        said.append(f"{asked.words.actors(debtors(asked, held))} admitted it")
    rules, upheld = asked.terms.allegations.determiners, held.outcome == AllegationOutcome.UPHELD
    voters = tuple(m for m in rules.of if held.votes.get(m) is upheld and m not in asked.state.arrangement.excluded)
    if voters and rules.met(asked.terms.actors, voters):
        said.append(f"{asked.words.actors(voters)} voted to {'uphold' if upheld else 'dismiss'} it")
    return listing(said)


def debtors(asked: Question, held: AllegationState) -> tuple[str, ...]:
    """Whose conduct an allegation is about."""
    if held.tranche is not None:
        return (asked.terms.tranches[held.tranche].provider,)
    owing = (duty.debtor for duty in asked.terms.duties.values() if duty.claim == held.claim)
    return tuple(dict.fromkeys(party for party in owing if party != held.by))
