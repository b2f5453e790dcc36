"""Why: what each thing waits for, who could help, until when, and what follows, along the golden scenario."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armslength.core.arrangement.bodies import Ack, Allege, Body, Determine, Respond, Resume, Sign, Withdraw
from armslength.core.arrangement.step import advance, next_deadline
from armslength.errors import NotFound
from armslength.views.asked import Why
from armslength.views.deadlines import deadlines
from armslength.views.explain import why
from tests.golden.terms import (
    A1,
    Group,
    at,
    attest,
    commit,
    day,
    deliver,
    give,
    golden_script,
    golden_terms,
)
from tests.views.fold import Folded, golden, script


def asked(time: int, subject: str) -> Why:
    """Why, in the golden scenario at an instant."""
    return why(golden().terms, golden().at(time), subject)


def said(answer: Why) -> str:
    """Everything an answer says, as one text."""
    return " ".join(answer.sentences)


@pytest.mark.parametrize("keeper", ["m5", "A"])
def test_running_deadlines_are_the_engines(keeper: str) -> None:
    """At every state of the golden record, the soonest deadline shown is the one the engine fires next."""
    folded = golden() if keeper == "m5" else Folded(golden_terms(keeper=keeper), golden_script(keeper=keeper))
    for state in folded.states:
        shown = [d.fires for d in deadlines(folded.terms, state) if d.fires is not None]
        assert min(shown, default=None) == next_deadline(folded.terms, state)


def test_running_deadlines_are_the_engines_while_nothing_comes() -> None:
    """From any point of the record, silence fires deadline after deadline, and each was shown before."""
    for time in (at(-1), at(7, 2), at(14, 11), at(22, 11), at(26, 11)):
        state = golden().at(time)
        for _ in range(40):
            shown = [d.fires for d in deadlines(golden().terms, state) if d.fires is not None]
            due = next_deadline(golden().terms, state)
            assert min(shown, default=None) == due
            if due is None:
                break
            state = advance(golden().terms, state, due).state


def test_locked_says_which_attestation_is_missing() -> None:
    """With two of three monitors in, T2 says what is missing for which day, from whom, and until when."""
    early = [group for group in golden_script() if group[0] < at(7, 1)]
    folded = Folded(golden_terms(), [*early, *script((at(7, 1), attest("m1 m2", "k2", 6, True)))])
    answer = why(folded.terms, folded.state, "T2")
    assert answer.state == "LOCKED"
    k2 = next(block for block in answer.blocked_on if block.subject == "k2#6")
    assert "2 of 3 attestations for day 6" in k2.need
    assert "m5 must be among them" in k2.need
    assert k2.who == ("m3", "m4", "m5")
    assert k2.until == at(8)
    assert "due in 23 h (D+8 00:00)" in said(answer)
    assert "6 so far (days 0–5)" in said(answer)


def test_locked_leads_with_the_run_while_the_day_is_not_over() -> None:
    """Before the day ends nobody can attest, so the run itself is the short answer."""
    answer = asked(at(6, 2), "T2")
    assert answer.sentences[0] == (
        "Historical summaries (T2) is locked: it takes 7 clean days in a row of k1a, k1b and k2, and there are 6 so far"
        " (days 0–5)."
    )


def test_the_deadline_and_its_consequence_end_the_answer() -> None:
    """T2 delivered and unreleased: the answer ends with when its release is overdue."""
    answer = asked(at(8), "T2")
    assert answer.state == "DELIVERED"
    assert answer.sentences[-1] == (
        "Next: Arandia to release T2, by 24 Jul 2016 01:00 UTC (D+9), in 1 d 1 h; if nothing comes, T2's release is"
        " OVERDUE at D+9 02:00."
    )
    assert answer.deadlines[0].at == at(9, 1)
    assert answer.deadlines[0].fires == at(9, 2)


def test_an_overdue_release_can_be_cured() -> None:
    """At D+9 02:00 the release duty is OVERDUE, and its cure is named."""
    answer = asked(at(9, 3), "T2.release")
    assert answer.state == "OVERDUE"
    assert "T2's release is BREACHED at D+10 02:00, and Borovia may withdraw at once." in said(answer)
    assert answer.deadlines[0].at == at(10, 1)


def test_held_names_the_allegation_and_its_limit() -> None:
    """At D+14 10:00 everything unreleased is withheld by the allegation, at most until D+17 10:00."""
    answer = asked(at(14, 10), "T3")
    assert answer.state == "WITHHELD"
    assert A1 in answer.sentences[0]
    assert "1 Aug 2016 10:00 UTC (D+17)" in answer.sentences[0]
    assert "It was DELIVERED" in answer.sentences[1]
    held = asked(at(14, 10), "arrangement")
    assert held.state == "HELD"
    assert [(block.kind, block.subject) for block in held.blocked_on] == [("allegation", A1)]


def test_an_allegation_says_who_may_still_decide_it() -> None:
    """The open allegation names the determiners, its answer, and the monitors' way to settle it."""
    answer = asked(at(14, 10), A1)
    assert answer.state == "OPEN"
    assert "3 of 5 determiners, m5 among them" in said(answer)
    assert "The answer: DENIED." in answer.sentences
    assert answer.blocked_on[0].who == ("m1", "m2", "m3", "m4", "m5")
    assert answer.blocked_on[0].until == at(17, 10)
    assert answer.blocked_on[1].subject == "k2#14"


