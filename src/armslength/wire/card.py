"""An identity card by itself: what `armslength init` prints, and what lies beside terms as `card:` names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from armslength.core.arrangement.terms import ActorKeys
from armslength.core.record.keys import public_key
from armslength.errors import Malformed
from armslength.wire.place import did_of
from armslength.wire.terms_fields import Reader
from armslength.wire.terms_tree import from_plain, to_data
from armslength.wire.terms_write import to_yaml
from armslength.wire.terms_yaml import parse


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


def parse_card(data: bytes, file: str) -> Card:
    """The card in a file, in YAML or JSON. Raises Malformed."""
    given = to_data(parse(data, file))
    if not isinstance(given, dict):
        raise Malformed("bad-card", "must be a mapping", file)
    return read_card(given)
