"""Maintain duties: the violation instances of a duty that holds in every period.

1. Periods that start at or after the duty became ACTIVE count. A REFUTED one opens an instance, or joins the open one.
2. The cure window is the next n whole periods. All clean: CURED. One REFUTED: BREACHED at once. One UNKNOWN:
   BREACHED when it becomes so. Periods that are missing, or cut by the end of the term: BREACHED once the others
   are decided clean and the term is over. A period refuted beyond an undecided window waits for the window. Without
   a window (n = 0) the first period breaches.
3. After a breach, the earliest run of clean periods that the terms ask for remedies it. It begins after the period
   that broke the duty: the first one that is not clean in the window, or the first of all if there is no window.
4. What an instance comes to depends on the set of decided periods, not on their order: when an earlier period joins
   it, window and outcome are computed anew. What was CURED or REMEDIED before this instant has ended and stays so.
5. Concluded once the term is over and all periods are decided; worst wins: BREACHED, UNVERIFIED (a period is
   UNKNOWN), REMEDIED, FULFILLED.
"""

from __future__ import annotations

from armslength.core.arrangement import claims, marks, tables
from armslength.core.arrangement.causes import Cause, Passed, Periods, Standing
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import REFUTED, UNDECIDED, UNKNOWN, VALUE_NAMES, Instance, replace
from armslength.core.arrangement.tables import DutyStatus, PeriodValue

_BROKEN = frozenset({DutyStatus.BREACHED, DutyStatus.REMEDIED})
_SHOWN = {
    (DutyStatus.ACTIVE, DutyStatus.OVERDUE): "maintain.violated",
    (DutyStatus.ACTIVE, DutyStatus.BREACHED): "maintain.breached",
    (DutyStatus.OVERDUE, DutyStatus.ACTIVE): "maintain.cured",
    (DutyStatus.OVERDUE, DutyStatus.BREACHED): "maintain.breached",
    (DutyStatus.BREACHED, DutyStatus.OVERDUE): "maintain.reopened",
    (DutyStatus.BREACHED, DutyStatus.ACTIVE): "maintain.remedied",
}


def work(draft: Draft, duty: str) -> None:
    """Judge the duty's periods as far as they are decided, and conclude it if all are."""
    while _open(draft, duty) or _judge(draft, duty):
        pass
    if draft.at >= draft.terms.end:
        _conclude(draft, duty)


def _current(draft: Draft, duty: str) -> Instance | None:
    """The open instance."""
    first = draft.duties[duty].violation
    return None if first is None else draft.duties[duty].violations[str(first)]


def _find(draft: Draft, duty: str, letters: str, first: int) -> int | None:
    """The earliest period with one of these letters in the cure window that begins after `first` (rule 4.2b)."""
    term = draft.terms.duties[duty]
    total = claims.count(draft, draft.terms.claims[term.claim])
    stop = min(first + 1 + term.cure, total)
    decided = draft.claims[term.claim].decided[first + 1 : stop].ljust(stop - first - 1, UNDECIDED)
    return min((first + 1 + at for at in map(decided.find, letters) if at >= 0), default=None)


def _broke(draft: Draft, duty: str, first: int) -> int | None:
    """The period that breaks an instance which begins with `first`; None if none does yet (rule 4.2c)."""
    return first if draft.terms.duties[duty].cure == 0 else _find(draft, duty, REFUTED + UNKNOWN, first)


def _open(draft: Draft, duty: str) -> bool:  # rule 4.2a
    """Let the first refuted period that no ended instance owns open one, or join the open one. True if it did."""
    number = marks.unowned(draft, duty)
    if number is None:
        return False
    cause = (Standing("claim", claims.name(draft.terms.duties[duty].claim, number), PeriodValue.REFUTED),)
    current = _current(draft, duty)
    if current is not None and current.first <= number:
        return False  # it is the open instance's, or waits until that has ended
    if later := _later(draft, duty, number):
        return _join(draft, duty, number, later, cause)
    _change(draft, duty, Instance(first=number, state=DutyStatus.NONE, at=draft.at), "instance.opened", cause)
    return True


def _join(draft: Draft, duty: str, number: int, later: list[Instance], cause: Cause) -> bool:
    """Let an earlier period be the first of an instance; those after it are judged again."""
    first, violations = later[0], draft.duties[duty].violations
    for known in later:
        violations = violations.drop(str(known.first))
    draft.duties[duty] = replace(draft.duties[duty], violations=violations)
    if first.state not in tables.BAD:
        draft.violations = {name: text for name, text in draft.violations.items() if name != duty}
    breached = first.state in _BROKEN
    broke = _broke(draft, duty, number) if breached else None
    rule = "instance.joined" if not breached else "instance.reopened" if broke is None else "instance.joined-breach"
    draft.again[duty] = sum(known.state in _BROKEN for known in later) - (broke is not None)
    _change(draft, duty, replace(first, first=number, broke=broke), rule, cause)
    return True


