"""How a node reaches others: private ranges by configuration, a proxy, a certificate authority of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from armslength.config import Config, Network
from armslength.errors import Misuse, Refused, Unavailable
from armslength.net.client import Client
from armslength.net.ways import ways
from tests.net.certificates import authority
from tests.net.test_client import Names

NAME = "node.internal.example"


def config(folder: Path, *, development: bool = False, **network: object) -> Config:
    """A node's configuration with these settings in its table `network`."""
    settings = Network(**network)  # type: ignore[arg-type]
    return Config(folder, "n", "did:web:n.example", development=development, network=settings)


@pytest.fixture(autouse=True)
def _no_proxy_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's own environment says does not count here."""
    for name in (
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


# --- private ranges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opened", "address", "allowed"),
    [
        ((), "10.20.1.2", False),
        (("10.20.0.0/16",), "10.20.1.2", True),
        (("10.20.0.0/16",), "10.21.1.2", False),
        (("10.20.0.0/16",), "127.0.0.1", False),
        (("10.20.0.0/16",), "169.254.169.254", False),
        (("10.20.0.0/16",), "::ffff:10.20.1.2", True),
        (("10.20.0.0/16",), "64:ff9b::0a14:0102", False),
        (("fd12:3456::/32",), "fd12:3456::1", True),
        (("fd12:3456::/32",), "fd13::1", False),
        (("fd12:3456::/32", "192.168.7.9/32"), "192.168.7.9", True),
        (("100.64.0.0/10",), "100.64.0.1", True),
        (("10.20.0.0/16",), "1.1.1.1", True),
    ],
)
def test_private_ranges_are_opened_one_by_one(
    opened: tuple[str, ...], address: str, allowed: bool, tmp_path: Path
) -> None:
    """Only what the configuration names, beside what is public; loopback and link-local never."""
    assert ways(config(tmp_path, private=opened)).reach.allows(address) is allowed


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "127.0.0.0/8", "169.254.0.0/16", "10.0.0.0/7", "::/0", "::1/128", "fe80::/10", "1.1.1.0/24", "x", ""],
)
def test_no_other_range_can_be_opened(text: str, tmp_path: Path) -> None:
    """A range that is not part of a private network is misuse, by its setting's name."""
    with pytest.raises(Misuse, match=r"network\.private"):
        ways(config(tmp_path, private=(text,)))


async def test_a_name_in_an_opened_range_is_connected_to(tmp_path: Path) -> None:
    """The filter lets it pass (nobody is there); its neighbour is refused before anything is sent."""
    opened = ways(config(tmp_path, private=("10.255.255.1/32",)))
    async with Client(opened, total=0.2, resolver=Names("10.255.255.1")) as client:
        with pytest.raises(Unavailable):
            await client.get(f"https://{NAME}/")
    async with Client(opened, resolver=Names("10.255.255.2")) as client:
        with pytest.raises(Refused):
            await client.get(f"https://{NAME}/")


# --- a server, an authority and a proxy of our own ------------------------------------------------------------------


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


class Proxy:
    """An HTTP proxy that tunnels everything to one port, and remembers what it was asked."""

    def __init__(self, to: int, answer: bytes) -> None:
        self.to = to
        self.answer = answer
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        if b" 200 " not in self.answer:
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while block := await source.read(65536):
            target.write(block)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()


@asynccontextmanager
async def proxied(
    folder: Path, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
) -> AsyncIterator[tuple[Proxy, str]]:
    """A server under NAME behind a proxy; yields the proxy and its URL."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=authority(folder, NAME))
    proxy = Proxy(server.sockets[0].getsockname()[1], answer)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, f"http://someone:secret@127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        server.close()


async def test_a_configured_proxy_is_used_and_a_private_authority_trusted(tmp_path: Path) -> None:
    """The request goes through the tunnel to a server whose certificate our own authority has signed."""
    async with proxied(tmp_path) as (proxy, url):
        async with Client(ways(config(tmp_path, proxy=url, ca="ca.pem"))) as client:
            assert (await client.get(f"https://{NAME}/")).body == b"hello"
        assert proxy.asked[0].startswith(f"CONNECT {NAME}:443".encode())
        assert b"Proxy-Authorization: Basic" in proxy.asked[0]


async def test_an_authority_that_is_not_configured_is_not_trusted(tmp_path: Path) -> None:
    """Without the setting the certificate is refused, and the reason says so."""
    async with proxied(tmp_path) as (_, url), Client(ways(config(tmp_path, proxy=url))) as client:
        with pytest.raises(Unavailable, match="certificate"):
            await client.get(f"https://{NAME}/")


async def test_the_environment_s_proxy_is_used_but_for_what_it_excepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY counts, NO_PROXY too, and "none" in the configuration goes before both."""
    async with proxied(tmp_path) as (proxy, url):
        monkeypatch.setenv("HTTPS_PROXY", url)
        async with Client(ways(config(tmp_path, ca="ca.pem"))) as client:
            assert (await client.get(f"https://{NAME}/")).status == 200
        monkeypatch.setenv("NO_PROXY", "other.example")
        asked = len(proxy.asked)
        for found in (ways(config(tmp_path)), ways(config(tmp_path, proxy="none"))):
            async with Client(found, resolver=Names("10.0.0.1")) as client:
                with pytest.raises(Refused):  # asked directly, and filtered
                    await client.get("https://other.example/")
        assert len(proxy.asked) == asked
        assert ways(config(tmp_path, development=True)).proxy is None


async def test_a_proxy_is_no_way_in(tmp_path: Path) -> None:
    """Literals, plain http and users are refused before the proxy is asked."""
    async with proxied(tmp_path) as (proxy, url), Client(ways(config(tmp_path, proxy=url))) as client:
        for bad in ("https://127.0.0.1/", "https://[::1]/", "http://node.example/", "https://a@node.example/"):
            with pytest.raises(Refused):
                await client.get(bad)
        assert not proxy.asked


async def test_a_proxy_that_refuses_is_named_and_its_password_is_not(tmp_path: Path) -> None:
    """What fails is the proxy; nothing says its secret."""
    async with proxied(tmp_path, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as (_, url):
        found = ways(config(tmp_path, proxy=url))
        async with Client(found) as client:
            with pytest.raises(Unavailable, match="the proxy refuses to connect: 403") as caught:
                await client.get(f"https://{NAME}/")
    assert "secret" not in str(caught.value) + repr(found)
    async with Client(ways(config(tmp_path, proxy="http://127.0.0.1:9"))) as client:
        with pytest.raises(Unavailable, match="the proxy cannot be reached"):
            await client.get(f"https://{NAME}/")


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "socks5://proxy.example", "http://", "http://proxy:99999"])
def test_a_proxy_that_is_none_is_misuse(proxy: str, tmp_path: Path) -> None:
    """A setting that could not work is refused at once."""
    with pytest.raises(Misuse, match=r"network\.proxy"):
        ways(config(tmp_path, proxy=proxy))


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_an_authority_that_cannot_be_read_is_misuse(content: bytes | None, tmp_path: Path) -> None:
    """A file that is not there, or holds no certificate, is refused at once."""
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(Misuse, match=r"network\.ca"):
        ways(config(tmp_path, ca="ca.pem"))
