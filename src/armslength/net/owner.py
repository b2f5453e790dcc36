"""The owner's end of the socket in a node's folder: a question, and the running node's answer."""

from __future__ import annotations

import http.client
from http import HTTPStatus
from typing import Final, TypeVar

from armslength.config import Config
from armslength.errors import Misuse, Unavailable
from armslength.net.local import connected
from armslength.wire.errors import FROM_NODE, decode_error
from armslength.wire.manage import Verb, decode_answer, encode_message

Q = TypeVar("Q")
A = TypeVar("A")

CONNECT_S: Final = 10
TIMEOUT_S: Final = 900  # that a node which is up may be at work on one call; long work is a job, and answers at once


def ask(config: Config, verb: Verb[Q, A], asked: Q) -> A:
    """Ask the running node. Raises what it answers, Unavailable if it is not up."""
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
