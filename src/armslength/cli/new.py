"""`new`: terms from a template, by questions and answers."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from armslength.cli.context import AsJson, show
from armslength.cli.output import begins, given, new_folder
from armslength.errors import Malformed, Misuse, NotFound
from armslength.views.words import safe, wrap

if TYPE_CHECKING:
    from armslength.analysis.finding import Finding
    from armslength.templates import FoundCard, Template, TemplateQuestion
    from armslength.templates.answers import Answer

MOST_FILES, DEEPEST = 2000, 4  # of a folder that is looked through for cards
WIDTH = 96
AGREED = "rehearsals/as-agreed.yaml"  # every template has this one


def new(
    template: str = "",
    /,
    *,
    out: Path | None = None,
    answers: Path | None = None,
    cards: Annotated[Path, Parameter(show_default=False)] = Path(),
    list_: Annotated[bool, Parameter(name="--list")] = False,
    questions: bool = False,
    json: AsJson = False,
) -> int:
    """Write terms from a template: at most twelve questions, and the result passes `armslength check`.

    Without a template it lists those there are. On a terminal it asks one question after the other: Enter takes the
    default, `?` explains, `<` goes back. For scripts, `--questions` prints a file of answers to fill in, and
    `--answers` takes it. Who takes part is answered with an identity card (what `armslength init` prints), or with a
    name alone: then `check` names the card that is missing, and the terms wait for it. Nothing is written before
    everything is answered, and nothing is overwritten.

    Parameters
    ----------
    template
        Its name, as the list has it.
    out
        The folder to make: terms, cards, rehearsals and the answers; default: named as the template.
    answers
        Answers by question, in YAML or JSON, instead of asking.
    cards
        A folder to look through for identity cards; default: the current one.
    list_
        List the templates.
    questions
        Print the questions with their defaults, as a file of answers to fill in.
    """
    from armslength.templates import found_cards, given_answers
    from armslength.templates import template as by_name
    from armslength.wire.terms_yaml import MAX_BYTES

    if list_ or not template:
        return _listed(json=json)
    try:
        chosen_one = by_name(template)
    except NotFound as error:
        raise Misuse(error.code, error.reason, error.place) from None
    if questions:
        return _asked(chosen_one, json=json)
    target = out or Path(template)
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise Misuse("exists", "already exists and is not empty; nothing is overwritten", str(target))
    found = found_cards(_files(cards))
    if answers is not None:
        with _refused():
            said = given_answers(given(answers, MAX_BYTES), str(answers))
    elif sys.stdin.isatty() and not json:
        said = Interview(chosen_one, found, int(time.time())).answers()
    else:
        reason = "there is no terminal to ask on: give --answers FILE, which --questions prints to be filled in"
        raise Misuse("no-answers", reason, template)
    with _refused():
        return _write(chosen_one, said, found, target, json=json)


class BadAnswersFile(Misuse):
    """Answers that are none: a line for each thing that is wrong with them."""

    def __init__(self, error: Malformed) -> None:
        super().__init__(error.code, error.reason, error.place)
        self.problems = tuple(getattr(error, "problems", ()))
        self.closing = "these are no answers to the template: nothing is written" if self.problems else str(self)


@contextmanager
def _refused() -> Iterator[None]:
    """What is wrong with answers is the caller's to mend. Raises BadAnswersFile."""
    try:
        yield
    except Malformed as error:
        raise BadAnswersFile(error) from None


def _listed(*, json: bool) -> int:
    from armslength.templates import templates

    known = templates()
    lines = []
    for each in known:
        lines += [each.id, f"    {each.title}. {each.audience}"]
    lines += ["", "`armslength new TEMPLATE --out FOLDER` asks its questions; docs/templates.md tells what each does."]
    listed = [
        {"id": t.id, "title": t.title, "audience": t.audience, "summary": t.summary, "questions": len(t.questions)}
        for t in known
    ]
    show({"templates": listed}, as_json=json, text="\n".join(lines))
    return 0


