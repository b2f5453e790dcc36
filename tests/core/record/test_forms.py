"""The form of every field that types alone do not pin: what is admitted at the edge, and the place that a refusal
names."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Ack, Allege, Attest, Body, Commit, Key, Notice, Release, Seal, Sign
from armslength.core.record.entry import TYPE_OF, Entry, Head, Refusal
from armslength.core.record.forms import check_entry, check_refusal
from armslength.core.record.keys import to_base64
from armslength.errors import Malformed

HASH, LONG = "0" * 64, "0" * 65
HEAD = Head(size=0, tree_root=HASH, state_root=HASH)
REFUSAL = Refusal(arrangement=HASH, entry=HASH, head=HEAD, code="late", reason="", by="A", sig="")
COMMIT = Commit(
    tranche="T1",
    agreement="urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
    media_type="text/plain",
    size=0,
    plain_root=HASH,
    cipher_size=56 + 16,
    cipher_root=HASH,
    header=to_base64(bytes(56)),
)
GOOD: list[Body] = [
    Sign(),
    COMMIT,
    dataclasses.replace(COMMIT, size=16383, cipher_size=56 + 16383 + 16),
    dataclasses.replace(COMMIT, size=16384, cipher_size=56 + 16384 + 32),
    Attest(claim="k", period=0, value=True),
    Attest(claim="k", period=0, value=True, supersedes=HASH),
    Notice(claim="k", start=0, end=0, text=""),
    Allege(tranche="T1"),
    Allege(claim="k", period=0),
    Ack(tranche="T1", stage="cipher", key=to_base64(bytes([9]) + bytes(31))),
    Ack(tranche="T1", stage="plain", ok=False, evidence=HASH),
    Release(tranche="T1", wrapped=HASH),
    Key(tranche="T1", wrapped=""),
    Seal(checkpoint="", state_root=HASH),
]


def entry(body: Body, **changes: Any) -> Entry:
    """An entry in the agreed form but for the changes."""
    made = Entry(
        arrangement=HASH, author="A", author_seq=0, author_prev="", seen=HEAD, type=TYPE_OF[type(body)], body=body
    )
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize("body", GOOD)
def test_what_is_in_the_agreed_form_passes(body: Body) -> None:
    """At the edge of what is admitted too."""
    check_entry(entry(body))
    check_entry(entry(body, author_prev=HASH, refused=(REFUSAL, REFUSAL)))


def head(**changes: Any) -> Head:
    """A head with a fault."""
    return dataclasses.replace(HEAD, **changes)


def refusal(**changes: Any) -> Refusal:
    """A refusal with a fault."""
    return dataclasses.replace(REFUSAL, **changes)


BAD_ENTRIES = [
    ({"v": 0}, "bad-version", "v"),
    ({"v": 2}, "bad-version", "v"),
    ({"type": "seal"}, "unknown-type", "type"),
    ({"type": "amend"}, "unknown-type", "type"),
    ({"author_seq": -1}, "bad-number", "author_seq"),
    ({"author_prev": LONG}, "bad-hash", "author_prev"),
    ({"seen": head(size=-1)}, "bad-number", "seen.size"),
    ({"seen": head(tree_root="")}, "bad-hash", "seen.tree_root"),
    ({"seen": head(state_root=LONG)}, "bad-hash", "seen.state_root"),
    ({"refused": ()}, "not-canonical", "refused"),
    ({"refused": (REFUSAL, refusal(arrangement=""))}, "bad-hash", "refused[1].arrangement"),
    ({"refused": (refusal(entry=LONG), REFUSAL)}, "bad-hash", "refused[0].entry"),
    ({"refused": (REFUSAL, refusal(head=head(size=-1)))}, "bad-number", "refused[1].head.size"),
    ({"refused": (refusal(head=head(tree_root="")),)}, "bad-hash", "refused[0].head.tree_root"),
    ({"refused": (refusal(head=head(state_root="")),)}, "bad-hash", "refused[0].head.state_root"),
]
SHORT = to_base64(bytes(31))
BAD_BODIES: list[tuple[Body, dict[str, Any], str]] = [
    (Attest(claim="k", period=0, value=True), {"supersedes": ""}, "bad-hash"),
    (Attest(claim="k", period=0, value=True), {"period": -1}, "bad-number"),
    (Notice(claim="k", start=0, end=0, text=""), {"start": -1}, "bad-number"),
    (Notice(claim="k", start=0, end=0, text=""), {"end": -1}, "bad-number"),
    (Allege(claim="k", period=0), {"period": -1}, "bad-number"),
    (COMMIT, {"size": -1}, "bad-number"),
    (COMMIT, {"cipher_size": -1}, "bad-number"),
    (COMMIT, {"cipher_size": 71}, "bad-size"),
    (COMMIT, {"cipher_size": 73}, "bad-size"),
    (COMMIT, {"plain_root": LONG}, "bad-hash"),
    (COMMIT, {"cipher_root": LONG}, "bad-hash"),
    (COMMIT, {"header": to_base64(bytes(55))}, "bad-length"),
    (COMMIT, {"header": "!"}, "bad-base64"),
    (COMMIT, {"agreement": COMMIT.agreement + "0"}, "bad-agreement"),
    (Ack(tranche="T1", stage="cipher"), {"key": SHORT}, "bad-length"),
    (Ack(tranche="T1", stage="cipher"), {"key": to_base64(bytes(32))}, "bad-key"),
    (Ack(tranche="T1", stage="cipher"), {"key": to_base64(bytes(31) + b"\x80")}, "bad-key"),
    (Ack(tranche="T1", stage="cipher"), {"key": to_base64((2**255 - 18).to_bytes(32, "little"))}, "bad-key"),
    (Ack(tranche="T1", stage="plain"), {"evidence": ""}, "bad-hash"),
    (Release(tranche="T1", wrapped=HASH), {"wrapped": "0"}, "bad-hash"),
    (Key(tranche="T1", wrapped=""), {"wrapped": "A"}, "bad-base64"),
    (Seal(checkpoint="", state_root=HASH), {"state_root": LONG}, "bad-hash"),
]


@pytest.mark.parametrize(("changes", "code", "place"), BAD_ENTRIES)
def test_fault_of_an_entry_is_told_with_its_place(changes: dict[str, Any], code: str, place: str) -> None:
    """The code, and the field itself."""
    with pytest.raises(Malformed) as caught:
        check_entry(entry(Sign(), **changes))
    assert (caught.value.code, caught.value.place) == (code, place)


@pytest.mark.parametrize(("body", "changes", "code"), BAD_BODIES)
def test_fault_of_a_body_is_told_with_its_place(body: Body, changes: dict[str, Any], code: str) -> None:
    """The field that was changed."""
    (field,) = changes
    with pytest.raises(Malformed) as caught:
        check_entry(entry(dataclasses.replace(body, **changes)))
    assert (caught.value.code, caught.value.place) == (code, f"body.{field}")


def test_fault_of_a_refusal_on_its_own() -> None:
    """An answer that comes from a keeper is held to the same form."""
    check_refusal(REFUSAL)
    with pytest.raises(Malformed) as caught:
        check_refusal(refusal(head=head(tree_root="")))
    assert caught.value.place == "refusal.head.tree_root"
