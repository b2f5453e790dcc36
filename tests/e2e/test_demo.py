"""The demo, whole, between real processes, while nodes are killed: it must end as the script says all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("the whole demo, between real processes that are killed and started again")

ROOT = Path(__file__).parent.parent.parent
DEMO = ROOT / "examples" / "july-2016" / "demo.py"
PROGRAM = Path(sys.executable).with_name("armslength")


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=900, check=False)


def test_the_demo_ends_in_the_golden_states_although_nodes_are_killed(tmp_path: Path) -> None:
    """kill -9 of random nodes during the demo loses nothing: golden states, one state root everywhere, a bundle that
    holds, a report, and a tampered copy refused; and what the README shows of it is what it prints."""
    done = _run(sys.executable, DEMO, "--out", tmp_path / "out", "--kills", "6", "--seed", "7")
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "killed 6 times" in done.stdout
    bundle = tmp_path / "out" / "bundle"
    verdict = json.loads(_run(PROGRAM, "verify", bundle, "--json").stdout)
    assert verdict["ok"]
    assert verdict["state"]["arrangement"] == "COMPLETED"
    assert verdict["state"]["duties"]["C2"] == "REMEDIED"
    assert verdict["state"]["duties"]["T2.release"] == "CURED"
    assert set(verdict["state"]["tranches"].values()) == {"SETTLED"}
    assert "<html" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    timeline = (tmp_path / "out" / "timeline.txt").read_text(encoding="utf-8")
    shown = timeline + _run(PROGRAM, "verify", bundle).stdout
    transcript = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[1].splitlines()
    lines = [line for line in transcript if line.strip() not in ("", "…") and not line.startswith("$")]
    assert len(lines) > 10
    assert [line for line in lines if line not in shown.splitlines()] == []
