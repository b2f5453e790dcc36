"""Every template with its defaults and with odd answers: what comes out passes `check`, and says what was answered."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from armslength.analysis.check import NOTE, check
from armslength.core.canonical import canonical
from armslength.templates import (
    ARRANGEMENT,
    BadAnswers,
    Template,
    TemplateQuestion,
    fill,
    missing_cards,
    template,
    templates,
)
from armslength.templates.filling import _environment
from armslength.wire.terms import BadTerms, compile_terms, decompile_terms
from armslength.wire.terms_values import LONGEST, read_duration, write_duration
from tests.templates.people import default_answers, filled, monitor_card, node_card

ALL = pytest.mark.parametrize("each", templates(), ids=lambda each: each.id)

# Names that break what quotes badly, or would be run by what evaluates; each is a name all the same.
ODD = (
    "Acme #1 Lab", 'The "Big" Co', "007", "1e5", "0x1F", "true", "No", "null", "~", "Ministry: Trade", "- a list",
    "{{ 7*7 }}", "{% for x in y %}", "{# gone #}", "${HOME}", "[a, b]", "{a: b}", "a, b", "&anchor", "*alias", "? x",
    "%YAML 1.1", "| text", "> text", "it's", "'quoted'", "\\n", "back\\slash", "@at", "`tick`", "#", "# all", "a # b",
    ": b", "---", "...", "مختبر الجودة", "Ärztekammer Nürnberg", "研究所", "🔬 Lab", "A\nB", "  spaced   out ", "a\tb",
    "2027-01-01", "12:30", "x" * 80, "=", "<<", "!!str x", "a: ",
)  # fmt: skip
REFUSED = ("", "   ", "a\u202eb", "a\u200bb", "a\x00b", "a\x07b", "\ufeffa", "a\u00a0b", "\ud800", "\uffff", "x" * 2001)


def within(question: TemplateQuestion) -> st.SearchStrategy[Any]:
    """Answers that a question takes."""
    if question.kind == "choice":
        return st.sampled_from(sorted(question.options))
    if question.kind == "count":
        return st.integers(int(question.least or 0), int(question.most or 1000))
    if question.kind == "duration":
        least, most = read_duration(question.least or "1d"), read_duration(question.most or "90d")
        return st.one_of(st.sampled_from([least, most]), st.integers(least, most)).map(write_duration)
    if question.kind == "date":
        days = st.dates(datetime(1990, 1, 1, tzinfo=UTC).date(), datetime(2090, 1, 1, tzinfo=UTC).date())
        return days.map(lambda day: f"{day}T00:00:00Z") | days.map(str)
    names = st.sampled_from(ODD) | st.text(min_size=1, max_size=30)
    if question.kind == "text":
        return names
    card = node_card if question.node else monitor_card
    return names.map(lambda name: card(question.id, name))


@ALL
def test_defaults_pass_check_without_anything_to_mend(each: Template) -> None:
    """With the defaults `check` finds no error and no warning: notes alone."""
    compiled = filled(each, default_answers(each))
    assert {finding.severity for finding in check(compiled.terms, compiled.texts)} <= {NOTE}


@ALL
@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_whatever_is_answered_passes_check(each: Template, data: st.DataObject) -> None:
    """Answers within their bounds, however odd, make terms without an error or a warning; or are refused by name."""
    answers = {question.id: data.draw(within(question), label=question.id) for question in each.questions}
    if each.id == "coordinated-disclosure":
        answers["record"] = "coordinator"
        answers["coordinator"] = node_card("coordinator")
    try:
        compiled = filled(each, answers)
    except BadAnswers as error:
        refused = [problem.question for problem in error.problems]
    else:
        refused = []
    if refused:
        assert set(refused) <= answers.keys()
        return
    found = check(compiled.terms, compiled.texts)
    assert [finding for finding in found if finding.severity != NOTE] == []


@ALL
def test_it_goes_through_the_language_both_ways(each: Template) -> None:
    """What is written decompiles and compiles to the same canonical bytes and texts."""
    first = filled(each, default_answers(each))
    again = compile_terms(decompile_terms(first.terms, first.texts).encode())
    assert canonical(again.terms) == canonical(first.terms)
    assert again.texts == first.texts


@ALL
def test_an_odd_answer_is_what_it_is(each: Template) -> None:
    """An odd name is the name of whoever has it, in the terms and in the clauses, and changes nothing else."""
    answers = default_answers(each)
    people = [question.id for question in each.questions if question.kind == "card"]
    usual = filled(each, answers).terms
    for first in range(0, len(ODD), len(people)):
        names = dict(zip(people, (*ODD, *ODD)[first:], strict=False))
        compiled = filled(each, answers | {who: answers[who] | {"name": name} for who, name in names.items()})
        for who, name in names.items():
            said = " ".join(name.split())
            assert compiled.terms.actors[who].name == said
            assert who not in compiled.terms.parties or any(said in text for text in compiled.texts.values())
        assert compiled.terms.tranches.keys() == usual.tranches.keys()
        assert {id_: duty.due for id_, duty in compiled.terms.duties.items()} == {
            id_: duty.due for id_, duty in usual.duties.items()
        }


def test_an_odd_text_stands_in_the_title() -> None:
    """A free text is quoted where it stands alone, and plain where it is part of a sentence; NFC where it was not."""
    each = template("coordinated-disclosure")
    for odd in (*ODD, "Z\u0301"):
        compiled = filled(each, default_answers(each) | {"product": odd})
        said = " ".join(odd.replace("Z\u0301", "Ź").split())
        assert compiled.terms.title == f"Coordinated disclosure: {said}"
        assert said in compiled.texts["Report"]


@pytest.mark.parametrize("text", REFUSED)
def test_what_nobody_sees_is_refused_by_the_name_of_the_question(text: str) -> None:
    """Empty and invisible characters, and what YAML cannot hold, are no answer."""
    each = template("coordinated-disclosure")
    for question in ("product", "finder"):
        with pytest.raises(BadAnswers) as caught:
            fill(each, default_answers(each) | {question: text})
        assert [problem.question for problem in caught.value.problems] == [question]


@ALL
def test_whoever_has_no_card_yet_is_named_by_check(each: Template) -> None:
    """A name alone leaves the card's place free, and compiling names exactly that file."""
    answers = default_answers(each)
    person = next(question.id for question in each.questions if question.kind == "card")
    files = fill(each, answers | {person: "Somebody"})
    assert missing_cards(each, files) == {person: f"cards/{person}.yaml"}

    def load(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory")
        return files[name]

    with pytest.raises(BadTerms) as caught:
        compile_terms(files[ARRANGEMENT], load)
    assert [(problem.code, problem.path.rpartition(".")[2]) for problem in caught.value.problems] == [("file", "card")]
    assert f"cards/{person}.yaml" in caught.value.problems[0].reason


@ALL
def test_it_is_written_as_people_write(each: Template) -> None:
    """Comments, human durations and names stand in it; nothing of the template's own language is left over."""
    text = fill(each, default_answers(each))[ARRANGEMENT].decode()
    assert text.startswith("# ")
    assert "{{" not in text
    assert "{%" not in text
    assert max(map(len, text.splitlines())) <= 130
    assert not re.search(r"\n[ ]*\n[ ]*\n", text)


def test_a_template_that_writes_anything_else_ends() -> None:
    """Bare text, a missing answer and the inside of a value are faults of the template, and end it."""
    for source, wrong in (
        ('{{ "text" }}', TypeError),
        ("{{ nobody }}", (TypeError, UndefinedError)),
        ("{{ range.__class__ }}", (TypeError, UndefinedError)),
        ("{{ 7.5 }}", TypeError),
    ):
        with pytest.raises(wrong):
            _environment().from_string(source).render({})


def test_the_longest_term_stays_within_the_language() -> None:
    """With the largest answers everywhere the terms still compile."""
    for each in templates():
        largest = {
            question.id: question.most
            for question in each.questions
            if question.kind in ("count", "duration") and question.most and not question.under
        }
        terms = filled(each, default_answers(each) | largest).terms
        assert terms.end - terms.start < LONGEST
