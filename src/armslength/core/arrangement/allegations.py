"""Allegations: raising, holds, answers, votes (rules 5.1 and 5.2 in docs/rules.md).

An allegation alone changes nothing but a bounded hold. Its answer and its outcome are two things; what decides it bears
no later time than its determination deadline. All clocks run from the raising, and `holds_used` counts there.
"""

from __future__ import annotations

from armslength.core.arrangement import claims, marks, releases, tables
from armslength.core.arrangement.agenda import merged
from armslength.core.arrangement.bodies import Allege, Respond
from armslength.core.arrangement.causes import Actors, Cause, Passed, Standing
from armslength.core.arrangement.draft import Draft, EntryInput, iso
from armslength.core.arrangement.state import CLEAN, REFUTED, VALUE_NAMES, AllegationState, replace
from armslength.core.arrangement.tables import AllegationAnswer, AllegationOutcome, DutyStatus, Stage
from armslength.core.arrangement.terms import release_duty
from armslength.errors import Refused

# --- entries ----------------------------------------------------------------------------------------------------------


def allege(draft: Draft, act: EntryInput, body: Allege) -> None:
    """A party alleges a violation (rule 5.1a)."""
    if act.author not in draft.terms.parties:
        raise Refused("authority", f"{act.author} is no party: only parties allege")
    if not draft.effective or draft.lapsing:
        raise Refused("state", f"nothing is alleged: the arrangement is {draft.running}")
    match body:
        case Allege(tranche=str(tranche), claim=None, period=None):
            subject = _alleged_tranche(draft, act, tranche)
        case Allege(tranche=None, claim=str(claim), period=int(period)):
            subject = _alleged_period(draft, act, claim, period)
        case _:
            raise Refused("unknown", "an allegation names a claim and a period, or a tranche")
    known = f"{act.author}/{subject}"
    if known in draft.allegations:
        raise Refused("repeat", f"{act.author} has alleged {subject}")
    if body.hold:
        used = draft.arrangement.holds_used.get(act.author, 0)  # rule 5.1h
        if used >= draft.terms.allegations.holds_per_party:
            raise Refused("limit", f"{act.author} has used all of its {used} holds")
        draft.arrangement = replace(draft.arrangement, holds_used=draft.arrangement.holds_used | {act.author: used + 1})
    cause: Cause = (Passed(draft.at + draft.terms.allegations.hold, "hold"),) if body.hold else ()
    outcome = draft.move(tables.OUTCOME, known, AllegationOutcome.NONE, "allegation.raised", cause)
    said = AllegationState(
        by=act.author,
        raised_at=draft.at,
        claim=body.claim,
        period=body.period,
        tranche=body.tranche,
        outcome=outcome,
        holding=body.hold,
        votes={},
    )
    draft.allege(known, said)
    decided_at = draft.claims[body.claim].late.get(str(body.period), 0) if body.claim else 0
    if decided_at <= draft.at + draft.terms.allegations.determination:  # else the decision is too late for it
        draft.judged.add(known)


def _alleged_tranche(draft: Draft, act: EntryInput, tranche: str) -> str:  # rule 6.4b
    term = draft.terms.tranches.get(tranche)
    if term is None:
        raise Refused("unknown", f"the terms have no tranche {tranche}")
    if act.author != term.recipient:
        raise Refused("authority", f"{term.recipient} receives {tranche}, and may allege it, not {act.author}")
    state = draft.tranches[tranche]
    if state.stage not in {Stage.LOCKED, Stage.READY} or state.gate_at is None:
        raise Refused("state", f"{tranche} is {state.shown}: it is not waiting to be DELIVERED")
    last = state.gate_at + term.deliver_by
    if draft.at <= last:
        raise Refused("early", f"{tranche} may be DELIVERED until {iso(last)}")
    return tranche


def _alleged_period(draft: Draft, act: EntryInput, claim: str, period: int) -> str:
    term = draft.terms.claims.get(claim)
    if term is None:
        raise Refused("unknown", f"the terms have no claim {claim}")
    owed = {draft.index.debtors[duty] for duty in draft.index.shown_by.get(claim, ())}
    if not owed - {act.author}:
        raise Refused("authority", f"{claim} shows no duty of another than {act.author}")
    if not 0 <= period < claims.count(draft, term):
        raise Refused("unknown", f"{claim} has periods 0 to {claims.count(draft, term) - 1}, not {period}")
    if draft.at < (begin := claims.starts(draft, term, period)):
        raise Refused("early", f"{claims.name(claim, period)} begins at {iso(begin)}")
    return f"{claim}/{period}"


