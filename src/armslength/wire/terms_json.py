"""The canonical arrangement document: bytes ↔ terms, and the hash that names the arrangement."""

from __future__ import annotations

import re
from functools import lru_cache

from armslength.core.arrangement.terms import SEMANTICS, Arrangement
from armslength.core.canonical import canonical, digest
from armslength.core.record.roster import roster
from armslength.errors import Malformed
from armslength.wire.strict import decode
from armslength.wire.terms_size import oversized

MAX_TERMS = 1024 * 1024
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def encode_terms(terms: Arrangement) -> bytes:
    """The canonical bytes of the terms: what the parties sign."""
    return canonical(terms)


def arrangement_hash(terms: Arrangement) -> str:
    """The arrangement's id."""
    return digest(encode_terms(terms))


@lru_cache(maxsize=8)  # the same few documents are read again and again
def decode_terms(data: bytes) -> Arrangement:
    """The terms in `data`: canonical, of known semantics, with usable ids, names and keys. Raises Malformed."""
    terms = decode(Arrangement, data, MAX_TERMS)
    if terms.semantics != SEMANTICS:
        raise Malformed("unknown-semantics", f"{terms.semantics!r} is not known here", "semantics")
    for section in ("actors", "clauses", "claims", "duties", "tranches"):
        for name in getattr(terms, section):
            if not _ID.fullmatch(name):
                raise Malformed("bad-id", "letters, digits and . _ - only, at most 64", f"{section}.{name}")
    for place, reason in oversized(terms):
        raise Malformed("too-large", reason, place)
    roster(terms)
    return terms
