"""The promises that adapters keep. Types only; who keeps them is named in `runtime` alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """A stored document. `version` counts its writes from 1; `tag` is an optional secondary key for `find`; `order`
    numbers documents in the order of their first writes, and no two are the same."""

    kind: str
    key: str
    version: int
    body: bytes = field(repr=False)  # may hold a secret, as every body here
    tag: str = ""
    order: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Put:
    """Write a document if its version is still `seen` (0: it must not exist yet; None: whatever there is)."""

    kind: str
    key: str
    seen: int | None
    body: bytes = field(repr=False)
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """One outgoing message. Delivered at least once, in order of `order` within one `queue`; a later one waits."""

    queue: str  # process id: head-of-line order holds inside a queue
    peer: str  # the receiver's DID
    url: str
    body: bytes = field(repr=False)
    id: int = 0  # given by the store
    attempts: int = 0
    due: float = 0.0  # UNIX seconds; when it may go out


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one change does, committed at once."""

    puts: Sequence[Put] = ()
    deletes: Sequence[tuple[str, str]] = ()  # (kind, key)
    leaves: Sequence[tuple[str, int, bytes]] = ()  # (arrangement, index, leaf); replaces and truncates what follows
    sends: Sequence[Send] = ()
    delivered: Sequence[int] = ()  # ids of sends to forget
    retries: Sequence[tuple[int, float]] = field(default=())  # (send id, due: UNIX seconds)


class Store(Protocol):
    """Durable state. Every method is safe to call from one event loop; writes go through one writer."""

    @property
    def generation(self) -> int:
        """How many times it was found, when opened, to be an older copy of what there had been."""
        ...

    async def get(self, kind: str, key: str) -> Row | None:
        """The document, or None. Reads every commit that has returned."""
        ...

    async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
        """The documents of a kind (with this tag), by key: from the key `start` on, and at most `limit` (-1: all)."""
        ...

    async def commit(self, batch: Batch) -> bool:
        """All or nothing; durable (flushed to disk) on return; False, nothing done, iff a version was not `seen`."""
        ...

    async def leaves(self, arrangement: str, start: int, stop: int | None = None) -> list[bytes]:
        """The record's leaves [start, stop), in order."""
        ...

    async def due(self, now: float, limit: int, room: Callable[[str], int] | None = None) -> list[Send]:
        """Undelivered sends that are due by `now`, at most `limit`: the first of each queue only, and of one peer at
        most as many as there is `room` for; by the time at which they are due, oldest first."""
        ...

    async def close(self) -> None:
        """Finish what is queued and close."""
        ...


class ResponseStream(Protocol):
    """A response whose body has not been read yet."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields; looking one up ignores case."""
        ...

    def blocks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, in pieces of at most a few MiB. Raises Unavailable if it breaks off."""
        ...


class Fetcher(Protocol):
    """Outgoing GETs whose answers may be larger than memory."""

    def stream(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[ResponseStream]:
        """Ask for `url`, without following redirects. Raises Unavailable if nobody answers, Refused if it may not be
        asked; every status is an answer. Leaving the context closes an unread response.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A tranche of a signed arrangement as the Dataspace Protocol sees it."""

    id: str
    title: str
    provider_did: str
    recipient_did: str
    arrangement_hash: str  # hex
    tranche: str
    media_types: tuple[str, ...] = ()


class Datasets(Protocol):
    """The tranches of the arrangements that this node is part of, and where their parties are."""

    async def offered_to(self, did: str) -> list[Dataset]:
        """The datasets that we provide to this party, by id; none for a stranger."""
        ...

    async def dataset(self, id: str) -> Dataset | None:  # noqa: A002 (its name in the protocol)
        """One dataset, whichever side of it we are on, or None."""
        ...

    async def address(self, did: str, dataset: str) -> str | None:
        """The address of a party's node as the terms of this dataset pin it, or None for a stranger to them."""
        ...


class Peers(Protocol):
    """Other nodes, asked with our token. An error answer is raised as the error that it is."""

    async def post(self, did: str, address: str, path: str, body: bytes) -> bytes:
        """POST and return the answer's body. Raises Unavailable where nobody answers."""
        ...

    async def get(self, did: str, address: str, path: str) -> bytes:
        """GET and return the answer's body. Raises Unavailable where nobody answers."""
        ...


class Signer(Protocol):
    """One of our own keys. Its private half does not leave it."""

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        ...

    @property
    def text(self) -> str:
        """The public key in standard base64, as terms pin it."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `message`."""
        ...


class KeySource(Protocol):
    """Our own keys by role: entries, checkpoints, tokens."""

    def __getitem__(self, role: str) -> Signer:
        """Raises Misuse if there is none for this role."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenLogin:
    """What an OpenID Connect provider has signed of a login: who, and the nonce; and its public key for it (a JWK)."""

    issuer: str
    subject: str
    nonce: str
    jwk: str


class Logins(Protocol):
    """The OpenID Connect providers that this node believes."""

    async def proven(self, token: str) -> ProvenLogin:
        """Verify a fresh ID token: signature by its issuer's key, audience, and times. Raises Unauthorised, or
        Unavailable where the provider's keys cannot be had now."""
        ...


class Clock(Protocol):
    """What time it is for an arrangement: UTC seconds, or the simulated clock."""

    def now(self, *, simulated: bool) -> int:
        """Whole UTC seconds."""
        ...

    def wall(self) -> int:
        """What the machine's clock says, whether or not that is believed; whole UTC seconds."""
        ...


class Caller(Protocol):
    """Who has sent a request."""

    async def __call__(self, authorization: str | None, about: str = "") -> str:
        """The sender's DID, by the Authorization header of a request about this arrangement (or about none).

        Raises Unauthorised, or Unavailable where its keys cannot be had now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """One way to a provider and back: what only the browser that began it and we know, and what its token must name.
    `fresh`: whoever is logged in there must show again who they are."""

    state: str
    nonce: str
    verifier: str = field(repr=False)
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom a provider has logged in: the subject there is who they are; and the ID token that says so."""

    subject: str
    name: str
    roles: tuple[str, ...]
    token: str = field(repr=False)


class LoginProvider(Protocol):
    """An OpenID Connect provider, as a console that people log in to needs it."""

    @property
    def issuer(self) -> str: ...

    async def address(self, attempt: LoginAttempt) -> str:
        """Where to send the browser. Raises Unavailable."""
        ...

    async def account(self, attempt: LoginAttempt, code: str) -> Account:
        """Whom the code that came back stands for. Raises Unauthorised, or Unavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """Who did what, when (UTC seconds), about what, and what came of it. `number` counts from 1 on; `before` is the
    hash of the line before as it was written (SHA-256 in hex; "" in the first)."""

    number: int
    at: int
    subject: str
    name: str
    action: str
    about: str
    outcome: str
    before: str


@dataclass(frozen=True, slots=True)
class AuditChain:
    """How many lines there are, the hash of the last, and the first that is not as it was written, if its chain was
    looked through."""

    lines: int
    head: str
    broken: int | None = None


class Audit(Protocol):
    """What is kept of what people did."""

    async def note(self, subject: str, name: str, action: str, about: str, outcome: str) -> None:
        """Keep a line; durable on return."""
        ...

    async def lines(self, before: int | None = None) -> list[AuditLine]:
        """The last lines, or the last before this number; the latest first, and not more than fit on a page."""
        ...

    async def chain(self, *, check: bool = False) -> AuditChain:
        """Where the trail ends; with `check`, once all of it has been read."""
        ...
