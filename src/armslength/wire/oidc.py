"""What an OpenID Connect provider says, by the names of its documents (OpenID Connect 1.0, RFC 7517).

Nothing is believed here of what a field holds: it is whatever came, or None where nothing did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a provider publishes of itself."""

    issuer: Any
    authorization_endpoint: Any
    token_endpoint: Any
    jwks_uri: Any
    token_endpoint_auth_methods_supported: Any


@dataclass(frozen=True, slots=True)
class KeySetDocument:
    """Its keys."""

    keys: Any


@dataclass(frozen=True, slots=True)
class KeyParameters:
    """What a key says of itself. `d` is there where it is no public key."""

    kty: Any
    use: Any
    alg: Any
    kid: Any
    crv: Any
    d: Any


@dataclass(frozen=True, slots=True)
class TokenReply:
    """What it gives for a code."""

    id_token: Any


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """How a token is signed."""

    alg: Any
    kid: Any
    crit: Any


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says."""

    iss: Any
    sub: Any
    aud: Any
    azp: Any
    exp: Any
    iat: Any
    nbf: Any
    auth_time: Any
    nonce: Any
    name: Any
    preferred_username: Any
    email: Any
    email_verified: Any


def read(kind: type[T], table: Mapping[str, Any]) -> T:
    """The fields of a document that count here."""
    return kind(**{each.name: table.get(each.name) for each in fields(kind)})  # type: ignore[arg-type]
