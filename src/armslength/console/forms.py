"""A form of the pages as a statement: what is missing or is no such thing is refused, naming the field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from armslength.core.arrangement.bodies import (
    Allege,
    Attest,
    Body,
    Determine,
    Notice,
    Perform,
    Respond,
    Resume,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.tables import AllegationAnswer
from armslength.errors import Misuse

MAX_TEXT: Final = 4000
LARGEST: Final = 100_000  # a period's number


def body_of(form: Mapping[str, str]) -> Body:
    """The statement that a form of `possible` asks for. Raises Misuse, naming the field."""
    text = form.get("text", "")
    if len(text) > MAX_TEXT:
        raise Misuse("too-long", f"at most {MAX_TEXT} characters", "text")
    kind, subject = form.get("type", ""), form.get("subject", "")
    match kind:
        case "sign":
            return Sign()
        case "resume":
            return Resume()
        case "withdraw":
            return Withdraw(text=text)
        case "perform":
            return Perform(duty=subject)
        case "waive":
            return Waive(duty=subject)
        case "respond":
            return Respond(
                allegation=subject,
                answer=_choice(form, "answer", (AllegationAnswer.ADMITTED, AllegationAnswer.DENIED)),
                text=text,
            )
        case "determine":
            uphold = _choice(form, "vote", ("uphold", "dismiss")) == "uphold"
            about = {"allegation": subject} if "/" in subject else {"tranche": subject}
            return Determine(uphold=uphold, text=text, **about)
        case "allege":
            hold, claim = form.get("hold") == "yes", form.get("claim")
            if claim:
                return Allege(claim=claim, period=_number(form, "period"), hold=hold, text=text)
            return Allege(tranche=subject, hold=hold, text=text)
        case "notice":
            return Notice(claim=subject, start=_instant(form, "start"), end=_instant(form, "end"), text=text)
        case _:
            raise Misuse("bad-form", f"no statement is called {kind[:40]!r}", "type")


def attestations(picked: list[str], *, value: bool, earlier: Mapping[tuple[str, int], str]) -> list[Attest]:
    """Attestations on these periods, CLAIM#PERIOD each; `earlier` are entries of ours that they take the place of."""
    bodies = []
    for each in dict.fromkeys(picked):
        claim, _, number = each.partition("#")
        period = _number({"period": number}, "period")
        bodies.append(Attest(claim=claim, period=period, value=value, supersedes=earlier.get((claim, period))))
    if not bodies:
        raise Misuse("nothing-picked", "pick at least one period", "period")
    return bodies


def _choice(form: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    given = form.get(name, "")
    if given not in allowed:
        raise Misuse("bad-form", f"one of: {', '.join(allowed)}", name)
    return given


def _number(form: Mapping[str, str], name: str) -> int:
    given = form.get(name, "")
    if not (given.isascii() and given.isdecimal() and len(given) < 10 and int(given) <= LARGEST):
        raise Misuse("bad-form", f"{given[:20]!r} is no number of a period", name)
    return int(given)


def _instant(form: Mapping[str, str], name: str) -> int:
    return instant(form.get(name, ""), name)


def instant(given: str, name: str) -> int:
    """UTC seconds of `2016-07-24T09:00`, as date fields send it. Raises Misuse, naming the field."""
    try:
        return int(datetime.fromisoformat(given[:19]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise Misuse("bad-form", f"{given[:30]!r} is no time like 2016-07-24T09:00 (UTC)", name) from None
