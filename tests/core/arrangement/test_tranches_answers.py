"""What a recipient's answers must hold and leave behind, and whose votes on a complaint count."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.bodies import Ack, Determine, Evidence
from tests.core.arrangement.play import Play
from tests.core.arrangement.small import D, answer, begun, content, delivered, delivering, given, tranche

HASH = "0" * 64


def _given() -> Play:
    play = begun(tranches={"t": tranche()})
    delivered(play, D)
    given(play, D + 10)
    return play


@pytest.mark.parametrize(
    "said",
    [
        Ack(tranche="t", stage="cipher"),
        Ack(tranche="t", stage="cipher", key=delivering("t").key, ok=True),
        Ack(tranche="t", stage="cipher", key=delivering("t").key, evidence=HASH),
    ],
)
def test_an_acknowledgement_of_the_ciphertext_holds_a_key_and_nothing_else(said: Ack) -> None:
    """What it would say besides, nobody reads: it is refused (rule 6.3a)."""
    play = begun(tranches={"t": tranche()})
    play.say(D, "P", content("t"))
    play.refused("mismatch", D, "Q", said)
    play.say(D, "Q", delivering("t"))
    assert play.state.tranches["t"].recipient_key == delivering("t").key  # to which the provider wraps


@pytest.mark.parametrize(
    "said",
    [
        Ack(tranche="t", stage="plain"),
        Ack(tranche="t", stage="plain", ok=True, evidence=HASH),
        Ack(tranche="t", stage="plain", ok=False),
        Ack(tranche="t", stage="plain", ok=True, key=delivering("t").key),
    ],
)
def test_an_answer_to_the_key_is_good_or_has_evidence(said: Ack) -> None:
    """Never both, nor neither, and no key (rule 6.3e)."""
    play = _given()
    play.refused("mismatch", D + 20, "Q", said)
    play.say(D + 20, "Q", answer("t", ok=True))
    assert play.tranche("t") == "SETTLED"


def test_who_equivocates_counts_in_no_open_complaint() -> None:
    """The vote of an excluded determiner is taken out of an open complaint: it makes no quorum with another
    (rule 1.4c)."""
    play = _given()
    play.say(D + 20, "Q", answer("t", ok=False))
    play.say(D + 21, "n1", Determine(tranche="t", uphold=True))
    play.say(D + 22, "Q", Evidence(kind="equivocation", first="", second=""), culprit="n1")
    assert play.state.tranches["t"].votes == {}
    play.say(D + 23, "N", Determine(tranche="t", uphold=True))
    assert (play.state.tranches["t"].complaint, play.duty("t.release")) == ("OPEN", "ACTIVE")
