"""Signatures that are remembered are judged as they were the first time."""

from __future__ import annotations

import pytest

from armslength.core.record.keys import verify
from armslength.identity.verified import SHORT, remembering
from tests.record_builder import public, signer


@pytest.mark.parametrize("size", [10, SHORT + 1])
def test_what_is_remembered_is_what_the_rule_says(size: int) -> None:
    """Of key, message and signature together: neither a good nor a bad answer is given for another of them."""
    remembered = remembering(2)
    keys = [public(actor, "entries") for actor in "AB"]
    messages = [b"a" * size, b"b" * size]
    signatures = [signer(actor)(message) for actor in "AB" for message in messages]
    cases = [(key, message, signature) for key in keys for message in messages for signature in signatures]
    for _ in range(2):
        assert [remembered(*case) for case in cases] == [verify(*case) for case in cases]
        assert sum(remembered(*case) for case in cases) == 4
