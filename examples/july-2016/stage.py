"""The stage on which the example is played: real nodes as processes on loopback, monitors with keys and commands only.

Every act is a command of the product, run in this process (so that hundreds of them take seconds); only the nodes are
processes of their own. Nothing is left running: `Stage` is a context.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from armslength.cli.__main__ import run

HERE = Path(__file__).parent
NODES = {"A": "arandia", "B": "borovia", "m5": "neutral"}
MONITORS = ("m1", "m2", "m3", "m4", "v", "h")
PATIENCE = 40.0


class Failed(Exception):
    """A command, or an expectation, that did not go as the example says."""


class Stage:
    """Folders, nodes and monitors below `out`."""

    def __init__(self, out: Path, *, program: Path | None = None) -> None:
        self.out = out
        self.folders = {who: out / "nodes" / name for who, name in NODES.items()}
        self.folders |= {who: out / "monitors" / who for who in MONITORS}
        self._program = program or Path(sys.executable).with_name("armslength")
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        if self.out.exists():
            shutil.rmtree(self.out)
        (self.out / "terms" / "cards").mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # --- setting up ------------------------------------------------------------------------------------------------

    def create_identities(self) -> None:
        """Keys for everyone; their public cards go beside the terms."""
        ports = _free_ports(len(NODES))
        addresses = []
        for (who, name), port in zip(NODES.items(), ports, strict=True):
            address = f"http://localhost:{port}"
            addresses.append(address)
            self._card(who, "--name", name, "--address", address, "--listen", f"127.0.0.1:{port}", "--development")
        for who in MONITORS:
            self._card(who, "--name", who, "--monitor", "--development", "--nodes", addresses[-1], addresses[0])

    def _card(self, who: str, *options: str) -> None:
        card = self.command("init", str(self.folders[who]), *options, "--json")
        lines = [f'did: "{card["did"]}"']
        if card["address"]:
            lines.append(f'address: "{card["address"]}"')
        lines += ["keys:", *(f'  {role}: "{key}"' for role, key in card["keys"].items())]
        (self.out / "terms" / "cards" / f"{who}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def terms(self, change: tuple[str, str] | None = None) -> Path:
        """The terms file beside the cards; `change` replaces a text in it, for a first draft."""
        text = (HERE / "arrangement.yaml").read_text(encoding="utf-8")
        if change is not None:
            if change[0] not in text:
                raise Failed(f"the terms hold no {change[0]!r}")
            text = text.replace(*change)
        path = self.out / "terms" / ("draft.yaml" if change else "arrangement.yaml")
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *whom: str) -> None:
        """Start nodes' processes and wait until they are up."""
        for who in whom:
            with (self.folders[who] / "log").open("a", encoding="utf-8") as log:
                self._processes[who] = subprocess.Popen(
                    [str(self._program), "up", "--node", str(self.folders[who])],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,  # Ctrl-C is for us: we stop them in order
                )
        for who in whom:
            output = self._processes[who].stdout
            if output is None or "is up" not in output.readline():
                raise Failed(f"{who} does not start: see {self.folders[who] / 'log'}")

    def kill(self, who: str) -> None:
        """kill -9 a node, as if its power had failed."""
        process = self._processes[who]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    # --- acting ----------------------------------------------------------------------------------------------------

    def command(self, *arguments: str, expect: int = 0) -> Any:
        """Run one command with `--json` among its arguments; returns the document that it prints."""
        code, out = capture(arguments)
        if code != expect:
            raise Failed(f"armslength {' '.join(arguments)}: exit code {code}, not {expect}: {out.strip()}")
        return json.loads(out)

    def by(self, who: str, *arguments: str) -> Any:
        """Run a command in the name of `who`. What the node cannot take just now is tried again for a while."""
        until = time.monotonic() + PATIENCE
        while True:
            line = (*arguments, "--node", str(self.folders[who]), "--json")
            code, out = capture(line)
            if code == 0 or (code == 3 and "said" in json.loads(out)):
                return json.loads(out)  # what is pending is sent again by itself: it must not be said twice
            if code != 3 or time.monotonic() > until:
                raise Failed(f"{who}: armslength {' '.join(arguments)}: exit code {code}: {out.strip()}")
            time.sleep(0.1)

    def set_clock(self, at: int) -> None:
        """Let simulated time come to this instant, at the keeper last."""
        for who in ("A", "B", "m5"):
            self.by(who, "clock", "set", str(at))

    def rest(self) -> None:
        """Wait until every node has sealed and done what there is."""
        self.by("A", "wait", "--timeout", "30")  # it asks all the others

    def view(self, who: str = "m5") -> dict[str, Any]:
        """What a node sees, as `status --json` tells it."""
        found: dict[str, Any] = self.by(who, "status")
        return found


def capture(arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run one command in this process; its exit code and standard output."""
    out, trouble = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(trouble):
        code = run(list(arguments))
    return code, out.getvalue() or trouble.getvalue()


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        return [_bind(stack) for _ in range(number)]


def _bind(stack: contextlib.ExitStack) -> int:
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def telling(text: str) -> Iterator[None]:
    """Say what takes a moment, and how long it took."""
    begun = time.monotonic()
    print(f"· {text} … ", end="", flush=True)
    yield
    print(f"{time.monotonic() - begun:.1f} s", flush=True)
