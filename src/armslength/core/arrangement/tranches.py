"""Tranches: content, delivering, release, key, settlement; withholding and forfeiture.

1. Content is committed once, while LOCKED. READY needs the gate, latched, and the content. No stage is gained while
   WITHHELD, and none is lost.
2. A release is valid only if the tranche is DELIVERED, its continuous condition holds and the arrangement is EFFECTIVE
   at its place (or it is owed: after a withdrawal, or after the end of the term). RELEASED is for ever.
3. The key follows once a seal covers the release, within keyBy of that seal, and must be the one that `release` named.
4. Silence after the key settles at ackBy. A complaint in that time withholds all that this provider has not released
   to this recipient, until it is determined: UPHELD breaches the release duty, DISMISSED settles.
5. At the end what can no longer be released is FORFEITED (rules 5.4c and 5.5c).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from armslength.core.arrangement import allegations, releases, tables
from armslength.core.arrangement.bodies import Ack, Commit, Key, Release
from armslength.core.arrangement.causes import Actors, Cause, Ground, Passed, Standing
from armslength.core.arrangement.conditions import ended, holds, never, term_over
from armslength.core.arrangement.draft import Draft, EntryInput, iso
from armslength.core.arrangement.state import TrancheState, replace
from armslength.core.arrangement.tables import AllegationOutcome, DutyStatus, Phase, Stage
from armslength.core.arrangement.terms import Clear, Tranche, release_duty, walk
from armslength.core.canonical import digest
from armslength.errors import Refused

_BACK = {
    Stage.LOCKED: "tranche.back-locked",
    Stage.READY: "tranche.back-ready",
    Stage.DELIVERED: "tranche.back-delivered",
}
_CLOSED = frozenset({DutyStatus.BREACHED, DutyStatus.DISCHARGED})


def _find(draft: Draft, tranche: str, author: str, *, recipient: bool) -> tuple[Tranche, TrancheState]:
    """The tranche, if the author is who may speak of it and the arrangement is in a phase for it."""
    term = draft.terms.tranches.get(tranche)
    if term is None:
        raise Refused("unknown", f"the terms have no tranche {tranche}")
    role, named = ("recipient", term.recipient) if recipient else ("provider", term.provider)
    if author != named:
        raise Refused("authority", f"the {role} of {tranche} is {named}, not {author}")
    return term, draft.tranches[tranche]


def _needs(draft: Draft, tranche: str, shown: Stage, what: str, *, then: bool = False) -> TrancheState:
    """The tranche's state, if it shows `shown` in a running arrangement; or, if `then` is enough, did at the entry's
    time and is WITHHELD since (rule 6.1c)."""
    state = draft.tranches[tranche]
    if draft.arrangement.phase not in tables.LIVE:
        raise Refused("state", f"{what} {tranche}: the arrangement is {draft.arrangement.phase}")
    if (state.shown_at(draft.at) if then else state.shown) != shown:
        because = f" ({_told(_reasons(draft, tranche, state.withheld))})" if state.shown == Stage.WITHHELD else ""
        raise Refused("state", f"{what} {tranche}: it is {state.shown}{because}, not {shown}")
    return state


def _store(draft: Draft, tranche: str, rule: str, state: TrancheState, *cause: Ground) -> None:
    """Take a row for the tranche as it is, then store `state` with the new stage."""
    known = draft.tranches[tranche]
    stage = draft.move(tables.TRANCHE, tranche, known.shown_at(draft.at), rule, cause)
    draft.tranches[tranche] = replace(state, stage=stage, at=draft.at)


# --- entries ----------------------------------------------------------------------------------------------------------


def commit(draft: Draft, act: EntryInput, body: Commit) -> None:
    """The provider pins the content (rule 6.2a)."""
    term, state = _find(draft, body.tranche, act.author, recipient=False)
    if draft.arrangement.phase not in {Phase.SIGNED, Phase.EFFECTIVE}:
        raise Refused("state", f"no content is committed while the arrangement is {draft.arrangement.phase}")
    if state.commit is not None:
        raise Refused("repeat", f"{body.tranche} has its content, by entry {state.commit}")
    if state.stage != Stage.LOCKED:
        raise Refused("state", f"{body.tranche} is {state.stage}: its content was due before READY")
    if body.size > term.max_size:
        raise Refused("limit", f"{body.tranche} may hold {term.max_size} bytes, not {body.size}")
    if term.media_types and body.media_type not in term.media_types:
        raise Refused("limit", f"{body.tranche} holds {', '.join(term.media_types)}, not {body.media_type}")
    draft.tranches[body.tranche] = replace(state, commit=act.entry, agreement=body.agreement)
    draft.moved = True


def ack(draft: Draft, act: EntryInput, body: Ack) -> None:
    """The recipient answers: the ciphertext is here, or the plaintext is, or it complains."""
    term, _ = _find(draft, body.tranche, act.author, recipient=True)
    if body.stage == "cipher":
        if body.key is None or body.ok is not None or body.evidence is not None:
            raise Refused("mismatch", "an acknowledgement of the ciphertext carries a one-time key and nothing else")
        _deliver(draft, body.tranche, term, body.key)
    elif body.stage == "plain":
        if body.ok is None or body.key is not None or body.ok is (body.evidence is not None):
            raise Refused("mismatch", "an acknowledgement of the plaintext says ok, or complains with evidence")
        _answer(draft, body.tranche, term, ok=body.ok)
    else:
        raise Refused("unknown", f"there is no acknowledgement of {body.stage}")


def _deliver(draft: Draft, tranche: str, term: Tranche, key: str) -> None:  # rule 6.3a
    state = _needs(draft, tranche, Stage.READY, "cannot be delivered", then=True)
    last = (state.gate_at or 0) + term.deliver_by
    if draft.arrangement.phase == Phase.WINDING and draft.at > last:
        raise Refused("late", f"{tranche} could be DELIVERED until {iso(last)}")
    if draft.effective and term_over(draft, closing=True):
        raise Refused("late", f"{tranche} could be DELIVERED until the last period was to be reported")
    _store(draft, tranche, "tranche.delivered", replace(state, delivered_at=draft.at, recipient_key=key))


def _answer(draft: Draft, tranche: str, term: Tranche, *, ok: bool) -> None:  # rule 6.3e
    state = _needs(draft, tranche, Stage.RELEASED, "cannot acknowledge")
    if state.key_at is None:
        raise Refused("state", f"the key of {tranche} is not placed")
    last = state.key_at + term.ack_by
    if draft.at > last:
        raise Refused("late", f"the key of {tranche} could be answered until {iso(last)}")
    if ok:
        _store(draft, tranche, "tranche.settled", state)
    else:
        _store(
            draft, tranche, "tranche.disputed", replace(state, disputed_at=draft.at, complaint=AllegationOutcome.OPEN)
        )


def release(draft: Draft, act: EntryInput, body: Release) -> None:
    """The provider releases (rule 6.3b)."""
    term, _ = _find(draft, body.tranche, act.author, recipient=False)
    state = _needs(draft, body.tranche, Stage.DELIVERED, "cannot release")
    if not holds(draft, term.continuous):
        raise Refused("state", f"cannot release {body.tranche}: {_told(_reasons(draft, body.tranche, ('condition',)))}")
    _store(draft, body.tranche, "tranche.released", replace(state, released_at=draft.at, wrapped=body.wrapped))


def key(draft: Draft, act: EntryInput, body: Key) -> None:
    """The provider places the wrapped key (rule 6.3d)."""
    _find(draft, body.tranche, act.author, recipient=False)
    state = _needs(draft, body.tranche, Stage.RELEASED, "no key for")
    if state.key_at is not None:
        raise Refused("repeat", f"the key of {body.tranche} is placed")
    if state.key_due is None:
        raise Refused("early", f"no seal covers the release of {body.tranche} yet")
    last = key_until(draft, body.tranche)
    if last is not None and draft.at > last:
        raise Refused("late", f"the key of {body.tranche} could be placed until {iso(last)}")
    try:
        wrapped = base64.b64decode(body.wrapped, validate=True)
    except (binascii.Error, ValueError):
        wrapped = b""
    if digest(wrapped) != state.wrapped:
        raise Refused("mismatch", f"this is not the key that the release of {body.tranche} named")
    draft.tranches[body.tranche] = replace(state, key_at=draft.at)
    draft.moved = True


def key_until(draft: Draft, tranche: str) -> int | None:
    """The last instant at which a key counts; None while there is none, since what is late may still be a remedy."""
    over = term_over(draft, closing=True) or draft.lapsing
    return releases.last(draft, release_duty(tranche)) if over else None


def determine(draft: Draft, act: EntryInput, tranche: str, *, uphold: bool) -> None:
    """A determiner votes on the complaint about a tranche."""
    if tranche not in draft.terms.tranches:
        raise Refused("unknown", f"the terms have no tranche {tranche}")
    allegations.may_determine(draft, act.author)
    state = draft.tranches[tranche]
    if state.disputed_at is None:
        raise Refused("state", f"{tranche} is not disputed")
    votes = allegations.voted(draft, act, f"the complaint about {tranche}", state.votes, state.disputed_at, uphold)
    draft.tranches[tranche] = replace(state, votes=votes)
    if state.contested and (said := allegations.verdict(draft, votes, uphold)):
        _determined(draft, tranche, Actors(said), uphold=uphold)


def _determined(draft: Draft, tranche: str, cause: Ground, *, uphold: bool) -> None:  # rule 6.5b
    state = draft.tranches[tranche]
    draft.moved = True
    if uphold:
        draft.tranches[tranche] = replace(state, complaint=AllegationOutcome.UPHELD)
        releases.uphold(draft, release_duty(tranche), (Standing("tranche", tranche, Stage.DISPUTED), cause))
    else:
        _store(draft, tranche, "tranche.dismissed", replace(state, complaint=AllegationOutcome.DISMISSED), cause)


def sealed(draft: Draft) -> None:
    """A seal covers all releases before it: their keys are due from it on."""
    for tranche, state in draft.tranches.items():
        if state.stage == Stage.RELEASED and state.key_due is None:
            draft.tranches[tranche] = replace(state, key_due=draft.at + draft.terms.tranches[tranche].key_by)
            draft.moved = True


def exclude(draft: Draft, culprit: str) -> None:
    """Take the culprit's votes out of every open complaint."""
    for tranche, state in draft.tranches.items():
        if state.contested and culprit in state.votes:
            left = {name: vote for name, vote in state.votes.items() if name != culprit}
            draft.tranches[tranche] = replace(state, votes=left)


