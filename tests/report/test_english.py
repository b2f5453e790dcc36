# ruff: noqa: E501 (sentences as they are printed)
"""The terms in plain English: every rule is a sentence, and the sentence says what the rule says."""

from __future__ import annotations

from pathlib import Path

import pytest

from armslength.core.arrangement.terms import Arrangement
from armslength.report import english
from armslength.wire.terms import compile_terms
from armslength.wire.terms_conditions import DUTY_STATES, TRANCHE_STATES
from tests.terms_base import SMALL, compiled, replaced

JULY = Path(__file__).parents[2] / "examples" / "july-2016" / "arrangement.yaml"


@pytest.fixture(scope="module")
def july() -> Arrangement:
    """The July 2016 terms."""
    return compile_terms(JULY.read_bytes(), lambda name: (JULY.parent / name).read_bytes()).terms


def test_every_rule_is_said_once(july: Arrangement) -> None:
    """Each claim, duty and tranche has its sentence, tranches in the order that people count in."""
    said = [sentence.id for sentence in english.english(july) if sentence.id]
    assert sorted(said) == sorted([*july.claims, *july.duties, *july.tranches])
    assert said[-6:] == ["T1", "T2", "T3", "T4", "T5", "T6"]


def test_a_duty_with_a_third_party_performer(july: Arrangement) -> None:
    """C2 as a minister's aide would want it."""
    assert english.duty(july, "C2") == (
        "Borovia owes Arandia: ensure that Caldera's aircraft stay grounded. Caldera performs; Borovia answers for it. It "
        "holds from the start to the end, and k2 shows it for every day. When a day is refuted, it is cured if the next 2 "
        "days are clean, and is a breach if not; 2 clean days in a row remedy a breach. A breach suspends the whole "
        "arrangement."
    )


def test_a_duty_with_a_date(july: Arrangement) -> None:
    """C5a: triggered by a delivery, due later, with a cure."""
    assert english.duty(july, "C5a") == (
        "Borovia owes Arandia: start the political process by making the nominations. Once T2 is received it is owed, and "
        "it is due 14 days after that; k5a shows it. If it is late, 7 days remain to make it good. It stays owed after a "
        "breach. A breach suspends the whole arrangement."
    )


def test_a_claim_with_an_excuse(july: Arrangement) -> None:
    """k2: who decides, until when, and what excuses a day."""
    assert english.claim(july, "k2") == (
        "“Caldera's aircraft stayed grounded.” This is said of every day: it takes 3 of the 5 (First monitor, Second monitor, "
        "Third monitor, Fourth monitor and Neutral body), with Neutral body among them, to say so, and as many to deny it. "
        "What is not decided 24 hours after the day ends counts as unknown, which is not clean. A day is excused, and counts "
        "as clean, if an exception in it was notified at least 12 hours before and x2 is confirmed."
    )


def test_a_tranche(july: Arrangement) -> None:
    """T3: its gate, its continuous condition and its clocks."""
    text = english.tranche(july, "T3")
    assert "once k2 has been clean for 7 days in a row (counted after those for T2) and T2 is received" in text
    assert "only as long as none of C1.A, C1.B, C2, C5a, C5b, C6.A and C6.B is overdue or in breach" in text
    assert "releases it within 48 hours of that and sends the key within 1 hour" in text


def test_the_frame(july: Arrangement) -> None:
    """Dates, the time quorum, allegations and the end are said, and a trial says that it is one."""
    text = english.as_text(english.english(july))
    for part in (
        "takes effect on 15 July 2016, 00:00 UTC",
        "ends on 30 August 2016, 00:00 UTC and is never extended",
        "Time is what 2 of the 3 (Arandia, Borovia and Neutral body) sign it to be",
        "this is a trial and binds nobody",
        "hold all releases for at most 72 hours, 3 times for each party",
        "after 14 days the arrangement winds up",
    ):
        assert part in text
    assert "simulated" not in english.as_text(english.english(compiled(SMALL).terms))


CONDITIONS = {
    "effective": "the arrangement is in effect",
    "{time: 7d after start}": "it is 7 days after the start or later",
    "{time: at end}": "it is at the end or later",
    "{time: 1h before end}": "it is 1 hour before the end or later",
    "{not: {settled: Results}}": "it is not so that Results is received",
    "{any: [{settled: Results}, {all: [effective, {clear: Quality}]}]}": (
        "(Quality is not overdue or in breach and the arrangement is in effect) or Results is received"
    ),
    "{run: {of: quality, clean: 1}}": "quality has been clean for 1 week",
    "{decided: deleted-S}": "deleted-S is refuted or confirmed",
    "{fulfilled: Quality}": "Quality is done",
    "{released: Results}": "Results is released",
    "{duty: Quality, is: [breached, overdue]}": "Quality is in breach or overdue",
}


@pytest.mark.parametrize("written", CONDITIONS)
def test_conditions(written: str) -> None:
    """Every form of condition reads as a clause."""
    terms = compiled(replaced("    when: {settled: Results}", f"    when: {written}")).terms
    assert english.condition(terms, terms.tranches["Forecast"].gate) == CONDITIONS[written]


def test_every_state_has_words() -> None:
    """No state that a condition can name is without words."""
    assert {*DUTY_STATES, *TRANCHE_STATES} <= set(english.STATES)


def test_variants_of_claims_and_duties() -> None:
    """Unequal quorums, offsets, limits, odd periods and one-off breaches are said too."""
    text = replaced(
        "    report_by: 48h\n", "    report_by: 48h\n    offset: 5d\n", SMALL.replace("period: 7d", "period: 36h")
    )
    text = text.replace(
        "    monitors: [L]\n    support: 1\n    period",
        "    monitors: [L, S, B]\n    support: 3\n    refute: 1\n    period",
    )
    text = replaced("monitors:\n  L:", "monitors:\n  S: {}\n  B: {}\n  L:", text)
    text = replaced("    cure: 7d\n", "    cure: 0s\n    still_owed: false\n", text)
    text = replaced("    cure: 1\n    remedy_run: 2", "    cure: 0\n    remedy_run: 1", text)
    terms = compiled(text).terms
    claim = english.claim(terms, "quality")
    assert "every 36-hour period, from 5 days after the start" in claim
    assert "it takes all of Buyer, Laboratory and Supplier to say so, and 1 to deny it" in claim
    assert "it is a breach at once; one clean 36-hour period remedies a breach" in english.duty(terms, "Quality")
    assert "After a breach it can no longer be made good." in english.duty(terms, "Delete.S")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "no time"), (1, "1 second"), (90, "1 minute 30 seconds"), (3600, "1 hour"), (172800, "48 hours"),
     (259200, "72 hours"), (345600, "4 days"), (345660, "96 hours 1 minute")],
)  # fmt: skip
def test_durations(seconds: int, words: str) -> None:
    """Up to three days people count hours."""
    assert english.duration(seconds) == words