def respond(draft: Draft, act: EntryInput, body: Respond) -> None:
    """The debtor answers (rule 5.1b)."""
    state = _known(draft, body.allegation)
    owing = _debtors(draft, state)
    if act.author not in owing:
        raise Refused("authority", f"{', '.join(sorted(owing))} may answer {body.allegation}, not {act.author}")
    if body.answer not in {AllegationAnswer.ADMITTED, AllegationAnswer.DENIED}:
        raise Refused("unknown", f"an answer is ADMITTED or DENIED, not {body.answer}")
    if state.answer in {AllegationAnswer.ADMITTED, AllegationAnswer.DENIED}:
        raise Refused("repeat", f"{body.allegation} is {state.answer}")
    last = state.raised_at + draft.terms.allegations.reply
    if draft.at > last or state.answer is not None:
        raise Refused("late", f"{body.allegation} could be answered until {iso(last)}")
    rule = "answer.admitted" if body.answer == AllegationAnswer.ADMITTED else "answer.denied"
    answer = draft.move(tables.ANSWER, body.allegation, AllegationAnswer.NONE, rule)
    draft.allege(body.allegation, replace(state, answer=answer))
    if answer == AllegationAnswer.ADMITTED and _undetermined(draft, state):
        _uphold(draft, body.allegation, "allegation.admitted", ())


def determine(draft: Draft, act: EntryInput, known: str, *, uphold: bool) -> None:
    """A determiner votes on an allegation (rule 5.1g)."""
    state = _known(draft, known)
    may_determine(draft, act.author)
    votes = voted(draft, act, known, state.votes, state.raised_at, uphold)
    draft.allege(known, replace(state, votes=votes))
    if state.open and (said := verdict(draft, votes, uphold)):
        if uphold:
            _uphold(draft, known, "allegation.upheld", (Actors(said),))
        else:
            _close(draft, known, "allegation.dismissed", (Actors(said),))


def may_determine(draft: Draft, author: str) -> None:
    """Raise Refused unless the author is a determiner."""
    if author not in draft.terms.allegations.determiners.of:
        named = ", ".join(draft.terms.allegations.determiners.of)
        raise Refused("authority", f"{author} is no determiner: {named} are")


def voted(
    draft: Draft, act: EntryInput, subject: str, votes: dict[str, bool], since: int, uphold: bool
) -> dict[str, bool]:
    """The votes on what runs since then, with the author's. Raises Refused."""
    last = since + draft.terms.allegations.determination
    if draft.at > last:
        raise Refused("late", f"{subject} could be determined until {iso(last)}")
    if act.author in votes:
        raise Refused("repeat", f"{act.author} has voted on {subject}")
    return votes if act.author in draft.arrangement.excluded else votes | {act.author: uphold}


def verdict(draft: Draft, votes: dict[str, bool], uphold: bool) -> tuple[str, ...]:
    """Who votes so, if they are the determiners' quorum; else nothing (rule 5.1d)."""
    voters = [name for name, vote in votes.items() if vote is uphold]
    return tuple(sorted(voters)) if draft.terms.allegations.determiners.met(draft.terms.actors, voters) else ()


def exclude(draft: Draft, culprit: str) -> None:
    """Take the culprit's votes out of every open allegation."""
    for known, state in draft.allegations.items():
        if state.open and culprit in state.votes:
            left = {name: vote for name, vote in state.votes.items() if name != culprit}
            draft.allege(known, replace(state, votes=left))


def _known(draft: Draft, allegation: str) -> AllegationState:
    if allegation not in draft.allegations:
        raise Refused("unknown", f"there is no allegation {allegation}")
    return draft.allegations[allegation]


def _debtors(draft: Draft, state: AllegationState) -> set[str]:
    if isinstance(state.alleged, str):
        return {draft.terms.tranches[state.alleged].provider}
    return {draft.index.debtors[duty] for duty in draft.index.shown_by[state.alleged[0]]} - {state.by}


