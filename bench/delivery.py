"""Sealed delivery: how fast a file is sealed, fetched and opened, beside tools that only move or only encrypt it.

Peers work on the same file in the same run, alternating with ours; figures are medians. What ours does in addition:
sealing computes both Merkle roots and the chunk list, authenticates every chunk and commits to the key, where `openssl
enc` (AES-256-CTR) does none of that; fetching verifies every chunk before it is written, where curl only writes. Files
are flushed to disk on both sides. Server and client are processes of their own.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.delivery.journey import MIB, journey, pattern, sender
from tests.delivery.support import HERE, commit_of

from armslength.delivery import sealing

ROUNDS, SIZE, LARGE = 3, 256 * MIB, 1024 * MIB


def figures() -> list[dict[str, object]]:
    """One dict per figure: name, value, unit, n, peer, ratio."""
    with tempfile.TemporaryDirectory() as name:
        found = _rates(Path(name))
    with tempfile.TemporaryDirectory() as name:
        return found + _memory(Path(name))


def _rates(folder: Path) -> list[dict[str, object]]:
    plain, cipher, target, out = (folder / name for name in ("plain", "cipher", "target", "out"))
    pattern(plain, SIZE)
    sealed = sealing.seal(plain, cipher, HERE)
    commit, key = commit_of(sealed), sealed.key
    said: dict[str, Any] = {}
    with sender(cipher, sealed.cipher_root, said) as url:
        taken = _alternate(
            {
                "seal": lambda: sealing.seal(plain, folder / "again", HERE),
                "openssl enc -aes-256-ctr": lambda: _openssl(plain, folder / "ctr"),
                "hashlib.sha256": lambda: _hash(plain),
                "download": lambda: _download(url, target, commit),
                "curl": lambda: _curl(url, folder / "curled"),
                "unseal": lambda: sealing.unseal(cipher, out, key, HERE, commit),
            }
        )
    rate = {name: round(SIZE / 1e6 / seconds) for name, seconds in taken.items()}
    pairs = [
        ("seal", "openssl enc -aes-256-ctr"),
        ("seal", "hashlib.sha256"),
        ("unseal", "openssl enc -aes-256-ctr"),
        ("download", "curl"),
    ]
    return [
        {
            "name": f"delivery.{ours}",
            "value": rate[ours],
            "unit": "MB/s",
            "n": ROUNDS,
            "peer": {"name": peer, "value": rate[peer]},
            "ratio": round(rate[ours] / rate[peer], 2),
        }
        for ours, peer in pairs
    ]


def _memory(folder: Path) -> list[dict[str, object]]:
    return [
        {
            "name": f"delivery.memory.{name}.1-GiB",
            "value": round(grown / MIB, 1),
            "unit": "MiB over imports",
            "n": 1,
            "peer": {"name": "the file in memory", "value": LARGE // MIB},
            "ratio": round(grown / LARGE, 4),
        }
        for name, grown in journey(folder, LARGE).items()
    ]


def _alternate(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.perf_counter()
            said = work()
            taken[name].append(said if isinstance(said, float) else time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in taken.items()}


def _download(url: str, target: Path, commit: object) -> float:
    """Seconds that fetching takes in a process of its own, without the start of Python."""
    target.unlink(missing_ok=True)
    words = [sys.executable, "-m", "tests.delivery.child", "download", url, str(target), json.dumps(_plain(commit))]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    return float(json.loads(done.stdout)["seconds"])


def _plain(commit: object) -> object:
    import dataclasses

    return dataclasses.asdict(commit)  # type: ignore[call-overload]


def _curl(url: str, target: Path) -> None:
    subprocess.run(["curl", "-sf", "-H", "Authorization: Bearer good", "-o", str(target), url], check=True)
    subprocess.run(["sync", str(target)], check=True)


def _openssl(source: Path, target: Path) -> None:
    key = ["-K", "00" * 32, "-iv", "00" * 16]
    subprocess.run(["openssl", "enc", "-aes-256-ctr", *key, "-in", str(source), "-out", str(target)], check=True)
    subprocess.run(["sync", str(target)], check=True)


def _hash(source: Path) -> None:
    with source.open("rb") as file:
        hashlib.file_digest(file, "sha256")


if __name__ == "__main__":
    for figure in figures():
        print(json.dumps(figure))
