"""Identity cards among files: what `armslength init` prints, as YAML or with `--json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from armslength.core.arrangement.terms import ActorKeys
from armslength.core.record.keys import public_key
from armslength.errors import Malformed
from armslength.templates.shelf import plain
from armslength.wire.place import did_of
from armslength.wire.terms_fields import Reader
from armslength.wire.terms_tree import BadTerms, from_plain
from armslength.wire.terms_write import to_yaml
from armslength.wire.terms_yaml import parse

LARGEST_CARD = 16 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Card:
    """An identity card; `name` is None where the card says none."""

    name: str | None
    did: str
    address: str | None
    keys: ActorKeys

    @property
    def node(self) -> bool:
        """Whether it is the card of a node, which can keep a record and keep time."""
        return None not in (self.address, self.keys.checkpoints, self.keys.tokens)

    @property
    def every_key(self) -> frozenset[str]:
        """All its public keys."""
        return frozenset(key for key in asdict(self.keys).values() if key is not None)

    def plain(self) -> dict[str, Any]:
        """The fields as a card file has them."""
        keys = {role: key for role, key in asdict(self.keys).items() if key is not None}
        given = {"name": self.name, "did": self.did, "address": self.address, "keys": keys}
        return {field: value for field, value in given.items() if value is not None}

    def file(self) -> bytes:
        """The card as a file beside the terms."""
        return to_yaml(self.plain()).encode()


@dataclass(frozen=True, slots=True)
class FoundCard:
    """A card and the file in which it was found."""

    file: str
    card: Card

    def answer(self) -> dict[str, Any]:
        """The answer to a question of the kind `card` that names this one."""
        return self.card.plain()


def read_card(given: Mapping[str, Any]) -> Card:
    """A card from its fields; what is null is not given. Raises Malformed."""
    reader = Reader("card", None)
    fields = {key: value for key, value in given.items() if value is not None}
    if isinstance(keys := fields.get("keys"), Mapping):
        fields["keys"] = {role: key for role, key in keys.items() if key is not None}
    found = reader.section("card", from_plain(fields), "")
    if found is None:
        problem = reader.problems[0]
        raise Malformed("bad-card", problem.reason, problem.path)
    for role, key in found["keys"].items():
        if key is not None:
            public_key(key, f"keys.{role}")
    if found["address"] is not None and found["did"] != did_of(found["address"]):
        raise Malformed("bad-card", f"is not where {found['did']} is", "address")
    return Card(found["name"], found["did"], found["address"], ActorKeys(**found["keys"]))


def found_cards(files: Iterable[tuple[str, bytes]]) -> list[FoundCard]:
    """The identity cards among files, in the order of their names; each identity once. What is no card is passed by."""
    found: dict[str, FoundCard] = {}
    for name, data in sorted(files):
        try:
            given = plain(parse(data[: LARGEST_CARD + 1], name))
            if len(data) <= LARGEST_CARD and isinstance(given, dict) and {"did", "keys"} <= given.keys():
                card = read_card(given)
                found.setdefault(card.did, FoundCard(name, card))
        except (BadTerms, Malformed):
            continue
    return list(found.values())


def chosen(answer: object, cards: Iterable[FoundCard]) -> object:
    """The card that an answer names by file, DID or name; the answer itself where it names none, or more than one."""
    if not isinstance(answer, str):
        return answer
    wanted = answer.strip()
    named = [each for each in cards if wanted in (each.file, each.card.did, each.card.name)]
    return named[0].answer() if len(named) == 1 else answer
