"""Drafts of acts, and what officials sign about them.

A draft is everything that its officials approve: what is to be done, the state of what it is about, who asks and why,
under which policy, and when it lapses. Its SHA-256 names it, so that a word about one is about no other (rule 12.2a).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from armslength.approvals.policy import ApprovalPolicy, Login
from armslength.core.arrangement.bodies import Body, Commit
from armslength.core.canonical import JsonObject, canonical, digest, plain
from armslength.core.record.entry import TYPE_OF
from armslength.core.record.keys import is_signed, public_key
from armslength.errors import Malformed, Unauthorised

PREFIX: Final = b"armslength/approval/1\n"
ASK, APPROVE, OBJECT = "ask", "approve", "object"  # what an official says of a draft
PROPOSE, ACCEPT, DECLINE, PUBLISH, SIGN = "propose", "accept", "decline", "publish", "sign"  # acts
MAX_DRAFT: Final = 256 * 1024  # bytes
MAX_WHY: Final = 2000  # characters
MOST_ACTS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something to be done: its name, and what exactly."""

    name: str
    body: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an act is about, as it stands: its id, its state by its public name, and since when."""

    name: str
    state: str
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftedAct:
    """An act that waits for approval; several of one name where one command means them together.

    `policy`: the hash of the one in force. `about`: where the acts' objects stand, in the acts' order. `by`: the
    official who asks, "" for the node itself. `until`: it is a standing approval, and ends then. Times are UNIX
    seconds by the node's clock. The `nonce` makes one that is asked again another one.
    """

    policy: str
    arrangement: str
    acts: tuple[Act, ...]
    about: tuple[Subject, ...]
    by: str
    why: str
    lapses: int
    nonce: str
    until: int | None = None

    @property
    def hash(self) -> str:
        """Its name."""
        return digest(canonical(self))

    @property
    def act(self) -> str:
        """The name of its acts."""
        return self.acts[0].name


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How an official shows that a word is its own: `key` and `sig` (base64, Ed25519); or the ID `token` of a `login`
    whose `nonce` is the word's, with the key (`jwk`, JSON) by which the provider signed it."""

    key: str | None = None
    sig: str | None = None
    login: Login | None = None
    nonce: str | None = None
    token: str | None = None
    jwk: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What an official says of a draft."""

    draft: str
    word: str
    proof: Proof


def word_message(draft: str, word: str) -> bytes:
    """What an official signs: the draft's hash and its word, with a prefix of their own (rule 12.3a)."""
    return PREFIX + canonical({"draft": draft, "word": word})


def login_nonce(draft: str, word: str) -> str:
    """The nonce of the login by which an official gives its word: 64 hex digits."""
    return digest(word_message(draft, word))


def official_of(policy: ApprovalPolicy, draft: str, word: str, proof: Proof) -> str:
    """The official whose word this is, by the policy in force. Raises Unauthorised (rule 12.3a).

    A login is bound to the word here. That its token says so is read in `wire`, and that the provider signed it is
    verified once, when it comes (`ports.Logins`).
    """
    if proof.key is not None and proof.sig is not None and proof.token is None:
        found = policy.with_key(proof.key)
        key = public_key(proof.key, "key")
        if found is not None and not is_signed(key, word_message(draft, word), proof.sig):
            raise Unauthorised("bad-signature", "is not this official's signature of this word", "sig")
    elif proof.token is not None and proof.key is None and proof.sig is None:
        if proof.login is None or proof.nonce != login_nonce(draft, word):
            raise Unauthorised("bad-login", "the login was for something else", "token")
        found = policy.with_login(proof.login)
    else:
        raise Unauthorised("no-proof", "give a key's signature, or a login's token", "proof")
    if found is None:
        raise Unauthorised("no-official", "is no official of the policy in force", "proof")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposing:
    """What is proposed: the SHA-256 of the whole proposal, terms, texts and words."""

    proposal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declining:
    """With what reason terms are declined."""

    reason: str = ""


class Sealed(Protocol):
    """What an approval to publish is about, of a sealed file."""

    @property
    def media_type(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def plain_root(self) -> str: ...

    @property
    def cipher_root(self) -> str: ...


def publishing(tranche: str, file: Sealed) -> Act:
    """The act of giving out this file."""
    roots = {"plain_root": file.plain_root, "cipher_root": file.cipher_root}
    return Act(name=PUBLISH, body={"tranche": tranche, "media_type": file.media_type, "size": file.size} | roots)


def act_of(body: Body) -> Act:
    """What a statement does. A commitment publishes: what counts is the file, whatever agreement it is given under."""
    if isinstance(body, Commit):
        return publishing(body.tranche, body)
    return Act(name=TYPE_OF[type(body)], body=plain(body))


def check_draft(draft: DraftedAct) -> None:
    """Raise Malformed for what no draft may be."""
    if not draft.acts or len(draft.acts) > MOST_ACTS or len({act.name for act in draft.acts}) > 1:
        raise Malformed("bad-draft", f"has between 1 and {MOST_ACTS} acts of one name", "acts")
    if len(draft.why) > MAX_WHY:
        raise Malformed("too-long", f"at most {MAX_WHY} characters", "why")
    try:
        size = len(canonical(draft))
    except ValueError as error:
        raise Malformed("bad-draft", str(error), "acts") from None
    if size > MAX_DRAFT:
        raise Malformed("too-large", f"a draft has at most {MAX_DRAFT} bytes", "draft")
