"""What a condition or a claim still lacks, exactly: which periods, how many attestations, whose, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from armslength.core.arrangement import claims as deciding
from armslength.core.arrangement import tables
from armslength.core.arrangement.conditions import never
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import CLEAN, UNDECIDED, VALUE_NAMES, DutyState, State
from armslength.core.arrangement.tables import PeriodValue, Stage
from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    Arrangement,
    AtTime,
    ClaimIs,
    CleanRun,
    Clear,
    Condition,
    DutyIs,
    Effective,
    Not,
    TrancheIs,
    walk,
)
from armslength.views.words import Words, count, listing, ranges, span

OPENED = frozenset({Stage.READY, Stage.DELIVERED, Stage.RELEASED, Stage.SETTLED, Stage.DISPUTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One thing that is missing. `who` could supply it, from `after` to `until` (either may be open)."""

    kind: str  # as in `Change`, or "time"
    subject: str
    need: str
    who: tuple[str, ...] = ()
    after: int | None = None
    until: int | None = None
    final: bool = False  # it can no longer come


def in_breach(state: State, duty: str) -> bool:
    """Whether a duty is OVERDUE or BREACHED, or owns an open violation instance."""
    held = state.duties[duty]
    return held.state in tables.BAD or any(i.state in tables.BAD for i in held.instances)


def decided(state: State, claim: str, period: int) -> str:
    """A period's value by its public name."""
    letters = state.claims[claim].decided
    return VALUE_NAMES[letters[period] if period < len(letters) else UNDECIDED]


def agreed(terms: Arrangement, state: State) -> bool:
    """Whether all parties, or the determiners' quorum, have agreed to end the current suspension."""
    suspension, rules = state.arrangement.suspension, terms.allegations.determiners
    if suspension is None:
        return False
    voters = [n for n in suspension.resumed if n not in state.arrangement.excluded]
    return set(terms.parties) <= set(suspension.resumed) or rules.met(terms.actors, voters)


def unmet(terms: Arrangement, state: State, condition: Condition) -> tuple[Block, ...]:
    """What keeps a condition from holding; empty if it holds."""
    return _Unmet(Words.of(terms, state), state).of(condition)


def closed(terms: Arrangement, state: State, claim: str) -> bool:
    """Whether a claim's undecided periods are decided no more: the arrangement is over, and nothing survives on it."""
    return state.arrangement.phase not in tables.UNDER_WAY and not deciding.live(Draft(terms, state), claim)


def noticed(words: Words, state: State, claim: str, period: int) -> bool:
    """Whether a notice in time overlaps a period of a claim, so that its excuse matters."""
    rules = words.terms.claims[claim]
    start, end = words.starts(rules, period), words.ends(rules, period)
    return any(n.timely and n.start < end and start < n.end for n in state.claims[claim].notices)


def denied(words: Words, state: State, claim: str, period: int) -> tuple[str, ...]:
    """Who say that a period did not hold, if they are enough and only the excuse is still waited for; else nobody."""
    terms, rules = words.terms, words.terms.claims[claim]
    if rules.excuse is None or decided(state, claim, period) != PeriodValue.UNDECIDED:
        return ()
    votes = state.claims[claim].open.get(str(period), {})
    nays = tuple(m for m in rules.monitors if m in votes and not votes[m].value)
    enough = rules.quorum(value=False).met(terms.actors, nays)
    return nays if nays and enough and noticed(words, state, claim, period) else ()


