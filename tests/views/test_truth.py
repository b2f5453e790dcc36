"""Views say what the record says, and nothing that it does not: each case here was once told wrongly."""

from __future__ import annotations

from collections.abc import Iterable

from armslength.core.arrangement.bodies import Allege, Attest, Body, Determine, Evidence, Resume, Seal, Sign
from armslength.core.arrangement.step import EntryInput, apply, initial
from armslength.core.arrangement.terms import Arrangement, CleanRun, Due
from armslength.views.deadlines import Deadline, deadlines
from armslength.views.explain import why
from armslength.views.placed import PlacedEntry
from armslength.views.status import status
from armslength.views.textual import plain, status_text
from armslength.views.timeline import timeline
from armslength.views.words import Words
from tests.core.arrangement.small import (
    END,
    GRACE,
    MONITORS,
    D,
    achieve,
    answer,
    clear,
    content,
    delivering,
    event,
    maintain,
    release_and_key,
    start,
    state_claim,
    terms,
    tranche,
)
from tests.views.fold import Folded

FOUR = ("n1", "n2", "n3", "N")


def folded(rules: Arrangement, *entries: tuple[int, str, Body]) -> Folded:
    """The entries of a small arrangement that both parties have signed."""
    signed = [(D - 10, [("P", Sign()), ("Q", Sign())])]
    return Folded(rules, [*signed, *((time, [(author, body)]) for time, author, body in entries)])


def attests(time: int, who: Iterable[str], period: int, value: bool) -> list[tuple[int, str, Body]]:
    """Each of them says so of k1."""
    return [(time, name, Attest(claim="k1", period=period, value=value)) for name in who]


def after(history: Folded, time: int, subject: str) -> str:
    """All that `why` says of a subject if nothing comes until then."""
    return " ".join(why(history.terms, history.at(time), subject).sentences)


def next_of(history: Folded, time: int, subject: str) -> list[Deadline]:
    """The deadlines of a subject that run then."""
    return [each for each in deadlines(history.terms, history.at(time)) if each.subject == subject]


def told(history: Folded) -> str:
    """The whole timeline as text."""
    lines = timeline(history.terms, history.placed, history.state)
    return "\n".join(line.did + "".join(f" > {effect.text}" for effect in line.effects) for line in lines)


def test_nobody_is_said_to_have_spoken_of_a_period_of_which_others_spoke() -> None:
    """Four support period 0, three of them period 1, and the fourth denies it: both fold into one line, which names the
    four for one and the three for the other."""
    rules = terms(claims={"k1": state_claim(monitors=FOUR, support=3, refute=3)}, duties={"d1": maintain("k1")})
    history = folded(
        rules,
        *attests(start(1), FOUR, 0, True),
        *attests(start(2), MONITORS, 1, True),
        *attests(start(2.5), ("N",), 1, False),
    )
    (line,) = [line for line in timeline(rules, history.placed) if line.who and line.entries[:1] == (2,)]
    assert line.until == start(2)
    assert line.did == (
        "N, n1, n2 and n3 attest that k1 (It is so) held on period 0; "
        "n1, n2 and n3 attest that k1 (It is so) held on period 1"
    )