def test_votes_on_an_allegation_are_counted() -> None:
    """After one vote the answer counts it, and asks that determiner no more."""
    before = [group for group in golden_script() if group[0] <= at(14, 10)]
    folded = Folded(golden_terms(), [*before, *script((at(14, 12), [("m3", Determine(allegation=A1, uphold=False))]))])
    answer = why(folded.terms, folded.state, A1)
    assert "so far 0 to uphold and 1 to dismiss" in said(answer)
    assert "m3" not in answer.blocked_on[0].who


def test_withheld_by_a_condition_names_the_duty_and_since_when() -> None:
    """At D+20 T4 is withheld by C2, overdue since 10:00, and what its gate lacks is told besides."""
    answer = asked(at(20, 11), "T4")
    assert "duty C2" in answer.sentences[0]
    assert "is OVERDUE since 4 Aug 2016 10:00 UTC (D+20)" in answer.sentences[0]
    assert "counting from day 21" in said(answer)


def test_a_violated_duty_tells_its_cure_window() -> None:
    """C2 at D+20: cured if days 21 and 22 are clean; the deadline shown is day 21's."""
    answer = asked(at(20, 11), "C2")
    assert "cured if days 21–22 are clean" in said(answer)
    assert answer.deadlines[0].subject == "k2#21"


def test_suspended_tells_what_ended_it_and_what_would_resume_it() -> None:
    """At D+22 the arrangement names the breach, who must agree, and when it is wound up."""
    answer = asked(at(22, 11), "arrangement")
    assert answer.state == "SUSPENDED"
    assert "C2 must still be remedied." in answer.sentences
    assert "Arandia and Borovia have yet to agree to resume." in answer.sentences
    assert answer.deadlines[0].at == at(36, 10)
    assert answer.deadlines[0].fires == at(36, 11)
    assert "it is wound up at D+36 11:00" in said(answer)


def test_a_remedied_breach_still_waits_for_agreement() -> None:
    """At D+26 01:00 C2 is remedied; only the parties' agreement is missing."""
    answer = asked(at(26, 2), "arrangement")
    assert "What broke has been remedied." in answer.sentences
    assert [block.who for block in answer.blocked_on] == [("A", "B")]


def test_a_remedying_run_is_counted() -> None:
    """At D+25 one of the two clean days that remedy C2 is there."""
    assert "2 clean days in a row after day 21 would remedy it (1 so far)" in said(asked(at(25, 2), "C2"))


def test_a_notice_explains_that_a_day_may_be_excused() -> None:
    """On day 9, with a timely notice, the period says that the excuse claim can excuse it."""
    answer = asked(at(9, 11), "k2#9")
    assert answer.state == "UNDECIDED"
    assert "m1 and m2 say it did not hold (3 would refute it)" in said(answer)
    assert "if claim x2" in said(answer)


def test_duties_of_conduct_tell_their_due() -> None:
    """C5a between T2 and the nominations: due D+23, convenor among those who must attest."""
    answer = asked(at(10), "C5a")
    assert answer.state == "ACTIVE"
    assert "Borovia owes it by 7 Aug 2016 06:00 UTC (D+23), in 13 d 6 h." in answer.sentences
    assert "v must be among them" in said(answer)


def test_pending_duties_tell_their_trigger() -> None:
    """Before T2 is delivered C5b is pending, and says that it waits for T2."""
    answer = asked(at(5), "C5b")
    assert answer.state == "PENDING"
    assert "must be SETTLED" in said(answer)


