"""Officials of an invented party, and their words."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from armslength.approvals.drafts import ASK, Act, Decision, DraftedAct, Proof, Subject, word_message
from armslength.approvals.ledger import Adoption, ApprovalLine, DraftRequest, Fact, Ledger
from armslength.approvals.policy import ApprovalPolicy, ApprovalRule, Official
from armslength.core.record.keys import to_base64
from armslength.identity.keys import PrivateKey

NAMES = ("vera", "ivo", "kaja")
NOON = 1_750_000_000
ARRANGEMENT = "ab" * 32


def key(name: str, number: int = 0) -> PrivateKey:
    """A key of an official."""
    return PrivateKey(hashlib.sha256(f"official {name} {number}".encode()).digest())


def card(name: str, keys: int = 2) -> Official:
    """A card with two keys."""
    return Official(name=name.capitalize(), keys=tuple(key(name, number).text for number in range(keys)))


def policy(**acts: ApprovalRule) -> ApprovalPolicy:
    """Three officials; two for everything that is not named."""
    rules = {"*": ApprovalRule(count=2, of=NAMES)} | acts
    return ApprovalPolicy(officials={name: card(name) for name in NAMES}, acts=rules)


def proof(who: str, name: str, word: str, number: int = 0) -> Proof:
    """An official's signature of its word on the draft with this hash."""
    signer = key(who, number)
    return Proof(key=signer.text, sig=to_base64(signer.sign(word_message(name, word))))


def says(who: str, draft: DraftedAct | str, word: str, number: int = 0) -> Decision:
    """An official's word."""
    name = draft if isinstance(draft, str) else draft.hash
    return Decision(draft=name, word=word, proof=proof(who, name, word, number))


def draft(ledger: Ledger, by: str = "vera", name: str = "withdraw", **changes: Any) -> DraftedAct:
    """A draft under the policy in force."""
    made = DraftedAct(
        policy=ledger.policy.hash,
        arrangement=ARRANGEMENT,
        acts=(Act(name=name, body={"text": "we leave"}),),
        about=(Subject(name="arrangement", state="EFFECTIVE", since=NOON - 10),),
        by=by,
        why="as decided on Monday",
        lapses=NOON + 86400,
        nonce="00",
    )
    return dataclasses.replace(made, **changes)


def asked(made: DraftedAct) -> DraftRequest:
    """The request for a draft, signed by its asker."""
    return DraftRequest(draft=made, proof=proof(made.by, made.hash, ASK) if made.by else None)


def add(ledger: Ledger, fact: Fact, at: int = NOON) -> ApprovalLine:
    """Place the line that states this."""
    line = ledger.line(fact, at)
    ledger.place(line)
    return line


def governed(in_force: ApprovalPolicy | None = None) -> Ledger:
    """A ledger with a policy in force."""
    ledger = Ledger()
    add(ledger, Adoption(policy=in_force or policy()))
    return ledger
