"""What duties and gates look for among periods, as texts with one mark a period, so that nobody searches all of them.

1. A run of `length` clean periods over `claims`: of each period, whether all claims are clean in it, one is not, or it
   is undecided; and whether a run may end with it: ENDS, OPEN (if undecided periods come to be clean), or NEVER.
2. The violations of a maintain duty: its REFUTED periods that no ended instance owns, and the periods that one owns.

These texts follow from the decided periods and the ended instances. They are made when first asked for, and changed
with each period that is decided; the agenda keeps them from step to step.
"""

from __future__ import annotations

from armslength.core.arrangement import claims, tables
from armslength.core.arrangement.agenda import Wanted
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import CLEAN, REFUTED, SUPPORTED, UNDECIDED, Instance
from armslength.core.arrangement.tables import DutyStatus

_ENDS, _OPEN, _NEVER = "E", UNDECIDED, "x"
_FIRST, _OWNED = "I", "o"  # the first period of an ended instance, and its others


def catch_up(draft: Draft) -> None:
    """Take in the periods that were decided since."""
    decided, draft.decided = draft.decided, []
    for claim, number in decided:
        for wanted in draft.index.wanted[claim]:
            if wanted in draft.runs:
                draft.runs = draft.runs | {wanted: _decided(draft, wanted, *draft.runs[wanted], number)}
        if claims.letter(draft.claims[claim], number) != REFUTED:
            continue
        for duty in draft.index.shown_by.get(claim, ()):
            text = draft.violations.get(duty)
            if text is not None and number >= first_period(draft, duty) and text[number : number + 1] in ("", _OPEN):
                text = _with(text.ljust(number + 1, _OPEN), number, number + 1, REFUTED)
                draft.violations = draft.violations | {duty: text}


def _with(text: str, start: int, stop: int, mark: str) -> str:
    """The text with `mark` from `start` to before `stop`."""
    return text[:start] + mark * (stop - start) + text[stop:]


# --- runs -------------------------------------------------------------------------------------------------------------


def run_end(draft: Draft, wanted: Wanted, begin: int) -> int | None:  # rule 3.2c
    """The last period of the earliest run from `begin` on, looking no further than the first undecided period."""
    joint, ends = _run(draft, wanted)
    stop = joint.find(UNDECIDED, begin)
    found = ends.find(_ENDS, begin + wanted[1] - 1, len(ends) if stop < 0 else stop)
    return None if found < 0 else found


def hope(draft: Draft, wanted: Wanted, begin: int) -> int | None:
    """The same, if all undecided periods come to be clean."""
    _, ends = _run(draft, wanted)
    found = [at for at in (ends.find(mark, begin + wanted[1] - 1) for mark in (_ENDS, _OPEN)) if at >= 0]
    return min(found, default=None)


def _run(draft: Draft, wanted: Wanted) -> tuple[str, str]:
    catch_up(draft)
    if wanted not in draft.runs:
        draft.runs = draft.runs | {wanted: _searched(draft, wanted)}
    return draft.runs[wanted]


def _joint(draft: Draft, names: tuple[str, ...], number: int) -> str:
    """SUPPORTED if all claims are clean in the period, REFUTED if one is not, else UNDECIDED."""
    letters = [claims.letter(draft.claims[claim], number) for claim in names]
    if all(letter in CLEAN for letter in letters):
        return SUPPORTED
    return UNDECIDED if all(letter in CLEAN or letter == UNDECIDED for letter in letters) else REFUTED


