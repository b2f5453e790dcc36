# ruff: noqa: E501 (tables of mistakes)
"""Checks before signing: each finds what it says, where it is, and nothing in sound terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from armslength.analysis import reach
from armslength.analysis.chase import locked_in, unsettled
from armslength.analysis.check import CHECKS, ERROR, NOTE, WARNING, Finding, check
from armslength.analysis.limits import unbounded
from armslength.analysis.order import NEVER, earliest
from armslength.analysis.people import base58
from armslength.analysis.quorums import Electorate
from armslength.core.arrangement.step import advance
from armslength.core.arrangement.terms import AllOf, AnyOf, Arrangement, Condition, DutyIs, Not, TrancheIs
from armslength.errors import Refused
from armslength.wire.terms import compile_terms
from tests.golden.terms import DAY, at, dummy, golden_script, golden_terms
from tests.terms_base import SMALL, compiled, replaced
from tests.views.fold import Folded

EXAMPLES = Path(__file__).parents[2] / "examples"
JULY = (EXAMPLES / "july-2016" / "arrangement.yaml").read_text("utf-8")
HOSPITAL = (EXAMPLES / "hospital" / "arrangement.yaml").read_text("utf-8")


def july(text: str = JULY) -> tuple[Arrangement, dict[str, str]]:
    """The July 2016 terms, perhaps with a change."""
    folder = EXAMPLES / "july-2016"
    found = compile_terms(text.encode(), lambda name: (folder / name).read_bytes())
    return found.terms, found.texts


def findings(text: str) -> list[Finding]:
    """What there is to say about some terms."""
    found = compiled(text)
    return check(found.terms, found.texts)


@dataclass(frozen=True)
class Spoilt:
    """`old` becomes `new`; then a finding of this id and severity is expected at `place`, saying `says`."""

    old: str
    new: str
    id: str
    severity: str
    place: str
    says: str = ""


BUYER = "did: did:web:node.buyer.example.org\n    address: https://node.buyer.example.org\n"
TWO = "monitors:\n  S: {group: own}\n  B: {group: own}\n  L:\n"
QUALITY = "    monitors: [L]\n    support: 1\n    period: 7d\n"
RESULTS = "    when: {run: {of: quality, clean: 1}}"
DELETE = "    due: 30d after end\n    cure: 7d\n"
BOTH = "{all: [{supported: deleted-S}, {refuted: deleted-S}]}"

# Mistakes in the small example.
SMALL_VECTORS = {
    "no majority": Spoilt("{quorum: 2, of: [S, B, L]}", "{quorum: 1, of: [S, B, L]}", "S01", ERROR, "timekeepers.quorum"),
    "keeper no timekeeper": Spoilt("{quorum: 2, of: [S, B, L]}", "{quorum: 2, of: [S, B]}", "S01", ERROR, "keeper"),
    "no address": Spoilt("    address: https://node.buyer.example.org\n", "", "S01", ERROR, "parties.B.address"),
    "no token key": Spoilt("      tokens: AHON0LPf8SwNThlfW9fVvbQ8Ip5QTz4Uq21Or0BwM04=\n", "", "S01", ERROR,
                           "parties.B.keys.tokens"),
    "no checkpoint key": Spoilt("      checkpoints: QnZyLXnwI0J1Bn301dFKK99femCyhfESAPS6AzfvyEc=\n", "", "S01", ERROR,
                                "parties.B.keys.checkpoints"),
    "same key": Spoilt("AHON0LPf8SwNThlfW9fVvbQ8Ip5QTz4Uq21Or0BwM04=", "ro1olrGdRIsaCbpAaf98o7PkuPw4hX5OPqqUgS75MsY=",
                       "S01", ERROR, "parties.B.keys.tokens", "same key"),
    "same DID": Spoilt(BUYER, BUYER.replace("buyer", "supplier"), "S01", ERROR, "parties.S.did"),
    "key no point": Spoilt("AHON0LPf8SwNThlfW9fVvbQ8Ip5QTz4Uq21Or0BwM04=", "A" * 43 + "=", "S01", ERROR,
                           "parties.B.keys.tokens"),
    "no did:web": Spoilt(BUYER, "did: did:example:buyer\n", "S01", ERROR, "parties.B.did"),
    "loopback": Spoilt(BUYER, BUYER.replace("node.buyer.example.org", "localhost%3A8000", 1).replace(
                       "https://node.buyer.example.org", "http://localhost:8000"), "S01", WARNING, "parties.B.address",
                       "this machine"),
    "too many": Spoilt(QUALITY, QUALITY.replace("support: 1", "support: 2"), "S02", ERROR, "claims.quality.support",
                       "2 of 1"),
    "too many to refute": Spoilt(QUALITY, QUALITY + "    refute: 2\n", "S02", ERROR, "claims.quality.refute"),
    "group too small": Spoilt(QUALITY, QUALITY + "    groups: {neutral: 2}\n", "S02", ERROR, "claims.quality.groups",
                              "asks for 2 of the group neutral, and has 1"),
    "determiners": Spoilt("{quorum: 1, of: [L]}", "{quorum: 1, of: [L, S, B]}", "S02", ERROR, "allegations.determiners",
                          "uphold while"),
    "due after the report": Spoilt("    statement: The buyer has deleted the test results.\n    monitors: [L]\n    support: 1\n",
                                   "    statement: The buyer has deleted the test results.\n    monitors: [L]\n    support: 1\n"
                                   "    report_by: 80d\n", "S02", ERROR, "claims.deleted-B.report_by", "Delete.B is due"),
    "report after the deadline": Spoilt(
        "    statement: The buyer has deleted the test results.\n    monitors: [L]\n    support: 1\n",
        "    statement: The buyer has deleted the test results.\n    monitors: [L]\n    support: 1\n    report_by: 200d\n",
        "S02", WARNING, "claims.deleted-B.report_by", "after the deadline"),
    "excuse of another period": Spoilt(QUALITY, QUALITY + "    excuse: {claim: other, lead: 1h}\n", "S02", ERROR,
                                       "claims.quality.excuse", "other periods"),
    "waits for itself": Spoilt(RESULTS, "    when: {settled: Forecast}", "S04", ERROR, "tranches.Forecast.when",
                               "Forecast waits for Results, which waits for Forecast"),
    "waits at once": Spoilt(RESULTS, "    when: {settled: Results}", "S04", ERROR, "tranches.Results.when",
                            "Results waits for Results"),
    "while waits": Spoilt(RESULTS, RESULTS + "\n    while: {settled: Forecast}", "S04", ERROR, "tranches.Forecast.when"),
    "own release": Spoilt(RESULTS, "    when: {not: {duty: Results.release, is: breached}}", "S04", ERROR,
                          "tranches.Results.when", "this very tranche"),
    "withhold nothing": Spoilt("{clear: Quality}", "{any: [{clear: Quality}, {clear: Delete}]}", "S07", ERROR,
                               "duties.Quality.consequence", "add clear: Quality"),
    "record withholds": Spoilt("{clear: Quality}", "{clear: [Quality, Delete]}", "S07", WARNING,
                               "duties.Delete.S.consequence", "say withhold"),
    "one claim for two": Spoilt("{S: deleted-S, B: deleted-B}", "{S: deleted-S, B: deleted-S}", "S07", ERROR,
                                "claims.deleted-S", "Delete.S and Delete.B"),
    "idle claim": Spoilt("    debtors: {S: deleted-S, B: deleted-B}", "    debtor: S\n    claim: deleted-S", "S07", WARNING,
                         "claims.deleted-B", "decides nothing"),
    "entry after the end": Spoilt("entry_by: 7d after start", "entry_by: 84d after start", "S09", ERROR, "entry_by"),
    "late entry": Spoilt("entry_by: 7d after start", "entry_by: 83d after start", "S09", WARNING, "tranches.Results.when"),
    "run too long": Spoilt("clean: 1}}", "clean: 12}}", "S09", ERROR, "tranches.Results.when", "before 84d"),
    "time too late": Spoilt("{settled: Results}", "{time: at end}", "S09", ERROR, "tranches.Forecast.when"),
    "reply after determination": Spoilt("  determiners: {quorum: 1", "  reply: 4d\n  determiners: {quorum: 1", "S09", ERROR,
                                        "allegations.reply"),
    "hold after determination": Spoilt("  determiners: {quorum: 1", "  hold: 4d\n  determiners: {quorum: 1", "S09", NOTE,
                                       "allegations.hold"),
    "long notice": Spoilt("keeper: L", "keeper: L\nwithdrawal: {notice: 12w}", "S09", WARNING, "withdrawal.notice"),
    "long grace": Spoilt("keeper: L", "keeper: L\ngrace: 2h", "S09", WARNING, "grace", "key_by"),
    "late claim": Spoilt(QUALITY, QUALITY + "    offset: 12w\n", "S09", ERROR, "claims.quality.offset"),
    "long period": Spoilt(QUALITY, QUALITY.replace("7d", "100d"), "S09", WARNING, "claims.quality.period"),
    "long cure": Spoilt("    cure: 1\n", "    cure: 12\n", "S09", ERROR, "duties.Quality.cure"),
    "remedy too long": Spoilt("    remedy_run: 2\n    consequence: withhold", "    remedy_run: 3\n    consequence: suspend",
                              "S09", ERROR, "duties.Quality.remedy_run", "21d"),
    "due too early": Spoilt(DELETE, DELETE.replace("30d after end", "1d before start"), "S09", ERROR, "duties.Delete.S.due"),
    "notice past the end": Spoilt("keeper: L", "keeper: L\nwithdrawal: {notice: 6w}", "S22", WARNING, "withdrawal.notice",
                                  "later than 42d after the start"),
    "cure of half the term": Spoilt("    cure: 1\n", "    cure: 6\n", "S22", WARNING, "duties.Quality.cure", "by the end alone"),
    "cure of a late release": Spoilt(RESULTS, RESULTS + "\n    release_cure: 3d", "S22", WARNING, "tranches.Results.release_cure",
                                     "longer than the 2d"),
    "reward of a breach": Spoilt(RESULTS, "    when: {duty: Delete.B, is: breached}", "S10", WARNING, "tranches.Results.when",
                                 "only once Delete.B is broken, which B owes"),
    "one says not": Spoilt("The buyer has deleted the test results.", "The supplier hasn't deleted the forecast.", "S10", WARNING,
                           "claims.deleted-S.statement", "claims.deleted-B.statement, but for a no"),
    "embargo of goodwill": Spoilt("once the buyer has them, it gives its forecast.", "the forecast is under embargo for a month.",
                                  "S23", WARNING, "tranches.Forecast.when", 'says "embargo"'),
    "not before, by goodwill": Spoilt("once the buyer has them, it gives its forecast.", "the forecast is not given before May.",
                                      "S23", WARNING, "tranches.Forecast.when", "goodwill of B"),
    "not surviving": Spoilt("    surviving: true\n", "", "S09", ERROR, "duties.Delete.S.due", "surviving: true"),
    "holds": Spoilt("  determiners: {quorum: 1", "  holds_per_party: 14\n  determiners: {quorum: 1", "S14", WARNING,
                    "allegations.holds_per_party", "42d of 84d"),
    "nothing survives": Spoilt("    surviving: true\n", "", "S17", WARNING, "duties", "receives data"),
    "chases itself": Spoilt(RESULTS, RESULTS + "\n    while: {not: {tranche: Results, is: [locked, ready, delivered]}}", "S04",
                            WARNING, "tranches.Results.while", "may never settle"),
    "keeps itself withheld": Spoilt(RESULTS, RESULTS + "\n    while: {tranche: Results, is: [locked, ready, delivered]}", "S05",
                                    WARNING, "tranches.Results.while", "on its own account"),
    "never holds": Spoilt(RESULTS, f"    when: {BOTH}", "S06", ERROR, "tranches.Results.when", "can never hold"),
    "never together": Spoilt(RESULTS, "    when: {time: 2w after start}\n    while: {not: {time: 1w after start}}", "S06",
                             ERROR, "tranches.Results.when", "together with while"),
    "opens only when gone": Spoilt(RESULTS, RESULTS + "\n    while: {not: {tranche: Results, is: locked}}", "S06", ERROR,
                                   "tranches.Results.when", "together with while"),
    "never triggered": Spoilt(DELETE, DELETE + f"    trigger: {BOTH}\n", "S06", ERROR, "duties.Delete.S.trigger"),
    "always holds": Spoilt(RESULTS, "    when: {any: [effective, {clear: Quality}]}", "S06", WARNING, "tranches.Results.when",
                           "always holds"),
    "any state at all": Spoilt(RESULTS, "    when: {any: [{time: 1w after start}, {not: {time: 2w after start}}]}", "S06",
                               WARNING, "tranches.Results.when", "always holds"),
    "dead alternative": Spoilt(RESULTS, f"    when: {{any: [{{run: {{of: quality, clean: 1}}}}, {BOTH}]}}", "S06", WARNING,
                               "tranches.Results.when", "one of its alternatives"),
    "dead clause": Spoilt("claims:\n  quality:", "  Extra:\n    title: Extra\n    text: x\nclaims:\n  quality:", "S06", NOTE,
                          "clauses", "Extra: text alone"),
    "while an event": Spoilt("{clear: Quality}", "{all: [{clear: Quality}, {not: {refuted: deleted-B}}]}", "S08", WARNING,
                             "tranches.Forecast.while", "deleted-B, which has no report_by"),
    "survives an event": Spoilt(DELETE, DELETE + "    trigger: {decided: deleted-S}\n", "S08", WARNING,
                                "duties.Delete.S.trigger", "deleted-S, which has no report_by"),
    "party as keeper": Spoilt("keeper: L", "keeper: S", "S13", WARNING, "keeper", "by silence alone"),
    "judge in its own case": Spoilt("{quorum: 1, of: [L]}", "{quorum: 1, of: [S]}", "S13", WARNING,
                                    "allegations.determiners", "nothing is determined without S"),
    "all needed": Spoilt("{quorum: 2, of: [S, B, L]}", "{quorum: 3, of: [S, B, L]}", "S21", WARNING, "timekeepers",
                         "B, L and S"),
}  # fmt: skip

# Mistakes in the July 2016 terms.
JULY_VECTORS = {
    "half is enough": Spoilt("    support: 3\n    groups: {neutral: 1}\n    period: 1d\n    report_by: 24h\n  k1b:",
                             "    support: 2\n    period: 1d\n    report_by: 24h\n  k1b:", "S02", ERROR, "claims.k1a",
                             "the first to arrive would win"),
    "one group": Spoilt("    support: 3\n    groups: {neutral: 1}\n    period: 1d\n    report_by: 24h\n  k1b:",
                        "    support: 2\n    refute: 4\n    period: 1d\n    report_by: 24h\n  k1b:", "S03", WARNING,
                        "claims.k1a", "nominated-by-A alone can support"),
    "excuse reported late": Spoilt("    report_by: 24h\n  k5a:", "    report_by: 25h\n  k5a:", "S02", ERROR,
                                   "claims.x2.report_by"),
    "excuse that excuses": Spoilt("    report_by: 24h\n  k5a:", "    report_by: 24h\n    excuse: {claim: k1a, lead: 1h}\n  k5a:",
                                  "S07", ERROR, "claims.x2", "is an excuse"),
    "excuse that shows": Spoilt("    report_by: 24h\n  k5a:", "    report_by: 24h\n    excuse: {claim: k1a, lead: 1h}\n  k5a:",
                                "S07", ERROR, "claims.k1a", "can neither show"),
    "two excused": Spoilt("    report_by: 24h\n  k1b:", "    report_by: 24h\n    excuse: {claim: x2, lead: 12h}\n  k1b:", "S07",
                          ERROR, "claims.x2", "excuses k1a and k2"),
    "lead of two days": Spoilt("lead: 12h", "lead: 50h", "S22", WARNING, "claims.k2.excuse.lead", "the first 2 periods"),
    "cure longer than its duty": Spoilt("    cure: 7d\n    consequence: suspend", "    cure: 15d\n    consequence: suspend", "S22",
                                        WARNING, "duties.C5a.cure", "longer than the 14d"),
    "cure past the end": Spoilt("due: 30d after trigger", "due: 38d after trigger", "S22", WARNING, "duties.C5b.cure",
                                "to suspend comes too late"),
    "long lead": Spoilt("lead: 12h", "lead: 46d", "S09", ERROR, "claims.k2.excuse.lead"),
    "mixed run": Spoilt("{of: [k1a, k1b, k2], clean: 7}", "{of: [k1a, k6a], clean: 7}", "S04", ERROR, "tranches.T2.when",
                        "same periods"),
    "follows other periods": Spoilt("{of: k2, clean: 7, after: T2}", "{of: k6a, clean: 1, after: T2}", "S04", ERROR,
                                    "tranches.T3.when", "other periods"),
    "longer circle": Spoilt("{settled: T1}, ", "{fulfilled: C5a}, ", "S04", ERROR, "duties.C5a.trigger",
                            "C5a waits for T2, which waits for C5a"),
    "behind a circle": Spoilt("{settled: T1}, ", "{fulfilled: C5a}, ", "S04", ERROR, "tranches.T6.when",
                              "can never begin: it waits for T5"),
    "third party": Spoilt("    claim: k2\n    cure: 2\n    remedy_run: 2\n    consequence: suspend",
                          "    claim: k2\n    cure: 2\n    remedy_run: 2\n    consequence: record", "S15", WARNING,
                          "duties.C2.consequence", "C performs and signs nothing"),
    "named for nothing": Spoilt("third_parties:\n", "third_parties:\n  Z: {name: Bystander}\n", "S15", WARNING, "third_parties.Z",
                                "nothing in the terms follows"),
    "trigger too late": Spoilt("due: 30d after trigger", "due: 40d after trigger", "S09", WARNING, "duties.C5b.due"),
    "no two thirds": Spoilt("clean: 7, after: T5", "clean: 20, after: T5", "S09", ERROR, "tranches.T6.when", "before 48d"),
}  # fmt: skip


def expect(found: list[Finding], bad: Spoilt) -> None:
    """Assert that the expected finding is among those made."""
    match = [f for f in found if (f.id, f.severity, f.place) == (bad.id, bad.severity, bad.place)]
    assert match, [f"{f.id} {f.severity} {f.place}: {f.message}" for f in found if f.severity != NOTE]
    assert any(bad.says in finding.message for finding in match), match


@pytest.mark.parametrize("name", SMALL_VECTORS)
def test_a_mistake_is_found(name: str) -> None:
    """One thing wrong in sound terms is found, named and placed (rule 2.1a)."""
    bad = SMALL_VECTORS[name]
    text = replaced(bad.old, bad.new)
    if "claim: other" in text:
        text = replaced("  deleted-S:\n    kind", "  other:\n    kind: state\n    clause: Quality\n    statement: x\n"
                        "    monitors: [L]\n    support: 1\n    period: 1d\n    report_by: 1d\n  deleted-S:\n    kind", text)  # fmt: skip
    expect(findings(text), bad)


@pytest.mark.parametrize("name", JULY_VECTORS)
def test_a_mistake_in_july_is_found(name: str) -> None:
    """The same for the larger arrangement, where circles and runs are longer."""
    bad = JULY_VECTORS[name]
    text = JULY.replace(bad.old, bad.new, 1)
    assert text != JULY
    expect(check(*july(text)), bad)


# What looks like a mistake and is none: `new` in place of `old`, and nothing of this id is said at this place.
SOUND = {
    "later stages settle": (RESULTS, RESULTS + "\n    while: {not: {tranche: Forecast, is: [released, settled]}}", "S04",
                            "tranches.Results.while"),
    "later stages come free": (RESULTS, RESULTS + "\n    while: {not: {tranche: Forecast, is: forfeited}}", "S05",
                               "tranches.Results.while"),
    "every stage alike": (RESULTS, RESULTS + "\n    while: {tranche: Forecast, is: [locked, ready, delivered, withheld]}", "S05",
                          "tranches.Results.while"),
    "one or the other": (RESULTS, "    when: {any: [{supported: deleted-S}, {refuted: deleted-S}]}", "S06",
                         "tranches.Results.when"),
    "a window of time": (RESULTS, "    when: {time: 1w after start}\n    while: {not: {time: 2w after start}}", "S06",
                         "tranches.Results.when"),
    "before the end, begun late": ("entry_by: 7d after start", "entry_by: 30d after start", "S09", "tranches.Results.when"),
    "before the end": (RESULTS, RESULTS + "\n    while: {not: {time: 1d before end}}", "S06", "tranches.Results.when"),
    "a duty goes on": (RESULTS, "    when: {duty: Quality, is: [active, remedied]}", "S06", "tranches.Results.when"),
    "an event with a limit": ("    statement: The buyer has deleted the test results.\n    monitors: [L]\n    support: 1\n",
                              "    statement: The buyer has deleted the test results.\n    monitors: [L]\n    support: 1\n"
                              "    report_by: 120d\n", "S08", "tranches.Forecast.while"),
    "a trigger that ends": ("    surviving: true\n", "    trigger: {decided: deleted-S}\n", "S08", "duties.Delete.S.trigger"),
    "the other's breach": ("when: {settled: Results}", "when: {any: [{settled: Results}, {duty: Delete.B, is: breached}]}",
                           "S10", "tranches.Forecast.when"),
    "twice a no": ("The buyer has deleted the test results.", "The supplier has never not deleted the forecast.", "S10",
                   "claims.deleted-S.statement"),
    "a notice of a third": ("keeper: L", "keeper: L\nwithdrawal: {notice: 4w}", "S22", "withdrawal.notice"),
    "a cure that fits twice": ("    cure: 1\n", "    cure: 5\n", "S22", "duties.Quality.cure"),
    "as long as its release": (RESULTS, RESULTS + "\n    release_cure: 2d", "S22", "tranches.Results.release_cure"),
    "a recorded cure": (DELETE, DELETE.replace("7d", "30d"), "S22", "duties.Delete.S.cure"),
    "an embargo with a date": ("    when: {settled: Results}", "    when: {all: [{settled: Results}, {time: 30d after start}]}",
                               "S23", "tranches.Forecast.when"),
    "two of three judge": ("{quorum: 1, of: [L]}", "{quorum: 2, of: [S, B, L]}", "S13", "allegations.determiners"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_left_alone(name: str) -> None:
    """Close to each mistake lies something sound, of which the same check says nothing."""
    old, new, id_, place = SOUND[name]
    text = replaced(old, new)
    if name == "before the end, begun late":
        text = text.replace(RESULTS, "    when: {time: 2d before end}", 1)
    if name == "an event with a limit":
        text = replaced("{clear: Quality}", "{all: [{clear: Quality}, {not: {refuted: deleted-B}}]}", text)
    if name == "an embargo with a date":
        text = replaced("once the buyer has them, it gives its forecast.", "the forecast is under embargo.", text)
    assert [f for f in findings(text) if (f.id, f.place) == (id_, place)] == []


def test_conditions_that_chase_each_other_are_refused_by_the_engine_and_found_before() -> None:
    """T3 is free while T4 is withheld, T4 while T3 is free: no state stands still, and the check says so."""
    terms = golden_terms()
    bad = _while(terms, T3=_withheld("T4"), T4=Not(of=(_withheld("T3"),)))
    assert [(f.id, f.severity) for f in unsettled(bad)] == [("S04", WARNING)]
    assert "T3 and T4 are withheld may never settle" in next(unsettled(bad)).message
    with pytest.raises(Refused) as caught:
        Folded(bad, [group for group in golden_script() if group[0] <= at(1)])
    assert caught.value.code == "unsettled"
    even = _while(terms, T3=_withheld("T4"), T4=_withheld("T3"))  # one is free, the other withheld: that settles
    assert list(unsettled(even)) == []
    assert Folded(even, [group for group in golden_script() if group[0] <= at(1)]).state.shown == "EFFECTIVE"
    assert list(unsettled(terms)) == []


def test_tranches_that_keep_each_other_withheld_are_found_and_never_come_free() -> None:
    """T3 and T4 each ask that the other be free: one hold withholds both, and its end frees neither."""
    bad = _while(golden_terms(), T3=_free("T4"), T4=_free("T3"))
    assert [(f.id, f.severity) for f in locked_in(bad)] == [("S05", WARNING)]
    assert "T3 and T4 may stay so for ever, on account of each other" in next(locked_in(bad)).message
    state = Folded(bad, [group for group in golden_script() if group[0] <= at(14, 10)]).state
    later = advance(bad, state, at(20)).state
    assert later.shown == "EFFECTIVE"
    assert [later.tranches[name].shown for name in ("T3", "T4")] == ["WITHHELD", "WITHHELD"]
    assert later.tranches["T5"].shown == "LOCKED"
    assert list(locked_in(golden_terms())) == []


def test_a_state_claim_without_a_limit_is_found() -> None:
    """YAML asks for `report_by`; terms that somebody else compiled may lack it, and are warned of."""
    terms = golden_terms()
    bare = replace(terms, claims=terms.claims | {"k2": replace(terms.claims["k2"], report_by=None)})
    assert [(f.id, f.severity, f.place) for f in unbounded(bare)] == [("S08", WARNING, "claims.k2.report_by")]
    assert list(unbounded(terms)) == []


def _withheld(tranche: str) -> Condition:
    return TrancheIs(tranche=tranche, states=("WITHHELD",))


def _free(tranche: str) -> Condition:
    return TrancheIs(tranche=tranche, states=("DELIVERED", "LOCKED", "READY", "RELEASED", "SETTLED"))


def _while(terms: Arrangement, **conditions: Condition) -> Arrangement:
    changed = {name: replace(terms.tranches[name], continuous=found) for name, found in conditions.items()}
    return replace(terms, tranches=terms.tranches | changed)


def test_the_small_example_has_no_errors() -> None:
    """The tutorial's terms may be signed, knowingly."""
    path = EXAMPLES / "quality" / "arrangement.yaml"
    found = compile_terms(path.read_bytes(), lambda other: (path.parent / other).read_bytes())
    assert [f for f in check(found.terms, found.texts) if f.severity == ERROR] == []


