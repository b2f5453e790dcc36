"""Long work that pages ask for, each in a process of its own: bounded in time, memory and number, ended when it is
given up. The pages, and the node beside them, answer meanwhile.

A process reads one order on its standard input and writes lines of JSON (`computing`): how far it has come, and in the
end what came of it or what is wrong with the order. It has no keys, no folder and no address of anybody.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from armslength.console.sessions import Session
from armslength.errors import Malformed, NotFound, Unavailable
from armslength.wire.computation import ComputationOrder, decode_word, encode_order

LONGEST_S: Final = 120.0  # that one may take, once it is its turn
MOST: Final = 8  # under way or waiting, and as many that are over are kept
LARGEST: Final = 16 * 1024 * 1024  # bytes of what comes of one
PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH")  # of the environment
WAY: Final = "the commands `armslength rehearse` and `armslength check --explore` have no such bound"
TOO_LONG: Final = f"It takes more than {LONGEST_S:.0f} seconds; {WAY}."
TOO_LARGE: Final = f"It takes more time or memory than a page may take; {WAY}."


@dataclass(slots=True, eq=False)
class Computation:
    """One of them. `about` is the page's own. `made`: the HTML that came of it; `problems`: why none did.
    `steps`: how far it has come; `begun`: since when it is its turn, by the monotonic clock."""

    session: Session
    about: object
    made: str = ""
    problems: tuple[str, ...] = ()
    steps: int = 0
    begun: float | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def seconds(self) -> int:
        """How long it has been at work."""
        return 0 if self.begun is None else int(time.monotonic() - self.begun)


class Computations:
    """Those of one console: one at work at a time."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Computation] = OrderedDict()
        self._turn = asyncio.Semaphore(1)

    def begin(self, session: Session, order: ComputationOrder, about: object) -> str:
        """Begin one, in place of what this person has under way; its name. Raises Unavailable where many wait."""
        for each in self._known.values():
            if each.session.subject == session.subject:
                self.stop(each)
        live = [name for name, each in self._known.items() if not each.over.is_set()]
        if len(live) >= MOST:
            raise Unavailable("busy", f"{MOST} others are waiting for such work: try again in a minute")
        over = [name for name in self._known if name not in live]
        for name in over[: max(0, len(over) - MOST + 1)]:
            del self._known[name]
        name, made = secrets.token_hex(16), Computation(session, about)
        self._known[name] = made
        made.task = asyncio.create_task(self._run(made, encode_order(order)))
        return name

    def of(self, session: Session, name: str) -> Computation:
        """One of this session's. Raises NotFound: nobody else sees it."""
        found = self._known.get(name)
        if found is None or found.session is not session:
            raise NotFound("no-such-work", "this is no longer kept: play it again", name[:32])
        return found

    @staticmethod
    def stop(computation: Computation) -> None:
        """End it, if it is under way."""
        if computation.task is not None and not computation.over.is_set():
            computation.problems = ("It was stopped.",)
            computation.task.cancel()
            computation.over.set()

    async def _run(self, made: Computation, order: bytes) -> None:
        try:
            async with self._turn:
                made.begun = time.monotonic()
                try:
                    async with asyncio.timeout(LONGEST_S):
                        await self._ask(made, order)
                except TimeoutError:
                    made.problems = (TOO_LONG,)
                if not made.made and not made.problems:
                    made.problems = (TOO_LARGE,)
        finally:
            made.over.set()

    async def _ask(self, made: Computation, order: bytes) -> None:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "armslength.console.computing"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            limit=LARGEST,
        )
        try:
            if child.stdin is None or child.stdout is None:
                raise AssertionError("both are pipes")
            child.stdin.write(order)
            child.stdin.close()
            while line := await child.stdout.readline():
                word = decode_word(line)
                made.steps, made.made, made.problems = word.steps, word.made, word.problems
        except (ValueError, Malformed):
            pass  # more than may come of one, or cut off
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()
