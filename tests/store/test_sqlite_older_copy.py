"""A database that is an older copy of what there had been, one that is gone, and one with a page not as written."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from random import Random

import pytest

from armslength.errors import Misuse
from armslength.ports import Batch, Put
from armslength.store import counter
from armslength.store.sqlite import SqliteStore

ME = "did:web:localhost%3A7001"
PAGE = 4096


def _place(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "node.db"
    counter.begin(path)
    return path


async def _write(store: SqliteStore, start: int, count: int, size: int = 100) -> None:
    for number in range(start, start + count):
        assert await store.commit(Batch(puts=[Put("note", f"{number:05}", 0, b"%05d" % number * (size // 5))]))


def _copy(source: Path, target: Path) -> Path:
    """What lies beside a database too, times and modes included."""
    target.mkdir()
    for each in source.parent.iterdir():
        shutil.copy2(each, target / each.name)
    return target / source.name


async def _generation(path: Path) -> int:
    store = SqliteStore.open(path, ME)
    await store.close()
    return store.generation


async def test_the_latest_is_known_as_such(tmp_path: Path) -> None:
    """However a life ends, the next one that finds what it left goes on."""
    path = _place(tmp_path / "node")
    for life in range(3):
        store = SqliteStore.open(path, ME)
        assert store.generation == 0
        await _write(store, life * 10, 10)
        await store.close()
    store = SqliteStore.open(path, ME)  # and is killed: nothing is closed in order
    await _write(store, 30, 5)
    moved = tmp_path / "moved"
    (tmp_path / "node").rename(moved)
    store._lock.close()
    assert await _generation(moved / path.name) == 0


async def test_an_older_database_beside_its_counter(tmp_path: Path) -> None:
    """The database alone is put back, as it was one transaction ago (rule 11.4a)."""
    path = _place(tmp_path / "node")
    store = SqliteStore.open(path, ME)
    await _write(store, 0, 3)
    await store.close()
    older = path.read_bytes()
    store = SqliteStore.open(path, ME)
    await _write(store, 3, 1)
    await store.close()
    path.write_bytes(older)
    assert await _generation(path) == 1
    assert await _generation(path) == 1  # noted once, for good
    path.write_bytes(older)  # the same again: what was said since counts too
    assert await _generation(path) == 1


@pytest.mark.parametrize("lost", ["-wal", "truncated"])
async def test_a_lost_log(tmp_path: Path, lost: str) -> None:
    """The log with the last transactions is gone, or cut short."""
    path = _place(tmp_path / "node")
    store = SqliteStore.open(path, ME)
    await _write(store, 0, 20)
    kept = _copy(path, tmp_path / "killed")
    await store.close()
    log = kept.with_name(kept.name + "-wal")
    assert log.stat().st_size > 10 * PAGE
    for each in tmp_path.joinpath("killed").iterdir():  # the counter as it was: only the log has suffered
        if each.suffix == counter.SUFFIX:
            number = counter.last(kept)
            each.unlink()
            mine = counter.Counter(kept)
            mine.write(number)
            mine.close()
    if lost == "truncated":
        os.truncate(log, log.stat().st_size // 2)
    else:
        log.unlink()
    assert await _generation(kept) == 1


@pytest.mark.slow("a copy is told by its times only once two seconds of the system's clock lie between")
async def test_a_copied_folder(tmp_path: Path) -> None:
    """The whole folder is put back, counter and times included: the system knows that somebody has written it."""
    path = _place(tmp_path / "node")
    store = SqliteStore.open(path, ME)
    await _write(store, 0, 3)
    await store.close()
    copied = _copy(path, tmp_path / "copy")
    old = (tmp_path / "copy" / "node.count").stat()
    await asyncio.sleep(2.1)
    shutil.rmtree(tmp_path / "node")
    back = _copy(copied, tmp_path / "node")
    assert (tmp_path / "node" / "node.count").stat().st_mtime_ns == old.st_mtime_ns
    assert await _generation(back) == 1


async def test_without_a_counter(tmp_path: Path) -> None:
    """A node's database without its counter may be any; a new one without it too, unless the identity is new."""
    path = _place(tmp_path / "node")
    store = SqliteStore.open(path, ME)
    await _write(store, 0, 3)
    await store.close()
    path.with_suffix(counter.SUFFIX).unlink()
    assert await _generation(path) == 1
    assert await _generation(tmp_path / "other.db") == 1


async def test_a_database_that_is_gone(tmp_path: Path) -> None:
    """An empty one does not take its place."""
    path = _place(tmp_path / "node")
    store = SqliteStore.open(path, ME)
    await _write(store, 0, 3)
    await store.close()
    for empty in (False, True):
        path.unlink()
        if empty:
            path.touch()
        with pytest.raises(Misuse, match="restore") as refused:
            SqliteStore.open(path, ME)
        assert refused.value.code == "store-missing"
        path.touch()


async def test_a_database_of_another_node(tmp_path: Path) -> None:
    """It is named, and not opened."""
    path = _place(tmp_path / "node")
    await SqliteStore.open(path, ME).close()
    with pytest.raises(Misuse, match=ME) as refused:
        SqliteStore.open(path, "did:web:other.example")
    assert refused.value.code == "store-of-another"


async def _refusal(path: Path) -> str | None:
    try:
        await SqliteStore.open(path, ME).close()
    except Misuse as error:
        return str(error)
    return None


async def test_every_corrupted_page_is_found(tmp_path: Path) -> None:
    """One page of zeros, of noise, or with one bit turned: the database is not opened, and the page is named."""
    path, random = _place(tmp_path / "node"), Random(7)
    store = SqliteStore.open(path, ME)
    await _write(store, 0, 40, 9000)
    await store.commit(Batch(deletes=[("note", "00003"), ("note", "00021")]))
    await store.close()
    whole = path.read_bytes()
    assert await _generation(path) == 0  # freed pages are no corruption
    whole = path.read_bytes()
    missed = []
    for number in range(len(whole) // PAGE):
        spoilt = bytearray(whole)
        start = number * PAGE
        match number % 3:
            case 0:
                spoilt[start : start + PAGE] = bytes(PAGE)
            case 1:
                spoilt[start : start + PAGE] = random.randbytes(PAGE)
            case _:
                spoilt[start + random.randrange(PAGE)] ^= 1
        path.write_bytes(spoilt)
        said = await _refusal(path)
        if said is None:
            missed.append(number + 1)
        elif number > 0:
            assert "corrupted: " in said, said
            assert f"page {number + 1} " in said or "Tree" in said, said
    path.write_bytes(whole)
    free = 2 * 3  # pages of two deleted documents: nobody reads them
    assert len(missed) <= free, missed
    assert await _generation(path) == 0
