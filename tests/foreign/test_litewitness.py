"""A foreign witness, litewitness of filippo.io/torchwood, cosigns our growing record, and refuses what it must.

Skipped, with the reason, where Go or ssh-agent are missing or the pinned module cannot be had.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from armslength.core.record.checkpoint import Checkpoint
from armslength.core.record.cosignature import verify_cosignature
from armslength.core.record.keys import to_base64
from armslength.core.record.merkle import EMPTY_ROOT
from armslength.core.record.note import Note, sign_note
from armslength.wire.witness import AddCheckpoint, parse_cosignatures, parse_vkey
from tests.record_builder import Builder, golden_record, public, signer

MODULE = "filippo.io/torchwood/cmd/litewitness@v0.9.0"
NAME = "witness.example/w1"
PATIENCE = 20.0


@dataclass(frozen=True)
class Witness:
    """A running litewitness."""

    address: str
    vkey: str

    def ask(self, request: AddCheckpoint) -> tuple[int, str, str]:
        """Status, media type and body."""
        asked = urllib.request.Request(f"{self.address}/add-checkpoint", request.encode().encode(), method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.fixture(scope="module", name="program")
def _program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("go", "ssh-agent", "ssh-add", "ssh-keygen"):
        if not shutil.which(needed):
            pytest.skip(f"{needed} is not installed")
    folder = tmp_path_factory.mktemp("bin")
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
    got = subprocess.run(["go", "install", MODULE], env=environment, capture_output=True, text=True, timeout=600)
    if got.returncode:
        pytest.skip(f"{MODULE} cannot be had: {got.stderr.strip().splitlines()[-1:]}")
    return folder / "litewitness"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _admit(database: Path, record: Builder) -> None:
    """Tell the witness of our log and its key, as its own `witnessctl` does."""
    roster = record.replica.roster
    with sqlite3.connect(database) as store:
        store.executescript(
            "CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);"
            "CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin));"
        )
        store.execute("INSERT INTO log VALUES (?, 0, ?)", (roster.origin, to_base64(EMPTY_ROOT)))
        store.execute("INSERT INTO key VALUES (?, ?)", (roster.origin, roster.vkeys()[0]))
    store.close()


@pytest.fixture(name="witness")
def _witness(program: Path, tmp_path: Path) -> Iterator[Witness]:
    """A litewitness on loopback that knows the golden record, its key in an agent of its own."""
    key, agent_socket, database = tmp_path / "key", tmp_path / "agent", tmp_path / "db"
    if len(str(agent_socket)) > 100:  # the longest that a socket's path may be
        agent_socket = Path(f"/tmp/lw-{os.getpid()}.sock")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    _admit(database, golden_record())
    environment = {**os.environ, "SSH_AUTH_SOCK": str(agent_socket)}
    port = _free_port()
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(agent_socket)], stdout=subprocess.DEVNULL) as agent:
        try:
            _until(agent_socket.exists)
            subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)
            said = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True)
            command = [program, f"-name={NAME}", f"-db={database}", f"-ssh-agent={agent_socket}"]
            command += [f"-listen=127.0.0.1:{port}", f"-key={said.stdout.split()[1]}"]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
                try:
                    yield Witness(f"http://127.0.0.1:{port}", _vkey(process, port))
                finally:
                    process.send_signal(signal.SIGINT)
                    process.communicate(timeout=20)
        finally:
            agent.terminate()


def _vkey(process: subprocess.Popen[str], port: int) -> str:
    found = ""
    assert process.stderr is not None
    while "listening" not in (line := process.stderr.readline()):
        assert line, "litewitness does not start"
        if "vkey=" in line:
            found = line.partition("vkey=")[2].strip().strip('"')
    _until(lambda: _answers(port))
    return found


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _until(done: object) -> None:
    until = time.monotonic() + PATIENCE
    while not done():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.02)


def _request(record: Builder, old: int, size: int) -> AddCheckpoint:
    """Ask to cosign the record's head of `size` leaves."""
    replica = record.replica
    text = Checkpoint(replica.roster.origin, size, bytes.fromhex(replica.head_at(size).tree_root)).text
    proof = tuple(replica.consistency(old, size)) if 0 < old < size else ()
    return AddCheckpoint(old, proof, _signed(text, replica.roster.origin))


def _signed(text: str, name: str, key: str = "m5") -> Note:
    return Note(text, (sign_note(text, name, public(key, "checkpoints"), signer(key, "checkpoints")),))


def test_growing_record(witness: Witness) -> None:
    """First head, growth, the same again: each cosigned by a key that we verify; stale sizes, forks, bad proofs,
    strange logs and keys get the standard's statuses."""
    record = golden_record()
    name, _, key = parse_vkey(witness.vkey)
    old, heads = 0, (1, 2, 3, 7, 64, 65, 500, record.replica.size)
    for size in (*heads, record.replica.size):
        request = _request(record, old, size)
        status, _, body = witness.ask(request)
        assert status == 200, body
        (line,) = parse_cosignatures(body)
        assert line.name == name == NAME
        assert verify_cosignature(request.checkpoint.text, line, key) is not None
        old = size
    size, origin = record.replica.size, record.replica.roster.origin
    assert witness.ask(_request(record, 7, size)) == (409, "text/x.tlog.size", f"{size}\n")
    fork = Checkpoint(origin, size, hashlib.sha256(b"another history").digest()).text
    assert witness.ask(AddCheckpoint(size, (), _signed(fork, origin)))[0] == 422
    longer = Checkpoint(origin, size + 1, hashlib.sha256(b"another history").digest()).text
    assert witness.ask(AddCheckpoint(size, (bytes(32),), _signed(longer, origin)))[0] == 422
    assert witness.ask(replace(_request(record, size, size), old=size + 1))[0] == 400
    assert (
        witness.ask(AddCheckpoint(size, (), _signed(_request(record, 0, size).checkpoint.text, origin, "A")))[0] == 403
    )
    strange = Checkpoint("example.com/none", 1, bytes(32)).text
    assert witness.ask(AddCheckpoint(0, (), _signed(strange, "example.com/none")))[0] in {403, 404}  # it says 403