# --- work -------------------------------------------------------------------------------------------------------------


def work(draft: Draft) -> None:
    """Move every tranche as far as it goes."""
    if draft.arrangement.phase not in tables.LIVE:
        return
    over, disputed = term_over(draft), _disputed(draft)
    closed = draft.closed  # a gate that opens as the term ends was open
    for tranche in draft.index.tranches:
        state = draft.tranches[tranche]
        if state.stage in tables.UNRELEASED:
            if not closed:
                _withhold(draft, tranche, state, disputed)
                _open(draft, tranche)
            before, state = state, draft.tranches[tranche]
            over = over or (state.stage != before.stage and term_over(draft))  # no period is waited for any more
            if over and (cause := _forfeit(draft, tranche, state)):
                _store(draft, tranche, "tranche.forfeited", replace(state, withheld=()), *cause)
            else:
                _withhold(draft, tranche, state, disputed)
        elif state.stage in {Stage.RELEASED, Stage.DISPUTED}:
            _expire(draft, tranche, state)
            disputed = _disputed(draft)


def _pair(draft: Draft, tranche: str) -> tuple[str, str]:
    return draft.terms.tranches[tranche].provider, draft.terms.tranches[tranche].recipient


def _disputed(draft: Draft) -> set[tuple[str, str]]:
    """The providers and recipients between whom a complaint is open (rule 6.5a)."""
    return {_pair(draft, name) for name, state in draft.tranches.items() if state.contested}


