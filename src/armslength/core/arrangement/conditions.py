"""Conditions: whether one holds, whether it can no longer hold, and where runs lie.

"Can no longer hold" (`never`) errs on one side only: when it says so, nothing that bears no earlier time makes the
condition hold; but a breach that is remedied at the very instant at which the term is over was counted as one.
It looks at each atom alone, so atoms that exclude each other are not found out. Of claims and time it knows all once
they run, but for what suspensions and notices cut short; of duties and tranches, what their tables allow.
"""

from __future__ import annotations

from typing import assert_never

from armslength.core.arrangement import claims, marks, tables, terms
from armslength.core.arrangement.agenda import Wanted
from armslength.core.arrangement.causes import Cause, Passed, Standing
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import EXCUSED, SUPPORTED, UNDECIDED, VALUE_NAMES
from armslength.core.arrangement.tables import DutyStatus, Phase, Stage
from armslength.core.arrangement.terms import Condition

_LIVE, _DEAD = str.maketrans(EXCUSED + UNDECIDED, 2 * SUPPORTED), str.maketrans(EXCUSED, SUPPORTED)


def holds(draft: Draft, condition: Condition) -> bool:
    """Whether the condition holds now."""
    match condition:
        case terms.Clear():
            return not any(draft.duties[duty].state in tables.BAD for duty in condition.duties)
        case terms.AllOf():
            return all(holds(draft, part) for part in condition.of)
        case terms.AnyOf():
            return any(holds(draft, part) for part in condition.of)
        case terms.Not():
            return not holds(draft, condition.of[0])
        case terms.Effective():
            return draft.arrangement.effective_at is not None
        case terms.TrancheIs():
            return draft.tranches[condition.tranche].shown in condition.states
        case terms.DutyIs():
            return draft.duties[condition.duty].state in condition.states
        case terms.ClaimIs():
            value = claims.letter(draft.claims[condition.claim], 0)
            return value != UNDECIDED and VALUE_NAMES[value] in condition.states
        case terms.CleanRun():
            return run_end(draft, condition) is not None
        case terms.AtTime():
            instant = time_of(draft, condition)
            return instant is not None and draft.now >= instant
        case _:
            assert_never(condition)


def never(draft: Draft, condition: Condition) -> bool:
    """Whether the condition can no longer hold (rule 4.1d)."""
    match condition:
        case terms.AllOf():
            return any(never(draft, part) for part in condition.of)
        case terms.AnyOf():
            return all(never(draft, part) for part in condition.of)
        case terms.Not():
            return always(draft, condition.of[0])
        case terms.Effective():
            return draft.arrangement.phase == Phase.LAPSED
        case terms.AtTime():
            return draft.arrangement.phase == Phase.LAPSED and condition.anchor == "start"
        case terms.Clear():
            return any(_future(draft, duty) == {DutyStatus.BREACHED} for duty in condition.duties)
        case terms.TrancheIs():
            return _stages(draft, condition.tranche).isdisjoint(condition.states)
        case terms.DutyIs():
            return _future(draft, condition.duty).isdisjoint(condition.states)
        case terms.ClaimIs():
            value = claims.letter(draft.claims[condition.claim], 0)
            if value == UNDECIDED:
                return draft.arrangement.effective_at is not None and not claims.awaited(draft, condition.claim)
            return VALUE_NAMES[value] not in condition.states
        case terms.CleanRun():
            return draft.arrangement.effective_at is not None and run_end(draft, condition, hopeful=True) is None
        case _:
            assert_never(condition)


def always(draft: Draft, condition: Condition) -> bool:
    """Whether the condition holds and can no longer fail."""
    match condition:
        case terms.AllOf():
            return all(always(draft, part) for part in condition.of)
        case terms.AnyOf():
            return any(always(draft, part) for part in condition.of)
        case terms.Not():
            return never(draft, condition.of[0])
        case terms.Clear():
            return not any(_future(draft, duty) & tables.BAD for duty in condition.duties)
        case terms.TrancheIs():
            return _stages(draft, condition.tranche).issubset(condition.states)
        case terms.DutyIs():
            return _future(draft, condition.duty).issubset(condition.states)
        case (
            terms.Effective() | terms.ClaimIs() | terms.CleanRun() | terms.AtTime()
        ):  # once they hold they do so for good
            return holds(draft, condition)
        case _:
            assert_never(condition)


