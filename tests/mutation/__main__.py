"""python -m tests.mutation [COUNT [SEED [PART …]]]: a random sample of small changes to the core, and those among them
that no test in tests/core notices. A PART is a folder or file under src. `make mutants` plays 300.

Each changed program runs in a process forked off one that has collected the tests. It runs those that reach the
changed line, first those that have noticed most in the shortest time, until one fails or BUDGET is spent. One that
says nothing for far longer than a test takes is noticed too. What runs at import is changed before it is imported.

`equivalent.txt` lists changes that no test could notice, each with the reason; they are neither played nor counted.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import select
import signal
import sys
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from itertools import accumulate
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.changes import ARROW, Mutant, mutants

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PARTS = ("armslength/core/arrangement", "armslength/core/record")
QUIET = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
TESTS = (*QUIET, str(ROOT / "tests" / "core"))
LISTED = Path(__file__).with_name("equivalent.txt")
LEFT_OUT = "test_step_cost"  # it measures pace
BUDGET = 60  # seconds of tests for one mutant, at the pace at which they were looked at
IMPORT = ""  # in the place of a test's name: what runs as a module is imported
MODULE = "<module>"
ALIVE = "alive"

Lines = dict[str, dict[str, list[int]]]  # test → file → lines


class Reach:
    """A plugin: which lines each test runs, and how long it takes."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.seconds: Counter[str] = Counter()
        self.unseen: dict[CodeType, set[int]] = {}
        self.test, self.prefix = IMPORT, f"{SOURCE}{os.sep}"
        sys.settrace(self._called)

    def _called(self, frame: FrameType, _event: str, _arg: object) -> Any:
        code, name = frame.f_code, frame.f_code.co_filename
        if not name.startswith(self.prefix) or (self.test == IMPORT and not self._importing(frame)):
            return None
        if code not in self.unseen:
            self.unseen[code] = {line for _, _, line in code.co_lines() if line is not None}
        unseen, seen = self.unseen[code], self.lines[self.test][name.removeprefix(self.prefix)]

        def line(frame: FrameType, _event: str, _arg: object) -> Any:
            seen.add(frame.f_lineno)
            unseen.discard(frame.f_lineno)
            return line if unseen else None

        return line(frame, "", None)

    def _importing(self, frame: FrameType | None) -> bool:
        """Whether a module of the core is being imported, and not just a test collected that calls it."""
        while frame is not None and not (
            frame.f_code.co_name == MODULE and frame.f_code.co_filename.startswith(self.prefix)
        ):
            frame = frame.f_back
        return frame is not None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self.test = nodeid
        self.unseen = {}
        sys.settrace(self._called)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up its parts."""
        assert not report.failed, f"{report.nodeid} fails without any change"
        self.seconds[report.nodeid] += report.duration


class Known:
    """What is known of the tests, and what they have noticed so far."""

    def __init__(self) -> None:
        def look(pipe: int) -> None:
            reach = Reach()
            pytest.main([*TESTS], plugins=[reach])
            sys.settrace(None)
            with os.fdopen(pipe, "w") as file:
                json.dump([reach.lines, reach.seconds], file, default=sorted)

        self.lines: Lines
        self.seconds: dict[str, float]
        self.lines, self.seconds = json.loads(forked(look, 3600))
        self.kills: Counter[str] = Counter()

    def imported(self, mutant: Mutant) -> bool:
        """Whether the changed line runs, or stands, where a module is imported."""
        return mutant.function is None or mutant.line in self.lines[IMPORT].get(mutant.path, ())

    def order(self, mutant: Mutant) -> list[str]:
        """The tests to run: those that reach the line."""
        everywhere = self.imported(mutant)
        found = [
            test
            for test in self.seconds
            if LEFT_OUT not in test and (everywhere or mutant.line in self.lines.get(test, {}).get(mutant.path, ()))
        ]
        found.sort(key=lambda test: (self.seconds[test] + 0.003) / (1 + self.kills[test]))
        return found[: bisect_right(list(accumulate(self.seconds[test] for test in found)), BUDGET)]

    def limit(self, order: list[str]) -> float:
        """For how many seconds a test may say nothing."""
        return 20 + max((self.seconds[test] for test in order), default=0)


def forked(work: Callable[[int], None], limit: float) -> str:
    """What `work`, in a process of its own, writes into the pipe that it is given, until it is silent for `limit`
    seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1), os.dup2(silent, 2)
        try:
            work(writing)
        finally:
            os._exit(0)
    os.close(writing)
    said = b""
    while select.select([reading], [], [], limit)[0] and (more := os.read(reading, 1 << 16)):
        said += more
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return said.decode()


