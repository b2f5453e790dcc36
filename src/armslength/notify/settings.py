"""`[notify]` of a node's configuration as values that are checked: hours, lead times, and who is told what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from armslength.config import FILE, Config, Destination, MailServer, Notify, bad_setting, kept_secret
from armslength.errors import Misuse
from armslength.notify.hours import Hours
from armslength.notify.mail import ENCODED
from armslength.notify.notification import Notification
from armslength.notify.webhook import read_secret
from armslength.views.tasks import KINDS as ASKED
from armslength.views.today import APPROVE
from armslength.wire.terms_values import BadValue, read_duration

ANY: Final = "any"
TERM: Final = "term"  # what ends, or begins, with the arrangement itself
LEADS: Final[Mapping[str, tuple[int, ...]]] = {
    ANY: (24 * 3600, 2 * 3600),
    "attest": (6 * 3600, 3600),
    TERM: (7 * 86400, 86400),
}
LONGEST_ADDRESS: Final = 254
_ADDRESS: Final = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII | re.IGNORECASE
)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Leads:
    """How long before a deadline one is reminded, in seconds, by what is asked; and told of the silence of others."""

    by_kind: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: LEADS)
    silence: int = 6 * 3600

    def of(self, kind: str) -> tuple[int, ...]:
        """The longest first."""
        return self.by_kind.get(kind, self.by_kind[ANY])


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """One who is told something. `name` says who and how, and is the same after a restart."""

    name: str
    mail: str = ""
    webhook: str = ""
    secret: bytes = field(default=b"", repr=False)
    kinds: frozenset[str]
    roles: frozenset[str] = frozenset()
    digest: frozenset[str] = frozenset()
    quiet: bool = True
    invitations: bool = False
    official: str = ""
    stop: str = ""  # the link that ends it

    def wants(self, said: Notification) -> bool:
        """Whether it is told this: an official, what waits for its word alone."""
        if self.official and self.official not in said.officials:
            return False
        return said.kind in self.kinds and (not self.roles or not said.roles or bool(self.roles & set(said.roles)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """The server through which mail leaves. Its password is never shown."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it. host: this node's, which names entries of calendars: of the feed and of invitations alike."""

    host: str
    hours: Hours
    leads: Leads
    to: tuple[Addressee, ...] = ()
    mailing: Mailing | None = None
    calendar: bool = False
    monitors: bool = False

    @property
    def is_on(self) -> bool:
        """Whether anybody is told anything."""
        return bool(self.to or self.calendar or self.monitors)


def settings(config: Config) -> Settings:
    """What the configuration says. Raises Misuse, naming the setting."""
    try:
        return _read(config.notify, config.folder, urlsplit(config.address).hostname or "node")
    except Misuse as error:
        raise Misuse(error.code, error.reason, str(config.folder / FILE)) from None


def _read(given: Notify, folder: Path, host: str) -> Settings:
    mailing = _mailing(given.mail, folder) if given.mail else None
    to = tuple(_addressee(each, folder) for each in given.to)
    if mailing is None and (given.monitors or any(each.mail for each in to)):
        raise bad_setting("notify.mail", "say through which server mail leaves")
    names = [each.name for each in to]
    if len(set(names)) < len(names):
        raise bad_setting("notify.to", "names somebody twice")
    begins, ends = _quiet(given.quiet)
    return Settings(
        host=host,
        hours=Hours(_zone(given.zone), begins, ends, _time(given.digest, "notify.digest")),
        leads=Leads(_leads(given.lead), _duration(given.silence, "notify.silence")),
        to=to,
        mailing=mailing,
        calendar=given.calendar,
        monitors=given.monitors,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # not found is a KeyError, and an odd name one of these
        raise bad_setting("notify.zone", f"{name!r} is no time zone such as Europe/Berlin") from None
    except KeyError:
        raise bad_setting("notify.zone", f"this machine knows no time zone {name!r}, such as Europe/Berlin") from None


def _time(text: str, setting: str) -> time:
    found = _TIME.fullmatch(text)
    if not found:
        raise bad_setting(setting, f"{text!r} is no time such as 08:00")
    return time(int(found[1]), int(found[2]))


def _quiet(text: str) -> tuple[time, time]:
    if not text:
        return time(), time()
    begins, dash, ends = text.partition("-")
    if not dash:
        raise bad_setting("notify.quiet", f"{text!r} is no span such as 22:00-07:00")
    return _time(begins.strip(), "notify.quiet"), _time(ends.strip(), "notify.quiet")


def _duration(text: str, setting: str) -> int:
    try:
        return read_duration(text)
    except BadValue as error:
        raise bad_setting(setting, error.reason) from None


def _leads(given: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    found = dict(LEADS)
    for kind, texts in given.items():
        setting = f"notify.lead.{kind}"
        if kind not in {ANY, TERM, APPROVE, *ASKED}:
            known = ", ".join((ANY, TERM, *ASKED, APPROVE))
            raise bad_setting(setting, f"nothing is asked that is called so; there is {known}")
        found[kind] = tuple(sorted((_duration(each, setting) for each in texts), reverse=True))
    return found


def _addressee(given: Destination, folder: Path) -> Addressee:
    if bool(given.mail) == bool(given.webhook):
        raise bad_setting("notify.to", "give each either mail or webhook")
    secret = b""
    if given.webhook:
        found = kept_secret(given.secret_file, given.secret_env, folder, f"notify.to ({given.webhook})")
        if not found:
            raise bad_setting(f"notify.to ({given.webhook})", "a webhook is signed: give secret_file or secret_env")
        secret = read_secret(found, f"notify.to ({given.webhook})")
        if given.invitations:
            raise bad_setting(f"notify.to ({given.webhook})", "invitations go by mail")
    else:
        check_address(given.mail, "notify.to")
    return Addressee(
        name=given.mail or given.webhook,
        mail=given.mail,
        webhook=given.webhook,
        secret=secret,
        kinds=frozenset(given.kinds),
        roles=frozenset(given.roles),
        digest=frozenset(given.digest),
        quiet=given.quiet and not given.webhook,
        invitations=given.invitations,
        official=given.official,
    )


def _mailing(given: MailServer, folder: Path) -> Mailing:
    if given.security == "none" and given.host not in _LOCAL:
        raise bad_setting("notify.mail.security", "without TLS mail leaves through a server on this machine alone")
    if given.security == "none" and given.user:
        raise bad_setting("notify.mail.security", "a password is sent over TLS alone")
    check_address(given.sender, "notify.mail.sender")
    password = kept_secret(given.password_file, given.password_env, folder, "notify.mail")
    if bool(given.user) != bool(password):
        raise bad_setting("notify.mail", "user and password belong together: give both or neither")
    return Mailing(
        host=given.host,
        port=given.port,
        security=given.security,
        sender=given.sender,
        user=given.user,
        password=password,
    )


def check_address(text: str, setting: str) -> None:
    """Refuse whatever is not one plain address of mail, so that none steers a header or a server. Raises Misuse."""
    if len(text) > LONGEST_ADDRESS or ENCODED in text or not _ADDRESS.fullmatch(text):
        raise bad_setting(setting, f"{text[:LONGEST_ADDRESS]!r} is no address of mail such as ops@arandia.example")
