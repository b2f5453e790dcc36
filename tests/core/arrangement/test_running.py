"""The arrangement: entry, suspension, resumption, withdrawal, the end; and time."""

from __future__ import annotations

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Allege, Attest, Evidence, Notice, Resume, Seal, Sign, Withdraw
from armslength.core.arrangement.draft import iso
from armslength.core.arrangement.terms import CleanRun, Due, Excuse, Not, Quorum, TrancheIs
from armslength.errors import Refused
from tests.core.arrangement.play import Play, act
from tests.core.arrangement.small import (
    END,
    GRACE,
    OK,
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
    given,
    judge,
    maintain,
    start,
    state_claim,
    terms,
    tranche,
    when,
)

# --- entry ------------------------------------------------------------------------------------------------------------


def test_lapses_at_the_long_stop() -> None:
    """Not signed by all: LAPSED at entry_by + grace, and nothing can be entered any more (rule 5.6a)."""
    play = Play(terms("PQR"))
    play.say(D, "P", Sign())
    play.refused("repeat", D, "P", Sign())
    play.refused("authority", D, "N", Sign())
    play.refused("late", D + P + 1, "Q", Sign())
    play.seal(D + P + GRACE - 1)
    play.say(D + P, "Q", Sign())
    assert play.shown == "PROPOSED"
    play.seal(D + P + GRACE)
    assert play.shown == "LAPSED"
    assert play.when("arrangement", "LAPSED") == [D + P + GRACE]
    play.refused("state", D + P + GRACE, "R", Sign())
    assert step.next_deadline(play.terms, play.state) is None


@pytest.mark.parametrize(("signed", "begins"), [(D - 50, D), (D, D), (D + 30, D + 30)])
def test_day_d(signed: int, begins: int) -> None:
    """D is the later of the stated start and the last signature; anchors count from it, and the end does not move
    (rule 2.6a)."""
    play = Play(terms(claims={"k": state_claim()}, duties={"d": maintain("k", consequence="record")}))
    play.say(signed, "P", Sign())
    play.say(signed, "Q", Sign())
    play.seal(D + 40)
    assert play.state.arrangement.effective_at == begins
    assert play.shown == "EFFECTIVE"
    play.refused("early", begins + 2 * P - 1, "n1", Attest(claim="k", period=1, value=True))
    play.say(END, "n1", Attest(claim="k", period=9, value=True))


def test_signature_that_arrives_within_grace() -> None:
    """A signature stamped at the long-stop counts while time has not passed it by grace."""
    play = Play(terms())
    play.say(D, "P", Sign())
    play.seal(D + P + GRACE - 1)
    play.say(D + P, "Q", Sign())
    assert play.state.arrangement.effective_at == D + P


# --- time -------------------------------------------------------------------------------------------------------------


def test_entry_time_is_bounded_by_grace() -> None:
    """An entry's time is max(stamp, τ − grace); τ and now never go back (rule 2.2c)."""
    play = begun(claims={"k": state_claim()})
    play.seal(D + 50)
    outcome = play.say(D + 20, "n1", Attest(claim="k", period=0, value=False))
    assert outcome.at == D + 40
    assert play.state.clock.now == D + 50
    outcome = play.seal(D + 30)
    assert outcome.at == D + 50
    assert play.state.clock.tau == D + 50


def test_stamps_move_now_and_seals_move_tau() -> None:
    """An entry works time forward to its own instant; only a seal moves τ (rule 2.1c)."""
    play = begun(claims={"k": state_claim()})
    play.say(D + 70, "n1", Attest(claim="k", period=0, value=False))
    assert (play.state.clock.tau, play.state.clock.now) == (D, D + 70)


def test_what_an_entry_causes_bears_its_time() -> None:
    """A deciding entry that lies behind now bears its own time; what has fired stays fired (rule 1.6a)."""
    play = begun(claims={"k": state_claim(report_by=40)}, duties={"d": maintain("k", consequence="record")})
    play.say(D + 139, "n1", Attest(claim="k", period=0, value=True))
    play.say(D + 149, "n1", Attest(claim="k", period=1, value=False))
    play.say(D + 140, "n2", Attest(claim="k", period=1, value=False))
    assert play.when("k#1", "REFUTED") == [D + 140]
    play.seal(D + 150)
    play.say(D + 140, "n2", Attest(claim="k", period=0, value=True))
    assert play.letters("k")[0] == "U"


