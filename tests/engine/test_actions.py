"""What a node does of itself, as the pure plan of its acts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.state import State
from armslength.core.process import Role
from armslength.engine.actions import Action, TrancheFacts, next_action
from armslength.errors import Refused
from tests.core.arrangement.play import act
from tests.core.arrangement.small import END, GRACE, D, begun, delivered, release_and_key, tranche
from tests.golden.terms import at, golden_script, golden_terms
from tests.views.fold import Folded

TERMS = golden_terms()


@pytest.fixture(scope="module", name="golden")
def _golden() -> Folded:
    return Folded(TERMS, golden_script())


def _acts(state: State, me: str, now: int, **facts: TrancheFacts) -> dict[str, Action]:
    found = {name: next_action(TERMS, state, me, name, facts.get(name, TrancheFacts()), now) for name in TERMS.tranches}
    return {name: action for name, action in found.items() if action is not None}


def test_nothing_before_all_have_signed(golden: Folded) -> None:
    """Nobody acts on terms that are only proposed."""
    known = TrancheFacts(agreed=True, published=True)
    assert _acts(golden.states[0], "A", at(-3), T1=known) == {}
    assert _acts(golden.states[1], "A", at(-3), T1=known) == {}


def test_provider_commits_what_is_published_and_agreed(golden: Folded) -> None:
    """Content is committed once there is a sealed file and an agreement to name, and not twice."""
    signed = golden.states[2]
    assert _acts(signed, "A", at(-2), T1=TrancheFacts(agreed=True)) == {}
    assert _acts(signed, "A", at(-2), T1=TrancheFacts(published=True)) == {}
    assert _acts(signed, "A", at(-2), T1=TrancheFacts(agreed=True, published=True)) == {"T1": Action.COMMIT}
    assert (
        _acts(signed, "A", at(-2), T1=TrancheFacts(agreed=True, published=True, said=frozenset({Action.COMMIT}))) == {}
    )


def test_embargo_holds_the_release(golden: Folded) -> None:
    """A DELIVERED tranche is released when the owner's embargo is over, and a key follows (rule 6.3b)."""
    delivered = golden.at(at(9, 2))
    known = TrancheFacts(agreed=True, published=True, transfer="STARTED", release_after=at(9, 6))
    assert "T2" not in _acts(delivered, "A", at(9, 5), T2=known)
    assert _acts(delivered, "A", at(9, 6), T2=known)["T2"] is Action.RELEASE


@pytest.mark.parametrize("when", [at(14, 11), at(20, 11), at(23)])
def test_nothing_is_released_while_withheld(golden: Folded, when: int) -> None:
    """HELD, OVERDUE or SUSPENDED: no release, no start, and what was started is suspended."""
    state = golden.at(when)
    ready = {name: TrancheFacts(agreed=True, published=True, transfer="STARTED") for name in TERMS.tranches}
    acts = _acts(state, "A", when, **ready)
    assert not set(acts.values()) & {Action.RELEASE, Action.KEY, Action.START}
    assert acts["T4"] is Action.SUSPEND


def test_recipient_goes_step_by_step(golden: Folded) -> None:
    """Negotiate, request, download, acknowledge; then open what was released and say so (rule 6.6a)."""
    signed, ready = golden.states[2], golden.at(at(7, 1))
    assert _acts(signed, "B", at(-2), T1=TrancheFacts())["T1"] is Action.NEGOTIATE
    assert "T1" not in _acts(signed, "B", at(-2), T1=TrancheFacts(negotiating=True))
    assert _acts(signed, "B", at(-2), T1=TrancheFacts(agreed=True))["T1"] is Action.REQUEST
    started = TrancheFacts(agreed=True, transfer="STARTED")
    assert _acts(ready, "B", at(7, 1), T2=started)["T2"] is Action.DOWNLOAD
    settled = golden.at(at(9, 7))
    done = TrancheFacts(agreed=True, transfer="STARTED", downloaded=True, opened=True)
    assert _acts(settled, "B", at(9, 7), T2=done)["T2"] is Action.COMPLETE


