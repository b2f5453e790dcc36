"""What is secret is in no text that an error, a log or a trace could show."""

from __future__ import annotations

from typing import Any

import pytest

from armslength.core.transfer import DataAddress
from armslength.delivery.sealing import SealedFile
from armslength.delivery.wrapping import KeyPair
from armslength.engine.contents import Publication, Reception
from armslength.identity.keys import KeyRing, PrivateKey
from armslength.identity.tokens import Tokens, Verifier
from armslength.ports import Put, Row, Send

SECRET = "an-open-secret-of-32-characters!"
RAW = SECRET.encode()


async def _nobody(*_: str) -> tuple[bytes, ...]:
    return ()


COMMITMENT: dict[str, Any] = {"size": 1, "plain_root": "", "cipher_size": 1, "cipher_root": "", "header": ""}
HOLDERS = [
    PrivateKey(RAW),
    KeyRing({"tokens": PrivateKey(RAW)}),
    Tokens("did:web:a.example", PrivateKey(RAW)),
    Verifier("did:web:a.example", _nobody),
    KeyPair(public=bytes(32), private=RAW),
    SealedFile(key=RAW, **COMMITMENT),
    Publication(
        path="",
        media_type="",
        key=SECRET,
        size=1,
        plain_root="",
        cipher_size=1,
        cipher_root="",
        header="",
    ),
    Reception(cipher="", private=SECRET),
    DataAddress(endpoint_type="", authorization=SECRET, properties=(("authorization", SECRET),)),
    Row("kind", "key", 1, RAW),
    Put("kind", "key", 0, RAW),
    Send("lane", "did:web:b.example", "https://b.example", RAW),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_a_secret_is_not_shown(holder: object) -> None:
    """Neither as text nor as hex, whatever holds it."""
    for text in (repr(holder), str(holder), f"{[holder]}"):
        assert SECRET not in text
        assert RAW.hex() not in text
