"""Delivery between processes: killed at any moment, and never holding a file in memory."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from armslength.delivery.chunks import CHUNK

from .journey import MIB, command, journey
from .support import commit_of, one_file, sealed_file, serving

pytestmark = pytest.mark.slow("processes are started and killed again and again")

linux = pytest.mark.skipif(not os.path.isfile("/proc/self/status"), reason="reads memory figures from /proc")


async def until(path: Path, size: int, process: asyncio.subprocess.Process) -> None:
    """Wait until a file has grown to `size`, or the process has ended."""
    while process.returncode is None and not (path.exists() and path.stat().st_size >= size):
        await asyncio.sleep(0.001)


async def test_a_killed_download_goes_on(tmp_path: Path) -> None:
    """kill -9 in the middle of a download, again and again: the next run keeps the verified prefix and ends true."""
    _, cipher, sealed = sealed_file(tmp_path, 700 * CHUNK + 3)
    target, part = tmp_path / "in" / "target", tmp_path / "in" / "target.part"
    target.parent.mkdir()
    moments = random.Random(5)
    killed = 0
    async with serving(one_file(cipher, sealed.cipher_root), pace=0.02) as base:
        words = ("download", f"{base}/data/t1", target, json.dumps(dataclasses.asdict(commit_of(sealed))))
        for turn in range(1, 4):
            process = await asyncio.create_subprocess_exec(*command(*words), stdout=subprocess.DEVNULL)
            await until(part, turn * sealed.cipher_size // 5 + moments.randrange(MIB), process)
            await asyncio.sleep(moments.random() / 100)
            if process.returncode is None:
                killed += 1
                process.send_signal(signal.SIGKILL)
            await process.wait()
            assert cipher.read_bytes().startswith(part.read_bytes())
        process = await asyncio.create_subprocess_exec(*command(*words), stdout=subprocess.DEVNULL)
        assert await process.wait() == 0
    assert killed == 3
    assert target.read_bytes() == cipher.read_bytes()
    assert not part.exists()


@linux
def test_memory_stays_flat(tmp_path: Path) -> None:
    """SealedFile, served, fetched, broken off, fetched to the end and opened: no process grows with the file."""
    grown = journey(tmp_path, 64 * MIB)
    assert all(value < 24 * MIB for value in grown.values()), grown
