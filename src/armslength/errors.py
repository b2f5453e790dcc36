"""Every error the product raises, in one tree.

    ArmslengthError                                                             500, exit 1
    ├── Malformed      bytes or text that are not in the agreed form            400
    ├── Refused        well formed, but not valid here: state, order, authority 409
    │   ├── Repeat     an entry that the record already holds: give the first answer again
    │   └── Uncosigned a checkpoint that is not cosigned                        422 (c2sp.org/tlog-witness)
    ├── Unauthorised   the sender is not who it must be; or is known, and its
    │                  role does not allow it                                   401, 403
    ├── NotFound       no such thing, or not for this caller                    404
    ├── Unverified     a bundle or record that does not hold
    ├── Misuse         the command or the configuration is wrong, or a file is
    │                  not as the command needs it                              400, exit 2
    ├── Stuck          this machine does not do it just now: a full disk        507, exit 2
    └── Unavailable    a node that should answer does not                       503, exit 3

A refusal always carries a stable `code`, the `place` it speaks of and the reason in words. HTTP status and exit code
live on the classes; nothing else decides them. How an error travels: `wire/errors.py`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import ClassVar, Final, TypeVar

DONE: Final = 0  # the exit code of what succeeds …
INTERRUPTED: Final = 130  # … and of what the keyboard ended
E = TypeVar("E", bound=Exception)
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ArmslengthError(Exception):
    """An error with a stable code, a place and a reason."""

    status: ClassVar[int] = 500
    status_of_code: ClassVar[Mapping[str, int]] = {}  # for codes that have one of their own
    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, reason: str, place: str | None = None) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.code = code
        self.reason = reason
        self.place = place

    @property
    def http_status(self) -> int:
        """The HTTP status of this very error."""
        return self.status_of_code.get(self.code, self.status)


class Malformed(ArmslengthError):
    """Bytes or text that are not in the agreed form; `place` names the field."""

    status = 400
    status_of_code: ClassVar[Mapping[str, int]] = {"too-large": 413, "media-type": 415, "too-slow": 408}


class Refused(ArmslengthError):
    """Well formed, but not valid here: state, order, time or authority forbid it. Changes nothing."""

    status = 409


class Repeat(Refused):
    """The record already holds this very entry, at `index`: whoever sent it again gets the first answer."""

    def __init__(self, index: int) -> None:
        super().__init__("repeat", f"already placed at {index}", f"entry {index}")
        self.index = index


class Uncosigned(Refused):
    """A checkpoint that a timekeeper does not cosign, and why."""

    status = 422
    status_of_code: ClassVar[Mapping[str, int]] = {"bad-log-signature": 403}


class Unauthorised(ArmslengthError):
    """The sender is not who it must be, or is not allowed what it asks."""

    status = 401
    status_of_code: ClassVar[Mapping[str, int]] = {"role": 403, "no-role": 403, "expired-form": 403}


class NotFound(ArmslengthError):
    """No such thing, or not one for this caller."""

    status = 404


class Unverified(ArmslengthError):
    """A bundle or record that does not hold; `entry` and `file` name the first that fails."""

    def __init__(self, code: str, reason: str, *, entry: int | None = None, file: str | None = None) -> None:
        super().__init__(code, reason, file if entry is None else f"entry {entry}")
        self.entry = entry
        self.file = file


class Misuse(ArmslengthError):
    """The command or the configuration is wrong; nothing was done."""

    status = 400
    exit_code = 2


class Stuck(ArmslengthError):
    """This machine does not do it just now, its disk is full for one; nothing was done, and it may be asked again."""

    status = 507
    exit_code = 2


class Unavailable(ArmslengthError):
    """A node that should answer does not; worth trying again."""

    status = 503
    exit_code = 3


def unusable(error: OSError, path: object) -> Misuse | Stuck:
    """What the system says about a file, as an error of ours: nothing was done."""
    said = (os.strerror(error.errno) if error.errno else str(error)).lower()
    if error.errno in NO_ROOM:
        return Stuck("no-room", f"{said}: nothing was written", str(path))
    missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
    return Misuse("no-file" if missing else "bad-file", said, str(path))


def not_kept(error: E) -> E | Stuck:
    """An error as the owner of a node or folder hears it: a disk that failed has kept nothing that would be sent again,
    unlike where somebody else does not answer."""
    if isinstance(error, Unavailable) and error.code == "store-failed":
        return Stuck("store-failed", error.reason, error.place)
    return error


def misused(error: E) -> E | Misuse:
    """An error as the owner of a node hears it: what the owner asks that is not in the agreed form is misuse."""
    return Misuse(error.code, error.reason, error.place) if isinstance(error, Malformed) else error