def first_to_fail(session: pytest.Session, order: list[str], pipe: int) -> None:
    """Tell the first test that fails; a full stop for each that does not."""
    items = {item.nodeid: item for item in session.items}
    for test in order:
        if test not in items or any(report.failed for report in runtestprotocol(items[test], log=False)):
            os.write(pipe, test.encode())
            return
        os.write(pipe, b".")
    os.write(pipe, ALIVE.encode())


class InOrder:
    """A plugin: instead of all tests, run these until one fails."""

    def __init__(self, order: list[str], pipe: int) -> None:
        self.order, self.pipe = order, pipe

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run them."""
        first_to_fail(session, self.order, self.pipe)
        return True


def change_file(mutant: Mutant) -> None:
    """Have the changed file imported."""
    path, code = SOURCE / mutant.path, SourceFileLoader.get_code

    def changed(loader: SourceFileLoader, name: str) -> CodeType | None:
        return compile(mutant.source(SOURCE), path, "exec") if loader.path == str(path) else code(loader, name)

    SourceFileLoader.get_code = changed  # type: ignore[method-assign]


def change_function(mutant: Mutant) -> None:
    """Put the changed function's code in the place of the one that is imported."""
    found: Any = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    for part in (mutant.function or "").split("."):
        found = vars(found)[part]
    kinds = ("fget", "__func__", "func")  # a property, a method of the class, a property that is kept
    found = next((code for kind in kinds if (code := getattr(found, kind, None))), found)
    codes = [compile(mutant.source(SOURCE), SOURCE / mutant.path, "exec")]
    while codes[0].co_qualname != mutant.function:
        codes = [*codes[1:], *(const for const in codes[0].co_consts if isinstance(const, CodeType))]
    found.__code__ = codes[0]


class Mutation:
    """A plugin: instead of the tests, run every changed program. Those that change at import come before."""

    def __init__(self, sample: list[Mutant]) -> None:
        self.known, self.alive = Known(), 0
        self.sample = [mutant for mutant in sample if not self.known.imported(mutant)]
        for mutant in sample:
            if self.known.imported(mutant):
                self._play(mutant, self._fresh)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run them."""

        def warm(mutant: Mutant, order: list[str], pipe: int) -> None:
            change_function(mutant)
            first_to_fail(session, order, pipe)

        for mutant in self.sample:
            self._play(mutant, warm)
        return True

    @staticmethod
    def _fresh(mutant: Mutant, order: list[str], pipe: int) -> None:
        change_file(mutant)
        pytest.main([*TESTS], plugins=[InOrder(order, pipe)])

    def _play(self, mutant: Mutant, run: Callable[[Mutant, list[str], int], None]) -> None:
        order = self.known.order(mutant)
        said = forked(lambda pipe: run(mutant, order, pipe), self.known.limit(order)).lstrip(".")
        if said == ALIVE:
            self.alive += 1
            print(f"{mutant.path}:{mutant.line}: {mutant.told(SOURCE)}  [{len(order)} tests]", flush=True)
        self.known.kills[said] += 1


def listed() -> set[tuple[str, str]]:
    """The changes in `equivalent.txt`: a file, and what it has in the place of what; or * for whatever."""
    lines = [line for line in LISTED.read_text(encoding="utf-8").splitlines() if line.startswith("    ")]
    return {(path, told) for line in lines for path, _, told in [line.strip().partition(": ")]}


def counted(found: list[Mutant]) -> list[Mutant]:
    """Those that are not equivalent. Raises AssertionError for a line of the list that is about nothing any more."""
    known, left = listed(), []
    idle = {(path, told) for path, told in known if any(path == mutant.path for mutant in found)}
    for mutant in found:
        told = mutant.told(SOURCE)
        names = {(mutant.path, told), (mutant.path, f"{told.partition(ARROW)[0]}{ARROW}*")}
        idle -= names
        if not names & known:
            left.append(mutant)
    assert not idle, f"no such change: {sorted(idle)}"
    return left


def main(count: int = 300, seed: int = 0, *parts: str) -> None:
    """Play a sample, and tell those that live, and how many do not."""
    began = time.monotonic()
    found = [SOURCE / part for part in parts or PARTS]
    files = sorted(file for path in found for file in (path.glob("*.py") if path.is_dir() else [path]))
    every = [mutant for file in files for mutant in mutants(SOURCE, file.relative_to(SOURCE).as_posix())]
    left = counted(every)
    sample = random.Random(seed).sample(left, min(count, len(left)))
    playing = Mutation(sample)
    pytest.main([*TESTS], plugins=[playing])
    dead = len(sample) - playing.alive
    print(f"{dead} of {len(sample)} noticed ({dead / len(sample):.1%}), of {len(left)} changes that there are,")
    print(f"besides {len(every) - len(left)} that are equivalent; seed {seed}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    hypothesis.settings.register_profile(
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutation")
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
