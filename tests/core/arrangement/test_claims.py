"""Claims: attestations, quorums, notices, and how a period is decided."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.bodies import Attest, Evidence, Notice, Waive
from armslength.core.arrangement.causes import Actors
from armslength.core.arrangement.terms import Excuse
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import END, GRACE, D, achieve, attest, begun, event, maintain, start, state_claim

TRUE, FALSE = Attest(claim="k", period=1, value=True), Attest(claim="k", period=1, value=False)


def with_claim(**changes: object) -> Play:
    """One state claim k that shows Q's duty d."""
    return begun(claims={"k": state_claim(**changes)}, duties={"d": maintain("k", consequence="record")})


def with_excuse() -> Play:
    """The claim k with the excuse claim x and a lead of 20."""
    return begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=20)), "x": state_claim()},
        duties={"d": maintain("k", consequence="record")},
    )


def test_false_from_the_start_true_from_the_end() -> None:
    """False may be said during a period, true only from its end on (rule 3.1b)."""
    play = with_claim()
    assert "2" in play.refused("early", start(1) - 1, "n1", FALSE)
    play.say(start(1), "n1", FALSE)
    play.refused("early", start(2) - 1, "n2", TRUE)
    play.say(start(2), "n2", TRUE)


def test_quorum_decides_for_good() -> None:
    """The first quorum decides; later attestations are recorded and change nothing (rule 3.1d)."""
    play = with_claim()
    attest(play, start(1.5), "k", 1, False)
    assert play.letters("k") == ".R"
    state = play.state
    play.say(start(1.5), "n3", FALSE)
    play.say(start(1.5), "n1", FALSE)
    assert play.state.claims == state.claims


def test_supersedes_replaces_until_decided() -> None:
    """Before the decision an attestation that names the author's earlier one replaces it; without it is a repeat
    (rule 3.1e)."""
    play = with_claim()
    play.say(start(1.5), "n1", FALSE, entry="a" * 64)
    assert "a" * 64 in play.refused("repeat", start(1.6), "n1", FALSE)
    play.refused("repeat", start(1.6), "n1", Attest(claim="k", period=1, value=False, supersedes="b" * 64))
    play.refused("unknown", start(1.6), "n2", Attest(claim="k", period=1, value=False, supersedes="a" * 64))
    play.say(start(2), "n1", Attest(claim="k", period=1, value=True, supersedes="a" * 64))
    play.say(start(2), "n2", FALSE)
    assert play.letters("k") == ""
    play.say(start(2), "n3", TRUE)
    assert play.letters("k") == ".S"


def test_group_minima_and_inclusion_hold_for_both_sides() -> None:
    """A quorum needs each group's minimum and all that it includes, for true and for false (rule 3.1c)."""
    for changes in ({"groups": {"neutral": 1}}, {"including": ("n3",)}):
        for value in (True, False):
            play = with_claim(**changes)
            attest(play, start(2), "k", 1, value)
            assert play.letters("k") == ""
            attest(play, start(2), "k", 1, value, "n3")
            assert play.letters("k") == "." + ("S" if value else "R")


def test_unknown_at_report_by_plus_grace() -> None:
    """An undecided period is UNKNOWN at reportBy + grace, at that instant; an entry in time still counts
    (rule 3.2a)."""
    play = with_claim()
    play.say(start(1.2), "n1", Attest(claim="k", period=0, value=True))
    play.seal(start(2) + GRACE - 1)
    play.say(start(2), "n2", Attest(claim="k", period=0, value=True))
    assert play.letters("k") == "S"
    play.seal(start(4.5))
    assert play.letters("k") == "SUU"
    assert play.when("k#1", "UNKNOWN") == [start(3) + GRACE]
    assert play.duty("d") == "ACTIVE"


