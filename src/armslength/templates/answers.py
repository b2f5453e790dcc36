"""Answers to a template's questions: read, each by its kind, and refused by the name of the question."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from armslength.errors import Malformed
from armslength.templates.shelf import Template, TemplateQuestion
from armslength.wire import terms_values as values
from armslength.wire.card import Card, read_card
from armslength.wire.terms_fields import suggest
from armslength.wire.terms_tree import BadTerms, to_data
from armslength.wire.terms_values import BadValue
from armslength.wire.terms_yaml import MAX_BYTES, parse

DAY = 86400
CARD_ENDINGS = (".yaml", ".yml", ".json")
LONGEST_NAME = 80  # characters
LONGEST_TEXT = 200
WIDTH = 110
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 .'()-]*[A-Za-z0-9.)]")  # text that needs no quotes in YAML …
WORDS = {"true", "false", "null", "yes", "no", "on", "off"}  # … unless some reader takes it for another thing
UNITS = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read: its value, how YAML has it, and how a sentence does. `card` of who has one."""

    value: str | int
    yaml: str
    words: str
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class AnswerProblem:
    """What is wrong with the answer to a question."""

    question: str
    reason: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.question}: {self.reason}" + (f" ({self.hint})" if self.hint else "")


class BadAnswers(Malformed):
    """Answers that are no answers to a template's questions; `problems` holds all that is wrong."""

    def __init__(self, problems: Sequence[AnswerProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("bad-answers", "; ".join(map(str, self.problems)))


def given_answers(data: bytes, file: str) -> dict[str, Any]:
    """The answers in a file, YAML or JSON, by question. Raises Malformed."""
    try:
        found = json.loads(data, object_pairs_hook=_once) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        found = None  # then it is YAML, or what is wrong is said of it as YAML
    if found is None:
        found = to_data(parse(data, file))
    if not isinstance(found, dict):
        raise Malformed("bad-answers", "must be a mapping of questions to answers", file)
    return found


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")  # YAML's reader says which
    return found


def read_answers(template: Template, given: Mapping[str, object]) -> dict[str, Answer]:
    """Every answer, in the order of the questions. Raises BadAnswers with all that is wrong."""
    known = {question.id for question in template.questions}
    problems = [
        AnswerProblem(
            id_, "is no question of this template", suggest(id_, known) or f"it asks {', '.join(sorted(known))}"
        )
        for id_ in given
        if id_ not in known
    ]
    found: dict[str, Answer] = {}
    for question in template.questions:
        if question.id not in given:
            problems.append(AnswerProblem(question.id, "has no answer", question.ask))
            continue
        try:
            found[question.id] = read_one(question, given[question.id], found)
        except BadAnswers as error:
            problems += error.problems
    if problems:
        raise BadAnswers(problems)
    return found


def read_one(question: TemplateQuestion, given: object, before: Mapping[str, Answer]) -> Answer:
    """One answer; `before` holds those read already. Raises BadAnswers."""
    try:
        found = READERS[question.kind](question, given)
        _fits_with(question, found, before)
    except BadValue as error:
        raise BadAnswers([AnswerProblem(question.id, error.reason, error.hint)]) from None
    return found


def default_of(question: TemplateQuestion, today: int) -> str:
    """The default as one would answer; `in 28d` becomes the day that is so long after `today` (UTC seconds)."""
    after = question.default.removeprefix("in ")
    if question.kind != "date" or after == question.default:
        return question.default
    return values.write_instant((today + values.read_duration(after)) // DAY * DAY)


def form(template: Template, given: Mapping[str, object], today: int) -> str:
    """An answers file to fill in: every question with its help, and an answer: what is given, or the default."""
    lines = [f"# {template.title}: answers for `armslength new {template.id} --answers FILE --out FOLDER`"]
    for number, question in enumerate(template.questions, 1):
        lines += ["", f"# {number}. {question.ask}"]
        said = [question.help, *(f"{option}: {meaning}" for option, meaning in question.options.items())]
        lines += [f"#    {line}" for each in said for line in textwrap.wrap(each, WIDTH)]
        answer = given.get(question.id, default_of(question, today))
        bare = question.kind in ("duration", "count") or not _needs_quotes(answer)
        lines.append(f"{question.id}: {answer if bare else json.dumps(answer, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A line of text as a YAML scalar: as it is where that is safe, else in double quotes."""
    return json.dumps(text, ensure_ascii=False) if _needs_quotes(text) else text


def _needs_quotes(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return not PLAIN.fullmatch(value) or value.casefold() in WORDS


def _text(question: TemplateQuestion, given: object) -> Answer:
    line = _line(given, int(question.most or LONGEST_TEXT))
    return Answer(line, quoted(line), line)


def _line(given: object, most: int) -> str:
    line = values.read_line(unicodedata.normalize("NFC", given) if isinstance(given, str) else given)
    if len(line) > most:
        raise BadValue(f"is longer than {most} characters")
    try:
        held = parse(f"- {quoted(line)}".encode(), "answer")
    except (BadTerms, UnicodeError):
        raise BadValue("holds a character that YAML cannot hold") from None
    if to_data(held) != [line]:
        raise BadValue("cannot be written in YAML")
    return line


def _choice(question: TemplateQuestion, given: object) -> Answer:
    if not isinstance(given, str) or given.strip() not in question.options:
        raise BadValue(f"must be one of {', '.join(question.options)}")
    word = given.strip()
    return Answer(word, quoted(word), question.options[word])


def _date(_question: TemplateQuestion, given: object) -> Answer:
    text = given.strip() if isinstance(given, str) else given
    if isinstance(text, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        text += "T00:00:00Z"
    at = values.read_instant(text)
    written = values.write_instant(at)
    return Answer(at, f'"{written}"', written[:10] if written.endswith("T00:00:00Z") else written)


def _duration(question: TemplateQuestion, given: object) -> Answer:
    seconds = values.read_duration(given)
    if seconds == 0:
        raise BadValue("must be longer than 0s")
    _within(question, seconds, values.read_duration)
    text = " ".join(str(given).split())
    said = " ".join(f"{number} {UNITS[unit]}{'' if number == '1' else 's'}"
                    for number, unit in re.findall(r"([0-9]+) ?([wdhms])", text))  # fmt: skip
    return Answer(seconds, text, said)


def _count(question: TemplateQuestion, given: object) -> Answer:
    if isinstance(given, str) and re.fullmatch(r"[0-9]{1,9}", given.strip()):
        given = int(given)
    if type(given) is not int:
        raise BadValue("must be a whole number")
    _within(question, given, int)
    return Answer(given, str(given), str(given))


def _within(question: TemplateQuestion, value: int, read: Callable[[str], int]) -> None:
    if question.least is not None and value < read(question.least):
        raise BadValue(f"must be at least {question.least}")
    if question.most is not None and value > read(question.most):
        raise BadValue(f"must be at most {question.most}")


def _card(question: TemplateQuestion, given: object) -> Answer:
    """Who it is: a name, of somebody whose card is still to come, or the card itself."""
    if not isinstance(given, Mapping):
        name = _line(given, LONGEST_NAME)
        if name.endswith(CARD_ENDINGS):  # a path that led nowhere is nobody's name
            raise BadValue("is no identity card that was found", "a file with what armslength init prints")
        return Answer(name, quoted(name), name)
    try:
        card = read_card(given)
    except Malformed as error:
        place = f"{error.place} " if error.place else ""
        raise BadValue(f"is not an identity card: {place}{error.reason}", "give what armslength init prints") from None
    name = _line(card.name or question.default, LONGEST_NAME)
    return Answer(name, quoted(name), name, card)


def _fits_with(question: TemplateQuestion, found: Answer, before: Mapping[str, Answer]) -> None:
    """Whether an answer goes with those before it. Raises BadValue."""
    if question.under is not None and question.under in before:
        limit = before[question.under]
        if found.value >= limit.value:  # type: ignore[operator]  # both are durations
            raise BadValue(f"must be shorter than {question.under}, which is {limit.yaml}")
    if found.card is None:
        return
    if needs_node(question, before) and not found.card.node:
        raise BadValue("is the card of a monitor without a node, and here a node is needed", "give a node's card")
    for other, answer in before.items():
        if answer.card is not None and (
            found.card.did == answer.card.did or found.card.every_key & answer.card.every_key
        ):
            raise BadValue(f"is the card of {other} too: everybody is somebody else, with keys of their own")


def needs_node(question: TemplateQuestion, before: Mapping[str, Answer]) -> bool:
    """Whether who is asked for runs a node, as the other answers have it."""
    if isinstance(question.node, bool):
        return question.node
    return all(id_ in before and before[id_].value == value for id_, value in question.node.items())


READERS: dict[str, Callable[[TemplateQuestion, object], Answer]] = {
    "text": _text,
    "choice": _choice,
    "date": _date,
    "duration": _duration,
    "count": _count,
    "card": _card,
}
