"""Deadlines × entries: what is said between a deadline and its firing, one grace later, whoever's deadline it is.

At each point of random records the next deadline is taken, and entries of every type are dated between it and its
firing. Each is placed twice: before the deadline has fired, and after, as when a seal has worked time forward in
between. It must be placed or refused alike, and come to the same state: how often seals come changes nothing. What is
decided otherwise stands in `ALIKE_NOT`, with the reason; decision 0022 says more.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import BODIES, Allege, Body, Resume, Seal, Waive, Withdraw
from armslength.core.arrangement.state import LogicalClock, State
from armslength.core.arrangement.terms import Due
from armslength.core.parts import Parts
from armslength.errors import Refused
from tests.core.arrangement import small
from tests.core.arrangement.play import Play, act
from tests.core.arrangement.small import GRACE, D
from tests.core.arrangement.test_properties import (
    END,
    RICH,
    begun,
    monitors,
    powers,
    spoken,
    traffic,
)
from tests.core.arrangement.test_properties import Said as Entry

SAYS = monitors() + traffic() + powers()
EXACT = {"arrangement.entered", "arrangement.withdrawn", "arrangement.unheld"}
GATES = {D + 120, END - 50, END}  # exact instants of RICH

# Where the two may differ, and why: entries of a type, whatever fires, or with the row that fires first.
AFRESH = "what fired stays fired: a reason to withhold that an entry takes away or adds before it, within grace"
OVER = "what completes the arrangement has fired: nothing is alleged or notified in it any more"
ALIKE_NOT: dict[str | tuple[str, str], str] = {
    "release": "a release is judged at its place (6.3)",
    "withdraw": "a withdrawal without notice closes what has not fired; what has fired stays fired",
    ("claim.unknown", "allege"): OVER,
    ("claim.unknown", "notice"): OVER,
    ("claim.unknown", "attest"): AFRESH,
    ("claim.unknown", "determine"): AFRESH,
    ("claim.unknown", "respond"): AFRESH,
    ("duty.overdue", "allege"): AFRESH,
    ("duty.overdue", "waive"): AFRESH,
    ("duty.breached", "attest"): AFRESH,
    ("duty.breached", "waive"): AFRESH,
    ("release.breached", "attest"): AFRESH,
    ("claim.unknown", "waive"): "a duty to maintain is waived as its violations stand where that is placed",
    ("claim.waited", "waive"): "the same",
    ("tranche.forfeited", "waive"): "what was to be released is forfeited",
    ("arrangement.unresumed", "perform"): "it starts nothing and proves nothing",
    ("arrangement.unresumed", "attest"): "a claim that a surviving duty shares with one that ends",
}
ROWS = (
    "allegation.timeout",
    "answer.unanswered",
    "arrangement.unresumed",
    "claim.unknown",
    "duty.breached",
    "duty.overdue",
    "release.breached",
    "release.overdue",
    "tranche.silent",
)
TYPES = set(BODIES) - {"seal", "sign", "commit"}  # sign and commit come before any of these deadlines


def plain(state: State) -> State:
    """The state without its clock, and without the instants at which things came to where they are: these are the
    entry's, even where a deadline has fired in between (rule 2.6)."""
    return replace(
        state,
        clock=LogicalClock(tau=0, now=0),
        arrangement=replace(state.arrangement, at=0),
        claims={name: replace(known, at=None) for name, known in state.claims.items()},
        duties={
            name: replace(
                known, at=0, violations=Parts({first: replace(one, at=0) for first, one in known.violations.items()})
            )
            for name, known in state.duties.items()
        },
        tranches={name: replace(known, at=0, fell=None) for name, known in state.tranches.items()},
    )


