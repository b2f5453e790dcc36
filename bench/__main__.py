"""Run every bench, or those named: `python -m bench [NAME ...]`. One JSON line per figure."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys

import bench


def main(names: list[str]) -> None:
    """Print the figures of each bench: name, value, unit, n, peer, ratio."""
    for found in pkgutil.iter_modules(bench.__path__):
        if found.name.startswith("_") or (names and found.name not in names):
            continue
        module = importlib.import_module(f"bench.{found.name}")
        for figure in getattr(module, "figures", list)():
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
