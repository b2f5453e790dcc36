"""A disk that is full, or almost: at the start and while a node writes. Nothing that was acknowledged is lost, and
nobody is told that the database is corrupted."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from armslength.errors import Misuse, Unavailable
from armslength.ports import Batch, Put
from armslength.store.sqlite import SqliteStore

OWNER = "did:web:localhost%3A8801"
KIB = 1024


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("takes the right to mount a small disk")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


def _fill(disk: Path, left: int) -> Path:
    """Leave so many bytes on the disk; the file that takes the others."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(KIB))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - left))
    return filler


async def _opened(path: Path) -> str:
    """Open and close it; the code of what is in the way."""
    try:
        await SqliteStore.open(path, OWNER).close()
    except Misuse as error:
        return error.code
    return ""


async def _written(path: Path, number: int, size: int = 100) -> int:
    """Write documents until the disk is full, or so many; how many were acknowledged."""
    store = SqliteStore.open(path, OWNER)
    try:
        for each in range(number):
            try:
                assert await store.commit(Batch(puts=[Put("doc", f"{each:05}", None, bytes(size))]))
            except Unavailable as error:
                return each if error.code == "store-failed" else -1
        return number
    finally:
        await store.close()


@pytest.mark.parametrize("left", [0, 4, 8, 12, 16, 24, 32, 48, 64])
async def test_a_node_starts_or_says_that_its_disk_is_full(disk: Path, left: int) -> None:
    """Whatever little is left: with a database of before and without one; with room again everything is there."""
    old, new = disk / "old.db", disk / "new.db"
    assert await _written(old, 5) == 5
    filler = _fill(disk, left * KIB)
    assert {await _opened(path) for path in (old, new)} <= {"", "disk-full"}
    filler.unlink()
    store = SqliteStore.open(old, OWNER)
    assert len(await store.find("doc")) == 5
    await store.close()
    assert await _written(new, 5) == 5


async def test_what_was_acknowledged_before_the_disk_was_full_is_there(disk: Path) -> None:
    """A write that finds no room says so, and those after it; the node comes up again once there is some."""
    path, filler = disk / "node.db", disk / "filler"
    filler.write_bytes(bytes(KIB * KIB))
    count = await _written(path, 10_000, 2000)
    assert 0 < count < 10_000
    filler.unlink()
    store = SqliteStore.open(path, OWNER)
    assert len(await store.find("doc")) >= count
    assert await store.commit(Batch(puts=[Put("doc", "more", None, b"")]))
    await store.close()
