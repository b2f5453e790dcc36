"""Fetching a sealed file from senders that break off, lie or die."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.delivery.chunks import CHUNK, HEADER, SEALED_CHUNK, chunk_list
from armslength.delivery.download import download
from armslength.errors import ArmslengthError, NotFound, Refused, Unauthorised, Unavailable, Unverified
from armslength.net.client import Client
from armslength.net.ways import DEVELOPMENT

from .support import SealedFile, Sender, commit_of, one_file, sealed_file, serving

NOW = (0.0, 0.0, 0.0)
URL = "http://sender.example/data/t1"


async def fetch(sender: Sender, target: Path, sealed: SealedFile, **how: object) -> None:
    """Download without waiting between attempts."""
    await download(sender, URL, "good", target, commit_of(sealed), **{"pauses": NOW, **how})  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 64 * CHUNK, 130 * CHUNK + 3])
async def test_brings_file_and_list(tmp_path: Path, size: int) -> None:
    """What arrives is the sealed file and its chunk list, byte for byte, and nothing else is left."""
    _, cipher, sealed = sealed_file(tmp_path, size)
    (tmp_path / "in").mkdir()
    target = tmp_path / "in" / "cipher"
    seen: list[tuple[int, int]] = []
    await fetch(Sender.of(cipher), target, sealed, progress=lambda done, size: seen.append((done, size)))
    assert target.read_bytes() == cipher.read_bytes()
    assert chunk_list(target).read_bytes() == chunk_list(cipher).read_bytes()
    assert len(list(target.parent.iterdir())) == 2
    assert seen == sorted(seen)
    assert seen[-1] == (sealed.cipher_size, sealed.cipher_size)


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(0, 9 * CHUNK),
    cuts=st.lists(st.integers(0, 4 * SEALED_CHUNK), max_size=3),
    block=st.integers(1000, 100_000),
    whole=st.booleans(),
)
async def test_resumes_wherever_it_was_broken_off(size: int, cuts: list[int], block: int, whole: bool) -> None:
    """However often and wherever answers break off, and whether or not the sender knows ranges, the file is whole."""
    with tempfile.TemporaryDirectory() as name:
        _, cipher, sealed = sealed_file(Path(name), size)
        sender = Sender.of(cipher, cuts=cuts, block=block, whole=whole)
        await fetch(sender, Path(name) / "target", sealed)
        assert (Path(name) / "target").read_bytes() == cipher.read_bytes()


async def test_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    """A later call takes up at the first chunk not verified, and asks for nothing that is here, the list included."""
    _, cipher, sealed = sealed_file(tmp_path, 100 * CHUNK)
    sender = Sender.of(cipher, cuts=[HEADER + 70 * SEALED_CHUNK + 5])
    with pytest.raises(Unavailable):
        await fetch(sender, tmp_path / "target", sealed, pauses=())
    sender.asked.clear()
    sender.given = 0
    await fetch(sender, tmp_path / "target", sealed)
    assert sender.asked == [(URL, f"bytes={HEADER + 70 * SEALED_CHUNK}-")]
    assert sender.given == sealed.cipher_size - HEADER - 70 * SEALED_CHUNK


@pytest.mark.parametrize("left", ["flipped", "longer", "garbage", "complete", "empty"])
async def test_checks_again_what_an_earlier_attempt_left(tmp_path: Path, left: str) -> None:
    """Nothing on disk is believed: the true prefix is kept, the rest fetched again."""
    _, cipher, sealed = sealed_file(tmp_path, 6 * CHUNK)
    data = bytearray(cipher.read_bytes())
    if left == "flipped":
        data[HEADER + 3 * SEALED_CHUNK + 9] ^= 1
    elif left == "longer":
        data += b"more"
    elif left == "garbage":
        data = bytearray(random.Random(2).randbytes(5 * CHUNK))
    elif left == "empty":
        data.clear()
    (tmp_path / "target.part").write_bytes(data)
    sender = Sender.of(cipher)
    await fetch(sender, tmp_path / "target", sealed)
    assert (tmp_path / "target").read_bytes() == cipher.read_bytes()
    wanted = {"flipped": [f"bytes={HEADER + 3 * SEALED_CHUNK}-"], "longer": [], "complete": []}.get(left, [None])
    assert [span for url, span in sender.asked if url == URL] == wanted


async def test_a_file_that_is_here_costs_nothing(tmp_path: Path) -> None:
    """Asked again for what it has, a node checks it and asks nobody; if it was altered, the rest is fetched again."""
    _, cipher, sealed = sealed_file(tmp_path, 6 * CHUNK)
    sender = Sender.of(cipher)
    await fetch(sender, tmp_path / "target", sealed)
    sender.asked.clear()
    await fetch(sender, tmp_path / "target", sealed)
    assert sender.asked == []
    (tmp_path / "target").write_bytes(cipher.read_bytes()[:-1])
    await fetch(sender, tmp_path / "target", sealed)
    assert (tmp_path / "target").read_bytes() == cipher.read_bytes()
    assert len(sender.asked) == 1


async def test_gives_up_at_a_wrong_chunk_and_names_it(tmp_path: Path) -> None:
    """An altered byte is refused with the number of its chunk, without another try; what came before it stays."""
    _, cipher, sealed = sealed_file(tmp_path, 90 * CHUNK)
    sender = Sender.of(cipher)
    good = sender.data
    spoilt = bytearray(good)
    spoilt[HEADER + 77 * SEALED_CHUNK] ^= 1
    sender.data = bytes(spoilt)
    with pytest.raises(Unverified, match="chunk 77 of 91") as caught:
        await fetch(sender, tmp_path / "target", sealed)
    assert caught.value.code == "chunk"
    assert len(sender.asked) == 2
    assert not (tmp_path / "target").exists()
    assert (tmp_path / "target.part").read_bytes() == good[: HEADER + 77 * SEALED_CHUNK]
    sender.data = good
    await fetch(sender, tmp_path / "target", sealed)
    assert (tmp_path / "target").read_bytes() == good


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 4 * CHUNK), data=st.data())
async def test_never_accepts_a_flipped_bit(size: int, data: st.DataObject) -> None:
    """No bit of what is sent, list included, can be changed unnoticed."""
    with tempfile.TemporaryDirectory() as name:
        _, cipher, sealed = sealed_file(Path(name), size)
        sender = Sender.of(cipher)
        part = data.draw(st.sampled_from(["data", "listing"]))
        spoilt = bytearray(getattr(sender, part))
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        setattr(sender, part, bytes(spoilt))
        with pytest.raises(Unverified):
            await fetch(sender, Path(name) / "target", sealed)
        assert not (Path(name) / "target").exists()


@pytest.mark.parametrize(
    ("how", "kind", "code"),
    [
        ("swapped chunks", Unverified, "chunk"),
        ("another header", Unverified, "header"),
        ("another file", Unverified, "chunk-list"),
        ("a longer list", Unverified, "chunk-list"),
        ("a shorter list", Unavailable, "interrupted"),
        ("a shorter file", Unavailable, "interrupted"),
    ],
)
async def test_refuses_what_was_not_committed(tmp_path: Path, how: str, kind: type[ArmslengthError], code: str) -> None:
    """Every way to send something else ends with its own reason and no file."""
    _, cipher, sealed = sealed_file(tmp_path, 5 * CHUNK)
    sender = Sender.of(cipher)
    data, first = sender.data, HEADER + SEALED_CHUNK
    if how == "swapped chunks":
        sender.data = data[:HEADER] + data[first : first + SEALED_CHUNK] + data[HEADER:first] + data[first + 16400 :]
    elif how == "another header":
        sender.data = bytes(HEADER) + data[HEADER:]
    elif how == "another file":
        (tmp_path / "there").mkdir()
        sender = Sender.of(sealed_file(tmp_path / "there", 5 * CHUNK)[1])
    elif how == "a longer list":
        sender.listing += bytes(32)
    elif how == "a shorter list":
        sender.listing = sender.listing[:-32]
    else:
        sender.data = data[:-1]
    with pytest.raises(kind) as caught:
        await fetch(sender, tmp_path / "target", sealed)
    assert caught.value.code == code
    assert not (tmp_path / "target").exists()


async def test_stops_reading_at_the_committed_end(tmp_path: Path) -> None:
    """A sender that never ends costs no more than the file it promised."""
    _, cipher, sealed = sealed_file(tmp_path, 10 * CHUNK)
    sender = Sender.of(cipher)
    sender.data += bytes(5_000_000)
    await fetch(sender, tmp_path / "target", sealed)
    assert (tmp_path / "target").read_bytes() == cipher.read_bytes()
    assert sender.given < sealed.cipher_size + len(sender.listing) + 2 * sender.block


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorised), (403, Unauthorised), (404, NotFound), (410, NotFound), (302, Refused)]
)
async def test_gives_up_when_the_address_has_died(tmp_path: Path, status: int, kind: type[ArmslengthError]) -> None:
    """A dead token or address is said at once; a new address may come with the next transfer start."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    sender = Sender.of(cipher, statuses=[status])
    with pytest.raises(kind, match=str(status)):
        await fetch(sender, tmp_path / "target", sealed)
    assert len(sender.asked) == 1


