"""The statements that parties and monitors make: one signed entry each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, Which, ask, instant, show
from armslength.cli.officials import NOBODY, Asking, ask_for
from armslength.cli.output import given_text
from armslength.config import Config, load
from armslength.core.arrangement.bodies import (
    Allege,
    Attest,
    Body,
    Determine,
    Notice,
    Perform,
    Respond,
    Resume,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.tables import AllegationAnswer
from armslength.errors import DONE, Misuse, Refused, Unavailable

if TYPE_CHECKING:
    from armslength.wire.manage import StatementResult, StatementResults

Text = Annotated[str, Parameter(help="Words for people; they change nothing.")]

LARGEST = 16 * 1024**2  # bytes of a file of attestations


def statements(
    node: Path,
    which: str,
    bodies: list[Body],
    *,
    json: bool,
    events: tuple[str, ...] = (),
    asking: Asking = NOBODY,
) -> int:
    """Make statements in the name of the folder's owner; tells what became of each. 0 if none was refused, 3 if there
    are some and all of them wait for an answer, or for the approval of officials.

    `events` are claims that were named without a period: nothing is signed unless they are events.
    """
    from armslength.views.words import safe
    from armslength.wire.manage import SAY, Asker, DraftOrder, StatementsOrder
    from armslength.wire.manage import statements as plain

    config = load(node)
    if asking.official is not None:
        said = plain(bodies)
        order = DraftOrder(arrangement=which, statements=said, events=events, asker=Asker())
        return ask_for(config, order, asking, json=json)
    if config.address:
        answer = ask(config, SAY, StatementsOrder(arrangement=which, statements=plain(bodies), events=events))
    else:
        import asyncio

        answer = asyncio.run(_say(config, which, bodies, events))
    about = f"{answer.title}, {answer.arrangement[:12]}"
    show(answer, as_json=json, text="\n".join(safe(line(each, about)) for each in answer.said))
    found = {each.status for each in answer.said}
    return Refused.exit_code if "refused" in found else Unavailable.exit_code if found == {"pending"} else DONE


async def _say(config: Config, which: str, bodies: list[Body], events: tuple[str, ...]) -> StatementResults:
    from armslength.runtime.monitor import opened

    async with opened(config) as monitor:
        return await monitor.say(which, bodies, events)


def line(said: StatementResult, about: str) -> str:
    """What became of a statement, in a line."""
    from armslength.wire.manage import SAID_BEFORE

    name, reason = f"{said.type} {said.entry[:12]}", f": {said.reason}" if said.reason else ""
    if said.status == "refused":
        return f"{name}: refused: {said.reason} [{said.code}] (in {about})"
    if said.note == SAID_BEFORE:
        return f"{name}: {said.status}, {SAID_BEFORE}{reason}"
    if said.status == "placed":
        return f"{name}: placed, not sealed yet{f'; {said.note}' if said.note else ''}"
    return f"{name}: {said.status}: {said.reason}"


def attest(
    claims: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    /,
    *,
    true: Annotated[bool | None, Parameter(name="--true", negative="--false")] = None,
    from_file: Annotated[Path | None, Parameter(name="--from")] = None,
    supersedes: str | None = None,
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As a monitor, say whether claims held.

    `armslength attest k2#7 --true` says that claim k2 held in its period 7; `k2#7-9` means three periods; an event
    claim is named without a period. Each is one signed entry. False may be attested during a period, true only after.

    Parameters
    ----------
    claims
        CLAIM#PERIOD, CLAIM#FROM-TO, or CLAIM for an event.
    true
        It held, or (--false) it did not.
    from_file
        A file with one statement a line: `true k2#7` or `false k2#7`; empty lines and lines with # first are skipped.
    supersedes
        Entry hash of your own earlier attestation on the same claim and period, which this one replaces.
    """
    said = [(claim, true) for claim in claims]
    if from_file is not None:
        said += _read(from_file)
    if not said or any(value is None for _, value in said):
        raise Misuse("which", "name claims, and --true or --false; or give --from FILE", "attest")
    bodies: list[Body] = [
        Attest(claim=claim, period=period, value=bool(value), supersedes=supersedes)
        for text, value in said
        for claim, period in _periods(text)
    ]
    events = tuple(text for text, _ in said if "#" not in text)
    return statements(node, arrangement, bodies, json=json, events=events, asking=asking)


