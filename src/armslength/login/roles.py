"""What a login's claims make of a person: roles, by what the configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from armslength.login.settings import AccessSettings
from armslength.wire.oidc import TokenClaims, read

LONGEST_NAME = 80


def roles_of(settings: AccessSettings, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The roles of whoever has these claims. An address of mail counts only where the provider says that it has
    verified it; a claim that is neither text nor a list of texts gives nothing."""
    said = claims.get(settings.roles_claim) if settings.roles_claim else None
    listed = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    values = {each for each in listed if isinstance(each, str)}
    known = read(TokenClaims, claims)
    verified = known.email.lower() if isinstance(known.email, str) and known.email_verified is True else None
    return tuple(
        role
        for role, holders in settings.holders.items()
        if values & set(holders.claims)
        or known.sub in holders.subjects
        or (verified is not None and verified in {each.lower() for each in holders.mails})
    )


def name_of(claims: Mapping[str, Any]) -> str:
    """How a person is called: never who they are."""
    known = read(TokenClaims, claims)
    for said in (known.name, known.preferred_username, known.email):
        if isinstance(said, str) and said.strip():
            return " ".join(said.split())[:LONGEST_NAME]
    return str(known.sub)[:LONGEST_NAME]
