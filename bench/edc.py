"""Eclipse EDC 0.15.1 as the peer of the negotiation figures: two JVMs as shipped, stores in memory.

ARMSLENGTH_EDC names a folder with the connector built in `target/`, scripts `start.sh ROLE PORT` and `stop.sh ROLE...`,
and `measure.py`, which prints one JSON object for each thing that it measures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SINGLES, BURST = 20, 500
NAME = "Eclipse EDC 0.15.1, as shipped, in memory"


def measure() -> tuple[dict[str, float], str]:
    """Its figures in this run (latency_ms, burst_per_s) and what they are of; no figures where it is not at hand."""
    named = os.environ.get("ARMSLENGTH_EDC")
    if not named or not (Path(named) / "target" / "lib").is_dir():
        return {}, "Eclipse EDC 0.15.1: not measured, ARMSLENGTH_EDC names no folder in which it is built"
    folder = Path(named).resolve()
    ports = {"provider": 19190, "consumer": 29190}
    try:
        for role, port in ports.items():
            subprocess.run([folder / "start.sh", role, str(port)], check=True, stdout=subprocess.DEVNULL, timeout=120)
        what = ["seed", "neg", "3", "neg", str(SINGLES), "negburst", "100", "negburst", str(BURST)]
        told = subprocess.run(
            [sys.executable, "measure.py", *what],
            cwd=folder,
            env=os.environ | {"JITTER_MS": "1000"},  # so as not to stay in step with its ticks
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except (subprocess.SubprocessError, OSError) as error:
        return {}, f"{NAME}: not measured, {error}"
    finally:
        subprocess.run([folder / "stop.sh", *ports], check=False, timeout=60)
    return _figures([json.loads(line) for line in told.stdout.splitlines()])


def _figures(told: list[dict[str, object]]) -> tuple[dict[str, float], str]:
    """Only what went to its end counts: on a busy machine some negotiations stop on the way."""
    found: dict[str, float] = {}
    note = NAME
    for line in told:
        count = line.get("asked", line.get("n"))
        if count not in (SINGLES, BURST):
            continue  # to warm it up
        if line.get("ended") != {"FINALIZED": count}:
            note = f"{NAME}; of {count} negotiations: {json.dumps(line.get('ended'))}"
        elif isinstance(value := line.get("p50_ms"), float):
            found["latency_ms"] = value
        elif isinstance(value := line.get("per_s"), float):
            found["burst_per_s"] = value
    return found, note
