"""Keys live in files that nobody else can read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from armslength.core.record.keys import verify
from armslength.errors import ArmslengthError, Misuse
from armslength.identity.keys import ROLES, KeyRing, PrivateKey


def test_created_keys_are_loaded_again(tmp_path: Path) -> None:
    """A ring on disk is the ring that was made: one key for each role, each its own."""
    made = KeyRing.create(tmp_path / "keys")
    loaded = KeyRing.load(tmp_path / "keys")
    assert loaded.roles == ROLES
    assert loaded.public() == made.public()
    assert len(set(made.public().values())) == len(ROLES)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """The folder is 0700 and each file 0600."""
    KeyRing.create(tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o700])
def test_loose_files_are_refused(tmp_path: Path, mode: int) -> None:
    """A key file with any further permission is not loaded."""
    KeyRing.create(tmp_path / "keys")
    (tmp_path / "keys" / "entries.key").chmod(mode)
    with pytest.raises(Misuse) as caught:
        KeyRing.load(tmp_path / "keys")
    assert caught.value.code == "loose-permissions"


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_a_loose_folder_is_refused(tmp_path: Path, mode: int) -> None:
    """Keys in a folder that others can enter are neither loaded nor made."""
    KeyRing.create(tmp_path / "keys")
    (tmp_path / "keys").chmod(mode)
    with pytest.raises(Misuse):
        KeyRing.load(tmp_path / "keys")
    with pytest.raises(Misuse):
        KeyRing.create(tmp_path / "keys")


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    """Where one key is there already, none is made."""
    KeyRing.create(tmp_path / "keys", ["tokens"])
    before = (tmp_path / "keys" / "tokens.key").read_bytes()
    with pytest.raises(Misuse):
        KeyRing.create(tmp_path / "keys")
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["tokens.key"]
    assert (tmp_path / "keys" / "tokens.key").read_bytes() == before


def test_a_monitor_has_one_key(tmp_path: Path) -> None:
    """A ring may hold fewer roles; asking for another says so."""
    ring = KeyRing.create(tmp_path / "keys", ["entries"])
    assert KeyRing.load(tmp_path / "keys").roles == ("entries",)
    with pytest.raises(Misuse):
        ring["tokens"]


@pytest.mark.parametrize("text", ["", "AAAA\n", "not base64 at all, whatever it is...........=\n", "AAAA" * 100, "é"])
def test_what_is_no_key_file_is_refused(tmp_path: Path, text: str) -> None:
    """A file that does not hold 32 bytes in base64 is no key."""
    KeyRing.create(tmp_path / "keys")
    (tmp_path / "keys" / "entries.key").write_text(text)
    with pytest.raises(ArmslengthError):
        KeyRing.load(tmp_path / "keys")


def test_no_folder_and_no_keys(tmp_path: Path) -> None:
    """A missing folder and an empty one are told apart from a ring."""
    (tmp_path / "empty").mkdir(mode=0o700)
    for folder in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(Misuse) as caught:
            KeyRing.load(folder)
        assert caught.value.code == "no-keys"


def test_a_key_signs_and_does_not_show_itself() -> None:
    """Its signature verifies; its text form shows the public half only."""
    seed = bytes(range(32))
    key = PrivateKey(seed)
    assert verify(key.public, b"said", key.sign(b"said"))
    assert not verify(key.public, b"other", key.sign(b"said"))
    for shown in (repr(key), str(key), repr(KeyRing({"tokens": key}))):
        assert seed.hex() not in shown
        assert key._secret.hex() not in shown
