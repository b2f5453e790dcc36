"""Why something is as it is: what it waits for, who could supply that, until when, and what follows if nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from armslength.core.arrangement import tables, tranches
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import State, Suspension
from armslength.core.arrangement.step import next_deadline
from armslength.core.arrangement.tables import DutyStatus, Phase
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import NotFound
from armslength.views.asked import Question, Why, ended
from armslength.views.blocks import Block
from armslength.views.troubles import about, has_wrong_clock, told
from armslength.views.why_conduct import allegation, can_be_remedied, claim, duty, period
from armslength.views.why_tranche import release, tranche
from armslength.views.words import Words, count, listing, meaning, span, start_case
from armslength.wire.manage import NodeView
from armslength.wire.own import Trouble

LAG = 60  # seconds behind, or silent, after which a timekeeper is named, or the keeper where no seal comes
SPELT = 12  # ids that are listed; of more only the number is told
OVER = frozenset({Phase.WINDING, Phase.TERMINATED, Phase.COMPLETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeper:
    """What this node knows of one timekeeper. `heard`: this node's clock when the last seal came that the timekeeper
    cosigned (None: never); `behind`: how many seconds its clock then lay behind this node's."""

    heard: int | None = None
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What a node knows beside the record: its own clock, the record's size, how many leaves of it are sealed (the
    last seal included), that seal's time, how the timekeepers answer, which actor asks, and what its node does not get
    done."""

    now: int
    size: int
    sealed: int
    sealed_at: int | None = None
    timekeepers: Mapping[str, Timekeeper] = field(default_factory=dict)
    me: str = ""
    troubles: tuple[Trouble, ...] = ()


def facts_of(view: NodeView) -> NodeFacts:
    """What a node's view of an arrangement says beside its state."""
    return NodeFacts(
        now=view.now,
        size=view.size,
        sealed=view.sealed,
        sealed_at=view.sealed_state.clock.tau if view.sealed else None,
        timekeepers={name: Timekeeper(heard=at, behind=behind) for name, (at, behind) in view.heard.items()},
        me=view.me,
        troubles=view.troubles,
    )


def why(terms: Arrangement, state: State, subject: str, facts: NodeFacts | None = None) -> Why:
    """Explain a duty, a tranche, a claim (`k2`) or one of its periods (`k2#7`), an allegation, or `arrangement`.

    Raises NotFound for a subject that neither the terms nor the state know."""
    asked = Question(terms, state)
    answer = _why(asked, subject, facts)
    found = about(facts.troubles, answer.subject) if facts else []
    return replace(answer, sentences=(*answer.sentences, *told(asked.words, found)))


def _why(asked: Question, subject: str, facts: NodeFacts | None) -> Why:
    terms, state = asked.terms, asked.state
    name, _, number = subject.partition("#")
    if subject == "arrangement":
        return arrangement(asked, facts)
    if subject in state.allegations:
        return allegation(asked, subject)
    if subject in terms.tranches:
        return tranche(asked, subject)
    if subject in terms.duties:
        return duty(asked, subject)
    if subject in state.duties:
        return release(asked, subject.removesuffix(".release"))
    if subject in terms.claims:
        return claim(asked, subject)
    if name in terms.claims and number.isdecimal() and int(number) < asked.words.periods(terms.claims[name]):
        return period(asked, name, int(number))
    raise NotFound("no-such-subject", _unknown(asked, subject), subject)


def arrangement(asked: Question, facts: NodeFacts | None = None) -> Why:
    """Explain the arrangement's own state."""
    held, shown, words = asked.state.arrangement, asked.state.shown, asked.words
    said = [f"The arrangement is {shown}: {meaning(shown)}{_since(asked)}."]
    blocks: list[Block] = []
    missing = tuple(p for p in asked.terms.parties if p not in held.signed)
    if held.phase in {Phase.PROPOSED, Phase.SIGNED} and missing:
        said.append(f"{words.actors(missing)} {_have(missing)} yet to sign.")
        until = asked.terms.entry_by
        blocks.append(Block(kind="arrangement", subject="arrangement", need="a signature", who=missing, until=until))
    if held.suspension and held.phase == Phase.EFFECTIVE:
        more, waits = _suspension(asked, held.suspension)
        said += more
        blocks += waits
    for name, raised in asked.state.allegations.items():
        if raised.holding:
            end = raised.raised_at + asked.terms.allegations.hold
            said.append(f"Allegation {name} by {words.actor(raised.by)} holds it, at most until {asked.moment(end)}.")
            if raised.open:
                blocks.append(asked.vote("allegation", name, raised.votes, end))
    for party, notice in held.withdrawals.items():
        gave = f"{words.actor(party)} gave notice of withdrawal on {words.moment(notice.at)}"
        said.append(f"{gave}, to end on {words.moment(notice.ends)}.")
    if held.phase == Phase.LAPSED and missing:
        said.append(f"{words.actors(missing)} did not sign by {words.moment(asked.terms.entry_by)}.")
    if held.phase in {Phase.WINDING, Phase.TERMINATED}:
        draft = Draft(asked.terms, asked.state)
        owed = [name for name in asked.state.tranches if not tranches.final(draft, name)]
        said.append(_winding(asked, owed))
        blocks += [Block(kind="tranche", subject=name, need=f"{name} must be settled") for name in owed]
    if held.phase in OVER:
        said += _surviving(asked)
    for name, lost in held.excluded.items():
        twice = f"{words.actor(name)} signed statements that contradict each other"
        said.append(f"{twice}, and counts no more since {words.moment(lost)}.")
    if facts:
        said += stalled(asked.terms, facts, asked.state)
    return asked.answer("arrangement", "arrangement", shown, said, blocks)