# --- outcomes ---------------------------------------------------------------------------------------------------------


def _close(draft: Draft, known: str, rule: str, cause: Cause) -> None:
    state = draft.allegations[known]
    outcome = draft.move(tables.OUTCOME, known, state.outcome, rule, cause)
    draft.allege(known, replace(state, outcome=outcome, holding=state.holding and outcome == AllegationOutcome.UPHELD))


def _uphold(draft: Draft, known: str, rule: str, cause: Cause) -> None:
    """Close as UPHELD by a vote or an admission, with what that does (rule 5.1e)."""
    _close(draft, known, rule, cause)
    state, upheld = draft.allegations[known], (Standing("allegation", known, AllegationOutcome.UPHELD),)
    if isinstance(state.alleged, str):
        releases.uphold(draft, release_duty(state.alleged), upheld)
    elif claims.undecided(draft, *state.alleged):
        claims.decide(draft, *state.alleged, REFUTED, "claim.upheld", *upheld)


def work(draft: Draft) -> None:
    """Take up what was decided and what time has come to."""
    terms = draft.terms.allegations
    while (top := draft.deadlines) is not None and top.instant <= draft.at:
        draft.deadlines = merged(top.left, top.right)
        draft.asked.add(top.name)
    asked, judged = draft.asked | draft.judged, draft.judged
    draft.asked, draft.judged = set(), set()
    for known in sorted(asked):
        state = draft.allegations[known]
        if known in judged and not isinstance(state.alleged, str) and _undetermined(draft, state):
            _follow(draft, known, *state.alleged)
        state = draft.allegations[known]
        if state.answer is None and draft.at >= state.raised_at + terms.reply + draft.terms.grace:
            replied = Passed(state.raised_at + terms.reply, "reply")
            answer = draft.move(tables.ANSWER, known, AllegationAnswer.NONE, "answer.unanswered", (replied,))
            draft.allege(known, replace(state, answer=answer))
        state = draft.allegations[known]
        if state.open and draft.at >= state.raised_at + terms.determination + draft.terms.grace:
            last = Passed(state.raised_at + terms.determination, "determination")
            _close(draft, known, "allegation.timeout", (last,))
        state = draft.allegations[known]
        if state.holding and (not draft.effective or draft.at >= state.raised_at + terms.hold or _cured(draft, state)):
            draft.allege(known, replace(state, holding=False))
            draft.moved = True


def _undetermined(draft: Draft, state: AllegationState) -> bool:
    """Whether it is OPEN, and what happens now is in time to decide it (rule 5.1f)."""
    return state.open and draft.as_of <= state.raised_at + draft.terms.allegations.determination


def _follow(draft: Draft, known: str, claim: str, period: int) -> None:
    """Let the decision on the period decide an open allegation (rule 5.1c)."""
    value = claims.letter(draft.claims[claim], period)
    cause = (Standing("claim", claims.name(claim, period), VALUE_NAMES[value]),)
    if value == REFUTED:
        _close(draft, known, "allegation.refuted", cause)
    elif value in CLEAN:
        _close(draft, known, "allegation.clean", cause)


def _cured(draft: Draft, state: AllegationState) -> bool:
    """Whether an upheld violation is cured, so that its hold ends: in every duty of others that it violates
    (rule 5.2a)."""
    if state.outcome != AllegationOutcome.UPHELD or isinstance(state.alleged, str):
        return False
    claim, period = state.alleged
    owed = (duty for duty in draft.index.shown_by[claim] if draft.index.debtors[duty] != state.by)
    found = {_mended(draft, duty, period) for duty in owed}
    return True in found and False not in found


def _mended(draft: Draft, duty: str, period: int) -> bool | None:
    """Whether what the duty makes of the period is over, or owed no more; None if the period is none of the duty's."""
    owed = draft.duties[duty]
    if owed.state == DutyStatus.DISCHARGED:
        return True
    if owed.active_at is None:
        return None
    if draft.terms.duties[duty].kind == "achieve":
        return owed.state in {*tables.MENDED, DutyStatus.FULFILLED}
    return marks.is_owned(draft, duty, period) if period >= marks.first_period(draft, duty) else None
