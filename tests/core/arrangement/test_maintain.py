"""Maintain duties: violation instances, cure windows, remedies, conclusions."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Allege, Attest, Resume
from armslength.core.arrangement.terms import ClaimIs, Effective
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import END, GRACE, achieve, attest, begun, event, judge, maintain, start, state_claim


def play_of(**changes: Any) -> Play:
    """One maintain duty d of Q, shown by k; no suspension, so that nothing else moves."""
    return begun(claims={"k": state_claim()}, duties={"d": maintain("k", **{"consequence": "record"} | changes)})


def instances(play: Play) -> list[tuple[int, str]]:
    """First period and state of each instance."""
    return [(instance.first, instance.state) for instance in play.state.duties["d"].instances]


def late(**changes: Any) -> Play:
    """The same, with as long to report as there is time, so that periods may be decided in any order."""
    return begun(
        claims={"k": state_claim(report_by=2000)}, duties={"d": maintain("k", **{"consequence": "record"} | changes)}
    )


def decided(play: Play, when: int, **letters: str) -> Play:
    """Decide p0, p1 … as said, at one instant, in the order given."""
    for period, value in letters.items():
        attest(play, when, "k", int(period[1:]), value == "S")
    return play


@pytest.mark.parametrize(
    ("letters", "found", "shown"),
    [
        ("SSSSSSSSSS", [], "FULFILLED"),
        ("SSRSSSSSSS", [(2, "CURED")], "FULFILLED"),
        ("SSRSSRSSSS", [(2, "CURED"), (5, "CURED")], "FULFILLED"),
        ("SSRSRSSSSS", [(2, "REMEDIED")], "REMEDIED"),
        ("SSRRSRSSRR", [(2, "REMEDIED"), (8, "BREACHED")], "BREACHED"),
        ("SSRSUSSSSS", [(2, "REMEDIED")], "UNVERIFIED"),
        ("SSUSSSSSSS", [], "UNVERIFIED"),
        ("SSRRSRSRSR", [(2, "BREACHED")], "BREACHED"),
        ("SSSSSSSSRS", [(8, "BREACHED")], "BREACHED"),
        ("SSSSSSSSSR", [(9, "BREACHED")], "BREACHED"),
        ("SSSSSSSRSS", [(7, "CURED")], "FULFILLED"),
        ("SSRRSSRRSU", [(2, "REMEDIED"), (6, "BREACHED")], "BREACHED"),
    ],
)
def test_whole_terms(letters: str, found: list[tuple[int, str]], shown: str) -> None:
    """Whole terms of ten periods, their instances and their conclusion: the worst wins (rules 4.2b, 4.2f)."""
    play = play_of()
    judge(play, "k", letters)
    play.seal(END + 200)
    assert instances(play) == found
    assert play.duty("d") == shown


def test_refuted_in_the_window_breaches_at_once() -> None:
    """One REFUTED period in the window: BREACHED at its decision, though the period before is undecided (rule 4.2c)."""
    play = play_of()
    attest(play, start(2.5), "k", 2, False)
    assert play.duty("d") == "OVERDUE"
    attest(play, start(4.1), "k", 4, False)
    assert play.duty("d") == "BREACHED"
    assert play.when("d", "BREACHED") == [start(4.1)]
    assert play.state.duties["d"].instances[0].broke == 4


def test_unknown_in_the_window_breaches_at_its_report_by() -> None:
    """One UNKNOWN period in the window: BREACHED when it becomes so (rule 4.2c)."""
    play = play_of()
    judge(play, "k", "SSR")
    play.seal(start(5.5))
    assert play.when("d", "BREACHED") == [start(5) + GRACE]


def test_window_cut_by_the_end() -> None:
    """A window cut short while clean is BREACHED once its periods are decided and the term is over, not before
    (rule 4.2c)."""
    play = play_of()
    judge(play, "k", "SSSSSSSSR")
    play.seal(END)
    assert play.duty("d") == "OVERDUE"
    judge(play, "k", "S", first=9)
    assert play.duty("d") == "BREACHED"
    assert play.rules("d#8")[-1] == "instance.cut"


def test_period_that_is_not_whole_cures_nothing() -> None:
    """A last period cut by the end is no whole period of a cure window."""
    play = begun(claims={"k": state_claim()}, duties={"d": maintain("k", consequence="record")}, end=END - 50)
    judge(play, "k", "SSSSSSSRSS")
    assert instances(play) == [(7, "BREACHED")]


def test_remedy_needs_the_run_after_what_broke_it() -> None:
    """The run begins after the period that broke the duty; undecided periods make it wait (rule 4.2d)."""
    play = play_of(remedy_run=3)
    judge(play, "k", "SSRRSS")
    attest(play, start(8), "k", 7, True)
    assert play.duty("d") == "BREACHED"
    attest(play, start(8), "k", 6, True)
    assert play.duty("d") == "ACTIVE"
    assert play.when("d#2", "REMEDIED") == [start(8)]


def test_late_refutation_moves_the_window_back() -> None:
    """An earlier period REFUTED later joins: the instance starts there, and its window is judged again."""
    play = begun(claims={"k": state_claim(report_by=400)}, duties={"d": maintain("k", consequence="record")})
    judge(play, "k", "SSSS")
    attest(play, start(5.5), "k", 5, False)
    assert instances(play) == [(5, "OVERDUE")]
    attest(play, start(5.6), "k", 4, False)
    assert instances(play) == [(4, "BREACHED")]
    assert "instance.joined" in play.rules("d#4")


def test_without_a_window_the_first_refuted_period_breaches() -> None:
    """cure 0: BREACHED at once, and suspended; the run after that period remedies (rule 4.2c)."""
    play = play_of(cure=0, consequence="suspend")
    judge(play, "k", "SSR")
    assert instances(play) == [(2, "BREACHED")]
    assert play.state.duties["d"].instances[0].broke == 2
    assert play.shown == "SUSPENDED"
    judge(play, "k", "SS", first=3)
    assert instances(play) == [(2, "REMEDIED")]
    judge(play, "k", "R", first=5)
    assert instances(play) == [(2, "REMEDIED"), (5, "BREACHED")]


def test_without_a_window_an_earlier_period_joins_the_breach() -> None:
    """cure 0: an earlier period that is REFUTED later begins the breach, and the remedy's run begins after it."""
    play = decided(late(cure=0), start(8), p4="R", p3="R")
    assert instances(play) == [(3, "BREACHED")]
    decided(play, start(8), p2="R", p5="S", p6="S")
    assert instances(play) == [(2, "REMEDIED")]


