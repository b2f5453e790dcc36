"""Identity cards are found among files, and everything else is passed by."""

from __future__ import annotations

import json

import pytest

from armslength.errors import Malformed
from armslength.templates import chosen, found_cards
from armslength.templates.cards import LARGEST_CARD
from armslength.wire.card import read_card
from armslength.wire.terms_write import to_yaml
from tests.templates.people import monitor_card, node_card


def written(card: dict[str, object]) -> bytes:
    """A card as `armslength init` prints it."""
    return to_yaml({key: value for key, value in card.items() if value is not None}).encode()


FILES = [
    ("b/B.yaml", written(node_card("b", "Borovia"))),
    ("A.json", json.dumps(monitor_card("a", "Arandia"), indent=2).encode()),
    ("C.yaml", written(node_card("b", "Borovia again"))),
    ("terms.yaml", b"title: x\nparties: {}\n"),
    ("list.yaml", b"- did\n- keys\n"),
    ("broken.yaml", b"did: [\n"),
    ("bad-key.yaml", written(node_card("x") | {"keys": {"entries": "AAAA"}})),
    ("elsewhere.yaml", written(node_card("x") | {"address": "https://y.example.org"})),
    ("padded.yaml", written(node_card("y")) + b"#" * LARGEST_CARD),
    ("tag.yaml", b"!!python/object/apply:os.system [x]\n"),
    ("bytes.yaml", b"\xff\xfe\x00"),
]


def test_cards_are_found_each_identity_once() -> None:
    """In YAML and in JSON, by the first file that holds them; a node's from a monitor's is told."""
    found = found_cards(FILES)
    assert [(each.file, each.card.name, each.card.node) for each in found] == [
        ("A.json", "Arandia", False),
        ("C.yaml", "Borovia again", True),
    ]


def test_a_card_is_chosen_by_file_did_or_name() -> None:
    """Whatever names exactly one card means that card; anything else stays a name."""
    found = found_cards(FILES)
    did = found[1].card.did
    for answer in ("C.yaml", "cards/C.yaml", "./C.yaml", did, "Borovia again", " Borovia again "):
        assert chosen(answer, found) == found[1].answer()
    for answer in ("Borovia", "B.yaml", "xC.yaml", "", 7, {"did": "x"}):
        assert chosen(answer, found) == answer


def test_a_name_of_two_means_neither() -> None:
    """Two cards of one name are not guessed between."""
    twins = found_cards([("1.yaml", written(node_card("x", "Twin"))), ("2.yaml", written(node_card("y", "Twin")))])
    assert len(twins) == 2
    assert chosen("Twin", twins) == "Twin"


def test_a_card_goes_to_its_file_and_back() -> None:
    """What is written beside the terms is the card."""
    card = read_card(node_card("x", 'The "Big" Co: #1'))
    assert found_cards([("x.yaml", card.file())])[0].card == card


def test_a_card_names_what_is_wrong_with_it() -> None:
    """The field is the place."""
    with pytest.raises(Malformed) as caught:
        read_card(node_card("x") | {"did": "x"})
    assert caught.value.place == "did"
