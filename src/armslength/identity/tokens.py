"""Bearer tokens between nodes: short-lived signed JWTs (RFC 7519), one algorithm, one type, nothing optional.

Header: exactly alg "EdDSA", typ "armslength+jwt", kid "<sender's DID>#tokens". Claims: iss (the sender's DID), aud (the
receiver's DID), at (the base address to which it is sent), iat and exp (UNIX seconds, at most five minutes apart), jti.
A token is made for one receiver at the one address that its DID names (rule 10.5a), and sent nowhere else, so a
receiver cannot use it elsewhere. It may be used again during its lifetime without another signature check.

The keys come from the caller (`KeyLookup`), for the arrangement that the request is about: in general those that terms
pin. A token is good if one of them has signed it.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from armslength.core.record.keys import SIGNATURE_SIZE, verify
from armslength.errors import Malformed, Refused, Unauthorised
from armslength.identity.keys import PrivateKey
from armslength.wire.place import address_of, is_below
from armslength.wire.strict import UNREADABLE

LIFE: Final = 300  # seconds: the longest life of a token that is accepted, and that of ours
LEEWAY: Final = 30  # seconds by which the clocks of two nodes may differ
T = TypeVar("T")

LARGEST: Final = 2048  # characters
REMEMBERED: Final = 4096  # uses of verified tokens of those whom living terms name, shared among them …
STRANGERS: Final = 256  # … and of everybody else
LONGEST: Final = 64  # characters of what a request can be about
RECHECK_S: Final = 10  # seconds until the sender's key is looked up once more for a verified token
TYPE: Final = "armslength+jwt"

KeyLookup = Callable[[str, str], Awaitable[Sequence[bytes]]]
"""From a DID, and the hash of the arrangement that it asks about ("" for none), to the public keys that its tokens may
be signed with; none if it is unknown to us. Raises Unavailable where that cannot be found out now."""

Naming = Callable[[str], Awaitable[bool]]
"""Whether living terms that we are engaged in name this DID."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A token of this node: when it was made, for which address, and the header's value."""

    at: float
    address: str
    text: str = field(repr=False)


class Tokens:
    """Makes this node's tokens: one per receiver, used until half of its lifetime is over."""

    def __init__(self, me: str, key: PrivateKey, clock: Callable[[], float] = time.time) -> None:
        self._me = me
        self._key = key
        self._clock = clock
        header = {"alg": "EdDSA", "typ": TYPE, "kid": f"{me}#tokens"}
        self._header = _encode(msgspec.json.encode(header))
        self._made: dict[str, _Made] = {}

    def bearer(self, receiver: str, url: str) -> str:
        """The value of the Authorization header of a request to `receiver` at `url`.

        Raises Refused where that is not its own address, or it has none.
        """
        now, made = self._clock(), self._made.get(receiver)
        if made is None or not 0 <= now - made.at < LIFE / 2:
            address = _address(receiver)
            made = _Made(now, address, f"Bearer {self._make(receiver, address, int(now))}")
        if not is_below(url, made.address):
            raise Refused("foreign-address", f"is not at {receiver}'s own address: no token goes there", url[:200])
        self._made[receiver] = made
        return made.text

    def _make(self, receiver: str, address: str, now: int) -> str:
        claims = {
            "iss": self._me,
            "aud": receiver,
            "at": address,
            "iat": now,
            "exp": now + LIFE,
            "jti": secrets.token_urlsafe(16),
        }
        signed = f"{self._header}.{_encode(msgspec.json.encode(claims))}"
        return f"{signed}.{_encode(self._key.sign(signed.encode('ascii')))}"


class _Claims(msgspec.Struct):
    iss: str
    aud: str
    at: str
    iat: int
    exp: int
    jti: str


@dataclass(slots=True)
class _Known:
    key: bytes
    claims: _Claims
    checked: float


