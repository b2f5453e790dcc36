"""The address of a node: the location of its did:web, in one spelling (rule 10.4a).

An address has the scheme https, or http for `localhost` alone; a host in lower case that is a name, not an IP literal,
without trailing dot; a port only where it is not the scheme's own; a path of plain segments, and no slash at its end.
Two spellings of one location would be two DIDs of one node, and terms that name one would not apply to the other.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from armslength.errors import Malformed

PREFIX: Final = "did:web:"
LOCAL: Final = "localhost"
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SEGMENT: Final = re.compile(r"[a-z0-9._~-]+")
_SEPARATORS: Final = re.compile(r"[/\\;]")
_PLAIN: Final = re.compile(r"(/[A-Za-z0-9_~:-][A-Za-z0-9._~:-]*)*")  # a path that needs no second look
_DEFAULT: Final = {"https": 443, "http": 80}
_LONGEST: Final = 1024


def did_of(address: str) -> str:
    """The did:web of a node at this address. Raises Malformed if the address is not in its one spelling."""
    scheme, found, rest = address.partition("://")
    authority, *path = rest.split("/")
    host, _, port = authority.partition(":")
    if not found or scheme not in _DEFAULT or len(address) > _LONGEST:
        raise _no("must be the base URL of a node, such as https://node.example.org", address)
    _check_host(host, address)
    if (scheme == "http") != (host == LOCAL):
        raise _no("must be https (http is for localhost, in development)", address)
    if ":" in authority:
        _check_port(port, scheme, address)
    for segment in path:
        _check_segment(segment, address)
    return PREFIX + ":".join([authority.replace(":", "%3A"), *path])


def address_of(did: str) -> str:
    """The address of the node that a did:web is. Raises Malformed for any other DID, and any other spelling."""
    if not did.startswith(PREFIX):
        raise Malformed("not-did-web", "only a did:web says where its node is", did)
    authority, *path = did.removeprefix(PREFIX).split(":")
    authority = authority.replace("%3A", ":")
    scheme = "http" if authority.partition(":")[0] == LOCAL else "https"
    address = "/".join([f"{scheme}://{authority}", *path])
    if did_of(address) != did:
        raise Malformed("bad-did", "not the one spelling of a did:web", did)
    return address


def is_below(url: str, address: str) -> bool:
    """Whether a URL is that of the node at this address, or of something below it."""
    if url.startswith(address) and _PLAIN.fullmatch(url, len(address)):
        return True
    try:
        theirs, ours = urlsplit(url), urlsplit(address)
        same = [(p.scheme, p.hostname, p.port or _DEFAULT.get(p.scheme)) for p in (theirs, ours)]
    except ValueError:
        return False
    if same[0] != same[1] or theirs.username is not None or theirs.password is not None or "\\" in url:
        return False
    steps = _SEPARATORS.split(unquote(unquote(theirs.path)))  # a proxy may read what is escaped before it chooses
    if any(step in {".", ".."} for step in steps):
        return False
    return theirs.path.rstrip("/") == ours.path or theirs.path.startswith(ours.path + "/")


def _check_host(host: str, address: str) -> None:
    if host != host.lower():
        raise _no("must be in lower case", address)
    if "@" in address or "[" in address:
        raise _no("must name a host, without user and without brackets", address)
    if "%" in address:
        raise _no("must be without percent-escapes", address)
    if host.endswith("."):
        raise _no("must be without the dot at the end of its host", address)
    labels = host.split(".")
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        raise _no("must name its host: an IP address is nobody's name", address)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise _no("must name a host, such as node.example.org", address)


def _check_port(port: str, scheme: str, address: str) -> None:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        raise _no("has no port between 1 and 65535", address)
    if int(port) == _DEFAULT[scheme]:
        raise _no(f"must be without :{port}, which {scheme} means anyway", address)


def _check_segment(segment: str, address: str) -> None:
    if not segment:
        raise _no("must not end in a slash, nor have an empty part in its path", address)
    if segment != segment.lower():
        raise _no("must be in lower case", address)
    if not _SEGMENT.fullmatch(segment) or not segment.strip("."):
        raise _no("may have only letters, digits and . _ ~ - in its path, and no . or ..", address)


def _no(reason: str, address: str) -> Malformed:
    return Malformed("bad-address", reason, address[:200])
