"""Handing out sealed files: authority, ranges, slow readers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armslength.delivery.chunks import CHUNK, Ciphertext, chunk_list
from armslength.web.data import ASKED, _span
from tests.delivery.support import one_file, sealed_file, serving

GOOD = {"Authorization": "Bearer good"}


async def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of one request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=named) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_gives_file_and_list_whole(tmp_path: Path) -> None:
    """A plain GET brings every byte, with length, tag and the offer of ranges."""
    _, cipher, sealed = sealed_file(tmp_path, 200 * CHUNK)
    async with serving(one_file(cipher, sealed.cipher_root)) as base:
        status, headers, body = await ask(f"{base}/data/t1", **GOOD)
        assert (status, body) == (200, cipher.read_bytes())
        assert headers["ETag"] == f'"{sealed.cipher_root}"'
        assert headers["Content-Length"] == str(sealed.cipher_size)
        assert headers["Accept-Ranges"] == "bytes"
        status, headers, body = await ask(f"{base}/data/t1/chunks", **GOOD)
        assert (status, body) == (200, chunk_list(cipher).read_bytes())
        status, headers, body = await ask(f"{base}/data/t1", "HEAD", **GOOD)
        assert (status, headers["Content-Length"], body) == (200, str(sealed.cipher_size), b"")


@pytest.mark.parametrize("value", [None, "", "good", "Bearer", "Bearer ", "Basic good", "Bearer bad", "Bearer good x"])
async def test_refuses_without_the_token(tmp_path: Path, value: str | None) -> None:
    """No token, a wrong one, or one in another form: 401 with a challenge, and no byte of the file."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    async with serving(one_file(cipher, sealed.cipher_root)) as base:
        for path in ("/data/t1", "/data/t1/chunks"):
            status, headers, body = await ask(base + path, **({} if value is None else {"Authorization": value}))
            assert status == 401
            assert headers["WWW-Authenticate"].startswith("Bearer")
            assert len(body) < 60


async def test_a_token_opens_its_own_file_only(tmp_path: Path) -> None:
    """The same token under another id is refused."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    async with serving(one_file(cipher, sealed.cipher_root)) as base:
        assert (await ask(f"{base}/data/t2", **GOOD))[0] == 401
        assert (await ask(f"{base}/data/../t1", **GOOD))[0] == 404


async def test_says_when_the_file_is_gone(tmp_path: Path) -> None:
    """A good token for a file that was removed: 404."""
    _, cipher, sealed = sealed_file(tmp_path, 10)
    async with serving(one_file(cipher, sealed.cipher_root)) as base:
        cipher.unlink()
        assert (await ask(f"{base}/data/t1", **GOOD))[0] == 404


async def test_honours_single_ranges(tmp_path: Path) -> None:
    """Each form of range gives its bytes; one outside the file 416; If-Range with another tag the whole file."""
    _, cipher, sealed = sealed_file(tmp_path, 100 * CHUNK)
    data = cipher.read_bytes()
    size = len(data)
    async with serving(one_file(cipher, sealed.cipher_root)) as base:
        for wanted, start, stop in [
            ("bytes=0-", 0, size),
            ("bytes=5-9", 5, 10),
            ("bytes=1000000-", 1_000_000, size),
            (f"bytes=7-{size + 10}", 7, size),
            ("bytes=-3", size - 3, size),
            (f"bytes=-{size + 5}", 0, size),
        ]:
            status, headers, body = await ask(f"{base}/data/t1", Range=wanted, **GOOD)
            assert (status, headers["Content-Range"]) == (206, f"bytes {start}-{stop - 1}/{size}")
            assert body == data[start:stop]
        for wanted in (f"bytes={size}-", "bytes=-0"):
            status, headers, _ = await ask(f"{base}/data/t1", Range=wanted, **GOOD)
            assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")
        for wanted in ("bytes=1-2,5-6", "bytes=9-5", "bytes=-", "chapters=1-2", "bytes=x-"):
            assert (await ask(f"{base}/data/t1", Range=wanted, **GOOD))[0] == 200
        tag = f'"{sealed.cipher_root}"'
        assert (await ask(f"{base}/data/t1", Range="bytes=5-9", If_Range=tag, **GOOD))[0] == 206
        assert (await ask(f"{base}/data/t1", Range="bytes=5-9", If_Range='"other"', **GOOD))[0] == 200


@given(st.text(alphabet="bytes=0123456789- ,x٣", max_size=24), st.integers(0, 100))
def test_no_range_field_surprises(wanted: str, size: int) -> None:
    """Any text is the whole file, a span within it, or nothing there."""
    try:
        span = _span(wanted, size)
    except ValueError:
        return
    assert span is None or 0 <= span[0] < span[1] <= size


async def raw(base: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has asked for the file and reads nothing by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rsplit(":", 1)[1]), limit=1024)
    writer.write(b"GET /data/t1 HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer good\r\n\r\n")
    await writer.drain()
    await reader.readexactly(20)
    return reader, writer


def open_files(path: Path) -> int:
    """How many descriptors of this process are on `path`."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}") == str(path)
        except FileNotFoundError:
            continue
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks at open descriptors")
@pytest.mark.parametrize("how", ["leaves", "stalls"])
async def test_closes_the_file_when_a_reader_leaves_or_stalls(tmp_path: Path, how: str) -> None:
    """Neither a reader that has gone nor one that stopped reading keeps the file open; others are served meanwhile."""
    _, cipher, sealed = sealed_file(tmp_path, 3000 * CHUNK)
    async with serving(one_file(cipher, sealed.cipher_root), stall=0.2 if how == "stalls" else 60) as base:
        _, writer = await raw(base)
        assert open_files(cipher) == 1
        assert len((await ask(f"{base}/data/t1", **GOOD))[2]) == sealed.cipher_size
        if how == "leaves":
            writer.transport.abort()
        async with asyncio.timeout(10):
            while open_files(cipher):
                await asyncio.sleep(0.01)
        writer.transport.abort()