def test_whoever_is_excluded_is_named_and_the_arrangement_is_not() -> None:
    """An equivocator counts no more: that happens to it, not to the arrangement."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1")})
    state = folded(rules).state
    act = EntryInput(
        author="P",
        stamp=start(1),
        type="evidence",
        body=Evidence(kind="equivocation", first="", second=""),
        entry="e",
        culprit="n2",
    )
    out = apply(rules, state, act)
    placed = PlacedEntry(index=0, entry="e", author="P", type="evidence", body=act.body, at=out.at, changes=out.changes)
    (effect,) = [e for line in timeline(rules, [placed], out.state) for e in line.effects if e.after == "EXCLUDED"]
    assert effect.text == "n2 counts no more: EXCLUDED"
    assert "arrangement" not in effect.text.lower()


def test_a_period_on_which_all_have_spoken_is_not_one_on_which_too_few_did() -> None:
    """Two say yes and two say no: what is missing is a quorum, not voices."""
    rules = terms(claims={"k1": state_claim(monitors=FOUR, support=3, refute=3)}, duties={"d1": maintain("k1")})
    split = [*attests(start(1), FOUR[:2], 0, True), *attests(start(1), FOUR[2:], 0, False)]
    history = folded(rules, *split, *attests(start(3), FOUR, 2, True))
    answer = " ".join(why(rules, history.state, "k1#0").sentences)
    assert "UNKNOWN" in answer
    assert "no quorum of monitors agreed" in answer
    assert "few" not in answer


def test_a_quorum_is_told_by_its_number() -> None:
    """Three of four suffice: nobody says that four must agree."""
    rules = terms(claims={"k1": state_claim(monitors=FOUR, support=3, refute=3)}, duties={"d1": maintain("k1")})
    running = status(rules, folded(rules, *attests(start(1), FOUR[:1], 0, True)).state).deadlines
    (waits,) = [each.waits_for for each in running if each.subject == "k1#0"]
    assert waits.startswith("3 of ")
    assert waits.endswith("to decide k1 period 0")


def test_what_was_suspended_is_not_said_to_be_in_force_since_its_start() -> None:
    """After suspension, remedy and resumption the start is told as the start, and as nothing else."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1", cure=0, remedy_run=1)})
    history = folded(
        rules,
        *attests(start(1), MONITORS, 0, False),
        *attests(start(2), MONITORS, 1, True),
        (start(2), "P", Resume()),
        (start(2), "Q", Resume()),
    )
    assert "SUSPENDED" in told(history)
    assert history.state.shown == "EFFECTIVE"
    lead = why(rules, history.state, "arrangement").sentences[0]
    assert "; it took effect on " in lead
    assert "since" not in lead


def test_a_breach_that_was_made_good_is_told_whatever_came_of_the_duty_since() -> None:
    """Breach, remedy, then a period that nobody verifies: UNVERIFIED, and the breach is still told."""
    rules = terms(
        claims={"k1": state_claim()}, duties={"d1": maintain("k1", cure=0, remedy_run=1, consequence="record")}
    )
    clean = [entry for number in range(1, 9) for entry in attests(start(number + 1), MONITORS, number, True)]
    history = folded(rules, *attests(start(1), MONITORS, 0, False), *clean)
    state = history.at(END + 300)
    assert state.duties["d1"].state == "UNVERIFIED"
    answer = " ".join(why(rules, state, "d1").sentences)
    assert "is REMEDIED since" in answer
    assert "it was a breach" in answer
    line = next(line for line in status(rules, state).duties if line.id == "d1")
    assert line.remedied == 1
    assert "broken before, and made good" in plain(status_text(rules, status(rules, state), 100))