def test_a_release_waits_for_a_seal_then_the_key_then_the_recipient() -> None:
    """Between release and settlement the answer says, in turn, seal, key and confirmation."""
    states, placed, terms = golden().states, golden().placed, golden().terms
    first = next(i for i, entry in enumerate(placed) if entry.type == "release")
    texts = [why(terms, states[i + 1], "T1").sentences[0] for i in (first, first + 1, first + 2, first + 3)]
    assert "a seal must cover the release" in texts[0]
    assert "Arandia has yet to hand over the key" in texts[1]
    assert "Borovia has yet to confirm the content" in texts[2]
    assert "was received" in texts[3]


def test_a_complaint_waits_for_the_determiners() -> None:
    """A complaint about T1 withholds what follows and names the default outcome."""
    gift = give("T1")[:-1]
    complaint = Ack(tranche="T1", stage="plain", ok=False, evidence="0" * 64)
    folded = Folded(
        golden_terms(),
        script(
            (at(-3), [("A", Sign()), ("B", Sign())]),
            (at(-2), commit("T1")),
            (at(0), [("keeper", golden_script()[2][1][0][1]), *deliver("T1"), *gift, ("B", complaint)]),
        ),
    )
    answer = why(folded.terms, folded.state, "T1")
    assert answer.state == "DISPUTED"
    assert "Borovia complains about Methodology note and index (T1)" in answer.sentences[0]
    assert "DISMISSED by default" in said(answer)
    assert "the complaint about T1" in why(folded.terms, folded.state, "T2").sentences[0]


def test_before_all_have_signed_it_says_who_is_missing() -> None:
    """With one signature the arrangement waits for the other, and says when it lapses."""
    folded = Folded(golden_terms(), [(at(-3), [("A", Sign())])])
    answer = why(folded.terms, folded.state, "arrangement")
    assert answer.state == "PROPOSED"
    assert "Borovia has yet to sign." in answer.sentences
    assert "it lapses" in answer.sentences[-1]


def test_a_final_state_waits_for_nothing() -> None:
    """A delivered tranche and the completed arrangement are blocked on nothing."""
    assert asked(at(50), "T6").blocked_on == ()
    assert asked(at(50), "arrangement").sentences == (
        "The arrangement is COMPLETED: run to its end, since 30 Aug 2016 01:00 UTC (D+46).",
        "C9 (B passes nothing on, and deletes everything 30 days after the end) survives it: ACTIVE.",
    )


def test_every_subject_can_be_asked_at_every_moment() -> None:
    """Each duty, tranche, claim and allegation has an answer with a first sentence, twice a day through the term."""
    for hours in range(-24, 48 * 24, 12):
        state = golden().at(at(0, hours))
        for subject in ("arrangement", *state.duties, *state.tranches, *state.claims, *state.allegations):
            answer = why(golden().terms, state, subject)
            assert answer.sentences[0].endswith(".")
            assert all(text and "None" not in text for text in answer.sentences)


@pytest.mark.parametrize("subject", ["", "T9", "k2#46", "k2#-1", "k2#x", "nobody.release", "A/k2/1"])
def test_unknown_subjects_are_refused(subject: str) -> None:
    """What neither the terms nor the record know is an error with a reason."""
    with pytest.raises(NotFound):
        asked(at(10), subject)


@pytest.mark.parametrize(("subject", "reason"), [
    ("arrangment", "did you mean arrangement?"),
    ("C1", "ask for C1.A or C1.B"),
    ("k2#46", "claim k2 has days 0 to 45: k2#0 to k2#45"),
    ("k5a#1", "claim k5a is an event, and has the one period k5a#0"),
    ("zzz", f"allegations: {A1}"),
])  # fmt: skip
def test_an_unknown_subject_gets_a_hint(subject: str, reason: str) -> None:
    """The refusal names what may have been meant: near ids, the duties of several debtors, the periods there are."""
    with pytest.raises(NotFound) as refusal:
        asked(at(18), subject)
    assert reason in str(refusal.value)


def test_a_run_that_no_longer_fits_is_final() -> None:
    """When fewer days are left than the run needs, the block says that it can no longer come."""
    late = Folded(golden_terms(), [group for group in golden_script() if group[0] < at(6)])
    state = advance(late.terms, late.state, at(44)).state
    blocks = why(late.terms, state, "T2").blocked_on
    assert any(block.final for block in blocks)