def _later(draft: Draft, duty: str, number: int) -> list[Instance]:
    """The instances after `number` that had not ended before this instant: within one, order means nothing
    (rule 4.2e)."""
    if draft.duties[duty].violation is None and not marks.ends_after(draft, duty, number):
        return []
    after = (known for known in draft.duties[duty].instances if known.first > number)
    return [known for known in after if known.state in tables.BAD or known.at >= draft.at]


def _judge(draft: Draft, duty: str) -> bool:
    """Move the open instance if its cure window, or its remedy, says so. True if it moved (rule 4.2d)."""
    current = _current(draft, duty)
    if current is None:
        return False
    term = draft.terms.duties[duty]
    window = (Periods(term.claim, current.first + 1, current.first + term.cure),)
    broke = _broke(draft, duty, current.first)
    if current.state == DutyStatus.BREACHED:
        if broke is not None and broke != current.broke:
            current = _store(draft, duty, replace(current, broke=broke))
        end = marks.remedied(draft, duty, current)
        if end is None:
            return False
        run = Periods(term.claim, end + 1 - (term.remedy_run or 0), end)
        _change(draft, duty, current, "instance.remedied", (run,))
        return True
    if broke is not None:
        value = VALUE_NAMES[claims.letter(draft.claims[term.claim], broke)]
        cause: Cause = (Standing("claim", claims.name(term.claim, broke), value), *(window if term.cure else ()))
        _change(draft, duty, replace(current, broke=broke), "instance.breached", cause)
        return True
    if _find(draft, duty, UNDECIDED, current.first) is not None:
        return False
    if claims.starts(draft, draft.terms.claims[term.claim], current.first + term.cure + 1) <= draft.terms.end:
        _change(draft, duty, current, "instance.cured", window)
        return True
    if draft.at < draft.terms.end:
        return False
    _change(draft, duty, current, "instance.cut", (Passed(draft.terms.end, "term"),))
    return True


def _change(draft: Draft, duty: str, new: Instance, rule: str, cause: Cause = ()) -> None:
    """Take a row of the instance's table, store it, and show the duty's worst open instance."""
    state = draft.duties[duty]
    after = draft.move(tables.INSTANCE, claims.name(duty, new.first), new.state, rule, cause)
    since = new.at if after == new.state else draft.at
    made = _store(draft, duty, replace(new, state=after, at=since))
    shown = after if after in tables.BAD else DutyStatus.ACTIVE
    if shown == DutyStatus.ACTIVE:
        marks.ended(draft, duty, made)
    if shown != state.state:
        draft.move(tables.MAINTAIN, duty, state.state, _SHOWN[state.state, shown], cause)
        draft.duties[duty] = replace(draft.duties[duty], state=shown, at=draft.at)
    if (new.state, after) == (DutyStatus.OVERDUE, DutyStatus.BREACHED):
        if draft.again.get(duty):
            draft.again[duty] -= 1
        elif draft.terms.duties[duty].consequence == "suspend":
            draft.breaches.append(duty)


def _store(draft: Draft, duty: str, new: Instance) -> Instance:
    """Keep an instance under its first period."""
    state = draft.duties[duty]
    first = new.first if new.state in tables.BAD else None
    draft.duties[duty] = replace(state, violations=state.violations.put(str(new.first), new), violation=first)
    return new


def _conclude(draft: Draft, duty: str) -> None:  # rule 4.2f
    state, decided = draft.duties[duty], draft.claims[draft.terms.duties[duty].claim].decided
    claim = draft.terms.claims[draft.terms.duties[duty].claim]
    if state.state != DutyStatus.ACTIVE or UNDECIDED in decided or len(decided) < claims.count(draft, claim):
        return
    if UNKNOWN in decided[marks.first_period(draft, duty) :]:
        rule = "maintain.unverified"
    elif any(instance.state == DutyStatus.REMEDIED for instance in state.violations.values()):
        rule = "maintain.concluded"
    else:
        rule = "maintain.fulfilled"
    periods = Periods(draft.terms.duties[duty].claim, 0, len(decided) - 1, decided.count(UNKNOWN))
    after = draft.move(tables.MAINTAIN, duty, state.state, rule, (periods,))
    draft.duties[duty] = replace(state, state=after, at=draft.at)


def remediable(draft: Draft, duty: str) -> bool:
    """Whether the open breach can still be remedied: enough periods are left, taking the undecided ones as clean."""
    term = draft.terms.duties[duty]
    current = _current(draft, duty)
    if current is None or current.broke is None or term.remedy_run is None:
        return False
    return marks.hope(draft, ((term.claim,), term.remedy_run), current.broke + 1) is not None


def abandon(draft: Draft, duty: str) -> None:
    """WINDING: an open OVERDUE instance becomes BREACHED."""
    current = _current(draft, duty)
    if current is not None and current.state == DutyStatus.OVERDUE:
        _change(draft, duty, current, "instance.abandoned")
