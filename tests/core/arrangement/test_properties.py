"""Laws that hold whatever is entered: random records over terms that have a bit of everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from armslength.core.arrangement.state import Change, LogicalClock, Outcome, State
from armslength.core.arrangement.step import EntryInput
from armslength.core.arrangement.terms import AllOf, AnyOf, ClaimIs, CleanRun, Due, Excuse, TrancheIs
from armslength.core.canonical import canonical, digest
from armslength.errors import Refused
from tests.core.arrangement.play import Play, act
from tests.core.arrangement.small import (
    END,
    GRACE,
    D,
    achieve,
    answer,
    clear,
    content,
    delivering,
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
LIGHT = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

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
        "e.Q": achieve("e", "Q", creditors=("P", "R"), due=Due(anchor="start", after=600)),
        "f.P": achieve("f", "P", consequence="record", still_owed=False, cure=30),
        "g.R": achieve("g", "R", trigger=TrancheIs(tranche="t", states=("SETTLED",)), cure=50),
        "s.R": achieve("s", "R", surviving=True, consequence="record", due=Due(anchor="end", after=100)),
        "never": achieve("s", "R", trigger=ClaimIs(claim="f", states=("REFUTED",))),
    },
    tranches={
        "t": tranche(),
        "u": tranche(gate=CleanRun(claims=("k",), length=2), continuous=clear("k.Q", "j.P")),
        "v": tranche(
            gate=AllOf(
                of=(
                    CleanRun(claims=("k",), length=2, follows="u"),
                    TrancheIs(tranche="u", states=("SETTLED",)),
                ),
            ),
            continuous=AnyOf(of=(clear("k.Q", "e.Q"), when("end", -50))),
        ),
        "w": tranche(provider="Q", recipient="P", gate=when("start", 120), continuous=clear("f.P")),
    },
)
TRANCHES = tuple(RICH.tranches)


@dataclass(frozen=True)
class Said:
    """One random entry, or several that belong together, `later` seconds after the one before; backdated by `back`."""

    later: int
    back: int
    say: Callable[[State], list[tuple[str, Body]]]
    culprit: str | None = None


ALLEGED = [("P", "k", 0), ("R", "k", 1), ("P", "k", 3), ("Q", "j", 0), ("P", "e", 0), ("Q", "f", 0)]


def judged(claim: str, value: bool, voters: str) -> Callable[[State], list[tuple[str, Body]]]:
    """Two monitors attest the earliest undecided period."""

    def say(state: State) -> list[tuple[str, Body]]:
        decided = state.claims[claim].decided
        period = decided.find(".") if "." in decided else len(decided)
        return [(voter, Attest(claim=claim, period=period, value=value)) for voter in voters.split()]

    return say


def went(name: str, ok: bool) -> Callable[[State], list[tuple[str, Body]]]:
    """The tranche goes its next step."""

    def say(state: State) -> list[tuple[str, Body]]:
        term, known = RICH.tranches[name], state.tranches[name]
        release, key = release_and_key(name)
        if known.stage == "DELIVERED":
            return [(term.provider, release), ("N", SEAL)]
        if known.stage == "RELEASED" and known.key_at is None:
            return [(term.provider, key)]
        if known.stage == "RELEASED":
            return [(term.recipient, answer(name, ok))]
        if known.stage == "DISPUTED":
            return [(who, Determine(tranche=name, uphold=ok)) for who in ("N", "n1")]
        return [(term.recipient, delivering(name))]

    return say


def replied(number: int, word: str) -> Callable[[State], list[tuple[str, Body]]]:
    """An allegation is answered, or voted on."""

    def say(state: State) -> list[tuple[str, Body]]:
        if not state.allegations:
            return []
        known = sorted(state.allegations)[number % len(state.allegations)]
        if word in {"ADMITTED", "DENIED"}:
            return [(who, Respond(allegation=known, answer=word)) for who in "PQR"]
        return [(who, Determine(allegation=known, uphold=word == "uphold")) for who in ("N", "n1")]

    return say


def always_says(*entries: tuple[str, Body]) -> Callable[[State], list[tuple[str, Body]]]:
    """The same, whatever the state."""
    return lambda state: list(entries)


SEAL = Seal(checkpoint="", state_root="")


def monitors() -> list[Callable[[State], list[tuple[str, Body]]]]:
    """What monitors say: mostly the truth that everybody waits for."""
    out = [judged(claim, True, "n1 n2") for claim in "kkkkkkkjjjxxxefgs"]
    out += [judged(claim, False, "n1 n3") for claim in "kkjxef"]
    out += [judged(claim, value, "n3") for claim in "kj" for value in (True, False)]
    return out + [
        always_says((voter, Attest(claim=claim, period=period, value=value)))
        for voter, claim, period, value in (
            ("n1", "k", 2, False),
            ("n2", "k", 2, False),
            ("n1", "k", 5, False),
            ("n3", "k", 5, False),
            ("n3", "x", 1, True),
            ("n2", "j", 3, False),
            ("n2", "k", 10, True),
        )
    ]


def traffic() -> list[Callable[[State], list[tuple[str, Body]]]]:
    """Tranches on their way, and what is alleged, answered, notified."""
    out = [went(name, ok) for name in "ttttuuuvvwwww" for ok in (True, True, False)]
    out += [replied(number, word) for number in (0, 1) for word in ("ADMITTED", "DENIED", "uphold", "dismiss")]
    out += [always_says((by, Allege(claim=claim, period=at, hold=at != 1))) for by, claim, at in ALLEGED]
    out += [always_says((RICH.tranches[name].recipient, Allege(tranche=name, hold=True))) for name in TRANCHES]
    return out + [
        always_says(("Q", Notice(claim="k", start=D + begin, end=D + begin + length, text="")))
        for begin, length in ((120, 10), (310, 120), (500, 0), (650, 400))
    ]


def powers() -> list[Callable[[State], list[tuple[str, Body]]]]:
    """What parties and determiners may do on their own; rarely what ends it all."""
    out = [always_says(*((who, Resume()) for who in group)) for group in ("PQR", "PQR", "PQR", "QR", "P")]
    out += [always_says(("N", Resume()), ("n1", Resume())), always_says(("n1", Resume()))]
    out += [always_says(*((who, Waive(duty=duty)) for who in "PQR")) for duty in ("e.Q", "k.Q", "u.release")]
    out += [always_says((who, Perform(duty=duty))) for who, duty in (("Q", "e.Q"), ("P", "f.P"), ("C", "s.R"))]
    out += [always_says((who, Withdraw()), (who, Sign())) for who in "PR"]
    out += [always_says(("P", Evidence(kind="equivocation", first="", second="")))]
    return out + [always_says(("N", SEAL))] * 3


says = st.sampled_from(monitors() * 2 + traffic() + powers())
said = st.builds(
    Said,
    st.one_of(st.just(0), st.just(0), st.integers(0, 30), st.integers(0, 120)),
    st.one_of(st.just(0), st.integers(0, GRACE)),
    says,
    st.sampled_from(["n3", "n2", "P", None]),
)
records = st.lists(said, min_size=30, max_size=90)


def begun() -> Play:
    """The rich terms, EFFECTIVE, with everything committed that the script commits early."""
    play = Play(RICH)
    for party in RICH.parties:
        play.say(D - 50, party, Sign())
    for name in TRANCHES:
        play.say(D - 40, RICH.tranches[name].provider, content(name))
    play.seal(D)
    return play


def numbered(record: Sequence[Said]) -> list[tuple[str, Said]]:
    """Each entry with the number that its hashes begin with."""
    return [(f"{number:032x}", entry) for number, entry in enumerate(record)]


def spoken(state: State, number: str, entry: Said, stamp: int) -> list[EntryInput]:
    """The entries that are said in this state."""
    return [
        act(author, stamp, body, f"{number}{part:032x}", entry.culprit)
        for part, (author, body) in enumerate(entry.say(state))
    ]


def checked(play: Play, what: EntryInput) -> bool:
    """Place one entry and check the laws on it; False if it was refused."""
    before, root = play.state, step.state_root(play.state)
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


def run(record: Sequence[Said]) -> tuple[Play, list[EntryInput]]:
    """Play a random record; what was accepted."""
    play, accepted = begun(), []
    for number, entry in numbered(record):
        stamp = play.state.clock.now + entry.later - entry.back
        accepted += [what for what in spoken(play.state, number, entry, stamp) if checked(play, what)]
    return play, accepted


def lawful(change: Change) -> None:
    """The change is a row of a table, from a state that the row starts from."""
    assert (change.author is None) is (change.entry is None)
    if change.rule in tables.ASIDE:
        assert (change.before == change.after) is (change.kind == "duty")
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
        and state.tranches[name].shown == "DELIVERED"
        and holds(Draft(RICH, state), RICH.tranches[name].continuous)
    )


@LIGHT
@given(records)
def test_laws_hold_for_any_record(record: list[Said]) -> None:
    """Nothing but Refused is raised; refusals change nothing; time never goes back; releases are within the terms;
    every change is a row; no deadline stays behind; and everything comes to an end."""
    play, _ = run(record)
    play.seal(play.state.clock.now)  # a release that no seal covers waits for one, for ever if need be
    final = step.advance(RICH, play.state, END + 20000)
    for change in final.changes:
        lawful(change)
    assert final.state.shown in {"COMPLETED", "TERMINATED"}


@LIGHT
@given(records)
def test_refused_entries_leave_no_trace(record: list[Said]) -> None:
    """The record of accepted entries alone comes to the same state (rule 1.3d)."""
    play, accepted = run(record)
    again = begun()
    for what in accepted:
        again.place(what)
    assert again.state == play.state


def timeless(state: State) -> State:
    """The state without its clock."""
    return replace(state, clock=LogicalClock(tau=0, now=0))


def placed(play: Play, what: EntryInput) -> bool:
    """Place an entry; False if it was refused."""
    try:
        play.place(what)
    except Refused:
        return False
    return True


@LIGHT
@given(records, st.lists(st.integers(0, 3), min_size=90, max_size=90))
def test_how_often_seals_come_changes_nothing(record: list[Said], seals: Sequence[int]) -> None:
    """Seals put in between change neither a state nor a change, if a release is followed by its own seal at once (it
    is that seal from which the key is due) (rule 2.4a)."""
    few, many = begun(), begun()
    clock = D
    for (number, entry), more in zip(numbered(record), seals, strict=False):
        for part in range(more):
            many.seal(clock + entry.later * part // 3)
        clock += entry.later
        for what in spoken(few.state, number, entry, clock):
            if what.type == "seal":
                continue
            assert placed(few, what) == placed(many, what)
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
    """The golden attestations of one instant, in any order, come to the golden states (rule 2.4b)."""
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
    play, _ = run(record)
    now = play.state.clock.now
    once = step.advance(RICH, play.state, now + 900)
    halfway = step.advance(RICH, play.state, now + 371)
    twice = step.advance(RICH, halfway.state, now + 900)
    assert twice.state == once.state
    assert halfway.changes + twice.changes == once.changes
