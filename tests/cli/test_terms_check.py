"""`armslength check`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cyclopts
import pytest

from armslength.cli import terms as command
from armslength.cli.__main__ import run as main
from armslength.errors import Misuse
from armslength.wire.terms import BadTerms
from tests.terms_base import SMALL, replaced

EXAMPLES = Path(__file__).parents[2] / "examples"


def written(folder: Path, text: str) -> Path:
    """The text as a file."""
    path = folder / "arrangement.yaml"
    path.write_text(text, "utf-8")
    return path


def run(*arguments: str) -> int:
    """The exit code of the command as the application runs it."""
    app = cyclopts.App(name="armslength", result_action="return_value")
    app.command(command.check)
    code = app([str(argument) for argument in arguments])
    assert isinstance(code, int)
    return code


def test_good_terms_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """A shipped example is clean; its hash and what is not looked into are printed."""
    assert run("check", str(EXAMPLES / "july-2016" / "arrangement.yaml")) == 0
    out = capsys.readouterr().out
    assert "July 2016" in out
    assert "no errors, no warnings" in out
    assert "Only with --explore: S11 exposure of each party; S12 incentive to break off." in out


def test_errors_exit_with_1_and_name_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding of severity error is printed with its place and line, and decides the exit code."""
    path = written(tmp_path, replaced("{quorum: 2, of: [S, B, L]}", "{quorum: 1, of: [S, B, L]}"))
    assert run("check", str(path)) == 1
    out = capsys.readouterr().out
    assert "error   S01  timekeepers.quorum (line 36)" in out
    assert "1 error" in out


def test_terms_that_do_not_compile_exit_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem is one line that an editor can jump to."""
    path = written(tmp_path, replaced("keeper: L", "keper: L"))
    assert run("check", str(path)) == 1
    out = capsys.readouterr().out
    assert f"{path}:35: keper: is no field (did you mean keeper?)" in out
    assert "These terms do not compile: 2 problems." in out


def test_json_for_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document of one shape, whether it compiles or not."""
    assert run("check", str(written(tmp_path, SMALL)), "--json", "--english") == 0
    good = json.loads(capsys.readouterr().out)
    assert (good["ok"], good["problems"]) == (True, [])
    assert len(good["arrangement"]) == 64
    assert {finding["id"] for finding in good["findings"]} == {"S21"}
    assert good["checks"]["S11"]["status"] == "explored"
    assert "plays what can happen" in good["checks"]["S11"]["reason"]
    assert good["english"][0]["heading"] == "The arrangement"
    assert run("check", str(written(tmp_path, "title: x\n")), "--json") == 1
    bad = json.loads(capsys.readouterr().out)
    assert (bad["ok"], bad["findings"]) == (False, [])
    assert {"code", "file", "line", "path", "reason", "hint"} == set(bad["problems"][0])


def test_english_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--english prints every heading and every duty."""
    assert run("check", str(written(tmp_path, SMALL)), "--english") == 0
    out = capsys.readouterr().out
    assert "WHAT IS OWED" in out
    assert "Delete.B: Buyer owes Supplier: delete what it received." in out


def test_a_missing_file_is_misuse(tmp_path: Path) -> None:
    """No file: nothing was done, and the exit code is 2."""
    with pytest.raises(Misuse) as caught:
        run("check", str(tmp_path / "none.yaml"))
    assert caught.value.exit_code == 2


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    """Terms from the other side cannot draw a private file into a clause, through a link neither."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    start = SMALL.index("    text: |", SMALL.index("  Exchange:"))
    for name in ("../secret.txt", "link.txt", str(tmp_path / "secret.txt")):
        text = SMALL[:start] + f"    file: {name}\n" + SMALL[SMALL.index("  Deletion:") :]
        with pytest.raises(BadTerms) as caught:
            command.read_file(written(folder, text))
        assert caught.value.problems[0].path == "clauses.Exchange.file"


def test_files_beside_the_terms_are_read(tmp_path: Path) -> None:
    """A clause's text may lie in a folder beside the terms."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "x.txt").write_text("Each gives.\n")
    start = SMALL.index("    text: |", SMALL.index("  Exchange:"))
    text = SMALL[:start] + "    file: texts/x.txt\n" + SMALL[SMALL.index("  Deletion:") :]
    assert command.read_file(written(tmp_path, text)).texts["Exchange"] == "Each gives.\n"


def test_what_can_happen_is_told_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--explore tells it in words, or in the document; --out writes a picture and the scripts of the worst, which play;
    what belongs to it is refused without it."""
    file, out = str(EXAMPLES / "quality" / "arrangement.yaml"), tmp_path / "out"
    weights = tmp_path / "weights.json"
    weights.write_text('{"Results": 7}')
    assert run("check", file, "--explore", "--weights", str(weights), "--out", str(out)) == 0
    told = capsys.readouterr().out
    assert "Who alone can stall" in told
    assert sorted(path.name for path in out.iterdir()) == [
        "exposure.svg",
        "gain-B.yaml",
        "gain-S.yaml",
        "worst-B.yaml",
        "worst-S.yaml",
    ]
    for name in ("worst-S", "gain-S"):
        assert main(["rehearse", file, "--script", str(out / f"{name}.yaml")]) == 0
    capsys.readouterr()
    assert run("check", file, "--explore", "--weights", str(weights), "--json") == 0
    document = json.loads(capsys.readouterr().out)["exploration"]
    assert document["worst"]["S"]["exposure"] >= 7
    assert document["whole"]
    assert document["alone"].keys() == {"B", "I", "L", "S"}
    section = (EXAMPLES.parent / "docs" / "cli-json.md").read_text("utf-8").split("## `check`\n")[1].split("\n## ")[0]
    fields = {*document, *document["steps"][0], *document["worst"]["S"], *document["silences"][0]}
    assert fields | set(document["silences"][0]["differences"][0]) <= set(re.findall(r"\w+", section))
    with pytest.raises(Misuse, match="go with --explore"):
        run("check", file, "--weights", str(weights))
    weights.write_text('{"nothing": 7}')
    with pytest.raises(Misuse, match="no duty or tranche"):
        run("check", file, "--explore", "--weights", str(weights))


def test_terms_that_are_not_well_formed_are_not_explored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the terms have errors of form, nothing is played; other errors do not keep it from being played."""
    path = written(tmp_path, replaced("{quorum: 2, of: [S, B, L]}", "{quorum: 1, of: [S, B, L]}"))
    assert run("check", str(path), "--explore", "--json") == 1
    assert json.loads(capsys.readouterr().out)["exploration"] is None