async def test_tries_again_when_the_sender_is_busy(tmp_path: Path) -> None:
    """Passing faults are worth another attempt, up to the last pause and no further."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    await fetch(Sender.of(cipher, statuses=[503, 429, 500]), tmp_path / "target", sealed)
    sender = Sender.of(cipher, statuses=[503] * 9)
    with pytest.raises(Unavailable, match="4 attempts"):
        await fetch(sender, tmp_path / "other", sealed)
    assert len(sender.asked) == 4


async def test_progress_earns_new_attempts(tmp_path: Path) -> None:
    """A line that breaks after every few chunks still brings the whole file."""
    _, cipher, sealed = sealed_file(tmp_path, 30 * CHUNK)
    sender = Sender.of(cipher, cuts=[2 * SEALED_CHUNK] * 40)
    await fetch(sender, tmp_path / "target", sealed, pauses=(0.0,))
    assert (tmp_path / "target").read_bytes() == cipher.read_bytes()


async def test_leaves_a_sender_that_falls_silent(tmp_path: Path) -> None:
    """Silence is an interruption; what had arrived counts."""
    _, cipher, sealed = sealed_file(tmp_path, 10 * CHUNK)
    sender = Sender.of(cipher, cuts=[4 * SEALED_CHUNK] * 9, hang=True)
    await fetch(sender, tmp_path / "target", sealed, stall=0.02)
    assert (tmp_path / "target").read_bytes() == cipher.read_bytes()
    assert len(sender.asked) > 3


async def test_refuses_a_range_it_did_not_ask_for(tmp_path: Path) -> None:
    """An answer for other bytes is not spliced in."""
    _, cipher, sealed = sealed_file(tmp_path, 5 * CHUNK)
    sender = Sender.of(cipher, cuts=[2 * SEALED_CHUNK], statuses=[])

    class Liar(Sender):
        def stream(self, url, headers):  # type: ignore[no-untyped-def]
            if "Range" in headers:
                headers = {**headers, "Range": "bytes=77-"}
            return super().stream(url, headers)

    liar = Liar(sender.data, sender.listing, cuts=[2 * SEALED_CHUNK])
    with pytest.raises(Refused, match="bytes 77-"):
        await fetch(liar, tmp_path / "target", sealed)


async def test_cancelling_keeps_what_was_verified(tmp_path: Path) -> None:
    """A node that shuts down in the middle of a download goes on from there."""
    _, cipher, sealed = sealed_file(tmp_path, 200 * CHUNK)
    sender = Sender.of(cipher, cuts=[150 * SEALED_CHUNK], hang=True)
    moved = asyncio.Event()
    running = asyncio.create_task(fetch(sender, tmp_path / "target", sealed, progress=lambda done, size: moved.set()))
    await moved.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "target.part").stat().st_size >= HEADER + 60 * SEALED_CHUNK
    await fetch(Sender.of(cipher), tmp_path / "target", sealed)
    assert (tmp_path / "target").read_bytes() == cipher.read_bytes()


async def test_works_over_real_http(tmp_path: Path) -> None:
    """The same between our own server and an the node's client, resumed through a real Range answer."""
    _, cipher, sealed = sealed_file(tmp_path, 200 * CHUNK + 11)
    (tmp_path / "target.part").write_bytes(cipher.read_bytes()[: 50 * SEALED_CHUNK])
    async with serving(one_file(cipher, sealed.cipher_root)) as base, Client(DEVELOPMENT) as fetcher:
        await download(fetcher, f"{base}/data/t1", "good", tmp_path / "target", commit_of(sealed))
        with pytest.raises(Unauthorised):
            await download(fetcher, f"{base}/data/t1", "bad", tmp_path / "other", commit_of(sealed))
    assert (tmp_path / "target").read_bytes() == cipher.read_bytes()
    async with Client(DEVELOPMENT) as fetcher:
        with pytest.raises(Unavailable):
            await download(fetcher, base, "good", tmp_path / "other", commit_of(sealed), pauses=NOW)
