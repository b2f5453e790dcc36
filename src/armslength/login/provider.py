"""An OpenID Connect provider, as a client that people log in to asks it: authorization code with PKCE (OpenID Connect
Core 1.0, RFC 7636). What it publishes of itself and its keys are kept for an hour; a key that is not known is asked
for once more, and not more often than once a minute."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

from armslength.errors import Unauthorised, Unavailable
from armslength.login.roles import name_of, roles_of
from armslength.login.settings import AccessSettings, is_loopback
from armslength.login.tokens import IdentityKeys, KeyName, PublicKey, check_fresh, key_name, public_jwk, verified
from armslength.ports import Account, LoginAttempt, ProvenLogin
from armslength.wire.oidc import ProviderMetadata, TokenClaims, TokenReply, read

CALLBACK: Final = "/login/callback"
DISCOVERY: Final = "/.well-known/openid-configuration"
KEPT_S: Final = 3600.0
AGAIN_S: Final = 60.0
TOTAL_S: Final = 10.0
LARGEST: Final = 256 * 1024
OK: Final = 200


class HttpAnswer(Protocol):
    """What is read of an answer."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


class HttpClient(Protocol):
    """How the provider is asked: as others are, with the bounds that hold there."""

    async def get(self, url: str, headers: Mapping[str, str] | None = None, **limits: Any) -> HttpAnswer: ...

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], **limits: Any) -> HttpAnswer: ...


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the provider is asked what; `by_form`: whether it takes the client's secret in the form alone."""

    authorization: str
    token: str
    keys: str
    by_form: bool


@dataclass(frozen=True, slots=True)
class Published:
    """What the provider had published of itself at a time."""

    at: float
    endpoints: Endpoints
    keys: IdentityKeys


class OpenIdProvider:
    """`ports.LoginProvider` and `ports.Logins`, for one provider. `now`: UTC seconds."""

    def __init__(self, settings: AccessSettings, client: HttpClient, now: Callable[[], float]) -> None:
        self._settings = settings
        self._client = client
        self._now = now
        self._published: Published | None = None
        self._asking = asyncio.Lock()
        self.redirect = settings.origin + CALLBACK

    @property
    def issuer(self) -> str:
        """Who says who people are."""
        return self._settings.issuer

    async def address(self, attempt: LoginAttempt) -> str:
        """Where to send the browser. Raises Unavailable."""
        endpoint = (await self._known()).endpoints.authorization
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self.redirect,
            "scope": " ".join(self._settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | ({"prompt": "login", "max_age": "0"} if attempt.fresh else {})
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def account(self, attempt: LoginAttempt, code: str) -> Account:
        """Whom the code stands for. Raises Unauthorised, or Unavailable."""
        token = await self._token(attempt, code)
        claims, _ = await self._verified(token)
        subject, nonce = _who(claims)
        if not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise Unauthorised("bad-login", "the ID token is for another login")
        if attempt.fresh:
            check_fresh(claims, self._now())
        return Account(subject=subject, name=name_of(claims), roles=roles_of(self._settings, claims), token=token)

    async def proven(self, token: str) -> ProvenLogin:
        """Verify a fresh ID token; see `ports.Logins`."""
        claims, key = await self._verified(token)
        subject, nonce = _who(claims)
        return ProvenLogin(issuer=self.issuer, subject=subject, nonce=nonce, jwk=public_jwk(key))

    async def _token(self, attempt: LoginAttempt, code: str) -> str:
        """The ID token for a code."""
        settings, endpoints = self._settings, (await self._known()).endpoints
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "client_id": settings.client_id,
            "code_verifier": attempt.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if settings.client_secret and endpoints.by_form:
            form["client_secret"] = settings.client_secret
        elif settings.client_secret:
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        reply = await self._client.post(
            endpoints.token, urlencode(form).encode(), headers, total=TOTAL_S, largest=LARGEST
        )
        if reply.status != OK:
            raise Unauthorised("bad-login", f"the provider does not take the code ({reply.status})")
        token = read(TokenReply, _table(reply.body, endpoints.token)).id_token
        if not isinstance(token, str):
            raise Unauthorised("bad-login", "the provider gives no ID token")
        return token

    async def _verified(self, token: str) -> tuple[dict[str, Any], PublicKey]:
        key = await self._key(key_name(token))
        return verified(token, key, self.issuer, self._settings.client_id, self._now()), key

    async def _key(self, wanted: KeyName) -> PublicKey:
        """The key that a token names: a provider that has made a new one is asked once more."""
        known = await self._known()
        found = known.keys.find(wanted)
        if found is None and self._now() >= known.at + AGAIN_S:
            found = (await self._known(newer_than=known.at)).keys.find(wanted)
        if found is None:
            raise Unauthorised("bad-login", "the ID token is signed by no key of its issuer")
        return found

    async def _known(self, newer_than: float = float("-inf")) -> Published:
        """What the provider publishes. Raises Unavailable."""
        async with self._asking:
            known = self._published
            if known is None or known.at <= newer_than or self._now() >= known.at + KEPT_S:
                endpoints = self._endpoints(await self._read(self.issuer.rstrip("/") + DISCOVERY))
                keys = IdentityKeys(await self._read(endpoints.keys))
                known = self._published = Published(self._now(), endpoints, keys)
            return known

    def _endpoints(self, table: Mapping[str, Any]) -> Endpoints:
        said = read(ProviderMetadata, table)
        if said.issuer != self.issuer:
            raise Unavailable("bad-provider", "what the provider publishes is of another issuer", self.issuer)
        methods = said.token_endpoint_auth_methods_supported
        return Endpoints(
            self._url(said.authorization_endpoint, "authorization_endpoint"),
            self._url(said.token_endpoint, "token_endpoint"),
            self._url(said.jwks_uri, "jwks_uri"),
            by_form=isinstance(methods, list) and "client_secret_basic" not in methods,
        )

    def _url(self, value: object, name: str) -> str:
        """An address that the provider publishes: by https, as it is itself."""
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
            host = parts.hostname if parts else None
        except ValueError:
            parts = host = None
        by_http = self.issuer.startswith("http:") and is_loopback(host or "")
        if not isinstance(value, str) or parts is None or not host or parts.fragment or not value.isprintable():
            raise Unavailable("bad-provider", f"the provider publishes no {name}", self.issuer)
        if parts.scheme not in ({"https", "http"} if by_http else {"https"}):
            raise Unavailable("bad-provider", f"{name} is not https", self.issuer)
        return value

    async def _read(self, url: str) -> dict[str, Any]:
        reply = await self._client.get(url, {"Accept": "application/json"}, total=TOTAL_S, largest=LARGEST)
        if reply.status != OK:
            raise Unavailable("bad-provider", f"answers {reply.status}", url)
        return _table(reply.body, url)


def _who(claims: Mapping[str, Any]) -> tuple[str, str]:
    """The subject, and the nonce of the login. Raises Unauthorised."""
    said = read(TokenClaims, claims)
    if not isinstance(said.nonce, str):
        raise Unauthorised("bad-login", "the ID token is for another login: it names no nonce")
    return str(said.sub), said.nonce


def _table(body: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable("bad-provider", "answers something that cannot be read", where)
    return found
