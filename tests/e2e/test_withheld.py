"""A slow reader over a real socket, in the middle of a body, when its transfer ends."""

from __future__ import annotations

import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from armslength.wire.strict import parse
from tests.e2e.stage import Stage

pytestmark = pytest.mark.slow("nodes are real processes, and a reader is slow on purpose")

SIZE = 60_000_000
EMBARGO = "2027-03-20T00:00:00Z"
CONTINUOUS = "    when: {run: {of: quality, clean: 1}}\n"


def _address(database: Path) -> tuple[str, str]:
    """Where the running transfer's data are, and the token, as the recipient's node has been told."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        rows = opened.execute("SELECT body FROM documents WHERE kind = 'transfer'").fetchall()
    (record,) = [each for each in map(parse, (row[0] for row in rows)) if each["data_address"]]
    return record["data_address"]["endpoint"], record["data_address"]["authorization"]


def _reading(endpoint: str, token: str, path: str) -> socket.socket:
    """A connection on which something is being asked for, by a reader that takes little."""
    parts = urlsplit(endpoint)
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    opened.settimeout(10)
    opened.connect(("127.0.0.1", parts.port))
    head = f"GET {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    opened.sendall(head.encode())
    return opened


def _status(endpoint: str, token: str, path: str) -> bytes:
    with _reading(endpoint, token, path) as opened:
        return opened.recv(12)


def _rest(opened: socket.socket) -> tuple[float, int]:
    """How long, and how many, bytes still come to a reader that takes some 400 KB in a second."""
    began, got = time.monotonic(), 0
    try:
        while data := opened.recv(8192):
            got += len(data)
            time.sleep(0.02)
    except ConnectionError:
        pass
    return time.monotonic() - began, got


@pytest.mark.parametrize("how", ["withheld", "sigterm"])
def test_bytes_stop_when_the_record_says_so(tmp_path: Path, how: str) -> None:
    """A breach withholds the tranche, or the node is told to stop, in the middle of a download: within two seconds
    nothing more leaves, and the token opens nothing any more."""

    def change(text: str) -> str:
        return text.replace(CONTINUOUS, f"{CONTINUOUS}    while: {{clear: Quality}}\n")

    with Stage(tmp_path, change) as stage:
        file = tmp_path / "results.csv"
        with file.open("wb") as sparse:
            sparse.truncate(SIZE)
        told: dict[str, Any] = stage.json("publish", "Results", file, "--release-after", EMBARGO, node="supplier")
        assert told["size"] == SIZE
        stage.clean_week()
        stage.until("DELIVERED", lambda: stage.tranche("Results", "buyer") == "DELIVERED")
        endpoint, token = _address(tmp_path / "buyer" / "armslength.db")
        opened = _reading(endpoint, token, "")
        assert opened.recv(12) == b"HTTP/1.1 200"
        time.sleep(2)
        assert opened.recv(4096)  # it goes on
        if how == "sigterm":
            stage.nodes["supplier"].send_signal(signal.SIGTERM)
        else:
            stage.clock("2027-03-10T00:00:00Z")
            stage.ok("attest", "quality#1", "--false", node="inspector")
            stage.until("WITHHELD", lambda: stage.tranche("Results", "supplier") == "WITHHELD")
        took, got = _rest(opened)
        opened.close()
        assert took < 2
        assert got < 1_000_000
        if how == "sigterm":
            assert stage.nodes["supplier"].wait(10) == 0
            return
        stage.until("SUSPENDED", lambda: "SUSPENDED" in stage.json("status", node="buyer")["transfers"].values())
        assert [_status(endpoint, token, path) for path in ("", "/chunks")] == [b"HTTP/1.1 401"] * 2
        assert "suspended by Supplier (S): Results is withheld" in stage.ok("status", node="buyer")
        assert "who alone resumes it" in " ".join(stage.ok("why", "Results", node="buyer").split())
