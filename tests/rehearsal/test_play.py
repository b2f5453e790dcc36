"""How a script is played: what happens by itself, who is silent, where the record stands still, and what is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armslength.core.arrangement.bodies import Sign
from armslength.core.arrangement.state import State
from armslength.engine.actions import Action, TrancheFacts, next_action
from armslength.rehearsal.acts import next_act
from armslength.rehearsal.play import Play
from armslength.wire.script import AGREED, BadScript, Script
from armslength.wire.script_expect import read_goal
from armslength.wire.terms_values import BadValue
from tests.golden.terms import END, HOUR, at
from tests.rehearsal.support import TERMS, example, play, read
from tests.views.fold import golden

GOOD = "otherwise: agreed\n"
ACTS = {
    "commit": Action.COMMIT, "cipher": Action.ACK_CIPHER, "release": Action.RELEASE, "key": Action.KEY,
    "plain": Action.ACK_PLAIN,
}  # fmt: skip


@pytest.mark.parametrize("name", ["july-2016", "hospital", "quality"])
def test_as_agreed_all_ends_well(name: str) -> None:
    """Where everybody does as agreed every tranche is SETTLED, every duty FULFILLED, and the arrangement COMPLETED."""
    found = Play(example(name), Script(title="all", otherwise=AGREED)).run()
    assert found.state.shown == "COMPLETED"
    assert {tranche.stage for tranche in found.state.tranches.values()} == {"SETTLED"}
    assert {duty.state for duty in found.state.duties.values()} == {"FULFILLED"}
    assert found.ok


def _of_a_node(state: State, me: str, name: str, now: int) -> Action | None:
    """What a node's own plan says next, where everything that it needs beside the record is there."""
    paused = state.tranches[name].shown == "WITHHELD"
    transfer = "SUSPENDED" if paused else "STARTED"
    facts = TrancheFacts(published=True, agreed=True, transfer=transfer, downloaded=True, opened=True)
    return next_action(TERMS, state, me, name, facts, now)


def test_nodes_act_as_the_plan_of_a_node_has_it() -> None:
    """At every state of the golden scenario, a rehearsal's node does what a real one would, which has all it needs."""
    compared = 0
    for state in golden().states:
        now = state.clock.now
        for name, tranche in TERMS.tranches.items():
            planned = {
                (me, action)
                for me in (tranche.provider, tranche.recipient)
                if (action := _of_a_node(state, me, name, now)) in ACTS.values()
            }
            act = next_act(TERMS, state, name)
            assert ({(act.author, ACTS[act.kind])} if act else set()) == planned, (now, name)
            compared += len(planned)
    assert compared > 100


def test_what_the_script_tells_no_node_does_by_itself() -> None:
    """An act that the script tells comes when it says so; one that it rules out does not come."""
    found = play(f"{GOOD}- {{at: D+9 06:00, say: A releases T2}}\n- {{at: D, say: A never hands over the key of T3}}")
    changes = {(c.subject, c.after): c.at for entry in found.placed for c in entry.changes}
    assert changes["T2", "RELEASED"] == at(9, 6)
    assert changes["T2.release", "OVERDUE"] == at(9, 2)
    assert found.state.tranches["T3"].stage == "RELEASED"
    assert found.state.duties["T3.release"].state == "BREACHED"
    assert found.state.tranches["T4"].stage == "FORFEITED"


def test_a_silent_party_s_node_is_silent_too() -> None:
    """Who says nothing fetches nothing and releases nothing; and is back where the silence ends."""
    found = play(
        f"{GOOD}- silence: B from D+3 to D+8\n- {{at: D+7 12:00, expect: T2 is READY}}\n"
        "- {at: D+9, expect: T2 is SETTLED}\n"
    )
    assert found.ok


def test_silence_about_some_periods() -> None:
    """Of these periods nothing is said, and of others as before."""
    found = play(f"{GOOD}- silence: m5 on k2#3..4")
    assert found.state.claims["k2"].decided == "SSSUU" + "S" * 41