def test_nothing_waits_for_an_answer_to_what_is_decided() -> None:
    """The monitors uphold an allegation before it is answered: an answer is no longer what comes next."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1", consequence="record")})
    alleged = (start(0.5), "P", Allege(claim="k1", period=0, hold=False))
    history = folded(rules, alleged, *attests(start(0.6), MONITORS, 0, False))
    (name,) = history.state.allegations
    assert history.state.allegations[name].outcome == "UPHELD"
    assert history.state.allegations[name].answer is None
    assert "answer" not in " ".join(s for s in why(rules, history.state, name).sentences if s.startswith("Next"))
    (waits,) = [each for each in status(rules, history.state).deadlines if each.subject == name]
    assert waits.idle


def test_more_than_the_least_may_have_attested() -> None:
    """With a monitor that must be among them, three have said so before it counts: two is no number to tell."""
    rules = terms(claims={"k1": state_claim(including=("n3",))}, duties={"d1": maintain("k1")})
    said = after(folded(rules, *attests(start(1), MONITORS, 0, True)), start(1.5), "k1#0")
    assert "at least 2 of n1, n2 and n3 attested that it held" in said


def test_a_breach_without_a_cure_is_told_at_once() -> None:
    """With no time to cure, BREACHED is what follows, and not OVERDUE first."""
    rules = terms(claims={"e": event()}, duties={"d1": achieve("e", cure=0)})
    (due,) = next_of(folded(rules), D + 1, "d1")
    assert due.then == "d1 is BREACHED: the arrangement is suspended"
    assert due.fires is not None
    assert folded(rules).at(due.fires).duties["d1"].state == "BREACHED"


def test_what_came_late_is_waited_for_no_more() -> None:
    """Shown after the deadline and before it fires: CURED is what follows, whatever comes."""
    rules = terms(claims={"e": event()}, duties={"d1": achieve("e")})
    history = folded(rules, *((start(3) + 1, n, Attest(claim="e", period=0, value=True)) for n in MONITORS))
    (due,) = next_of(history, start(3) + 2, "d1")
    assert (due.at, due.fires, due.then) == (start(3) + GRACE, start(3) + GRACE, "d1 is CURED")
    said = after(history, start(3) + 2, "d1")
    assert "to perform" not in said
    assert history.at(start(3) + GRACE).duties["d1"].state == "CURED"


def test_a_breach_after_the_term_suspends_nothing() -> None:
    """What is due at the end is broken after it: neither before nor after is it said to suspend."""
    rules = terms(claims={"e": event()}, duties={"d1": achieve("e", due=Due(anchor="end", after=0), surviving=True)})
    (cure,) = next_of(folded(rules), END + 50, "d1")
    assert cure.then == "d1 is BREACHED: it goes on record, and suspends nothing any more"
    said = after(folded(rules), END + 300, "d1")
    assert "While the term runs, such a breach suspends the arrangement; now that is COMPLETED." in said
    assert "Consequence" not in said


def test_what_nothing_can_show_any_more_is_not_said_to_be_remedied_once_shown() -> None:
    """The event is UNKNOWN for good: the duty is still owed, and stays broken."""
    rules = terms(claims={"e": event(report_by=300)}, duties={"d1": achieve("e", consequence="record", cure=0)})
    assert "It is still owed, but nothing can show it any more." in after(folded(rules), start(4), "d1")


def test_a_window_that_the_term_cuts_cures_nothing() -> None:
    """Refuted in the last period but one, with two periods to cure: there is one."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1", consequence="record")})
    history = folded(rules, *attests(start(9), MONITORS, 8, False))
    assert "the term ends before periods 9–10 are over, so that it can be cured no more" in after(
        history, start(9) + 1, "d1"
    )


def test_a_remedy_that_no_longer_fits_is_not_offered() -> None:
    """Broken in the last period, two clean ones would remedy it: there are none, and nobody waits for them."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1", cure=0)})
    history = folded(rules, *attests(start(9.5), MONITORS, 9, False))
    said = after(history, start(9.5) + 1, "d1")
    assert "the 2 clean periods in a row after period 9 that would remedy it can come no more" in said
    assert "d1 can be remedied no more, and is not waited for." in after(history, start(9.5) + 1, "arrangement")


def test_what_is_locked_at_the_end_may_still_open() -> None:
    """The last period is decided after the end, and opens the tranche: the end forfeits nothing by itself."""
    gate = CleanRun(claims=("k1",), length=1)
    rules = terms(claims={"k1": state_claim()}, tranches={"t": tranche(gate=gate)})
    (end,) = [d for d in next_of(folded(rules), start(9.5), "arrangement") if d.at == END]
    assert end.then.endswith("what is still LOCKED or READY once its last periods are decided is forfeited")
    assert folded(rules).at(END).tranches["t"].stage == "LOCKED"


def test_nobody_may_allege_what_is_withheld() -> None:
    """A READY tranche that is withheld cannot be late: no right is announced that would be refused."""
    rules = terms(
        claims={"k1": state_claim()}, duties={"d1": maintain("k1")}, tranches={"t": tranche(continuous=clear("d1"))}
    )
    pinned = [(D - 5, "P", content("t"))]
    assert next_of(folded(rules, *pinned), D + 1, "t")
    assert not next_of(folded(rules, *pinned, *attests(start(0.5), MONITORS, 0, False)), start(0.6), "t")


def test_whoever_has_alleged_a_tranche_may_not_allege_it_again() -> None:
    """Once it is alleged, the right is used up."""
    rules = terms(tranches={"t": tranche()})
    history = folded(rules, (D - 5, "P", content("t")), (start(1.5), "Q", Allege(tranche="t")))
    assert not next_of(history, start(1.6), "t")


def test_an_upheld_hold_waits_for_no_decision() -> None:
    """What is UPHELD holds until its limit or its cure; nobody is asked to decide it."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1", consequence="record")})
    history = folded(
        rules, (start(0.5), "P", Allege(claim="k1", period=0, hold=True)), *attests(start(0.6), MONITORS, 0, False)
    )
    (name,) = history.state.allegations
    (hold,) = [each for each in next_of(history, start(0.7), name) if "hold" in each.then]
    assert (hold.waits_for, hold.then) == ("the limit of the hold", f"the hold of {name} ends")
    for subject in ("arrangement", name):
        assert "determin" not in after(history, start(0.7), subject)
        assert "While it is open" not in after(history, start(0.7), subject)