def _forfeit(draft: Draft, tranche: str, state: TrancheState) -> Cause:
    """Why the tranche is FORFEITED, now that the arrangement winds down or the term is over; nothing if it is owed
    (rules 5.4c, 5.5c)."""
    term, winding = draft.terms.tranches[tranche], draft.arrangement.winding_by
    if winding == "suspension" or state.stage == Stage.LOCKED or (state.stage == Stage.READY and winding is None):
        return ended(draft)
    last = (state.gate_at or 0) + term.deliver_by
    if state.stage == Stage.READY and draft.at >= last + draft.terms.grace:
        return (Passed(last, "delivery"),)
    owed = release_duty(tranche)
    if draft.duties[owed].state in _CLOSED:
        return (Standing("duty", owed, draft.duties[owed].state),)
    broken = any(draft.duties[duty].state == DutyStatus.BREACHED for duty in _named(term))
    if never(draft, term.continuous) or (broken and not holds(draft, term.continuous)):
        return _reasons(draft, tranche, ("condition",))
    return ()


def _named(term: Tranche) -> set[str]:
    """The duties that the continuous condition wants clear."""
    return {duty for part in walk(term.continuous) if isinstance(part, Clear) for duty in part.duties}


def _withholding(draft: Draft, tranche: str, disputed: set[tuple[str, str]]) -> tuple[str, ...]:
    """What withholds the tranche just now (rule 6.1b)."""
    reasons = []
    if _pair(draft, tranche) in disputed:
        reasons.append("complaint")
    if not holds(draft, draft.terms.tranches[tranche].continuous):
        reasons.append("condition")
    if draft.effective and draft.arrangement.suspension is not None:
        reasons.append("suspended")
    elif draft.effective and draft.holds:
        reasons.append("held")
    return tuple(reasons)