@pytest.mark.parametrize("last", list(permutations(("p0", "p3"))))
def test_order_within_an_instant_decides_nothing(last: tuple[str, ...]) -> None:
    """p1 refuted, p2 clean; then p0 and p3 are refuted at one instant: whichever is placed first, the violation
    that begins with p0 is remedied by p2, and p3 begins another (rule 4.2e)."""
    play = decided(late(remedy_run=1), start(5), p1="R", p2="S")
    decided(play, start(5), **dict.fromkeys(last, "R"))
    assert instances(play) == [(0, "REMEDIED"), (3, "OVERDUE")]
    assert play.duty("d") == "OVERDUE"


@pytest.mark.parametrize("order", list(permutations(("p0R", "p1R", "p2R", "p3S"))))
def test_what_ends_at_an_instant_is_judged_with_all_of_that_instant(order: tuple[str, ...]) -> None:
    """Four periods of one instant, in any order: the violation that begins first is remedied, and there is no other."""
    play = decided(late(remedy_run=1), start(9), **{said[:2]: said[2] for said in order})
    assert instances(play) == [(0, "REMEDIED")]


@pytest.mark.parametrize("seed", range(150))
def test_order_of_the_periods_of_one_instant_decides_nothing(seed: int) -> None:
    """Whatever periods are decided at one instant, in whatever order: the violations are those of the order in time
    (rule 4.2e)."""
    dice = random.Random(seed)
    changes = {"cure": dice.randint(0, 3), "remedy_run": dice.randint(1, 3)}
    letters = {f"p{period}": dice.choice("RSSRS") for period in range(10) if dice.random() < 0.9}
    order = dict(dice.sample(sorted(letters.items()), len(letters)))
    assert instances(decided(late(**changes), END, **order)) == instances(decided(late(**changes), END, **letters))


def test_breach_that_an_earlier_period_undoes() -> None:
    """An earlier period joins a breach, and its own window is open: OVERDUE again, then what the window says
    (rule 4.2e)."""
    play = decided(late(), start(9), p5="R", p7="R")
    assert instances(play) == [(5, "BREACHED")]
    decided(play, start(9), p2="R")
    assert instances(play) == [(2, "OVERDUE")]
    assert play.duty("d") == "OVERDUE"
    decided(play, start(9), p3="S", p4="S")
    assert instances(play) == [(2, "CURED"), (5, "BREACHED")]


def test_period_that_breaks_a_window_is_the_first_that_is_not_clean() -> None:
    """A window broken by a later period first, then by an earlier one: the remedy is looked for after the earlier."""
    play = decided(late(cure=3, remedy_run=1), start(9), p0="R", p3="R", p2="S")
    assert [instance.broke for instance in play.state.duties["d"].instances] == [3]
    decided(play, start(9), p1="R")
    assert instances(play) == [(0, "REMEDIED"), (3, "OVERDUE")]


