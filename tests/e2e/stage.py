"""The arrangement of examples/quality between real processes, driven by the real command line."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from tests.e2e.program import PROGRAM, ran

EXAMPLE = Path(__file__).parents[2] / "examples" / "quality"
NODES = {"supplier": "S", "buyer": "B", "laboratory": "L"}
SIGNED, WEEK = "2027-02-25T00:00:00Z", "2027-03-08T01:00:00Z"


def free_port() -> int:
    """A port that nobody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
    return found


class Stage:
    """Three nodes, an inspector without one, and signed terms."""

    def __init__(
        self,
        folder: Path,
        change: Callable[[str], str] = lambda text: text,
        settings: Mapping[str, str] = MappingProxyType({}),
        inspector: Callable[[str], str] | None = None,
    ) -> None:
        """`change` makes other terms of those of the example; `settings` are added to nodes' configurations;
        `inspector` makes the inspector's card elsewhere, given a node's address."""
        self.folder = folder
        self._settings = settings
        self.nodes: dict[str, subprocess.Popen[str]] = {}
        self._stack = ExitStack()
        self._change = change
        self._inspector = inspector

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _begin(self) -> None:
        terms = self.folder / "terms"
        (terms / "cards").mkdir(parents=True)
        text = (EXAMPLE / "arrangement.yaml").read_text(encoding="utf-8")
        (terms / "arrangement.yaml").write_text(self._change(text), encoding="utf-8")
        for name, actor in NODES.items():
            address = f"http://localhost:{free_port()}"
            self._card(actor, self.ok("init", self.folder / name, "--address", address, "--development"))
            keeper = address
        for name, text in self._settings.items():
            with (self.folder / name / "node.toml").open("a") as file:
                file.write(text)
        for name in NODES:
            self.up(name)
        self._card("I", (self._inspector or self._monitor)(keeper))
        self.clock(SIGNED)
        self.hash = self.json("propose", terms / "arrangement.yaml", "--node", self.folder / "supplier")["arrangement"]
        self.ok("accept", self.hash, node="laboratory")
        for name in ("supplier", "buyer"):
            self.ok("sign", self.hash, node=name)
        self.ok("wait", node="buyer")

    def _monitor(self, node: str) -> str:
        return self.ok("init", self.folder / "inspector", "--monitor", "--nodes", node, "--development")

    def _card(self, actor: str, card: str) -> None:
        (self.folder / "terms" / "cards" / f"{actor}.yaml").write_text(card, encoding="utf-8")

    def up(self, name: str) -> subprocess.Popen[str]:
        """Start a node."""
        line = [str(PROGRAM), "up", "--node", str(self.folder / name)]
        log = self._stack.enter_context((self.folder / f"{name}.log").open("a"))
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=log, text=True)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        self._stack.enter_context(process.stdout)
        assert "is up" in process.stdout.readline()
        self.nodes[name] = process
        return process

    def run(self, *command: str | Path, node: str = "", timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as a process of its own."""
        line = (*command, "--node", self.folder / node) if node else command
        return ran(line, timeout=timeout)

    def ok(self, *command: str | Path, node: str = "", timeout: float = 90) -> str:
        """Run a command that must succeed; what it prints."""
        done = self.run(*command, node=node, timeout=timeout)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def json(self, *command: str | Path, node: str = "") -> Any:
        """What a command answers to programs, whatever its exit code."""
        done = self.run(*command, "--json", node=node)
        assert done.stdout, (command, done.stderr)
        return json.loads(done.stdout)

    def clock(self, instant: str) -> None:
        """Set every clock, the keeper's last."""
        self.ok("clock", "set", instant, *(part for name in NODES for part in ("--node", self.folder / name)))

    def tranche(self, name: str, node: str) -> str:
        """Where a tranche stands at a node."""
        status = self.json("status", node=node)
        return str(next(each["state"] for each in status["tranches"] if each["id"] == name))

    @staticmethod
    def until(what: str, once: Callable[[], Any], patience: float = 60) -> Any:
        """Try until it is so."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if found := once():
                return found
            time.sleep(0.1)
        raise AssertionError(f"never: {what}")

    def clean_week(self) -> None:
        """The first week is attested clean, which opens the supplier's tranche."""
        self.clock(WEEK)
        self.ok("attest", "quality#0", "--true", node="laboratory")
        self.ok("attest", "quality#0", "--true", node="inspector")


def copied(folder: Path, to: Path) -> Path:
    """A copy of a folder."""
    return Path(shutil.copytree(folder, to))
