"""The socket in a node's folder, over which its owner speaks to it.

Who may connect is a matter of files: the socket is its owner's alone (mode 0600), in a folder that nobody else may
write to. So no secret is shown, and nobody else can stand in for a node that is down.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from armslength.errors import Misuse

LONGEST: Final = 103  # bytes of a path in a socket's address, on every system
WAITING: Final = 64  # connections that are not accepted yet


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Listen at `path`. Call it where no other process can own the folder: what lies there is then a dead one's
    (rule 8.4d).

    Raises Misuse where that is not possible.
    """
    with socket.socket(socket.AF_UNIX) as made:
        try:
            path.unlink(missing_ok=True)
            with _address(path) as address:
                made.bind(address)
                os.chmod(address, 0o600)  # before it listens nobody can connect
            made.listen(WAITING)
        except OSError as error:
            raise Misuse("no-socket", f"cannot listen here: {error}", str(path)) from None
        try:
            yield made
        finally:
            path.unlink(missing_ok=True)


def connected(path: Path, timeout: float) -> socket.socket:
    """A connection to whoever listens at `path`; it waits at most `timeout` seconds. Raises OSError if nobody does."""
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(timeout)
        with _address(path) as address:
            made.connect(address)
    except OSError:
        made.close()
        raise
    return made


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """A path's spelling that fits into a socket's address: one that is too long goes by way of its open folder."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