def test_monitors_are_not_asked_about_what_they_have_left_undecided() -> None:
    """The period is UNKNOWN; the allegation about it is the determiners' alone."""
    rules = terms(claims={"k1": state_claim(report_by=20)}, duties={"d1": maintain("k1", consequence="record")})
    history = folded(rules, (start(0.9), "P", Allege(claim="k1", period=0)))
    (name,) = history.state.allegations
    waits = [each.waits_for for each in next_of(history, start(1.4), name) if each.then.endswith("DISMISSED")]
    assert waits == ["the determiners to decide"]


def test_a_dismissal_by_time_is_not_laid_to_the_monitors() -> None:
    """Dismissed when nobody had decided; that the event was found to be so later dismissed nothing."""
    rules = terms(claims={"e": event()}, duties={"d1": achieve("e", consequence="record")})
    history = folded(
        rules,
        (start(0.5), "P", Allege(claim="e", period=0)),
        *((start(4), n, Attest(claim="e", period=0, value=True)) for n in MONITORS),
    )
    (name,) = history.state.allegations
    said = after(history, start(4.1), name)
    assert f"{name} is DISMISSED: neither monitors nor determiners had decided it by" in said


def test_an_upheld_complaint_is_dated_as_the_complaint() -> None:
    """When it was upheld the state does not keep: the date told is the complaint's."""
    rules = terms(tranches={"t": tranche()})
    release, key = release_and_key("t")
    history = folded(
        rules,
        (D - 5, "P", content("t")), (start(0.1), "Q", delivering("t")), (start(0.2), "P", release),
        (start(0.3), "N", Seal(checkpoint="", state_root="")), (start(0.3), "P", key),
        (start(0.4), "Q", answer("t", False)),
        *((start(0.9), who, Determine(tranche="t", uphold=True)) for who in ("N", "n1")),
    )  # fmt: skip
    said = why(rules, history.state, "t").sentences[0]
    assert said.startswith("Q complained about Something (t) on ")
    assert f"on {Words.of(rules, history.state).moment(start(0.4))}, and the complaint was upheld." in said


def test_attestations_folded_into_one_line_begin_with_the_earliest() -> None:
    """An entry that was stamped before the one placed before it: the line begins when it does."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1")})
    history = folded(rules, *attests(start(1) + 5, ("n1", "n2"), 0, True), *attests(start(1) + 2, ("n3",), 0, True))
    (line,) = [line for line in timeline(rules, history.placed) if "attest" in line.did]
    assert (line.at, line.until) == (start(1) + 2, start(1) + 5)


def test_initial_state_of_small_terms_is_told() -> None:
    """Whatever is asked of terms that nobody has signed, there is an answer."""
    rules = terms(claims={"k1": state_claim()}, duties={"d1": maintain("k1")})
    for subject in ("arrangement", "k1", "k1#0", "d1"):
        assert why(rules, initial(rules), subject).sentences


def test_an_id_in_lower_case_stays_as_it_is() -> None:
    """An id is no word of ours: no capital is put before what happens to it."""
    rules = terms(claims={"access": state_claim()}, duties={"grounding": maintain("access")})
    assert "grounding: PENDING → ACTIVE" in told(folded(rules, (D, "N", Seal(checkpoint="", state_root=""))))


def test_what_supports_and_what_refutes_are_told_apart() -> None:
    """Two support and one refutes: nobody reads that one of them decides either way."""
    rules = terms(claims={"k1": state_claim(support=2, refute=1)}, duties={"d1": maintain("k1")})
    (due,) = next_of(folded(rules), D + 1, "k1#0")
    assert due.waits_for == "2 of n1, n2 and n3 to support k1 period 0, or 1 to refute it"
