"""What commands share: the folder they speak for, the running node, and a monitor's own way to the nodes."""

from __future__ import annotations

import http.client
import sys
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from armslength.config import Config
from armslength.errors import Misuse, Unavailable
from armslength.net.local import connected

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
CONNECT_S = 10
TIMEOUT_S = 900  # that a node which is up may be at work on one call; long work is a job, and answers at once


def ask(config: Config, verb: Verb[Q, A], asked: Q) -> A:
    """Ask the running node. Raises what it answers, Unavailable if it is not up."""
    from armslength.wire.errors import FROM_NODE, decode_error
    from armslength.wire.manage import decode_answer, encode_message

    if not config.address:
        raise Misuse(
            "no-node", "this folder is a monitor's and has no node: this command needs one", str(config.folder)
        )
    status, answer = _asked(config, verb.name, encode_message(asked))
    if status != HTTPStatus.OK:
        raise decode_error(status, answer, FROM_NODE)
    return decode_answer(verb, answer)


def _asked(config: Config, verb: str, asked: bytes) -> tuple[int, bytes]:
    """The status and the body of what the node answers. Raises Unavailable."""
    where = str(config.socket)
    connection = http.client.HTTPConnection("localhost")
    try:
        try:
            connection.sock = connected(config.socket, CONNECT_S)
        except OSError as error:
            start = f"start it with `armslength up --node {config.folder}`"
            raise Unavailable("node-down", f"no node answers ({type(error).__name__}): {start}", where) from None
        connection.sock.settimeout(TIMEOUT_S)
        connection.request("POST", f"/{verb}", asked, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    except TimeoutError:
        still = (
            f"the node is up and has not answered for {TIMEOUT_S} s: it may still be at work, see `armslength status`"
        )
        raise Unavailable("node-busy", still, where) from None
    except (OSError, http.client.HTTPException) as error:
        ended = f"the node has ended before it answered ({type(error).__name__}): what it has done, `status` tells"
        raise Unavailable("node-ended", ended, where) from None
    finally:
        connection.close()


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
