"""The catalogue of causes: complete, and told in names, days and moments."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.causes import Actors, Cause, Passed, Periods, Standing
from armslength.core.arrangement.state import Change
from armslength.core.arrangement.tables import ASIDE, MACHINES
from armslength.views.causes import WORDINGS, Plural, cause, fields
from armslength.views.words import Words
from tests.golden.terms import at
from tests.views.fold import golden

KNOWN = {
    *("author", "who", "others", "alleged", "shown", "claim", "periods", "last", "run", "part"),
    *("entry", "report", "due", "cure", "release", "key", "ack", "delivery", "reply", "determination"),
    *("hold", "suspension", "term"),
}


def change(kind: str, subject: str, rule: str, *rests_on: object, author: str | None = None) -> Change:
    """A change of which only the cause matters."""
    found: Cause = rests_on  # type: ignore[assignment]
    return Change(kind=kind, subject=subject, before="", after="", at=0, rule=rule, cause=found, author=author)


def test_every_rule_has_its_words_and_no_other() -> None:
    """A rule that core takes can be told, and nothing is left for a translator that nobody says."""
    assert set(WORDINGS) == {rule for machine in MACHINES for rule in machine.rows} | set(ASIDE)


@pytest.mark.parametrize("rule", WORDINGS)
def test_wordings_use_known_fields_and_the_last_needs_least(rule: str) -> None:
    """No wording names a field that nothing gives, and none hides one behind it."""
    asked = []
    for said in WORDINGS[rule]:
        forms = (said.one, said.other) if isinstance(said, Plural) else (said,)
        assert len({frozenset(fields(form)) for form in forms}) == 1
        assert fields(forms[0]) <= KNOWN
        asked.append(fields(forms[0]))
    assert not any(before <= after for index, before in enumerate(asked) for after in asked[index + 1 :])


TOLD = [
    ("m3, m4 and m5", change("tranche", "T2", "tranche.dismissed", Actors(("m3", "m4", "m5"))),
     "Third monitor, Fourth monitor and Neutral body dismiss it"),
    ("one of them", change("tranche", "T2", "tranche.dismissed", Actors(("m5",))), "Neutral body dismisses it"),
    ("a hold", change("allegation", "A/k2/14", "allegation.raised", Passed(at(19, 9), "hold"), author="A"),
     "Arandia alleges k2 day 14, with a hold until 3 Aug 2016 09:00 UTC (D+19)"),
    ("a tranche", change("allegation", "A/T2", "allegation.raised", author="A"), "Arandia alleges T2"),
    ("all", change("arrangement", "arrangement", "arrangement.signed", Actors(("A", "B"))),
     "signed by Arandia and Borovia"),
    ("two days", change("duty", "C2", "maintain.cured", Periods("k2", 21, 22)), "k2 is clean on days 21 to 22"),
    ("a week", change("instance", "C6a#1", "instance.cured", Periods("k6a", 2, 2)), "k6a is clean on week 2"),
    ("a run", change("duty", "C2", "maintain.remedied", Periods("k2", 24, 25)),
     "2 clean days of k2, the last of them day 25"),
    ("a window", change("duty", "C2", "maintain.breached", Standing("claim", "k2#21", "REFUTED"),
                        Periods("k2", 21, 22)),
     "k2 day 21 is REFUTED within the cure window (days 21 to 22)"),
    ("no window", change("duty", "C2", "maintain.breached", Standing("claim", "k2#21", "REFUTED")),
     "k2 day 21 is REFUTED, and there is no cure window"),
    ("a part", change("duty", "C2", "maintain.unverified", Periods("k2", 0, 6, 1)), "1 of 7 days are UNKNOWN"),
    ("an allegation", change("claim", "k2#14", "claim.upheld", Standing("allegation", "A/k2/14", "UPHELD")),
     "the allegation of Arandia about k2 day 14 is UPHELD"),
    ("two reasons", change("tranche", "T3", "tranche.withheld", Standing("duty", "C2", "BREACHED"),
                           Standing("arrangement", "arrangement", "SUSPENDED")),
     "C2 is BREACHED; the arrangement is SUSPENDED"),
    ("a condition", change("tranche", "T3", "tranche.withheld", Standing("condition", "T3", "false")),
     "its condition does not hold"),
    ("an event", change("duty", "C5a", "duty.fulfilled", Standing("claim", "k5a#0", "SUPPORTED")),
     "k5a is SUPPORTED in time"),
    ("a deadline", change("duty", "C5a", "duty.overdue", Passed(at(9, 2), "due")),
     "k5a was not SUPPORTED when due, 24 Jul 2016 02:00 UTC (D+9)"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "said"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
def test_causes_are_told_in_names_and_days(found: Change, said: str) -> None:
    """What core gives as values is one sentence."""
    assert cause(Words.of(golden().terms, golden().state), found) == said
