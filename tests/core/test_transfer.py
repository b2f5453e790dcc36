"""The transfer's table, walked whole, and the laws around it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from armslength.core import transfer as tp
from armslength.core.process import Message, Role, queue, step
from armslength.core.transfer import FINAL, MESSAGES, TABLE, DataAddress, Transfer, TransferState
from armslength.errors import Refused

C, P = Role.CONSUMER, Role.PROVIDER
HERE = DataAddress(endpoint_type="HTTP", endpoint="https://p/data/1", authorization="t1", auth_type="bearer")
THERE = DataAddress(endpoint_type="HTTP", endpoint="https://p/data/1", authorization="t2", auth_type="bearer")

FIGURE = """
REQUESTED provider TransferStart STARTED
REQUESTED consumer TransferTermination TERMINATED
REQUESTED provider TransferTermination TERMINATED
STARTED consumer TransferSuspension SUSPENDED
STARTED provider TransferSuspension SUSPENDED
STARTED consumer TransferCompletion COMPLETED
STARTED provider TransferCompletion COMPLETED
STARTED consumer TransferTermination TERMINATED
STARTED provider TransferTermination TERMINATED
SUSPENDED consumer TransferStart STARTED
SUSPENDED provider TransferStart STARTED
SUSPENDED consumer TransferTermination TERMINATED
SUSPENDED provider TransferTermination TERMINATED
"""
OURS = {("STARTED", "provider", "TransferStart"): "STARTED"}  # law 4: the answer to a consumer that resumes
ROWS = {tuple(line.split()[:3]): line.split()[3] for line in FIGURE.strip().splitlines()}


def record(state: TransferState = TransferState.REQUESTED, role: Role = C, **changes: object) -> Transfer:
    start = Transfer(
        role=role,
        pid="c" if role is C else "p",
        peer_pid="p" if role is C else "c",
        peer="did:peer",
        address="https://peer/dsp",
        dataset="d",
        state=state,
        agreement="a",
        format="HttpData-PULL",
        data_address=HERE if state is TransferState.STARTED else None,
        suspended_by=C if state is TransferState.SUSPENDED else None,
    )
    return replace(start, **changes)  # type: ignore[arg-type]


def message(kind: type[Message], **fields: object) -> Message:
    content: dict[str, object] = {"consumer_pid": "c", "provider_pid": "p"}
    if kind is tp.TransferRequest:
        content |= {"agreement": "a", "format": "HttpData-PULL", "callback": "https://c/dsp"}
    return kind(**content | fields)  # type: ignore[arg-type]


def test_the_table_is_the_figure_and_one_row_more() -> None:
    """Every row of the specification's figure is a row of the table; law 4 adds the only other."""
    assert {(str(s), str(r), k.__name__): str(to) for (s, r, k), to in TABLE.items()} == ROWS | OURS


@pytest.mark.parametrize(("state", "sender", "kind"), list(product(TransferState, Role, MESSAGES)))
def test_what_the_peer_says(state: TransferState, sender: Role, kind: type[Message]) -> None:
    """For every state, sender and message: the table's next state, a repeat that changes nothing, or a refusal."""
    before = record(state, role=sender.other)
    told = message(kind)
    if (state, sender, kind) in TABLE and (state, kind) != (TransferState.STARTED, tp.TransferStart):
        after = step(before, sender, told)
        assert (after.record.state, after.repeat) == (TABLE[state, sender, kind], False)
    elif (state, sender, kind) == (
        TransferState.SUSPENDED,
        P,
        tp.TransferSuspension,
    ):  # the consumer had suspended: see below
        assert step(before, sender, told).record == replace(before, suspended_by=P, reason=None)
    elif tp.SAID_AGAIN.get(kind) is state:
        after = step(before, sender, told)
        assert (after.record, after.repeat) == (before, True)
    else:
        with pytest.raises(Refused):
            step(before, sender, told)


