"""A bearer token says who sent a request: for one receiver, for a short time, in one form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from armslength.errors import Refused, Unauthorised
from armslength.identity import tokens
from armslength.identity.keys import PrivateKey
from armslength.identity.tokens import LEEWAY, LIFE, RECHECK_S, Tokens, Verifier

A, B = "did:web:a.example", "did:web:b.example"
AT_B = "https://b.example"
KEY = PrivateKey(b"a" * 32)
NOW = 1_467_331_200


class World:
    """A sender, a receiver and a clock between them."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.known: dict[tuple[str, str], tuple[bytes, ...]] = {(A, ""): (KEY.public,)}
        self.looked_up = 0
        self.sender = Tokens(A, KEY, lambda: self.now)
        self.receiver = Verifier(B, self.lookup, lambda: self.now)

    async def lookup(self, did: str, about: str) -> tuple[bytes, ...]:
        self.looked_up += 1
        return self.known.get((did, about), ())


def encode(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


HEADER = {"alg": "EdDSA", "typ": "armslength+jwt", "kid": f"{A}#tokens"}
CLAIMS = {"iss": A, "aud": B, "at": AT_B, "iat": NOW, "exp": NOW + 60, "jti": "1"}


def token(header: Any = HEADER, claims: Any = CLAIMS, key: PrivateKey = KEY) -> str:
    signed = f"{encode(header)}.{encode(claims)}"
    return f"Bearer {signed}.{encode(key.sign(signed.encode()))}"


async def refused(authorization: str | None, world: World | None = None) -> str:
    with pytest.raises(Unauthorised) as caught:
        await (world or World()).receiver.caller(authorization)
    assert caught.value.reason
    return caught.value.code


async def test_a_token_says_who_sent_it() -> None:
    """What one side makes, the other believes."""
    world = World()
    assert await world.receiver.caller(world.sender.bearer(B, AT_B)) == A
    assert await world.receiver.caller(token()) == A


async def test_a_token_is_used_again_until_half_of_its_life() -> None:
    """One token per receiver serves for a while; then a fresh one is made."""
    world = World()
    first = world.sender.bearer(B, AT_B)
    world.now += LIFE / 2 - 1
    assert world.sender.bearer(B, AT_B) == first
    assert world.sender.bearer("did:web:c.example", "https://c.example/x") != first
    world.now += 1
    assert world.sender.bearer(B, AT_B) != first


async def test_using_a_token_again_checks_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second use of a token costs no signature check and no look-up, and its time still counts."""
    world = World()
    bearer = world.sender.bearer(B, AT_B)
    await world.receiver.caller(bearer)
    monkeypatch.setattr(tokens, "verify", None)
    world.looked_up = 0
    assert await world.receiver.caller(bearer) == A
    assert world.looked_up == 0
    world.now += RECHECK_S
    assert await world.receiver.caller(bearer) == A
    assert world.looked_up == 1
    world.now += LIFE + LEEWAY
    assert await refused(bearer, world) == "token-late"


async def test_a_replaced_key_ends_its_tokens() -> None:
    """A token that was good is refused once its sender has another key, or is unknown to us."""
    world = World()
    bearer = world.sender.bearer(B, AT_B)
    await world.receiver.caller(bearer)
    world.known[A, ""] = (PrivateKey(b"b" * 32).public,)
    world.now += RECHECK_S
    assert await refused(bearer, world) == "unknown-key"
    del world.known[A, ""]
    assert await refused(bearer, world) == "unknown-sender"


@pytest.mark.parametrize(
    "url", ["https://c.example/x", "https://b.example:8443/x", "http://b.example/x", "//b.example"]
)
def test_a_token_goes_to_its_receiver_s_own_address_only(url: str) -> None:
    """Whoever says that B lives elsewhere gets no token that B would believe: nothing is made for another address
    (rule 10.5a)."""
    with pytest.raises(Refused) as refused:
        World().sender.bearer(B, url)
    assert refused.value.code == "foreign-address"
    with pytest.raises(Refused):
        World().sender.bearer("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", url)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": A}, "wrong-audience"),
        ({"aud": [B]}, "bad-token"),
        ({"at": "https://c.example"}, "wrong-address"),
        ({"at": AT_B + "/"}, "wrong-address"),
        ({"at": None}, "bad-token"),
        ({"iss": "did:web:x.example"}, "bad-token-header"),
        ({"exp": NOW + LIFE + 1}, "token-life"),
        ({"exp": NOW}, "token-life"),
        ({"iat": NOW - 600, "exp": NOW - 400}, "token-late"),
        ({"iat": NOW + LEEWAY + 1, "exp": NOW + LEEWAY + 60}, "token-early"),
        ({"iat": "now"}, "bad-token"),
        ({"exp": 1e30}, "bad-token"),
        ({"jti": None}, "bad-token"),
        ({"iss": None}, "bad-token"),
    ],
)
async def test_claims_that_are_refused(changes: dict[str, Any], code: str) -> None:
    """A signed token for somebody else, of another time or of another shape is refused, with the reason."""
    assert await refused(token(claims=CLAIMS | changes)) == code


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"alg": "none"},
        HEADER | {"alg": "HS256"},
        HEADER | {"alg": "Ed25519"},
        HEADER | {"typ": "JWT"},
        HEADER | {"kid": f"{A}#entries"},
        HEADER | {"kid": f"{B}#tokens"},
        HEADER | {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}},
        HEADER | {"jku": "https://evil.example/keys"},
        HEADER | {"crit": ["exp"]},
        {"alg": "EdDSA"},
    ],
)
async def test_only_one_header_is_accepted(header: dict[str, Any]) -> None:
    """A header with another algorithm, type or key, or with anything more, is refused."""
    assert await refused(token(header=header)) == "bad-token-header"


async def test_any_of_a_sender_s_keys_may_have_signed() -> None:
    """Where several keys count for a DID, a token of each is good."""
    world, other = World(), PrivateKey(b"b" * 32)
    world.known[A, ""] = (KEY.public, other.public)
    for key in (KEY, other):
        assert await world.receiver.caller(token(key=key)) == A


async def test_a_key_counts_where_it_is_pinned() -> None:
    """A token that was good about one arrangement is judged anew about another, and about none."""
    world, other = World(), PrivateKey(b"b" * 32)
    world.known[A, "one"] = (other.public,)
    assert await world.receiver.caller(token(key=other), "one") == A
    with pytest.raises(Unauthorised, match="not signed by a key"):
        await world.receiver.caller(token(key=other))
    assert await world.receiver.caller(token()) == A
    with pytest.raises(Unauthorised, match="not signed by a key"):
        await world.receiver.caller(token(), "one")


async def test_signatures_that_are_refused() -> None:
    """Another key, no signature, a changed claim, and the public key used as a shared secret."""
    assert await refused(token(key=PrivateKey(b"x" * 32))) == "bad-signature"
    head, claims, signature = token().split(".")
    assert await refused(f"{head}.{claims}.") == "bad-signature"
    assert await refused(f"{head}.{encode(CLAIMS | {'jti': '2'})}.{signature}") == "bad-signature"
    mac = hmac.new(KEY.public, f"{head}.{claims}".removeprefix("Bearer ").encode(), hashlib.sha256).digest()
    assert await refused(f"{head}.{claims}.{encode(mac)}") == "bad-signature"


async def test_a_key_of_small_order_is_never_believed() -> None:
    """Under such a key one signature fits every message: even where it is looked up, it is refused."""
    world = World()
    world.known[A, ""] = (bytes([1]) + bytes(31),)
    head, claims, _ = token().split(".")
    assert await refused(f"{head}.{claims}.{encode(bytes([1]) + bytes(63))}", world) == "bad-signature"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        '{"clientId":"consumer"}',
        "Bearer garbage",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer a.b.c.d.e",
        "Bearer " + "x" * 10_000,
        "Bearer é.é.é",
        token() + "=",
        token().replace(".", ". "),
        token(header=[1]),
        token(claims="text"),
        token(header=b"\xff\xfe"),
    ],
)
async def test_what_is_no_token_is_refused(authorization: str | None) -> None:
    """Nothing, garbage and other schemes get a reason, never a crash."""
    assert await refused(authorization) in {"no-token", "bad-token", "bad-token-header"}


async def test_the_scheme_ignores_case() -> None:
    """`bearer` is `Bearer`, as HTTP says."""
    assert await World().receiver.caller(token().replace("Bearer", "bearer")) == A


async def test_the_memory_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of good tokens does not fill the memory."""
    monkeypatch.setattr(tokens, "REMEMBERED", 3)
    world = World()
    for number in range(10):
        await world.receiver.caller(token(claims=CLAIMS | {"jti": str(number)}))
    assert len(world.receiver._known) == 3


async def test_strangers_push_out_nobody_whom_terms_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tokens strangers make, and whatever a sender says they are about: those of others stay remembered."""
    monkeypatch.setattr(tokens, "REMEMBERED", 4)
    monkeypatch.setattr(tokens, "STRANGERS", 2)
    a, other, strangers = token(), "did:web:c.example", [f"did:web:s{number}.example" for number in range(9)]

    async def lookup(did: str, about: str) -> tuple[bytes, ...]:
        return (KEY.public,)

    async def is_named(did: str) -> bool:
        return did in (A, other)

    def of(did: str) -> str:
        return token({**HEADER, "kid": f"{did}#tokens"}, {**CLAIMS, "iss": did})

    receiver = Verifier(B, lookup, lambda: float(NOW), is_named)
    await receiver.caller(a)
    for did in strangers:
        await receiver.caller(of(did))
    for number in range(9):
        await receiver.caller(of(other), f"{number:064x}")
    assert len(receiver._known) == 4 + 2
    monkeypatch.setattr(tokens, "verify", None)  # no signature is checked again
    assert await receiver.caller(a) == A