def test_seal_is_the_keepers() -> None:
    """Only the keeper seals."""
    play = begun()
    assert "N" in play.refused("authority", D, "P", Seal(checkpoint="", state_root=""))


def test_unknown_authors_and_types() -> None:
    """An author whom the terms do not name, or a type that is not its body's, is refused (rule 1.5a)."""
    play = begun()
    play.refused("unknown", D, "nobody", Withdraw())
    odd = act("P", D, Withdraw())
    with pytest.raises(Refused):
        step.apply(play.terms, play.state, step.EntryInput(author="P", stamp=D, type="sign", body=odd.body, entry="e"))
    with pytest.raises(Refused):
        step.apply(play.terms, play.state, step.EntryInput(author="P", stamp=D, type="amend", body=odd.body, entry="e"))


def test_evidence_names_someone() -> None:
    """Evidence of equivocation without a culprit is refused."""
    play = begun()
    body = Evidence(kind="equivocation", first="", second="")
    play.refused("unknown", D, "P", body)
    play.refused("unknown", D, "P", body, culprit="nobody")


def test_instants_in_words() -> None:
    """Instants are told in ISO 8601 UTC."""
    from datetime import UTC, datetime

    for instant in (0, 951782400, 951868800, 1468540800, 4107542399, 253402300799, 1709210096):
        assert iso(instant) == datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_conditions_that_chase_each_other_are_refused() -> None:
    """Terms without a fixpoint place nothing, rather than loop: the default is to withhold (rule 2.4c)."""
    play = begun(tranches={"t": tranche(continuous=Not(of=(clear("t.release"),)), gate=when("start", 5000))})
    assert play.tranche("t") == "WITHHELD"
    chasing = Not(of=(TrancheIs(tranche="t", states=("LOCKED",)),))
    bad = Play(terms(tranches={"t": tranche(continuous=chasing, gate=when("start", 5000))}))
    for party in "PQ":
        bad.say(D - 10, party, Sign())
    bad.refused("unsettled", D, "N", Seal(checkpoint="", state_root=""))


# --- suspension -------------------------------------------------------------------------------------------------------


def suspended(parties: str = "PQ", **changes: object) -> Play:
    """SUSPENDED at D + 60 by Q's duty d; f is another event."""
    play = begun(
        parties,
        claims={"e": event(), "f": event()},
        duties={"d": achieve("e", due=Due(anchor="start", after=30), cure=20)},
        **changes,
    )
    play.seal(D + 60)
    assert play.shown == "SUSPENDED"
    return play


def test_resume_needs_all_parties_and_the_remedy() -> None:
    """All parties, before or after the remedy; the last of the three resumes (rules 5.3a, 5.3b)."""
    play = suspended("PQR")
    play.refused("authority", D + 70, "C", Resume())
    play.refused("authority", D + 70, "n2", Resume())
    play.say(D + 70, "P", Resume())
    play.refused("repeat", D + 70, "P", Resume())
    play.say(D + 70, "Q", Resume())
    attest(play, D + 80, "e", 0, True)
    assert play.shown == "SUSPENDED"
    play.say(D + 90, "R", Resume())
    assert play.shown == "EFFECTIVE"
    assert play.state.arrangement.suspension is None
    play.refused("state", D + 90, "P", Resume())


def test_determiners_may_resume() -> None:
    """The determiners' quorum is enough, and takes effect when the remedy is there (rule 5.3a)."""
    play = suspended()
    play.say(D + 70, "N", Resume())
    play.say(D + 70, "n1", Resume())
    assert play.shown == "SUSPENDED"
    attest(play, D + 80, "e", 0, True)
    assert play.shown == "EFFECTIVE"


def test_equivocating_determiner_does_not_resume() -> None:
    """A determiner who has equivocated counts in no resumption (rule 1.4c)."""
    play = suspended()
    attest(play, D + 70, "e", 0, True)
    play.say(D + 70, "n1", Resume())
    play.say(D + 70, "P", Evidence(kind="equivocation", first="", second=""), culprit="n1")
    play.say(D + 70, "N", Resume())
    assert play.shown == "SUSPENDED"


