"""`armslength new`: what it lists, asks, refuses and writes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from armslength.cli.__main__ import run
from armslength.templates import template, template_ids
from armslength.wire.terms_write import to_yaml
from tests.templates.people import default_answers, monitor_card, node_card

NAME = "coordinated-disclosure"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answered(folder: Path, **changed: Any) -> Path:
    """A file with the default answers, changed; what is None is left out."""
    given = default_answers(template(NAME)) | changed
    path = folder / "answers.json"
    path.write_text(json.dumps({key: value for key, value in given.items() if value is not None}), "utf-8")
    return path


def card_file(path: Path, card: dict[str, Any]) -> None:
    """A card as `armslength init` prints it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_yaml({key: value for key, value in card.items() if value is not None}), "utf-8")


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """The one JSON document that was printed."""
    return json.loads(capsys.readouterr().out)


def test_it_lists_what_there_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --list and with nothing at all, in text and as JSON."""
    for arguments in (["new"], ["new", "--list"]):
        assert run(arguments) == 0
        assert all(name in capsys.readouterr().out for name in [NAME])
    assert run(["new", "--list", "--json"]) == 0
    assert [each["id"] for each in said(capsys)["templates"]] == list(template_ids())
    assert list(here.iterdir()) == []


def test_the_questions_are_a_file_of_answers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What --questions prints is taken by --answers as it stands; the cards are still to come, and `check` says so."""
    assert run(["new", NAME, "--questions"]) == 0
    Path("answers.yaml").write_text(capsys.readouterr().out, "utf-8")
    assert run(["new", NAME, "--answers", "answers.yaml", "--out", "made"]) == 0
    out = capsys.readouterr().out
    assert "made/cards/vendor.yaml" in out
    assert "Next: armslength check made/arrangement.yaml --english" in out
    assert run(["check", "made/arrangement.yaml"]) == 1
    assert "parties.vendor.card: cards/vendor.yaml cannot be read" in capsys.readouterr().out


def test_with_all_cards_it_passes_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder holds terms, cards and answers; `check` finds nothing to mend in it."""
    assert run(["new", NAME, "--answers", str(answered(here)), "--out", "made", "--json"]) == 0
    document = said(capsys)
    assert document["missing"] == {}
    assert {finding["severity"] for finding in document["findings"]} == {"note"}
    assert {path.relative_to("made").as_posix() for path in Path("made").rglob("*") if path.is_file()} == set(
        document["files"]
    )
    assert run(["check", "made/arrangement.yaml"]) == 0
    assert "no errors, no warnings" in capsys.readouterr().out


def test_cards_are_found_by_file_name_or_did(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers name cards of the folder; hidden files, links and what is no card are passed by."""
    card_file(here / "cards" / "v.yaml", node_card("vendor", "Acme"))
    card_file(here / "cards" / "f.yaml", node_card("finder", "Ada"))
    card_file(here / ".hidden" / "c.yaml", node_card("coordinator", "CERT"))
    (here / "link.yaml").symlink_to("/etc/hostname")
    path = answered(here, vendor="cards/v.yaml", finder="Ada", coordinator="CERT")
    assert run(["new", NAME, "--answers", str(path), "--out", "made", "--json"]) == 0
    document = said(capsys)
    assert document["missing"] == {"coordinator": "cards/coordinator.yaml"}
    assert document["findings"] is None
    assert "name: {name: Acme" not in Path("made/arrangement.yaml").read_text("utf-8")
    assert "vendor: {name: Acme, card: cards/vendor.yaml}" in Path("made/arrangement.yaml").read_text("utf-8")


def test_the_answers_of_a_folder_make_it_again(here: Path) -> None:
    """What is kept beside the terms gives the same terms, with the cards that lie there."""
    assert run(["new", NAME, "--answers", str(answered(here, product='{{ 7*7 }} "x"')), "--out", "one"]) == 0
    assert run(["new", NAME, "--answers", "one/answers.yaml", "--cards", "one", "--out", "two"]) == 0
    for path in ("arrangement.yaml", "answers.yaml", "cards/vendor.yaml"):
        assert Path("one", path).read_bytes() == Path("two", path).read_bytes()


