"""Policies as their authors write them, and the journal's lines as they are stored."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest

from armslength.approvals.drafts import APPROVE, Decision, Proof
from armslength.approvals.policy import ApprovalPolicy, Login
from armslength.core.canonical import canonical
from armslength.core.record.keys import from_base64
from armslength.errors import ArmslengthError, Malformed, Unauthorised
from armslength.wire.approvals import decode_decision, decode_line, read_policy, write_card, write_policy
from armslength.wire.did_key import key_did
from tests.approvals.people import add, asked, draft, governed, key, policy, says

VERA, IVO, KAJA = (key_did(key(name).public) for name in ("vera", "ivo", "kaja"))
TEXT = f"""
officials:
  vera: cards/vera.yaml
  ivo: {{name: Ivo Lund, keys: ["{IVO}"]}}
  kaja:
    name: Kaja Berg
    logins:
      - {{issuer: "https://login.example", subject: "4711"}}
acts:
  release: {{quorum: 2, of: [vera, ivo, kaja], including: [vera]}}
  "*": {{quorum: 1, of: [vera, ivo, kaja], objection: noted}}
lapse: 2d
"""


def load(name: str) -> bytes:
    """The files beside the policy."""
    assert name == "cards/vera.yaml"
    return write_card("Vera Holm", key("vera").public).encode()


def read(text: str) -> ApprovalPolicy:
    """The policy in a text."""
    return read_policy(text.encode(), "policy.yaml", load)


def test_a_policy_is_read_and_written() -> None:
    """Cards lie beside it or in it; durations are for people; what is written reads back."""
    found = read(TEXT)
    assert found.officials["vera"].name == "Vera Holm"
    assert from_base64(found.officials["vera"].keys[0], "key") == key("vera").public
    assert found.officials["kaja"].logins == (Login(issuer="https://login.example", subject="4711"),)
    assert (found.acts["release"].count, found.acts["release"].including) == (2, ("vera",))
    assert (found.acts["*"].objection_ends, found.lapse) == (False, 2 * 86400)
    assert read(write_policy(found)) == found


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("lapse: 2d", "lapse: soon", "lapse"),
        ("lapse: 2d", "lapses: 2d", "policy.yaml: lapses"),
        ("objection: noted", "objection: ignored", "policy.yaml: acts[...].objection"),
        (IVO, IVO[:-1], IVO[:-1]),
        ("vera: cards", "Ve ra: cards", "officials.Ve ra"),
        ("release:", "relase:", "acts.relase"),
        ("quorum: 1", "quorum: 9", "acts.*"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, place: str) -> None:
    """By its place."""
    with pytest.raises(ArmslengthError) as error:
        read(TEXT.replace(old, new))
    assert error.value.place == place


def test_lines_are_canonical() -> None:
    """A line reads back as it was; any other spelling of it is refused."""
    ledger = governed()
    made = draft(ledger)
    for fact in (asked(made), says("ivo", made, APPROVE)):
        line = add(ledger, fact)
        assert decode_line(canonical(line)) == line
        with pytest.raises(Malformed):
            decode_line(canonical(line).replace(b":", b": ", 1))


def test_a_login_says_what_its_token_says() -> None:
    """A line whose token tells of somebody else, or of another nonce, is none."""
    login = Login(issuer="https://login.example", subject="4711")
    claims = {"iss": login.issuer, "sub": login.subject, "nonce": "n", "aud": "x"}
    token = "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"
    good = Proof(login=login, nonce="n", token=token, jwk="{}")
    ledger = governed()

    def line(proof: Proof) -> bytes:
        return canonical(ledger.line(Decision(draft="00", word=APPROVE, proof=proof), 0))

    assert decode_line(line(good)).decided is not None
    for wrong in (
        dataclasses.replace(good, nonce="m"),
        dataclasses.replace(good, login=dataclasses.replace(login, subject="1")),
        dataclasses.replace(good, login=None),
        dataclasses.replace(good, token="e30.e30.e30"),
        dataclasses.replace(good, token="nothing"),
    ):
        with pytest.raises(Unauthorised):
            decode_line(line(wrong))


def test_a_decision_travels_as_a_file() -> None:
    """With the line feed that editors leave."""
    ledger = governed()
    said = says("ivo", draft(ledger), APPROVE)
    assert decode_decision(canonical(said) + b"\n") == said
    assert policy().hash != policy(release=policy().acts["*"]).hash
