"""A small OpenID Connect provider: it logs in whomever it is told to, and can be made to lie."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

NONE, HS256 = b'{"alg":"none"}', b'{"alg":"HS256"}'
CLIENT, SECRET = "console", "a secret: with/odd&characters"
RSA = cache(lambda: RSAKey.generate_key(2048))  # takes a second


def rsa(kid: str) -> RSAKey:
    """The same key under any name."""
    return RSAKey.import_key(RSA().as_dict(private=True) | {"kid": kid})


KINDS: dict[str, Callable[[str], Any]] = {
    "RS256": rsa,
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid}),
    "EdDSA": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
    "Ed25519": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
}


class TestProvider:
    """The provider. `person`: the claims of whoever is logged in; `claims`: what tokens say otherwise than they should.
    `header`: what their header says otherwise."""

    __test__ = False

    def __init__(self, issuer: str, now: Callable[[], float], algorithm: str = "RS256") -> None:
        self.issuer = issuer
        self.now = now
        self.person: dict[str, Any] = {"sub": "4711", "name": "Kaja Berg"}
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.published: dict[str, Any] = {}
        self.asked: list[str] = []  # paths, in order
        self.rotate(algorithm)
        self._codes: dict[str, dict[str, str]] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/keys", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def rotate(self, algorithm: str = "RS256") -> None:
        """Sign with a new key from now on, and publish it alone."""
        self.algorithm, self.key = algorithm, KINDS[algorithm](secrets.token_hex(4))

    def id_token(self, nonce: str) -> str:
        """What it says of whoever is logged in."""
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": nonce,
        } | self.person
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        with warnings.catch_warnings(action="ignore"):
            header = {"alg": self.algorithm, "kid": self.key.kid} | self.header
            return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])

    async def _discovery(self, _: Request) -> Response:
        self.asked.append("discovery")
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return JSONResponse(said | self.published)

    async def _keys(self, _: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        """Whoever comes is logged in at once."""
        asked = dict(request.query_params)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 303)

    async def _token(self, request: Request) -> Response:
        """A code counts once, for the client that asked, with the verifier that its challenge was made from."""
        form = {name: each[0] for name, each in parse_qs((await request.body()).decode()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        quoted = urlencode({CLIENT: SECRET}).replace("=", ":").replace("+", "%20")
        basic = f"Basic {base64.b64encode(quoted.encode()).decode()}"
        by_form = form.get("client_secret") == SECRET
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if not by_form and request.headers.get("authorization") != basic:
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])})


def confused(token: str, public_pem: bytes) -> str:
    """The same claims, signed with the public key as if it were a secret (HS256)."""
    signed = f"{_part(HS256)}.{token.split('.')[1]}"
    return f"{signed}.{_part(hmac.digest(public_pem, signed.encode(), 'sha256'))}"


def unsigned(token: str) -> str:
    """The same claims, signed by nobody (none)."""
    return f"{_part(NONE)}.{token.split('.')[1]}."


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