def test_nobody_speaks() -> None:
    """From then on deadlines alone move the arrangement; without `otherwise` nobody ever speaks."""
    found = play(f"{GOOD}- {{at: D+3, expect: k2#1 is SUPPORTED}}\n- silence: nobody speaks")
    assert found.state.claims["k2"].decided == "SS" + "U" * 44
    assert {entry.type for entry in found.placed if entry.at > at(3)} == {"seal"}
    assert not play("- {at: D+2, expect: k2#0 is UNDECIDED}").mismatches


def test_where_the_keeper_is_down_the_record_stands_still() -> None:
    """Nothing is placed meanwhile; afterwards what was said counts with its own time."""
    found = play(
        f"{GOOD}- down: m5 from D+5 12:00 to D+6 12:00\n- {{at: D+6 10:00, expect: k1a#5 is UNDECIDED}}\n"
        "- {at: D+6 11:00, say: A withdraws}\n"
    )
    assert found.ok
    assert not [entry for entry in found.placed if at(5, 12) < entry.at < at(6, 1)]
    (notice,) = [entry for entry in found.placed if entry.type == "withdraw"]
    assert (notice.at, found.placed[notice.index - 1].at < at(6, 12)) == (at(6, 11), True)
    assert found.state.arrangement.withdrawals["A"].at == at(6, 11)


def test_where_the_keeper_stays_down_nothing_more_happens() -> None:
    """The last sealed state stays, and it is said whose node is missing; an expectation that fails says so too."""
    found = play(f"{GOOD}- down: m5 from D+5 12:00\n- {{at: D+9, expect: T2 is READY}}")
    assert found.state.clock.now == at(5, 1) or found.state.clock.now <= at(5, 12)
    assert found.stands == ("m5",)
    (missed,) = found.mismatches
    assert "stands still" in missed.why[-1]
    assert "Neutral body" in missed.why[-1]


def test_one_timekeeper_of_three_is_not_missed() -> None:
    """While a quorum of timekeepers is up, time goes on."""
    assert play(f"{GOOD}- down: A from D+5 to D+6\n- {{at: D+5 02:00, expect: k2#4 is SUPPORTED}}").ok


def test_a_mismatch_tells_line_state_and_reason() -> None:
    """What was expected, what is, and why; a statement that is refused, and one that is not."""
    found = play(
        f"""{GOOD}- {{at: D+3, expect: T2 is READY}}
- {{at: D+3 01:00, say: m1 attests k2#9 true}}
- {{at: D+3 02:00, say: A alleges k2#1, refused: authority}}
- {{at: D+3 02:00, say: A alleges k1a#1, refused: authority}}
- expect: T3 is never RELEASED
- expect: T2 becomes READY at D+8
"""
    )
    assert [missed.line for missed in found.mismatches] == [4, 5, 6, 8, 9]
    state, early, taken, never, becomes = found.mismatches
    assert state.found == "T2 is LOCKED"
    assert "7 clean days in a row" in " ".join(state.why)
    assert "refused (early)" in early.found
    assert taken.found == "it was taken"
    assert never.found == "it became RELEASED at D+14 01:00"
    assert becomes.found == "it became READY at D+7 01:00"
    assert found.checked == 5
    assert not found.ok


def test_a_correction_replaces_and_a_repeat_is_refused() -> None:
    """`corrects` names the attestation that it replaces; to say another thing again without it is refused."""
    text = """- {at: D+1 01:00, say: m1 attests k2#0 true}
- {at: D+1 02:00, say: m1 attests k2#0 false, refused: repeat}
- {at: D+1 03:00, say: m1 corrects k2#0 to false}
- {at: D+1 04:00, say: 'm2, m5 attest k2#0 false'}
- expect: k2#0 is REFUTED
"""
    assert not play(text).mismatches


