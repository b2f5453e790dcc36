# ruff: noqa: E501 (sentences as they are printed)
"""What a counter-proposal changes: each change once, with its path, both values and a sentence."""

from __future__ import annotations

import pytest

from armslength.report.differences import Difference, differences
from tests.terms_base import SMALL, compiled, replaced


def changed(text: str) -> list[Difference]:
    """What differs from the small example."""
    old, new = compiled(SMALL), compiled(text)
    return differences(old.terms, new.terms, old.texts, new.texts)


SINGLE = {
    "value": ("    cure: 1\n", "    cure: 2\n", "duties.Quality.cure", 1, 2, "Duty Quality: cure changes from 1 to 2."),
    "duration": ("report_by: 48h", "report_by: 72h", "claims.quality.report_by", "2d", "3d",
                 "Claim quality: report by changes from 2d to 3d."),
    "default": ("keeper: L\n", "keeper: L\ngrace: 2h\n", "grace", "1h", "2h", "grace changes from 1h to 2h."),
    "section": ("keeper: L\n", "keeper: L\nsuspension: {limit: 30d}\n", "suspension.limit", "14d", "30d",
                "suspension.limit changes from 14d to 30d."),
    "nested": ("determiners: {quorum: 1, of: [L]}", "determiners: {quorum: 1, of: [B]}", "allegations.determiners.of",
               ["L"], ["B"], "allegations.determiners.of is now without L and with B."),
    "boolean": ("    cure: 7d\n", "    cure: 7d\n    still_owed: false\n", "duties.Delete.B.still_owed", True, False,
                "Duty Delete.B: still owed changes from true to false."),
    "key": ("      tokens: AHON0LPf8SwNThlfW9fVvbQ8Ip5QTz4Uq21Or0BwM04=\n", "", "parties.B.keys.tokens",
            "AHON0LPf8SwNThlfW9fVvbQ8Ip5QTz4Uq21Or0BwM04=", None,
            "Party B: keys.tokens was AHON0LPf8SwNThlfW9fVvbQ8Ip5QTz4Uq21Or0BwM04=; now nothing is said."),
    "weight": ("    when: {settled: Results}", "    when: {settled: Results}\n    weight: 3", "tranches.Forecast.weight", None, 3,
               "Tranche Forecast: weight is now 3; before, nothing was said."),
    "condition": ("    when: {settled: Results}", "    when: {released: Results}", "tranches.Forecast.when",
                  {"settled": "Results"}, {"released": "Results"},
                  "Tranche Forecast: when changes from “Results is received” to “Results is released”."),
    "trigger": ("    debtor: S\n", "    debtor: S\n    trigger: {time: 7d after start}\n", "duties.Quality.trigger", "effective",
                {"time": "7d after start"},
                "Duty Quality: trigger changes from “the arrangement is in effect” to “it is 7 days after the start or later”."),
    "title": ("title: Test results for forecasts", "title: Other", "title", "Test results for forecasts", "Other",
              "title changes from Test results for forecasts to Other."),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_one_change(name: str) -> None:
    """A change of one field is one difference, or one for each debtor of a shared duty."""
    old, new, path, before, after, sentence = SINGLE[name]
    found = [difference for difference in changed(replaced(old, new)) if ".S." not in difference.path]
    assert found == [Difference(path, before, after, sentence)]


def test_the_same_terms_differ_in_nothing() -> None:
    """Layout and defaults written down are no differences."""
    assert changed(SMALL + "grace: 1h\n") == []
    assert changed(SMALL.replace("[S, B, L]", "[L, S, B]")) == []


def test_a_clause_shows_its_changed_lines() -> None:
    """A changed text is shown line by line, what goes and what comes."""
    (found,) = changed(replaced("At most one part in a hundred may fail.", "At most one part in fifty may fail."))
    assert found.path == "clauses.Quality.text"
    assert found.sentence == (
        "Clause Quality: the text changes:\n"
        "-Each week the laboratory draws a sample of the supplier's parts. At most one part in a hundred may fail.\n"
        "+Each week the laboratory draws a sample of the supplier's parts. At most one part in fifty may fail."
    )


def test_added_and_removed_rules_are_told_in_full() -> None:
    """A new tranche comes with its sentence, and so does one that goes."""
    start = SMALL.index("  Forecast:\n")
    shorter = SMALL[:start]
    old, new = compiled(SMALL), compiled(shorter)
    (gone,) = differences(old.terms, new.terms, old.texts, new.texts)
    assert (gone.path, gone.after) == ("tranches.Forecast", None)
    assert gone.sentence.startswith("Tranche Forecast is removed. Buyer gives Supplier “Forecast”")
    (come,) = differences(new.terms, old.terms, new.texts, old.texts)
    assert (come.path, come.before) == ("tranches.Forecast", None)
    assert come.sentence.startswith("Tranche Forecast is added. Buyer gives Supplier “Forecast”")


def test_one_debtor_of_two_changes() -> None:
    """When a shared duty is pulled apart, only what really changes is shown."""
    text = SMALL.replace(
        "    debtors: {S: deleted-S, B: deleted-B}\n    due: 30d after end",
        "    debtor: S\n    claim: deleted-S\n    due: 30d after end",
    ).replace("  Delete:\n    kind", "  Delete.S:\n    kind")
    text = text.replace(
        "\ntranches:",
        "  Delete.B:\n    kind: achieve\n    clause: Deletion\n    statement: delete what it received\n    debtor: B\n"
        "    claim: deleted-B\n    due: 31d after end\n    cure: 7d\n    consequence: record\n    surviving: true\n\ntranches:",
    )
    assert [(d.path, d.before, d.after) for d in changed(text)] == [
        ("duties.Delete.B.due", "30d after end", "31d after end")
    ]