def withheld_since(draft: Draft, tranche: str) -> int:
    """When the earliest of what withholds the tranche just now began, as far as the state tells; 0 if nothing does."""
    since, suspension, pair = [], draft.arrangement.suspension, _pair(draft, tranche)
    for reason in _withholding(draft, tranche, _disputed(draft)):
        match reason:
            case "suspended" if suspension is not None:
                since.append(suspension.since)
            case "held":
                since.append(min(draft.holds.values()))
            case "complaint":
                about = (state for name, state in draft.tranches.items() if _pair(draft, name) == pair)
                since.append(min(state.disputed_at or 0 for state in about if state.contested))
            case _:
                since.append(draft.tranches[tranche].fell or 0)
    return min(since, default=0)


def _withhold(draft: Draft, tranche: str, state: TrancheState, disputed: set[tuple[str, str]]) -> None:
    withheld = _withholding(draft, tranche, disputed)
    if withheld == state.withheld:
        return
    fell = draft.at if withheld and draft.firing else None
    if withheld and state.withheld:
        fell = state.fell
        draft.note(
            "tranche", tranche, Stage.WITHHELD, Stage.WITHHELD, "tranche.withheld", _reasons(draft, tranche, withheld)
        )
    elif withheld:
        draft.move(tables.TRANCHE, tranche, state.stage, "tranche.withheld", _reasons(draft, tranche, withheld))
    else:
        draft.move(tables.TRANCHE, tranche, Stage.WITHHELD, _BACK[state.stage])
    draft.tranches[tranche] = replace(state, withheld=withheld, at=draft.at, fell=fell)


def _reasons(draft: Draft, tranche: str, withheld: tuple[str, ...]) -> Cause:
    """What withholds the tranche."""
    pair, found = _pair(draft, tranche), []
    if "complaint" in withheld:
        disputed = (name for name, state in draft.tranches.items() if state.contested)
        found += [Standing("tranche", name, Stage.DISPUTED) for name in disputed if _pair(draft, name) == pair]
    if "condition" in withheld:
        owed = ((duty, draft.duties[duty].state) for duty in sorted(_named(draft.terms.tranches[tranche])))
        bad = [Standing("duty", duty, state) for duty, state in owed if state in tables.BAD]
        found += bad or [Standing("condition", tranche, "false")]
    if {"held", "suspended"}.intersection(withheld):
        found.append(Standing("arrangement", "arrangement", Phase.HELD if "held" in withheld else Phase.SUSPENDED))
    return tuple(found)


def _told(cause: Cause) -> str:
    return ", ".join(f"{each.subject} is {each.state}" for each in cause if isinstance(each, Standing))


def _open(draft: Draft, tranche: str) -> None:
    """Latch the gate, and make the tranche READY once its content is there too (rule 6.1a)."""
    state = draft.tranches[tranche]
    if state.stage != Stage.LOCKED or state.withheld or not draft.effective:
        return
    if state.gate_at is None:
        if not holds(draft, draft.terms.tranches[tranche].gate):
            return
        draft.tranches[tranche] = state = replace(state, gate_at=draft.at)
    if state.commit is not None:
        _store(draft, tranche, "tranche.ready", state)


def _expire(draft: Draft, tranche: str, state: TrancheState) -> None:
    found = deadline(draft, tranche)
    if found is None or draft.at < found:
        return
    last = found - draft.terms.grace
    if state.stage == Stage.RELEASED:
        _store(draft, tranche, "tranche.silent", state, Passed(last, "ack"))
    else:
        uphold = draft.terms.allegations.default == AllegationOutcome.UPHELD
        _determined(draft, tranche, Passed(last, "determination"), uphold=uphold)


# --- time -------------------------------------------------------------------------------------------------------------


def deadline(draft: Draft, tranche: str) -> int | None:
    """The instant at which silence settles, an undetermined complaint ends, or a READY tranche is no longer owed."""
    state, term, grace = draft.tranches[tranche], draft.terms.tranches[tranche], draft.terms.grace
    if state.stage == Stage.RELEASED and state.key_at is not None:
        return state.key_at + term.ack_by + grace
    if state.contested and state.disputed_at is not None:
        return state.disputed_at + draft.terms.allegations.determination + grace
    if state.stage == Stage.READY and draft.arrangement.phase == Phase.WINDING and state.gate_at is not None:
        return state.gate_at + term.deliver_by + grace
    return None


def deadlines(draft: Draft) -> Iterator[int]:
    """The instants that tranches wait for."""
    for tranche in draft.index.tranches:
        found = deadline(draft, tranche)
        if found is not None:
            yield found


def final(draft: Draft, tranche: str) -> bool:
    """Whether nothing more is owed of the tranche."""
    state = draft.tranches[tranche]
    match state.stage:
        case Stage.SETTLED | Stage.FORFEITED:
            return True
        case Stage.DISPUTED:
            return not state.contested
        case Stage.RELEASED:
            return state.key_at is None and draft.duties[release_duty(tranche)].state in _CLOSED
        case _:
            return False