def test_days_can_be_clean_and_counted_in_words() -> None:
    """A claim as a whole tells how many days of each kind there were."""
    text = said(asked(at(24, 2), "k2"))
    assert "19 days supported (0–8, 10–19); 1 day excused (9); 4 days refuted (20–23)" in text


def test_a_withdrawal_is_told_until_its_end() -> None:
    """A withdraws at D+30 02:00: the notice and its end are told, then the winding up, then the end."""
    early = [group for group in golden_script() if group[0] <= at(30, 1)]
    folded = Folded(golden_terms(), [*early, *script((at(30, 2), [("A", Withdraw(text="enough"))]))])
    answer = why(folded.terms, folded.state, "arrangement")
    assert answer.state == "EFFECTIVE"
    assert "to end on 19 Aug 2016 02:00 UTC (D+35)." in said(answer)
    assert answer.deadlines[0].fires == at(35, 2)
    state = folded.state
    while (due := next_deadline(folded.terms, state)) is not None:
        shown = [d.fires for d in deadlines(folded.terms, state) if d.fires is not None]
        assert min(shown) == due
        state = advance(folded.terms, state, due).state
    assert why(folded.terms, state, "arrangement").state == "TERMINATED"
    assert "will not be released: it was forfeited" in why(folded.terms, state, "T6").sentences[0]


def test_an_unresumed_suspension_is_wound_up_when_it_said() -> None:
    """Without cure the arrangement ends at D+36 11:00, as `why` announced at D+22."""
    state = advance(golden().terms, golden().at(at(22, 11)), at(36, 11)).state
    answer = why(golden().terms, state, "arrangement")
    assert answer.state in {"WINDING", "TERMINATED"}
    assert state.duties["C2"].state == "BREACHED"
    assert "broken" in why(golden().terms, state, "C2").sentences[0]


def waiting(until: int) -> Folded:
    """The golden scenario up to D+10, with a refuting quorum on day 9, on which a notified flight lies."""
    early = [group for group in golden_script() if group[0] < at(10)]
    return Folded(golden_terms(), [*early, *script((until, attest("m5", "k2", 9, False)))])


@pytest.mark.parametrize("subject", ["k2#9", "k2", "C2", "T3"])
def test_a_refuting_quorum_that_waits_for_its_excuse_is_told(subject: str) -> None:
    """With three "no" on day 9 and a notice in time, whoever asks hears that they are enough and wait for x2."""
    text = said(why(waiting(at(9, 12)).terms, waiting(at(9, 12)).state, subject))
    assert "First monitor (m1), Second monitor (m2) and Neutral body (m5) say that claim k2" in text
    assert "which is enough to refute it" in text
    assert "waits for the excuse: claim x2" in text
    assert "would refute it" not in text


def test_a_waiting_quorum_names_who_can_excuse_and_until_when() -> None:
    """The block names x2's monitors and the end of its report; the deadline says that REFUTED follows, as it does."""
    folded = waiting(at(9, 12))
    answer = why(folded.terms, folded.state, "k2#9")
    assert (answer.blocked_on[0].subject, answer.blocked_on[0].until) == ("x2#9", at(11))
    assert answer.sentences[-1] == (
        "Next: its excuse, x2, by 26 Jul 2016 00:00 UTC (D+11), in 1 d 12 h; if nothing comes, k2 day 9 is REFUTED for"
        " good at D+11 01:00."
    )
    later = advance(folded.terms, folded.state, at(11, 1)).state
    assert later.claims["k2"].decided[9] == "R"


def test_without_a_notice_nothing_waits_for_an_excuse() -> None:
    """Two "no" on day 14, where no notice lies, are told as votes, and the deadline is UNKNOWN."""
    text = said(asked(at(14, 11), "k2#14"))
    assert "say it did not hold (3 would refute it)" in text
    assert "excuse" not in text


def silent() -> Folded:
    """The golden scenario up to D+6, and then silence."""
    return Folded(golden_terms(), [group for group in golden_script() if group[0] < at(6)])


