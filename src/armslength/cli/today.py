"""`today`, `watch`, `notify-test`, `calendar`: what waits, what happens, and whether people are told of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from armslength.cli.context import AsJson, NodeFolder, ask, show
from armslength.config import Config, load
from armslength.errors import DONE, ArmslengthError, Misuse, Unavailable

if TYPE_CHECKING:
    from armslength.runtime.monitor import MonitorRecord, Trouble
    from armslength.wire.news import AskedNow, NewsView, NotifyReport, StalledTask, TodayView, ToldEvent

WAIT_S: Final = 25  # that the node waits for news before it says that there are none
AGAIN_S: Final = 2.0  # before a node that is down is asked again


def today(*, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """What waits for you over all arrangements, soonest first; whether your last attestation counted; what stalls, and
    at whom. A monitor without a node asks the nodes that it talks to."""
    from armslength.views.words import safe

    found = _today(load(node))
    show(found, as_json=json, text="\n".join(safe(line) for line in lines_of(found)))
    return DONE


def _today(config: Config) -> TodayView:
    from armslength.wire.news import TODAY, NoQuestion

    if config.address:
        return ask(config, TODAY, NoQuestion())
    import asyncio

    from armslength.runtime.monitor import today_of

    return today_of(*asyncio.run(_records(config)))


async def _records(config: Config) -> tuple[list[MonitorRecord], list[Trouble]]:
    from armslength.runtime.monitor import opened

    async with opened(config) as monitor:
        return await monitor.records()


def lines_of(found: TodayView) -> list[str]:
    """For people."""
    lines = [] if found.asked else ["Nothing waits for you."]
    for task in found.asked:
        lines += [_headed(found, task), *([f"    {task.how}"] if task.how else [])]
    if found.said:
        lines += ["", *(f"{each.text} ({each.title}, {each.arrangement[:12]})" for each in found.said)]
    if found.stalled:
        lines += ["", "What stalls, and at whom:"]
        for each in found.stalled:
            lines.append(f"  {', '.join(each.names)}: {_headed(found, each)}")
    if found.troubles:
        at = " at {}"
        told = (f"  {each.what}{at.format(each.whom) if each.whom else ''}: {each.reason}" for each in found.troubles)
        lines += ["", "What does not work here:", *told]
    return lines


def _headed(found: TodayView, task: AskedNow | StalledTask) -> str:
    """`by 20 Jul 2016 10:00 UTC (in 3 h): Attest whether … (July 2016, 271bdbb416b1)`."""
    from armslength.views.words import clock, date, span

    when = ""
    if task.until is not None:
        left = found.left(task)
        away = f"in {span(left)}" if left >= 0 else f"{span(-left)} ago"
        when = f"by {date(task.until)} {clock(task.until)} UTC ({away}): "
    about = f" ({task.title}, {task.arrangement[:12]})" if task.arrangement else ""
    return f"{when}{task.text}{about}"


# --- watch ------------------------------------------------------------------------------------------------------------


def watch(*, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Print news as they come, one line an event, until Ctrl-C: what is asked, near, passed, what has happened, who is
    silent, what fails. With `--json` each line is a JSON object. A node that stops meanwhile is waited for."""
    config = load(node)
    if not config.address:
        reason = "this folder is a monitor's and has no node: `armslength today` says what waits"
        raise Misuse("no-node", reason, str(node))
    cursor = _news(config, "").cursor
    while True:
        try:
            found = _news(config, cursor)
        except Unavailable:
            time.sleep(AGAIN_S)
            continue
        if found.missed:
            print("armslength: some news may have been missed: see `armslength record`", file=sys.stderr)
        for event in found.events:
            _print(event, as_json=json)
        if getattr(sys.stdout, "error", None) is not None:  # nobody reads it any more
            return DONE
        cursor = found.cursor


def _news(config: Config, after: str) -> NewsView:
    from armslength.wire.news import NEWS, NewsQuestion

    return ask(config, NEWS, NewsQuestion(after=after, wait=WAIT_S))


