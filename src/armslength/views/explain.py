"""Why something is as it is: what it waits for, who could supply that, until when, and what follows if nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from armslength.core.arrangement.state import State, Suspension
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import NotFound
from armslength.views.asked import Asked, Why, ended
from armslength.views.blocks import Block, in_breach
from armslength.views.why_conduct import allegation, claim, duty, period
from armslength.views.why_tranche import release, tranche
from armslength.views.words import Words, listing, meaning, span

LAG = 60  # seconds behind, or silent, after which a timekeeper is named
OWED = frozenset({"READY", "ARMED", "RELEASED", "COMPLAINED"})
OPEN = frozenset({"PENDING", "ACTIVE", "OVERDUE"})
OVER = frozenset({"WINDING", "TERMINATED", "COMPLETED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeper:
    """What this node knows of one timekeeper. `heard`: this node's clock when it last answered (None: never); `behind`:
    how many seconds its clock then lay behind this node's."""

    heard: int | None = None
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a node knows beside the record: its own clock, the record's size, how many leaves of it are sealed (the
    last seal included), that seal's time, and how the timekeepers answer."""

    now: int
    size: int
    sealed: int
    sealed_at: int | None = None
    timekeepers: Mapping[str, Timekeeper] = field(default_factory=dict)


def why(terms: Arrangement, state: State, subject: str, facts: Facts | None = None) -> Why:
    """Explain a duty, a tranche, a claim (`k2`) or one of its periods (`k2#7`), an allegation, or `arrangement`.

    Raises NotFound for a subject that neither the terms nor the state know."""
    asked = Asked(terms, state)
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
    raise NotFound("no-such-subject", "neither the terms nor the record know it", subject)


def arrangement(asked: Asked, facts: Facts | None = None) -> Why:
    """Explain the arrangement's own state."""
    held, shown, words = asked.state.arrangement, asked.state.shown, asked.words
    said = [f"The arrangement is {shown}: {meaning(shown)}, since {words.moment(_since(asked))}."]
    blocks: list[Block] = []
    missing = tuple(p for p in asked.terms.parties if p not in held.signed)
    if held.phase in {"PROPOSED", "SIGNED"} and missing:
        said.append(f"{words.actors(missing)} {_have(missing)} yet to sign.")
        until = asked.terms.entry_by
        blocks.append(Block(kind="arrangement", subject="arrangement", need="a signature", who=missing, until=until))
    if held.suspension and held.phase == "EFFECTIVE":
        more, waits = _suspension(asked, held.suspension)
        said += more
        blocks += waits
    for name, raised in asked.state.allegations.items():
        if raised.holding:
            end = raised.raised_at + asked.terms.allegations.hold
            said.append(f"Allegation {name} by {words.actor(raised.by)} holds it, at most until {asked.moment(end)}.")
            blocks.append(asked.vote("allegation", name, raised.votes, end))
    for party, notice in held.withdrawals.items():
        gave = f"{words.actor(party)} gave notice of withdrawal on {words.moment(notice.at)}"
        said.append(f"{gave}, to end on {words.moment(notice.ends)}.")
    if held.phase == "LAPSED" and missing:
        said.append(f"{words.actors(missing)} did not sign by {words.moment(asked.terms.entry_by)}.")
    if held.phase in {"WINDING", "TERMINATED"}:
        owed = [name for name, tranche in asked.state.tranches.items() if tranche.stage in OWED]
        said.append(_winding(asked, owed))
        blocks += [Block(kind="tranche", subject=name, need=f"{name} must be settled") for name in owed]
    if held.phase in OVER:
        said += _surviving(asked)
    for name, since in held.excluded.items():
        twice = f"{words.actor(name)} signed statements that contradict each other"
        said.append(f"{twice}, and counts no more since {words.moment(since)}.")
    if facts:
        said += stalled(asked.terms, facts)
    return asked.answer("arrangement", "arrangement", shown, said, blocks)


def stalled(terms: Arrangement, facts: Facts) -> tuple[str, ...]:
    """Which timekeepers are missing or lag, since when, and whether time can move without them; empty if none.

    Timekeepers of which `facts` say nothing are taken to answer."""
    rules, words = terms.timekeepers, Words(terms, terms.start)
    bad = []
    for name in rules.of:
        known = facts.timekeepers.get(name)
        if known is None:
            continue
        label = words.actor(name)
        if known.heard is None:
            bad.append(f"{label} has not answered as a timekeeper yet.")
        elif facts.now - known.heard > LAG:
            silent = span(facts.now - known.heard)
            bad.append(f"{label} has not answered as a timekeeper for {silent}, since {words.moment(known.heard)}.")
        elif known.behind > LAG:
            bad.append(f"{label} has a clock that lags {span(known.behind)} behind.")
    if not bad:
        return ()
    left = len(rules.of) - len(bad)
    if left >= rules.count:
        return (*bad, f"{left} of {len(rules.of)} timekeepers answer and {rules.count} are enough: time still moves.")
    stands = f"{left} of {len(rules.of)} timekeepers answer and {rules.count} are needed: time stands still"
    return (*bad, f"{stands}, and nothing is released.")


def _since(asked: Asked) -> int:
    held = asked.state.arrangement
    if asked.state.shown == "SUSPENDED" and held.suspension:
        return held.suspension.since
    if asked.state.shown == "HELD":
        return min(a.raised_at for a in asked.state.allegations.values() if a.holding)
    return held.at


def _suspension(asked: Asked, held: Suspension) -> tuple[list[str], list[Block]]:
    limit = held.since + asked.terms.max_suspension
    still = [d for d in held.duties if in_breach(asked.state, d)]
    missing = tuple(p for p in asked.terms.parties if p not in held.resumed)
    said = [f"The breach of {listing(asked.words.duty(d) for d in held.duties)} suspended it."]
    blocks = []
    for name in still:
        who = (asked.terms.duties[name].debtor,) if name in asked.terms.duties else ()
        blocks.append(Block(kind="duty", subject=name, need=f"{name} must be remedied", who=who, until=limit))
    said.append(f"{listing(still)} must still be remedied." if still else "What broke has been remedied.")
    if missing:
        agreed = f"{asked.words.actors(held.resumed)} agreed to resume; " if held.resumed else ""
        said.append(f"{agreed}{asked.words.actors(missing)} {_have(missing)} yet to agree to resume.")
        need = "agreement to resume (the determiners' quorum may give it instead)"
        blocks.append(Block(kind="arrangement", subject="arrangement", need=need, who=missing, until=limit))
    return said, blocks


def _winding(asked: Asked, owed: list[str]) -> str:
    rest = f"still to settle: {listing(owed)}" if owed else "no tranche is owed any more"
    verb = "is" if asked.state.arrangement.phase == "WINDING" else "was"
    return f"It {verb} wound up {ended(asked)}; {rest}."


def _surviving(asked: Asked) -> list[str]:
    """What runs on after the end."""
    open_ = [n for n, d in asked.terms.duties.items() if d.surviving and asked.state.duties[n].state in OPEN]
    return [f"{asked.words.duty(name)} survives it: {asked.state.duties[name].state}." for name in open_]


def _have(names: tuple[str, ...]) -> str:
    return "has" if len(names) == 1 else "have"