def lack(terms: Arrangement, state: State, claim: str, period: int) -> Block | None:
    """What one period of a claim lacks to be SUPPORTED, or excused once enough have denied it; None once it is decided,
    or can be no more."""
    words, rules = Words.of(terms, state), terms.claims[claim]
    if decided(state, claim, period) != PeriodValue.UNDECIDED or closed(terms, state, claim):
        return None
    enough = denied(words, state, claim, period)
    if enough and rules.excuse is not None:
        return _waits(words, state, claim, period, enough, rules.excuse.claim)
    votes = state.claims[claim].open.get(str(period), {})
    counted = [m for m in rules.monitors if m not in state.arrangement.excluded]
    ayes = [m for m in counted if m in votes and votes[m].value]
    nays = [m for m in counted if m in votes and not votes[m].value]
    silent = tuple(m for m in counted if m not in votes)
    name = words.claim(claim)
    spot = f" for {words.period(claim, period)}" if rules.kind == "state" else ""
    need = f"claim {name} has {len(ayes)} of {rules.support} attestations{spot}"
    if nays:
        need += (
            f"; {listing(nays)} {'says' if len(nays) == 1 else 'say'} it did not hold ({rules.refute} would refute it)"
        )
    extra = [f"{m} must be among them" for m in rules.including if m not in ayes]
    for group, least in sorted(rules.groups.items()):
        have = sum(terms.actors[m].group == group for m in ayes)
        if have < least:
            extra.append(f"at least {least} must be {group}")
    need += f"; {' and '.join(extra)}" if extra else ""
    known = state.arrangement.effective_at is not None
    after = words.ends(rules, period) if known else None
    until = after + rules.report_by if after is not None and rules.report_by is not None else None
    return Block(kind="claim", subject=f"{claim}#{period}", need=need, who=silent, after=after, until=until)


def _waits(words: Words, state: State, claim: str, period: int, nays: tuple[str, ...], excuse: str) -> Block | None:
    """What a refuting quorum waits for: the excuse's same period, as long as both may still be reported on."""
    block = lack(words.terms, state, excuse, period)
    if block is None:
        return None
    spot = words.period(claim, period)
    need = f"{words.actors(nays)} say that claim {words.claim(claim)} did not hold on {spot}, which is enough to refute"
    need += f" it; a notice in time covers part of the {words.unit(words.terms.claims[claim])}, so that waits for the"
    need += f" excuse: {block.need}"
    limits = [words.terms.claims[each].report_by for each in (claim, excuse)]
    known = [words.ends(words.terms.claims[claim], period) + limit for limit in limits if limit is not None]
    return replace(block, need=need, until=min(known, default=None))


def outstanding(terms: Arrangement, state: State, claim: str) -> list[int]:
    """The periods of a claim that have ended and are not decided, and those on which a vote is already open."""
    words, rules = Words.of(terms, state), terms.claims[claim]
    if state.arrangement.effective_at is None:
        return []
    over = {p for p in range(words.periods(rules)) if words.ends(rules, p) <= state.clock.now}
    voted = {int(p) for p, votes in state.claims[claim].open.items() if votes}
    return sorted(p for p in over | voted if decided(state, claim, p) == PeriodValue.UNDECIDED)


def _runs(held: DutyState, deadline: int | None) -> int | None:
    """A duty's deadline, unless its clock is paused: then no date counts."""
    return deadline if held.frozen_at is None else None


def sentence(words: Words, block: Block, now: int) -> str:
    """A block in one sentence, with who could help and how much time is left."""
    text = block.need
    if block.who:
        verb = {"claim": "can attest", "allegation": "can decide"}.get(block.kind)
        text += f"; {words.actors(block.who, 'or')} {verb}" if verb else ""
    if block.after is not None and block.after > now and block.kind == "claim":
        text += f", from {words.short(block.after)}" + (f" (in {span(block.after - now)})" if now else "")
    if block.until is not None:
        if now == 0:  # no time has been told yet
            text += f", due {words.short(block.until)}"
        elif block.until > now:
            text += f", due in {span(block.until - now)} ({words.short(block.until)})"
        else:
            text += f", due since {words.short(block.until)}"
    return text


