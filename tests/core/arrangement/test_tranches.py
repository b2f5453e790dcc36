"""Tranches: content, delivering, release, key, settlement; withholding, forfeiture, the release duty."""

from __future__ import annotations

import dataclasses

import pytest

from armslength.core.arrangement.bodies import Ack, Allege, Determine, Key, Waive, Withdraw
from armslength.core.arrangement.terms import Allegations, AllOf, AnyOf, CleanRun, Due
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import (
    DISPUTE,
    END,
    GRACE,
    OK,
    D,
    achieve,
    answer,
    attest,
    begun,
    clear,
    content,
    delivered,
    delivering,
    event,
    given,
    judge,
    maintain,
    release_and_key,
    start,
    state_claim,
    terms,
    tranche,
    when,
)


def play_of(**changes: object) -> Play:
    """One tranche t from P to Q, open from D."""
    return begun(tranches={"t": tranche(**changes)})


# --- the way to SETTLED -----------------------------------------------------------------------------------------------


def test_whole_way() -> None:
    """LOCKED → READY → DELIVERED → RELEASED → SETTLED, the release duty with it (rules 6.1a, 6.3a)."""
    play = play_of()
    assert play.tranche("t") == "LOCKED"
    assert play.state.tranches["t"].gate_at == D
    delivered(play, D + 10)
    assert play.duty("t.release") == "ACTIVE"
    assert play.state.tranches["t"].recipient_key == delivering("t").key
    given(play, D + 20)
    assert play.tranche("t") == "RELEASED"
    assert play.state.tranches["t"].key_due == D + 40
    play.say(D + 30, "Q", answer("t", OK))
    assert play.rules("t") == ["tranche.ready", "tranche.delivered", "tranche.released", "tranche.settled"]
    assert play.duty("t.release") == "FULFILLED"


def test_exactly_one_commit_of_the_right_kind() -> None:
    """Content is committed once, before READY, within the size and the media types (rule 6.2a)."""
    play = play_of(gate=when("start", 100))
    big = dataclasses.replace(content("t"), size=10_001)
    assert "10000" in play.refused("limit", D, "P", big)
    play.refused("limit", D, "P", dataclasses.replace(content("t"), media_type="text/html"))
    play.refused("authority", D, "Q", content("t"))
    play.refused("unknown", D, "P", content("u"))
    play.say(D, "P", content("t"))
    play.refused("repeat", D, "P", content("t"))
    assert play.state.tranches["t"].agreement == content("t").agreement


def test_key_only_once_a_seal_covers_the_release() -> None:
    """A key that comes early is refused, as is another than the release named, and a second one (rule 6.3d)."""
    play = play_of()
    delivered(play, D + 10)
    release, key = release_and_key("t")
    play.refused("state", D + 10, "P", key)
    play.say(D + 20, "P", release)
    play.refused("early", D + 20, "P", key)
    play.seal(D + 25)
    play.refused("mismatch", D + 26, "P", Key(tranche="t", wrapped="AAAA"))
    play.refused("mismatch", D + 26, "P", Key(tranche="t", wrapped="not base64"))
    play.refused("state", D + 26, "Q", answer("t", OK))
    play.say(D + 26, "P", key)
    play.refused("repeat", D + 26, "P", key)
    play.seal(D + 90)
    assert play.state.tranches["t"].key_due == D + 45


def test_silence_settles() -> None:
    """Silence after the key settles at ackBy + grace (rule 6.3e)."""
    play = play_of()
    delivered(play, D + 10)
    given(play, D + 20)
    play.seal(END - 1)
    assert play.when("t", "SETTLED") == [D + 20 + 60 + GRACE]
    assert play.duty("t.release") == "FULFILLED"


def test_malformed_acknowledgements() -> None:
    """An acknowledgement has the fields of its stage and no others."""
    play = play_of()
    play.say(D, "P", content("t"))
    play.refused("unknown", D, "Q", Ack(tranche="t", stage="other"))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="cipher"))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="cipher", key="k", ok=True))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="cipher", key="k", evidence="e"))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="plain", ok=True, key="k"))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="plain", ok=False, evidence="e", key="k"))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="plain"))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="plain", ok=True, evidence="e"))
    play.refused("mismatch", D, "Q", Ack(tranche="t", stage="plain", ok=False))
    play.refused("authority", D, "P", delivering("t"))