@pytest.mark.parametrize("name", ["july-2016", "hospital"])
def test_examples_have_neither_errors_nor_warnings(name: str) -> None:
    """The shipped arrangements could be signed as they are."""
    path = EXAMPLES / name / "arrangement.yaml"
    found = compile_terms(path.read_bytes(), lambda other: (path.parent / other).read_bytes())
    assert [f for f in check(found.terms, found.texts) if f.severity != NOTE] == []


def test_every_check_speaks_under_its_own_id() -> None:
    """The table is the whole of S01 to S23; what is built runs and names itself, the rest has nothing to run."""
    assert list(CHECKS) == [f"S{number:02d}" for number in range(1, 24)]
    told = {
        f.id for bad in SMALL_VECTORS.values() if "other" not in bad.new for f in findings(replaced(bad.old, bad.new))
    }
    told |= {f.id for bad in JULY_VECTORS.values() for f in check(*july(JULY.replace(bad.old, bad.new, 1)))}
    assert told == {id_ for id_, entry in CHECKS.items() if entry.status == "done"}
    for id_, entry in CHECKS.items():
        assert ((entry.run or entry.read) is not None) == (entry.status == "done")
        assert entry.status in ("done", "explored", "later", "language")
        assert bool(entry.reason) == (entry.status in {"later", "explored"})
        if entry.run is not None:
            assert {finding.id for finding in entry.run(july()[0])} <= {id_}