def test_agreement_counts_for_one_suspension() -> None:
    """Who agreed to resume once must agree again the next time (rule 5.3a)."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={
            "d": achieve("e", due=Due(anchor="start", after=30), cure=20),
            "g": achieve("f", trigger=when("start", 150), due=Due(anchor="trigger", after=30), cure=20),
        },
    )
    play.seal(D + 60)
    for party in "PQ":
        play.say(D + 70, party, Resume())
    attest(play, D + 80, "e", 0, True)
    assert play.shown == "EFFECTIVE"
    play.seal(D + 210)
    assert play.shown == "SUSPENDED"
    attest(play, D + 220, "f", 0, True)
    assert play.shown == "SUSPENDED"


def test_breach_for_good_does_not_block() -> None:
    """A breach that cannot be remedied does not keep the arrangement from resuming, if all agree (rule 5.3b)."""
    play = begun(
        claims={"e": event()},
        duties={"d": achieve("e", due=Due(anchor="start", after=30), cure=20, still_owed=False)},
    )
    play.seal(D + 60)
    assert play.shown == "SUSPENDED"
    for party in "PQ":
        play.say(D + 70, party, Resume())
    assert play.shown == "EFFECTIVE"
    assert play.duty("d") == "BREACHED"


def test_second_breach_joins_the_suspension() -> None:
    """Another breach while SUSPENDED must be remedied too; the suspension still counts from the first (rule 4.4b)."""
    play = begun(
        claims={"e": event(), "f": event()},
        duties={
            "d": achieve("e", due=Due(anchor="start", after=30), cure=20),
            "g": achieve("f", due=Due(anchor="start", after=60), cure=20),
        },
    )
    play.seal(D + 100)
    suspension = play.state.arrangement.suspension
    assert suspension is not None
    assert (suspension.since, suspension.duties) == (D + 60, ("d", "g"))
    attest(play, D + 110, "e", 0, True)
    for party in "PQ":
        play.say(D + 120, party, Resume())
    assert play.shown == "SUSPENDED"
    attest(play, D + 130, "f", 0, True)
    assert play.shown == "EFFECTIVE"


def test_running_state_is_derived() -> None:
    """SUSPENDED hides a hold, which runs on: resumed, it is HELD until the hold's limit (rule 5.2b)."""
    play = begun(
        claims={"k": state_claim(), "e": event()},
        duties={
            "m": maintain("k", consequence="record"),
            "d": achieve("e", due=Due(anchor="trigger", after=100), cure=20, still_owed=False),
        },
    )
    play.say(D + 110, "P", Allege(claim="k", period=1, hold=True))
    assert play.shown == "HELD"
    play.seal(D + 120 + GRACE)
    assert play.shown == "SUSPENDED"
    play.say(D + 140, "P", Resume())
    play.say(D + 140, "Q", Resume())
    assert play.shown == "HELD"
    play.seal(D + 110 + 150)
    assert play.shown == "EFFECTIVE"


def test_suspension_runs_out() -> None:
    """At maxSuspension + grace: WINDING and TERMINATED; a late agreement is refused, one in its time counts
    (rule 5.3c)."""
    play = suspended()
    attest(play, D + 70, "e", 0, True)
    play.say(D + 70, "P", Resume())
    play.refused("late", D + 361, "Q", Resume())
    other = suspended()
    attest(other, D + 70, "e", 0, True)
    other.say(D + 70, "P", Resume())
    other.seal(D + 369)
    other.say(D + 360, "Q", Resume())
    assert other.shown == "EFFECTIVE"
    play.seal(D + 370)
    assert play.when("arrangement", "WINDING") == [D + 370]
    assert play.shown == "TERMINATED"


def test_suspended_at_the_end_winds_down() -> None:
    """SUSPENDED at the end of the term: WINDING there, without grace (rule 5.5e)."""
    play = suspended(max_suspension=5000)
    play.seal(END)
    assert play.when("arrangement", "WINDING") == [END]
    assert play.state.arrangement.winding_by == "suspension"