def test_last_period_is_cut_at_the_end() -> None:
    """The last period ends with the term, and there is none after it (rule 3.1a)."""
    play = with_claim(period=400)
    play.refused("unknown", END, "n1", Attest(claim="k", period=3, value=True))
    play.refused("unknown", END, "n1", Attest(claim="k", period=-1, value=False))
    play.refused("early", END - 1, "n1", Attest(claim="k", period=2, value=True))
    attest(play, END, "k", 2, True)
    assert play.letters("k")[2] == "S"


def test_offset_moves_the_anchor() -> None:
    """Periods count from D + offset."""
    play = with_claim(offset=50)
    play.refused("early", D + 49, "n1", Attest(claim="k", period=0, value=False))
    play.say(D + 50, "n1", Attest(claim="k", period=0, value=False))


def test_event_is_one_period_without_end() -> None:
    """An event may be true or false from its anchor on; a quorum of false refutes it for good (rule 3.1a)."""
    play = begun(claims={"k": event(), "j": event(report_by=100)})
    attest(play, D, "k", 0, False)
    assert play.letters("k") == "R"
    play.seal(D + 100 + GRACE)
    assert play.letters("j") == "U"
    play.refused("unknown", D + 100, "n1", Attest(claim="j", period=1, value=True))


def test_only_monitors_attest() -> None:
    """Others are refused, by name."""
    play = with_claim()
    assert "P" in play.refused("authority", start(2), "P", TRUE)
    play.refused("unknown", start(2), "n1", Attest(claim="nope", period=0, value=True))


def test_equivocator_counts_no_more() -> None:
    """From the evidence on the author counts in no undecided period; decided ones stand, and k is not lowered
    (rule 1.4c)."""
    play = with_claim()
    attest(play, start(1), "k", 0, True)
    play.say(start(2), "n1", TRUE)
    play.say(start(2), "P", Evidence(kind="equivocation", first="", second=""), culprit="n1")
    assert play.letters("k") == "S"
    play.say(start(2), "n2", TRUE)
    play.say(start(2), "n1", Attest(claim="k", period=2, value=False))
    assert play.letters("k") == "S"
    assert set(play.state.claims["k"].open) == {"1"}
    play.say(start(2), "n3", TRUE)
    assert play.letters("k") == "SS"
    play.refused("repeat", start(2), "Q", Evidence(kind="equivocation", first="", second=""), culprit="n1")
    play.say(start(2), "Q", Evidence(kind="fork", first="", second=""), culprit="N")
    assert play.state.arrangement.excluded == {"n1": start(2)}


def notice(period: float, length: int = 10) -> Notice:
    """An exception to k within a period."""
    return Notice(claim="k", start=start(period), end=start(period) + length, text="")


def test_excuse_makes_a_period_excused() -> None:
    """Timely notice and excuse claim SUPPORTED: EXCUSED, before any quorum on the claim (rule 3.3b)."""
    play = with_excuse()
    play.say(start(1) - 20, "Q", notice(1))
    attest(play, start(2), "x", 1, True)
    assert play.letters("k") == ".X"
    assert play.rules("k#1") == ["claim.excused"]


def test_one_excuse_claim_may_serve_several() -> None:
    """Two claims with one excuse claim are both excused by it, each by its own notice."""
    excuse = Excuse(claim="x", lead=20)
    play = begun(
        claims={"k": state_claim(excuse=excuse), "l": state_claim(excuse=excuse), "x": state_claim()},
        duties={"d": maintain("k", consequence="record"), "e": maintain("l", consequence="record")},
    )
    for claim in "kl":
        play.say(start(1) - 20, "Q", Notice(claim=claim, start=start(1), end=start(1) + 5, text=""))
    attest(play, start(2), "x", 1, True)
    assert (play.letters("k"), play.letters("l")) == (".X", ".X")