# --- the release duty -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release_at", "key_at", "states"),
    [
        (110, 130, ["ACTIVE", "FULFILLED"]),
        (111, 120, ["ACTIVE", "OVERDUE", "CURED"]),
        (125, 130, ["ACTIVE", "OVERDUE", "CURED"]),
        (110, 131, ["ACTIVE", "OVERDUE", "CURED"]),
        (110, 145, ["ACTIVE", "OVERDUE", "CURED"]),
        (150, 160, ["ACTIVE", "OVERDUE", "CURED"]),
        (150, 161, ["ACTIVE", "OVERDUE", "BREACHED"]),
        (110, None, ["ACTIVE", "OVERDUE", "BREACHED"]),
        (None, None, ["ACTIVE", "OVERDUE", "BREACHED"]),
    ],
)
def test_release_and_key_in_time(release_at: int | None, key_at: int | None, states: list[str]) -> None:
    """On time is release ≤ due (110) and key ≤ keyBy of the seal; else OVERDUE, CURED within the cure, BREACHED
    (rule 6.4a)."""
    play = play_of()
    delivered(play, D + 10)
    release, key = release_and_key("t")
    if release_at is not None:
        play.say(D + release_at, "P", release)
        play.seal(D + release_at)
    if key_at is not None:
        play.say(D + key_at, "P", key)
        play.say(D + key_at, "Q", answer("t", OK))
    play.seal(D + 400)
    assert [change.after for change in play.changes if change.subject == "t.release"] == states
    assert (play.tranche("t") == "SETTLED") is (key_at is not None)


def test_late_key_has_its_own_cure() -> None:
    """OVERDUE for the key: the cure counts from keyBy (rule 6.4a)."""
    play = play_of()
    delivered(play, D + 10)
    play.say(D + 100, "P", release_and_key("t")[0])
    play.seal(D + 105)
    play.seal(D + 300)
    assert play.when("t.release", "OVERDUE") == [D + 125 + GRACE]
    assert play.when("t.release", "BREACHED") == [D + 175 + GRACE]


def test_after_the_key_no_deadline_is_left() -> None:
    """OVERDUE with the key placed in the cure waits for the recipient's answer, however long (rule 6.4a)."""
    play = play_of(ack_by=500)
    delivered(play, D + 10)
    play.seal(D + 125)
    given(play, D + 130)
    play.seal(D + 500)
    assert play.duty("t.release") == "OVERDUE"
    play.seal(D + 700)
    assert play.duty("t.release") == "CURED"


def test_breach_lets_the_recipient_withdraw_at_once() -> None:
    """After a breach of the release duty the recipient needs no notice; the provider does (rule 6.4d)."""
    play = play_of()
    delivered(play, D + 10)
    play.seal(D + 300)
    assert play.duty("t.release") == "BREACHED"
    assert play.tranche("t") == "DELIVERED"
    play.say(D + 300, "P", Withdraw())
    assert play.shown == "EFFECTIVE"
    play.say(D + 301, "Q", Withdraw())
    assert play.shown == "TERMINATED"
    assert play.tranche("t") == "FORFEITED"


def test_breached_release_may_still_come() -> None:
    """A tranche whose release duty is BREACHED may still be released; the breach stays."""
    play = play_of()
    delivered(play, D + 10)
    play.seal(D + 300)
    given(play, D + 310)
    play.say(D + 310, "Q", answer("t", OK))
    assert play.tranche("t") == "SETTLED"
    assert play.duty("t.release") == "BREACHED"


def test_recipient_waives_the_release() -> None:
    """The recipient is the release duty's creditor."""
    play = play_of()
    delivered(play, D + 10)
    play.refused("authority", D + 10, "P", Waive(duty="t.release"))
    play.say(D + 10, "Q", Waive(duty="t.release"))
    assert play.duty("t.release") == "DISCHARGED"
    play.seal(END)
    assert play.tranche("t") == "FORFEITED"
    assert play.shown == "COMPLETED"


