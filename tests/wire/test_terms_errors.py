# ruff: noqa: E501 (a table of mistakes, one a line)
"""Bad terms: each is refused with its code, its line, its field and, where one is obvious, a repair."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from armslength.core.canonical import canonical
from armslength.errors import Malformed
from armslength.wire.terms import BadTerms, Problem, compile_terms, decompile_terms, read_terms
from armslength.wire.terms_yaml import MAX_BYTES
from tests.terms_base import SMALL, compiled, replaced


@dataclass(frozen=True)
class Bad:
    """`old` becomes `new`; then one problem is expected, `down` lines below where `old` stood."""

    old: str
    new: str
    code: str
    path: str
    down: int = 0
    says: str = ""


TITLE = "title: Test results for forecasts"
QUALITY = "    statement: At most one part in a hundred of this week's sample failed.\n"
WHEN = "    when: {run: {of: quality, clean: 1}}"
MANY = "monitors:\n  L:\n"

VECTORS = {
    # form
    "tab": Bad(TITLE, "\ttitle: x", "yaml", ""),
    "unclosed": Bad(TITLE, "title: [x", "yaml", "", 1),
    "second document": Bad("\nparties:\n", "\n---\nparties:\n", "yaml", "", 1),
    "old yaml": Bad(TITLE, "%YAML 1.1\n---\n" + TITLE, "yaml", "", 1),
    "anchor": Bad(TITLE, "title: &t x", "alias", "title", 0, "anchor &t"),
    "alias": Bad(TITLE, "title: *t", "alias", "title", 0, "alias *t"),
    "tag": Bad(TITLE, "title: !!str x", "tag", "title"),
    "own tag": Bad(TITLE, "title: ! x", "tag", "title"),
    "duplicate": Bad("term: 12w", "term: 12w\nterm: 13w", "duplicate", "term", 1, "first on line 3"),
    "duplicate deep": Bad(QUALITY, QUALITY + "    kind: state\n", "duplicate", "claims.quality.kind", 1),
    "date": Bad('"2027-03-01T00:00:00Z"', "2027-03-01T00:00:00Z", "date", "start", 0, 'write "2027-03-01T00:00:00Z"'),
    "date as text": Bad(TITLE, "title: 2027-03-01", "date", "title"),
    "fraction": Bad("    cure: 1\n", "    cure: 1.5\n", "type", "duties.Quality.cure", 0, "not a whole decimal"),
    "hexadecimal": Bad("    cure: 1\n", "    cure: 0x1\n", "type", "duties.Quality.cure"),
    "octal": Bad("    cure: 1\n", "    cure: 010\n", "type", "duties.Quality.cure"),
    "key no text": Bad(TITLE, "1: x\n" + TITLE, "type", "", 0, "must be text"),
    "key collection": Bad(TITLE, "[a]: x\n" + TITLE, "type", ""),
    "deep": Bad(TITLE, "title: " + "[" * 50 + "]" * 50, "depth", "title" + "[0]" * 39),
    # fields
    "unknown field": Bad("term: 12w", "term: 12w\ngrase: 1h", "unknown-field", "grase", 1, "did you mean grace?"),
    "merge key": Bad("    cure: 1\n", "    cure: 1\n    <<: {a: b}\n", "unknown-field", "duties.Quality.<<", 1),
    "field of the other kind": Bad(
        "    due: 30d after end\n", "    due: 30d after end\n    remedy_run: 1\n", "unknown-field",
        "duties.Delete.remedy_run", 1, "achieve duty"),
    "missing": Bad(TITLE + "\n", "", "missing", "title"),
    "missing deep": Bad("    support: 1\n    period: 7d\n", "    period: 7d\n", "missing", "claims.quality.support", -5),
    "null": Bad(TITLE, "title:", "value", "title", 0, "must be text"),
    "number as text": Bad(TITLE, "title: 2027", "value", "title", 0, 'write "2027"'),
    "empty": Bad(TITLE, 'title: " "', "value", "title", 0, "empty"),
    "control character": Bad(TITLE, 'title: "a\\x07b"', "value", "title", 0, "U+0007"),
    "direction mark": Bad(TITLE, 'title: "a\\u202Eb"', "value", "title", 0, "U+202E"),
    "right-to-left mark": Bad(TITLE, 'title: "a\\u200Fb"', "value", "title", 0, "U+200F"),
    "zero width space": Bad(TITLE, 'title: "a\\u200Bb"', "value", "title", 0, "U+200B"),
    "soft hyphen": Bad(TITLE, 'title: "a\\u00ADb"', "value", "title", 0, "U+00AD"),
    "filler": Bad(TITLE, 'title: "a\\u3164b"', "value", "title", 0, "U+3164"),
    "variation selector": Bad(TITLE, 'title: "a\\uFE0Fb"', "value", "title", 0, "U+FE0F"),
    "joiner": Bad(TITLE, 'title: "a\\u200Db"', "value", "title", 0, "U+200D"),
    "odd space": Bad(TITLE, 'title: "a\\u00A0b"', "value", "title", 0, "write a space"),
    "carriage return": Bad(TITLE, 'title: "a\\rb"', "value", "title", 0, "U+000D"),
    "line separator": Bad(TITLE, 'title: "a\\u2028b"', "value", "title", 0, "U+2028"),
    "not composed": Bad(TITLE, 'title: "e\\u0301"', "value", "title", 0, "NFC"),
    "another angstrom": Bad(TITLE, 'title: "\\u212B"', "value", "title", 0, "NFC"),
    "mapping for text": Bad(TITLE, "title: {a: b}", "type", "title"),
    "text for mapping": Bad("keeper: L\n", "keeper: L\nsuspension: 3d\n", "type", "suspension", 1),
    "choice": Bad("    consequence: withhold", "    consequence: withold", "value", "duties.Quality.consequence", 0,
                  "did you mean withhold?"),
    "choice case": Bad("    kind: maintain", "    kind: Maintain", "value", "duties.Quality.kind", 0, "mean maintain?"),
    "semantics": Bad(TITLE, TITLE + "\nsemantics: armslength/arrangement/2", "value", "semantics", 1),
    "boolean as word": Bad("surviving: true", "surviving: yes", "value", "duties.Delete.surviving"),
    # values
    "unit": Bad("term: 12w", "term: 12", "value", "term", 0, "12d"),
    "words": Bad("term: 12w", "term: 84 days", "value", "term", 0, "did you mean 84d?"),
    "months": Bad("term: 12w", "term: 3 months", "value", "term", 0, "no fixed length"),
    "unit order": Bad("report_by: 48h", "report_by: 30m 1h", "value", "claims.quality.report_by"),
    "century": Bad("term: 12w", "term: 99999w", "value", "term", 0, "century"),
    "zero": Bad("period: 7d", "period: 0s", "value", "claims.quality.period", 0, "longer than 0s"),
    "local time": Bad('"2027-03-01T00:00:00Z"', '"2027-03-01T00:00:00+01:00"', "value", "start", 0, "UTC"),
    "bare day": Bad('"2027-03-01T00:00:00Z"', '"2027-03-01"', "value", "start", 0, "2027-03-01T00:00:00Z"),
    "no such day": Bad('"2027-03-01T00:00:00Z"', '"2027-02-30T00:00:00Z"', "value", "start", 0, "no such day"),
    "fraction of a second": Bad('"2027-03-01T00:00:00Z"', '"2027-03-01T00:00:00.5Z"', "value", "start"),
    "before 1970": Bad('"2027-03-01T00:00:00Z"', '"1900-03-01T00:00:00Z"', "value", "start"),
    "due without anchor": Bad("due: 30d after end", "due: 30d", "value", "duties.Delete.due", 0, "after trigger"),
    "due after nothing": Bad("due: 30d after end", "due: 30d after T1", "value", "duties.Delete.due"),
    "due misspelt": Bad("due: 30d after end", "due: 30d after ende", "value", "duties.Delete.due", 0, "trigger, start"),
    "entry after end": Bad("entry_by: 7d after start", "entry_by: 7d after end", "value", "entry_by"),
    "end before start": Bad("term: 12w", 'end: "2027-01-01T00:00:00Z"', "value", "end", 0, "after start"),
    "term and end": Bad("term: 12w", 'term: 12w\nend: "2028-01-01T00:00:00Z"', "missing", "term", 0, "one of them"),
    "negative": Bad("    cure: 1\n", "    cure: -1\n", "value", "duties.Quality.cure", 0, "negative"),
    "count": Bad("    remedy_run: 2", "    remedy_run: 0", "value", "duties.Quality.remedy_run", 0, "at least 1"),
    "large count": Bad("    remedy_run: 2", "    remedy_run: 10001", "value", "duties.Quality.remedy_run"),
    "size": Bad("    when: {settled: Results}", "    max_size: 3 pages\n    when: {settled: Results}", "value",
                "tranches.Forecast.max_size"),
    "no bytes": Bad("    when: {settled: Results}", "    max_size: 0\n    when: {settled: Results}", "value",
                    "tranches.Forecast.max_size"),
    "weight": Bad("    when: {settled: Results}", "    weight: many\n    when: {settled: Results}", "value",
                  "tranches.Forecast.weight"),
    "id": Bad("  quality:\n", "  2quality:\n", "value", "claims.2quality"),
    "id with a dot": Bad("  Results:\n", "  Re.sults:\n", "value", "tranches.Re.sults"),
    "release id": Bad("  Quality:\n    kind: maintain", "  Results.release:\n    kind: maintain", "value",
                      "duties.Results.release"),
    "did": Bad("did: did:web:node.buyer.example.org", "did: node.buyer.example.org", "value", "parties.B.did"),
    "address": Bad("address: https://node.buyer.example.org", "address: node.buyer.example.org", "value",
                   "parties.B.address"),
    "address slash": Bad("address: https://node.buyer.example.org", "address: https://node.buyer.example.org/", "value",
                         "parties.B.address", 0, "write https://node.buyer.example.org"),
    "address elsewhere": Bad("address: https://node.buyer.example.org", "address: https://node.other.example.org",
                             "value", "parties.B.address", 0, "write https://node.buyer.example.org"),
    "address case": Bad("address: https://node.buyer.example.org", "address: https://Node.buyer.example.org", "value",
                        "parties.B.address"),
    "did port": Bad("did:web:node.buyer.example.org", "did:web:node.buyer.example.org%3A443", "value",
                    "parties.B.did"),
    "address user": Bad("address: https://node.buyer.example.org", "address: https://a:b@x.example", "value",
                        "parties.B.address"),
    "key length": Bad("entries: ro1olrGdRIsaCbpAaf98o7PkuPw4hX5OPqqUgS75MsY=", "entries: cm8=", "value",
                      "parties.B.keys.entries", 0, "32 bytes"),
    "key spelling": Bad("ro1olrGdRIsaCbpAaf98o7PkuPw4hX5OPqqUgS75MsY=", "ro1olrGdRIsaCbpAaf98o7PkuPw4hX5OPqqUgS75MsZ=",
                        "value", "parties.B.keys.entries"),
    "media type": Bad("    when: {settled: Results}", "    deliver_by: 1h\n    when: {settled: Results}\n    title: CSV!",
                      "duplicate", "tranches.Forecast.title", 2),
    # references and rules between fields
    "clause": Bad("    clause: Quality\n" + QUALITY, "    clause: Qualty\n" + QUALITY, "reference",
                  "claims.quality.clause", 0, "did you mean Quality?"),
    "claim": Bad("    claim: quality\n", "    claim: qualities\n", "reference", "duties.Quality.claim", 0, "mean quality?"),
    "party": Bad("    debtor: S\n", "    debtor: L\n", "reference", "duties.Quality.debtor", 0, "one of B, S"),
    "monitor": Bad("    monitors: [L]\n    support: 1\n    period: 7d", "    monitors: [L, M]\n    support: 1\n    period: 7d",
                   "reference", "claims.quality.monitors[1]"),
    "listed twice": Bad("of: [S, B, L]", "of: [S, B, L, S]", "duplicate", "timekeepers.of[3]"),
    "keeper": Bad("keeper: L", "keeper: K", "reference", "keeper"),
    "tranche": Bad("{settled: Results}", "{settled: Result}", "reference", "tranches.Forecast.when.settled", 0,
                   "did you mean Results?"),
    "duty": Bad("{clear: Quality}", "{clear: [Quality, Delte]}", "reference", "tranches.Forecast.while.clear[1]", 0,
                "did you mean Delete?"),
    "group": Bad("    support: 1\n    period: 7d\n", "    support: 1\n    groups: {netural: 1}\n    period: 7d\n", "reference",
                 "claims.quality.groups.netural", 1, "did you mean neutral?"),
    "state claim for achieve": Bad("{S: deleted-S, B: deleted-B}", "{S: quality, B: deleted-B}", "value",
                                   "duties.Delete.debtors", 0, "quality is no event claim"),
    "event claim for maintain": Bad("    claim: quality\n", "    claim: deleted-S\n", "value", "duties.Quality.claim"),
    "debtor and debtors": Bad("    debtors: {S", "    debtor: S\n    debtors: {S", "conflict", "duties.Delete.debtor", 0),
    "no claim": Bad("    claim: quality\n", "", "missing", "duties.Quality.claim", -5),
    "own creditor": Bad("    debtor: S\n", "    debtor: S\n    creditors: [S, B]\n", "value", "duties.Quality.creditors", 1),
    "own recipient": Bad("    recipient: S\n", "    recipient: B\n", "value", "tranches.Forecast.recipient"),
    "one party": Bad(MANY, "monitors:\n  S: {name: x}\n  L:\n", "duplicate", "monitors.S", 1, "already one of parties"),
    "quorum": Bad("quorum: 2, of", "quorum: 4, of", "value", "timekeepers.quorum"),
    "no text": Bad("    title: Exchange\n    text: |\n      After", "    title: Exchange\n    titel: |\n      After",
                   "unknown-field", "clauses.Exchange.titel", 1),
    "file": Bad("    title: Exchange\n    text: |\n      After one week in order the supplier gives its test results; once "
                "the buyer has them, it gives its forecast.\n", "    title: Exchange\n    file: gone.txt\n", "file",
                "clauses.Exchange.file", 1, "No such file"),
    "file outside": Bad("    title: Exchange\n    text: |\n      After one week in order the supplier gives its test results; "
                        "once the buyer has them, it gives its forecast.\n", "    title: Exchange\n    file: ../x.txt\n",
                        "value", "clauses.Exchange.file", 1),
    "card and fields": Bad("    address: https://node.buyer.example.org\n",
                           "    address: https://node.buyer.example.org\n    card: b.yaml\n", "conflict",
                           "parties.B.did", -1),
    # conditions
    "condition word": Bad(WHEN, "    when: always", "value", "tranches.Results.when"),
    "condition key": Bad(WHEN, "    when: {setled: Forecast}", "unknown-field", "tranches.Results.when.setled", 0,
                         "did you mean settled?"),
    "two conditions": Bad(WHEN, "    when: {settled: Forecast, clear: Quality}", "value", "tranches.Results.when", 0,
                          "join several"),
    "list of conditions": Bad(WHEN, "    when: [{settled: Forecast}]", "type", "tranches.Results.when"),
    "effective in braces": Bad(WHEN, "    when: {effective: true}", "unknown-field", "tranches.Results.when.effective", 0,
                               "without braces"),
    "empty all": Bad(WHEN, "    when: {all: []}", "type", "tranches.Results.when.all"),
    "deep condition": Bad(WHEN, "    when:\n      all:\n        - settled: Forecast\n        - any:\n            - settled: X\n",
                          "reference", "tranches.Results.when.all[1].any[0].settled", 4),
    "run of an event": Bad(WHEN, "    when: {run: {of: deleted-S, clean: 1}}", "value", "tranches.Results.when.run.of", 0,
                           "deleted-S is an event"),
    "supported state": Bad(WHEN, "    when: {supported: quality}", "value", "tranches.Results.when.supported", 0, "use run"),
    "no run": Bad(WHEN, "    when: {run: {of: quality}}", "missing", "tranches.Results.when.run.clean"),
    "state of a duty": Bad(WHEN, "    when: {duty: Quality, is: settled}", "value", "tranches.Results.when.is"),
    "no state": Bad(WHEN, "    when: {duty: Quality}", "missing", "tranches.Results.when.is"),
    "is elsewhere": Bad(WHEN, "    when: {settled: Forecast, is: settled}", "unknown-field", "tranches.Results.when.is"),
    "run after itself": Bad(WHEN, "    when: {run: {of: quality, clean: 1, after: Results}}", "value",
                            "tranches.Results.when.run.after", 0, "come after itself: Results after Results"),
    "run after each other": Bad(
        "{settled: Results}", "{any: [effective, {run: {of: quality, clean: 1, after: Forecast}}]}", "value",
        "tranches.Forecast.when.any[1].run.after"),
    "run after no run": Bad(WHEN, "    when: {run: {of: quality, clean: 1, after: Forecast}}", "value",
                            "tranches.Results.when.run.after", 0, "Forecast has no run"),
    "periods": Bad("    period: 7d", "    period: 1s", "value", "claims.quality.period", 0, "more than 100000 periods"),
    "time": Bad(WHEN, "    when: {time: 7d after trigger}", "value", "tranches.Results.when.time", 0, "one of start, end"),
}  # fmt: skip


def problems(text: str) -> list[Problem]:
    """What is wrong with a text."""
    with pytest.raises(BadTerms) as caught:
        compiled(text)
    return list(caught.value.problems)


@pytest.mark.parametrize("name", VECTORS)
def test_bad_terms_name_place_and_reason(name: str) -> None:
    """A single mistake gives its code at its line and path; what follows from it may be said after it
    (rules 7.2c, 10.4b)."""
    bad = VECTORS[name]
    line = SMALL[: SMALL.index(bad.old)].count("\n") + 1 + bad.down
    found = problems(replaced(bad.old, bad.new))
    assert (bad.code, line, bad.path) in [(p.code, p.line, p.path) for p in found], list(map(str, found))
    problem = next(p for p in found if (p.code, p.line, p.path) == (bad.code, line, bad.path))
    assert bad.says in str(problem)
    assert str(problem).startswith(f"t.yaml:{line}: ")


def test_all_problems_are_reported_at_once() -> None:
    """Mistakes in different sections come together, in the order of the file."""
    text = replaced(TITLE, "titel: x")
    text = replaced("    debtor: S\n", "    debtor: X\n", text)
    text = replaced("{settled: Results}", "{settled: Y}", text)
    found = problems(replaced("period: 7d", "period: a week", text))
    assert {p.path for p in found} == {
        "titel",
        "title",
        "claims.quality.period",
        "duties.Quality.debtor",
        "tranches.Forecast.when.settled",
    }
    assert [p.line for p in found] == sorted(p.line for p in found)


def test_a_section_with_a_mistake_is_read_to_its_end() -> None:
    """A field that is missing does not hide what is wrong with the conditions and dates beside it."""
    text = replaced("    title: Forecast\n    provider: B\n", "    provider: B\n")
    text = replaced("{settled: Results}", "{setled: Results}", text)
    text = replaced("due: 30d after end", "due: soon", replaced("    statement: delete what it received\n", "", text))
    assert {p.path for p in problems(replaced("term: 12w\n", "", text))} == {
        "term",
        "duties.Delete.statement",
        "duties.Delete.due",
        "tranches.Forecast.title",
        "tranches.Forecast.when.setled",
    }


def test_bytes_that_are_no_text_are_refused() -> None:
    """Other encodings than UTF-8, and files over the limit, are refused before they are read."""
    for data, code in ((b"title: \xff\n", "yaml"), (b"#" * (MAX_BYTES + 1), "size"), (b"", "type"), (b"[a]", "type")):
        with pytest.raises(Malformed) as caught:
            compile_terms(data)
        assert isinstance(caught.value, BadTerms)
        assert caught.value.problems[0].code == code


def test_depth_is_bounded_before_memory_is_spent() -> None:
    """A million open brackets are refused at the limit."""
    with pytest.raises(BadTerms) as caught:
        compile_terms(b"a: " + b"[" * 1_000_000)
    assert caught.value.problems[0].code == "depth"


def test_terms_too_deep_for_others_to_read_are_refused() -> None:
    """Conditions nest as deep as the canonical form may, and no deeper."""

    def nested(levels: int) -> str:
        return replaced("{settled: Results}", "{any: [" * levels + "{settled: Results}" + "]}" * levels)

    found = compiled(nested(13))
    assert read_terms(canonical(found.terms), found.texts) == found.terms
    assert compiled(decompile_terms(found.terms, found.texts)).terms == found.terms
    assert [p.code for p in problems(nested(15))] == ["size"]


def test_a_bad_card_names_its_own_file() -> None:
    """Problems on an identity card name the card's file and line."""
    text = replaced("    address: https://node.buyer.example.org\n", "    card: b.yaml\n")
    text = replaced("    did: did:web:node.buyer.example.org\n", "", text)
    start = text.index("    keys:", text.index("  B:"))
    text = text[:start] + text[text.index("\nmonitors:") :]
    with pytest.raises(BadTerms) as caught:
        compiled(text, {"b.yaml": b"did: did:web:x.example\nkey: {}\n"})
    assert {(p.file, p.code, p.line, p.path) for p in caught.value.problems} == {
        ("b.yaml", "unknown-field", 2, "key"),
        ("b.yaml", "missing", 1, "keys"),
    }