async def test_a_file_that_shrinks_breaks_the_answer_off(tmp_path: Path) -> None:
    """A body shorter than promised ends the connection and is never taken for the whole."""
    _, cipher, sealed = sealed_file(tmp_path, 3000 * CHUNK)
    async with (
        serving(one_file(cipher, sealed.cipher_root)) as base,
        aiohttp.ClientSession() as session,
        session.get(f"{base}/data/t1", headers=GOOD) as answer,
    ):
        os.truncate(cipher, 5000)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.parametrize("path", ["/data/t1", "/data/t1/chunks"])
@pytest.mark.parametrize("how", ["none", "another", "error"])
async def test_bytes_stop_when_the_token_dies(tmp_path: Path, how: str, path: str) -> None:
    """In the middle of a body to a slow reader, the connection is cut within two seconds of the token's end: what
    waits in the server is dropped, not sent at the reader's pace (rule 6.6c)."""
    _, cipher, sealed = sealed_file(tmp_path, 2000 * CHUNK)
    with chunk_list(cipher).open("r+b") as listing:
        listing.truncate(40_000_000)  # far more than sockets take
    alive = True

    async def authorise(_: str, __: str) -> Ciphertext | None:
        if alive:
            return Ciphertext(cipher, sealed.cipher_root)
        if how == "error":
            raise OSError("the disk")
        return None if how == "none" else Ciphertext(cipher, "0" * 64)

    async with serving(authorise) as base:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", int(base.rsplit(":", 1)[1])))
        await loop.sock_sendall(sock, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n\r\n".encode())
        assert (await loop.sock_recv(sock, 4096)).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(3 * ASKED)  # it goes on for as long as the token lives
        assert await loop.sock_recv(sock, 4096)
        alive = False
        died, after = loop.time(), 0
        with contextlib.suppress(ConnectionError):
            while data := await asyncio.wait_for(loop.sock_recv(sock, 4096), 5):
                after += len(data)
                await asyncio.sleep(0.02)
        sock.close()
        assert loop.time() - died < 2
        assert after < 300_000
