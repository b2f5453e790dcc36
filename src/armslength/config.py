"""A node's configuration: one TOML file in its folder, parsed once into one frozen value.

Each table of the file is a class of its own here; a setting that no class has is refused.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from armslength.errors import Misuse

FILE = "node.toml"
LONGEST_SECRET = 4096


Positive = Annotated[int, msgspec.Meta(ge=1)]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file: what it may hold, with the defaults."""


class Network(Table, frozen=True):
    """How others are reached. private: ranges of private networks in which peers may be, like "10.20.0.0/16". proxy:
    the URL of an outgoing proxy, or "none"; without it what HTTPS_PROXY says. ca: a file with certificates (PEM) of
    authorities that are trusted beside the system's, in the node's folder unless its path is absolute.
    """

    private: tuple[str, ...] = ()
    proxy: str = ""
    ca: str = ""


class InboxLimits(Table, frozen=True):
    """`[inbox]`: how many proposals wait for their reader, and how many bytes of them: of strangers from one host, of
    all strangers together, and of each counterparty of an arrangement that we are engaged in."""

    host_number: int = 20
    host_bytes: int = 8 * 1024 * 1024
    number: int = 500
    bytes: int = 64 * 1024 * 1024
    known_number: int = 50
    known_bytes: int = 16 * 1024 * 1024


Role = Literal["keeper", "fallback-keeper", "timekeeper", "determiner", "monitor"]


class Accept(Table, frozen=True):
    """`[accept]`: which offices are accepted without asking: all that the terms give us must be among `roles`, and a
    party that delivered them among `proposers`. `number`: how many arrangements of one proposer at a time; `bytes`: how
    large the terms may be. Without `roles` and `proposers` nothing is."""

    roles: tuple[Role, ...] = ()
    proposers: tuple[str, ...] = ()
    number: int = 1000
    bytes: int = 256 * 1024


class Limits(Table, frozen=True):
    """`[limits]`: what peers may take of this node at once.

    connections, connections_by_address: open ones, in all and from one address. header_bytes, header_seconds: of one
    request's header. idle_seconds: between two requests of one connection. bodies, bodies_by_address: bytes of requests
    that are arriving. trusted_proxies: addresses or ranges of proxies of ours, which report their clients' addresses.
    """

    connections: Positive = 2000
    connections_by_address: Positive = 200
    header_bytes: Positive = 16 * 1024
    header_seconds: Positive = 10
    idle_seconds: Positive = 30
    bodies: Positive = 64 * 1024 * 1024
    bodies_by_address: Positive = 20 * 1024 * 1024
    trusted_proxies: tuple[str, ...] = ()


Kind = Literal["asked", "near", "passed", "happened", "silence", "trouble"]


class MailServer(Table, frozen=True):
    """`[notify.mail]`: through which server mail leaves. security: "starttls" (usual on port 587), "tls" (on port 465),
    or "none", for a server on this machine alone. The password is in a file (in the node's folder unless its path is
    absolute) or in a variable of the environment. sender: the address that mail comes from."""

    host: str
    sender: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    password_env: str = ""


class Destination(Table, frozen=True):
    """`[[notify.to]]`: one who is told, by mail or at a webhook (whose secret is in a file or a variable of the
    environment). kinds: what of; roles: in which arrangements, by our part in them (empty: in all). digest: kinds that
    wait for the daily digest. quiet: whether quiet hours count. invitations: whether deadlines come as invitations to a
    calendar, too. official: the id of one in the policy of approvals, who is told what waits for its word and nothing
    else."""

    mail: str = ""
    webhook: str = ""
    secret_file: str = ""
    secret_env: str = ""
    kinds: tuple[Kind, ...] = ("asked", "near", "passed", "happened", "silence", "trouble")
    roles: tuple[Literal["party", Role], ...] = ()
    digest: tuple[Kind, ...] = ()
    quiet: bool = True
    invitations: bool = False
    official: str = ""


class Notify(Table, frozen=True):
    """`[notify]`: reminders and news; nobody is told anything unless it says who. zone: of all local times, by its IANA
    name. quiet: "22:00-07:00"; digest: when the daily one goes out. lead: how long before a deadline one is reminded,
    by what is asked ("attest", "sign", …; "any" for what is not named), like ["24h", "2h"]. silence: how long before a
    deadline one is told who has not spoken. calendar: whether there is a feed. monitors: whether those without a node
    may be reminded by this one."""

    zone: str = "UTC"
    quiet: str = ""
    digest: str = "08:00"
    lead: dict[str, tuple[str, ...]] = {}
    silence: str = "6h"
    calendar: bool = False
    monitors: bool = False
    mail: MailServer | None = None
    to: tuple[Destination, ...] = ()


ConsoleRole = Literal["reader", "operator", "official", "administrator"]


class RoleHolders(Table, frozen=True):
    """`[console.roles.ROLE]`: who has a role at the console: by what the claim of a login says, by subject, or by an
    address of mail that the provider has verified. Any of these is enough."""

    claims: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()


