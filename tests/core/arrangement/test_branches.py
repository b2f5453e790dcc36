"""The branches of the golden scenario, each to its end."""

from __future__ import annotations

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import (
    Attest,
    Body,
    Determine,
    Evidence,
    Release,
    Respond,
    Resume,
    Withdraw,
)
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from tests.core.arrangement.play import Play
from tests.golden.terms import A1, A2, DAY, Group, at, attest, day, golden_groups, golden_terms, keep_only

EQUIVOCATION = Evidence(kind="equivocation", first="", second="")


def before(groups: list[Group], when: int) -> list[Group]:
    """The groups up to and including `when`."""
    return [group for group in groups if group[0] <= when]


def finish(play: Play, days: int = 130) -> State:
    """What comes of the play if nothing is entered any more."""
    outcome = step.advance(play.terms, play.state, at(days))
    play.changes += outcome.changes
    play.state = outcome.state
    return outcome.state


def assert_terminated_after_suspension(play: Play) -> None:
    """WINDING at D+36 11:00 and TERMINATED with it."""
    assert play.when("arrangement", "WINDING") == [at(36, 11)]
    assert play.when("arrangement", "TERMINATED") == [at(36, 11)]
    assert play.state.arrangement.winding_by == "suspension"
    assert [play.tranche(tranche) for tranche in ("T4", "T5", "T6")] == ["FORFEITED"] * 3
    assert play.duty("C9") == "ACTIVE"


@pytest.mark.parametrize("refuted", [True, False])
def test_no_cure(refuted: bool) -> None:
    """No cure: D+36 11:00 WINDING → TERMINATED; T4–T6 FORFEITED, C2 BREACHED, C9 ACTIVE."""
    play = Play().groups(before(golden_groups(), at(24, 1)))
    for number in range(24, 40):
        if refuted:
            play.groups([(at(number + 1, 1), attest("m1 m2 m5", "k2", number, False))], skip_refused=True)
    play.seal(at(40))
    assert_terminated_after_suspension(play)
    assert play.duty("C2") == "BREACHED"
    assert play.duty("C1.A") == "DISCHARGED"
    assert play.duty("C5b") == "DISCHARGED"
    assert play.duty("T4.release") == "DISCHARGED"


def test_cured_but_never_resumed() -> None:
    """Cured but never resumed: the same end, C2 DISCHARGED with its remedied instance on record."""
    groups = keep_only(golden_groups(), lambda when, who, body: not isinstance(body, Resume))
    play = Play().groups(before(groups, at(37, 1)), skip_refused=True)
    assert_terminated_after_suspension(play)
    assert play.duty("C2") == "DISCHARGED"
    assert [instance.state for instance in play.state.duties["C2"].instances] == ["REMEDIED"]


def with_equivocation(groups: list[Group]) -> Play:
    """Play the groups, with evidence against m2 at D+12."""
    play = Play().groups(before(groups, at(11, 1)))
    play.say(at(12), "A", EQUIVOCATION, culprit="m2")
    play.seal(at(12))
    return play.groups([group for group in groups if group[0] > at(11, 1)], skip_refused=True)


def test_m2_equivocates() -> None:
    """m2 equivocates: p20–p23 UNKNOWN, a2 DISMISSED at D+23 11:00, never suspended, C2 UNVERIFIED, COMPLETED."""
    play = with_equivocation(golden_groups())
    assert play.state.arrangement.excluded == {"m2": at(12)}
    assert play.letters("k2")[20:24] == "UUUU"
    assert play.when(A2, "DISMISSED") == [at(23, 11)]
    assert play.when("arrangement", "SUSPENDED") == []
    assert [play.tranche(tranche) for tranche in ("T4", "T5", "T6")] == ["SETTLED"] * 3
    assert play.duty("C2") == "UNVERIFIED"
    assert play.when("arrangement", "COMPLETED") == [at(46, 1)]


def test_m2_equivocates_and_m3_saw_it_too() -> None:
    """If m3 attests false too, the arrangement's states are the golden ones."""

    def swapped(groups: list[Group]) -> list[Group]:
        out = []
        for when, entries in groups:
            extra: list[tuple[str, Body]] = [
                ("m3", body)
                for who, body in entries
                if who == "m2" and isinstance(body, Attest) and not body.value and body.period >= 20
            ]
            out.append((when, extra + entries))
        return out

    play, golden = with_equivocation(swapped(golden_groups())), Play().groups(golden_groups())
    told = [(change.at, change.before, change.after) for change in play.changes if change.subject == "arrangement"]
    assert told == [
        (change.at, change.before, change.after) for change in golden.changes if change.subject == "arrangement"
    ]
    assert play.state.duties == golden.state.duties


