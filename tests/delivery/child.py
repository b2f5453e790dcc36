"""What the delivery tests run in processes of their own: to be killed, or to have their memory measured.

    python -m tests.delivery.child seal SOURCE TARGET
    python -m tests.delivery.child serve CIPHER ROOT
    python -m tests.delivery.child download URL TARGET COMMIT
    python -m tests.delivery.child unseal SOURCE TARGET COMMIT KEY

Each ends with a line of JSON that holds `grown`, the bytes by which its peak memory exceeded what it had when its
imports were done (Linux), and `seconds`. `serve` first prints its address and runs until its input closes.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
import time
from pathlib import Path

import uvicorn  # noqa: F401  (every child loads the same, so that peaks compare)

from armslength.core.arrangement.bodies import Commit
from armslength.delivery import sealing
from armslength.delivery.download import download
from armslength.net.client import Client
from armslength.net.ways import DEVELOPMENT

from .support import HERE, commit_of, one_file, serving


def memory(name: str) -> int:
    """A figure from /proc/self/status in bytes: VmRSS now, VmHWM at its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


async def serve(path: Path, root: str) -> None:
    """Serve one file until the input closes."""
    async with serving(one_file(path, root)) as base:
        print(base, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def fetch(url: str, target: Path, commit: Commit) -> None:
    """Download one file."""
    async with Client(DEVELOPMENT) as client:
        await download(client, url, "good", target, commit)


def main(verb: str, *words: str) -> None:
    """Do one thing and say what it took."""
    before = memory("VmRSS")
    started = time.perf_counter()
    said: dict[str, object] = {}
    if verb == "seal":
        sealed = sealing.seal(Path(words[0]), Path(words[1]), HERE)
        said = {"commit": dataclasses.asdict(commit_of(sealed)), "key": sealed.key.hex()}
    elif verb == "serve":
        asyncio.run(serve(Path(words[0]), words[1]))
    elif verb == "download":
        asyncio.run(fetch(words[0], Path(words[1]), Commit(**json.loads(words[2]))))
    else:
        commit = Commit(**json.loads(words[2]))
        sealing.unseal(Path(words[0]), Path(words[1]), bytes.fromhex(words[3]), HERE, commit)
    seconds = time.perf_counter() - started
    print(json.dumps({**said, "grown": memory("VmHWM") - before, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
