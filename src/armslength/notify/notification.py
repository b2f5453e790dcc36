"""What somebody is told: one thing, with an id that is the same however often it comes to be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from armslength.core.canonical import canonical, digest

ASKED, NEAR, PASSED = "asked", "near", "passed"
HAPPENED, SILENCE, TROUBLE = "happened", "silence", "trouble"
KINDS: Final = (ASKED, NEAR, PASSED, HAPPENED, SILENCE, TROUBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """kind: of `KINDS`. event: what is asked ("attest", …) or has happened ("suspended", …); see `catalogue`. subject:
    an object's id, "" where it is about none. keys: the tasks that it is about, if any (`news.OpenTask`). roles: our
    own in the arrangement. officials: whose approval it waits for, by the ids in the policy. until: up to when what is
    asked is in time. who: of whom nothing has been heard."""

    id: str
    kind: str
    event: str
    arrangement: str = ""
    title: str = ""
    subject: str = ""
    keys: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    officials: tuple[str, ...] = ()
    at: int
    until: int | None = None
    who: tuple[str, ...] = ()
    text: str
    then: str = ""
    how: str = ""


def id_of(*parts: object) -> str:
    """A name for what is said, by all that tells it from anything else."""
    return digest(canonical([str(part) for part in parts]))[:32]
