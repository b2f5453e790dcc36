"""Identity cards among files: what `armslength init` prints, as YAML or with `--json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from armslength.errors import Malformed
from armslength.wire.card import Card, parse_card
from armslength.wire.terms_tree import BadTerms

LARGEST_CARD = 16 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class FoundCard:
    """A card and the file in which it was found."""

    file: str
    card: Card

    def answer(self) -> dict[str, Any]:
        """The answer to a question of the kind `card` that names this one."""
        return self.card.plain()


def found_cards(files: Iterable[tuple[str, bytes]]) -> list[FoundCard]:
    """The identity cards among files, in the order of their names; each identity once. What is no card is passed by."""
    found: dict[str, FoundCard] = {}
    for name, data in sorted(files):
        try:
            if len(data) <= LARGEST_CARD:
                card = parse_card(data, name)
                found.setdefault(card.did, FoundCard(name, card))
        except (BadTerms, Malformed):
            continue
    return list(found.values())


def chosen(answer: object, cards: Iterable[FoundCard]) -> object:
    """The card that an answer names by file, DID or name; the answer itself where it names none, or more than one.

    A file is named as it lies in the folder that was looked through, or by a longer path that ends in that."""
    if not isinstance(answer, str):
        return answer
    wanted, known = answer.strip(), list(cards)
    exact = [each for each in known if wanted in (each.file, each.card.did, each.card.name)]
    named = exact or [each for each in known if wanted.endswith(f"/{each.file}")]
    return named[0].answer() if len(named) == 1 else answer
