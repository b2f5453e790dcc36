"""The socket in a node's folder: whose it is, what it leaves behind, and how deep the folder may lie."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from armslength.errors import Misuse
from armslength.net.local import connected, listening


def _talk(path: Path) -> None:
    with listening(path) as listener, connected(path, 5.0) as asking:
        answering, _ = listener.accept()
        with answering:
            asking.sendall(b"?")
            assert answering.recv(1) == b"?"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_socket_is_its_owner_s_alone(tmp_path: Path, umask: int) -> None:
    """Its mode is 0600 whatever the umask; it is gone when nobody listens any more (rule 8.4d)."""
    path, before = tmp_path / "node.sock", os.umask(umask)
    try:
        with listening(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        connected(path, 5.0)


def test_a_dead_node_s_socket_is_replaced(tmp_path: Path) -> None:
    """What a killed process left is nobody's: nobody answers there, and the next one listens."""
    path = tmp_path / "node.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    with pytest.raises(ConnectionRefusedError):
        connected(path, 5.0)
    _talk(path)


@pytest.mark.parametrize("depth", [1, 5])
def test_a_folder_may_lie_deep(tmp_path: Path, depth: int) -> None:
    """A path longer than a socket's address can hold is no obstacle."""
    folder = tmp_path.joinpath(*["a-rather-long-name-for-a-folder-of-a-node"] * depth)
    folder.mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    _talk(folder / "node.sock")
    assert len(os.listdir("/proc/self/fd")) == before


def test_where_nobody_can_listen_it_is_said(tmp_path: Path) -> None:
    """A folder that is not there, or a folder in the socket's place, is refused by name."""
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "none" / "node.sock", tmp_path / "taken"):
        with pytest.raises(Misuse, match="cannot listen") as caught, listening(path):
            pass
        assert caught.value.place == str(path)
