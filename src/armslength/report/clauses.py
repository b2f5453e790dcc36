"""Clauses with their texts, each beside what it means in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from armslength.core.arrangement.terms import Arrangement
from armslength.report.english import Sentence, english


@dataclass(frozen=True, slots=True)
class ClauseText:
    """A clause, its own text, and what it means in plain words."""

    id: str
    title: str
    text: str | None
    sentences: tuple[Sentence, ...]


def clauses(terms: Arrangement, texts: Mapping[str, str]) -> list[ClauseText]:
    """The clauses in the order of their numbers."""
    said: dict[str, list[Sentence]] = {}
    for sentence in english(terms):
        said.setdefault(clause_of(terms, sentence.id), []).append(sentence)
    return [
        ClauseText(id_, clause.title, reflow(texts.get(id_)), tuple(said.get(id_, ())))
        for id_, clause in sorted(terms.clauses.items(), key=lambda item: natural(item[0]))
    ]


def general(terms: Arrangement) -> list[Sentence]:
    """What the terms say that belongs to no clause."""
    return [sentence for sentence in english(terms) if not clause_of(terms, sentence.id)]


def clause_of(terms: Arrangement, id_: str) -> str:
    """The clause that a claim, duty or tranche belongs to; empty for anything else."""
    for table in (terms.claims, terms.duties, terms.tranches):
        if id_ in table:
            return table[id_].clause
    return ""


def reflow(text: str | None) -> str | None:
    """A clause's text with the line breaks of its file undone; paragraphs and lines that begin a list item stay."""
    if text is None:
        return None
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(re.sub(r"\n(?!\s*(?:[-*•]|\(?\w{1,3}[.)])\s)\s*", " ", paragraph) for paragraph in paragraphs)


def natural(name: str) -> tuple[object, ...]:
    """Where a name stands among others: C2 before C10."""
    digits = "".join(c for c in name if c.isdigit())
    return (name.rstrip("0123456789"), int(digits or 0), name)
