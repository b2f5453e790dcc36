"""Arrangements to begin from: questions in, terms out.

A folder here for each template: `template.yaml` says whom it is for and what it asks, `terms.yaml.in` is the terms with
places for the answers. Nothing here talks to anybody or writes a file: commands and pages ask the questions of
`Template.questions`, and write what `fill` returns.
"""

from armslength.templates.answers import BadAnswers, form, given_answers, read_one
from armslength.templates.cards import FoundCard, chosen, found_cards
from armslength.templates.filling import ARRANGEMENT, fill, in_one_file, missing_cards
from armslength.templates.shelf import Template, TemplateQuestion, template, template_ids, templates

__all__ = [
    "ARRANGEMENT", "BadAnswers", "FoundCard", "Template", "TemplateQuestion", "chosen", "fill", "form", "found_cards",
    "given_answers", "in_one_file", "missing_cards", "read_one", "template", "template_ids", "templates",
]  # fmt: skip
