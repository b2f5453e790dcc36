"""Work that takes long, and a disk that takes nothing, at real nodes."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stage import PROGRAM, Stage

pytestmark = pytest.mark.slow("nodes are real processes, and a large file passes between them")

LARGE = 1_500_000_000


def test_a_large_file_is_published_watched_joined_and_exchanged(tmp_path: Path) -> None:
    """While a file is being sealed, commands are answered; interrupting the command leaves the job, asking again joins
    it, another file is refused; a node that is killed in the middle begins anew when asked, and leaves nothing."""
    with Stage(tmp_path, lambda text: text.replace("    media_types: [text/csv]\n", LIMIT)) as stage:
        file, other = tmp_path / "large.csv", tmp_path / "other.csv"
        with file.open("wb") as sparse:
            sparse.truncate(LARGE)
        other.write_text("week,parts\n")
        line = [PROGRAM, "publish", "Results", file, "--node", tmp_path / "supplier"]
        blobs = tmp_path / "supplier" / "blobs"
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
            stage.until("sealing", lambda: stage.json("status", node="supplier")["sealing"])
            asking.send_signal(signal.SIGINT)
            out, err = asking.communicate(timeout=20)
        assert (asking.returncode, out) == (130, "")
        assert "the node goes on sealing" in err
        assert "bytes sealed" not in err  # nobody watches a pipe
        assert "is being sealed" in stage.ok("status", node="supplier")
        refused = stage.run("publish", "Results", other, node="supplier")
        assert refused.returncode == 2
        assert "large.csv" in refused.stderr
        stage.nodes["supplier"].kill()
        stage.nodes["supplier"].wait()
        assert list(blobs.glob("*.tmp"))
        stage.up("supplier")
        assert list(blobs.iterdir()) == []
        stage.ok("publish", "Results", other, node="supplier")
        told = stage.json("publish", "Results", file, node="supplier")
        assert told.get("size") == LARGE or told["error"] == "committed"  # the word may have been given meanwhile
        began = time.monotonic()
        stage.run("publish", "Results", file, node="supplier")
        assert time.monotonic() - began < 5  # it is sealed: nothing is read again


LIMIT = "    media_types: [text/csv]\n    max_size: 2000000000\n"


def test_a_full_disk_at_a_node(tmp_path: Path) -> None:
    """A recipient's disk takes nothing more while there is something to download: it says so, keeps what it has
    acknowledged, answers its owner with no promise, and goes on by itself once there is room."""
    with Stage(tmp_path) as stage:
        file = tmp_path / "results.csv"
        file.write_bytes(os.urandom(3_000_000))
        stage.ok("publish", "Results", file, node="supplier")
        stage.ok("wait", node="supplier")
        buyer = stage.nodes["buyer"].pid
        before = resource.prlimit(buyer, resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))  # for files
        stage.clean_week()
        room = "Make room on this node's disk"
        stage.until("trouble", lambda: room in " ".join(stage.ok("status", node="buyer").split()))
        done = stage.run("publish", "Forecast", file, node="buyer")
        assert (done.returncode, "no-room" in done.stderr) == (2, True), done.stderr
        resource.prlimit(buyer, resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))  # and for the database
        for command in (["withdraw"], ["allege", "quality#0"], ["clock", "set", "2027-03-08T02:00:00Z"]):
            done = stage.run(*command, node="buyer")
            assert (done.returncode, "store-failed" in done.stderr) == (2, True), (command, done.stderr)
        stage.ok("why", "Results", node="buyer")
        assert "Writing to this node's disk fails here" in " ".join(stage.ok("status", node="buyer").split())
        assert "Traceback" not in (tmp_path / "buyer.log").read_text()
        resource.prlimit(buyer, resource.RLIMIT_FSIZE, before)
        stage.until("SETTLED", lambda: stage.tranche("Results", "buyer") == "SETTLED", 90)
        stage.ok("fetch", "Results", "--out", tmp_path / "got.csv", node="buyer")
        assert (tmp_path / "got.csv").read_bytes() == file.read_bytes()
        stage.ok("wait", node="buyer")
        assert "Writing to this node's disk" not in " ".join(stage.ok("status", node="buyer").split())
        stage.ok("export", tmp_path / "bundle", node="buyer")
        assert json.loads(stage.ok("verify", tmp_path / "bundle", "--expect", stage.hash, "--json"))["ok"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for what changes nothing at it."""
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.mark.parametrize("what", ["folder", "pipe", "gone"])
def test_odd_files_are_refused_by_the_node(stage: Stage, tmp_path: Path, what: str) -> None:
    """What is no file is refused at once, with exit code 2."""
    odd = tmp_path / "odd"
    if what == "folder":
        odd.mkdir()
    elif what == "pipe":
        os.mkfifo(odd)
    done = stage.run("publish", "Results", odd, node="supplier", timeout=20)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
