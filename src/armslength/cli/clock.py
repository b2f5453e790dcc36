"""`clock set`: move a development node's simulated time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from armslength.cli.context import AsJson, ask, instant, show
from armslength.config import load
from armslength.errors import DONE, ArmslengthError

clock = App(name="clock", help="The simulated clock of a development node.")

NodeFolders = Annotated[
    tuple[Path, ...],
    Parameter(
        name=["--node", "-n"],
        env_var="ARMSLENGTH_NODE",
        show_default=False,
        help="Folder of a node; repeat for each node. Default: the current folder.",
    ),
]


@clock.command(name="set")
def set_clock(time: str, /, *, node: NodeFolders = (), json: AsJson = False) -> int:
    """Move the simulated time of a node, or of several, forward. Every node has its own clock.

    Parameters
    ----------
    time
        UTC, like 2016-07-14T00:00:00Z, or whole seconds since 1970. Never before what the clock shows already.
    """
    from armslength.views.words import iso, listing
    from armslength.wire.manage import CLOCK, ClockOrder

    to, done = instant(time), list[str]()
    nodes = [load(folder) for folder in node or (Path(),)]
    for each in nodes:
        try:
            ask(each, CLOCK, ClockOrder(to=to))
        except ArmslengthError as error:
            already = f" (already set: {', '.join(done)})" if done else ""
            raise type(error)(error.code, f"{each.name}: {error.reason}{already}", error.place) from None
        done.append(each.name)
    show({"now": to, "nodes": done}, as_json=json, text=f"The simulated time is {iso(to)} at {listing(done)}.")
    return DONE