def stalled(terms: Arrangement, facts: NodeFacts, state: State | None = None) -> tuple[str, ...]:
    """Why no seal comes, if something waits for one; empty if all is well (rule 2.5d).

    Where fresh seals lack timekeepers, or these lag, they are named, with since when and whether time can move without
    them. Without any fresh seal nobody knows who would have cosigned it: what is missing then is the keeper's seals.
    Timekeepers of which `facts` say nothing are taken to answer."""
    rules, words = terms.timekeepers, Words(terms, terms.start if state is None else Words.of(terms, state).origin)
    heard = [known.heard for known in facts.timekeepers.values() if known.heard is not None]
    due = next_deadline(terms, state) if state is not None else None
    waits = facts.size > facts.sealed or (facts.sealed > 0 and due is not None and due <= facts.now)
    if all(facts.now - at > LAG for at in heard) and (waits or facts.timekeepers):
        return _unsealed(words, facts, state, max(heard, default=facts.sealed_at), due)
    bad = []
    for name in rules.of:
        known = facts.timekeepers.get(name)
        if known is None:
            continue
        label = words.actor(name) if name != facts.me else "This node"
        if known.heard is None:
            bad.append(f"{label} has not answered as a timekeeper yet.")
        elif facts.now - known.heard > LAG:
            silent = span(facts.now - known.heard)
            bad.append(f"{label} has not answered as a timekeeper for {silent}, since {words.moment(known.heard)}.")
        elif known.behind > LAG and not has_wrong_clock(facts.troubles):
            bad.append(f"{label} has a clock that lags {span(known.behind)} behind.")
    if not bad:
        return ()
    left = len(rules.of) - len(bad)
    if left >= rules.count:
        return (*bad, f"{left} of {len(rules.of)} timekeepers answer and {rules.count} are enough: time still moves.")
    stands = f"{left} of {len(rules.of)} timekeepers answer and {rules.count} are needed: time stands still"
    return (*bad, f"{stands}, and nothing is released.")


def _unsealed(
    words: Words, facts: NodeFacts, state: State | None, last: int | None, due: int | None
) -> tuple[str, ...]:
    """That no seal comes, since when, and what waits for one."""
    entries = facts.size - facts.sealed
    begun = [at for at in (due, state.clock.now if state is not None and entries > 0 else None) if at]
    recent = begun and facts.now - min(begun) <= LAG and words.terms.clock != "simulated"
    if recent or (last is not None and facts.now - last <= LAG):
        return ()  # it may well be under way
    keeper, terms = words.terms.keeper, words.terms
    silence = "yet" if last is None else f"for {span(facts.now - last)}, since {words.moment(last)}"
    said = f"No seal has come from {words.named(keeper)}, the keeper, {silence}."
    if facts.me == keeper:
        need = f"it takes {terms.timekeepers.count} of {len(terms.timekeepers.of)} timekeepers to cosign one"
        said = f"This node keeps the record, and has got no seal cosigned {silence}: {need}."
    waiting = [f"{count(entries, 'entry')} {'waits' if entries == 1 else 'wait'} for one"] if entries > 0 else []
    if due is not None and due <= facts.now:
        waiting.append(f"what falls due since {words.moment(due)} does not take effect before one")
    if state is not None and state.arrangement.phase in OVER:
        names = _survivors(words.terms, state)
        waiting += [f"{listing(names)} {'survives' if len(names) == 1 else 'survive'} the end"] if names else []
    return (said, *([f"{start_case('; '.join(waiting))}."] if waiting else []))


