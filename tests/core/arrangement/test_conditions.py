"""What can no longer hold, and what always will, against all that can still be entered: in small worlds every entry is
tried in every state that can be reached, until nothing new comes of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pytest

from armslength.core.arrangement import step, tables
from armslength.core.arrangement.bodies import (
    Allege,
    Attest,
    Body,
    Determine,
    Notice,
    Resume,
    Seal,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.conditions import always, holds, never, term_over
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import Machine
from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    Arrangement,
    ClaimIs,
    CleanRun,
    Clear,
    Condition,
    Due,
    DutyIs,
    Excuse,
    Not,
    TrancheIs,
)
from armslength.errors import Refused
from tests.core.arrangement.play import act
from tests.core.arrangement.small import (
    EFFECTIVE,
    GRACE,
    D,
    P,
    achieve,
    answer,
    attest,
    begun,
    clear,
    content,
    delivered,
    delivering,
    event,
    maintain,
    release_and_key,
    start,
    state_claim,
    terms,
    tranche,
    when,
)

SEAL = Seal(checkpoint="", state_root="")
RELEASE, KEY = release_and_key("t")
ALONE = {"support": 1, "refute": 1}  # one monitor decides
AT_MOST = 2500  # states of one world


@dataclass(frozen=True, eq=False)
class World:
    """Terms, what may be said in them and by whom, and the instants that time comes to. `late` entries too are as late
    as grace allows."""

    terms: Arrangement
    said: tuple[tuple[str, Body], ...]
    times: tuple[int, ...]
    late: bool = False
    signed: str = "PQ"
    all_said: bool = True  # whether all that monitors may say of claims is among what may be said

    def onward(self, state: State) -> Iterable[tuple[State, bool]]:
        """All that one more entry makes of a state, and whether it bears an earlier time."""
        now = state.clock.now
        tries = [("N", SEAL, at) for at in (now, min((at for at in self.times if at > now), default=now))]
        tries += [(who, body, now - late) for who, body in self.said for late in ((0, GRACE) if self.late else (0,))]
        for who, body, stamp in tries:
            try:
                outcome = step.apply(self.terms, state, act(who, stamp, body, "0"))
            except Refused:
                continue
            yield outcome.state, outcome.at < now

    @cached_property
    def history(self) -> tuple[list[Draft], list[set[int]]]:
        """Every state that can be reached, and from which states an entry leads to it that bears no earlier time."""
        state = step.initial(self.terms)
        for party in self.signed:
            state = step.apply(self.terms, state, act(party, D - P, Sign())).state
        states, numbers, before = [state], {step.state_root(state): 0}, [set[int]()]
        for number, known in enumerate(states):
            for after, late in self.onward(known):
                found = numbers.setdefault(step.state_root(after), len(states))
                if found == len(states):
                    states.append(after)
                    before.append(set())
                if not late:
                    before[found].add(number)
            assert len(states) <= AT_MOST
        return [Draft(self.terms, known) for known in states], before

    def can(self, true: list[bool]) -> list[bool]:
        """From which states one can be reached in which it is true."""
        found, open_ends = list(true), [number for number, there in enumerate(true) if there]
        while open_ends:
            for earlier in self.history[1][open_ends.pop()]:
                if not found[earlier]:
                    found[earlier] = True
                    open_ends.append(earlier)
        return found

    @cached_property
    def atoms(self) -> list[Condition]:
        """Every condition without parts that these terms can ask for, of one state each."""
        found: list[Condition] = [EFFECTIVE]
        found += [when(anchor, after) for anchor in ("start", "end") for after in (-P, 0, P)]
        periods = []
        for claim, term in self.terms.claims.items():
            if term.kind == "event":
                found += [ClaimIs(claim=claim, states=(word,)) for word in ("SUPPORTED", "REFUTED")]
            else:
                periods.append(claim)
        for claims in dict.fromkeys([(claim,) for claim in periods] + ([tuple(periods)] if periods else [])):
            follows = (None, *(name for name, term in self.terms.tranches.items() if isinstance(term.gate, CleanRun)))
            found += [CleanRun(claims=claims, length=length, follows=before) for length in (1, 2) for before in follows]
        draft = self.history[0][0]
        for duty in draft.duties:
            found.append(clear(duty))
            found += [DutyIs(duty=duty, states=(state,)) for state in draft.machine(duty).states]
        for name in self.terms.tranches:
            found += [TrancheIs(tranche=name, states=(state,)) for state in tables.TRANCHE.states]
        return found


def attested(claim: str, *periods: int) -> tuple[tuple[str, Body], ...]:
    """A monitor says true, or false."""
    return tuple(("n1", Attest(claim=claim, period=at, value=value)) for at in periods for value in (True, False))


def determined(**about: str) -> tuple[tuple[str, Body], ...]:
    """Both determiners uphold, or dismiss."""
    return tuple((who, Determine(uphold=uphold, **about)) for uphold in (True, False) for who in ("N", "n1"))


RESUMED = (("P", Resume()), ("Q", Resume()))
GONE = (("P", Withdraw()),)
WORLDS = {
    "never signed": World(
        terms(
            claims={"e": event(), "k": state_claim()},
            duties={"a": achieve("e"), "m": maintain("k")},
            tranches={"t": tranche()},
        ),
        (("Q", Sign()),),
        (D, D + P, D + P + GRACE, D + 9 * P, D + 12 * P),
        signed="P",
        all_said=False,
    ),
    "an event": World(
        terms(
            end=D + 4 * P,
            claims={"e": event(report_by=P, **ALONE)},
            duties={"a": achieve("e", cure=P, consequence="record", due=Due(anchor="start", after=P))},
        ),
        (*attested("e", 0), ("P", Waive(duty="a")), *GONE),
        (D, D + P, D + P + GRACE, D + 2 * P + GRACE, D + 4 * P, D + 5 * P),
        late=True,
    ),
    "an event that suspends": World(
        terms(
            end=D + 4 * P,
            max_suspension=P,
            claims={"e": event(**ALONE), "f": event(**ALONE)},
            duties={
                "a": achieve("e", cure=0, due=Due(anchor="start", after=P)),
                "b": achieve("f", surviving=True, cure=0, due=Due(anchor="end", after=P), consequence="record"),
            },
        ),
        (*attested("e", 0), *attested("f", 0), *RESUMED),
        (D, D + P + GRACE, D + 2 * P + GRACE, D + 3 * P, D + 4 * P, D + 5 * P + GRACE),
    ),
    "an event that is not owed for ever": World(
        terms(
            end=D + 3 * P,
            claims={"e": event(**ALONE)},
            duties={
                "a": achieve("e", cure=0, due=Due(anchor="start", after=P), consequence="record", still_owed=False),
                "b": achieve("e", surviving=True, cure=P, due=Due(anchor="start", after=P), consequence="record"),
            },
        ),
        (*attested("e", 0), ("P", Waive(duty="b")), *GONE),
        (D, D + P + GRACE, D + 2 * P + GRACE, D + 3 * P, D + 4 * P),
        late=True,
    ),
    "periods": World(
        terms(
            end=D + 3 * P,
            claims={"k": state_claim(**ALONE)},
            duties={"m": maintain("k", cure=1, remedy_run=1)},
        ),
        (*attested("k", 0, 1, 2), *RESUMED),
        (D, D + P, D + 2 * P, D + 3 * P, D + 4 * P + GRACE, D + 6 * P),
    ),
    "periods that outlast the arrangement": World(
        terms(
            end=D + 2 * P,
            withdrawal_notice=P,
            claims={"k": state_claim(**ALONE), "j": state_claim(**ALONE)},
            duties={"m": maintain("k", cure=0, surviving=True, consequence="record")},
        ),
        (*attested("k", 0, 1), *attested("j", 0, 1), *GONE),
        (D, D + P, D + 2 * P, D + 3 * P + GRACE),
    ),
    "periods that are excused": World(
        terms(
            end=D + 2 * P,
            withdrawal_notice=P,
            claims={"k": state_claim(excuse=Excuse(claim="x", lead=0), **ALONE), "x": state_claim(**ALONE)},
            duties={"m": maintain("k", cure=0, remedy_run=1, surviving=True, consequence="record")},
        ),
        (
            ("n1", Attest(claim="k", period=0, value=False)),
            ("n1", Attest(claim="k", period=1, value=True)),
            ("n1", Attest(claim="x", period=0, value=True)),
            ("Q", Notice(claim="k", start=D, end=D + 1, text="")),
            *GONE,
        ),
        (D, D + P, D + 2 * P, D + 3 * P, D + 3 * P + GRACE),
        all_said=False,
    ),
    "runs that follow": World(
        terms(
            end=D + 3 * P,
            claims={"k": state_claim(**ALONE)},
            tranches={
                "u": tranche(gate=CleanRun(claims=("k",), length=1)),
                "v": tranche(gate=CleanRun(claims=("k",), length=1, follows="u")),
            },
        ),
        (*attested("k", 0, 1, 2),),
        (D, D + P, D + 2 * P, D + 3 * P, D + 4 * P + GRACE),
    ),
    "a tranche": World(
        terms(end=D + 2 * P, tranches={"t": tranche()}),
        (
            ("P", content("t")),
            ("Q", delivering("t")),
            ("P", RELEASE),
            ("P", KEY),
            ("Q", answer("t", True)),
            ("Q", answer("t", False)),
            *determined(tranche="t"),
            ("Q", Waive(duty="t.release")),
        ),
        (D, D + P, D + 2 * P + GRACE, D + 3 * P + GRACE, D + 5 * P),
    ),
    "a tranche that is withheld": World(
        terms(
            end=D + 4 * P,
            claims={"e": event(**ALONE)},
            duties={"a": achieve("e", "P", cure=0, due=Due(anchor="start", after=P), consequence="record")},
            tranches={"t": tranche(continuous=clear("a"), release_cure=0, deliver_by=0)},
        ),
        (
            *attested("e", 0),
            ("P", content("t")),
            ("Q", delivering("t")),
            ("P", RELEASE),
            ("Q", Allege(tranche="t", hold=True)),
            *determined(allegation="Q/t"),
        ),
        (D, D + P + GRACE, D + 2 * P + GRACE, D + 4 * P, D + 5 * P),
    ),
}


def onward(machine: Machine, state: str) -> set[str]:
    """What the table lets a state become, itself among it."""
    found = {state}
    while more := {row.after for row in machine.rows.values() if found & set(row.before)} - found:
        found |= more
    return found


def lost(draft: Draft, duty: str) -> bool:
    """Whether it is BREACHED with nothing to remedy it."""
    term = draft.terms.duties.get(duty)
    surviving, owed = term is not None and term.surviving, term is None or term.still_owed
    return draft.duties[duty].state == "BREACHED" and (not owed or (term_over(draft) and not surviving))


def ends_now(draft: Draft) -> bool:
    """Whether the term is over since this instant, at which a breach may still be remedied."""
    return term_over(draft) and not draft.closed


def may_know_less(world: World, draft: Draft, atom: Condition) -> bool:
    """Whether less may be known of the atom than is true."""
    match atom:
        case ClaimIs() | CleanRun():
            ending = draft.effective and (draft.arrangement.suspension or draft.arrangement.withdrawals)
            return not world.all_said or draft.arrangement.effective_at is None or bool(ending) or ends_now(draft)
        case TrancheIs():
            return not set(atom.states).isdisjoint(onward(tables.TRANCHE, draft.tranches[atom.tranche].stage))
        case DutyIs(duty=duty) | Clear(duties=(duty,)):
            states = set(atom.states) if isinstance(atom, DutyIs) else {"OVERDUE", "BREACHED"}
            return ends_now(draft) or (
                not lost(draft, duty) and not states.isdisjoint(onward(draft.machine(duty), draft.duties[duty].state))
            )
        case _:
            return False


def judged(world: World, condition: Condition) -> Iterable[tuple[Draft, bool, bool, bool, bool]]:
    """In each state: whether it can no longer hold and whether it always will, as told and as it is."""
    drafts = world.history[0]
    true = [holds(draft, condition) for draft in drafts]
    can, fails = world.can(true), world.can([not there for there in true])
    for draft, holding, failing in zip(drafts, can, fails, strict=True):
        yield draft, never(draft, condition), not holding, always(draft, condition), not failing


WORLD = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)


@WORLD
def test_nothing_makes_hold_what_can_no_longer_hold(world: World) -> None:
    """Of each atom: nothing that may be said makes true what never holds, or false what always does; and where either
    is so, that is known, within the limits that `may_know_less` names."""
    for atom in world.atoms:
        for draft, told_never, is_never, told_always, is_always in judged(world, atom):
            if not ends_now(draft):
                assert told_never <= is_never, (atom, draft.finish())
                assert told_always <= is_always, (atom, draft.finish())
            if not may_know_less(world, draft, atom):
                assert (told_never, told_always) == (is_never, is_always), (atom, draft.finish())


@WORLD
def test_nothing_makes_hold_a_formula_that_can_no_longer_hold(world: World) -> None:
    """The same of formulas of two and three atoms: what is told of them is true."""
    dice = random.Random(7)
    for _ in range(30):
        one, two, three = dice.choices(world.atoms, k=3)
        either, both = dice.sample((AllOf, AnyOf), 2)
        part = Not(of=(both(of=(two, three)),)) if dice.random() < 0.5 else both(of=(two, Not(of=(three,))))
        for formula in (either(of=(one, part)), Not(of=(one,))):
            for draft, told_never, is_never, told_always, is_always in judged(world, formula):
                assert told_never <= is_never or ends_now(draft), (formula, draft.finish())
                assert told_always <= is_always or ends_now(draft), (formula, draft.finish())


@WORLD
def test_what_is_known_of_parts_is_known_of_formulas(world: World) -> None:
    """All of its parts, or one, decide a formula; and whatever can no longer hold always fails."""
    dice = random.Random(11)
    for draft in dice.sample(world.history[0], min(200, len(world.history[0]))):
        one, two = dice.choices(world.atoms, k=2)
        ever = [never(draft, one), never(draft, two)]
        sure = [always(draft, one), always(draft, two)]
        both, either, neither = AllOf(of=(one, two)), AnyOf(of=(one, two)), Not(of=(AnyOf(of=(one, two)),))
        assert (never(draft, both), always(draft, both)) == (any(ever), all(sure))
        assert (never(draft, either), always(draft, either)) == (all(ever), any(sure))
        assert (never(draft, neither), always(draft, neither)) == (any(sure), all(ever))


def test_a_run_behind_a_period_that_nobody_decides_is_not_waited_for() -> None:
    """Wound down after a withdrawal, a tranche that waits for such a run is FORFEITED: all comes to an end."""
    early = Not(of=(when("start", 3 * P),))
    play = begun(
        claims={"k": state_claim()},
        tranches={"t": tranche(continuous=AnyOf(of=(CleanRun(claims=("k",), length=1), early)), release_by=9 * P)},
        withdrawal_notice=2 * P + 5,
    )
    delivered(play, D)
    play.say(D, "P", Withdraw())
    attest(play, start(2), "k", 1, True)
    play.seal(start(2) + 5)
    assert (play.shown, play.letters("k"), play.tranche("t")) == ("WINDING", ".S", "DELIVERED")
    play.seal(start(3))
    assert (play.shown, play.tranche("t")) == ("TERMINATED", "FORFEITED")


def test_run_over_no_claims_is_none() -> None:
    """It never comes: what waits for it is EXPIRED, and a gate stays closed."""
    run = CleanRun(claims=(), length=1)
    play = begun(claims={"e": event()}, duties={"a": achieve("e", trigger=run)}, tranches={"t": tranche(gate=run)})
    assert (play.duty("a"), play.state.tranches["t"].gate_at) == ("EXPIRED", None)
