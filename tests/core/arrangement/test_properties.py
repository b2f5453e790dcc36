"""Laws that hold whatever is entered: random records over terms that have a bit of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from armslength.core.arrangement import step, tables
from armslength.core.arrangement.bodies import (
    Allege,
    Attest,
    Body,
    Determine,
    Evidence,
    Notice,
    Perform,
    Respond,
    Resume,
    Seal,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.conditions import holds
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.state import Change, Clock, Outcome, State
from armslength.core.arrangement.terms import Condition, Due, Excuse
from armslength.core.canonical import canonical, digest
from armslength.errors import Refused
from tests.core.arrangement.play import Play, act
from tests.core.arrangement.small import (
    COMPLAIN,
    END,
    GRACE,
    OK,
    D,
    achieve,
    answer,
    arming,
    clear,
    content,
    event,
    maintain,
    release_and_key,
    state_claim,
    terms,
    tranche,
    when,
)
from tests.golden.terms import golden_groups

HALF = golden_groups()[30][0]  # where the golden script is cut in two
LIGHT = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))

RICH = terms(
    "PQR",
    claims={
        "k": state_claim(excuse=Excuse(claim="x", lead=20)),
        "x": state_claim(),
        "j": state_claim(period=250),
        "e": event(),
        "f": event(report_by=500),
        "g": event(),
        "s": event(),
    },
    duties={
        "k.Q": maintain("k", "Q"),
        "j.P": maintain("j", "P", consequence="withhold", cure=1, remedy_run=1),
        "e.Q": achieve("e", "Q", creditors=("P", "R")),
        "f.P": achieve("f", "P", consequence="record", perdurant=False, cure=30),
        "g.R": achieve("g", "R", trigger=Condition(op="tranche", tranche="t", states=("SETTLED",)), cure=50),
        "s.R": achieve("s", "R", surviving=True, consequence="record", due=Due(anchor="end", after=100)),
        "never": achieve("s", "R", trigger=Condition(op="claim", claim="f", states=("REFUTED",))),
    },
    tranches={
        "t": tranche(),
        "u": tranche(gate=Condition(op="run", claims=("k",), length=2), continuous=clear("k.Q", "j.P")),
        "v": tranche(
            gate=Condition(
                op="all",
                of=(
                    Condition(op="run", claims=("k",), length=2, follows="u"),
                    Condition(op="tranche", tranche="u", states=("SETTLED",)),
                ),
            ),
            continuous=Condition(op="any", of=(clear("k.Q", "e.Q"), when("end", -50))),
        ),
        "w": tranche(provider="Q", recipient="P", gate=when("start", 120), continuous=clear("f.P")),
    },
)
TRANCHES = tuple(RICH.tranches)
PEOPLE = st.sampled_from(["P", "Q", "R", "N", "n1", "n2", "n3", "C"])


@dataclass(frozen=True)
class Said:
    """One random entry: `later` seconds after the one before, or backdated by `back`."""

    later: int
    back: int
    author: str
    body: Body
    culprit: str | None = None


def _by_role(name: str) -> st.SearchStrategy[tuple[str, Body]]:
    term = RICH.tranches[name]
    release, key = release_and_key(name)
    return st.sampled_from(
        [
            (term.provider, content(name)),
            (term.recipient, arming(name)),
            (term.provider, release),
            (term.provider, key),
            (term.recipient, answer(name, OK)),
            (term.recipient, answer(name, COMPLAIN)),
            ("N", Determine(tranche=name, uphold=True)),
            ("n1", Determine(tranche=name, uphold=True)),
            ("n1", Determine(tranche=name, uphold=False)),
            (term.recipient, Allege(tranche=name, hold=True)),
        ]
    )


ALLEGED = [("P", "k", 0), ("R", "k", 1), ("Q", "j", 0), ("P", "e", 0), ("Q", "f", 0)]
ALLEGATIONS = [f"{by}/{claim}/{period}" for by, claim, period in ALLEGED] + [f"Q/{name}" for name in TRANCHES]

attestations = st.builds(
    lambda monitor, claim, period, value: (monitor, Attest(claim=claim, period=period, value=value)),
    st.sampled_from(["n1", "n2", "n3"]),
    st.sampled_from(sorted(RICH.claims)),
    st.integers(0, 9),
    st.booleans(),
)
entries: st.SearchStrategy[tuple[str, Body]] = st.one_of(
    attestations,
    attestations,
    st.one_of([_by_role(name) for name in TRANCHES]),
    st.one_of([_by_role(name) for name in TRANCHES]),
    st.sampled_from([(by, Allege(claim=claim, period=period, hold=True)) for by, claim, period in ALLEGED]),
    st.builds(
        lambda who, known, answer: (who, Respond(allegation=known, answer=answer)),
        PEOPLE,
        st.sampled_from(ALLEGATIONS),
        st.sampled_from(["ADMITTED", "DENIED"]),
    ),
    st.builds(
        lambda who, known, uphold: (who, Determine(allegation=known, uphold=uphold)),
        st.sampled_from(["N", "n1"]),
        st.sampled_from(ALLEGATIONS),
        st.booleans(),
    ),
    st.builds(
        lambda begin, length: ("Q", Notice(claim="k", start=D + begin, end=D + begin + length, text="")),
        st.integers(0, 1000),
        st.integers(0, 150),
    ),
    st.builds(lambda who, duty: (who, Perform(duty=duty)), PEOPLE, st.sampled_from(sorted(RICH.duties))),
    st.builds(
        lambda who, duty: (who, Waive(duty=duty)),
        st.sampled_from(["P", "Q", "R"]),
        st.sampled_from([*RICH.duties, "t.release", "u.release"]),
    ),
    st.sampled_from([(who, Resume()) for who in ("P", "Q", "R", "N", "n1")]),
    st.sampled_from([(who, Withdraw()) for who in ("P", "Q", "R")]),
    st.builds(lambda who: (who, Sign()), PEOPLE),
    st.just(("P", Evidence(kind="equivocation", first="", second=""))),
)
said = st.builds(
    lambda later, back, entry, culprit: Said(later, back, *entry, culprit),
    st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 250)),
    st.one_of(st.just(0), st.integers(0, GRACE)),
    st.one_of(entries, st.just(("N", Seal(checkpoint="", state_root="")))),
    st.sampled_from(["n3", "n2", "P", None]),
)
records = st.lists(said, min_size=5, max_size=70)


def begun() -> Play:
    """The rich terms, EFFECTIVE, with everything committed that the script commits early."""
    play = Play(RICH)
    for party in RICH.parties:
        play.say(D - 50, party, Sign())
    for name in TRANCHES:
        play.say(D - 40, RICH.tranches[name].provider, content(name))
    play.seal(D)
    return play


def checked(play: Play, number: int, entry: Said) -> bool:
    """Place one entry and check the laws on it; False if it was refused."""
    stamp = play.state.clock.now + entry.later - entry.back
    before, root = play.state, step.state_root(play.state)
    what = act(entry.author, stamp, entry.body, f"{number:064x}", entry.culprit)
    outcome: Outcome | Refused
    try:
        outcome = step.apply(RICH, before, what)
    except Refused as refusal:
        outcome = refusal
    assert step.state_root(before) == root
    if isinstance(outcome, Refused):
        assert outcome.code in {"unknown", "authority", "state", "early", "late", "repeat", "limit", "mismatch"}
        assert outcome.reason
        return False
    assert step.state_root(outcome.state) == digest(canonical(outcome.state))
    assert outcome.state.clock.tau >= before.clock.tau
    assert outcome.state.clock.now >= before.clock.now
    assert outcome.state.clock.now >= outcome.at
    for change in outcome.changes:
        lawful(change)
        if change.kind == "tranche" and change.after == "RELEASED":
            assert within_the_terms(before, outcome.at, change.subject)
    waiting = step.next_deadline(RICH, outcome.state)
    assert waiting is None or waiting > outcome.state.clock.now
    play.state = outcome.state
    play.changes += outcome.changes
    return True


def lawful(change: Change) -> None:
    """The change is a row of a table, from a state that the row starts from."""
    assert change.cause
    if change.rule in tables.ASIDE:
        return
    [machine] = [machine for machine in tables.MACHINES if change.rule in machine.rows]
    row = machine.rows[change.rule]
    assert change.kind == machine.kind
    if change.before == change.after == "WITHHELD":
        return
    assert change.before in row.before
    assert change.after == row.after


def within_the_terms(before: State, at: int, name: str) -> bool:
    """Whether a release at `at` after the state `before` is one that the terms allow."""
    state = step.advance(RICH, before, at).state
    owed = state.arrangement.phase == "WINDING" and state.arrangement.winding_by == "withdrawal"
    return (
        (state.shown == "EFFECTIVE" or owed)
        and state.tranches[name].shown == "ARMED"
        and holds(Draft(RICH, state), RICH.tranches[name].continuous)
    )


@LIGHT
@given(records)
def test_laws_hold_for_any_record(record: list[Said]) -> None:
    """Nothing but Refused is raised; refusals change nothing; time never goes back; releases are within the terms;
    every change is a row; no deadline stays behind."""
    play = begun()
    for number, entry in enumerate(record):
        checked(play, number, entry)
    final = step.advance(RICH, play.state, END + 5000)
    for change in final.changes:
        lawful(change)
    assert final.state.shown in {"COMPLETED", "TERMINATED"}


@LIGHT
@given(records)
def test_refused_entries_leave_no_trace(record: list[Said]) -> None:
    """The record of accepted entries alone comes to the same state."""
    play, accepted = begun(), []
    for number, entry in enumerate(record):
        stamp = play.state.clock.now + entry.later - entry.back
        what = act(entry.author, stamp, entry.body, f"{number:064x}", entry.culprit)
        try:
            play.place(what)
        except Refused:
            continue
        accepted.append(what)
    again = begun()
    for what in accepted:
        again.place(what)
    assert again.state == play.state
    assert again.changes == play.changes


def timeless(state: State) -> State:
    """The state without its clock."""
    return replace(state, clock=Clock(tau=0, now=0))


@LIGHT
@given(records, st.lists(st.integers(0, 3), min_size=70, max_size=70))
def test_how_often_seals_come_changes_nothing(record: list[Said], seals: Sequence[int]) -> None:
    """Seals put in between change neither a state nor a change, if a release is followed by its own seal at once (it
    is that seal from which the key is due)."""
    few, many = begun(), begun()
    clock = D
    for number, (entry, more) in enumerate(zip(record, seals, strict=False)):
        for part in range(more):
            many.seal(clock + entry.later * part // 3)
        clock += entry.later
        if isinstance(entry.body, Seal):
            continue
        placed = []
        for play in (few, many):
            try:
                play.say(clock, entry.author, entry.body, culprit=entry.culprit, entry=f"{number:064x}")
                placed.append(True)
            except Refused:
                placed.append(False)
        assert placed[0] == placed[1]
        if any(state.stage == "RELEASED" and state.key_due is None for state in few.state.tranches.values()):
            few.seal(clock)
            many.seal(clock)
    few.seal(END + 5000)
    many.seal(END + 5000)
    assert timeless(few.state) == timeless(many.state)
    assert few.changes == many.changes


@settings(LIGHT, max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.randoms(use_true_random=False), st.sampled_from(["first", "second"]))
def test_order_of_independent_entries_changes_nothing(random: object, half: str) -> None:
    """The golden attestations of one instant, in any order, come to the golden states."""
    golden, shuffled = Play(), Play()
    groups = [group for group in golden_groups() if (group[0] < HALF) is (half == "first")]
    if half == "second":
        early = [group for group in golden_groups() if group[0] < HALF]
        golden.groups(early)
        shuffled.state = golden.state
    for moment, entries in groups:
        attested = [entry for entry in entries if isinstance(entry[1], Attest)]
        others = [entry for entry in entries if not isinstance(entry[1], Attest)]
        mixed = list(attested)
        random.shuffle(mixed)  # type: ignore[attr-defined]
        first = bool(entries) and isinstance(entries[0][1], Attest)
        golden.groups([(moment, entries)])
        shuffled.groups([(moment, mixed + others if first else others + mixed)])
        assert shuffled.state == golden.state


@LIGHT
@given(records)
def test_working_forward_is_additive(record: list[Said]) -> None:
    """Working time forward in two steps, or in one, comes to the same."""
    play = begun()
    for number, entry in enumerate(record):
        checked(play, number, entry)
    now = play.state.clock.now
    once = step.advance(RICH, play.state, now + 900)
    halfway = step.advance(RICH, play.state, now + 371)
    twice = step.advance(RICH, halfway.state, now + 900)
    assert twice.state == once.state
    assert halfway.changes + twice.changes == once.changes
