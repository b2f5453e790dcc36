"""What a change rests on, besides its rule and its entry, as values. Words are made of them in `views` alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Actors:
    """Those on whose word it rests: the voters of a quorum, who agree or waive; or who are missing."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A deadline, without grace. `of`: entry report due cure release key ack delivery reply determination hold
    suspension term."""

    at: int
    of: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of another object. `kind` and `subject` are as in `Change`; of kind "condition" is a tranche's."""

    kind: str
    subject: str
    state: str


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods `first` to `last` of a claim: `number` of them, if not all are meant."""

    claim: str
    first: int
    last: int
    number: int | None = None


Ground: TypeAlias = Actors | Passed | Standing | Periods
Cause: TypeAlias = tuple[Ground, ...]
