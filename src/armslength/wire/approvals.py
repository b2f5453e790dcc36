"""Officials, policies and the journal of approvals as documents: YAML by their authors, canonical JSON everywhere else.

A policy file:

    officials:
      vera: cards/vera.yaml          # a card in a file of its own, or written here
      ivo: {name: Ivo Lund, keys: ["did:key:z6Mk…"]}
      kaja: {name: Kaja Berg, logins: [{issuer: "https://login.example", subject: "4711"}]}
    acts:
      release: {quorum: 2, of: [vera, ivo, kaja]}
      "*": {quorum: 1, of: [vera, ivo, kaja], including: [vera], objection: noted}
    lapse: 7d
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import msgspec

from armslength.approvals.drafts import Decision, DraftedAct, Proof
from armslength.approvals.ledger import ApprovalLine
from armslength.approvals.policy import MAX_POLICY, ApprovalPolicy, ApprovalRule, Login, Official, check_policy
from armslength.core.canonical import canonical
from armslength.core.record.keys import from_base64, to_base64
from armslength.errors import Malformed, Unauthorised
from armslength.wire import strict
from armslength.wire.did_key import key_did, key_of
from armslength.wire.terms_tree import YamlNode
from armslength.wire.terms_values import BadValue, read_duration, read_id, read_line, write_duration
from armslength.wire.terms_write import to_yaml
from armslength.wire.terms_yaml import parse

MAX_LINE: Final = 1024 * 1024  # bytes of a line of the journal
MAX_DECISION: Final = 64 * 1024
MAX_TOKEN: Final = 16 * 1024

Load = Callable[[str], bytes]
"""The bytes of a file beside the policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoredOfficial:
    """A card as its official hands it over; keys as did:key."""

    name: str
    keys: tuple[str, ...] = ()
    logins: tuple[Login, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoredRule:
    """Whom an act needs."""

    quorum: int
    of: tuple[str, ...]
    including: tuple[str, ...] = ()
    objection: Literal["ends", "noted"] = "ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoredPolicy:
    """A policy file: an official's card, or where it lies."""

    officials: dict[str, AuthoredOfficial | str] = field(default_factory=dict)
    acts: dict[str, AuthoredRule] = field(default_factory=dict)
    lapse: str = "7d"


# --- by their authors -------------------------------------------------------------------------------------------------


def read_policy(data: bytes, file: str, load: Load) -> ApprovalPolicy:
    """The policy in a file. Raises Malformed or Refused with the place."""
    authored = _authored(AuthoredPolicy, data, file)
    officials = dict[str, Official]()
    for name, given in authored.officials.items():
        _fit(read_id, name, f"officials.{name}")
        card = _authored(AuthoredOfficial, load(given), given) if isinstance(given, str) else given
        officials[name] = _official(card, f"officials.{name}")
    acts = {
        name: ApprovalRule(
            count=rule.quorum, of=rule.of, including=rule.including, objection_ends=rule.objection == "ends"
        )
        for name, rule in authored.acts.items()
    }
    policy = ApprovalPolicy(officials=officials, acts=acts, lapse=_fit(read_duration, authored.lapse, "lapse"))
    check_policy(policy)
    return policy


def write_policy(policy: ApprovalPolicy) -> str:
    """The policy as its author would write it."""
    officials = {
        name: {
            "name": official.name,
            **({"keys": [key_did(from_base64(key, name)) for key in official.keys]} if official.keys else {}),
            **({"logins": [{"issuer": each.issuer, "subject": each.subject} for each in official.logins]}
               if official.logins else {}),
        }
        for name, official in policy.officials.items()
    }  # fmt: skip
    acts = {
        name: {
            "quorum": rule.count,
            "of": list(rule.of),
            **({"including": list(rule.including)} if rule.including else {}),
            **({} if rule.objection_ends else {"objection": "noted"}),
        }
        for name, rule in policy.acts.items()
    }
    return to_yaml({"officials": officials, "acts": acts, "lapse": write_duration(policy.lapse)})


def write_card(name: str, public: bytes) -> str:
    """The card of an official with this key."""
    return to_yaml({"name": name, "keys": [key_did(public)]})


def _official(card: AuthoredOfficial, place: str) -> Official:
    keys = tuple(to_base64(key_of(each)) for each in card.keys)
    return Official(name=_fit(read_line, card.name, f"{place}.name"), keys=keys, logins=card.logins)


def _fit(read: Callable[[Any], Any], value: object, place: str) -> Any:
    try:
        return read(value)
    except BadValue as error:
        raise Malformed("bad-policy", error.reason, place) from None


def _authored(kind: type[Any], data: bytes, file: str) -> Any:
    if len(data) > MAX_POLICY:
        raise Malformed("too-large", f"at most {MAX_POLICY} bytes", file)
    try:
        return strict.exact(kind, canonical(_plain(parse(data, file))))
    except ValueError as error:
        raise Malformed("bad-policy", str(error), file) from None
    except Malformed as error:
        raise Malformed(error.code, error.reason, f"{file}: {error.place}" if error.place else file) from None


def _plain(node: YamlNode) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(each) for key, each in node.value.items()}
    return [_plain(each) for each in node.value] if isinstance(node.value, list) else node.value


# --- everywhere else --------------------------------------------------------------------------------------------------


def decode_line(data: bytes) -> ApprovalLine:
    """A line of the journal. Raises Malformed, and Unauthorised for a login whose token does not say so."""
    line = strict.decode(ApprovalLine, data, MAX_LINE)
    for proof in (line.decided and line.decided.proof, line.requested and line.requested.proof):
        if proof and proof.token is not None and told(proof) != (proof.login, proof.nonce):
            raise Unauthorised("bad-login", "its token tells of another login", f"line {line.number}")
    return line


def decode_draft(data: bytes) -> DraftedAct:
    """A draft in a file. Raises Malformed."""
    return strict.decode(DraftedAct, data.rstrip(b"\n"), MAX_LINE)


def decode_decision(data: bytes) -> Decision:
    """A decision in a file. Raises Malformed."""
    return strict.decode(Decision, data.rstrip(b"\n"), MAX_DECISION)


class LoginClaims(msgspec.Struct):
    """What of an ID token counts here."""

    iss: str
    sub: str
    nonce: str


def told(proof: Proof) -> tuple[Login, str]:
    """Whose login the ID token of a proof tells of, and its nonce. Who signed it is not looked at. Raises
    Unauthorised."""
    middle = (proof.token or "")[:MAX_TOKEN].split(".")[1:2]
    try:
        body = base64.urlsafe_b64decode("".join(middle) + "=" * (-len("".join(middle)) % 4))
        claims = msgspec.json.decode(body, type=LoginClaims)
    except (ValueError, binascii.Error, *strict.UNREADABLE):
        raise Unauthorised("bad-login", "is no ID token with issuer, subject and nonce", "token") from None
    return Login(issuer=claims.iss, subject=claims.sub), claims.nonce


def with_login(proof: Proof) -> Proof:
    """The proof with what its token says, in place of whatever it said itself."""
    if proof.token is None:
        return proof
    login, nonce = told(proof)
    return replace(proof, login=login, nonce=nonce)