def test_suspended_within_grace_of_the_end_winds_down_at_the_end() -> None:
    """Suspended by an entry dated before the end, placed after time has reached it: WINDING at the end all the same
    (rule 5.5e)."""
    play = begun(claims={"k": state_claim()}, duties={"d": maintain("k", cure=0)}, max_suspension=5000)
    play.seal(END + 5)
    assert play.shown == "EFFECTIVE"
    for monitor in ("n1", "n2"):
        play.say(END - 3, monitor, Attest(claim="k", period=9, value=False))
    assert play.when("arrangement", "SUSPENDED") == [END - 3]
    assert play.when("arrangement", "WINDING") == [END]
    assert play.state.arrangement.winding_by == "suspension"
    assert play.shown == "TERMINATED"


def test_after_a_suspension_nothing_is_owed() -> None:
    """WINDING after a suspension forfeits DELIVERED tranches too, and breaches their OVERDUE release duty
    (rule 5.4c)."""
    play = suspended(
        tranches={"a": tranche(continuous=clear("d"), provider="Q", recipient="P", release_by=10), "r": tranche()},
        max_suspension=100,
    )
    other = begun(
        claims={"e": event()},
        duties={"d": achieve("e", due=Due(anchor="start", after=30), cure=20)},
        tranches={"a": tranche(provider="Q", recipient="P", release_by=20, release_cure=500), "r": tranche()},
        max_suspension=100,
    )
    delivered(other, D, "a")
    delivered(other, D, "r")
    other.seal(D + 170)
    assert other.shown == "TERMINATED"
    assert [other.tranche(name) for name in "ar"] == ["FORFEITED"] * 2
    assert other.duty("a.release") == "BREACHED"
    assert other.duty("r.release") == "DISCHARGED"
    play.seal(D + 170)
    assert play.shown == "TERMINATED"


# --- withdrawal -------------------------------------------------------------------------------------------------------


def test_notice_runs_and_ends_exactly() -> None:
    """WINDING at the end of the notice, without grace; a second notice says nothing new (rules 2.3b, 5.4a)."""
    play = begun()
    play.refused("authority", D, "N", Withdraw())
    play.say(D + 10, "P", Withdraw())
    play.refused("repeat", D + 20, "P", Withdraw())
    play.say(D + 20, "Q", Withdraw())
    play.seal(D + 209)
    assert play.shown == "EFFECTIVE"
    play.seal(D + 210)
    assert play.when("arrangement", "TERMINATED") == [D + 210]


def test_notice_runs_while_suspended() -> None:
    """A notice ends in SUSPENDED too: WINDING by withdrawal, the breach stays (rule 5.4a)."""
    play = suspended()
    play.say(D + 70, "P", Withdraw())
    play.seal(D + 270)
    assert play.state.arrangement.winding_by == "withdrawal"
    assert play.shown == "TERMINATED"
    assert play.duty("d") == "BREACHED"


def test_nobody_withdraws_out_of_a_breach() -> None:
    """At WINDING, OVERDUE duties and open instances become BREACHED; others are DISCHARGED; surviving ones run on
    (rule 5.4d)."""
    play = begun(
        claims={"e": event(), "f": event(), "k": state_claim(report_by=900), "s": event(), "q": state_claim()},
        duties={
            "overdue": achieve("e", due=Due(anchor="start", after=150), cure=500),
            "active": achieve("f", due=Due(anchor="start", after=800)),
            "broken": maintain("k", consequence="record"),
            "pending": achieve("f", trigger=when("start", 900)),
            "surviving": achieve("s", surviving=True, consequence="record", due=Due(anchor="end", after=100)),
        },
    )
    attest(play, D + 150, "k", 1, False)
    play.say(D + 150, "Q", Withdraw())
    play.seal(D + 350)
    assert {duty: play.duty(duty) for duty in play.terms.duties} == {
        "overdue": "BREACHED",
        "active": "DISCHARGED",
        "broken": "BREACHED",
        "pending": "DISCHARGED",
        "surviving": "ACTIVE",
    }
    assert [instance.state for instance in play.state.duties["broken"].instances] == ["BREACHED"]
    attest(play, D + 360, "f", 0, True)
    assert play.letters("f") == ""
    attest(play, END + 50, "s", 0, True)
    assert play.duty("surviving") == "FULFILLED"
    assert play.shown == "TERMINATED"


