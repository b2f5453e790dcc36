"""A keeper's node that is killed between signing its owner's words and answering."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.e2e.stage import PROGRAM, Stage

pytestmark = pytest.mark.slow("nodes are real processes, killed and started again")

WEEKS = "2027-03-22T01:00:00Z"  # three weeks are over


def test_a_script_says_it_again_and_is_not_refused(tmp_path: Path) -> None:
    """Killed as soon as the statements are in its journal, the node is started, and the command made again: each
    statement is on record once, as the entry that the second command names."""
    with Stage(tmp_path) as stage:
        stage.clock(WEEKS)
        stage.ok("wait", node="laboratory")
        database = next((tmp_path / "laboratory").glob("*.db"))
        line = [PROGRAM, "attest", "quality#0-2", "--true", "--node", tmp_path / "laboratory", "--json"]
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as journal:

            def count() -> int:
                return int(journal.execute("SELECT count(*) FROM documents WHERE kind = 'journal'").fetchone()[0])

            before = count()
            with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
                while count() == before:
                    pass
                stage.nodes["laboratory"].kill()
                told = json.loads(asking.communicate(timeout=60)[0])
        stage.nodes["laboratory"].wait()
        stage.up("laboratory")
        again = stage.json("attest", "quality#0-2", "--true", node="laboratory")
        assert [(each["status"], each["note"]) for each in again["said"]] == [("placed", "said before")] * 3
        assert told.get("error") == "node-ended" or told["said"][0]["entry"] == again["said"][0]["entry"]
        stage.ok("wait", node="laboratory")
        record = stage.json("record", node="buyer")
        spoken = [each["entry"] for each in record if each["type"] == "attest"]
        assert spoken == [each["entry"] for each in again["said"]]
