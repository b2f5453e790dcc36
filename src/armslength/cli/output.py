"""What commands read and write: files that are whole or not there, and streams that take all and never throw.

A file is written aside, flushed to the disk, and only then given its name. What cannot be shown does not undo what has
been done: a stream that fails is told once the command is over, and its exit code is no success.
"""

from __future__ import annotations

import codecs
import errno
import json
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from armslength.errors import Misuse, unusable

ESCAPED: Final = "armslength.escaped"
LARGEST_WEIGHTS: Final = 1024**2  # bytes


def begins(source: Path, size: int) -> bytes:
    """The first `size` bytes of a file, or all there are. A pipe that nobody writes to is empty. Raises OSError."""
    opened = os.open(source, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    os.set_blocking(opened, True)
    with open(opened, "rb") as file:
        return file.read(size)


def given(source: Path, largest: int) -> bytes:
    """A file that the caller names, of at most `largest` bytes. Raises Misuse."""
    try:
        data = begins(source, largest + 1)
    except OSError as error:
        raise unusable(error, source) from error
    if len(data) > largest:
        raise Misuse("too-large", f"holds more than {largest} bytes", str(source))
    return data


def given_text(source: Path, largest: int) -> str:
    """The same, as text. Raises Misuse."""
    try:
        return given(source, largest).decode()
    except UnicodeDecodeError:
        raise Misuse("bad-file", "is not UTF-8 text", str(source)) from None


@contextmanager
def written(target: Path, *, over: bool = True, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file that gets the name `target` once the block has ended well and its bytes are on disk; else it is gone.

    `over` lets it take an earlier one's place. Devices and pipes are written to as they are. Raises Misuse or Stuck.
    """
    try:
        if target.is_dir():
            raise Misuse("exists", "is a folder", str(target))
        if not over and os.path.lexists(target):
            raise Misuse("exists", "already exists; it is not overwritten", str(target))
        if target.exists() and not target.is_file():
            with _stream(target) as file:
                yield file
            return
        with _aside(target, over=over, mode=mode) as file:
            yield file
    except OSError as error:
        raise unusable(error, target) from error


def write(target: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file as `written` does."""
    with written(target, mode=mode) as file:
        file.write(data)


def take(source: Path, target: Path) -> None:
    """Copy a file to a name that nothing has yet. Raises Misuse or Stuck."""
    with written(target, over=False) as file:
        try:
            reader = source.open("rb")
        except OSError as error:
            raise unusable(error, source) from error
        with reader:
            shutil.copyfileobj(reader, file, 1024 * 1024)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to be filled that gets the name `target`, which must be free or an empty folder, once the block has
    ended well; else it is gone. Raises Misuse or Stuck."""
    try:
        if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
            raise Misuse("exists", "already exists and is not empty", str(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        place = _place(target)
        draft = place.with_name(f".{secrets.token_hex(8)}.tmp")
        draft.mkdir()
        try:
            yield draft
            for folder, _, names in os.walk(draft):
                for name in (".", *names):
                    _flush(Path(folder) / name)
            draft.replace(place)
            _flush(place.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise unusable(error, target) from error


@contextmanager
def _aside(target: Path, *, over: bool, mode: int) -> Iterator[BinaryIO]:
    place = _place(target)
    draft = place.with_name(f".{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    with open(os.open(draft, flags, mode), "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not over:
                _claim(place)
            draft.replace(place)
            _flush(place.parent)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise


def _claim(place: Path) -> None:
    """Take a name that is free, so that nobody else's file is replaced."""
    try:
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Misuse("exists", "already exists; it is not overwritten", str(place)) from None


def _place(target: Path) -> Path:
    """Where a name leads: a link stays one. Raises OSError for one that leads nowhere."""
    place = Path(os.path.realpath(target))
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return place


@contextmanager
def _stream(target: Path) -> Iterator[BinaryIO]:
    """A device, or a pipe that somebody reads."""
    opened = os.open(target, os.O_WRONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    os.set_blocking(opened, True)
    with open(opened, "wb") as file:
        if stat.S_ISBLK(os.fstat(opened).st_mode):
            raise Misuse("bad-file", "is a disk", str(target))
        yield file


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class Output:
    """A standard stream while a command runs: writes what it can, escapes what its encoding has not, throws nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: OSError | None = None if stream is not None else OSError(errno.EBADF, os.strerror(errno.EBADF))
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)

    def write(self, text: str) -> int:
        """Write, unless it has failed before."""
        if self.error is None and self._stream is not None:
            try:
                self._stream.write(text)
            except OSError as error:
                self.error = error
        return len(text)

    def flush(self) -> None:
        """Bring it out."""
        if self.error is None and self._stream is not None:
            try:
                self._stream.flush()
            except OSError as error:
                self.error = error

    def isatty(self) -> bool:
        """Whether people read it."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def streams() -> Iterator[tuple[Output, Output]]:
    """Standard output and standard error as `Output`s, for as long as the block lasts."""
    before = sys.stdout, sys.stderr
    out, err = Output(before[0]), Output(before[1])
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        for each in (out, err):
            each.flush()
            if each.error is not None:
                _abandon(each)
        sys.stdout, sys.stderr = before


def _abandon(output: Output) -> None:
    """Leave what could not be written: the interpreter would try again at its end, and complain."""
    with suppress(AttributeError, ValueError, OSError):
        number = output.fileno()
        if number in {1, 2}:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Characters that an encoding has not, as JSON writes them: right in a document, and readable in a text."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    codes = (f"\\u{unit:04x}" for char in wrong for unit in _units(char))
    return "".join(codes), error.end


def _units(char: str) -> list[int]:
    point = ord(char)
    return [point] if point < 0x10000 else [0xD800 + (point - 0x10000 >> 10), 0xDC00 + (point - 0x10000 & 0x3FF)]


codecs.register_error(ESCAPED, _escaped)


def read_weights(path: Path | None) -> dict[str, int] | None:
    """Private weights from a JSON file. Raises Misuse."""
    if path is None:
        return None
    try:
        found = json.loads(given_text(path, LARGEST_WEIGHTS))
    except (ValueError, RecursionError) as error:
        raise Misuse("bad-weights", f"cannot be read as JSON: {error}", str(path)) from None
    if not isinstance(found, dict) or not all(type(value) is int for value in found.values()):
        raise Misuse("bad-weights", "not an object of whole numbers by duty and tranche", str(path))
    return found