@pytest.mark.parametrize(("late", "letter"), [(0, ""), (1, ".R")])
def test_refutation_waits_for_the_excuse(late: int, letter: str) -> None:
    """While a timely notice overlaps, a quorum of false waits; a late notice excuses nothing (rule 3.3c)."""
    play = with_excuse()
    play.say(start(1) - 20 + late, "Q", notice(1))
    attest(play, start(1.5), "k", 1, False)
    assert play.letters("k") == letter
    attest(play, start(2), "x", 1, True)
    assert play.letters("k") == (letter or ".X")


def test_failed_excuse_refutes() -> None:
    """The excuse REFUTED lets the waiting quorum through, at that instant."""
    play = with_excuse()
    play.say(start(1) - 20, "Q", notice(1))
    attest(play, start(1.5), "k", 1, False)
    attest(play, start(1.7), "x", 1, False)
    assert play.when("k#1", "REFUTED") == [start(1.7)]
    assert play.rules("k#1") == ["claim.waited"]


def test_undecided_excuse_refutes_at_report_by() -> None:
    """Excuse undecided at reportBy: REFUTED if a quorum waits, else UNKNOWN (rule 3.3c)."""
    play = with_excuse()
    play.say(start(1) - 20, "Q", notice(1, 110))
    attest(play, start(1.5), "k", 1, False)
    play.seal(start(4.5))
    assert play.letters("k") == "URU"
    assert play.when("k#1", "REFUTED") == [start(3) + GRACE]


def test_support_needs_no_excuse() -> None:
    """A quorum of true decides in spite of a notice."""
    play = with_excuse()
    play.say(start(1) - 20, "Q", notice(1))
    attest(play, start(2), "k", 1, True)
    assert play.letters("k") == ".S"


def test_notice_touches_only_overlapping_periods() -> None:
    """An interval that ends where a period begins does not overlap it (rule 3.3a)."""
    play = with_excuse()
    play.say(start(1) - 50, "Q", Notice(claim="k", start=start(1), end=start(2), text=""))
    attest(play, start(2.05), "k", 2, False)
    assert play.letters("k") == "..R"


def test_notice_after_the_excuse_was_decided() -> None:
    """A notice in time by its stamp excuses, although the excuse was decided before it arrived."""
    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=0)), "x": event()},
        duties={"d": maintain("k", consequence="record")},
    )
    attest(play, start(0.5), "x", 0, True)
    play.say(start(0.5), "Q", notice(0.6))
    assert play.letters("k") == "X"


def test_notices_are_refused() -> None:
    """Only the debtor notifies, for a claim with exceptions, an interval that has a length."""
    play = with_excuse()
    play.refused("authority", D, "P", notice(3))
    play.refused("unknown", D, "Q", Notice(claim="nope", start=1, end=2, text=""))
    play.refused("mismatch", D, "Q", notice(3, 0))
    plain = with_claim()
    plain.refused("state", D, "Q", notice(3))


def test_causes_name_who_said_so() -> None:
    """The cause of a decision names the monitors, the value and the period."""
    play = with_claim()
    attest(play, start(1.5), "k", 1, False, "n3 n1")
    assert (Actors(("n1", "n3")),) in [change.cause for change in play.changes]


# --- between reportBy and its firing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seal", [False, True])
def test_what_is_said_past_report_by_changes_nothing(seal: bool) -> None:
    """An attestation past reportBy is recorded, whether or not a seal has worked time past the firing before
    (rule 3.2b)."""
    play = with_claim()
    play.say(start(1), "n1", Attest(claim="k", period=0, value=True), entry="a" * 64)
    if seal:
        play.seal(start(2) + GRACE)
    play.say(start(2) + 1, "n2", Attest(claim="k", period=0, value=True))
    play.say(start(2) + 1, "n1", Attest(claim="k", period=0, value=False, supersedes="a" * 64))
    play.say(start(2) + 1, "n1", Attest(claim="k", period=0, value=False))
    play.seal(start(2) + GRACE)
    assert play.letters("k") == "U"
    assert play.when("k#0", "UNKNOWN") == [start(2) + GRACE]


