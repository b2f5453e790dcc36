"""What a node remembers of signatures: it meets most of them more than once, in its view and in the keeper's leaves."""

from __future__ import annotations

from functools import lru_cache

from armslength.core.record.keys import Verify, verify

__all__ = ["Verify", "remembering"]

SHORT = 4096  # bytes of a message whose verification is remembered
MOST = 2048  # of them at once


def remembering(most: int = MOST) -> Verify:
    """The strict rule, with the answers for the last `most` short messages at hand."""
    known = lru_cache(maxsize=most)(verify)

    def remembered(key: bytes, message: bytes, signature: bytes) -> bool:
        return known(key, message, signature) if len(message) <= SHORT else verify(key, message, signature)

    return remembered
