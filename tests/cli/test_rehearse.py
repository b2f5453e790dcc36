"""`armslength rehearse`: what it prints, for people and for programs, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from armslength.cli.__main__ import run

ROOT = Path(__file__).parents[2]
TERMS = str(ROOT / "examples" / "july-2016" / "arrangement.yaml")
GOLDEN = str(ROOT / "examples" / "july-2016" / "rehearsals" / "golden.yaml")


def document(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, Any]:
    """The exit code and the document of a command."""
    capsys.readouterr()
    code = run(["rehearse", TERMS, *line, "--json"])
    return code, json.loads(capsys.readouterr().out)


def script(tmp_path: Path, *lines: str) -> str:
    """A script in a file."""
    path = tmp_path / "script.yaml"
    path.write_text("\n".join(["rehearse: a test", "otherwise: agreed", "script:", *lines, ""]))
    return str(path)


def test_a_script_that_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; the timeline, where it ends, and that all holds."""
    assert run(["rehearse", TERMS, "--script", GOLDEN]) == 0
    out = capsys.readouterr().out
    assert "> C2: OVERDUE → BREACHED" in out
    assert "The arrangement is COMPLETED since 30 Aug 2016 01:00 UTC (D+46)." in out
    assert out.endswith("43 expectations, and all hold.\n")


def test_a_script_that_does_not_hold(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 1; the line, what was expected, what is so instead, and why."""
    path = script(tmp_path, "- {at: D+3, expect: T2 is READY}")
    assert run(["rehearse", TERMS, "--script", path]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Line 4, D+3 00:00: expected that T2 is READY, but T2 is LOCKED." in out
    assert "it takes 7 clean days in a row" in out
    code, told = document(capsys, "--script", path)
    assert (code, told["ok"], told["checked"]) == (1, False, 1)
    (missed,) = told["mismatches"]
    assert (missed["line"], missed["found"]) == (4, "T2 is LOCKED")
    assert missed["why"]


def test_without_a_script_everybody_does_as_agreed(capsys: pytest.CaptureFixture[str]) -> None:
    """The document tells states, timeline and that nothing was expected."""
    code, told = document(capsys)
    assert (code, told["script"], told["state"]["arrangement"]) == (0, None, "COMPLETED")
    assert set(told["state"]["tranches"].values()) == {"SETTLED"}
    assert told["state"]["claims"]["k2"] == "S" * 46
    assert told["timeline"][0]["who"] == ["A", "B"]


def test_until(capsys: pytest.CaptureFixture[str]) -> None:
    """It stops where the goal is reached, and says when it never is."""
    code, told = document(capsys, "--script", GOLDEN, "--until", "suspension")
    assert (code, told["goal"], told["reached"]["after"]) == (0, "suspension", "SUSPENDED")
    assert told["unplayed"] > 0
    code, told = document(capsys, "--until", "breach")
    assert (code, told["ok"], told["reached"]) == (1, False, None)
    assert run(["rehearse", TERMS, "--until", "breach"]) == 1
    assert "It never comes to breach." in capsys.readouterr().out


def test_every_field_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/cli-json.md names every field of the document, in the section of the command."""
    text = (ROOT / "docs" / "cli-json.md").read_text(encoding="utf-8")
    section = text.split("## `rehearse`\n")[1].split("\n## ")[0]
    known = {name for code in re.findall(r"`([^`]*)`", section) for name in re.findall(r"\w+", code)}
    _, told = document(capsys, "--script", GOLDEN, "--until", "suspension")
    fields = set(told) | set(told["state"]) | set(told["reached"]) | set(told["timeline"][0])
    assert fields <= known


@pytest.mark.parametrize(
    ("line", "code", "reason"),
    [
        ("- {at: D+3, expect: T9 is READY}", "bad-script", "script.yaml:4: script[0].expect: the terms have no T9"),
        ("- {at: D+3, sya: x}", "bad-script", 'no such field "sya" (did you mean say?)'),
    ],
)
def test_a_script_that_cannot_be_played(
    line: str, code: str, reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 2, with the file, the line and the reason; nothing is played."""
    path = script(tmp_path, line)
    assert run(["rehearse", TERMS, "--script", path]) == 2
    told = capsys.readouterr()
    assert (told.out, reason in told.err) == ("", True)
    assert f"this script cannot be played [{code}]" in told.err
    _, document_ = document(capsys, "--script", path)
    assert document_["error"] == code


def test_what_cannot_be_rehearsed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Terms that do not compile, and a goal that is none: exit code 2."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("title: none\n")
    assert run(["rehearse", str(bad), "--json"]) == 2
    assert "is required" in json.loads(capsys.readouterr().out)["reason"]
    assert run(["rehearse", TERMS, "--until", "brech", "--json"]) == 2
    assert "did you mean breach?" in json.loads(capsys.readouterr().out)["reason"]


def test_the_shortest_way(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It prints a script that can be played; with --json the same beside what was looked at."""
    assert run(["rehearse", TERMS, "--shortest-to", "cured:C5a"]) == 0
    path = tmp_path / "found.yaml"
    path.write_text(capsys.readouterr().out)
    assert run(["rehearse", TERMS, "--script", str(path)]) == 0
    code, told = document(capsys, "--shortest-to", "cured:C5a")
    assert (code, told["found"], told["looked"][0], told["whole"]) == (0, True, 1, True)
    assert told["script"] in path.read_text()
    assert run(["rehearse", TERMS, "--shortest-to", "breach", "--until", "breach"]) == 2
    section = (ROOT / "docs" / "cli-json.md").read_text(encoding="utf-8").split("## `rehearse`\n")[1]
    assert set(told) <= set(re.findall(r"\w+", section.split("\n## ")[0]))
