"""`armslength counterparty`: what somebody has kept, recomputed from bundles that anyone can hold, and from a node."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from armslength.cli.__main__ import run
from armslength.views.dealings import OUTCOMES
from tests.golden.terms import golden_terms
from tests.wire.test_bundle import _golden

TERMS = golden_terms()
B = TERMS.actors["B"].did or ""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A folder with the golden scenario's bundle, under its hash."""
    files = _golden()
    name = json.loads(files["manifest.json"])["arrangement"]
    for path, data in files.items():
        target = tmp_path / "held" / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return tmp_path / "held"


def document(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, Any]:
    """The exit code and the document of a command."""
    capsys.readouterr()
    code = run(["counterparty", *line, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_lines_from_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has its outcome, and names receipts that are in the bundle."""
    code, told = document(capsys, B, "--from", str(folder))
    assert code == 0
    (found,) = told["arrangements"]
    assert (found["who"], found["state"]) == ("B", "COMPLETED")
    lines = {line["subject"]: line for line in found["lines"]}
    assert lines["C2#20"]["outcome"] == "remedied"
    assert lines["C5a"]["outcome"] == "kept"
    for line in found["lines"]:
        assert line["receipts"]
        assert all((folder / found["arrangement"] / receipt).is_file() for receipt in line["receipts"])
    assert run(["counterparty", B, "--from", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "remedied" in out
    assert "violated on day 20" in out


def test_what_a_folder_claims_is_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The very lines hold; one outcome changed, no JSON, a bundle that was changed, or under another name do not."""
    _, told = document(capsys, B, "--from", str(folder))
    (folder / "dealings.json").write_text(json.dumps(told))
    assert document(capsys, B, "--from", str(folder))[0] == 0
    told["arrangements"][0]["lines"][0]["outcome"] = "breached"
    (folder / "dealings.json").write_text(json.dumps(told))
    assert document(capsys, B, "--from", str(folder)) == (1, _error("other-lines", folder / "dealings.json"))
    (folder / "dealings.json").write_text("{")
    assert document(capsys, B, "--from", str(folder)) == (1, _error("bad-lines", folder / "dealings.json"))
    (folder / "dealings.json").unlink()
    (held,) = folder.iterdir()
    other = held.rename(held.with_name("a" * 64))
    assert document(capsys, B, "--from", str(folder))[1]["error"] == "wrong-arrangement"
    held = other.rename(held)
    leaves = held / "record" / "00000000.jsonl"
    leaves.write_text(leaves.read_text().replace('"value":true', '"value":false', 1))
    assert document(capsys, B, "--from", str(folder))[0] == 1


def _error(code: str, path: Path) -> Any:
    reasons = {"other-lines": "does not say what the bundles prove", "bad-lines": "is not JSON"}
    return {"error": code, "place": str(path), "reason": reasons[code]}


def test_who_is_not_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A DID that no terms name has no lines."""
    assert document(capsys, "did:web:nobody.example", "--from", str(folder))[1]["arrangements"] == []
    assert run(["counterparty", "did:web:nobody.example", "--from", str(folder)]) == 0
    assert "No arrangement here names" in capsys.readouterr().out


def test_what_goes_together(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An export is from a node, and no folder is read at once; a folder without bundles is refused."""
    line = [B, "--from", str(folder), "--export", str(tmp_path / "new")]
    assert document(capsys, *line)[1]["error"] == "which"
    (tmp_path / "empty").mkdir()
    assert document(capsys, B, "--from", str(tmp_path / "empty"))[0] == 2
    assert document(capsys, B, "--from", str(tmp_path / "none"))[0] == 2


def test_every_field_is_documented(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/cli-json.md names every field, and every outcome."""
    text = (Path(__file__).parents[2] / "docs" / "cli-json.md").read_text(encoding="utf-8")
    section = text.split("## `counterparty`\n")[1].split("\n## ")[0]
    known = set(re.findall(r"\w+", section))
    _, told = document(capsys, B, "--from", str(folder))
    (found,) = told["arrangements"]
    assert {*told, *found, *found["lines"][0]} <= known
    assert set(OUTCOMES) <= known