def fires(state: State) -> tuple[int, State, str] | None:
    """The next deadline that fires with grace: when, the state after it, and the first row that it takes."""
    instant = step.next_deadline(RICH, state)
    if instant is None or state.clock.now >= instant - GRACE // 2 or instant in GATES:
        return None
    if any(notice.ends == instant for notice in state.arrangement.withdrawals.values()):
        return None
    hold = RICH.allegations.hold
    if any(said.holding and said.raised_at + hold == instant for said in state.allegations.values()):
        return None
    outcome = step.advance(RICH, state, instant)
    rules = [change.rule for change in outcome.changes]
    return None if not rules or EXACT & set(rules) else (instant, outcome.state, rules[0])


def placed(state: State, said: list[tuple[str, Body]], stamp: int) -> tuple[list[bool], State]:
    """Which of the entries are placed, and the state after them."""
    accepted = []
    for number, (author, body) in enumerate(said):
        try:
            state = step.apply(RICH, state, act(author, stamp, body, f"{number:064x}", "n3")).state
        except Refused:
            accepted.append(False)
        else:
            accepted.append(True)
    return accepted, state


def differences(seed: int, seen: Counter[tuple[str, str]]) -> set[tuple[str, str]]:
    """The cells of the table in which one random record finds a difference that is not decided."""
    dice, play, found = random.Random(seed), begun(), set()
    for number in range(dice.randint(10, 90)):
        if (fired := fires(play.state)) is not None:
            instant, after, rule = fired
            for says in dice.sample(SAYS, 10):
                said = [(author, body) for author, body in says(play.state) if BODIES["seal"] is not type(body)]
                if not said:
                    continue
                [kind] = [name for name, body in BODIES.items() if body is type(said[0][1])]
                seen[rule, kind] += 1
                early = placed(play.state, said, instant - GRACE // 2)
                late = placed(after, said, instant - GRACE // 2)
                same = plain(step.advance(RICH, early[1], instant).state) == plain(late[1])
                alike = kind in ALIKE_NOT or (rule, kind) in ALIKE_NOT or (early[0] == late[0] and same)
                if not alike:
                    found.add((rule, kind))
        later, back = dice.choice([0, 0, dice.randint(0, 30), dice.randint(0, 120)]), dice.choice([0, GRACE // 2])
        entry = Entry(later, back, dice.choice(SAYS), dice.choice(["n3", "n2", "P", None]))
        for what in spoken(play.state, f"{number:032x}", entry, play.state.clock.now + later - back):
            try:
                play.place(what)
            except Refused:
                continue
    return found


@pytest.mark.slow("sixty records are what it takes to come upon every cell of the table")
def test_what_is_said_between_a_deadline_and_its_firing() -> None:
    """Every cell is tried, and none differs that is not decided to (rule 2.3d)."""
    seen: Counter[tuple[str, str]] = Counter()
    rare = {("arrangement.unresumed", "evidence"), ("tranche.silent", "key"), ("arrangement.unresumed", "key")}
    missing = {(row, kind) for row in ROWS for kind in TYPES} - rare
    for seed in range(400):
        assert differences(seed, seen) == set(), seed
        missing -= set(seen)
        if seed >= 60 and not missing:  # enough of them, and each cell has been met, whatever the seeds make of it
            break
    assert not missing


@pytest.mark.parametrize("seed", [1009, 2003])
def test_other_records_agree(seed: int) -> None:
    """The same on records of their own."""
    assert differences(seed, Counter()) == set()


# --- the cells by name ------------------------------------------------------------------------------------------------

SEALED = pytest.mark.parametrize("sealed", [False, True])


@SEALED
def test_deadline_that_has_passed_does_not_stand_still(sealed: bool) -> None:
    """Suspended between due and its firing: OVERDUE all the same, and only the cure is paused."""
    play = small.begun(
        claims={"e": small.event(), "k": small.state_claim()},
        duties={
            "a": small.achieve("e", "P", consequence="record", due=Due(anchor="start", after=100), cure=50),
            "d": small.maintain("k", cure=0),
        },
    )
    if sealed:
        play.seal(D + 100 + GRACE)
    small.attest(play, D + 105, "k", 1, False)
    play.seal(D + 200)
    assert [change.at for change in play.changes if change.rule == "duty.overdue"] == [D + 100 + GRACE]
    assert (play.duty("a"), play.state.duties["a"].frozen_at) == ("OVERDUE", D + 105)


@SEALED
def test_ready_tranche_is_acknowledged_before_it_was_withheld(sealed: bool) -> None:
    """An acknowledgement from before a deadline withheld the tranche counts, in whatever order they come."""
    play = small.begun(
        claims={"e": small.event()},
        duties={"a": small.achieve("e", "P", consequence="record", due=Due(anchor="start", after=90))},
        tranches={"t": small.tranche(continuous=small.clear("a"), deliver_by=200)},
    )
    play.say(D, "P", small.content("t"))
    if sealed:
        play.seal(D + 90 + GRACE)
    play.say(D + 95, "Q", small.delivering("t"))
    play.seal(D + 90 + GRACE)
    known = play.state.tranches["t"]
    assert (known.stage, known.shown, known.delivered_at) == ("DELIVERED", "WITHHELD", D + 95)


def test_tranche_that_a_deadline_withholds_is_not_acknowledged() -> None:
    """An acknowledgement from when the deadline had fired comes too late, in whatever order they come."""
    play = small.begun(
        claims={"e": small.event()},
        duties={"a": small.achieve("e", "P", consequence="record", due=Due(anchor="start", after=90))},
        tranches={"t": small.tranche(continuous=small.clear("a"), deliver_by=200)},
    )
    play.say(D, "P", small.content("t"))
    play.seal(D + 90 + GRACE)
    for later in (0, GRACE):
        play.refused("state", D + 90 + GRACE + later, "Q", small.delivering("t"))


@SEALED
def test_waiver_undoes_no_breach_that_had_passed(sealed: bool) -> None:
    """Waived between the end of the cure and its firing: the breach suspends, then there is nothing to remedy
    (rule 4.1f)."""
    play = small.begun(
        claims={"e": small.event()},
        duties={"a": small.achieve("e", due=Due(anchor="start", after=50), cure=50)},
    )
    if sealed:
        play.seal(D + 100 + GRACE)
    play.say(D + 105, "P", Waive(duty="a"))
    play.seal(D + 100 + GRACE)
    assert (play.duty("a"), play.shown) == ("DISCHARGED", "SUSPENDED")


def all_agreed(*, sealed: bool, surviving: bool) -> tuple[Play, int]:
    """Breached and SUSPENDED, and all have agreed to resume; and the last instant of the suspension, which has passed
    if `sealed`."""
    duty = small.achieve("e", due=Due(anchor="start", after=30), cure=20, surviving=surviving)
    play = small.begun(claims={"e": small.event()}, duties={"a": duty})
    play.seal(D + 60)
    for party in "PQ":
        play.say(D + 70, party, Resume())
    last = D + 60 + 300
    if sealed:
        play.seal(last + GRACE)
    return play, last


@SEALED
@pytest.mark.parametrize(("surviving", "ends"), [(False, "BREACHED"), (True, "REMEDIED")])
def test_remedy_past_the_last_instant_resumes_nothing(sealed: bool, surviving: bool, ends: str) -> None:
    """All agreed in time, but the remedy is dated past maxSuspension: WINDING (rule 5.3d). The remedy is none, unless
    the duty outlives the arrangement; but it comes too late for that, too."""
    play, last = all_agreed(sealed=sealed, surviving=surviving)
    small.attest(play, last + 5, "e", 0, True)
    play.seal(last + GRACE)
    assert (play.duty("a"), play.shown) == (ends, "TERMINATED")


@SEALED
def test_waiver_past_the_last_instant_resumes_nothing(sealed: bool) -> None:
    """All agreed in time, but what was to be remedied is waived after maxSuspension: WINDING."""
    play, last = all_agreed(sealed=sealed, surviving=True)
    play.say(last + 5, "P", Waive(duty="a"))
    play.seal(last + GRACE)
    assert (play.duty("a"), play.shown) == ("DISCHARGED", "TERMINATED")


@SEALED
def test_decision_past_the_determination_deadline_dismisses(sealed: bool) -> None:
    """The period is REFUTED too late for the allegation, whose time is over (rule 5.1f)."""
    play = small.begun(
        claims={"k": small.state_claim(report_by=900)}, duties={"d": small.maintain("k", consequence="record")}
    )
    play.say(D + 10, "P", Allege(claim="k", period=0))
    last = D + 10 + 200
    if sealed:
        play.seal(last + GRACE)
    small.attest(play, last + 5, "k", 0, False)
    play.seal(last + GRACE)
    assert play.state.allegations["P/k/0"].outcome == "DISMISSED"


def test_resumption_from_before_the_suspension_is_none_of_it() -> None:
    """It is refused, as it was while nothing was suspended."""
    play = small.begun(
        claims={"e": small.event()}, duties={"a": small.achieve("e", due=Due(anchor="start", after=30), cure=20)}
    )
    play.refused("state", D + 55, "P", Resume())
    play.seal(D + 60)
    play.refused("early", D + 55, "P", Resume())


def test_breach_found_later_frees_from_no_notice() -> None:
    """A withdrawal dated before the release duty was BREACHED has its notice."""
    play = small.begun(tranches={"t": small.tranche(release_by=50, release_cure=0)})
    small.delivered(play, D)
    play.seal(D + 50 + GRACE)
    assert play.duty("t.release") == "BREACHED"
    play.say(D + 55, "Q", Withdraw())
    assert play.state.arrangement.withdrawals["Q"].ends == D + 55 + 200


def test_entry_from_before_the_end_is_judged_before_the_end() -> None:
    """A remedy dated before the end counts, and what rests on the end bears the end's time."""
    play = small.begun(
        claims={"e": small.event()},
        duties={"a": small.achieve("e", consequence="record", due=Due(anchor="end", after=-100), cure=0)},
    )
    play.seal(END - 10)
    assert play.duty("a") == "BREACHED"
    open_term = small.begun(
        claims={"e": small.event(), "f": small.event()},
        duties={
            "a": small.achieve("e", consequence="record", due=Due(anchor="end", after=-100), cure=0),
            "b": small.achieve("f", consequence="record", due=Due(anchor="end", after=50), cure=0),
        },
    )
    open_term.seal(END + 5)
    small.attest(open_term, END - 4, "e", 0, True)
    assert open_term.duty("a") == "REMEDIED"
    small.attest(open_term, END - 3, "f", 0, True)
    assert open_term.when("arrangement", "COMPLETED") == [END]


def test_no_tranche_is_delivered_once_all_that_is_undecided_is_past_its_report() -> None:
    """READY past the end is as good as FORFEITED from the last reportBy of an undecided period on."""
    play = small.begun(
        claims={"k": small.state_claim(report_by=900)},
        duties={"d": small.maintain("k", consequence="record")},
        tranches={"t": small.tranche()},
    )
    play.say(D, "P", small.content("t"))
    for number in range(1, 10):
        small.attest(play, END, "k", number, True)
    play.say(END, "N", Seal(checkpoint="", state_root=""))
    play.refused("late", END + 5, "Q", small.delivering("t"))


def test_remedy_found_after_the_term_is_none_for_what_lies_before() -> None:
    """SUPPORTED once the term was over remedies nothing, whatever is placed afterwards with an earlier time."""
    play = small.begun(
        claims={"e": small.event(), "f": small.event()},
        duties={
            "a": small.achieve("e", consequence="record", due=Due(anchor="end", after=-100), cure=0),
            "b": small.achieve("f", consequence="record", due=Due(anchor="end", after=500), cure=0),
        },
    )
    small.attest(play, END + 5, "e", 0, True)
    play.say(END - 4, "P", Withdraw())
    assert play.duty("a") == "BREACHED"
