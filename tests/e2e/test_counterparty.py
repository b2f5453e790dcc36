"""What a node's records tell of somebody, exported with proofs, and checked by somebody who has the folder alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.stage import PROGRAM, Stage

pytestmark = pytest.mark.slow("nodes are real processes")

WEEK = "2027-03-08T01:00:00Z"


def test_lines_come_from_a_node_and_hold_without_it(tmp_path: Path) -> None:
    """The buyer's node tells of the supplier, by its DID; the folder that it exports gives the same lines offline, and
    not when a line of it was changed. Nobody else is known by another DID."""
    with Stage(tmp_path) as stage:
        stage.clock(WEEK)
        assert stage.json("attest", "quality#0", "--true", node="laboratory")["said"]
        stage.ok("wait", node="laboratory")
        did = stage.json("card", node="supplier")["did"]
        told = stage.json("counterparty", did, node="buyer")
        (found,) = told["arrangements"]
        assert (found["who"], found["name"]) == ("S", "Supplier")
        (line,) = found["lines"]
        assert (line["subject"], line["outcome"]) == ("Quality", "open")
        assert stage.json("counterparty", "did:web:nobody.example", node="buyer")["arrangements"] == []
        folder = tmp_path / "known"
        exported = stage.json("counterparty", did, "--export", str(folder), node="buyer")
    check = [str(PROGRAM), "counterparty", did, "--from", str(folder), "--json"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, json.loads(done.stdout)) == (0, exported)
    lines = folder / "dealings.json"
    lines.write_text(lines.read_text().replace('"open"', '"breached"'))
    assert subprocess.run(check, capture_output=True, timeout=60, check=False).returncode == 1
