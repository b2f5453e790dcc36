"""`[console]` of a node's configuration as values that are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from armslength.config import FILE, Config, ConsoleAccess, RoleHolders, bad_setting, kept_secret
from armslength.errors import Misuse

LARGEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """All of it. `host` and `port` are bound; `origin` is what browsers see. The secret is never shown."""

    host: str
    port: int
    origin: str
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...]
    roles_claim: str
    holders: Mapping[str, RoleHolders]


def access_settings(config: Config, given: ConsoleAccess) -> AccessSettings:
    """What the configuration says. Raises Misuse, naming the setting."""
    try:
        return _read(config, given)
    except Misuse as error:
        raise Misuse(error.code, error.reason, str(config.folder / FILE)) from None


def _read(config: Config, given: ConsoleAccess) -> AccessSettings:
    host, port = _listen(given.listen)
    address = _url(given.address, "console.address", config)
    if address.path not in {"", "/"}:
        raise bad_setting("console.address", "is a host's own, without a path: https://console.example.org")
    _url(given.issuer, "console.issuer", config)
    if not given.client_id:
        raise bad_setting("console.client_id", "is empty")
    _check_roles(given)
    return AccessSettings(
        host=host,
        port=port,
        origin=_origin(address),
        issuer=given.issuer,
        client_id=given.client_id,
        client_secret=kept_secret(given.client_secret_file, given.client_secret_env, config.folder, "console"),
        scopes=tuple(dict.fromkeys(("openid", *given.scopes))),
        roles_claim=given.roles_claim,
        holders={str(role): held for role, held in given.roles.items()},
    )


def _origin(address: SplitResult) -> str:
    """As browsers write it: a scheme's own port is left out."""
    usual = {"https": 443, "http": 80}[address.scheme]
    host = address.netloc.lower().removesuffix(f":{usual}")
    return f"{address.scheme}://{host}"


def _check_roles(given: ConsoleAccess) -> None:
    holders = given.roles.values()
    if not any(each.claims or each.subjects or each.mails for each in holders):
        raise bad_setting("console.roles", "nobody has a role: nobody could log in")
    if any(each.claims for each in holders) and not given.roles_claim:
        raise bad_setting("console.roles_claim", "say which claim of a login the claims of roles are about")
    if any("" in (*each.claims, *each.subjects, *each.mails) for each in holders):
        raise bad_setting("console.roles", "an empty text names nobody")


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal() and len(port) <= len(str(LARGEST_PORT))):
        raise bad_setting("console.listen", f"{text[:80]!r} is no HOST:PORT such as 127.0.0.1:8090")
    if int(port) > LARGEST_PORT:
        raise bad_setting("console.listen", f"there is no port {port}")
    return host.strip("[]"), int(port)


def _url(text: str, setting: str, config: Config) -> SplitResult:
    """An address by https; in development, by http at loopback."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise bad_setting(setting, "is no address") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and config.development and is_loopback(host or "")):
        raise bad_setting(setting, "must be https (http for loopback alone, in development)")
    if not host or "@" in parts.netloc or parts.query or parts.fragment or not text.isascii() or not text.isprintable():
        raise bad_setting(setting, "names a host, and no user, query or fragment")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
