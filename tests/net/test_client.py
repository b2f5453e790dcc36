"""Outgoing HTTP is bounded, and goes only where it may."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from armslength.errors import Refused, Unavailable
from armslength.net.addresses import Reach, checked_socket
from armslength.net.client import Client
from armslength.net.ways import DEVELOPMENT

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Names(AbstractResolver):
    """Resolves every name to the given addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        return None


@asynccontextmanager
async def answering(answer: bytes, *, then_wait: bool = False) -> AsyncIterator[str]:
    """A server that answers everything with these bytes; yields its address."""
    stop = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if then_wait:
                await stop.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        stop.set()
        server.close()
        await server.wait_closed()


def reply(body: bytes, head: str = "HTTP/1.1 200 OK") -> bytes:
    return f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


FORBIDDEN = [
    "127.0.0.1",
    "127.8.9.10",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "127.1",
    "2130706433",
    "0x7f000001",
    "localhost",
    "",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_private_addresses_are_forbidden(address: str) -> None:
    """No spelling of an address that is not public may be connected to (rule 8.4b)."""
    assert not Reach().allows(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_allowed_but_in_development(address: str) -> None:
    """Public addresses are allowed, and forbidden in development, where only loopback is."""
    assert Reach().allows(address)
    assert not Reach(development=True).allows(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_for_development(address: str) -> None:
    """Loopback may be connected to under the development switch."""
    assert Reach(development=True).allows(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "https://user@example.org/",
        "https://user:secret@example.org/",
        "https://example.org:99999/",
        "https://[::1]/",
        "https://[::ffff:7f00:1]/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://127.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://example.org\\@127.0.0.1/",
        "//example.org/",
        "",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """A URL that is not https to a host that may be asked is refused before anything is sent."""
    with pytest.raises(Refused):
        Reach().check_url(url)


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("10.0.0.7",), ("1.1.1.1", "192.168.0.1"), ("::ffff:10.0.0.1",)])
async def test_a_name_that_leads_inside_is_refused(addresses: tuple[str, ...]) -> None:
    """A public name is refused as soon as one of its addresses is private."""
    async with Client(resolver=Names(*addresses)) as client:
        with pytest.raises(Refused) as caught:
            await client.get("https://innocent.example/")
    assert caught.value.code == "forbidden-address"


async def test_a_name_that_leads_outside_is_refused_in_development() -> None:
    """In development nothing leaves the machine, whatever a name resolves to."""
    async with Client(DEVELOPMENT, resolver=Names("1.1.1.1")) as client:
        with pytest.raises(Refused):
            await client.get("http://innocent.example/")


def test_the_socket_itself_is_checked() -> None:
    """An address that slipped past the resolver gets no socket (rule 8.4b)."""
    with pytest.raises(OSError, match="may not be connected"):
        checked_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.1", 80)), Reach())


async def test_numeric_hosts_are_refused_at_the_door() -> None:
    """Old spellings of loopback as one number are not a way in, in development either."""
    async with Client(DEVELOPMENT) as client:
        for url in ("http://2130706433/", "http://127.1/", "http://0x7f.1/"):
            with pytest.raises((Refused, Unavailable)):
                await client.get(url)


async def test_a_redirect_is_an_answer() -> None:
    """Redirects are not followed: they would lead past the check of the first URL."""
    async with (
        answering(reply(b"", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/")) as base,
        Client(DEVELOPMENT) as client,
    ):
        assert (await client.get(base)).status == 302


async def test_an_answer_is_read_whole() -> None:
    """Status, headers and body come back; header names ignore case."""
    async with (
        answering(reply(b"hello", "HTTP/1.1 201 Created\r\nX-Kind: greeting")) as base,
        Client(DEVELOPMENT) as client,
    ):
        found = await client.post(base, b"{}", {"Content-Type": "application/json"})
    assert (found.status, found.body, found.headers["x-kind"]) == (201, b"hello", "greeting")


async def test_a_huge_body_is_cut_off() -> None:
    """More than the bound is refused, announced or not."""
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 5000
    for answer in (reply(b"x" * 5000), endless):
        async with answering(answer, then_wait=True) as base, Client(DEVELOPMENT) as client:
            with pytest.raises(Unavailable) as caught:
                await client.get(base, largest=1000)
        assert caught.value.code == "answer-too-large"


async def test_a_compressed_body_is_not_unpacked() -> None:
    """A small compressed body stays small: it comes back as it was sent."""
    async with (
        answering(reply(b"\x1f\x8bnot gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip")) as base,
        Client(DEVELOPMENT) as client,
    ):
        assert (await client.get(base)).body == b"\x1f\x8bnot gzip"


async def test_silence_ends_in_a_timeout() -> None:
    """A peer that never answers makes the request unavailable, not endless."""
    async with answering(b"", then_wait=True) as base, Client(DEVELOPMENT, total=0.05) as client:
        with pytest.raises(Unavailable) as caught:
            await client.get(base)
    assert caught.value.code == "timeout"


async def test_nobody_there_is_unavailable() -> None:
    """A closed port is something to try again later."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    async with Client(DEVELOPMENT) as client:
        with pytest.raises(Unavailable):
            await client.get(f"http://localhost:{port}/")


async def test_garbage_is_unavailable() -> None:
    """An answer that is not HTTP is no answer."""
    async with answering(b"220 mail.example ESMTP\r\n\r\n") as base, Client(DEVELOPMENT) as client:
        with pytest.raises(Unavailable):
            await client.get(base)


async def test_streams_in_blocks() -> None:
    """A body of any size is handed on as it arrives."""
    body = b"abcdefgh" * 400_000
    partial = reply(body, "HTTP/1.1 206 Partial Content")
    everything = {"Range": "bytes=0-"}
    async with (
        answering(partial) as base,
        Client(DEVELOPMENT) as client,
        client.stream(base, everything) as answer,
    ):
        assert answer.status == 206
        assert int(answer.headers["content-length"]) == len(body)
        assert b"".join([block async for block in answer.blocks()]) == body


async def test_a_stream_that_breaks_off_is_unavailable() -> None:
    """A body shorter than announced is noticed."""
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    async with answering(broken) as base, Client(DEVELOPMENT) as client, client.stream(base, {}) as answer:
        with pytest.raises(Unavailable):
            [block async for block in answer.blocks()]


async def test_the_client_keeps_no_cookies() -> None:
    """What one peer sets is not sent back, to it or to another."""
    async with Client(DEVELOPMENT) as client:
        assert isinstance(client._session().cookie_jar, aiohttp.DummyCookieJar)


async def test_a_peer_that_is_away_is_told_in_plain_words() -> None:
    """Where nobody listens the reason is what a person would say, without the names of a library."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    async with Client(DEVELOPMENT) as client:
        with pytest.raises(Unavailable) as caught:
            await client.get(address)
    assert str(caught.value) == f"{address}: connection refused"


async def test_dates_of_answers_are_heard() -> None:
    """With the address that they came from; an answer without one tells nothing."""
    heard: list[tuple[str, str]] = []
    async with Client(DEVELOPMENT, dated=lambda url, date: heard.append((url, date))) as client:
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as url:
            await client.get(url)
        assert heard == []
        dated = b"HTTP/1.1 404 Not Found\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
        async with answering(dated) as url:
            await client.get(url)
        assert heard == [(url, "Mon, 01 Jan 2024 00:00:00 GMT")]