def test_instances_stand_in_the_order_of_their_periods() -> None:
    """A violation that began before one which has ended stands before it."""
    play = decided(late(), start(9), p5="R", p6="S", p7="S")
    decided(play, start(9) + 1, p2="R", p3="S")
    assert instances(play) == [(2, "OVERDUE"), (5, "CURED")]


def test_late_refutation_out_of_reach() -> None:
    """Moved back so far that the old start lies beyond the window: cured first, then a second instance."""
    play = begun(claims={"k": state_claim(report_by=900)}, duties={"d": maintain("k", consequence="record")})
    attest(play, start(6.5), "k", 6, False)
    for number in (3, 4):
        attest(play, start(6.6), "k", number, True)
    attest(play, start(6.7), "k", 2, False)
    assert instances(play) == [(2, "CURED"), (6, "OVERDUE")]


def test_refutation_beyond_an_undecided_window_waits() -> None:
    """A period refuted beyond an undecided window opens its own instance once the window is clean."""
    play = begun(claims={"k": state_claim(report_by=900)}, duties={"d": maintain("k", consequence="record")})
    attest(play, start(2.5), "k", 2, False)
    attest(play, start(5.5), "k", 5, False)
    assert instances(play) == [(2, "OVERDUE")]
    attest(play, start(5.6), "k", 3, True)
    attest(play, start(5.7), "k", 4, True)
    assert instances(play) == [(2, "CURED"), (5, "OVERDUE")]


def test_only_periods_from_activation_count() -> None:
    """Periods that start before the duty is ACTIVE are none of its own (rule 4.2a)."""
    play = begun(
        claims={"k": state_claim(report_by=900), "e": event()},
        duties={"d": maintain("k", consequence="record", trigger=ClaimIs(claim="e", states=("SUPPORTED",)))},
    )
    attest(play, start(0.5), "k", 0, False)
    attest(play, start(2.5), "e", 0, True)
    assert play.duty("d") == "ACTIVE"
    attest(play, start(2.6), "k", 2, False)
    assert play.duty("d") == "ACTIVE"
    attest(play, start(3.5), "k", 3, False)
    assert instances(play) == [(3, "OVERDUE")]


def test_alleged_before_the_activation_opens_nothing() -> None:
    """A period before the duty is ACTIVE is none of its own, also where somebody has alleged it with a hold."""
    play = begun(
        claims={"k": state_claim(report_by=900), "e": event()},
        duties={"d": maintain("k", consequence="record", trigger=ClaimIs(claim="e", states=("SUPPORTED",)))},
    )
    attest(play, start(1.5), "k", 1, False)
    play.say(start(1.6), "P", Allege(claim="k", period=1, hold=True))
    attest(play, start(4.5), "e", 0, True)
    assert (play.duty("d"), instances(play)) == ("ACTIVE", [])


def test_breach_suspends_only_before_the_end() -> None:
    """A breach found after the term is recorded and suspends nothing (rule 5.5b)."""
    play = play_of(consequence="suspend")
    judge(play, "k", "SSSSSSSSRR")
    assert play.duty("d") == "BREACHED"
    assert play.when("arrangement", "SUSPENDED") == []
    assert play.shown == "COMPLETED"


def test_shown_is_the_worst_open_instance() -> None:
    """After a cure the duty is ACTIVE again, and never frozen by a suspension (rule 4.2a)."""
    play = begun(
        claims={"k": state_claim(), "e": event()},
        duties={
            "d": maintain("k", consequence="record"),
            "a": achieve("e", "P", cure=0, trigger=Effective()),
        },
    )
    judge(play, "k", "SSS")
    play.seal(start(3) + GRACE)
    assert play.shown == "SUSPENDED"
    judge(play, "k", "R", first=3)
    assert play.duty("d") == "OVERDUE"
    judge(play, "k", "SS", first=4)
    assert play.duty("d") == "ACTIVE"
    assert play.state.duties["d"].frozen_at is None
    play.refused("authority", play.state.clock.now, "P", Attest(claim="k", period=0, value=True))


def test_breach_that_no_run_remedies() -> None:
    """Where the terms ask for no run, a breach stays one, and no suspension waits for its remedy."""
    play = begun(claims={"k": state_claim()}, duties={"d": maintain("k", cure=0, remedy_run=None)})
    judge(play, "k", "RSS")
    assert (play.duty("d"), play.shown) == ("BREACHED", "SUSPENDED")
    for party in "PQ":
        play.say(start(3) + 2, party, Resume())
    assert (play.duty("d"), play.shown) == ("BREACHED", "EFFECTIVE")
