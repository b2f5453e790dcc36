"""A template filled in: the terms as a person would have written them, with the cards beside them.

`terms.yaml.in` is Jinja's, in its sandbox. What `{{ … }}` writes is an answer, quoted as YAML asks, or a whole number;
anything else is a fault of the template and ends it. Answers are never read as templates.

    {{ vendor }}                    the answer as a YAML value
    {{ vendor | words }}            as part of a sentence, in a clause's text or a comment: always one line
    {{ label | value }}             the same, of a choice the word itself and not its meaning
    {{ line("… of {}", vendor) }}   a sentence with answers in it, as one YAML value
    {{ (a.value * 2) | seconds }}   a duration from a number of seconds
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from functools import cache

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from armslength.templates.answers import Answer, quoted, read_answers
from armslength.templates.shelf import ENDING, REHEARSALS, TERMS, Template
from armslength.wire.terms_values import read_line, write_duration
from armslength.wire.terms_write import to_yaml

ARRANGEMENT = "arrangement.yaml"
WIDTH = 112
_BY_CARD = re.compile(r"^  (\w+): \{name: (.*?)(?:, group: (\w+))?, card: cards/(\w+)\.yaml\}$", re.MULTILINE)
_PARAGRAPH = re.compile(r"(^    text: \|\n)((?:      .*\n)+)", re.MULTILINE)


class Written(str):
    """Text that stands as it is."""

    __slots__ = ()


def fill(template: Template, given: Mapping[str, object]) -> dict[str, bytes]:
    """The files of the folder, by path: the terms, a card for each who has one, rehearsals. Raises BadAnswers, which
    names the questions."""
    answers = read_answers(template, given)
    files = {ARRANGEMENT: _render(template, TERMS, answers)}
    files |= {_card(id_): answer.card.file() for id_, answer in answers.items() if answer.card is not None}
    played = [name for name in template.files() if name.startswith(REHEARSALS)]
    return files | {name.removesuffix(ENDING): _render(template, name, answers) for name in played}


def in_one_file(template: Template, given: Mapping[str, object]) -> str:
    """The terms as one text, in which the cards stand; who has none is still asked for by file. Raises BadAnswers."""
    answers = read_answers(template, given)
    return _BY_CARD.sub(lambda found: _identity(found, answers), _render(template, TERMS, answers).decode())


def _identity(found: re.Match[str], answers: Mapping[str, Answer]) -> str:
    id_, name, group, file = found.groups()
    card = answers[file].card
    if card is None:
        return found[0]
    grouped = f"\n    group: {group}" if group else ""
    rest = {field: value for field, value in card.plain().items() if field != "name"}
    return f"  {id_}:\n    name: {name}{grouped}\n{textwrap.indent(to_yaml(rest), '    ').rstrip()}"


def missing_cards(template: Template, files: Mapping[str, bytes]) -> dict[str, str]:
    """The card files that the terms ask for and `files` lacks, by question."""
    asked = {question.id: _card(question.id) for question in template.questions if question.kind == "card"}
    return {id_: path for id_, path in asked.items() if path not in files}


def _card(id_: str) -> str:
    return f"cards/{id_}.yaml"


def _render(template: Template, name: str, answers: Mapping[str, Answer]) -> bytes:
    source = template.text(name)
    return _PARAGRAPH.sub(_wrapped, _environment().from_string(source).render(answers)).encode()


def _wrapped(found: re.Match[str]) -> str:
    """A clause's text, its lines broken anew: answers are longer or shorter than their places."""
    lines = textwrap.wrap(" ".join(found[2].split()), WIDTH, break_long_words=False, break_on_hyphens=False)
    return found[1] + "".join(f"      {line}\n" for line in lines)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_written,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # that would be for HTML; what is written here is YAML, and `finalize` quotes it
    )
    made.filters.update(words=_words, value=_value, seconds=_seconds)
    made.globals = {"line": _line, "range": range}
    return made


def _written(value: object) -> str:
    if isinstance(value, Answer):
        return value.yaml
    if isinstance(value, Written) or type(value) is int:
        return str(value)
    raise TypeError(f"a template writes answers and whole numbers, not {value!r}")


def _words(answer: Answer) -> Written:
    return Written(answer.words)


def _value(answer: Answer) -> Written:
    return Written(str(answer.value))


def _seconds(seconds: int) -> Written:
    return Written(write_duration(seconds))


def _line(pattern: str, *answers: Answer | int) -> Written:
    said = (answer.words if isinstance(answer, Answer) else str(answer) for answer in answers)
    return Written(quoted(read_line(pattern.format(*said))))