def test_release_in_time_is_waived_while_no_seal_covers_it() -> None:
    """Its key is not due yet, so that no deadline of the provider has passed."""
    play = play_of(release_by=20, release_cure=10)
    delivered(play, D)
    play.say(D + 5, "P", release_and_key("t")[0])
    play.say(D + 60, "Q", Waive(duty="t.release"))
    assert play.duty("t.release") == "DISCHARGED"


# --- withholding ------------------------------------------------------------------------------------------------------


def conditional(**changes: object) -> Play:
    """Tranche t under the condition that Q's duty d (record only) is clear; P's duty p too."""
    return begun(
        claims={"k": state_claim(report_by=900), "j": state_claim(report_by=900)},
        duties={"d": maintain("k", "Q", consequence="record"), "p": maintain("j", "P", consequence="record")},
        tranches={"t": tranche(**{"continuous": clear("d", "p"), "release_by": 400} | changes)},
    )


def test_condition_withholds_and_gives_back() -> None:
    """WITHHELD while the continuous condition is false, at any stage; back to where it was (rule 6.1b)."""
    play = conditional()
    attest(play, D + 10, "k", 0, False)
    assert play.tranche("t") == "WITHHELD"
    play.say(D + 10, "P", content("t"))
    assert play.state.tranches["t"].stage == "LOCKED"
    attest(play, start(2), "k", 1, True)
    attest(play, start(3), "k", 2, True)
    assert play.tranche("t") == "READY"
    play.say(start(3), "Q", delivering("t"))
    attest(play, start(3), "k", 3, False)
    assert play.tranche("t") == "WITHHELD"
    assert "d is OVERDUE" in play.refused("state", start(3), "P", release_and_key("t")[0])


def test_no_stage_is_gained_while_withheld() -> None:
    """While WITHHELD nothing is delivered, and the gate does not latch (rule 6.1c)."""
    play = conditional(gate=when("start", 50))
    play.say(D, "P", content("t"))
    attest(play, D + 10, "k", 0, False)
    play.seal(D + 60)
    assert play.state.tranches["t"].gate_at is None
    play.refused("state", D + 60, "Q", delivering("t"))
    attest(play, start(2), "k", 1, True)
    attest(play, start(3), "k", 2, True)
    assert play.state.tranches["t"].gate_at == start(3)


def test_released_is_for_ever() -> None:
    """A false condition after the release changes nothing; the key still comes (rule 6.1d)."""
    play = conditional()
    delivered(play, D)
    release, key = release_and_key("t")
    play.say(D, "P", release)
    attest(play, D + 10, "k", 0, False)
    assert play.tranche("t") == "RELEASED"
    play.seal(D + 10)
    play.say(D + 10, "P", key)


def test_release_duty_stands_still_while_withheld() -> None:
    """The release duty freezes while WITHHELD by the other side, and gets its time back (rule 6.4c)."""
    play = conditional()
    delivered(play, D)
    attest(play, D + 10, "k", 0, False)
    assert play.state.duties["t.release"].frozen_at == D + 10
    attest(play, start(2), "k", 1, True)
    attest(play, start(3), "k", 2, True)
    assert play.state.duties["t.release"].due == D + 400 + 290


def test_own_fault_stops_no_clock() -> None:
    """WITHHELD by the provider's own fault, the release duty runs on, other reasons or not (rule 6.4c)."""
    play = conditional()
    delivered(play, D)
    attest(play, D + 10, "j", 0, False)
    assert play.tranche("t") == "WITHHELD"
    assert play.state.duties["t.release"].frozen_at is None
    attest(play, D + 20, "k", 0, False)
    assert play.state.duties["t.release"].frozen_at is None


