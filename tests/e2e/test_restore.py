"""Nodes as processes, killed and restored from a backup that was made while they ran: each catches up with its own word
first, and nobody is convicted of anything."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.program import PROGRAM, ran

pytestmark = pytest.mark.slow("nodes are real processes, killed and started again")

EXAMPLE = Path(__file__).parents[2] / "examples" / "quality"
NODES = ("supplier", "buyer", "laboratory")


class Stage:
    """Three nodes and a monitor in a folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.up: dict[str, subprocess.Popen[str]] = {}

    def run(self, node: str, *command: str, code: int = 0) -> str:
        """One command; its output."""
        done = ran([*command, "--node", self.folder / node], timeout=120, cwd=self.folder)
        assert done.returncode == code, (done.args, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def start(self, node: str) -> None:
        """Start a node, and wait until it is up."""
        line = [str(PROGRAM), "up", "--node", str(self.folder / node)]
        with (self.folder / f"{node}.log").open("a") as log:
            process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=log, text=True)
        self._stack.callback(_end, process)
        self.up[node] = process
        assert process.stdout is not None
        assert "is up" in process.stdout.readline()

    def clock(self, at: str) -> None:
        """Set all clocks, the keeper's last."""
        for node in NODES:
            self.run(node, "clock", "set", at)

    def put_back(self, name: str) -> None:
        """Kill a node, lose its folder, and restore the copy."""
        if name in self.up:
            _end(self.up[name])
        shutil.rmtree(self.folder / name)
        self.run(name, "restore", f"copies/{name}")
        if name in NODES:
            self.start(name)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """All up, signed, published and copied on 25 February."""
    shutil.copytree(EXAMPLE, tmp_path / "terms")
    (tmp_path / "copies").mkdir()
    with ExitStack() as stack:
        found = Stage(tmp_path, stack)
        ports = {node: _port() for node in NODES}
        cards = {"supplier": "S", "buyer": "B", "laboratory": "L", "inspector": "I"}
        for node, card in cards.items():
            place = f"http://localhost:{ports.get(node, ports['laboratory'])}"
            how = ["--address", place] if node in NODES else ["--monitor", "--nodes", place]
            done = ran(["init", node, *how, "--development"], cwd=tmp_path)
            done.check_returncode()
            (tmp_path / "terms" / "cards" / f"{card}.yaml").write_text(done.stdout)
        for node in NODES:
            found.start(node)
        found.clock("2027-02-25T00:00:00Z")
        told = json.loads(found.run("supplier", "propose", "terms/arrangement.yaml", "--json"))
        found.run("laboratory", "accept", told["arrangement"])
        found.run("supplier", "sign")
        found.run("buyer", "sign")
        (tmp_path / "results.csv").write_text("part,failed\nA,0\n")
        (tmp_path / "forecast.csv").write_text("week,parts\n10,500\n")
        found.run("supplier", "publish", "Results", "results.csv")
        found.run("buyer", "publish", "Forecast", "forecast.csv")
        found.run("buyer", "wait")
        found.run("inspector", "attest", "quality#0", "--false", code=1)  # learns the arrangement; too early to say
        for node in cards:
            ran(["backup", f"copies/{node}", "--node", node], cwd=tmp_path).check_returncode()
        yield found


def _port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
    return found


def test_an_older_copy_goes_on_after_its_own_last_word(stage: Stage) -> None:
    """Supplier, keeper and monitor, one after the other, restored from before their last words."""
    stage.clock("2027-03-08T01:00:00Z")
    stage.run("laboratory", "attest", "quality#0", "--true")
    stage.run("inspector", "attest", "quality#0", "--true")
    stage.run("supplier", "wait")
    stage.put_back("supplier")
    stage.clock("2027-03-08T01:00:00Z")
    stage.run("supplier", "notify", "quality", "--start", "2027-03-20T00:00:00Z", "--end", "2027-03-20T01:00:00Z",
              "--text", "none", code=1)  # fmt: skip
    stage.run("supplier", "wait")
    stage.put_back("laboratory")
    stage.put_back("inspector")
    stage.clock("2027-03-10T00:00:00Z")
    assert "restored" not in stage.run("inspector", "attest", "quality#1", "--false")
    stage.clock("2027-03-22T01:00:00Z")
    stage.run("laboratory", "attest", "quality#2", "--true")
    stage.run("inspector", "attest", "quality#2", "--true")
    stage.run("supplier", "withdraw", "--text", "we leave")
    stage.run("buyer", "wait")
    stage.run("buyer", "export", "bundle")
    line = [str(PROGRAM), "verify", "bundle", "--timeline"]
    told = subprocess.run(line, capture_output=True, text=True, check=True, cwd=stage.folder).stdout
    assert "HOLDS" in told
    assert "we leave" in told
    assert "two entries" not in told


def test_silence_is_told(stage: Stage) -> None:
    """Restored while another timekeeper is down, the supplier says nothing and `status` names whom it waits for."""
    stage.clock("2027-03-08T01:00:00Z")
    stage.run("laboratory", "attest", "quality#0", "--true")
    stage.run("inspector", "attest", "quality#0", "--true")
    stage.run("supplier", "wait")
    _end(stage.up["buyer"])
    stage.put_back("supplier")
    told = stage.run("supplier", "withdraw", "--text", "we leave", code=1)
    assert "restored from an older copy: waits for B" in told
    for verb in (("status",), ("why", "arrangement")):
        told = stage.run("supplier", *verb)
        assert "restored from an older copy" in " ".join(told.split()), told
    stage.start("buyer")
    until = time.monotonic() + 60
    while "restored" in stage.run("supplier", "status") and time.monotonic() < until:
        time.sleep(1)
    stage.clock("2027-03-08T01:00:00Z")
    stage.run("supplier", "withdraw", "--text", "we leave")
    stage.run("supplier", "wait")


def test_a_missing_database_is_told(stage: Stage) -> None:
    """A node whose database is gone does not come up with an empty one."""
    _end(stage.up["supplier"])
    for each in stage.folder.joinpath("supplier").glob("armslength.db*"):
        each.unlink()
    told = stage.run("supplier", "up", code=2)
    assert "restore" in told
    assert "Traceback" not in told
    assert os.listdir(stage.folder / "supplier" / "keys")
