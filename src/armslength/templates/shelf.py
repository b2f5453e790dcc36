"""The templates that ship, read from their folders: what each is for, and what it asks.

id: embargo                 the name of the answer in an answers file and in terms.yaml.in
kind: duration              one of KINDS
ask: How long …?            one line
help: …                     what to think of, and what follows from the answer
default: 90d                an answer as one would write it; of a date also `in 28d`: so long after today
options: {a: …, b: …}       of a choice: each answer, and what it means
least: 7d, most: 365d       of durations and counts, both included; of a text, `most` characters
under: term                 of a duration: shorter than the answer to that question
node: true                  of a card: whether it must be a node's; or {keeper: hub}: if that was answered so
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from armslength.errors import NotFound
from armslength.wire.terms_tree import to_data
from armslength.wire.terms_yaml import parse

KINDS = ("text", "choice", "date", "duration", "count", "card")
MOST_QUESTIONS = 12
TERMS = "terms.yaml.in"
ENDING = ".in"
REHEARSALS = "rehearsals/"


@dataclass(frozen=True, slots=True)
class TemplateQuestion:
    """One question of a template; the head of this module says what each field means."""

    id: str
    kind: str
    ask: str
    help: str
    default: str
    options: Mapping[str, str] = field(default_factory=dict)
    least: str | None = None
    most: str | None = None
    under: str | None = None
    node: bool | Mapping[str, str] = False


@dataclass(frozen=True, slots=True)
class Template:
    """A template: its folder's name, its title, whom it is for, what it does in a few lines, and what it asks."""

    id: str
    title: str
    audience: str
    summary: str
    questions: tuple[TemplateQuestion, ...]

    def question(self, id_: str) -> TemplateQuestion:
        """The question with this id. Raises KeyError."""
        return {question.id: question for question in self.questions}[id_]

    def text(self, name: str) -> str:
        """The text of a file in the template's folder, by its path there."""
        return (_shelf() / self.id / name).read_text(encoding="utf-8")

    def files(self) -> list[str]:
        """The files with places for answers, by their paths in the template's folder, sorted."""
        folders = [("", _shelf() / self.id), (REHEARSALS, _shelf() / self.id / REHEARSALS)]
        return sorted(
            f"{prefix}{place.name}"
            for prefix, folder in folders
            for place in folder.iterdir()
            if place.name.endswith(ENDING)
        )


@cache
def template_ids() -> tuple[str, ...]:
    """The names of the templates, sorted."""
    return tuple(sorted(place.name for place in _shelf().iterdir() if (place / "template.yaml").is_file()))


def templates() -> tuple[Template, ...]:
    """All templates, by name."""
    return tuple(template(name) for name in template_ids())


@cache
def template(name: str) -> Template:
    """A template by its name. Raises NotFound, naming those there are."""
    if name not in template_ids():
        raise NotFound("no-template", f"there is no such template: one of {', '.join(template_ids())}", name)
    data = (_shelf() / name / "template.yaml").read_bytes()
    head = Template(name, **to_data(parse(data, f"{name}/template.yaml")))
    questions = tuple(TemplateQuestion(**_texts(each)) for each in head.questions)  # type: ignore[arg-type]
    return replace(head, summary=head.summary.strip(), questions=questions)


def _texts(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a question, whole numbers as the text in which they would be answered."""
    return {key: str(value) if type(value) is int else value for key, value in given.items()}


def _shelf() -> Traversable:
    return resources.files("armslength.templates")
