"""Answers are read by their kind, and refused by the name of their question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from armslength.errors import Malformed
from armslength.templates import BadAnswers, fill, form, given_answers, template, templates
from armslength.templates.answers import default_of, read_answers
from tests.templates.people import TODAY, default_answers, keys, monitor_card, node_card

EACH = template("coordinated-disclosure")


def problems(**changed: Any) -> dict[str, str]:
    """What is wrong with the default answers, changed: the reason by question."""
    with pytest.raises(BadAnswers) as caught:
        read_answers(EACH, default_answers(EACH) | changed)
    return {problem.question: str(problem) for problem in caught.value.problems}


def test_unknown_and_missing_answers_are_named_together() -> None:
    """What is no question and what has no answer are all told at once."""
    answers = default_answers(EACH)
    del answers["vendor"], answers["embargo"]
    with pytest.raises(BadAnswers) as caught:
        read_answers(EACH, answers | {"emabrgo": "90d", "product": 7})
    told = {problem.question: (problem.reason, problem.hint) for problem in caught.value.problems}
    assert told.keys() == {"emabrgo", "vendor", "embargo", "product"}
    assert told["emabrgo"] == ("is no question of this template", "did you mean embargo?")
    assert told["vendor"][0] == "has no answer"


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("embargo", "29d", "at least 30d"),
        ("embargo", "366d", "at most 365d"),
        ("embargo", "three months", "is not a duration"),
        ("embargo", "3 months", "no fixed length"),
        ("embargo", 90, "needs a unit"),
        ("embargo", True, "must be a duration"),
        ("embargo", ["90d"], "must be a duration"),
        ("start", "tomorrow", "is not an instant"),
        ("start", "2027-02-30", "no such day"),
        ("start", 20270101, "must be an instant"),
        ("record", "vendor", "one of coordinator, finder"),
        ("record", None, "one of coordinator, finder"),
        ("product", 7, "must be text"),
        ("product", None, "must be text"),
        ("product", "x" * 121, "longer than 120"),
        ("finder", "x" * 81, "longer than 80"),
        ("finder", "cards/f.yaml", "no identity card that was found"),
        ("finder", {}, "not an identity card"),
        ("finder", {"did": "did:web:x.example.org"}, "keys"),
        ("finder", node_card("x") | {"more": 1}, "no field"),
        ("finder", node_card("x") | {"address": "https://y.example.org"}, "is not where"),
        ("finder", node_card("x") | {"keys": keys("x", "entries") | {"tokens": "AAAA"}}, "Ed25519"),
        ("finder", monitor_card("x"), "without a node"),
        ("coordinator", monitor_card("x"), "without a node"),
        ("vendor", node_card("finder"), "card of finder too"),
        ("vendor", node_card("x") | {"keys": keys("finder", "entries", "checkpoints", "tokens")}, "card of finder too"),
        ("finder", 1.5, "must be text"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_refused_by_name(question: str, answer: object, reason: str) -> None:
    """Each wrong answer is told with its question, and nothing else is."""
    told = problems(**{question: answer})
    assert told.keys() == {question}
    assert reason in told[question]


def test_a_span_must_be_shorter_than_the_one_it_lies_in() -> None:
    """A dictionary that takes as long as the reviews are apart is refused, and names both."""
    hospital = template("hospital-data-use")
    with pytest.raises(BadAnswers) as caught:
        read_answers(hospital, default_answers(hospital) | {"review": "28d", "curation": "4w"})
    assert str(caught.value.problems[0]) == "curation: must be shorter than review, which is 28d"


def test_where_the_finder_keeps_the_record_a_key_is_enough_for_the_coordinator() -> None:
    """Whether a node is needed depends on the answer before."""
    fill(EACH, default_answers(EACH) | {"record": "finder", "coordinator": monitor_card("coordinator")})


def test_a_day_is_midnight_and_counts_may_be_text() -> None:
    """Forms answer in text: it is read as what it says."""
    hospital = template("hospital-data-use")
    read = read_answers(hospital, default_answers(hospital) | {"start": "2027-03-01", "releases": " 2 "})
    assert read["start"].yaml == '"2027-03-01T00:00:00Z"'
    assert read["releases"].value == 2


def test_a_default_day_counts_from_today_and_is_a_midnight() -> None:
    """`in 7d` is a day, at midnight UTC."""
    assert default_of(EACH.question("start"), TODAY) == "2026-12-02T00:00:00Z"


def test_the_form_of_every_template_is_a_file_of_answers() -> None:
    """What is printed to be filled in is read back to the defaults, and they fill the template."""
    for each in templates():
        said = given_answers(form(each, {}, TODAY).encode(), "answers.yaml")
        assert {id_: str(answer) for id_, answer in said.items()} == {
            question.id: default_of(question, TODAY) for question in each.questions
        }
        fill(each, said)


def test_the_form_quotes_what_was_answered() -> None:
    """Odd answers come back from the form as they went in."""
    answers = default_answers(EACH) | {
        "product": '{{ 7*7 }}: "x" #1',
        "vendor": "007",
        "finder": node_card("finder", "a: b"),
    }
    back = given_answers(form(EACH, answers, TODAY).encode(), "answers.yaml")
    assert read_answers(EACH, back) == read_answers(EACH, answers)


def test_answers_are_yaml_or_json() -> None:
    """Both forms give the same, also where JSON escapes what YAML's reader would not take."""
    answers = default_answers(EACH) | {"product": "🔬"}
    assert given_answers(json.dumps(answers).encode(), "a.json") == answers
    assert given_answers(b"product: x\n", "a.yaml") == {"product": "x"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[1, 2]", "must be a mapping"),
        (b"", "must be a mapping"),
        (b'{"a": 1, "a": 2}', "given twice"),
        (b"a: 1\na: 2\n", "given twice"),
        (b"a: &x 1\nb: *x\n", "aliases are not read"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested deeper"),
        (b"start: 2027-01-01\n", "date without quotes"),
        (b"a" * 2_000_000, "at most"),
    ],
)
def test_a_file_that_holds_no_answers_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    """Neither half-read nor guessed at."""
    with pytest.raises(Malformed) as caught:
        given_answers(data, "answers")
    assert reason in caught.value.reason