def test_own_breach_suspends_and_stops_no_clock() -> None:
    """SUSPENDED by the provider's own breach: its release duty runs on; by the recipient's: it is paused."""
    for debtor, frozen in (("P", None), ("Q", D + 70)):
        play = begun(
            claims={"e": event()},
            duties={"d": achieve("e", debtor, due=Due(anchor="start", after=40), cure=20)},
            tranches={"t": tranche()},
        )
        delivered(play, D)
        play.seal(D + 80)
        assert play.tranche("t") == "WITHHELD"
        assert play.state.duties["t.release"].frozen_at == frozen


# --- allegations of a tranche -----------------------------------------------------------------------------------------


def test_undelivered_tranche_may_be_alleged() -> None:
    """Not DELIVERED within deliverBy of its gate: the recipient, and nobody else, may allege it, and not before
    (rule 6.4b)."""
    play = play_of()
    body = Allege(tranche="t", text="")
    play.refused("early", D + 100, "Q", body)
    play.refused("authority", D + 101, "P", body)
    play.refused("unknown", D + 101, "Q", Allege(tranche="u"))
    play.say(D + 101, "Q", body)
    play.refused("repeat", D + 102, "Q", body)
    for voter in ("N", "n1"):
        play.say(D + 110, voter, Determine(allegation="Q/t", uphold=True))
    assert play.state.allegations["Q/t"].outcome == "UPHELD"
    assert play.duty("t.release") == "BREACHED"
    assert play.rules("t.release") == ["release.upheld"]
    play.say(D + 120, "Q", Withdraw())
    assert play.shown == "TERMINATED"


def test_tranche_whose_gate_is_shut_is_not_alleged() -> None:
    """Before its gate, and once DELIVERED, there is nothing to allege."""
    play = play_of(gate=when("start", 500))
    play.refused("state", D + 300, "Q", Allege(tranche="t"))
    play = play_of()
    delivered(play, D)
    play.refused("state", D + 300, "Q", Allege(tranche="t"))


# --- complaints -------------------------------------------------------------------------------------------------------


def complained(default: str = "DISMISSED") -> Play:
    """t and u from P to Q, w from Q to P; t is complained about at D + 30."""
    base = terms().allegations
    play = begun(
        tranches={"t": tranche(), "u": tranche(), "w": tranche(provider="Q", recipient="P")},
        allegations=Allegations(
            reply=base.reply,
            determination=base.determination,
            hold=base.hold,
            holds_per_party=base.holds_per_party,
            determiners=base.determiners,
            default=default,
        ),
    )
    for name in ("t", "u", "w"):
        delivered(play, D + 10, name)
    given(play, D + 20)
    play.say(D + 30, "Q", answer("t", DISPUTE))
    return play


def test_complaint_withholds_the_rest() -> None:
    """DISPUTED: what this provider has not released to this recipient is WITHHELD, and nothing else (rule 6.5a)."""
    play = complained()
    assert play.tranche("t") == "DISPUTED"
    assert play.tranche("u") == "WITHHELD"
    assert play.state.tranches["u"].withheld == ("complaint",)
    assert play.tranche("w") == "DELIVERED"
    assert play.state.duties["u.release"].frozen_at == D + 30


@pytest.mark.parametrize(("uphold", "shown", "duty"), [(True, "DISPUTED", "BREACHED"), (False, "SETTLED", "FULFILLED")])
def test_complaint_is_determined(uphold: bool, shown: str, duty: str) -> None:
    """Votes: upheld breaches the release duty, dismissed settles; either way the rest goes on (rule 6.5b)."""
    play = complained()
    play.refused("authority", D + 40, "P", Determine(tranche="t", uphold=uphold))
    play.refused("unknown", D + 40, "N", Determine(tranche="x", uphold=uphold))
    play.refused("state", D + 40, "N", Determine(tranche="u", uphold=uphold))
    play.refused("mismatch", D + 40, "N", Determine(uphold=uphold))
    play.say(D + 40, "N", Determine(tranche="t", uphold=uphold))
    play.refused("repeat", D + 40, "N", Determine(tranche="t", uphold=uphold))
    assert play.tranche("u") == "WITHHELD"
    play.say(D + 50, "n1", Determine(tranche="t", uphold=uphold))
    assert (play.tranche("t"), play.duty("t.release")) == (shown, duty)
    assert play.tranche("u") == "DELIVERED"
    play.refused("late", D + 231, "n1", Determine(tranche="t", uphold=uphold))


