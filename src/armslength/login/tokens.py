"""ID tokens: who signed one, and whether it is for us, for now and for this login. The key is asked for by the token's
header alone, and no algorithm counts but those that a public key verifies."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from armslength.errors import Unauthorised
from armslength.wire.oidc import KeyParameters, KeySetDocument, TokenClaims, TokenHeader, read

ALGORITHMS: Final = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
CURVES: Final = {"EC": "P-256", "OKP": "Ed25519"}
MIN_RSA: Final = 2048
MAX_TOKEN: Final = 16 * 1024
MAX_SUBJECT: Final = 255
SKEW_S: Final = 60  # between a provider's clock and ours
FRESH_S: Final = 600  # since a token was made

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class KeyName:
    """Which key a token says that it is signed with."""

    algorithm: str
    kid: str | None


class IdentityKeys:
    """The keys of a provider, as it publishes them (a JWK set). What is no key for signatures of ours is left out."""

    def __init__(self, published: Mapping[str, Any]) -> None:
        listed = read(KeySetDocument, published).keys
        found = (_key(each) for each in (listed if isinstance(listed, list) else ())[:100])
        self._keys = [each for each in found if each is not None]

    def find(self, wanted: KeyName) -> PublicKey | None:
        """The one key that is meant. Without a name there must be one alone that could be."""
        fit = [each for each in self._keys if _fits(each, wanted)]
        return fit[0] if len(fit) == 1 else None


def _key(given: object) -> PublicKey | None:
    if not isinstance(given, dict):
        return None
    said = read(KeyParameters, given)
    if said.use not in (None, "sig") or said.kty not in ALGORITHMS.values() or said.d is not None:
        return None
    if said.crv != CURVES.get(said.kty):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            key = JWKRegistry.import_key(given)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey):
        return key if key.raw_value.key_size >= MIN_RSA else None
    return key if isinstance(key, ECKey | OKPKey) else None


def _fits(key: PublicKey, wanted: KeyName) -> bool:
    said = read(KeyParameters, key.as_dict(private=False))
    return (
        ALGORITHMS[wanted.algorithm] == said.kty
        and said.alg in (None, wanted.algorithm)
        and (wanted.kid is None or said.kid == wanted.kid)
    )


def key_name(token: str) -> KeyName:
    """What a token's header says, which nobody has verified. Raises Unauthorised."""
    if len(token) > MAX_TOKEN:
        raise _bad("is too large")
    try:
        header = read(TokenHeader, jws.extract_compact(token.encode("ascii")).headers())
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _bad("cannot be read") from None
    if header.alg not in ALGORITHMS:
        raise _bad(f"is signed by an algorithm that does not count; one of: {', '.join(ALGORITHMS)}")
    if header.crit is not None or not (header.kid is None or isinstance(header.kid, str)):
        raise _bad("has a header that is not understood")
    return KeyName(header.alg, header.kid)


def verified(token: str, key: PublicKey, issuer: str, client_id: str, now: float) -> dict[str, Any]:
    """The claims of a token that this key has signed, for us and for now. Raises Unauthorised."""
    algorithm = key_name(token).algorithm
    try:
        with warnings.catch_warnings(action="ignore"):  # of EdDSA's older name
            claims = jwt.decode(token, key, algorithms=[algorithm]).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _bad("is not signed by its issuer") from None
    _check(read(TokenClaims, claims), issuer, client_id, now)
    return claims


def _check(claims: TokenClaims, issuer: str, client_id: str, now: float) -> None:
    if claims.iss != issuer:
        raise _bad("is of another issuer")
    audiences = claims.aud if isinstance(claims.aud, list) else [claims.aud]
    if client_id not in audiences or claims.azp not in (None, client_id):
        raise _bad("is for somebody else")
    if len(audiences) > 1 and claims.azp is None:
        raise _bad("is for more than one, and does not say who asked for it")
    if not _time(claims.exp, "exp") > now - SKEW_S:
        raise _bad("has expired")
    if not now - FRESH_S - SKEW_S <= _time(claims.iat, "iat") <= now + SKEW_S:
        raise _bad("was made at another time")
    if claims.nbf is not None and _time(claims.nbf, "nbf") > now + SKEW_S:
        raise _bad("does not count yet")
    subject = claims.sub
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise _bad("names nobody")


def check_fresh(claims: Mapping[str, Any], now: float) -> None:
    """Raise Unauthorised unless the person has shown just now who they are."""
    if _time(read(TokenClaims, claims).auth_time, "auth_time") < now - FRESH_S - SKEW_S:
        raise _bad("is of a login long ago: log in again")


def _time(value: object, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise _bad(f"has no time {name}")
    return value


def public_jwk(key: PublicKey) -> str:
    """A key as JSON, for whoever verifies the token again."""
    return json.dumps(key.as_dict(private=False), sort_keys=True)


def _bad(reason: str) -> Unauthorised:
    return Unauthorised("bad-login", f"the ID token {reason}")