@pytest.mark.parametrize(("subject", "reason"), [
    ("T2", "only 6 days are left in the term"),
    ("T3", "the clean run that opens T2 must come first, and the term is too short for both"),
    ("T6", "the clean run that opens T5 must come first"),
])  # fmt: skip
def test_a_gate_that_can_never_open_says_so_and_why(subject: str, reason: str) -> None:
    """At D+42 too few days are left for T2's run: T2 and all that follows it can never open, and nothing is "next"."""
    folded = silent()
    answer = why(folded.terms, advance(folded.terms, folded.state, at(42)).state, subject)
    assert "can never open any more: " in answer.sentences[0]
    assert reason in answer.sentences[0]
    assert answer.sentences[-1] == (
        "It is forfeited once the term is over (30 Aug 2016 00:00 UTC (D+46)) and its last periods are decided."
    )
    assert answer.blocked_on
    assert all(block.final for block in answer.blocked_on)


def test_a_gate_that_may_still_open_is_not_called_dead() -> None:
    """At every state of the golden record, no tranche that was delivered later is said never to open."""
    for state in golden().states:
        for name in golden().terms.tranches:
            assert "can never" not in said(why(golden().terms, state, name))


def test_a_duty_whose_trigger_can_never_come_says_so() -> None:
    """C5a waits for T2, which can never open: it can never fall due; once EXPIRED it says why."""
    folded = silent()
    pending = why(folded.terms, advance(folded.terms, folded.state, at(42)).state, "C5a")
    assert pending.sentences[1].startswith("It can never fall due any more: tranche Historical summaries (T2)")
    expired = why(folded.terms, advance(folded.terms, folded.state, at(60)).state, "C5a")
    assert expired.state == "EXPIRED"
    assert "What would have made it owed can never come any more" in said(expired)


@pytest.mark.parametrize("subject", ["arrangement", "k2", "k2#40", "k5b", "C2", "T6"])
def test_after_the_end_nothing_meaningless_is_next(subject: str) -> None:
    """Terminated at D+35, the arrangement and what ended with it name no next event and ask nobody to attest."""
    early = [group for group in golden_script() if group[0] <= at(30, 1)]
    folded = Folded(golden_terms(), [*early, *script((at(30, 2), [("A", Withdraw(text="enough"))]))])
    answer = why(folded.terms, advance(folded.terms, folded.state, at(36)).state, subject)
    assert "Next:" not in said(answer)
    assert "can attest" not in said(answer)
    if subject == "arrangement":
        assert "It was wound up after a withdrawal; no tranche is owed any more." in answer.sentences
        assert "C9 (" in answer.sentences[-1]


def test_winding_up_names_what_is_owed_and_its_deadline() -> None:
    """While a delivered tranche is still owed after a withdrawal, that is what comes next, not the end of the term."""
    early = [group for group in golden_script() if group[0] <= at(30, 1)]
    notice: Group = (at(30, 2), [("A", Withdraw(text=""))])
    folded = Folded(golden_terms(), [*early, *script(notice, (at(31, 1), day(30)), (at(34, 20), deliver("T4")))])
    answer = why(folded.terms, advance(folded.terms, folded.state, at(35, 3)).state, "arrangement")
    assert answer.state == "WINDING"
    assert "still to settle: T4." in answer.sentences[2]
    assert "Next: Arandia to release T4" in answer.sentences[-1]


def alleged(*answer: tuple[str, Body]) -> Folded:
    """The golden scenario up to D+14 10:00, where Arandia alleges k2 day 14, and then this answer."""
    before = [group for group in golden_script() if group[0] < at(14, 10)]
    group: Group = (at(14, 10), [("A", Allege(claim="k2", period=14, hold=True, text="seen"))])
    return Folded(golden_terms(), [*before, *script(group, (at(14, 11), list(answer)))])


def test_a_refutation_by_admission_is_not_laid_to_attesters() -> None:
    """Refuted because the debtor admitted the allegation: the period and the allegation say so; what the state does not
    tell is not said: the monitors may have been first."""
    folded = alleged(("B", Respond(allegation=A1, answer="ADMITTED")))
    period, allegation = (why(folded.terms, folded.state, subject) for subject in ("k2#14", A1))
    assert period.state == "REFUTED"
    assert period.sentences[0].endswith(
        f" for day 14: allegation {A1} is UPHELD (Borovia admitted it), unless enough monitors"
        " had attested before that it did not hold."
    )
    assert allegation.sentences[0] == (
        f"Allegation {A1} is UPHELD: Borovia admitted it, unless the monitors had found k2 day 14 REFUTED before; the"
        " record shows which, and when."
    )


