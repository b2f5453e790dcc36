"""The tutorial's commands, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_tutorial_runs_as_written(tmp_path: Path) -> None:
    """Every command of docs/tutorial.md succeeds, in order, and leads to what it says."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))
    script = "set -eum\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + commands
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "EXAMPLES": str(ROOT / "examples")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "COMPLETED" in done.stdout
    assert "HOLDS" in done.stdout
    assert (tmp_path / "report.html").stat().st_size > 10_000
