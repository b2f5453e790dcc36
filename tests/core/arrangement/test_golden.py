"""The golden scenario: the states after every row of its table."""

from __future__ import annotations

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.causes import Actors
from armslength.core.canonical import canonical, digest
from tests.core.arrangement.play import Play
from tests.golden.terms import A1, A2, D, at, golden_groups, golden_terms


@pytest.fixture(scope="module")
def played() -> dict[int, Play]:
    """A snapshot of the play after each group, by time."""
    play = Play()
    shots: dict[int, Play] = {}
    for group in golden_groups():
        play.groups([group])
        shot = Play(play.terms)
        shot.state, shot.changes = play.state, list(play.changes)
        shots[group[0]] = shot
    return shots


def later(play: Play) -> list[str]:
    """T3 to T6 as shown."""
    return [play.tranche(f"T{number}") for number in range(3, 7)]


def test_both_sign(played: dict[int, Play]) -> None:
    """D−3: SIGNED."""
    assert played[at(-3)].shown == "SIGNED"


def test_first_tranche(played: dict[int, Play]) -> None:
    """D: EFFECTIVE, T1 SETTLED, and C9 runs from T1 on."""
    play = played[at(0)]
    assert play.shown == "EFFECTIVE"
    assert play.state.arrangement.effective_at == D
    assert play.tranche("T1") == "SETTLED"
    assert play.duty("T1.release") == "FULFILLED"
    assert play.duty("C9") == "ACTIVE"
    assert [play.duty(duty) for duty in ("C1.A", "C1.B", "C2", "C6.A", "C6.B")] == ["ACTIVE"] * 5
    assert [play.duty(duty) for duty in ("C5a", "C5b")] == ["PENDING"] * 2


def test_second_gate(played: dict[int, Play]) -> None:
    """D+7 01:00: seven clean days make T2 READY, and B acknowledges its ciphertext; a day before it is LOCKED."""
    assert played[at(6, 1)].tranche("T2") == "LOCKED"
    play = played[at(7, 1)]
    assert play.when("T2", "READY") == [at(7, 1)]
    assert play.tranche("T2") == "DELIVERED"
    assert play.duty("T2.release") == "ACTIVE"


def test_late_release(played: dict[int, Play]) -> None:
    """D+9 02:00 the release duty is OVERDUE; D+9 06:00 it is CURED, and C5 is due."""
    assert played[at(9, 1)].duty("T2.release") == "ACTIVE"
    assert played[at(9, 2)].duty("T2.release") == "OVERDUE"
    assert played[at(9, 2)].when("T2.release", "OVERDUE") == [at(9, 2)]
    play = played[at(9, 6)]
    assert play.tranche("T2") == "SETTLED"
    assert play.duty("T2.release") == "CURED"
    assert play.state.duties["C5a"].due == at(23, 6)
    assert play.state.duties["C5b"].due == at(39, 6)


def test_notified_flight(played: dict[int, Play]) -> None:
    """D+10 01:00: the notified flight excuses p9, and C2 stays ACTIVE."""
    assert played[at(9, 10)].letters("k2") == "S" * 9
    play = played[at(10, 1)]
    assert play.letters("k2") == "S" * 9 + "X"
    assert play.duty("C2") == "ACTIVE"


def test_third_gate(played: dict[int, Play]) -> None:
    """D+14 01:00: p7–p13, the excused one among them, make T3 READY and DELIVERED."""
    assert played[at(14, 1)].tranche("T3") == "DELIVERED"
    assert played[at(14, 1)].when("T3", "READY") == [at(14, 1)]


def test_allegation_with_hold(played: dict[int, Play]) -> None:
    """D+14 10:00: a1 is DENIED and OPEN, the arrangement HELD, T3–T6 WITHHELD."""
    play = played[at(14, 10)]
    allegation = play.state.allegations[A1]
    assert (allegation.answer, allegation.outcome, allegation.holding) == ("DENIED", "OPEN", True)
    assert play.shown == "HELD"
    assert later(play) == ["WITHHELD"] * 4
    assert play.state.tranches["T3"].withheld == ("held",)
    assert play.duty("C2") == "ACTIVE"


def test_dismissal(played: dict[int, Play]) -> None:
    """D+15 10:00: a1 DISMISSED, EFFECTIVE again, one hold used; T3 released in time and SETTLED."""
    play = played[at(15, 10)]
    assert play.state.allegations[A1].outcome == "DISMISSED"
    assert play.shown == "EFFECTIVE"
    assert play.state.arrangement.holds_used == {"A": 1}
    assert play.letters("k2")[14] == "S"
    assert later(play) == ["SETTLED", "LOCKED", "LOCKED", "LOCKED"]
    assert play.duty("T3.release") == "FULFILLED"


def test_nominations(played: dict[int, Play]) -> None:
    """D+16 09:00: C5a FULFILLED."""
    assert played[at(16, 1)].duty("C5a") == "ACTIVE"
    assert played[at(16, 9)].duty("C5a") == "FULFILLED"


