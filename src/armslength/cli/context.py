"""What commands share: the folder they speak for, the running node, and a monitor's own way to the nodes."""

from __future__ import annotations

import http.client
import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from armslength.config import Config, load
from armslength.errors import (
    ArmslengthError,
    Malformed,
    Misuse,
    NotFound,
    Refused,
    Stuck,
    Unauthorised,
    Unavailable,
)
from armslength.net.local import connected

if TYPE_CHECKING:
    from armslength.core.arrangement.state import State
    from armslength.core.arrangement.terms import Arrangement

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
        help="Hash of the arrangement, or its beginning; needed only where the node holds several.",
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document for programs.")]

_BY_STATUS: dict[int, type[ArmslengthError]] = {
    400: Misuse, 401: Unauthorised, 404: NotFound, 409: Refused, 413: Malformed, 500: ArmslengthError,
    507: Stuck,
}  # fmt: skip
LAST = 253_402_300_799  # the end of the year 9999
CONNECT_S = 10
PATIENCE_S = 900  # that a node which is up may be at work on one call; long work is a job, and answers at once


def ask(config: Config, verb: str, **asked: Any) -> dict[str, Any]:
    """Ask the running node. Raises what it answers, Unavailable if it is not up."""
    if not config.address:
        raise Misuse(
            "no-node", "this folder is a monitor's and has no node: this command needs one", str(config.folder)
        )
    where = str(config.socket)
    connection = http.client.HTTPConnection("localhost")
    try:
        try:
            connection.sock = connected(config.socket, CONNECT_S)
        except OSError as error:
            start = f"start it with `armslength up --node {config.folder}`"
            raise Unavailable("node-down", f"no node answers ({type(error).__name__}): {start}", where) from None
        connection.sock.settimeout(PATIENCE_S)
        connection.request("POST", f"/{verb}", jsonlib.dumps(asked), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = jsonlib.loads(response.read())
    except TimeoutError:
        still = (
            f"the node is up and has not answered for {PATIENCE_S} s: it may still be at work, see `armslength status`"
        )
        raise Unavailable("node-busy", still, where) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        ended = f"the node has ended before it answered ({type(error).__name__}): what it has done, `status` tells"
        raise Unavailable("node-ended", ended, where) from None
    finally:
        connection.close()
    if response.status == 200:
        return dict(answer)
    kind = _BY_STATUS.get(response.status, Unavailable)
    raise kind(answer.get("error", "unknown"), answer.get("reason", "no reason given"), answer.get("place"))


def seen(answer: dict[str, Any], key: str = "state") -> tuple[Arrangement, State]:
    """The terms and the state in a node's view."""
    from armslength.core.arrangement.state import State
    from armslength.wire.strict import convert
    from armslength.wire.terms_json import decode_terms

    return decode_terms(answer["document"].encode()), convert(State, answer[key])


def config_of(node: Path) -> Config:
    """The configuration of a folder. Raises Misuse."""
    return load(node)


def show(document: Any, *, as_json: bool, text: str) -> None:
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
