"""`clock set`: move a development node's simulated time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from armslength.cli.context import AsJson, NodeFolder, ask, instant, show
from armslength.config import load

if TYPE_CHECKING:
    import cyclopts


def register(app: cyclopts.App) -> None:
    """Put the commands of this file on the application."""
    import cyclopts

    clock = cyclopts.App(name="clock", help="The simulated clock of a development node.")
    clock.command(set_clock, name="set")
    app.command(clock)


def set_clock(time: str, /, *, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Move the simulated time of this node forward. Every node has its own clock: set it on each.

    Parameters
    ----------
    time
        UTC, like 2016-07-14T00:00:00Z, or whole seconds since 1970. Never before what the clock shows already.
    """
    from armslength.views.words import iso

    to = instant(time)
    answer = ask(load(node), "clock", to=to)
    show(answer, as_json=json, text=f"The simulated time is {iso(to)}.")
    return 0
