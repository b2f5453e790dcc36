"""The tutorial's commands, run as they stand; and once more for programs, so that docs/cli-json.md is true."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from armslength.cli.__main__ import PARTS

pytestmark = pytest.mark.slow("the tutorial's commands run as they stand, each a process of its own")

ROOT = Path(__file__).parent.parent
PROGRAM = Path(sys.executable).with_name("armslength")
# Every command also with --json, in the process that the script has started for it; the script itself goes on from what
# it takes from the text.
RECORDING = f"""#!{sys.executable}
import json, os, sys
args, log = [each for each in sys.argv[1:] if each != "--json"], os.environ["ANSWERS"]
if args[0] in ("up", "init"):
    os.execv({str(PROGRAM)!r}, [{str(PROGRAM)!r}, *args])
from armslength.cli.__main__ import run
shown, answer = os.dup(1), os.path.join(log, f"{{len(os.listdir(log)):04}} {{args[0]}}")
os.dup2(os.open(answer, os.O_CREAT | os.O_WRONLY, 0o600), 1)
code = run([*args, "--json"])
sys.stdout.flush()
os.dup2(shown, 1)
os.rename(answer, f"{{answer}} {{code}}")
told = open(f"{{answer}} {{code}}").read()
print("Arrangement " + json.loads(told)["arrangement"] if args[0] == "propose" else told, end="", flush=True)
sys.exit(code)
"""
# Fields whose own fields are ids, DIDs or hashes, and what is as the record has it.
BY_ID = {
    *(
        "parties",
        "holds_left",
        "exposure",
        "answers",
        "transfers",
        "suspended",
        "sealing",
        "absent",
        "others",
        "checks",
    ),
    *("by", "keys", "body", "duties", "tranches", "officials", "acts", "refused"),
}


def play(folder: Path, page: str = "tutorial.md", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run every command of a page in this folder."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))
    script = "set -eum\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + commands
    path = f"{environment.pop('FIRST', '')}{os.pathsep}{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}".lstrip(":")
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "EXAMPLES": str(ROOT / "examples"), **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_the_tutorial_runs_as_written(tmp_path: Path) -> None:
    """Every command of docs/tutorial.md succeeds, in order, and leads to what it says."""
    done = play(tmp_path)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "COMPLETED" in done.stdout
    assert "HOLDS" in done.stdout
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_the_walk_through_approvals_runs_as_written(tmp_path: Path) -> None:
    """Every command of docs/approvals.md does what the page says: nothing leaves with one official, nor where a third
    objects; the journal shows it (rules 12.4b, 12.4d)."""
    done = play(tmp_path, "approvals.md")
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "HOLDS" in done.stdout
    journal = (tmp_path / "journal" / "journal.jsonl").read_text(encoding="utf-8")
    assert '"word":"object"' in journal
    assert '"why":"' not in journal.splitlines()[0]


@pytest.mark.parametrize("walk", ["tutorial.md", "approvals.md"])
def test_what_programs_read_is_documented(tmp_path: Path, walk: str) -> None:
    """Each command prints one JSON document, and docs/cli-json.md names every field in it, in the command's section."""
    answers, first, folder = tmp_path / "answers", tmp_path / "bin", tmp_path / "run"
    for each in (answers, first, folder):
        each.mkdir()
    (first / "armslength").write_text(RECORDING)
    (first / "armslength").chmod(0o755)
    done = play(folder, walk, FIRST=str(first), ANSWERS=str(answers))
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    page = sections()
    seen: set[str] = set()
    for file in sorted(answers.iterdir()):
        _, verb, code = file.name.split()
        document = json.loads(file.read_text())
        has_failed = isinstance(document, dict) and isinstance(document.get("error"), str)
        assert code == "0" or has_failed or walk == "approvals.md", file.name
        text = page["error" if has_failed else "approvals" if "draft" in document else verb]
        missing = {name for name in fields(document) if not re.search(rf"\b{name}\b", text)}
        assert not missing, f"{verb}: {sorted(missing)}"
        seen.add(verb)
    if walk == "approvals.md":
        assert "approvals" in seen
        return
    told = {
        "propose",
        "inbox",
        "accept",
        "sign",
        "status",
        "why",
        "wait",
        "attest",
        "publish",
        "fetch",
        "record",
        "clock",
    }
    assert seen >= told | {"check", "export", "verify", "report"}


def test_every_error_is_one_document(tmp_path: Path) -> None:
    """What a command refuses, the command line itself included, is JSON for whoever has asked for it."""
    for words, code in (
        (["accept"], 2),
        (["chek", "x"], 2),
        (["check", "--wrong", "x"], 2),
        (["verify", "nowhere"], 2),
    ):
        done = subprocess.run([PROGRAM, *words, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == code
        assert json.loads(done.stdout).keys() == {"error", "place", "reason"}
        assert not done.stderr


def sections() -> dict[str, str]:
    """The page's text by verb: the section whose heading names it, that of `sign` for any statement; Deadline and Block
    are part of each."""
    text = (ROOT / "docs" / "cli-json.md").read_text(encoding="utf-8")
    parts = [part.split("\n", 1) for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]
    shared = "".join(body for heading, body in parts if heading in ("Deadline", "Block"))
    found = {verb: body + shared for heading, body in parts for verb in re.findall(r"`(\w+)`", heading)}
    found |= dict.fromkeys(PARTS["say"], found["sign"])  # statements
    return found | {"error": next(body for heading, body in parts if heading.startswith("Errors"))}


def fields(document: Any) -> Iterator[str]:
    """The names of all fields in a document."""
    if isinstance(document, list):
        for item in document:
            yield from fields(item)
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            inner = [*value.values()] if name in BY_ID and isinstance(value, dict) else value
            if name != "body":
                yield from fields(inner)
