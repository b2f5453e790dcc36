"""The program for tests that run it many times: each command is a process of its own, forked from one that has imported
the program, so that what they need is loaded once and not for every command.

Whatever tests the start of a process, its signals or its streams starts `PROGRAM` itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAM = Path(sys.executable).with_name("armslength")


@cache
def _loaded() -> ForkServerContext:
    """Where commands are forked; it ends with this process."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.e2e.loaded"])
    return context


def ran(
    line: Sequence[str | Path], *, timeout: float = 90, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `armslength` with these arguments to its end; raises subprocess.TimeoutExpired."""
    words = [str(word) for word in line]
    with TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("out", "err")]
        process = _loaded().Process(target=_command, args=(words, streams, str(cwd or Path.cwd()), dict(os.environ)))
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, timeout)
        code, (out, err) = process.exitcode, [each.read_text(encoding="utf-8") for each in streams]
        process.close()
    assert code is not None
    return subprocess.CompletedProcess(words, code, out, err)


def _command(words: list[str], streams: Sequence[Path], folder: str, environment: Mapping[str, str]) -> None:
    """What the forked process does: its streams, folder and environment, and then the program's own `main`."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in enumerate(streams, start=1):
        with path.open("wb") as opened:
            os.dup2(opened.fileno(), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    sys.argv = [str(PROGRAM), *words]
    from armslength.cli.__main__ import main

    main()
