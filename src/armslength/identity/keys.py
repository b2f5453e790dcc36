"""Private Ed25519 keys in files, one per role, readable by their owner alone.

A key file is the 32-byte seed in standard base64 and a newline, mode 0600, in a folder of mode 0700. Wider permissions
are refused on loading, as ssh does. Keys are never printed or logged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair
from nacl.utils import random as random_bytes

from armslength.core.record.keys import SIGNATURE_SIZE, from_base64, to_base64
from armslength.errors import Misuse

ROLES: Final = ("entries", "checkpoints", "tokens")
SEED_SIZE: Final = 32


class PrivateKey:
    """One signing key. `public` is its 32-byte public key."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        self.public, self._secret = crypto_sign_seed_keypair(seed)

    @classmethod
    def create(cls, path: Path) -> PrivateKey:
        """A new key, stored in this file. Raises Misuse if it is there already, OSError."""
        try:
            _write(path, random_bytes(SEED_SIZE))
        except FileExistsError:
            raise Misuse("keys-exist", "there is already a file; it is not overwritten", str(path)) from None
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> PrivateKey:
        """The key in a file. Raises Misuse if it is none, or if others could read or change it; OSError."""
        return cls(_read(path))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `message`."""
        return crypto_sign(message, self._secret)[:SIGNATURE_SIZE]

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.text})"

    @property
    def text(self) -> str:
        """The public key in standard base64, as identity cards and terms show it."""
        return to_base64(self.public)


class KeyRing:
    """The keys of one node or monitor, by role."""

    __slots__ = ("_keys",)

    def __init__(self, keys: dict[str, PrivateKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def create(cls, folder: Path, roles: Sequence[str] = ROLES) -> KeyRing:
        """Make a key for each role and store them. Raises Misuse if one is there already, and then makes none."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _private(folder, 0o700)
        for role in roles:
            if _path(folder, role).exists():
                raise Misuse("keys-exist", "there is already a key; it is not overwritten", str(_path(folder, role)))
        for role in roles:
            _write(_path(folder, role), random_bytes(SEED_SIZE))
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> KeyRing:
        """Read the keys in a folder. Raises Misuse if there are none, or if others could read or change them."""
        if not folder.is_dir():
            raise Misuse("no-keys", "there is no folder of keys", str(folder))
        _private(folder, 0o700)
        keys = {role: PrivateKey(_read(_path(folder, role))) for role in ROLES if _path(folder, role).exists()}
        if not keys:
            raise Misuse("no-keys", "there is no key in this folder", str(folder))
        return cls(keys)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that have a key."""
        return tuple(self._keys)

    def __getitem__(self, role: str) -> PrivateKey:
        try:
            return self._keys[role]
        except KeyError:
            raise Misuse("no-key", f"there is no key for {role}") from None

    def public(self) -> dict[str, str]:
        """The public keys by role, in standard base64."""
        return {role: key.text for role, key in self._keys.items()}


def _path(folder: Path, role: str) -> Path:
    return folder / f"{role}.key"


def _write(path: Path, seed: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="ascii") as file:
        file.write(f"{to_base64(seed)}\n")
        file.flush()
        os.fsync(handle)


def _read(path: Path) -> bytes:
    _private(path, 0o600)
    try:
        return from_base64(path.read_text(encoding="ascii").removesuffix("\n"), path.name, SEED_SIZE)
    except ValueError:
        raise Misuse("bad-key-file", "is not a key file", str(path)) from None


def _private(path: Path, wanted: int) -> None:
    """Refuse files that others can access. The mode may be stricter than `wanted`, but not wider."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & ~wanted:
        raise Misuse("loose-permissions", f"others have access: mode {mode:04o}, must be {wanted:04o}", str(path))
    if found.st_uid != os.geteuid():
        raise Misuse("foreign-owner", "belongs to another user", str(path))