@pytest.mark.parametrize("seal", [False, True])
def test_event_is_unknown_past_its_report_by(seal: bool) -> None:
    """The same for an event."""
    play = begun(claims={"k": event(report_by=100)})
    if seal:
        play.seal(D + 100 + GRACE)
    attest(play, D + 101, "k", 0, True)
    play.seal(D + 100 + GRACE)
    assert play.letters("k") == "U"


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("seal", [False, True])
def test_excuse_decided_past_the_period_s_report_by(seal: bool, value: bool) -> None:
    """An excuse claim that has longer to report, decided past the period's own reportBy: the waiting quorum has won."""
    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=20)), "x": state_claim(report_by=300)},
        duties={"d": maintain("k", consequence="record")},
    )
    play.say(start(1) - 20, "Q", notice(1))
    attest(play, start(1.5), "k", 1, False)
    if seal:
        play.seal(start(3) + GRACE)
    attest(play, start(3) + 1, "x", 1, value)
    play.seal(start(3) + GRACE)
    assert play.letters("k")[1] == "R"
    assert play.when("k#1", "REFUTED") == [start(3) + GRACE]


@pytest.mark.parametrize("seal", [False, True])
def test_notice_past_an_event_s_report_by(seal: bool) -> None:
    """A notice cannot excuse what was to be reported before it."""
    play = begun(
        claims={"k": event(report_by=100, excuse=Excuse(claim="x", lead=0)), "x": event()},
        duties={"d": achieve("k", consequence="record")},
    )
    attest(play, D + 50, "x", 0, True)
    if seal:
        play.seal(D + 100 + GRACE)
    play.say(D + 101, "Q", Notice(claim="k", start=D + 101, end=D + 200, text=""))
    play.seal(D + 100 + GRACE)
    assert play.letters("k") == "U"


@pytest.mark.parametrize("seal", [False, True])
def test_exclusion_past_report_by_takes_no_votes(seal: bool) -> None:
    """A quorum that waited until reportBy stands, if its author is excluded between then and the firing."""
    play = with_excuse()
    play.say(start(1) - 20, "Q", notice(1))
    attest(play, start(1.5), "k", 1, False)
    if seal:
        play.seal(start(3) + GRACE)
    play.say(start(3) + 1, "P", Evidence(kind="equivocation", first="", second=""), culprit="n1")
    play.seal(start(3) + GRACE)
    assert play.letters("k") == "UR"


def test_excuse_decided_too_late_excuses_nothing_that_arrives_later() -> None:
    """An excuse claim decided past the period's reportBy is none, whatever is still on its way with an earlier time."""
    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=20)), "x": state_claim(report_by=300)},
        duties={"d": maintain("k", consequence="record")},
    )
    play.say(start(1) - 20, "Q", notice(1))
    attest(play, start(3) + 5, "x", 1, True)
    attest(play, start(3) - 2, "k", 1, False)
    assert "R" not in play.letters("k")  # what waits for an excuse does so until reportBy (rule 3.3)
    play.seal(start(3) + GRACE)
    assert play.letters("k")[1] == "R"


def test_attestations_of_the_instant_of_completion() -> None:
    """What is said at the instant at which all is complete counts in either order (rule 3.2b)."""
    states = []
    for first, second in (("k", "e"), ("e", "k")):
        play = begun(
            claims={"k": state_claim(), "e": event()},
            duties={"d": maintain("k", consequence="record"), "a": achieve("e", consequence="record")},
        )
        attest(play, start(4), "e", 0, False, "n3")
        play.say(start(4), "P", Waive(duty="a"))
        for number in range(9):
            attest(play, start(number + 1), "k", number, True)
        for claim in (first, second):
            attest(play, END, claim, 9 if claim == "k" else 0, True)
        assert play.shown == "COMPLETED"
        states.append(play.state)
    assert states[0] == states[1]
