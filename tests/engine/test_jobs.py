"""Sealing as a job: who joins it, what ends it, what is left of it, and how long a file can be exchanged."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Commit
from armslength.delivery import sealing
from armslength.engine.contents import Contents, Publication
from armslength.engine.publishing import LEFTOVER, Publisher, PublishRequest
from armslength.engine.troubles import Troubles
from armslength.errors import Misuse, NotFound, Stuck
from armslength.store.memory import MemoryStore
from tests.golden.terms import golden_terms

TERMS = golden_terms()
NAME = "ab" * 32


class Place:
    """A provider's node, as far as publishing goes."""

    def __init__(self, folder: Path, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.blobs = folder / "blobs"
        self.blobs.mkdir(exist_ok=True)
        self.written: list[Any] = []
        self.commit: object = None
        self.troubles = Troubles()
        repository: Any = SimpleNamespace(schedule=SimpleNamespace(call=lambda _: None), troubles=self.troubles)
        self.contents = Contents(self.store, self.blobs)
        self.publisher = Publisher(repository, self.contents)
        tranches = {name: SimpleNamespace(stage="LOCKED", commit=None) for name in TERMS.tranches}
        self.live: Any = SimpleNamespace(
            arrangement=NAME,
            terms=TERMS,
            writing=asyncio.Lock(),
            journal=SimpleNamespace(pending=self._pending),
            record=SimpleNamespace(
                me=SimpleNamespace(actor="A"), view=SimpleNamespace(state=SimpleNamespace(tranches=tranches))
            ),
        )

    async def _pending(self) -> list[Any]:
        return self.written

    def publish(self, file: Path, media_type: str = "text/markdown", after: int = 0) -> Any:
        return self.publisher.publish(self.live, "T2", PublishRequest(file, media_type, after))

    def files(self) -> set[str]:
        return {path.name.split(".", 2)[2].split(".", 1)[1] for path in self.blobs.iterdir()}


class Slow:
    """A sealing that stops at its first word, until told to go on."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.count = 0
        self._true = sealing.seal

    def __call__(self, *args: Any, tell: Callable[[int], None], **more: Any) -> sealing.SealedFile:
        self.count += 1

        def told(done: int) -> None:
            tell(done)
            self.begun.set()
            while not self.go.wait(0.01):
                tell(done)

        return self._true(*args, tell=told, **more)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to publish."""
    path = tmp_path / "file.md"
    path.write_bytes(os.urandom(100_000))
    return path


async def _begun(slow: Slow) -> None:
    assert await asyncio.to_thread(slow.begun.wait, 10)


async def test_asking_twice_joins_and_something_else_is_refused(tmp_path: Path, file: Path) -> None:
    """The same wish joins the job that runs; another file, type or embargo is refused, and the running one named.
    Once it is done, the same file is not sealed again, and how far it is can be asked at any time."""
    place, slow = Place(tmp_path), Slow()
    with pytest.raises(NotFound):
        place.publisher.job(NAME, "T2")
    with patch.object(sealing, "seal", slow):
        first = place.publish(file)
        await _begun(slow)
        assert place.publish(file) is first is place.publisher.job(NAME, "T2")
        assert place.publisher.is_busy(NAME)
        assert place.publisher.running(NAME) == {"T2": (100_000, 100_000)}
        assert not await first.wait(0.01)
        for other in ((tmp_path / "other", "text/markdown", 0), (file, "text/csv", 0), (file, "text/markdown", 9)):
            with pytest.raises(Misuse, match=r"file\.md"):
                place.publish(*other)
        slow.go.set()
        done = await first.result()
        again = await place.publish(file, after=7).result()
    assert slow.count == 1
    assert (again.cipher_root, again.release_after) == (done.cipher_root, 7)
    assert place.files() == {"sealed", "sealed.chunks"}
    assert await place.store.find(LEFTOVER) == []


async def test_a_file_is_exchanged_until_the_commit_is_written(tmp_path: Path, file: Path) -> None:
    """Another file takes the place of the first, whose ciphertext goes; once our `commit` is written, also while the
    other is being sealed, it is refused with the reason and nothing of it is left."""
    place, other = Place(tmp_path), tmp_path / "other.md"
    other.write_bytes(b"right")
    wrong = await place.publish(file).result()
    right = await place.publish(other).result()
    assert right.size == 5
    assert not place.contents.file(wrong.path).exists()
    assert await place.contents.publication(place.live, "T2") == right
    slow, before = Slow(), sorted(place.blobs.iterdir())
    with patch.object(sealing, "seal", slow):
        third = place.publish(file)
        await _begun(slow)
        place.written.append(SimpleNamespace(entry=SimpleNamespace(body=_commit(right))))
        slow.go.set()
        with pytest.raises(Misuse, match="committed to already"):
            await third.result()
    assert await place.contents.publication(place.live, "T2") == right
    assert sorted(place.blobs.iterdir()) == before
    with pytest.raises(Misuse, match="committed to already"):
        await place.publish(file).result()
    assert (await place.publish(other, after=3).result()).release_after == 3


def _commit(made: Publication) -> Commit:
    names = ("media_type", "size", "plain_root", "cipher_size", "cipher_root", "header")
    return Commit(tranche="T2", agreement="urn:uuid:1", **{name: getattr(made, name) for name in names})


async def test_a_restart_in_the_middle_leaves_nothing(tmp_path: Path, file: Path) -> None:
    """A node that stops breaks the work off at once and leaves no file; what a killed one leaves is swept away at the
    next start, with nothing that a publication names. Asked again, it begins anew."""
    place, slow = Place(tmp_path), Slow()
    kept = await place.publish(tmp_path / "file.md").result()
    file.write_bytes(b"changed")
    with patch.object(sealing, "seal", slow):
        job = place.publish(file)
        await _begun(slow)
        assert "sealed.tmp" in place.files()
        left = {path: path.read_bytes() for path in place.blobs.iterdir()}
        rows = [row.key for row in await place.store.find(LEFTOVER)]
        await place.publisher.stop()
        with pytest.raises(Stuck, match="node was stopped"):
            await job.result()
    assert place.files() == {"sealed", "sealed.chunks"}
    for path, data in left.items():  # as a kill leaves it
        path.write_bytes(data)
    later = Place(tmp_path, place.store)
    assert rows
    await later.publisher.sweep()
    assert later.files() == {"sealed", "sealed.chunks"}
    assert later.contents.file(kept.path).exists()
    assert await later.store.find(LEFTOVER) == []
    with pytest.raises(NotFound):
        later.publisher.job(NAME, "T2")
    assert (await later.publish(file).result()).size == 7


@pytest.mark.parametrize("how", ["rewritten", "grown", "replaced", "gone"])
async def test_a_file_that_changes_while_it_is_sealed(tmp_path: Path, file: Path, how: str) -> None:
    """It is refused, and nothing is left: what was asked for is what is sealed."""
    place, slow = Place(tmp_path), Slow()
    with patch.object(sealing, "seal", slow):
        job = place.publish(file)
        await _begun(slow)
        if how == "rewritten":
            file.write_bytes(bytes(100_000))
        elif how == "grown":
            with file.open("ab") as more:
                more.write(bytes(3_000_000))
        else:
            file.unlink()
            if how == "replaced":
                file.write_bytes(bytes(100_000))
        slow.go.set()
        with pytest.raises(Misuse) as caught:
            await job.result()
    assert caught.value.code == ("no-file" if how == "gone" else "changed")
    assert list(place.blobs.iterdir()) == []
    assert await place.contents.publication(place.live, "T2") is None
    assert [each.what for each in place.troubles.listed()] == ["the sealing of T2"]
    file.write_bytes(b"at rest")
    await place.publish(file).result()
    assert place.troubles.listed() == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "loop", "nothing"])
async def test_what_is_no_file_is_not_sealed(tmp_path: Path, kind: str) -> None:
    """A folder, a pipe, a device, a link to itself or nothing at all: refused at once, nothing is waited for."""
    place, path = Place(tmp_path), tmp_path / "odd"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    with pytest.raises(Misuse):
        await asyncio.wait_for(place.publish(path).result(), 5)
    assert list(place.blobs.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
async def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, file: Path, code: int) -> None:
    """The disk fails in the middle: it is said, and so in `status`; nothing is left, and it goes well later."""
    place, true = Place(tmp_path), sealing.seal

    def full(*args: Any, tell: Callable[[int], None], **more: Any) -> sealing.SealedFile:
        def told(done: int) -> None:
            tell(done)
            raise OSError(code, os.strerror(code))

        return true(*args, tell=told, **more)

    with patch.object(sealing, "seal", full), pytest.raises(Misuse if code == errno.EIO else Stuck) as caught:
        await place.publish(file).result()
    assert caught.value.exit_code == 2
    assert list(place.blobs.iterdir()) == []
    assert [each.what for each in place.troubles.listed()] == ["the sealing of T2"]
    assert (await place.publish(file).result()).size == 100_000
