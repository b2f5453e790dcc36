"""Who is engaged in terms and who is not, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from armslength.core.arrangement.terms import Arrangement, roles
from armslength.views.words import Words
from armslength.wire.manage import ActorReply

# What one of the others says to terms, or why we do not know it: "{}" is its name.
ANSWERS: Final[Mapping[str, str]] = {
    "waiting": "{} has the terms and has not answered yet",
    "accepted": "{} is engaged",
    "declined": "{} declines",
    "refused": "{} refuses the terms",
    "unreached": "{} was not reached; the terms are sent again",
    "unknown": "{} has not been brought the terms yet; they are sent again by the parties",
}


def answer(words: Words, actor: str, said: ActorReply) -> str:
    """One answer, as a clause."""
    return ANSWERS[said.answer].format(words.named(actor)) + (f": {said.reason}" if said.reason else "")


def absence(terms: Arrangement, absent: Mapping[str, ActorReply]) -> list[str]:
    """A sentence for each of the others that is not engaged, with what waits for it (rule 10.3c)."""
    words, found = Words.of(terms), []
    for actor, said in absent.items():
        asked = roles(terms, actor)
        if "party" in asked:
            missing = "it has not signed"
        elif "keeper" in asked:
            missing = "until it accepts its office as keeper nothing is placed"
        elif "timekeeper" in asked:
            missing = "until it accepts its office it keeps no time"
        else:
            missing = "it has accepted no office"
        found.append(f"Not engaged: {answer(words, actor, said)} ({missing}).")
    return found
