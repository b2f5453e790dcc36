"""Identity cards of people who do not exist, and answers to every question of a template."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

from nacl.signing import SigningKey

from armslength.templates import ARRANGEMENT, Template, fill
from armslength.templates.answers import default_of
from armslength.wire.did_key import key_did
from armslength.wire.terms import Compiled, compile_terms

TODAY = 1_795_600_000  # 2026-11-25


def public(seed: str) -> bytes:
    """A public key, always the same for a seed."""
    return bytes(SigningKey(sha256(seed.encode()).digest()).verify_key)


def keys(who: str, *roles: str) -> dict[str, str]:
    """Public keys by role."""
    return {role: base64.b64encode(public(f"{who} {role}")).decode() for role in roles}


def node_card(who: str, name: str | None = None) -> dict[str, Any]:
    """The card of somebody with a node."""
    host = f"{who.replace('_', '-')}.example.org"
    identity = {"name": name, "did": f"did:web:{host}", "address": f"https://{host}"}
    return identity | {"keys": keys(who, "entries", "checkpoints", "tokens")}


def monitor_card(who: str, name: str | None = None) -> dict[str, Any]:
    """The card of a monitor without a node."""
    return {
        "name": name,
        "did": key_did(public(f"{who} tokens")),
        "address": None,
        "keys": keys(who, "entries", "tokens"),
    }


def default_answers(template: Template) -> dict[str, Any]:
    """The default of every question; everybody has a card, a node's where one may be needed."""
    return {
        each.id: (node_card if each.node else monitor_card)(each.id, each.default)
        if each.kind == "card"
        else default_of(each, TODAY)
        for each in template.questions
    }


def filled(template: Template, answers: dict[str, Any]) -> Compiled:
    """The terms that come out, compiled with the cards beside them."""
    files = fill(template, answers)
    return compile_terms(files[ARRANGEMENT], lambda name: files[name], file=f"{template.id}.yaml")
