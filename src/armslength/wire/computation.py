"""What the console and the process of one of its computations say to each other: an order in, lines out."""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.canonical import canonical
from armslength.wire.strict import exact

EXPLORE, PLAY = "explore", "play"  # kinds of orders


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputationOrder:
    """What is to be done with terms, in their canonical form: `script` is played, and shown up to line `step` of its
    timeline; an exploration needs neither."""

    kind: str
    terms: str
    script: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputationWord:
    """How many courses have been looked at; or, in the end, the HTML that came of it, or what is wrong with it."""

    steps: int = 0
    made: str = ""
    problems: tuple[str, ...] = ()


def encode_word(word: ComputationWord) -> bytes:
    """A word as one line."""
    return canonical(word, whole=True) + b"\n"


def decode_word(line: bytes) -> ComputationWord:
    """Raises Malformed: what was cut off."""
    return exact(ComputationWord, line)


def encode_order(order: ComputationOrder) -> bytes:
    """An order as it travels."""
    return canonical(order, whole=True)


def decode_order(data: bytes) -> ComputationOrder:
    """Raises Malformed."""
    return exact(ComputationOrder, data)