def test_played_until() -> None:
    """A goal stops the rehearsal at the change that reaches it, and counts what was not played."""
    script = read(
        f"{GOOD}- {{at: D+3, say: A withdraws}}\n- {{at: D+2, expect: T1 is SETTLED}}\n"
        "- {at: D+20, expect: T1 is LOCKED}\n"
    )
    found = Play(TERMS, script).run(read_goal(TERMS, "withdrawal"))
    assert found.reached is not None
    assert (found.reached.after, found.reached.at) == ("WINDING", at(8))
    assert (found.ok, found.checked, found.unplayed) == (True, 1, 1)
    never = Play(TERMS, read(f"{GOOD}- {{at: D+3, expect: T1 is SETTLED}}")).run(
        read_goal(TERMS, "suspended:arrangement")
    )
    assert (never.ok, never.mismatches, never.reached) == (False, (), None)
    assert Play(TERMS, script).run(read_goal(TERMS, "forfeited:T6")).reached


@pytest.mark.parametrize("text", ["brech", "withheld", "withheld:T9", "done:T4", "withheld:T3,T4", ":T4", ""])
def test_what_is_no_goal(text: str) -> None:
    """A goal that is none is refused."""
    with pytest.raises(BadValue):
        read_goal(TERMS, text)


def test_a_play_can_be_copied() -> None:
    """What is played on from a copy leaves the other as it was."""
    first = Play(TERMS, Script(title="all", otherwise=AGREED))
    while (when := first.next_instant()) is not None and when < at(10):
        first.play(when)
    other = first.copy()
    size = len(first.placed)
    assert other.run().state.shown == "COMPLETED"
    assert len(first.placed) == size
    assert first.run().state == other.state


def test_the_state_at_any_instant() -> None:
    """The state between two entries, before the first and after the last."""
    found = play(f"{GOOD}- {{at: D+9 06:00, say: A releases T2}}")
    assert found.at(at(-5)).shown == "PROPOSED"
    assert found.at(at(7)).tranches["T2"].shown == "LOCKED"
    assert found.at(at(8)).tranches["T2"].shown == "DELIVERED"
    assert found.at(at(9, 3)).duties["T2.release"].state == "OVERDUE"
    assert found.at(END + 400 * 86400).shown == "COMPLETED"


def test_without_grace_what_is_owed_comes_in_time() -> None:
    """Those who do as agreed are in time even where no grace is given."""
    terms = replace(TERMS, grace=0)
    found = Play(terms, Script(title="all", otherwise=AGREED)).run()
    assert {duty.state for duty in found.state.duties.values()} == {"FULFILLED"}


def test_who_signs_late() -> None:
    """Parties sign when the script says so, once; else at the stated start."""
    found = play(f"{GOOD}- {{at: start+2d, say: all sign}}\n- {{at: D, expect: arrangement is EFFECTIVE}}")
    assert found.ok
    assert found.state.arrangement.effective_at == at(2)
    assert sum(isinstance(entry.body, Sign) for entry in found.placed) == 2
    assert HOUR == 3600


def test_exposure_is_expected() -> None:
    """At an instant, or at no time of the whole rehearsal; what is above is told with its value and its reason."""
    good = "- {at: D+9, expect: exposure of A is at most 1.85}\n- expect: exposure of B is never above 0\n"
    assert play(f"{GOOD}{good}").ok
    found = play(f"{GOOD}- {{at: D+9, expect: exposure of A is at most 1}}\n- expect: exposure of A is never above 4")
    now, never = found.mismatches
    assert now.found == "it is 1.83"
    assert never.found.startswith("it is 4.26 on 20 Aug 2016")
    for line in ("exposure of m1 is at most 1", "exposure of A is 3", "exposure of A is never above 3 at D+5"):
        with pytest.raises(BadScript):
            read(f"- {{at: D, expect: {line}}}")


def test_outages_that_overlap_come_to_an_end() -> None:
    """Who is back while the record still stands still speaks once it goes on, and only once."""
    text = "- down: I from D+5 to D+12\n- down: L from D+11 to D+19\n- down: B from D+26 to D+32"
    found = play(f"{GOOD}{text}", example("quality"))
    assert found.state.shown == "COMPLETED"
    assert len(found.placed) < 60
