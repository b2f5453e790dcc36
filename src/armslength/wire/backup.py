"""The manifest of a backup: which files it holds, and their hashes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from armslength.core.canonical import plain
from armslength.errors import Malformed
from armslength.wire.strict import exact

MANIFEST: Final = "manifest.json"
FORMAT: Final = "armslength-backup/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCopy:
    """A file's content: SHA-256 (hex) and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """Of whom the copy is, when it was made (UTC), and its files by their paths."""

    format: str = FORMAT
    did: str
    name: str
    made: str
    files: dict[str, FileCopy]


def encode_manifest(manifest: BackupManifest) -> bytes:
    """The manifest as a file that people may read."""
    return json.dumps(plain(manifest), indent=1, sort_keys=True).encode()


def decode_manifest(data: bytes, needed: str) -> BackupManifest:
    """The manifest in `data`, which has the file that is `needed` and names none outside. Raises Malformed."""
    found = exact(BackupManifest, data)
    if found.format != FORMAT:
        raise Malformed("bad-field", f"not {FORMAT}", "format")
    if needed not in found.files:
        raise Malformed("bad-field", f"there is no {needed}", "files")
    for name in found.files:
        if {"", ".", ".."} & set(name.split("/")) or "\0" in name or name == MANIFEST:
            raise Malformed("bad-field", f"names a file outside: {name!r}", "files")
    return found