def test_violation(played: dict[int, Play]) -> None:
    """D+20 10:00: a2 DENIED and UPHELD, C2 OVERDUE, T4–T6 WITHHELD, nothing held."""
    play = played[at(20, 10)]
    allegation = play.state.allegations[A2]
    assert (allegation.answer, allegation.outcome, allegation.holding) == ("DENIED", "UPHELD", False)
    assert play.duty("C2") == "OVERDUE"
    assert later(play) == ["SETTLED", "WITHHELD", "WITHHELD", "WITHHELD"]
    assert play.state.tranches["T4"].withheld == ("condition",)
    assert play.shown == "EFFECTIVE"
    assert play.state.arrangement.holds_used == {"A": 1}


def test_breach(played: dict[int, Play]) -> None:
    """D+22 10:00: C2 BREACHED, SUSPENDED at once, with the reason."""
    assert played[at(22, 1)].duty("C2") == "OVERDUE"
    play = played[at(22, 10)]
    assert play.duty("C2") == "BREACHED"
    assert play.shown == "SUSPENDED"
    assert play.state.tranches["T4"].withheld == ("condition", "suspended")
    suspension = play.state.arrangement.suspension
    assert suspension is not None
    assert (suspension.since, suspension.duties) == (at(22, 10), ("C2",))
    decided = next(change for change in play.changes if change.subject == "k2#21" and change.rule == "claim.refuted")
    assert decided.cause == (Actors(("m1", "m2", "m5")),)


def test_resumption(played: dict[int, Play]) -> None:
    """D+26 10:00: the instance is REMEDIED, C2 runs, EFFECTIVE; C5b is still due D+39."""
    play = played[at(26, 1)]
    assert play.shown == "SUSPENDED"
    play = played[at(26, 10)]
    assert [(i.first, i.state, i.broke) for i in play.state.duties["C2"].instances] == [(20, "REMEDIED", 21)]
    assert play.duty("C2") == "ACTIVE"
    assert play.shown == "EFFECTIVE"
    assert play.state.duties["C5b"].due == at(39, 6)
    assert later(play)[1:] == ["LOCKED"] * 3


@pytest.mark.parametrize(("days", "tranche"), [(31, "T4"), (38, "T5"), (45, "T6")])
def test_weekly_tranches(played: dict[int, Play], days: int, tranche: str) -> None:
    """D+31, D+38, D+45: T4, T5, T6 SETTLED, each in time."""
    assert played[at(days - 1, 1)].tranche(tranche) == "LOCKED"
    assert played[at(days, 1)].tranche(tranche) == "SETTLED"
    assert played[at(days, 1)].duty(f"{tranche}.release") == "FULFILLED"


def test_first_session(played: dict[int, Play]) -> None:
    """D+38 09:00: C5b FULFILLED."""
    assert played[at(38, 9)].duty("C5b") == "FULFILLED"


def test_end(played: dict[int, Play]) -> None:
    """D+46 01:00: C2 REMEDIED, COMPLETED; the instant of the end itself decides nothing."""
    assert played[at(46)].shown == "EFFECTIVE"
    play = played[at(46, 1)]
    assert play.shown == "COMPLETED"
    duties = {duty: state.state for duty, state in play.state.duties.items() if not duty.endswith(".release")}
    assert duties == {
        "C1.A": "FULFILLED",
        "C1.B": "FULFILLED",
        "C2": "REMEDIED",
        "C5a": "FULFILLED",
        "C5b": "FULFILLED",
        "C6.A": "FULFILLED",
        "C6.B": "FULFILLED",
        "C9": "ACTIVE",
    }


def test_surviving_duty(played: dict[int, Play]) -> None:
    """C9 is ACTIVE to D+76; nothing attested makes it OVERDUE an hour later and BREACHED seven days after that."""
    play = played[at(76)]
    assert play.duty("C9") == "ACTIVE"
    assert step.next_deadline(play.terms, play.state) == at(76, 1)
    after = step.advance(play.terms, play.state, at(90))
    assert [(change.at, change.after) for change in after.changes] == [
        (at(76, 1), "OVERDUE"),
        (at(83, 1), "BREACHED"),
    ]
    assert after.state.shown == "COMPLETED"


def test_root_is_canonical(played: dict[int, Play]) -> None:
    """The state root is the digest of the canonical form, at every group (rule 1.6b)."""
    for play in played.values():
        assert step.state_root(play.state) == digest(canonical(play.state))


def test_roots_are_those_of_the_format(played: dict[int, Play]) -> None:
    """The state roots after all groups, and what the timeline is made of, are the same bytes as ever (rule 1.6b)."""
    roots = "\n".join(step.state_root(play.state) for play in played.values())
    assert digest(roots.encode()) == "5cb13a4c188cfc6af4e38b5101b3d8d860ec184f181eb7479b0cb75c647e0d98"
    last = max(played)
    changes = digest(canonical(played[last].changes))
    assert changes == "8795621f60f4a54b6112bf1130c1fbbdc12d1171fdb634d615199b523377354a"


def test_party_as_keeper_comes_to_the_same() -> None:
    """With a party as keeper the states are the same, group by group."""
    neutral, party = Play(), Play(golden_terms(keeper="A"))
    for group in golden_groups():
        neutral.groups([group])
        party.groups([group])
        assert party.state == neutral.state