def _asked(template: Template, *, json: bool) -> int:
    from armslength.templates import form
    from armslength.templates.answers import default_of

    today = int(time.time())
    asked = [asdict(each) | {"default": default_of(each, today)} for each in template.questions]
    document = {"template": template.id, "title": template.title, "questions": asked}
    show(document, as_json=json, text=form(template, {}, today).rstrip("\n"))
    return 0


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a folder that may be cards, by their path in it: no hidden ones, and no links to elsewhere."""
    from armslength.templates.answers import CARD_ENDINGS
    from armslength.templates.cards import LARGEST_CARD

    if not folder.is_dir():
        raise Misuse("no-file", "is no folder", str(folder))
    seen = 0
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and len(inside.parts) < DEEPEST)
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith(".") or not name.endswith(CARD_ENDINGS) or path.is_symlink() or not path.is_file():
                continue
            seen += 1
            if seen > MOST_FILES:
                return
            try:
                yield (inside / name).as_posix(), begins(path, LARGEST_CARD + 1)
            except OSError:
                continue  # a file that cannot be read is no card of ours


def _write(template: Template, said: Mapping[str, Any], found: Sequence[FoundCard], target: Path, *, json: bool) -> int:
    from armslength.templates import chosen, fill, form, missing_cards

    resolved = {id_: chosen(answer, found) if _is_card(template, id_) else answer for id_, answer in said.items()}
    files = fill(template, resolved)
    missing = missing_cards(template, files)
    findings = _findings(template, files)
    # The cards lie in the folder itself, so that its answers can be given again, changed.
    kept = {id_: f"cards/{id_}.yaml" if isinstance(answer, Mapping) else answer for id_, answer in resolved.items()}
    files = files | {"answers.yaml": form(template, kept, int(time.time())).encode()}
    with new_folder(target) as folder:
        (folder / "cards").mkdir()
        for path, data in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(data)
    document = {
        "template": template.id,
        "folder": str(target),
        "files": sorted(files),
        "missing": missing,
        "findings": None if findings is None else [asdict(finding) for finding in findings],
    }
    show(document, as_json=json, text=_told(template, target, files, missing, findings))
    return 0


def _is_card(template: Template, id_: str) -> bool:
    return any(question.id == id_ and question.kind == "card" for question in template.questions)


def _findings(template: Template, files: Mapping[str, bytes]) -> list[Finding] | None:
    """What `check` finds in the terms; None while cards are missing."""
    from armslength.analysis.check import check
    from armslength.templates import ARRANGEMENT, missing_cards
    from armslength.wire.terms import compile_terms

    if missing_cards(template, files):
        return None
    compiled = compile_terms(files[ARRANGEMENT], lambda name: files[name], file=ARRANGEMENT)
    return check(compiled.terms, compiled.texts)


def _told(
    template: Template, target: Path, files: Mapping[str, bytes], missing: Mapping[str, str],
    findings: Sequence[Finding] | None,
) -> str:  # fmt: skip
    from armslength.templates import ARRANGEMENT

    lines = [f"{target}: {template.title}", *(f"    {path}" for path in sorted(files))]
    if missing:
        lines += ["", "Identity cards are missing; each is what `armslength init` prints for whoever it is:"]
        lines += [f"    {target / path}" for path in missing.values()]
    for finding in findings or ():
        if finding.severity != "note":
            lines += ["", f"{finding.severity}  {finding.id}  {finding.place}", f"        {finding.message}"]
    lines += ["", f"Next: armslength check {target / ARRANGEMENT} --english"]
    if not missing:
        lines += [f"      armslength rehearse {target / ARRANGEMENT} --script {target / AGREED}"]
    return "\n".join(safe(line) for line in lines)


@dataclass(frozen=True, slots=True)
class Interview:
    """The questions of a template, asked at a terminal one after the other."""

    template: Template
    cards: Sequence[FoundCard]
    today: int

    def answers(self) -> dict[str, Any]:
        """What was answered. Raises Misuse if the input ends before the last question."""
        from armslength.templates.answers import BadAnswers, read_one

        said: dict[str, Any] = {}
        read: dict[str, Answer] = {}
        number = 0
        self._say("", self.template.title, "Enter takes the answer in brackets; ? explains; < goes back.")
        while number < len(self.template.questions):
            question = self.template.questions[number]
            open_cards = self._open(question, read)
            text = self._ask(number, question, open_cards)
            if text == "?":
                self._explain(question)
                continue
            if text == "<":
                number = max(0, number - 1)
                said.pop(self.template.questions[number].id, None)
                read.pop(self.template.questions[number].id, None)
                continue
            answer = self._meant(question, text, open_cards)
            try:
                read[question.id] = read_one(question, answer, read)
            except BadAnswers as error:
                self._say(*(f"    {problem}" for problem in error.problems))
                continue
            said[question.id] = answer
            number += 1
        return said

    def _open(self, question: TemplateQuestion, read: Mapping[str, Answer]) -> list[FoundCard]:
        """The cards that would do, of those that nobody has yet."""
        from armslength.templates.answers import needs_node

        if question.kind != "card":
            return []
        taken = [answer.card.did for answer in read.values() if answer.card is not None]
        node = needs_node(question, read)
        return [each for each in self.cards if each.card.did not in taken and (each.card.node or not node)]

    def _ask(self, number: int, question: TemplateQuestion, cards: Sequence[FoundCard]) -> str:
        from armslength.templates.answers import default_of

        self._say("", f"{number + 1} of {len(self.template.questions)}  {question.ask}")
        self._say(*(f"    {word}: {meaning}" for word, meaning in question.options.items()))
        self._say(*(f"    {i}  {each.card.name or each.card.did} ({each.file})" for i, each in enumerate(cards, 1)))
        how = "a number, or a name whose card comes later " if cards else ""
        sys.stderr.write(safe(f"    {how}[{default_of(question, self.today)}] > "))
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise Misuse("no-answers", "the answers ended before the last question: nothing is written", question.id)
        return line.strip()

    def _meant(self, question: TemplateQuestion, text: str, cards: Sequence[FoundCard]) -> Any:
        from armslength.templates import chosen
        from armslength.templates.answers import default_of

        if not text:
            return default_of(question, self.today)
        if question.kind != "card":
            return text
        if text.isdecimal() and 0 < int(text) <= len(cards):
            return cards[int(text) - 1].answer()
        return chosen(text, cards)

    def _explain(self, question: TemplateQuestion) -> None:
        self._say(*(f"    {line}" for line in wrap(question.help, WIDTH)))
        if question.kind == "card":
            self._say("    An identity card is what `armslength init` prints; --cards FOLDER says where they lie.")

    def _say(self, *lines: str) -> None:
        for line in lines:
            sys.stderr.write(safe(line) + "\n")