@pytest.mark.parametrize(("default", "duty"), [("DISMISSED", "FULFILLED"), ("UPHELD", "BREACHED")])
def test_complaint_nobody_determines(default: str, duty: str) -> None:
    """The time-out's named default decides, at determination + grace (rule 6.5b)."""
    play = complained(default)
    play.seal(D + 230 + GRACE)
    assert play.state.tranches["t"].complaint == default
    assert play.duty("t.release") == duty
    assert play.when("t.release", duty) == [D + 230 + GRACE]


@pytest.mark.parametrize("ok", [OK, DISPUTE])
def test_answer_in_its_time_only(ok: bool) -> None:
    """An answer after ackBy is refused: silence has settled, though that fires only after grace (rule 6.3e)."""
    play = play_of()
    delivered(play, D + 10)
    given(play, D + 20)
    play.refused("late", D + 81, "Q", answer("t", ok))
    play.seal(D + 80 + GRACE)
    assert play.when("t", "SETTLED") == [D + 80 + GRACE]


# --- the end ----------------------------------------------------------------------------------------------------------


def test_end_of_term_forfeits_what_is_not_delivered() -> None:
    """At the end LOCKED and READY are FORFEITED; DELIVERED keeps its release duty and may be released (rule 5.5c)."""
    play = begun(
        tranches={"a": tranche(release_by=2000), "r": tranche(), "l": tranche(gate=when("end", 5000))},
    )
    delivered(play, D, "a")
    play.say(D, "P", content("r"))
    play.seal(END)
    assert [play.tranche(name) for name in "arl"] == ["DELIVERED", "FORFEITED", "FORFEITED"]
    assert [play.duty(f"{name}.release") for name in "arl"] == ["ACTIVE", "DISCHARGED", "DISCHARGED"]
    assert play.shown == "EFFECTIVE"
    given(play, END + 50, "a")
    play.say(END + 60, "Q", answer("a", OK))
    assert play.shown == "COMPLETED"


def test_unreleased_after_the_end_is_forfeited_with_its_breach() -> None:
    """DELIVERED and never released: the release duty is BREACHED, then the tranche FORFEITED, then COMPLETED."""
    play = play_of(release_by=2000)
    delivered(play, D)
    play.seal(END + 2000)
    assert play.duty("t.release") == "BREACHED"
    assert play.tranche("t") == "FORFEITED"
    assert play.when("arrangement", "COMPLETED") == [D + 2050 + GRACE]


def test_released_without_key_ends_with_the_breach() -> None:
    """RELEASED without a key stays so; the arrangement ends with the breach of the release duty (rule 5.5d)."""
    play = play_of()
    delivered(play, END - 50)
    play.say(END - 10, "P", release_and_key("t")[0])
    play.seal(END - 10)
    play.seal(END + 300)
    assert play.tranche("t") == "RELEASED"
    assert play.duty("t.release") == "BREACHED"
    assert play.shown == "COMPLETED"
    play.refused("state", END + 300, "P", release_and_key("t")[1])


def test_condition_that_can_no_longer_hold_forfeits_at_the_end() -> None:
    """DELIVERED, withheld by a breach that the term leaves open: FORFEITED, its release duty DISCHARGED (rule 5.5c)."""
    play = begun(
        claims={"k": state_claim()},
        duties={"d": maintain("k", "Q", consequence="record")},
        tranches={"t": tranche(continuous=clear("d"), release_by=5000)},
    )
    delivered(play, D)
    judge(play, "k", "SSSSSSSSRR")
    assert play.duty("d") == "BREACHED"
    assert play.tranche("t") == "FORFEITED"
    assert play.duty("t.release") == "DISCHARGED"
    assert play.shown == "COMPLETED"


