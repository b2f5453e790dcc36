"""What strangers can take of a node that is up: each attack is played on a real process over real sockets, and while
it lasts an honest peer and the owner are answered, and the process stays small."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("strangers press a real process until the time-outs that it grants them have run out")

PROGRAM = Path(sys.executable).with_name("armslength")
MIB = 1024 * 1024
TIMEOUT_S = 20.0
ASK = b"GET /.well-known/did.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass
class Node:
    """A process, where it listens, and the folder of its owner."""

    process: subprocess.Popen[str]
    port: int
    folder: Path

    def connect(self, host: str = "127.0.0.2") -> socket.socket:
        """A connection from an address of the loopback range."""
        made = socket.socket()
        made.settimeout(TIMEOUT_S)
        made.bind((host, 0))
        made.connect(("127.0.0.1", self.port))
        return made

    def ask(self, request: bytes = ASK, host: str = "127.0.0.9") -> bytes:
        """What an honest peer is answered."""
        with self.connect(host) as made:
            made.sendall(request)
            return _all(made)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(text.partition("VmRSS:")[2].split()[0]) * 1024

    def check(self, most: int) -> None:
        """An honest peer and the owner are answered, and so much memory is enough."""
        assert self.ask().startswith(b"HTTP/1.1 200")
        line = [str(PROGRAM), "inbox", "--json", "--node", str(self.folder)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert self.memory < most


def _all(made: socket.socket) -> bytes:
    """Everything until the other side closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while data := made.recv(65536):
            found += data
    return found


def _is_closed(made: socket.socket, patience: float) -> bool:
    """Whether the other side ends it in time, whatever it says before."""
    made.settimeout(patience)
    try:
        while made.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


@contextmanager
def _up(folder: Path, files: int = 4096, **limits: object) -> Iterator[Node]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    made = [str(PROGRAM), "init", str(folder), "--address", f"http://localhost:{port}", "--development"]
    subprocess.run(made, check=True, capture_output=True)
    with (folder / "node.toml").open("a", encoding="utf-8") as file:
        file.write("\n[limits]\n" + "".join(f"{name} = {value}\n" for name, value in limits.items()))
    line = [str(PROGRAM), "up", "--node", str(folder)]

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, files), files))

    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, preexec_fn=few) as process:
        assert process.stdout is not None
        try:
            assert "is up" in process.stdout.readline()
            yield Node(process, port, folder)
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """We ourselves hold many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("files", [1024, 4096])
def test_silent_connections(tmp_path: Path, files: int) -> None:
    """2,100 connections that say nothing, from one address and from twenty: the next ones are answered all the same,
    with few file descriptors too (rule 11.1j)."""
    with _up(tmp_path / "node", files) as node, contextlib.ExitStack() as stack:
        for index in range(2100):
            stack.enter_context(node.connect(f"127.0.1.{index % 20 + 1}" if index % 2 else "127.0.0.2"))
        node.check(250 * MIB)
        assert len(os.listdir(f"/proc/{node.process.pid}/fd")) < files
        node.check(250 * MIB)


def test_a_header_has_an_end(tmp_path: Path) -> None:
    """A header that never ends, silent or byte by byte, is ended in time, without and with an answer before it
    (rule 11.1b)."""
    with _up(tmp_path / "node", header_seconds=2) as node:
        with node.connect() as silent, node.connect() as slow, node.connect() as later:
            later.sendall(ASK.replace(b"Connection: close\r\n", b""))
            assert b"200 OK" in later.recv(65536)
            later.sendall(b"GET / HTTP/1.1\r\n")
            silent.sendall(b"GET / HTTP/1.1\r\nX: ")
            began = time.monotonic()
            while not _is_closed(slow, 0.2):
                with contextlib.suppress(ConnectionError):
                    slow.sendall(b"x")
                assert time.monotonic() - began < 10
            assert _is_closed(silent, 5)
            assert _is_closed(later, 5)
        node.check(200 * MIB)


def test_a_header_has_a_size(tmp_path: Path) -> None:
    """100 MiB in one field, in many, in the path, before the request or after its body: refused long before."""
    starts = {
        "field": (b"GET / HTTP/1.1\r\nX: ", b"x" * MIB),
        "fields": (b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 100_000),
        "path": (b"GET /", b"x" * MIB),
        "blank lines": (b"", b"\r\n" * (MIB // 2)),
        "trailer": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x" * MIB),
    }
    with _up(tmp_path / "node") as node:
        before = node.memory
        for kind, (start, block) in starts.items():
            with node.connect() as made:
                sent = 0
                made.settimeout(5)
                with pytest.raises((ConnectionError, TimeoutError)):  # noqa: PT012
                    made.sendall(start)
                    for _ in range(100):
                        made.sendall(block)
                        sent += 1
                assert sent < 20, kind
            assert node.memory < before + 50 * MIB, kind
        node.check(200 * MIB)


def test_unfinished_bodies(tmp_path: Path) -> None:
    """60 bodies that stop before their end, from one address and from many, hold no more than what is configured."""
    head = b"POST /armslength/1/propose HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n"
    checkpoint = b"POST /armslength/1/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
    with _up(tmp_path / "node") as node, contextlib.ExitStack() as stack:
        before = node.memory
        for index in range(60):
            host = f"127.0.1.{index + 1}" if index % 2 else "127.0.0.2"
            made = stack.enter_context(node.connect(host))
            made.sendall(head + b"Content-Length: 2000000\r\n\r\n" + b"x" * 100_000)
            made = stack.enter_context(node.connect(host))
            made.sendall(checkpoint + b"x" * 59_000)
        assert node.memory < before + 100 * MIB
        node.check(250 * MIB)


def test_pipelined_requests(tmp_path: Path) -> None:
    """Requests of one connection that wait for the answers to earlier ones are few."""
    with _up(tmp_path / "node") as node, contextlib.ExitStack() as stack:
        before = node.memory
        for index in range(50):
            made = stack.enter_context(node.connect(f"127.0.1.{index + 1}"))
            with contextlib.suppress(ConnectionError):
                made.sendall(b"GET /x HTTP/1.1\r\n\r\n" * 10_000)
        node.check(before + 50 * MIB)


def test_answers_that_nobody_reads(tmp_path: Path) -> None:
    """Whoever asks and does not read holds its own connection, and that no longer than an idle one."""
    with _up(tmp_path / "node", idle_seconds=2) as node, contextlib.ExitStack() as stack:
        for index in range(300):
            made = stack.enter_context(node.connect(f"127.0.1.{index % 20 + 1}"))
            made.sendall(ASK.replace(b"Connection: close\r\n", b""))
        time.sleep(4)
        assert len(os.listdir(f"/proc/{node.process.pid}/fd")) < 100
        node.check(250 * MIB)


def test_behind_a_proxy_each_client_has_its_own_bound(tmp_path: Path) -> None:
    """What a trusted proxy reports is whose request it is; of anybody else it is not believed."""
    proxied = ASK.replace(b"Connection: close\r\n", b"X-Forwarded-For: 10.9.9.9, 192.0.2.7\r\n")
    with (
        _up(tmp_path / "node", connections_by_address=5, trusted_proxies='["127.0.0.3"]') as node,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(20):
            made = stack.enter_context(node.connect("127.0.0.3"))
            made.sendall(proxied)
            assert b"200 OK" in made.recv(65536)
        others = [stack.enter_context(node.connect("127.0.0.4")) for _ in range(20)]
        open_ones = [made for made in others if not _is_closed(made, 0.2)]
        assert len(open_ones) == 5
        node.check(250 * MIB)