@pytest.mark.parametrize(("state", "sender", "kind"), list(product(TransferState, Role, MESSAGES)))
def test_what_we_say(state: TransferState, sender: Role, kind: type[Message]) -> None:
    """We send what the table allows and nothing else; the state moves when it is acknowledged, not before."""
    before = record(state, role=sender)
    ours = message(kind, id=before.next_id)
    if (state, sender, kind) not in TABLE or (state, kind) == (TransferState.STARTED, tp.TransferStart):
        with pytest.raises(Refused):
            queue(before, ours)
        return
    waiting = queue(before, ours)
    assert (waiting.state, waiting.ahead) == (state, TABLE[state, sender, kind])
    after = step(waiting, sender, ours).record
    assert (after.state, after.under_way) == (TABLE[state, sender, kind], ())
    assert step(after, sender, ours).repeat


@pytest.mark.parametrize("state", sorted(FINAL))
def test_final_states_are_final(state: TransferState) -> None:
    """No row leaves a final state."""
    assert not [row for row in TABLE if row[0] is state]


def test_an_address_lives_until_the_suspension() -> None:
    """A start brings the address, a suspension takes it, the next start brings a new one."""
    started = step(record(), P, message(tp.TransferStart, address=HERE)).record
    suspended = step(started, P, message(tp.TransferSuspension, code="HELD", reason=("a1",))).record
    again = step(suspended, P, message(tp.TransferStart, address=THERE)).record
    assert [started.data_address, suspended.data_address, again.data_address] == [HERE, None, THERE]
    assert (suspended.suspended_by, suspended.reason, again.suspended_by, again.reason) == (P, "a1", None, None)


def test_a_consumer_does_not_lift_the_providers_suspension() -> None:
    """What the provider withholds it alone resumes; the refusal says why it is suspended."""
    suspended = record(TransferState.SUSPENDED, role=P, suspended_by=P, reason="allegation a1")
    with pytest.raises(Refused, match="allegation a1"):
        step(suspended, C, message(tp.TransferStart))
    with pytest.raises(Refused):
        queue(record(TransferState.SUSPENDED, role=C, suspended_by=P), message(tp.TransferStart, id="1"))


def test_the_provider_answers_a_consumer_that_resumes() -> None:
    """After the consumer's own start, the provider's start brings the address: legal once, and not a second one."""
    resumed = step(record(TransferState.SUSPENDED, role=P), C, message(tp.TransferStart)).record
    assert (resumed.state, resumed.data_address) == (TransferState.STARTED, None)
    answered = queue(resumed, message(tp.TransferStart, id="1", address=THERE))
    assert answered.data_address == THERE
    with pytest.raises(Refused):
        queue(answered, message(tp.TransferStart, id="2", address=HERE))


def test_the_answer_may_overtake_the_acknowledgement() -> None:
    """A consumer that resumes takes the provider's start even before its own is acknowledged, and keeps the address."""
    asking = queue(record(TransferState.SUSPENDED), mine := message(tp.TransferStart, id="1"))
    answered = step(asking, P, message(tp.TransferStart, address=THERE)).record
    after = step(answered, C, mine).record
    assert (after.state, after.data_address) == (TransferState.STARTED, THERE)


def test_a_start_said_again() -> None:
    """The same start again changes nothing; another address for a running transfer is refused."""
    started = record(TransferState.STARTED)
    assert step(started, P, message(tp.TransferStart, address=HERE)).repeat
    assert step(started, P, message(tp.TransferStart)).repeat
    with pytest.raises(Refused):
        step(started, P, message(tp.TransferStart, address=THERE))


def test_two_suspensions_that_cross() -> None:
    """Both sides suspend at once: on both it is the provider's in the end, so that only the provider resumes."""
    mine, theirs = message(tp.TransferSuspension, id="p#1"), message(tp.TransferSuspension, id="c#1")
    provider = step(queue(record(TransferState.STARTED, role=P), mine), C, theirs).record
    consumer = step(queue(record(TransferState.STARTED, role=C), theirs), P, mine).record
    late = step(step(queue(record(TransferState.STARTED, role=C), theirs), C, theirs).record, P, mine).record
    for settled in (step(provider, P, mine).record, step(consumer, C, theirs).record, late):
        assert (settled.state, settled.suspended_by, settled.under_way) == (TransferState.SUSPENDED, P, ())
    assert queue(provider, message(tp.TransferStart, id="2", address=HERE)).ahead is TransferState.STARTED
    with pytest.raises(Refused):
        step(provider, C, message(tp.TransferStart))