class _Unmet:
    """`within` are the tranches whose gates are being looked into, so that no circle is followed for ever."""

    def __init__(self, words: Words, state: State, within: frozenset[str] = frozenset()) -> None:
        self.words = words
        self.terms = words.terms
        self.state = state
        self.within = within

    def never(self, condition: Condition) -> bool:
        """Whether the rules say that it can no longer hold."""
        return never(Draft(self.terms, self.state), condition)

    def of(self, condition: Condition) -> tuple[Block, ...]:
        match condition:
            case AllOf():
                return tuple(block for part in condition.of for block in self.of(part))
            case AnyOf():
                parts = [self.of(part) for part in condition.of]
                return () if not all(parts) else self._either(parts)
            case Not():
                return self._not(condition)
            case Effective():
                return self._effective()
            case AtTime():
                return self._time(condition)
            case ClaimIs():
                return self._claim(condition)
            case CleanRun():
                return self._run(condition)
            case DutyIs():
                return self._duty(condition)
            case TrancheIs():
                return self._tranche(condition)
            case Clear():
                return tuple(self._breach(d) for d in condition.duties if in_breach(self.state, d))
            case _:
                assert_never(condition)

    def _either(self, parts: list[tuple[Block, ...]]) -> tuple[Block, ...]:
        if len(parts) == 1:
            return parts[0]
        needs = "; or ".join(" and ".join(block.need for block in part) for part in parts)
        final = all(any(block.final for block in part) for part in parts)
        return (Block(kind="condition", subject="any", need=f"one of these: {needs}", final=final),)

    def _not(self, condition: Not) -> tuple[Block, ...]:
        [inner] = condition.of
        if self.of(inner):
            return ()
        need, final = f"that it no longer holds: {describe(self.words, inner)}", self.never(condition)
        return (Block(kind="condition", subject="not", need=need, final=final),)

    def _effective(self) -> tuple[Block, ...]:
        if self.state.arrangement.effective_at is not None:
            return ()
        missing = tuple(p for p in self.terms.parties if p not in self.state.arrangement.signed)
        need = "the arrangement is not in force yet"
        if missing:
            need += f": {self.words.actors(missing)} still to sign"
        return (Block(kind="arrangement", subject="arrangement", need=need, who=missing, after=self.terms.start),)

    def _time(self, condition: AtTime) -> tuple[Block, ...]:
        anchor = self.terms.end if condition.anchor == "end" else self.words.origin
        at = anchor + condition.after
        if self.state.arrangement.effective_at is not None and self.state.clock.now >= at:
            return ()
        return (Block(kind="time", subject="time", need=f"it is not {self.words.moment(at)} yet", after=at),)

    def _claim(self, condition: ClaimIs) -> tuple[Block, ...]:
        name = condition.claim
        value = decided(self.state, name, 0)
        if value in condition.states:
            return ()
        if value != PeriodValue.UNDECIDED:
            return (Block(kind="claim", subject=f"{name}#0", need=f"claim {name} is {value} for good", final=True),)
        block = lack(self.terms, self.state, name, 0)
        need = f"claim {self.words.claim(name)} is UNDECIDED, and is decided no more"
        return (block or Block(kind="claim", subject=f"{name}#0", need=need, final=True),)

    def _duty(self, condition: DutyIs) -> tuple[Block, ...]:
        name, wanted = condition.duty, condition.states
        held = self.state.duties[name]
        if held.state in wanted:
            return ()
        need = f"duty {self.words.duty(name)} is {held.state}, and must be {listing(wanted, 'or')}"
        return (Block(kind="duty", subject=name, need=need, until=_runs(held, held.due), final=self.never(condition)),)

    def _tranche(self, condition: TrancheIs) -> tuple[Block, ...]:
        name, wanted = condition.tranche, condition.states
        held = self.state.tranches[name]
        if held.shown in wanted:
            return ()
        need = f"tranche {self.words.tranche(name)} is {held.shown}, and must be {listing(wanted, 'or')}"
        end = self._end(name) if set(wanted) <= OPENED else None
        if end:
            need += f", which it can never be any more: {end.need}"
        return (Block(kind="tranche", subject=name, need=need, final=bool(end) or self.never(condition)),)

    def _end(self, tranche: str) -> Block | None:
        """Why a tranche that is still locked can never open any more; None if it may, or has."""
        if self.state.tranches[tranche].stage != Stage.LOCKED or tranche in self.within:
            return None
        inner, rules = _Unmet(self.words, self.state, self.within | {tranche}), self.terms.tranches[tranche]
        gate = () if self.state.tranches[tranche].gate_at is not None else inner.of(rules.gate)
        return next((block for block in (*gate, *inner.of(rules.continuous)) if block.final), None)

    def _breach(self, name: str) -> Block:
        held = self.state.duties[name]
        since = max((i.at for i in held.instances if i.state in tables.BAD), default=held.at)
        need = f"duty {self.words.duty(name)} is {held.state} since {self.words.moment(since)}"
        final = self.never(Clear(duties=(name,)))
        return Block(kind="duty", subject=name, need=need, until=_runs(held, held.cure_due), final=final)

    def _run(self, condition: CleanRun) -> tuple[Block, ...]:
        claims, length = condition.claims, condition.length
        begin = self._begin(condition)
        if begin is None:
            need, over = f"the clean run that opens {condition.follows} must come first", self.never(condition)
            need += ", and the term is too short for both" if over else ""
            return (Block(kind="tranche", subject=condition.follows or "", need=need, final=over),)
        streak, frontier, total = self._streak(condition, begin)
        if frontier - streak >= length:
            return ()
        rules = self.terms.claims[claims[0]]
        unit = self.words.unit(rules)
        have = frontier - streak
        so_far = f"{unit}{'s' if have > 1 else ''} {ranges('', range(streak, frontier))}"
        takes = count(length, f"clean {unit}") + (" in a row" if length > 1 else "")
        need = f"it takes {takes} of {listing(claims)}, and there {'is' if have == 1 else 'are'} {have} so far"
        need += f" ({so_far})" if have else f", counting from {unit} {streak}"
        if streak + length > total:
            need += f"; only {count(max(0, total - streak), unit)} are left in the term"
            return (Block(kind="claim", subject=claims[0], need=need, final=True),)
        if self.never(condition):
            return (Block(kind="claim", subject=claims[0], need=f"{need}; no more are decided", final=True),)
        last = streak + length - 1
        after = self.words.ends(rules, last) if self.state.arrangement.effective_at is not None else None
        run = Block(kind="run", subject=listing(claims), need=need, after=after)
        waits = tuple(b for c in claims if (b := lack(self.terms, self.state, c, frontier)))
        ripe = any(b.after is not None and b.after <= self.state.clock.now for b in waits)
        return (*waits, run) if ripe else (run, *waits)

    def _streak(self, condition: CleanRun, begin: int) -> tuple[int, int, int]:
        """(where the current run starts, the first period not decided clean or where the run is complete, periods)."""
        claims, length = condition.claims, condition.length
        total = min(self.words.periods(self.terms.claims[c]) for c in claims)
        streak = begin
        for period in range(begin, total):
            if period - streak >= length:
                return streak, period, total
            values = [self.state.claims[c].decided[period : period + 1] or UNDECIDED for c in claims]
            if any(v not in CLEAN + UNDECIDED for v in values):
                streak = period + 1
            elif UNDECIDED in values:
                return streak, period, total
        return streak, max(streak, total), total

    def _begin(self, condition: CleanRun) -> int | None:
        """The first period the run may use: past the run of the tranche it follows. None while that one is unknown."""
        if condition.follows is None:
            return 0
        before = run_of(self.terms.tranches[condition.follows].gate)
        if before is None:
            return 0
        begin = self._begin(before)
        if begin is None:
            return None
        streak, frontier, _ = self._streak(before, begin)
        return streak + before.length if frontier - streak >= before.length else None