def _read(path: Path) -> list[tuple[str, bool | None]]:
    lines = given_text(path, LARGEST).splitlines()
    found: list[tuple[str, bool | None]] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or words[0] not in {"true", "false"}:
            raise Misuse("bad-line", "not `true CLAIM#PERIOD` or `false CLAIM#PERIOD`", f"{path}, line {number}")
        found.append((words[1], words[0] == "true"))
    return found


def _periods(text: str) -> list[tuple[str, int]]:
    claim, _, span = text.partition("#")
    first, dash, last = span.partition("-")
    if not claim or not (first or not span) or (not (first + (last or "0")).replace(" ", "0").isdecimal() and span):
        raise Misuse("bad-claim", f"{text!r} is not CLAIM#PERIOD, CLAIM#FROM-TO or CLAIM", "claim")
    if not span:
        return [(claim, 0)]
    begin, end = int(first), int(last) if dash else int(first)
    if end < begin or end - begin > 1000:
        raise Misuse("bad-claim", f"{text!r} is no range of at most 1000 periods", "claim")
    return [(claim, period) for period in range(begin, end + 1)]


def perform(
    duty: str, /, *, asking: Asking = NOBODY, arrangement: Which = "", node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """As a debtor, state that you have performed a duty. Monitors decide whether it is so.

    Parameters
    ----------
    duty
        The duty's id in the terms, like C5.
    """
    return statements(node, arrangement, [Perform(duty=duty)], json=json, asking=asking)


def notify(
    claim: str,
    /,
    *,
    start: str,
    end: str,
    text: Text = "",
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As the debtor, notify an exception to a claim before it happens.

    Parameters
    ----------
    claim
        The claim's id in the terms, like k2.
    start
        When the exception begins, UTC, like 2016-07-23T09:00:00Z.
    end
        When it ends, like 2016-07-23T12:00:00Z.
    """
    body = Notice(claim=claim, start=instant(start), end=instant(end), text=text)
    return statements(node, arrangement, [body], json=json, asking=asking)


def allege(
    subject: str,
    /,
    *,
    hold: bool = False,
    text: Text = "",
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As a party, allege a violation: of CLAIM#PERIOD, or that TRANCHE is not delivered in time.

    Parameters
    ----------
    subject
        A claim's period like k2#14, or a tranche like T3.
    hold
        Ask that releases be held meanwhile; each party has a limited number of holds.
    """
    claim, mark, period = subject.partition("#")
    if mark and not period.isdecimal():
        raise Misuse("bad-subject", f"{subject!r} is not CLAIM#PERIOD or TRANCHE", "subject")
    body = Allege(claim=claim, period=int(period), hold=hold, text=text) if mark else Allege(
        tranche=subject, hold=hold, text=text
    )  # fmt: skip
    return statements(node, arrangement, [body], json=json, asking=asking)


def respond(
    allegation: str,
    /,
    *,
    admit: Annotated[bool, Parameter(negative="--deny")],
    text: Text = "",
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As the debtor, answer an allegation: --admit or --deny.

    Parameters
    ----------
    allegation
        Its id, as `status` shows it, for example A/k2/14.
    """
    body = Respond(
        allegation=allegation, answer=AllegationAnswer.ADMITTED if admit else AllegationAnswer.DENIED, text=text
    )
    return statements(node, arrangement, [body], json=json, asking=asking)


def determine(
    subject: str,
    /,
    *,
    uphold: Annotated[bool, Parameter(negative="--dismiss")],
    text: Text = "",
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As a determiner, vote on an allegation, or on the dispute about a tranche: --uphold or --dismiss.

    Parameters
    ----------
    subject
        The allegation's id (A/k2/14), or the tranche's (T3).
    """
    body = (
        Determine(uphold=uphold, allegation=subject, text=text)
        if "/" in subject
        else Determine(uphold=uphold, tranche=subject, text=text)
    )
    return statements(node, arrangement, [body], json=json, asking=asking)


def resume(*, asking: Asking = NOBODY, arrangement: Which = "", node: NodeFolder = Path(), json: AsJson = False) -> int:
    """As a party or determiner, agree to end the current suspension."""
    return statements(node, arrangement, [Resume()], json=json, asking=asking)


def withdraw(
    *,
    text: Text = "",
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As a party, give notice of withdrawal."""
    return statements(node, arrangement, [Withdraw(text=text)], json=json, asking=asking)


def waive(
    duty: str, /, *, asking: Asking = NOBODY, arrangement: Which = "", node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """As a creditor, waive a duty; it is discharged once every creditor has.

    Parameters
    ----------
    duty
        The duty's id in the terms, like C5.
    """
    return statements(node, arrangement, [Waive(duty=duty)], json=json, asking=asking)
