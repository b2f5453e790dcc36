"""DIDs: where their documents are, what is in them, and which keys are believed."""

from __future__ import annotations

import asyncio
import json

import pytest

from armslength.core.record.keys import to_base64
from armslength.errors import Malformed, Unavailable
from armslength.identity.did import Resolver, document, document_keys, document_url
from armslength.identity.keys import PrivateKey
from armslength.wire.did_key import key_did, key_of

KEY = PrivateKey(bytes(32))
OTHER = PrivateKey(b"o" * 32)
ME = "did:web:a.example"


def test_a_known_did_key() -> None:
    """The published example of the did:key specification is read and written."""
    public = bytes.fromhex("2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6")
    assert key_did(public) == "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
    assert key_of(key_did(public)) == public


@pytest.mark.parametrize(
    "did",
    [
        "did:key:",
        "did:key:z",
        "did:key:z6Mk",
        "did:key:x6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do0",
        "did:key:z16MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
        "did:key:z" + "1" * 5000,
        "did:web:a.example",
        "key",
        key_did(bytes([1]) + bytes(31)),
    ],
)
def test_what_is_no_did_key_is_refused(did: str) -> None:
    """Another method, another curve, another spelling and a key of small order are no did:key."""
    with pytest.raises(Malformed):
        key_of(did)


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:a.example", "https://a.example/.well-known/did.json"),
        ("did:web:a.example%3A8443", "https://a.example:8443/.well-known/did.json"),
        ("did:web:a.example:nodes:one", "https://a.example/nodes/one/did.json"),
    ],
)
def test_where_documents_are(did: str, url: str) -> None:
    """The did:web method's own rules."""
    assert document_url(did) == url


def test_http_is_for_loopback_in_development() -> None:
    """Only localhost, and only under the switch, is asked without TLS, or at all."""
    assert document_url("did:web:localhost%3A8080", development=True) == "http://localhost:8080/.well-known/did.json"
    with pytest.raises(Malformed):
        document_url("did:web:localhost%3A8080")
    assert document_url("did:web:a.example", development=True).startswith("https://")


@pytest.mark.parametrize(
    "did",
    [
        "did:web:",
        "did:web:a.example:",
        "did:web:a.example::b",
        "did:web:a%2Fb",
        "did:web:user%40a.example",
        "did:web:a.example%3A99999999",
        "did:web:a.example:..",
        "did:web:a.example:%2e%2e:x",
        "did:web:a.example:a%2Fb",
        "did:web:a.example:x%3Fy",
        "did:web:%5B%3A%3A1%5D",
        "did:web:a.example#key",
        "did:key:z6Mk",
        "web:a.example",
    ],
)
def test_what_is_no_did_web_is_refused(did: str) -> None:
    """A DID that would lead anywhere but to a host and a plain path is refused."""
    with pytest.raises(Malformed):
        document_url(did)


def test_a_document_gives_back_its_keys() -> None:
    """A node's document holds a key per role and the services by type."""
    keys = {"entries": KEY.text, "tokens": OTHER.text}
    body = document(ME, keys, {"DataService": "https://a.example/.well-known/dspace-version"})
    assert document_keys(body, ME) == {"entries": KEY.public, "tokens": OTHER.public}
    shown = json.loads(body)
    assert shown["authentication"] == [f"{ME}#tokens"]
    assert shown["assertionMethod"] == [f"{ME}#entries"]
    assert shown["service"][0]["type"] == "DataService"
    members = {"id", "type", "controller", "publicKeyMultibase"}  # strict readers take no others
    assert all(set(method) == members for method in shown["verificationMethod"])


def test_a_document_speaks_for_itself_only() -> None:
    """A document under another DID is refused; keys that are not Ed25519 are passed over; small order is refused."""
    body = document(ME, {"tokens": KEY.text}, {})
    with pytest.raises(Malformed):
        document_keys(body, "did:web:b.example")
    foreign = {"id": "#1", "type": "JsonWebKey2020", "publicKeyJwk": {"kty": "EC"}}
    changed = json.loads(body)
    changed["verificationMethod"].append(foreign)
    assert set(document_keys(json.dumps(changed).encode(), ME)) == {"tokens"}
    with pytest.raises(Malformed):
        document_keys(document(ME, {"tokens": to_base64(bytes([1]) + bytes(31))}, {}), ME)
    for data in (b"", b"[]", b'{"id":7}', b'{"id":"did:web:a.example","verificationMethod":[{}]}'):
        with pytest.raises(Malformed):
            document_keys(data, ME)


class Web:
    """Answers with a document, and counts."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[str] = []
        self.now = 0.0

    async def fetch(self, url: str) -> tuple[int, bytes]:
        self.asked.append(url)
        return self.status, document(ME, {"tokens": KEY.text}, {})


async def test_documents_are_remembered_for_a_while() -> None:
    """A document is fetched once in five minutes; a did:key never."""
    web = Web()
    resolver = Resolver(web.fetch, clock=lambda: web.now)
    for _ in range(3):
        assert (await resolver.keys(ME))["tokens"] == KEY.public
    assert len(web.asked) == 1
    web.now = 301
    await resolver.keys(ME)
    assert len(web.asked) == 2
    assert list((await resolver.keys(key_did(KEY.public))).values()) == [KEY.public]
    assert len(web.asked) == 2


async def test_a_document_that_cannot_be_had_is_unavailable() -> None:
    """Anything but 200 is no document; it is asked for again, but not at once, however often it is wanted."""
    web = Web(404)
    resolver = Resolver(web.fetch, clock=lambda: web.now)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await resolver.keys(ME)
    assert len(web.asked) == 1
    web.now, web.status = 31, 200
    assert (await resolver.keys(ME))["tokens"] == KEY.public


async def test_the_memory_of_documents_is_bounded() -> None:
    """A flood of names neither fills the memory nor pushes out a document."""
    web = Web()
    resolver = Resolver(web.fetch, clock=lambda: web.now)
    await resolver.keys(ME)
    web.status = 404
    for number in range(1100):
        with pytest.raises(Unavailable):
            await resolver.keys(f"did:web:n{number}.example")
    assert len(resolver._failed) == 1024
    assert (await resolver.keys(ME))["tokens"] == KEY.public


async def test_a_document_is_asked_for_once_however_many_wait() -> None:
    """Callers of one DID share one question, and those of many DIDs have a bounded number of them."""
    web, go, asked = Web(), asyncio.Event(), asyncio.Event()

    async def slow(url: str) -> tuple[int, bytes]:
        asked.set()
        await go.wait()
        return await web.fetch(url)

    resolver = Resolver(slow)
    first = asyncio.create_task(resolver.keys(ME))
    await asked.wait()
    first.cancel()  # whoever gives up takes nothing from the others
    others = [asyncio.create_task(resolver.keys(ME)) for _ in range(5)]
    strangers = [asyncio.create_task(resolver.keys(f"did:web:n{number}.example")) for number in range(31)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many"):
        await resolver.keys("did:web:one-more.example")
    go.set()
    assert [keys["tokens"] for keys in await asyncio.gather(*others)] == [KEY.public] * 5
    await asyncio.gather(*strangers, return_exceptions=True)
    assert web.asked.count("https://a.example/.well-known/did.json") == 1