def _future(draft: Draft, duty: str) -> frozenset[DutyStatus]:
    """The states that a duty may still come to, its own among them."""
    state, term = draft.duties[duty].state, draft.terms.duties.get(duty)
    if state == DutyStatus.BREACHED:
        lost = term_over(draft) and (term is None or not term.surviving)
        if lost or (term is not None and term.kind == "achieve" and not term.still_owed):
            return frozenset({DutyStatus.BREACHED})
    return draft.machine(duty).reachable(state)


def _stages(draft: Draft, tranche: str) -> frozenset[Stage]:
    """The states that a tranche may still show."""
    return tables.TRANCHE.reachable(draft.tranches[tranche].stage)


def term_over(draft: Draft, *, closing: bool = False) -> bool:  # rule 5.5a
    """Winding down or done; or past the end with every period decided on which a duty or a gate rests. From then on
    nothing new begins, and a breach stays one. With `closing`, what is past its reportBy is as good as decided."""
    if draft.arrangement.phase not in tables.UNDER_WAY:
        return True
    if draft.at < draft.terms.end or not draft.effective:
        return False
    resting = {
        term.claim
        for duty, term in draft.terms.duties.items()
        if term.kind == "maintain" and draft.duties[duty].state in tables.RUNNING
    }
    for tranche, term in draft.terms.tranches.items():
        if draft.tranches[tranche].stage == Stage.LOCKED:
            resting.update(
                each for run in terms.walk(term.gate) if isinstance(run, terms.CleanRun) for each in run.claims
            )
    return not any(_awaited(draft, claim, closing=closing) for claim in resting)


def ended(draft: Draft) -> Cause:
    """Why the term is over."""
    winding = Standing("arrangement", "arrangement", draft.arrangement.phase)
    return (Passed(draft.terms.end, "term") if draft.effective else winding,)


def _awaited(draft: Draft, claim: str, *, closing: bool) -> bool:
    term, decided = draft.terms.claims[claim], draft.claims[claim].decided
    total = claims.count(draft, term)
    number = decided.rfind(UNDECIDED) if len(decided) >= total else total - 1
    if number < 0:
        return False
    last = claims.report_by(draft, term, number)
    return not closing or last is None or draft.at <= last


def time_of(draft: Draft, condition: terms.AtTime) -> int | None:
    """The instant of a time atom; None while D is not known."""
    base = draft.arrangement.effective_at if condition.anchor == "start" else draft.terms.end
    return None if base is None else base + condition.after


def run_end(draft: Draft, condition: terms.CleanRun, *, hopeful: bool = False) -> int | None:
    """The last period of the earliest run that the condition asks for, or None. An undecided period makes it wait;
    with `hopeful`, undecided periods that may still be decided count as clean."""
    begin = 0
    if condition.follows is not None:
        before = run_end(draft, draft.index.runs[condition.follows], hopeful=hopeful)
        if before is None:
            return None
        begin = before + 1
    if draft.arrangement.effective_at is None:
        return None
    wanted = condition.claims, condition.length
    if not hopeful:
        return marks.run_end(draft, wanted, begin)
    if all(claims.awaited(draft, claim) for claim in wanted[0]):
        return marks.hope(draft, wanted, begin)
    return _last_hope(draft, wanted, begin)


def _last_hope(draft: Draft, wanted: Wanted, begin: int) -> int | None:
    """The end of the run if undecided periods come to be clean of those claims alone that are still decided."""
    found, texts = 0, []
    for claim in wanted[0]:
        text = draft.claims[claim].decided.ljust(claims.count(draft, draft.terms.claims[claim]), UNDECIDED)
        texts.append(text.translate(_LIVE if claims.awaited(draft, claim) else _DEAD))
    for number in range(begin, min(map(len, texts), default=0)):
        letters = {text[number] for text in texts}
        if UNDECIDED in letters <= {SUPPORTED, UNDECIDED}:
            return None  # it waits for ever
        found = found + 1 if letters == {SUPPORTED} else 0
        if found == wanted[1]:
            return number
    return None
