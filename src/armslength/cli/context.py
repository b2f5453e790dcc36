"""What commands share: the folder they speak for, the running node, and a monitor's own way to the nodes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from armslength.config import Config
from armslength.errors import Misuse

if TYPE_CHECKING:
    from armslength.wire.manage import Verb

Q = TypeVar("Q")
A = TypeVar("A")

NodeFolder = Annotated[
    Path,
    Parameter(
        name=["--node", "-n"],
        env_var="ARMSLENGTH_NODE",
        show_default=False,
        help="Folder of the node or monitor; default: the current folder.",
    ),
]
Which = Annotated[
    str,
    Parameter(
        name=["--arrangement", "-a"],
        help="Hash of the arrangement, or a prefix of it; needed only where the node holds several.",
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document for programs.")]

LAST = 253_402_300_799  # the end of the year 9999


def ask(config: Config, verb: Verb[Q, A], asked: Q) -> A:
    """Ask the running node (`net.owner`, which is loaded when it is needed)."""
    from armslength.net.owner import ask as ask_node

    return ask_node(config, verb, asked)


def show(document: object, *, as_json: bool, text: str) -> None:
    """Print the document for programs, or the text for people."""
    if as_json:
        from armslength.views.jsonable import json_text

        print(json_text(document))
    else:
        print(text)


def note(text: str) -> None:
    """Tell people something that is no result."""
    print(text, file=sys.stderr)


def progress(text: str) -> None:
    """Tell people at a terminal how far something is; a pipe or a log is spared it."""
    if sys.stderr.isatty():
        note(text)


def instant(text: str) -> int:
    """UTC seconds from `2016-07-14T00:00:00Z` or a plain number. Raises Misuse."""
    from datetime import UTC, datetime

    if text.isdecimal() and len(text) < 20 and int(text) <= LAST:
        return int(text)
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Misuse("bad-time", f"{text!r} is not a time like 2016-07-14T00:00:00Z (UTC)", "time") from None
    return int(at.timestamp())
