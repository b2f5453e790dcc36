"""A file's whole way between processes, with the memory each of them took."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MIB = 1024 * 1024


def command(*words: object) -> list[str]:
    """The command line of a child."""
    return [sys.executable, "-m", "tests.delivery.child", *map(str, words)]


def run(*words: object) -> dict[str, Any]:
    """Run a child to its end; what it said."""
    done = subprocess.run(command(*words), check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def sender(path: Path, root: str, said: dict[str, Any]) -> Iterator[str]:
    """A process that serves a file; gives its address, and its last words when it has ended."""
    with subprocess.Popen(
        command("serve", path, root), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield process.stdout.readline().strip() + "/data/t1"
        process.stdin.close()
        said.update(json.loads(process.stdout.read()))


def pattern(path: Path, size: int) -> None:
    """A file of `size` bytes in which no two mebibytes are alike."""
    base = bytearray(random.Random(3).randbytes(MIB))
    with path.open("wb") as file:
        for number in range(size // MIB):
            base[:8] = number.to_bytes(8, "big")
            file.write(base)


def journey(folder: Path, size: int) -> dict[str, int]:
    """Seal, serve, fetch, kill the fetching in the middle, fetch the rest, open, compare. The bytes by which each
    process grew over what it had after its imports.
    """
    plain, cipher, target, out = (folder / name for name in ("plain", "cipher", "target", "out"))
    pattern(plain, size)
    sealed = run("seal", plain, cipher)
    commit = json.dumps(sealed["commit"])
    said: dict[str, Any] = {}
    with sender(cipher, sealed["commit"]["cipher_root"], said) as url:
        with subprocess.Popen(command("download", url, target, commit), stdout=subprocess.DEVNULL) as first:
            part = folder / "target.part"
            while first.poll() is None and not (part.exists() and part.stat().st_size > size // 3):
                time.sleep(0.001)
            first.kill()
        fetched = run("download", url, target, commit)
    opened = run("unseal", target, out, commit, sealed["key"])
    subprocess.run(["cmp", str(plain), str(out)], check=True)
    figures = {"seal": sealed, "serve": said, "download": fetched, "unseal": opened}
    return {name: words["grown"] for name, words in figures.items()}