def test_an_allegation_that_determiners_closed_names_them() -> None:
    """Dismissed by three determiners: they are named, and the period stays open to its attestations."""
    votes = [(m, Determine(allegation=A1, uphold=False)) for m in ("m3", "m4", "m5")]
    folded = alleged(*votes)
    answer = why(folded.terms, folded.state, A1)
    who = "Third monitor (m3), Fourth monitor (m4) and Neutral body (m5)"
    assert answer.sentences[0] == f"Allegation {A1} is DISMISSED: {who} voted to dismiss it; the record shows when."


def test_an_allegation_that_nobody_decided_says_by_when() -> None:
    """Dismissed by time alone, it names the end of the determination and nobody."""
    folded = alleged()
    answer = why(folded.terms, advance(folded.terms, folded.state, at(19)).state, A1)
    until = "1 Aug 2016 10:00 UTC (D+17)"
    said_first = f"Allegation {A1} is DISMISSED: neither monitors nor determiners had decided it by {until}."
    assert answer.sentences[0] == said_first


@pytest.mark.parametrize(("subject", "cause"), [
    ("k2#20", "is REFUTED for day 20: at least 3 of 5 monitors (m1–m5) attested that it did not hold."),
    ("k2#9", "is EXCUSED for day 9: a notice given in time covers it, and claim x2"),
    ("k5a", "is SUPPORTED, since 31 Jul 2016 09:00 UTC (D+16): at least 2 of "),
])  # fmt: skip
def test_what_is_decided_says_by_what(subject: str, cause: str) -> None:
    """A decided claim tells how many attested, or which notice excused it, and when, where the state holds it."""
    assert cause in asked(at(30), subject).sentences[0]


def test_what_stays_unknown_says_when_the_time_was_over() -> None:
    """A period on which too few spoke names the end of its report."""
    state = advance(silent().terms, silent().state, at(9)).state
    text = why(silent().terms, state, "k2#6").sentences[0]
    assert text.endswith(
        "no quorum of monitors agreed by 23 Jul 2016 00:00 UTC (D+8), when the time to report was over."
    )


def test_a_clock_that_stands_shows_what_is_left_and_no_date() -> None:
    """While T3 is withheld its release has no date that counts: what remains is told instead."""
    answer = asked(at(14, 10), "T3.release")
    assert "Due:" not in said(answer)
    assert "once it runs again, " in said(answer)
    held = golden().at(at(10))
    duty = replace(held.duties["C5a"], frozen_at=at(22))
    text = said(why(golden().terms, replace(held, duties=held.duties | {"C5a": duty}), "C5a"))
    since = "Its clock has been paused since 6 Aug 2016 00:00 UTC (D+22)"
    assert f"{since}: once it runs again, 1 d 6 h will be left." in text
    assert "owes it by" not in text


def test_suspended_tells_that_determiners_may_resume_too() -> None:
    """How many determiners it takes, who must be among them, and who has agreed so far."""
    early = [group for group in golden_script() if group[0] <= at(22, 10)]
    one = Folded(golden_terms(), [*early, *script((at(22, 12), [("m3", Resume())]))])
    text = said(asked(at(22, 11), "arrangement"))
    assert "determiners may agree instead: it takes 3 of 5 monitors (m1–m5), m5 among them; none has so far." in text
    assert "Third monitor (m3) did so far." in said(why(one.terms, one.state, "arrangement"))
    three: Group = (at(22, 12), [(m, Resume()) for m in ("m3", "m4", "m5")])
    all_three = Folded(golden_terms(), [*early, *script(three)])
    text = said(why(all_three.terms, all_three.state, "arrangement"))
    assert "which suffices: they are the determiners' quorum" in text
    assert "have yet to agree" not in text


@pytest.mark.parametrize("subject", ["T2", "T2.release"])
def test_a_broken_release_says_why_and_that_the_recipient_may_leave(subject: str) -> None:
    """T2 unreleased at the end of its cure: both deadlines are named, and that Borovia may withdraw at once."""
    early = Folded(golden_terms(), [group for group in golden_script() if group[0] <= at(8)])
    text = said(why(early.terms, advance(early.terms, early.state, at(11)).state, subject))
    due, cure = "24 Jul 2016 01:00 UTC (D+9)", "25 Jul 2016 01:00 UTC (D+10)"
    assert (
        f"Arandia broke the duty to release T2: no release came when due on {due}, nor by {cure}, to cure it." in text
    )
    assert "Borovia may withdraw at once, without notice." in text