def _unknown(asked: Question, subject: str) -> str:
    """Why nothing is known by this name, and what may have been meant."""
    terms, state = asked.terms, asked.state
    name, hash_, _ = subject.partition("#")
    rules = terms.claims.get(name)
    if hash_ and rules is not None:
        last, unit = asked.words.periods(rules) - 1, asked.words.unit(rules)
        if rules.kind == "event":
            return f"claim {name} is an event, and has the one period {name}#0"
        return f"claim {name} has {unit}s 0 to {last}: {name}#0 to {name}#{last}"
    owed = [known for known in terms.duties if known.startswith(f"{subject}.")] if subject else []
    if owed:
        return f"this duty has several debtors, and is several duties: ask for {listing(owed, 'or')}"
    kinds = {
        "duties": tuple(terms.duties), "tranches": tuple(terms.tranches), "claims": tuple(terms.claims),
        "allegations": tuple(state.allegations),
    }  # fmt: skip
    ids = ("arrangement", *state.duties, *terms.tranches, *terms.claims, *state.allegations)
    known = {each.casefold(): each for each in ids}
    close = get_close_matches(name.casefold(), known, 3, 0.6)
    if close:
        said = listing((known[each] for each in close), "or")
        return f"neither the terms nor the record know it; did you mean {said}?"
    told = [
        f"{kind}: {', '.join(names) if len(names) <= SPELT else len(names)}" for kind, names in kinds.items() if names
    ]
    return f"neither the terms nor the record know it; there are {'; '.join(told)}; and arrangement"


def _since(asked: Question) -> str:
    """Since when the arrangement is in its state; what is in force may have been held or suspended meanwhile, which the
    state does not tell, so then only when that began."""
    held, words = asked.state.arrangement, asked.words
    if asked.state.shown == Phase.EFFECTIVE:
        return f"; it took effect on {words.moment(held.at)}"
    at = held.at
    if asked.state.shown == Phase.SUSPENDED and held.suspension:
        at = held.suspension.since
    if asked.state.shown == Phase.HELD:
        at = min(a.raised_at for a in asked.state.allegations.values() if a.holding)
    return f", since {words.moment(at)}" if at else ""


def _suspension(asked: Question, held: Suspension) -> tuple[list[str], list[Block]]:
    limit = held.since + asked.terms.max_suspension
    broken = [d for d in held.duties if asked.state.duties[d].state == DutyStatus.BREACHED]
    still = [d for d in broken if can_be_remedied(asked, d)]
    lost = [d for d in broken if d not in still]
    missing = tuple(p for p in asked.terms.parties if p not in held.resumed)
    rules = asked.terms.allegations.determiners
    voters = tuple(n for n in held.resumed if n in rules.of and n not in asked.state.arrangement.excluded)
    enough = rules.met(asked.terms.actors, voters)
    said = [f"The breach of {listing(asked.words.duty(d) for d in held.duties)} suspended it."]
    blocks = []
    for name in still:
        who = (asked.terms.duties[name].debtor,) if name in asked.terms.duties else ()
        blocks.append(Block(kind="duty", subject=name, need=f"{name} must be remedied", who=who, until=limit))
    if still:
        said.append(f"{listing(still)} must still be remedied.")
    if lost:
        verb = "is" if len(lost) == 1 else "are"
        said.append(f"{listing(lost)} can be remedied no more, and {verb} not waited for.")
    if not broken:
        said.append("What broke has been remedied.")
    if enough:
        said.append(f"{asked.words.actors(voters)} agreed to resume, which suffices: they are the determiners' quorum.")
    elif missing:
        agreed = f"{asked.words.actors(held.resumed)} agreed to resume; " if held.resumed else ""
        said.append(f"{agreed}{asked.words.actors(missing)} {_have(missing)} yet to agree to resume.")
        must = f", {listing(rules.including)} among them" if rules.including else ""
        must += "".join(f", at least {least} of them {group}" for group, least in sorted(rules.groups.items()))
        so_far = f"{asked.words.actors(voters)} did so far" if voters else "none has so far"
        others = "Without them the determiners may agree instead"
        said.append(f"{others}: it takes {rules.count} of {asked.words.actors(rules.of)}{must}; {so_far}.")
        need = "agreement to resume (the determiners' quorum may give it instead)"
        blocks.append(Block(kind="arrangement", subject="arrangement", need=need, who=missing, until=limit))
    return said, blocks


def _winding(asked: Question, owed: list[str]) -> str:
    rest = f"still to settle: {listing(owed)}" if owed else "no tranche is owed any more"
    verb = "is" if asked.state.arrangement.phase == Phase.WINDING else "was"
    return f"It {verb} wound up {ended(asked)}; {rest}."


def _surviving(asked: Question) -> list[str]:
    """What runs on after the end."""
    open_ = _survivors(asked.terms, asked.state)
    return [f"{asked.words.duty(name)} survives it: {asked.state.duties[name].state}." for name in open_]


def _survivors(terms: Arrangement, state: State) -> list[str]:
    return [name for name, duty in terms.duties.items() if duty.surviving and state.duties[name].state in tables.OWED]


def _have(names: tuple[str, ...]) -> str:
    return "has" if len(names) == 1 else "have"
