"""A form with a file, read as it arrives: whose it is is known before a byte of the file is taken, and the file goes to
its place at once, no more of it than may be and than the disk has room for."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from armslength.console.guard import FORM, HEADER, check_token
from armslength.errors import Misuse, Stuck, unusable

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PIECE: Final = 256 * 1024  # bytes that are written at once
FIELDS: Final = 64 * 1024  # bytes of everything in a form but its file …
PART: Final = 256  # … to which each part counts as so many more
ROOM: Final = 64 * 1024 * 1024  # bytes that an upload leaves on the disk, to the node at work there
UPLOADED: Final = re.compile(r"[0-9a-f]{32}")  # names of uploaded files


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that has arrived. `path`: where its file lies, until whoever asked for it lets go of it."""

    form: Mapping[str, str]
    path: Path


async def uploaded(request: Request, folder: Path, most: int) -> Upload:
    """The form of a request, its file of at most `most` bytes in a place that is ours alone. Raises Unauthorised for a
    form that is not its session's, Misuse for one that is too large or none, Stuck where the disk has no room; then
    nothing is left of it."""
    if (given := request.headers.get(HEADER)) is not None:
        check_token(request, given)
    announced = request.headers.get("content-length", "0")
    if int(announced) > most + FIELDS:
        raise _too_large(most)
    form = _Parts(lambda fields: None if given is not None else check_token(request, fields.get(FORM, "")))
    path = folder / secrets.token_hex(16)
    try:
        with await asyncio.to_thread(_opened, path) as file:
            await _read(request, form, file, most)
    except OSError as error:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise unusable(error, "file") from None
    except FormParserError:
        path.unlink(missing_ok=True)
        raise Misuse("bad-form", "cannot be read as a form", "form") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Upload(form.fields, path)


async def _read(request: Request, form: _Parts, file: BinaryIO, most: int) -> None:
    """Take the form apart as it arrives, and write what comes of its file."""
    _, options = parse_options_header(request.headers.get("content-type"))
    parser = MultipartParser(options.get(b"boundary", b""), form.callbacks())
    size = 0
    async for chunk in request.stream():
        parser.write(chunk)
        if size + len(form.piece) > most:
            raise _too_large(most)
        if len(form.piece) >= PIECE or form.is_over:
            size += len(form.piece)
            await asyncio.to_thread(_write, file, bytes(form.piece))
            form.piece.clear()
    if not form.is_over or not form.has_file:
        raise Misuse("no-file", "choose a file", "file")


def _write(file: BinaryIO, piece: bytes) -> None:
    if shutil.disk_usage(Path(f"/proc/self/fd/{file.fileno()}")).free < ROOM + len(piece):
        raise Stuck("no-room", "the disk has no room for it: nothing is kept", "file")
    file.write(piece)


def _opened(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _too_large(most: int) -> Misuse:
    return Misuse("too-large", f"the terms allow at most {most} bytes", "file")


class _Parts:
    """What the parser finds: fields, and in `piece` what has come of the file since that was last emptied. `begun` is
    told the fields that stand before the file, and may raise."""

    def __init__(self, begun: Callable[[Mapping[str, str]], None]) -> None:
        self.fields: dict[str, str] = {}
        self.piece = bytearray()
        self.has_file = self.is_over = False
        self._begun = begun
        self._size = 0  # of all but the file
        self._in_file = False
        self._name = ""
        self._said = b""  # the Content-Disposition of this part
        self._header = (bytearray(), bytearray())
        self._value = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._takes,
            "on_part_end": self._part_ends,
            "on_end": self._ends,
        }

    def _part_begins(self) -> None:
        self._said, self._in_file = b"", False
        self._count(PART)

    def _header_ends(self) -> None:
        name, value = self._header
        self._count(len(name) + len(value))
        if name.lower() == b"content-disposition":
            self._said = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._said)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = b"filename" in options
        if self._in_file:
            if self.has_file or not options[b"filename"]:
                raise Misuse("no-file", "choose a file, and one alone", "file")
            self._begun(self.fields)
            self.has_file = True

    def _takes(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.piece += data[start:end]
            return
        self._count(end - start)
        self._value += data[start:end]

    def _part_ends(self) -> None:
        if not self._in_file:
            self.fields[self._name] = self._value.decode("utf-8", "replace")
            self._value.clear()

    def _ends(self) -> None:
        self.is_over = True

    def _count(self, more: int) -> None:
        self._size += more
        if self._size > FIELDS:
            raise Misuse("too-large", f"everything but the file has at most {FIELDS} bytes", "form")
