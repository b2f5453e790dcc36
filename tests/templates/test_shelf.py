"""What every template must be before anybody is asked anything."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from armslength.errors import NotFound
from armslength.templates import Template, template, template_ids, templates
from armslength.templates.shelf import KINDS, MOST_QUESTIONS
from armslength.wire.terms_fields import SECTIONS

ALL = pytest.mark.parametrize("each", templates(), ids=lambda each: each.id)


def test_the_eight_are_there() -> None:
    """Each practice that is promised has its template."""
    assert template_ids() == (
        "conduct-for-information", "coordinated-disclosure", "hospital-data-use", "research-output-release",
        "results-based-payment", "software-escrow", "supplier-quality", "threat-intelligence-swap",
    )  # fmt: skip


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    """A name that is no template's is not looked up as a path."""
    for name in ("", "nope", "../templates/coordinated-disclosure", "coordinated-disclosure/"):
        with pytest.raises(NotFound) as caught:
            template(name)
        assert "coordinated-disclosure" in caught.value.reason


@ALL
def test_at_most_twelve_questions_each_with_help(each: Template) -> None:
    """Twelve at most, of known kinds, each with a question, a default and help; names are told once."""
    assert 1 <= len(each.questions) <= MOST_QUESTIONS
    assert len({question.id for question in each.questions}) == len(each.questions)
    for question in each.questions:
        assert question.kind in KINDS
        assert question.ask.endswith("?")
        assert question.help
        assert question.default
        assert "\n" not in question.ask + question.default
        assert (question.kind == "choice") == bool(question.options)
        assert question.default in question.options or question.kind != "choice"


@ALL
def test_other_questions_are_named_before(each: Template) -> None:
    """What a question compares with, or depends on, is asked before it and is there."""
    before: list[str] = []
    for question in each.questions:
        named = [question.under] if question.under else []
        named += [] if isinstance(question.node, bool) else list(question.node)
        assert set(named) <= set(before)
        before.append(question.id)


@ALL
def test_the_summary_is_five_lines(each: Template) -> None:
    """A title, whom it is for, and five lines on what it does."""
    assert len(each.summary.splitlines()) == 5
    assert len(each.title) < 60
    assert each.audience.endswith(".")


@ALL
def test_the_terms_use_only_fields_of_the_language(each: Template) -> None:
    """No template writes a field at the margin that the language does not have."""
    text = each.text("terms.yaml.in")
    fields = {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
    assert fields <= set(SECTIONS["arrangement"])


@ALL
def test_the_page_tells_of_it_what_it_says_of_itself(each: Template) -> None:
    """docs/templates.md has each template under its name, with its title, whom it is for, and what it does and asks."""
    page = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {each.id}\n")[2].partition("\n## ")[0]
    assert f"**{each.title}.** {each.audience}" in section
    assert each.summary in section
    assert all(question.ask in " ".join(section.split()) for question in each.questions)


def test_the_licence_of_the_texts_stands_beside_them() -> None:
    """The folder says under which licence its texts are, and every filled template does."""
    stated = resources.files("armslength.templates").joinpath("LICENSE").read_text(encoding="utf-8")
    assert "CC0-1.0" in stated
    assert all("CC0 1.0" in (each.text("terms.yaml.in")) for each in templates())
