"""Officials, and which acts need how many of them (part 12 of the rules).

Field names are the names in the canonical document; its SHA-256 names a policy. An act is named as the type of the
entry that states it, but for those that are no entries, and for `publish`, which the entry `commit` states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from armslength.core.arrangement.terms import Quorum
from armslength.core.canonical import canonical, digest
from armslength.core.record.keys import public_key
from armslength.errors import Malformed, Refused

REST: Final = "*"
POLICY: Final = "policy"  # the act of changing the policy
RELEASE: Final = "release"
AUTOMATIC: Final = frozenset({RELEASE})  # acts for which the node itself asks
FREE: Final = frozenset({"ack", "evidence", "key", "seal"})  # need nobody: a key follows from its release
ACTS: Final = frozenset({
    "propose", "accept", "decline", "sign", "amend", "consent", "publish", RELEASE, "attest", "notice", "perform",
    "allege", "respond", "determine", "resume", "withdraw", "waive", "exercise", "revoke", "revise", "confirm",
    "rekey", POLICY,
})  # fmt: skip
WEEK: Final = 7 * 86400
LONGEST: Final = 366 * 86400  # seconds that a draft may wait, or a standing approval hold
MOST: Final = 64  # officials
MOST_KEYS: Final = 16  # of one official, logins included
MAX_POLICY: Final = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Somebody at an OpenID Connect provider: its issuer, and the subject there."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """A card: one person, with all keys (Ed25519, base64) and logins of that person (rule 12.1a)."""

    name: str
    keys: tuple[str, ...] = ()
    logins: tuple[Login, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """At least `count` of the officials `of`, and all of `including`. Unless `objection_ends`, an objection is only
    noted."""

    count: int
    of: tuple[str, ...]
    including: tuple[str, ...] = ()
    objection_ends: bool = True

    def met(self, officials: tuple[str, ...]) -> bool:
        """Whether those who have approved are enough."""
        return Quorum(of=self.of, count=self.count, groups={}, including=self.including).met({}, officials)

    def could_be_met_without(self, asker: str) -> bool:
        """Whether the others can be enough if this official asks."""
        return self.met(tuple(name for name in self.of if name != asker))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """Which acts need whom; one with no acts asks for nobody. A draft waits for `lapse` seconds."""

    officials: dict[str, Official] = field(default_factory=dict)
    acts: dict[str, ApprovalRule] = field(default_factory=dict)
    lapse: int = WEEK

    @property
    def hash(self) -> str:
        """Its name."""
        return digest(canonical(self))

    def rule(self, act: str) -> ApprovalRule | None:
        """Whom an act needs; None: the owner's word suffices (rule 12.1b)."""
        return None if act in FREE else self.acts.get(act, self.acts.get(REST))

    def with_key(self, key: str) -> str | None:
        """The official who has this key."""
        return next((name for name, each in self.officials.items() if key in each.keys), None)

    def with_login(self, login: Login) -> str | None:
        """The official who has this login."""
        return next((name for name, each in self.officials.items() if login in each.logins), None)

    def speaker(self, key: str | None, login: Login | None) -> str | None:
        """The official who shows this login, or else this key."""
        return self.with_login(login) if login is not None else self.with_key(key or "")


OWNER: Final = ApprovalPolicy()  # the owner's word suffices for everything


def check_policy(policy: ApprovalPolicy) -> None:
    """Raise Malformed or Refused, with the place, for a policy that cannot be kept or protects nothing."""
    if len(canonical(policy)) > MAX_POLICY:
        raise Malformed("too-large", f"a policy has at most {MAX_POLICY} bytes", POLICY)
    if len(policy.officials) > MOST:
        raise Malformed("bad-policy", f"at most {MOST} officials", "officials")
    if not 60 <= policy.lapse <= LONGEST:
        raise Malformed("bad-policy", "a draft waits for a minute at least, and for 366 days at most", "lapse")
    _check_cards(policy)
    for act, rule in policy.acts.items():
        _check_rule(policy, act, rule)
    if policy.acts and policy.rule(POLICY) is None:
        reason = f"say whom it needs to change the policy: without `{POLICY}` or `{REST}` anybody could undo it"
        raise Refused("bad-policy", reason, f"acts.{POLICY}")


def _check_cards(policy: ApprovalPolicy) -> None:
    seen = dict[str | Login, str]()
    for place, owner, what in _identities(policy):
        if what in seen:
            raise Refused("bad-policy", f"{seen[what]} has it too: one card is one person, with all its keys", place)
        seen[what] = owner
    for name, official in policy.officials.items():
        place = f"officials.{name}"
        if not 1 <= len(official.keys) + len(official.logins) <= MOST_KEYS:
            raise Malformed("bad-policy", f"an official has between 1 and {MOST_KEYS} keys and logins", place)


def _identities(policy: ApprovalPolicy) -> Iterator[tuple[str, str, str | Login]]:
    for name, official in policy.officials.items():
        for index, key in enumerate(official.keys):
            place = f"officials.{name}.keys[{index}]"
            public_key(key, place)
            yield place, name, key
        for index, login in enumerate(official.logins):
            place = f"officials.{name}.logins[{index}]"
            if not login.issuer.startswith("https://") or not login.subject:
                raise Malformed("bad-policy", "an issuer is an https address, and its subject is not empty", place)
            yield place, name, login


def _check_rule(policy: ApprovalPolicy, act: str, rule: ApprovalRule) -> None:
    place = f"acts.{act}"
    if act not in ACTS and act != REST:
        raise Malformed("unknown-act", f"is no act; there are {', '.join(sorted(ACTS))} and {REST}", place)
    for names in (rule.of, rule.including):
        unknown = [name for name in names if name not in policy.officials]
        if unknown or len(set(names)) < len(names):
            raise Malformed("bad-policy", f"names each official once, and nobody else: {', '.join(names)}", place)
    if rule.count < 1:
        raise Malformed("bad-policy", "at least one official approves", place)
    askers = [""] if act in AUTOMATIC else list(policy.officials)
    if not any(rule.could_be_met_without(asker) for asker in askers):
        raise Refused("bad-policy", "nobody could ever approve it: whoever asks does not count", place)
