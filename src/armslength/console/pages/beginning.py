"""Terms begun from a template: its questions as one form, and what comes of them as a text in the editor."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.approving import policy_of
from armslength.console.pages.writing import drafted
from armslength.console.render import Pages
from armslength.console.sessions import BEGIN
from armslength.errors import Malformed
from armslength.templates import (
    BadAnswers,
    Template,
    TemplateQuestion,
    fill,
    in_one_file,
    template,
    templates,
)
from armslength.templates.answers import default_of
from armslength.templates.cards import LARGEST_CARD
from armslength.wire.card import Card
from armslength.wire.terms_tree import BadTerms, to_data
from armslength.wire.terms_yaml import parse

US: Final = "us"  # the field that says which question's answer is the owner's own card
ANSWER, FILE = "answer-", "file-"  # how the fields of a question begin


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A question on the page, with its answer so far and what is wrong with that."""

    question: TemplateQuestion
    answer: str
    problems: tuple[str, ...] = ()


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def shelf(request: Request) -> Response:
        return pages.page(request, "new.html.j2", templates=templates())

    async def asked(request: Request) -> Response:
        chosen = template(request.path_params["template"])
        today = int(time.time())
        given = {each.id: "" if each.kind == "card" else default_of(each, today) for each in chosen.questions}
        return _form(request, chosen, given, {}, "")

    async def answered(request: Request) -> Response:
        chosen, form = template(request.path_params["template"]), await request.form()
        given = {each.id: await _given(form, each) for each in chosen.questions}
        us = str(form.get(US, ""))
        answers, problems = _read(chosen, given, pages.card, us)
        source, files = "", dict[str, bytes]()
        try:
            source, files = in_one_file(chosen, answers), fill(chosen, answers)
        except BadAnswers as error:
            for each in error.problems:
                problems.setdefault(each.question, str(each))
        if problems:
            return _form(request, chosen, given, problems, us)
        played = tuple(data.decode() for name, data in sorted(files.items()) if name.startswith("rehearsals/"))
        draft = await drafted(pages, source, scripts=played)
        return pages.page(request, "write.html.j2", draft=draft, policy=await policy_of(pages.owner))

    def _form(
        request: Request, chosen: Template, given: Mapping[str, str], problems: Mapping[str, str], us: str
    ) -> Response:
        rows = [
            AskedQuestion(
                question=each, answer=given[each.id], problems=(problems[each.id],) if each.id in problems else ()
            )
            for each in chosen.questions
        ]
        return pages.page(
            request, "new_template.html.j2", status=422 if problems else 200, chosen=chosen, rows=rows, us=us,
            card=pages.card,
        )  # fmt: skip

    return [
        Route("/new", shelf),
        Route("/new/{template}", asked),
        Route("/new/{template}", pages.only(BEGIN, answered), methods=["POST"]),
    ]


async def _given(form: FormData, question: TemplateQuestion) -> str:
    """What was answered, as text; a file that was chosen takes the place of what was typed."""
    file = form.get(f"{FILE}{question.id}")
    if isinstance(file, UploadFile) and file.filename:
        return (await file.read(LARGEST_CARD + 1)).decode("utf-8", "replace")
    return str(form.get(f"{ANSWER}{question.id}", "")).replace("\r\n", "\n").strip()


def _read(
    chosen: Template, given: Mapping[str, str], own: Card | None, us: str
) -> tuple[dict[str, object], dict[str, str]]:
    """The answers as `fill` takes them, and what is wrong with those that cannot be read, by question."""
    answers: dict[str, object] = {}
    problems: dict[str, str] = {}
    for question in chosen.questions:
        text = given[question.id]
        answers[question.id] = text or question.default if question.kind == "card" else text
        if question.kind != "card":
            continue
        if own is not None and question.id == us:
            answers[question.id] = own.plain()
        elif ":" in text:  # a card; a name has no colon
            try:
                answers[question.id] = _mapping(text, question.id)
            except (BadTerms, Malformed) as error:
                problems[question.id] = f"{question.id}: {error.reason}"
    return answers, problems


def _mapping(text: str, place: str) -> object:
    if len(text) > LARGEST_CARD:
        raise Malformed("bad-card", "is larger than any identity card", place)
    found = to_data(parse(text.encode(), place))
    if not isinstance(found, dict):
        raise Malformed("bad-card", "is not an identity card", place)
    return found