def test_surviving_duty_that_is_overdue_is_breached_at_winding() -> None:
    """Nobody withdraws out of a breach, of a duty that survives either; it may still be remedied."""
    play = begun(
        claims={"s": event()},
        duties={"s": achieve("s", surviving=True, consequence="record", due=Due(anchor="start", after=100), cure=900)},
    )
    play.say(D + 10, "Q", Withdraw())
    play.seal(D + 210)
    assert (play.duty("s"), play.shown) == ("BREACHED", "TERMINATED")
    attest(play, D + 220, "s", 0, True)
    assert play.duty("s") == "REMEDIED"


def test_excuse_of_a_claim_that_a_surviving_trigger_waits_for() -> None:
    """It is decided after WINDING too, as the claim is (rule 3.2d)."""
    play = begun(
        claims={"k": state_claim(excuse=Excuse(claim="x", lead=0)), "x": state_claim(), "e": event()},
        duties={
            "d": maintain("k", consequence="record"),
            "s": achieve("e", surviving=True, trigger=CleanRun(claims=("k",), length=2)),
        },
        tranches={"t": tranche(release_by=5000)},
    )
    delivered(play, D)
    play.say(D + 10, "P", Withdraw())
    play.seal(D + 210)
    assert play.shown == "WINDING"
    attest(play, start(3), "x", 2, True)
    assert play.letters("x")[2] == "S"


def test_after_a_withdrawal_delivered_is_owed() -> None:
    """WINDING after a withdrawal: LOCKED is FORFEITED, DELIVERED may be released, READY has its deliverBy
    (rule 5.4c)."""
    play = begun(
        tranches={
            "a": tranche(release_by=400),
            "r": tranche(deliver_by=250),
            "l": tranche(gate=when("start", 500)),
            "s": tranche(deliver_by=230),
        }
    )
    delivered(play, D + 10, "a")
    play.say(D + 10, "P", content("r"))
    play.say(D + 10, "P", content("s"))
    play.say(D + 10, "Q", Withdraw())
    play.seal(D + 210)
    assert play.shown == "WINDING"
    assert [play.tranche(name) for name in "arls"] == ["DELIVERED", "READY", "FORFEITED", "READY"]
    given(play, D + 220, "a")
    play.say(D + 221, "Q", answer("a", OK))
    play.refused("late", D + 251, "Q", delivering("r"))
    play.say(D + 225, "Q", delivering("s"))
    play.seal(D + 260)
    assert play.tranche("r") == "FORFEITED"
    assert play.when("r", "FORFEITED") == [D + 260]
    given(play, D + 261, "s")
    assert play.shown == "WINDING"
    play.say(D + 262, "Q", answer("s", OK))
    assert play.shown == "TERMINATED"
    assert [play.duty(f"{name}.release") for name in "as"] == ["FULFILLED"] * 2


def test_winding_ends_when_a_release_is_breached() -> None:
    """A DELIVERED tranche that is never released ends WINDING with the breach of its release duty (rule 5.4e)."""
    play = begun(tranches={"a": tranche(release_by=300)})
    delivered(play, D, "a")
    play.say(D, "Q", Withdraw())
    play.seal(D + 900)
    assert play.when("a.release", "BREACHED") == [D + 350 + GRACE]
    assert play.when("arrangement", "TERMINATED") == [D + 350 + GRACE]


def test_notice_that_outlasts_the_term_has_no_effect() -> None:
    """A notice that ends at or after the end of the term changes nothing; after the end none is given (rule 5.4b)."""
    play = begun()
    play.say(END - 200, "P", Withdraw())
    play.seal(END)
    assert play.shown == "COMPLETED"
    later = begun(tranches={"t": tranche(release_by=5000)})
    delivered(later, D)
    later.seal(END)
    assert later.shown == "EFFECTIVE"
    later.refused("state", END, "P", Withdraw())


# --- the end ----------------------------------------------------------------------------------------------------------