def _print(event: ToldEvent, *, as_json: bool) -> None:
    from armslength.views.jsonable import json_text
    from armslength.views.words import clock, date, safe

    if as_json:
        print(json_text(event, indent=None), flush=True)
        return
    about = f" ({event.title}, {event.arrangement[:12]})" if event.arrangement else ""
    print(safe(f"{date(event.at)} {clock(event.at)} UTC  {event.kind}: {event.text}{about}"), flush=True)


# --- notify-test ------------------------------------------------------------------------------------------------------


def notify_test(*, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Send a test by every way that the node's configuration names, and say what became of it, what waits and what was
    given up. Exit code 1 if one was not taken."""
    from armslength.views.words import safe
    from armslength.wire.news import NOTIFY_TEST, NoQuestion

    report = ask(load(node), NOTIFY_TEST, NoQuestion())
    show(report, as_json=json, text="\n".join(safe(line) for line in _report(report)))
    return DONE if all(each.ok for each in report.tested) else ArmslengthError.exit_code


def _report(report: NotifyReport) -> list[str]:
    from armslength.views.words import clock, count, date

    lines = [
        f"{each.way} to {each.to}: {'taken' if each.ok else f'failed: {each.reason}'}" for each in report.tested
    ] or ["Nobody is told anything: see [notify] in docs/notify.md."]
    lines += [f"{count(number, 'message')} for {to} wait." for to, number in report.waiting.items()]
    for to, number in report.dropped.items():
        lines.append(f"{count(number, 'notification')} for {to} were dropped: too many wait.")
    for each in report.given_up:
        lines.append(f"Given up on {date(each.at)} {clock(each.at)} UTC, for {each.to}: {each.subject}: {each.reason}.")
    return lines


# --- calendar ---------------------------------------------------------------------------------------------------------


def calendar(*, renew: bool = False, revoke: bool = False, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Print the address of this node's calendar, for a calendar program to subscribe to. Whoever has it reads the
    calendar: do not pass it on.

    Parameters
    ----------
    renew
        Make an address; the one before, if there was one, leads nowhere from now on.
    revoke
        From now on there is none.
    """
    from armslength.wire.news import CALENDAR, CalendarOrder

    if renew and revoke:
        raise Misuse("which", "give --renew or --revoke, not both", "calendar")
    found = ask(load(node), CALENDAR, CalendarOrder(renew=renew, revoke=revoke))
    none = "There is no address." if revoke else "There is no address yet: make one with --renew."
    show(found, as_json=json, text=found.url or none)
    return DONE


# --- remind -----------------------------------------------------------------------------------------------------------


def remind(address: str = "", /, *, stop: bool = False, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """As a monitor without a node, ask the nodes that it uses to send reminders to an address of mail. Whoever is there
    is asked first, by a message with a link, and each reminder has a link that ends it. Exit code 1 if no node does.

    Parameters
    ----------
    address
        The address.
    stop
        Have no more reminders sent, wherever they go.
    """
    import asyncio

    from armslength.views.words import safe

    if bool(address) == stop:
        raise Misuse("which", "give an address, or --stop", "remind")
    config = load(node)
    if config.address:
        raise Misuse("a-node", "this folder has a node: it tells whom [notify] in its node.toml names", str(node))
    found = asyncio.run(_remind(config, address))
    meant = {"asked": "a message with a link to confirm is on its way", "known": "there is nothing to confirm"}
    lines = [f"{place}: {meant.get(said, said)}" for place, said in found.items()]
    show({"nodes": found}, as_json=json, text="\n".join(map(safe, lines)))
    return DONE if any(said in meant for said in found.values()) else ArmslengthError.exit_code


async def _remind(config: Config, address: str) -> dict[str, str]:
    from armslength.runtime.monitor import opened

    async with opened(config) as monitor:
        return await monitor.remind(address)