class ConsoleAccess(Table, frozen=True):
    """`[console]`: the console, served by the node to people who log in at an OpenID Connect provider. listen: the
    HOST:PORT that it binds, for a proxy in front; address: where browsers reach it. issuer: the provider; its client_id
    for this console, and the secret, if there is one, in a file (in the node's folder unless its path is absolute) or
    in a variable of the environment. scopes: asked for beside "openid". roles_claim: the claim that `claims` of roles
    are about."""

    address: str
    issuer: str
    client_id: str
    roles: dict[ConsoleRole, RoleHolders]
    listen: str = "127.0.0.1:8090"
    client_secret_file: str = ""
    client_secret_env: str = ""
    scopes: tuple[str, ...] = ("profile", "email")
    roles_claim: str = ""


class Config(Table, frozen=True):
    """Everything a node or a monitor's folder needs to know. Sizes in bytes, times in seconds.

    address: the base URL under which peers reach this node ("" for a monitor without one); listen: host and port it
    binds. development allows loopback peers over plain http and simulated clocks. nodes: for a monitor, the addresses
    of the nodes that it talks to. inbox, accept, limits, notify, console: see there.
    """

    folder: Path
    name: str
    did: str
    address: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    development: bool = False
    nodes: tuple[str, ...] = ()
    network: Network = Network()
    inbox: InboxLimits = InboxLimits()
    accept: Accept = Accept()
    limits: Limits = Limits()
    notify: Notify = Notify()
    console: ConsoleAccess | None = None

    @property
    def keys(self) -> Path:
        """The folder with the private keys."""
        return self.folder / "keys"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "armslength.db"

    @property
    def blobs(self) -> Path:
        """Sealed and received files."""
        return self.folder / "blobs"

    @property
    def socket(self) -> Path:
        """Where the running node listens to its owner's commands."""
        return self.folder / "manage.sock"


def load(folder: Path) -> Config:
    """The configuration in `folder`. Raises Misuse, naming the file and the setting.

    A folder that others may write to is refused: they could put another configuration, or a node of theirs, in it.
    """
    path = folder / FILE
    if path.exists() and not path.is_file():
        raise Misuse("bad-config", "is no plain file", str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        way = "name the folder with --node (or ARMSLENGTH_NODE), or make a new identity with `armslength init FOLDER`"
        raise Misuse("no-folder", f"no {FILE} here: {way}", str(folder)) from None
    except (OSError, UnicodeError) as error:
        raise Misuse("bad-config", f"cannot be read: {error}", str(path)) from None
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Misuse("loose-permissions", f"others may write here: mode {mode:04o}, make it 0700", str(folder))
    return parse(text, folder)


def parse(text: str, folder: Path) -> Config:
    """The configuration that the file in `folder` states. Raises Misuse, naming the setting (rule 8.4a)."""
    path = str(folder / FILE)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misuse("bad-config", str(error), path) from None
    if "folder" in values:
        raise Misuse("bad-config", "no such setting: folder", path)
    try:
        return msgspec.convert(values | {"folder": str(folder)}, Config, strict=True, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise Misuse("bad-config", _explained(str(error)), path) from None


def kept_secret(file: str, variable: str, folder: Path, setting: str) -> str:
    """A secret that is kept elsewhere; "" where none is named. Raises Misuse, which does not show it."""
    if file and variable:
        raise bad_setting(setting, "a secret is in a file or in a variable, not in both")
    if variable:
        found = os.environ.get(variable, "")
        if not found:
            raise bad_setting(setting, f"the variable {variable} is not set")
        return found
    if not file:
        return ""
    try:
        with (folder / file).open(encoding="utf-8") as source:
            found = source.read(LONGEST_SECRET).strip()
    except (OSError, UnicodeError) as error:
        raise bad_setting(setting, f"{file} cannot be read: {getattr(error, 'strerror', None) or 'no text'}") from None
    if not found:
        raise bad_setting(setting, f"{file} is empty")
    return found


def bad_setting(setting: str, reason: str) -> Misuse:
    """A setting that is well formed and cannot be used."""
    return Misuse("bad-config", f"{setting}: {reason}")


def _path(kind: Callable[[object], object], value: object) -> object:
    return kind(value)


def _explained(error: str) -> str:
    """What is wrong in the file's own terms: settings and tables."""
    reason, _, place = error.partition(" - at `$.")
    for said, meant in (("Object contains unknown field", "no such setting:"), ("Object missing required", "missing:")):
        if reason.startswith(said):
            name = reason.split("`")[1]
            return f"{meant} {'.'.join(filter(None, (place.rstrip('`'), name)))}"
    reason = reason.replace("Expected", "expected").replace("`array`", "a list").replace("`object`", "a table")
    return f"{place.rstrip('`')}: {reason}" if place else reason


def dump(config: Config) -> str:
    """The TOML text of a new configuration."""
    lines = [f"name = {_quoted(config.name)}", f"did = {_quoted(config.did)}"]
    if config.address:
        lines += [
            f"address = {_quoted(config.address)}",
            f"host = {_quoted(config.host)}",
            f"port = {config.port}",
        ]
    if config.nodes:
        lines.append(f"nodes = [{', '.join(map(_quoted, config.nodes))}]")
    if config.development:
        lines.append("development = true  # loopback peers over plain http, simulated clocks: never in production")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes, and DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