class _Remembered:
    """Verified tokens, each with the arrangement concerned; bounded so that nobody displaces another's tokens.

    Anyone can have a DID, or invent an arrangement. Those whom terms name therefore do not share space with strangers;
    and when it is full, whoever uses most of it gives way.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._size = 0
        self._by_sender: OrderedDict[str, OrderedDict[tuple[str, str], _Known]] = OrderedDict()

    def add(self, use: tuple[str, str], known: _Known) -> list[tuple[str, str]]:
        """Store a use; returns the uses that are evicted."""
        mine = self._by_sender.setdefault(known.claims.iss, OrderedDict())
        self._size += use not in mine  # two requests may bring one token at once
        mine[use] = known
        if self._size <= self._room:
            return []
        largest = max(self._by_sender, key=lambda sender: len(self._by_sender[sender]))
        oldest = next(iter(self._by_sender[largest]))
        self.forget(oldest, largest)
        return [oldest]

    def forget(self, use: tuple[str, str], sender: str) -> None:
        mine = self._by_sender.get(sender)
        if mine is not None and mine.pop(use, None) is not None:
            self._size -= 1
            if not mine:
                del self._by_sender[sender]


class Verifier:
    """Determines who sent a request."""

    def __init__(
        self, me: str, keys: KeyLookup, clock: Callable[[], float] = time.time, is_named: Naming | None = None
    ) -> None:
        self._me = me
        self._address = _address(me)
        self._keys = keys
        self._clock = clock
        self._is_named = is_named
        self._known: dict[tuple[str, str], _Known] = {}
        self._named, self._strangers = _Remembered(REMEMBERED), _Remembered(STRANGERS)

    async def caller(self, authorization: str | None, about: str = "") -> str:
        """The DID behind an Authorization header, in a request about this arrangement (or about none).

        Raises Unauthorised, with the reason, or Unavailable.
        """
        if not authorization:
            raise _no("no-token", "a bearer token is required")
        about = about if len(about) <= LONGEST else ""  # no arrangement: whoever asks chooses what is remembered
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _no("no-token", "the Authorization header must be 'Bearer', a space and a token")
        known = self._known.get((token, about))
        if known is None:
            key, claims = await self._verify(token, about)
            known = _Known(key, claims, self._clock())
            await self._remember((token, about), known)
        self._in_time(known.claims)
        await self._recheck(token, about, known)
        return known.claims.iss

    async def _remember(self, use: tuple[str, str], known: _Known) -> None:
        named = self._is_named is None or await self._is_named(known.claims.iss)
        self._known[use] = known
        for each in (self._named if named else self._strangers).add(use, known):
            self._known.pop(each, None)

    async def _recheck(self, token: str, about: str, known: _Known) -> None:
        """Tokens signed with a key that is no longer its sender's are no longer valid."""
        now = self._clock()
        if 0 <= now - known.checked < RECHECK_S:
            return
        if known.key not in await self._keys(known.claims.iss, about):
            self._known.pop((token, about), None)
            for each in (self._named, self._strangers):
                each.forget((token, about), known.claims.iss)
            raise _no("unknown-key", f"not signed by a present key of {known.claims.iss}")
        known.checked = now

    async def _verify(self, token: str, about: str) -> tuple[bytes, _Claims]:
        parts = token.split(".")
        if len(token) > LARGEST or len(parts) != 3:
            raise _no("bad-token", "not a signed JWT")
        header = _json(parts[0], dict[str, object], "header")
        claims = _json(parts[1], _Claims, "claims")
        expected = {"alg": "EdDSA", "typ": TYPE, "kid": f"{claims.iss}#tokens"}
        if header != expected:
            wrong = sorted(name for name in header.keys() | expected.keys() if header.get(name) != expected.get(name))
            raise _no("bad-token-header", f"header {wrong[0]!r} is not as agreed")
        if claims.aud != self._me:
            raise _no("wrong-audience", f"the token is for {claims.aud}, this is {self._me}")
        if claims.at != self._address:
            raise _no("wrong-address", f"the token is for {claims.at}, this is {self._address}")
        self._in_time(claims)
        keys = await self._keys(claims.iss, about)
        if not keys:
            raise _no("unknown-sender", f"{claims.iss} is unknown to us")
        signature = _decode(parts[2], "signature")
        signed = token[: token.rindex(".")].encode("ascii")
        if len(signature) == SIGNATURE_SIZE:
            for key in keys:
                if verify(key, signed, signature):
                    return key, claims
        raise _no("bad-signature", f"not signed by a key of {claims.iss}")

    def _in_time(self, claims: _Claims) -> None:
        now = self._clock()
        if claims.iat > now + LEEWAY:
            raise _no("token-early", "the token is from the future: the clocks differ")
        if claims.exp <= now - LEEWAY:
            raise _no("token-late", "the token has expired")
        if not 0 < claims.exp - claims.iat <= LIFE:
            raise _no("token-life", f"the token must live at most {LIFE} s")


def _address(did: str) -> str:
    """The one address of a node. Raises Refused for a DID that has none."""
    try:
        return address_of(did)
    except Malformed as error:
        raise Refused("no-address", f"no node is there: {error.reason}", did[:200]) from None


def _no(code: str, reason: str) -> Unauthorised:
    return Unauthorised(code, reason, "Authorization")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str, name: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        data = b""
    if _encode(data) != text:  # one spelling only: the token is also the key of the cache
        raise _no("bad-token", f"the {name} is not base64url")
    return data


def _json(text: str, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(_decode(text, name), type=kind, strict=True)
    except UNREADABLE as error:
        raise _no("bad-token", f"{name}: {error}") from None
