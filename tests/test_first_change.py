"""The walk in CONTRIBUTING.md, "Your first change", done as it says on a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_tidy import ROOT, SKIPPED


def blocks() -> Iterator[tuple[str, str]]:
    """The walk's blocks of code, each with its language."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walk = page.split("\n## Your first change\n")[1].split("\n## ")[0]
    yield from re.findall(r"^```(\w+)\n(.*?)^```$", walk, re.MULTILINE | re.DOTALL)


def file_of(block: str) -> str:
    """The file that a block changes."""
    return block.partition("\n")[0].removeprefix("--- ")


def apply(folder: Path, block: str) -> None:
    """Change a file as a block says: each of its parts stands in the file once, and only its marked lines change."""
    path = folder / file_of(block)
    text = path.read_text(encoding="utf-8")
    for change in block.partition("\n")[2].split("@@\n"):
        lines = [(line[:1], line[1:] + "\n") for line in change.splitlines()]
        assert {mark for mark, _ in lines} <= {"", " ", "+", "-"}, change
        before = "".join(line for mark, line in lines if mark != "+")
        after = "".join(line for mark, line in lines if mark != "-")
        assert before != after
        assert text.count(before) == 1, f"{file_of(block)} has {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with every change of the walk, before any of its commands is run."""
    folder = tmp_path_factory.mktemp("first") / "repository"
    shutil.copytree(
        ROOT, folder, ignore=shutil.ignore_patterns(*SKIPPED, "*_cache", ".hypothesis", ".services", "*.egg-info")
    )
    for language, block in blocks():
        if language == "diff":
            apply(folder, block)
    return folder


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the walk in the copy, whose own package and tests come first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": str(folder / "src")}
    return subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_every_block_applies(copy: Path) -> None:
    """What the walk changes is where it says: this alone is quick."""
    assert "Concede" in (copy / "src/armslength/core/arrangement/bodies.py").read_text(encoding="utf-8")


@pytest.mark.slow("the walk's commands are run as processes, one after another")
def test_the_walk_works(copy: Path) -> None:
    """All blocks apply, all commands succeed, and the new command is one of the copy's program."""
    commands = [line for language, block in blocks() if language == "sh" for line in block.splitlines()]
    assert sum("pytest" in command for command in commands) >= 3
    for command in commands:
        done = run(copy, command)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
    told = run(copy, "python -m armslength.cli concede --help")
    assert "give up an overdue duty" in told.stdout, told.stderr


@pytest.mark.parametrize("left_out", ["arrangement/step.py", "docs/rules.md"])
def test_a_block_left_out_is_noticed(copy: Path, left_out: str) -> None:
    """Without one of its blocks the walk's own tests fail: no step is there for show."""
    [name] = [file_of(block) for language, block in blocks() if language == "diff" and left_out in file_of(block)]
    whole = (copy / name).read_bytes()
    shutil.copyfile(ROOT / name, copy / name)
    try:
        checks = "tests/core/arrangement/test_duties.py tests/test_rules.py"
        assert run(copy, f"pytest -q -x {checks}").returncode == 1
    finally:
        (copy / name).write_bytes(whole)