def test_completed_once_all_is_decided() -> None:
    """COMPLETED when the last period is decided, not at the end itself; then nothing but surviving duties
    (rules 5.5a, 5.5d)."""
    play = begun(claims={"k": state_claim()}, duties={"d": maintain("k", consequence="record")})
    judge(play, "k", "SSSSSSSSS")
    play.seal(END + 5)
    assert play.shown == "EFFECTIVE"
    attest(play, END + 7, "k", 9, True)
    assert play.when("arrangement", "COMPLETED") == [END + 7]
    play.refused("state", END + 8, "Q", Notice(claim="k", start=1, end=2, text=""))
    play.refused("state", END + 8, "P", Withdraw())
    assert step.next_deadline(play.terms, play.state) is None


def test_open_duty_keeps_the_term_open() -> None:
    """An achieve duty due after the end is waited for, and its breach suspends nothing (rules 5.5b, 5.5d)."""
    play = begun(claims={"e": event()}, duties={"d": achieve("e", due=Due(anchor="end", after=50), cure=20)})
    play.seal(END + 10)
    assert play.shown == "EFFECTIVE"
    play.seal(END + 100)
    assert play.duty("d") == "BREACHED"
    assert play.when("arrangement", "SUSPENDED") == []
    assert play.when("arrangement", "COMPLETED") == [END + 80]


def test_surviving_duty_may_start_and_be_breached_after_the_end() -> None:
    """A surviving duty starts, runs out and is remedied after COMPLETED (rule 5.5f)."""
    play = begun(
        claims={"s": event()},
        duties={
            "s": achieve("s", surviving=True, trigger=when("end", 100), due=Due(anchor="trigger", after=20), cure=10)
        },
    )
    play.seal(END)
    assert play.shown == "COMPLETED"
    assert play.duty("s") == "PENDING"
    play.seal(END + 200)
    assert [change.at for change in play.changes if change.subject == "s"] == [END + 100, END + 130, END + 140]
    assert play.shown == "COMPLETED"
    attest(play, END + 210, "s", 0, True)
    assert play.duty("s") == "REMEDIED"


def test_three_parties() -> None:
    """Three parties: duties between any two, tranches both ways, withdrawal by one ends it for all."""
    play = begun(
        "PQR",
        claims={"e": event(), "f": event(), "g": event()},
        duties={
            "d": achieve("e", "P", creditors=("Q", "R"), consequence="record"),
            "f": achieve("f", "Q", creditors=("R",), consequence="record"),
            "g": achieve("g", "R", creditors=("P",), consequence="record"),
        },
        tranches={
            "pq": tranche(),
            "qr": tranche(provider="Q", recipient="R", continuous=clear("g")),
            "rp": tranche(provider="R", recipient="P", continuous=clear("d")),
        },
    )
    for name in ("pq", "qr", "rp"):
        delivered(play, D, name)
    play.seal(D + 90)
    for name in ("pq", "qr", "rp"):
        given(play, D + 90, name)
        play.say(D + 91, play.terms.tranches[name].recipient, answer(name, OK))
    assert {play.duty(f"{name}.release") for name in ("pq", "qr", "rp")} == {"FULFILLED"}
    play.say(D + 100, "R", Withdraw())
    play.seal(D + 300)
    assert play.shown == "TERMINATED"
    assert {play.duty(duty) for duty in "dfg"} == {"DISCHARGED"}


def test_quorum_of_timekeepers_is_not_the_steps_business() -> None:
    """Terms with another timekeeper quorum give the same states: that quorum is judged where signatures are."""
    one, other = begun(), begun(timekeepers=Quorum(of=("N",), count=1, groups={}, including=()))
    assert one.state == other.state


def test_run_out_of_reach_forfeits_nothing_before_the_end() -> None:
    """A gate whose run can no longer come keeps its tranche LOCKED until the term is over."""
    play = begun(
        claims={"k": state_claim()},
        tranches={"t": tranche(gate=CleanRun(claims=("k",), length=10))},
    )
    judge(play, "k", "R")
    assert play.tranche("t") == "LOCKED"
    judge(play, "k", "SSSSSSSSS", first=1)
    assert play.tranche("t") == "FORFEITED"
    assert play.shown == "COMPLETED"
    assert start(10) == END
