"""Where a node is: one place has one spelling, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armslength.errors import Malformed
from armslength.wire.place import address_of, did_of, is_below

PLACES = {
    "https://node.example.org": "did:web:node.example.org",
    "https://node.example.org:8443": "did:web:node.example.org%3A8443",
    "https://example.org/nodes/one": "did:web:example.org:nodes:one",
    "https://arandia/~a_b.c-d": "did:web:arandia:~a_b.c-d",
    "http://localhost:7001": "did:web:localhost%3A7001",
    "http://localhost:7001/one": "did:web:localhost%3A7001:one",
    "https://xn--bcher-kva.example": "did:web:xn--bcher-kva.example",
}


@pytest.mark.parametrize(("address", "did"), PLACES.items())
def test_an_address_is_its_did_and_back(address: str, did: str) -> None:
    """Host, port and path, each in its one form."""
    assert did_of(address) == did
    assert address_of(did) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "node.example.org",
        "//node.example.org",
        "ftp://node.example.org",
        "HTTPS://node.example.org",
        "https://Node.example.org",
        "https://node.example.org/",
        "https://node.example.org/One",
        "https://node.example.org//one",
        "https://node.example.org/one/",
        "https://node.example.org/a%20b",
        "https://node.example.org/%61",
        "https://n%6fde.example.org",
        "https://node.example.org/.",
        "https://node.example.org/../one",
        "https://node.example.org/one?x",
        "https://node.example.org/one#x",
        "https://node.example.org?x",
        "https://node.example.org:443",
        "https://node.example.org:",
        "https://node.example.org:0",
        "https://node.example.org:08443",
        "https://node.example.org:65536",
        "https://node.example.org:8443:1",
        "https://node.example.org:x",
        "https://node.example.org.",
        "https://node..example.org",
        "https://-node.example.org",
        "https://bücher.example",
        "https://user@node.example.org",
        "https://a:b@node.example.org",
        "https://192.0.2.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://example.0x7f",
        "https://[2001:db8::1]",
        "https://[::1]:8443",
        "https://localhost",
        "https://localhost:8443",
        "http://localhost:80",
        "http://node.example.org",
        "http://127.0.0.1:7001",
        "https://node.example.org\\one",
        "https://node.example.org/one two",
        "https://node.example.org\n",
        " https://node.example.org",
        "https://" + "a" * 64 + ".example",
        "https://" + ".".join(["a" * 60] * 5),
        "https://node.example.org/" + "a" * 2000,
    ],
)
def test_every_other_spelling_is_refused(address: str) -> None:
    """Case, default port, escapes, dots, literals, users, queries: what could be a second spelling is none
    (rule 10.4a)."""
    with pytest.raises(Malformed):
        did_of(address)


@pytest.mark.parametrize(
    "did",
    [
        "did:web:",
        "did:web:Node.example.org",
        "did:web:node.example.org%3a8443",
        "did:web:node.example.org%3A443",
        "did:web:node.example.org:8443:",
        "did:web:node.example.org%2Fone",
        "did:web:node.example.org:%6fne",
        "did:web:node.example.org.",
        "did:web:192.0.2.1",
        "did:web:%5B%3A%3A1%5D",
        "did:web:localhost%3A80",
        "did:web:https://node.example.org",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "node.example.org",
    ],
)
def test_every_other_spelling_of_a_did_is_refused(did: str) -> None:
    """As for addresses; and no other method says where a node is."""
    with pytest.raises(Malformed):
        address_of(did)


@given(st.text(st.sampled_from("htps:/.aB0%3A4-_~@[]?#\\ "), max_size=40))
def test_whatever_is_read_is_read_back(text: str) -> None:
    """An address that is accepted is the only one of its DID."""
    for address in (text, f"https://{text}", f"https://a.example{text}", f"http://localhost{text}"):
        try:
            did = did_of(address)
        except Malformed:
            continue
        assert address_of(did) == address


@pytest.mark.parametrize(
    ("url", "below"),
    [
        ("https://a.example/one", True),
        ("https://a.example/one/", True),
        ("https://a.example/one/dsp/2025-1", True),
        ("https://a.example:443/one/dsp", True),
        ("https://A.example/one/dsp?x=1", True),
        ("https://a.example/ones", False),
        ("https://a.example/two", False),
        ("https://a.example/", False),
        ("https://a.example", False),
        ("https://a.example/one/../two", False),
        ("https://a.example/one/%2e%2e/two", False),
        ("https://a.example:8443/one", False),
        ("http://a.example/one", False),
        ("https://b.example/one", False),
        ("https://a.example@b.example/one", False),
        ("https://x@a.example/one", False),
        ("https://a.example\\@b.example/one", False),
        ("https://a.example:x/one", False),
        ("https://[a.example/one", False),
        ("https://a.example/one/x%2f..%2f..%2ftwo", False),
        ("https://a.example/one/%5C..%5Ctwo", False),
        ("https://a.example/one/..;/two", False),
        ("https://a.example/one/%252e%252e/two", False),
    ],
)
def test_what_lies_below_an_address(url: str, below: bool) -> None:
    """Another host, port, scheme or neighbour's path is somebody else's."""
    assert is_below(url, "https://a.example/one") is below
