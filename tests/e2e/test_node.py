"""One node as a process: who can command it, what it leaves in its folder, and when it does not start."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("the node is a real process, started for each test")

PROGRAM = Path(sys.executable).with_name("armslength")


def _run(*command: str | Path, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    line = [str(part) for part in (PROGRAM, *command)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, umask=umask)


@contextmanager
def _up(folder: Path, umask: int = 0o022) -> Iterator[subprocess.Popen[str]]:
    line = [str(PROGRAM), "up", "--node", str(folder)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, umask=umask) as process:
        assert process.stdout is not None
        try:
            assert "is up" in process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.fixture
def port() -> int:
    """A port that nobody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
    return found


def _init(folder: Path, port: int, umask: int = 0o022) -> None:
    done = _run("init", folder, "--address", f"http://localhost:{port}", "--development", umask=umask)
    assert done.returncode == 0, done.stderr


def test_a_command_sends_nothing_to_whoever_has_taken_the_port(tmp_path: Path, port: int) -> None:
    """While the node is down, another program on its port gets no connection from our commands."""
    _init(tmp_path / "node", port)
    with socket.create_server(("127.0.0.1", port)) as impostor:
        impostor.setblocking(False)
        assert _run("status", "--node", tmp_path / "node").returncode == 3
        with pytest.raises(BlockingIOError):
            impostor.accept()


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_everything_in_a_node_s_folder_is_its_owner_s_alone(tmp_path: Path, port: int, umask: int) -> None:
    """Folder, keys, database, files and socket are private whatever the umask, and a killed node starts again."""
    folder = tmp_path / "node"
    _init(folder, port, umask)
    for _ in range(2):
        with _up(folder, umask) as process:
            assert _run("clock", "set", "1", "--node", folder).returncode == 0
            assert "no such proposal" in _run("decline", "abc", "--node", folder).stderr
            for path in (folder, *folder.rglob("*")):
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
            process.kill()
            process.wait()
        assert (folder / "manage.sock").is_socket()
        assert _run("status", "--node", folder).returncode == 3


def test_a_node_stops_in_order_and_from_a_deep_folder(tmp_path: Path, port: int) -> None:
    """SIGTERM ends it with exit code 0 and leaves no socket; a folder's path may be longer than a socket's address
    (rule 8.4c)."""
    folder = tmp_path.joinpath(*["a-rather-long-name-for-a-folder-of-a-node"] * 5)
    _init(folder, port)
    with _up(folder) as process:
        assert _run("clock", "set", "1", "--node", folder).returncode == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not (folder / "manage.sock").exists()


def test_a_node_that_cannot_start_says_why(tmp_path: Path, port: int) -> None:
    """Started twice, it names the folder; on a used port, the port; in a folder of others, its mode. The first one of
    two goes on."""
    first, second = tmp_path / "first", tmp_path / "second"
    _init(first, port)
    _init(second, port)
    with _up(first):
        twice = _run("up", "--node", first)
        assert (twice.returncode, str(first) in twice.stderr) == (2, True)
        used = _run("up", "--node", second)
        assert (used.returncode, used.stderr.count(f"127.0.0.1:{port}"), "--listen" in used.stderr) == (2, 1, True)
        assert "Traceback" not in twice.stderr + used.stderr
        assert _run("clock", "set", "1", "--node", first).returncode == 0
    os.chmod(second, 0o770)
    loose = _run("up", "--node", second)
    assert (loose.returncode, "mode 0770" in loose.stderr) == (2, True)