def test_overdue_duty_may_still_free_a_delivered_tranche_after_the_end() -> None:
    """DELIVERED, withheld by a duty in its cure at the end: not forfeited before the cure is over (rule 5.5c)."""
    play = begun(
        claims={"e": event()},
        duties={"d": achieve("e", consequence="record", due=Due(anchor="end", after=-20), cure=100)},
        tranches={"t": tranche(continuous=clear("d"), release_by=5000)},
    )
    delivered(play, D)
    play.seal(END + 50)
    assert play.tranche("t") == "WITHHELD"
    attest(play, END + 60, "e", 0, True)
    assert play.tranche("t") == "DELIVERED"


def test_run_of_one_tranche_follows_the_other() -> None:
    """A run begins after the run of the tranche that it follows, whenever that became READY (rule 3.2c)."""
    run = CleanRun(claims=("k",), length=2)
    after = CleanRun(claims=("k",), length=2, follows="t")
    play = begun(
        claims={"k": state_claim(), "j": state_claim()},
        duties={"d": maintain("k", consequence="record")},
        tranches={"t": tranche(gate=run), "u": tranche(gate=after)},
    )
    judge(play, "k", "SRS")
    assert play.state.tranches["t"].gate_at is None
    judge(play, "k", "SSR", first=3)
    assert play.state.tranches["t"].gate_at == start(4) + 1
    judge(play, "k", "S", first=6)
    assert play.state.tranches["u"].gate_at is None
    judge(play, "k", "S", first=7)
    assert play.state.tranches["u"].gate_at == start(8) + 1


def test_run_waits_for_an_undecided_period() -> None:
    """A run does not look past an undecided period: decided late, it may begin earlier (rule 3.2c)."""
    play = begun(
        claims={"k": state_claim(report_by=900), "j": state_claim(report_by=900)},
        tranches={"t": tranche(gate=CleanRun(claims=("j", "k"), length=2))},
    )
    for number in (1, 2):
        for claim in "jk":
            attest(play, start(3), claim, number, True)
    assert play.state.tranches["t"].gate_at is None
    attest(play, start(3) + 5, "k", 0, False)
    assert play.state.tranches["t"].gate_at == start(3) + 5


def test_every_run_of_a_gate_is_waited_for_at_the_end() -> None:
    """A gate of two runs: LOCKED past the end until the periods of both are decided (rule 5.5a)."""
    runs = tuple(CleanRun(claims=(claim,), length=2) for claim in "jk")
    play = begun(
        claims={claim: state_claim(report_by=2000) for claim in "jk"},
        tranches={"t": tranche(gate=AllOf(of=runs))},
    )
    for number in range(10):
        attest(play, END, "j", number, True)
    play.say(END, "P", content("t"))
    assert (play.tranche("t"), play.shown) == ("LOCKED", "EFFECTIVE")
    for number in range(2):
        attest(play, END + 1, "k", number, True)
    assert play.when("t", "READY") == [END + 1]


def test_delivered_tranche_whose_condition_holds_is_owed_past_the_end() -> None:
    """A breach that the condition names forfeits nothing while the condition holds by its other alternative."""
    either = AnyOf(of=(clear("d"), when("end", 0)))
    play = begun(
        claims={"k": state_claim()},
        duties={"d": maintain("k", "Q", consequence="record")},
        tranches={"t": tranche(continuous=either, release_by=5000)},
    )
    delivered(play, D)
    judge(play, "k", "SSSSSSSSRR")
    assert (play.duty("d"), play.tranche("t"), play.duty("t.release")) == ("BREACHED", "DELIVERED", "ACTIVE")


def test_undelivered_tranche_may_be_alleged_while_withheld() -> None:
    """No hold of anybody keeps the recipient from saying that the ciphertext never came (rule 6.4b)."""
    play = begun("PQR", claims={"k": state_claim()}, duties={"d": maintain("k", "Q")}, tranches={"t": tranche()})
    play.say(D + 100, "R", Allege(claim="k", period=0, hold=True))
    assert play.tranche("t") == "WITHHELD"
    play.say(D + 101, "Q", Allege(tranche="t"))