def run_of(condition: Condition) -> CleanRun | None:
    """The first run in a condition, if any."""
    return next((part for part in walk(condition) if isinstance(part, CleanRun)), None)


def describe(words: Words, condition: Condition) -> str:
    """A condition as a phrase."""
    match condition:
        case AllOf():
            return " and ".join(describe(words, part) for part in condition.of)
        case AnyOf():
            return " or ".join(describe(words, part) for part in condition.of)
        case Not():
            return f"not ({describe(words, condition.of[0])})"
        case Effective():
            return "the arrangement is in force"
        case AtTime():
            return f"{span(condition.after)} after the {'end of the term' if condition.anchor == 'end' else 'start'}"
        case ClaimIs():
            return f"claim {condition.claim} is {listing(condition.states, 'or')}"
        case CleanRun():
            unit = words.unit(words.terms.claims[condition.claims[0]])
            tail = f" after those of {condition.follows}" if condition.follows else ""
            takes = count(condition.length, f"clean {unit}") + (" in a row" if condition.length != 1 else "")
            return f"{takes} of {listing(condition.claims)}{tail}"
        case DutyIs():
            return f"duty {condition.duty} is {listing(condition.states, 'or')}"
        case TrancheIs():
            return f"tranche {condition.tranche} is {listing(condition.states, 'or')}"
        case Clear():
            return f"no late or broken duty among {listing(condition.duties)}"
        case _:
            assert_never(condition)