def test_what_no_tranche_looks_at_withholds_nothing() -> None:
    """A third party's duty that withholds, and that no tranche wants clear, has no consequence for anyone
    (rule 4.4a)."""
    text = JULY.replace("[C1, C2", "[C1").replace(
        "    claim: k2\n    cure: 2\n    remedy_run: 2\n    consequence: suspend",
        "    claim: k2\n    cure: 2\n    remedy_run: 2\n    consequence: withhold",
    )
    assert ("S15", "duties.C2.consequence") in [(found.id, found.place) for found in check(*july(text))]


def test_the_gravest_come_first() -> None:
    """Findings are sorted by severity, then by id."""
    found = findings(replaced("{quorum: 2, of: [S, B, L]}", "{quorum: 1, of: [S, B, L]}"))
    order = {ERROR: 0, WARNING: 1, NOTE: 2}
    assert [order[f.severity] for f in found] == sorted(order[f.severity] for f in found)


def test_ill_formed_terms_get_nothing_but_that_said() -> None:
    """Where a text does not match its hash, no other check pretends to have looked."""
    found = compiled(SMALL)
    told = check(found.terms, found.texts | {"Quality": "other"})
    assert [(f.id, f.severity, f.place) for f in told] == [("S01", ERROR, "clauses.Quality")]