def test_b_is_silent() -> None:
    """B silent from D+10: C5a OVERDUE D+23 07:00, SUSPENDED D+30 07:00, TERMINATED D+44 08:00; A never in breach."""

    def wanted(when: int, who: str, body: Body) -> bool:
        if when < at(10):
            return True
        return not (
            who == "B"
            or (isinstance(body, Attest) and (body.claim in {"k5a", "k5b"} or not body.value))
            or (isinstance(body, Resume))
        )

    groups: list[Group] = []
    for when, entries in keep_only(golden_groups(), wanted):
        if when in {at(14, 10), at(15, 10), at(20, 10), at(22, 10)}:
            continue
        number = round((when - at(1, 1)) / DAY)
        clean = (
            [entry for entry in day(number) if entry not in entries] if number > 9 and when == at(number + 1, 1) else []
        )
        groups.append((when, clean + entries))
    play = Play().groups(before(groups, at(14, 1)))
    assert play.tranche("T3") == "READY"
    play.groups([group for group in groups if at(14, 1) < group[0] < at(46)], skip_refused=True)
    assert play.state.tranches["T3"].gate_at == at(14, 1)
    assert play.when("C5a", "OVERDUE") == [at(23, 7)]
    assert play.when("arrangement", "SUSPENDED") == [at(30, 7)]
    assert play.when("arrangement", "TERMINATED") == [at(44, 8)]
    assert play.tranche("T3") == "FORFEITED"
    mine = [duty for duty in play.state.duties if play.terms.duties.get(duty) and play.terms.duties[duty].debtor == "A"]
    mine += [duty for duty in play.state.duties if duty.endswith(".release")]
    assert not [c for c in play.changes if c.subject in mine and c.after == "BREACHED"]
    assert play.duty("C5a") == "BREACHED"
    assert play.duty("C5b") == "BREACHED"


def silent_m5(terms: Arrangement) -> Play:
    """m5 attests and determines nothing from p10 on."""

    def wanted(when: int, who: str, body: Body) -> bool:
        return who != "m5" or when <= at(10, 1) or not isinstance(body, (Attest, Determine))

    return Play(terms).groups(keep_only(golden_groups(), wanted), skip_refused=True)


def test_m5_is_silent_as_monitor() -> None:
    """m5 silent as monitor: p10 on UNKNOWN, HELD to the limit, allegations time out, T3–T6 FORFEITED, C2 UNVERIFIED."""
    play = silent_m5(golden_terms(keeper="A"))
    assert play.letters("k2") == "S" * 9 + "X" + "U" * 36
    assert play.when("arrangement", "HELD") == [at(14, 10)]
    assert at(17, 10) in play.when("arrangement", "EFFECTIVE")
    assert play.when(A1, "DISMISSED") == [at(17, 11)]
    assert play.when(A2, "DISMISSED") == [at(23, 11)]
    assert [play.tranche(f"T{number}") for number in range(3, 7)] == ["FORFEITED"] * 4
    assert play.duty("C2") == "UNVERIFIED"
    assert play.when("arrangement", "COMPLETED") == [at(47, 1)]


def test_m5_is_silent_as_keeper() -> None:
    """m5 silent as keeper: without a seal there is no ground, and a release's key stays away."""
    play = Play().groups(before(golden_groups(), at(14, 1)))
    play.say(at(14, 2), "A", Release(tranche="T3", wrapped="0" * 64))
    assert play.state.tranches["T3"].key_due is None
    assert play.state.clock.tau == at(14, 1)


def test_a_withdraws() -> None:
    """A withdraws at D+30 02:00: T4 SETTLED D+31; D+35 02:00 WINDING → TERMINATED; T5, T6 FORFEITED."""
    groups = golden_groups()
    play = Play().groups(before(groups, at(30, 1)))
    play.say(at(30, 2), "A", Withdraw())
    play.groups([group for group in groups if at(30, 2) < group[0] <= at(36, 1)], skip_refused=True)
    assert play.when("T4", "SETTLED") == [at(31, 1)]
    assert play.when("arrangement", "WINDING") == [at(35, 2)]
    assert play.when("arrangement", "TERMINATED") == [at(35, 2)]
    assert play.state.arrangement.winding_by == "withdrawal"
    assert [play.tranche(tranche) for tranche in ("T5", "T6")] == ["FORFEITED"] * 2
    assert play.duty("C5b") == "DISCHARGED"
    assert play.duty("C9") == "ACTIVE"


def test_unanswered_a1() -> None:
    """UNANSWERED alone decides nothing: without B's reply, a1 is still DISMISSED by the votes."""
    groups = keep_only(golden_groups(), lambda when, who, body: not isinstance(body, Respond))
    play = Play().groups(before(groups, at(16, 1)))
    assert play.state.allegations[A1].outcome == "DISMISSED"
    assert play.state.allegations[A1].answer == "UNANSWERED"
    assert play.when(A1, "UNANSWERED") == [at(15, 11)]
    assert finish(play).shown in {"COMPLETED", "TERMINATED"}
