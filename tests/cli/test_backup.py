"""`backup` and `restore` of a folder: what is copied, what is refused, and that a damaged copy writes nothing."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from armslength.cli.__main__ import run
from armslength.store.counter import SUFFIX


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The folder of a node that never ran, with a file among its blobs."""
    folder = tmp_path / "arandia"
    assert run(["init", str(folder), "--address", "https://arandia.example"]) == 0
    (folder / "blobs").mkdir(mode=0o700)
    (folder / "blobs" / "T1.sealed").write_bytes(b"sealed" * 1000)
    (folder / ".half.tmp").write_bytes(b"half")
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_comes_back_and_is_private(tmp_path: Path, node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys, configuration and blobs; not the counter, nor what was half written. Nobody else may read any of it."""
    capsys.readouterr()
    assert run(["backup", str(tmp_path / "copy"), "--node", str(node), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["did"], told["folder"]) == ("did:web:arandia.example", str(tmp_path / "copy"))
    assert run(["restore", str(tmp_path / "copy"), "--node", str(tmp_path / "back"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == told["files"]
    kept = {name: data for name, data in _files(node).items() if not name.endswith((SUFFIX, ".tmp"))}
    assert _files(tmp_path / "back") == kept
    for folder in (tmp_path / "copy", tmp_path / "back"):
        for path in (folder, *folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_nothing_is_overwritten(tmp_path: Path, node: Path) -> None:
    """A folder that holds something is refused as a target, and so is one inside the node's."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    assert run(["backup", str(tmp_path / "taken"), "--node", str(node)]) == 2
    assert run(["backup", str(node / "copy"), "--node", str(node)]) == 2
    assert run(["backup", str(tmp_path / "copy"), "--node", str(node)]) == 0
    assert run(["restore", str(tmp_path / "copy"), "--node", str(node)]) == 2
    assert run(["restore", str(node), "--node", str(tmp_path / "back")]) == 2  # no backup
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("damage", ["changed", "missing", "more", "link", "outside", "manifest"])
def test_a_damaged_copy_is_refused(tmp_path: Path, node: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of damage is named, and no folder is made."""
    copy = tmp_path / "copy"
    assert run(["backup", str(copy), "--node", str(node)]) == 0
    blob, manifest = copy / "blobs" / "T1.sealed", copy / "manifest.json"
    match damage:
        case "changed":
            blob.write_bytes(b"scaled" * 1000)
        case "missing":
            blob.unlink()
        case "more":
            (copy / "keys" / "more.key").touch()
        case "link":
            blob.rename(tmp_path / "elsewhere")
            blob.symlink_to(tmp_path / "elsewhere")
        case "outside":
            found = json.loads(manifest.read_text())
            found["files"]["../outside"] = found["files"].pop("blobs/T1.sealed")
            manifest.write_text(json.dumps(found))
        case "manifest":
            manifest.write_text('{"format": "another"}')
    assert run(["restore", str(copy), "--node", str(tmp_path / "back")]) == 1
    told = capsys.readouterr().err
    assert "manifest" in told or "T1.sealed" in told or "more.key" in told
    assert not (tmp_path / "back").exists()
    assert not (tmp_path / "outside").exists()


def test_a_monitor_s_folder(tmp_path: Path) -> None:
    """A monitor without a node is copied alike."""
    folder = tmp_path / "m1"
    assert run(["init", str(folder), "--monitor", "--nodes", "https://arandia.example"]) == 0
    assert run(["backup", str(tmp_path / "copy"), "--node", str(folder)]) == 0
    assert run(["restore", str(tmp_path / "copy"), "--node", str(tmp_path / "back")]) == 0
    assert run(["card", "--node", str(tmp_path / "back")]) == 0