def test_dummy_keys_are_refused() -> None:
    """A key that is 32 bytes but no admissible point is an error."""
    terms, texts = july()
    actor = terms.actors["A"]
    assert actor.keys is not None
    spoilt = replace(terms, actors=terms.actors | {"A": replace(actor, keys=replace(actor.keys, tokens=dummy("y")))})
    places = [f.place for f in check(spoilt, texts) if f.id == "S01"]
    assert places in ([], ["parties.A.keys.tokens"])  # a hash may happen to be a point
    low_order = replace(actor.keys, tokens="AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    spoilt = replace(terms, actors=terms.actors | {"A": replace(actor, keys=low_order)})
    assert [f.place for f in check(spoilt, texts) if f.id == "S01"] == ["parties.A.keys.tokens"]


def test_a_did_key_names_its_own_key() -> None:
    """A monitor's did:key is the encoding of its key for entries; another one is pointed out (rule 8.2a)."""
    assert base58(b"\xed\x01" + bytes(32)).startswith("6Mk")
    terms, texts = july()
    other = replace(terms.actors["m1"], did=terms.actors["m2"].did + "1")  # type: ignore[operator]
    found = check(replace(terms, actors=terms.actors | {"m1": other}), texts)
    assert [(f.place, f.severity) for f in found if f.id == "S01"] == [("monitors.m1.did", WARNING)]


def test_a_debtor_cannot_attest_for_itself() -> None:
    """A debtor that decides its own claim is an error; one that can only block it is a warning."""
    text = HOSPITAL.replace(
        "    monitors: [H, R, e]\n    support: 2\n    including: [e]\n    period",
        "    monitors: [R]\n    support: 1\n    period",
    )
    assert text != HOSPITAL
    assert ("S03", ERROR, "claims.proper-use") in [(f.id, f.severity, f.place) for f in findings(text)]
    text = HOSPITAL.replace("    including: [e]\n    period", "    including: [R]\n    period")
    assert ("S03", WARNING, "claims.proper-use") in [(f.id, f.severity, f.place) for f in findings(text)]


def test_earliest_instants_of_july() -> None:
    """If all goes well T2 opens after seven days and T6 after thirty-five; C5a is triggered no sooner than T2 opens."""
    soonest = earliest(july()[0])
    assert [soonest[f"tranche T{n}"] // DAY for n in range(1, 7)] == [0, 7, 14, 21, 28, 35]
    assert soonest["duty C5a"] == 7 * DAY
    assert soonest["duty C9"] == 0
    blocked = earliest(july(JULY.replace("{settled: T1}, ", "{settled: T3}, "))[0])
    assert blocked["tranche T2"] == blocked["tranche T6"] == NEVER
    assert blocked["tranche T1"] == 0


@pytest.mark.parametrize(
    ("sizes", "groups", "including", "possible"),
    [
        ((3, 3), {}, (), False),
        ((2, 3), {}, (), True),
        ((2, 2), {}, ("e",), False),
        ((2, 2), {"n": 1}, (), False),
        ((2, 2), {"a": 1}, (), True),
        ((2, 2), {"a": 1, "b": 1}, (), True),
        ((1, 1), {"a": 2}, (), False),
    ],
)
def test_when_both_answers_can_win(
    sizes: tuple[int, int], groups: dict[str, int], including: tuple[str, ...], possible: bool
) -> None:
    """Two quorums can miss each other only if sizes, groups and named members leave room; counted here one by one
    (rule 3.1f)."""
    group = {"a": "a", "b": "a", "c": "b", "d": "b", "e": "n"}
    voters = Electorate(tuple(group), groups, including, group)
    subsets = [[v for i, v in enumerate(group) if mask >> i & 1] for mask in range(32)]
    brute = any(
        voters.reaches(one, sizes[0]) and voters.reaches(other, sizes[1])
        for one in subsets
        for other in subsets
        if not set(one) & set(other)
    )
    assert voters.can_disagree(*sizes) is brute is possible


def test_conditions_made_to_take_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever proposes terms decides what is checked: however many alternatives there are, the steps are bounded."""
    steps, says = [0], reach._says

    def counted(atom: Condition, world: dict[str, str]) -> bool:
        steps[0] += 1
        return says(atom, world)

    def duty(name: str, *states: str) -> Condition:
        return DutyIs(duty=name, states=states)

    monkeypatch.setattr(reach, "_says", counted)
    monkeypatch.setattr(reach, "WORK", 50_000)
    terms = golden_terms()
    never = AllOf(of=(duty("C5a", "BREACHED"), duty("C5a", "FULFILLED")))
    states = ("ACTIVE", "BREACHED", "FULFILLED", "OVERDUE", "PENDING")
    wide = AllOf(of=tuple(duty(name, each) for name in ("C1.A", "C1.B", "C5a", "C5b") for each in states))
    third = replace(terms.tranches["T3"], continuous=AnyOf(of=(wide, *(never,) * 40)))
    list(reach.unreachable(replace(terms, tranches={**terms.tranches, "T3": third})))
    assert steps[0] < 100_000