def test_who_suspended_a_transfer_resumes_it(golden: Folded) -> None:
    """A provider starts again what it has suspended itself; what the recipient has suspended waits for the recipient,
    and is then given a new address. A recipient without one has nothing to download (rules 6.6b, 6.6d)."""
    ready = golden.at(at(7, 1))
    paused = TrancheFacts(
        agreed=True, published=True, transfer="SUSPENDED", suspended_by=Role.PROVIDER, addressed=False
    )
    assert _acts(ready, "A", at(7, 1), T2=paused) == {"T2": Action.START}
    assert _acts(ready, "A", at(7, 1), T2=replace(paused, suspended_by=Role.CONSUMER)) == {"T2": Action.RELEASE}
    resumed = TrancheFacts(agreed=True, published=True, transfer="STARTED", addressed=False)
    assert _acts(ready, "A", at(7, 1), T2=resumed) == {"T2": Action.START}
    assert _acts(ready, "A", at(7, 1), T2=replace(resumed, addressed=True)) == {"T2": Action.RELEASE}
    assert _acts(ready, "B", at(7, 1), T2=resumed).get("T2") is None
    live = golden.at(at(14, 11))
    assert _acts(live, "A", at(14, 11), T3=resumed)["T3"] is Action.SUSPEND


def test_an_answer_is_not_tried_after_its_time(golden: Folded) -> None:
    """Until ackBy the recipient says what became of the key; then it says nothing, though silence counts only after
    the grace. In WINDING no ciphertext is acknowledged after deliverBy. The file is opened all the same."""
    state, term = golden.at(at(9, 6)), TERMS.tranches["T2"]
    there = replace(state.tranches["T2"], stage="RELEASED", key_at=at(9, 6))
    released = replace(state, tranches={**state.tranches, "T2": there})
    opened = TrancheFacts(agreed=True, transfer="STARTED", downloaded=True, opened=True)
    last = at(9, 6) + term.ack_by
    assert _acts(released, "B", last, T2=opened)["T2"] is Action.ACK_PLAIN
    assert "T2" not in _acts(released, "B", last + 1, T2=opened)
    assert _acts(released, "B", last + 1, T2=replace(opened, opened=False))["T2"] is Action.OPEN
    ready = replace(state.tranches["T2"], stage="READY", gate_at=at(7))
    winding = replace(
        state,
        arrangement=replace(state.arrangement, phase="WINDING", winding_by="withdrawal"),
        tranches={**state.tranches, "T2": ready},
    )
    here, last = replace(opened, opened=False), at(7) + term.deliver_by
    assert _acts(winding, "B", last, T2=here)["T2"] is Action.ACK_CIPHER
    assert "T2" not in _acts(winding, "B", last + 1, T2=here)


def test_a_request_that_the_provider_has_refused_is_open_again(golden: Folded) -> None:
    """Until the tranche has ended; a transfer that had begun and was terminated is not asked for once more."""
    refused = TrancheFacts(agreed=True, transfer="TERMINATED", unacknowledged=True, addressed=False)
    assert _acts(golden.states[2], "B", at(-2), T1=refused)["T1"] is Action.REQUEST
    assert "T1" not in _acts(golden.states[2], "B", at(-2), T1=replace(refused, unacknowledged=False))
    assert "T1" not in _acts(golden.at(at(9, 7)), "B", at(9, 7), T1=refused)


def test_a_key_is_tried_for_as_long_as_it_is_accepted() -> None:
    """Whenever a clock stands, before the end of the term and after it, the plan and the pure step say the same: past
    keyBy and its cure a key is a late remedy until the term is over, and nothing from then on (rule 6.3d)."""
    for before_end in (300, 15):
        play = begun(tranches={"t": tranche(release_by=900)})
        delivered(play, D)
        release, key = release_and_key("t")
        play.say(END - before_end, "P", release)
        play.seal(END - before_end)
        due = play.state.tranches["t"].key_due
        assert due is not None
        tried = []
        for now in (due, due + 1, due + 50, due + 51, END - 1, END, END + 1, due + 51 + GRACE):
            action = next_action(play.terms, play.state, "P", "t", TrancheFacts(transfer="STARTED"), now)
            try:
                step.apply(play.terms, play.state, act("P", now, key))
                accepted = True
            except Refused:
                accepted = False
            assert (action is Action.KEY) == accepted, (before_end, now)
            tried.append(accepted)
        assert {True, False} == set(tried)