def test_wrong_answers_are_all_named_and_nothing_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown, missing and wrong answers, one line each."""
    path = answered(here, embargo="1d", vendor=None, emabrgo="90d")
    assert run(["new", NAME, "--answers", str(path), "--out", "made"]) == 2
    told = capsys.readouterr().err
    assert "embargo: must be at least 30d" in told
    assert "vendor: has no answer" in told
    assert "emabrgo: is no question of this template (did you mean embargo?)" in told
    assert sorted(path.name for path in here.iterdir()) == ["answers.json"]


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with something in it is refused before anything is asked; an empty one is filled."""
    Path("made").mkdir()
    assert run(["new", NAME, "--answers", str(answered(here)), "--out", "made"]) == 0
    before = Path("made/arrangement.yaml").stat().st_mtime_ns
    assert run(["new", NAME, "--out", "made"]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert Path("made/arrangement.yaml").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["new", "nope"], 2, "no such template"),
        (["new", "../" + NAME], 2, "no such template"),
        (["new", NAME, "--answers", "missing.yaml"], 2, "no such file"),
        (["new", NAME, "--cards", "missing"], 2, "is no folder"),
    ],
)
def test_misuse_says_why(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, reason: str
) -> None:
    """What cannot be done is told, and nothing is written."""
    assert run(arguments) == code
    assert reason in capsys.readouterr().err
    assert list(here.iterdir()) == []


def asked(folder: Path, lines: list[str], *more: str) -> tuple[int, str]:
    """The exit code, and what a terminal showed, of `new` with these lines typed."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "armslength.cli", "new", NAME, *more]
    with subprocess.Popen(
        command, cwd=folder, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        os.close(slave)
        os.write(master, "".join(f"{line}\n" for line in lines).encode())
        if len(lines) < 10:
            os.write(master, b"\x04")
        shown = process.communicate(timeout=60)[0].decode()
    os.close(master)
    return process.returncode, shown


def test_on_a_terminal_it_asks_one_by_one(tmp_path: Path) -> None:
    """Cards by number, help on ?, back on <, a wrong answer asked again, defaults on Enter."""
    card_file(tmp_path / "cards" / "f.yaml", node_card("finder", "Ada"))
    card_file(tmp_path / "cards" / "m.yaml", monitor_card("m", "Monitor"))
    lines = ["1", "Acme #1", "?", "vendor", "<", 'The "Big" Co', "finder", "1", "Widget 2", "", "", "1d", "45d", "", ""]
    code, shown = asked(tmp_path, lines, "--out", "made")
    assert code == 0, shown
    assert "1  Ada (cards/f.yaml)" in shown
    assert "A neutral one has nothing to gain by silence" in shown.replace("\r\n", "\n")
    assert "record: must be one of coordinator, finder" in shown
    assert "embargo: must be at least 30d" in shown
    text = (tmp_path / "made" / "arrangement.yaml").read_text("utf-8")
    assert 'vendor: {name: "The \\"Big\\" Co", card: cards/vendor.yaml}' in text
    assert "coordinator: {name: Monitor," in text
    assert "keeper: finder" in text
    assert "45 days" in text


def test_answers_that_end_early_write_nothing(tmp_path: Path) -> None:
    """The end of the input before the last question leaves no folder."""
    code, shown = asked(tmp_path, ["", ""], "--out", "made")
    assert code == 2
    assert "nothing is written" in shown
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_it_says_how_to_answer(tmp_path: Path) -> None:
    """A script is told of --answers and --questions."""
    command = [sys.executable, "-m", "armslength.cli", "new", NAME]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--questions" in done.stderr
    assert list(tmp_path.iterdir()) == []