def _searched(draft: Draft, wanted: Wanted) -> tuple[str, str]:
    """Look through all periods."""
    names, length = wanted
    total = min((claims.count(draft, draft.terms.claims[claim]) for claim in names), default=0)
    known = min(total, max((len(draft.claims[claim].decided) for claim in names), default=0))
    joint = "".join(_joint(draft, names, number) for number in range(known))
    marks, clean, hopeful = [], 0, 0
    for letter in joint:
        clean = clean + 1 if letter == SUPPORTED else 0
        hopeful = hopeful + 1 if letter != REFUTED else 0
        marks.append(_ENDS if clean >= length else _OPEN if hopeful >= length else _NEVER)
    never = min(max(0, length - 1 - hopeful), total - known)
    return joint.ljust(total, UNDECIDED), "".join(marks) + (_NEVER * never).ljust(total - known, _OPEN)


def _decided(draft: Draft, wanted: Wanted, joint: str, ends: str, number: int) -> tuple[str, str]:
    """Take in one period."""
    names, length = wanted
    letter = _joint(draft, names, number)
    if number >= len(joint) or letter == joint[number]:
        return joint, ends
    joint = _with(joint, number, number + 1, letter)
    low, high = max(0, number - length + 1), min(len(joint), number + length)
    if letter == REFUTED:
        return joint, _with(ends, number, high, _NEVER)
    before = max(low - 1, joint.rfind(REFUTED, low, number), joint.rfind(UNDECIDED, low, number))
    after = [at for at in (joint.find(mark, number, high) for mark in (REFUTED, UNDECIDED)) if at >= 0]
    first, stop = max(before + length, number), min(after, default=high)
    return joint, _with(ends, first, stop, _ENDS) if first < stop else ends


def remedied(draft: Draft, duty: str, instance: Instance) -> int | None:
    """The last period of the run that remedies a breach, if it is there."""
    term = draft.terms.duties[duty]
    if instance.broke is None or term.remedy_run is None:
        return None
    return run_end(draft, ((term.claim,), term.remedy_run), instance.broke + 1)


# --- violations -------------------------------------------------------------------------------------------------------


def first_period(draft: Draft, duty: str) -> int:
    """The first period that counts for a maintain duty."""
    claim = draft.terms.claims[draft.terms.duties[duty].claim]
    since = (draft.duties[duty].active_at or 0) - claims.anchor(draft, claim)
    return max(0, -(-since // (claim.period or 1)))


def unowned(draft: Draft, duty: str) -> int | None:
    """The first REFUTED period of the duty that no ended instance owns."""
    found = _violations(draft, duty).find(REFUTED)
    return None if found < 0 else found


def ended(draft: Draft, duty: str, instance: Instance) -> None:
    """The instance is CURED or REMEDIED: it owns its periods for good."""
    draft.violations = draft.violations | {duty: _owning(draft, duty, _violations(draft, duty), instance)}


def is_owned(draft: Draft, duty: str, number: int) -> bool:
    """Whether an ended instance owns this period."""
    return _violations(draft, duty)[number : number + 1] in {_FIRST, _OWNED}


def ends_after(draft: Draft, duty: str, number: int) -> bool:
    """Whether an ended instance begins after `number`."""
    return _FIRST in _violations(draft, duty)[number + 1 :]


def _violations(draft: Draft, duty: str) -> str:
    catch_up(draft)
    if duty not in draft.violations:
        decided, first = draft.claims[draft.terms.duties[duty].claim].decided, first_period(draft, duty)
        text = _OPEN * first + "".join(letter if letter == REFUTED else _OPEN for letter in decided[first:])
        for instance in draft.duties[duty].instances:
            if instance.state in tables.MENDED:
                text = _owning(draft, duty, text, instance)
        draft.violations = draft.violations | {duty: text}
    return draft.violations[duty]


def _owning(draft: Draft, duty: str, text: str, instance: Instance) -> str:
    term, first = draft.terms.duties[duty], instance.first
    end = remedied(draft, duty, instance) if instance.state == DutyStatus.REMEDIED else None
    stop = 1 + (first + term.cure if end is None else end)
    text = text.ljust(stop, _OPEN)
    between = text[first + 1 : stop].replace(_OPEN, _OWNED).replace(REFUTED, _OWNED)
    return text[:first] + _FIRST + between + text[stop:]
