"""Files that people upload: bounded while they arrive, and gone where they are not taken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from armslength.console import uploads
from armslength.errors import Stuck
from armslength.wire.manage import PUBLISH, PublishOrder, SealingReport, Verb
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at

MIB = 1024 * 1024
MOST = 16 * MIB  # of T1, by its terms
HEAD = 'Content-Disposition: form-data; name="{}"{}\r\n\r\n'
FILE = HEAD.format("file", '; filename="a.csv"')


class Sealer(FoldOwner):
    """A node that seals what is published at once; `content` is what it was given."""

    def __init__(self) -> None:
        super().__init__(at(39, 11), "A")
        self.content: bytes | None = None
        self.order: PublishOrder | None = None

    async def ask(self, verb: Verb[Any, Any], asked: object) -> Any:
        """Read the file while it is there."""
        if verb is PUBLISH:
            assert isinstance(asked, PublishOrder)
            self.order, self.content = asked, Path(asked.file).read_bytes()
            return SealingReport(arrangement=asked.arrangement, over=True, done=0, total=0)
        return await super().ask(verb, asked)


class Uploading:
    """Somebody who provides T1, and sends forms with files for it."""

    def __init__(self, folder: Path) -> None:
        self.owner = Sealer()
        self.browser = Browser(self.owner, uploads=folder)
        self.browser.log_in()
        self.taken = 0  # bytes of the last request

    async def send(self, *pieces: bytes, token: str | None = None, **headers: str) -> tuple[int, bytes]:
        """A form, in these pieces; the status, and the page. Without a length it is only known at its end."""
        path = f"/a/{self.owner.arrangement}/files/T1/publish"
        given = {"host": "127.0.0.1:8181", "cookie": self.browser.cookie, "origin": self.browser.place.origin}
        given |= {"content-type": "multipart/form-data; boundary=cut"} | headers
        if token:
            given["x-form"] = token
        scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"", "http_version": "1.1",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8181), "scheme": "http",
        }  # fmt: skip
        left: Iterator[bytes] = iter(pieces)
        sent: list[Any] = []
        self.taken = 0

        async def receive() -> Any:
            piece = next(left, None)
            self.taken += len(piece or b"")
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.browser.app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    @staticmethod
    def whole(data: bytes, token: str) -> list[bytes]:
        """A form as browsers send it: the token, the file, and a field after it."""
        fields = [
            f"--cut\r\n{HEAD.format('form', '')}{token}\r\n--cut\r\n{FILE}".encode(),
            *(data[at : at + 65_536] for at in range(0, len(data), 65_536)),
            f"\r\n--cut\r\n{HEAD.format('media_type', '')}text/plain\r\n--cut--\r\n".encode(),
        ]
        return [each for each in fields if each]


@pytest.fixture
def uploading(tmp_path: Path) -> Uploading:
    """Files lie in this folder."""
    return Uploading(tmp_path)


async def test_a_file_comes_to_the_node_as_it_was_sent(uploading: Uploading, tmp_path: Path) -> None:
    """Up to the very bound, with what the form says of it; afterwards it is gone."""
    data = os.urandom(MOST)
    status, page = await uploading.send(*uploading.whole(data, await uploading.browser.token()))
    assert status == 303, page
    assert uploading.owner.content == data
    assert uploading.owner.order is not None
    assert uploading.owner.order.media_type == "text/plain"
    await asyncio.sleep(0.1)
    assert not list(tmp_path.iterdir())


async def test_more_than_the_terms_allow_is_not_taken(uploading: Uploading, tmp_path: Path) -> None:
    """Neither what announces it, of which nothing is read, nor what does not: it ends at the bound."""
    token = await uploading.browser.token()
    pieces = uploading.whole(b"x" * (MOST + 2 * MIB), token)
    status, page = await uploading.send(*pieces, content_length=str(sum(map(len, pieces))))
    assert (status, uploading.taken) == (400, 0)
    assert b"at most 16777216 bytes" in page
    status, page = await uploading.send(*pieces)
    assert b"at most 16777216 bytes" in page
    assert uploading.taken <= MOST + MIB
    assert uploading.owner.content is None
    assert not list(tmp_path.iterdir())


async def test_whose_form_it_is_is_known_before_its_file_is_taken(uploading: Uploading, tmp_path: Path) -> None:
    """Without the session's token, with another's, with it after the file: nothing is written."""
    token = await uploading.browser.token()
    late = f"\r\n--cut\r\n{HEAD.format('form', '')}{token}\r\n--cut--\r\n".encode()
    for pieces in (uploading.whole(b"x" * MIB, "x"), [f"--cut\r\n{FILE}".encode(), b"x" * MIB, late]):
        status, page = await uploading.send(*pieces)
        assert status == 403
        assert b"this form has expired" in page
        assert uploading.taken <= len(pieces[0]) + 65_536
    status, _ = await uploading.send(*uploading.whole(b"x", token), token="x")
    assert (status, uploading.taken) == (403, 0)
    status, _ = await uploading.send(*uploading.whole(b"x", ""), token=token)
    assert status == 303
    assert uploading.owner.content == b"x"


IN_PARTS = "multipart/form-data; boundary="


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", IN_PARTS, IN_PARTS + "x" * 300])
async def test_what_is_no_form_is_told_so(uploading: Uploading, tmp_path: Path, kind: str) -> None:
    """Without a kind, of another, or in parts that nothing divides: refused, and nothing is left of it."""
    token = await uploading.browser.token()
    status, _ = await uploading.send(b"abc", token=token, **{"content-type": kind, "content-length": "3"})
    assert status == 400
    assert list(tmp_path.iterdir()) == []


async def test_everything_but_the_file_is_small(uploading: Uploading, tmp_path: Path) -> None:
    """Fields without end, headers without end, parts without end, two files, no file, no form: all are refused."""
    token = await uploading.browser.token()
    begin = f"--cut\r\n{HEAD.format('form', '')}{token}\r\n--cut\r\n".encode()
    field = HEAD.format("a", "").encode()
    other = f"\r\n--cut\r\n{FILE}y\r\n--cut--\r\n".encode()
    for pieces in (
        [begin + field, *[b"x" * 65_536] * 40],
        [begin + b"A: ", *[b"x" * 65_536] * 40],
        [begin, *[(field + b"\r\n--cut\r\n") * 1000] * 40],
        [begin + FILE.encode(), b"x", other],
        [begin + field + b"x\r\n--cut--\r\n"],
        [begin + HEAD.format("file", '; filename=""').encode() + b"\r\n--cut--\r\n"],
        [begin + FILE.encode() + b"x"],
        [b"nothing of the kind"],
        [],
    ):
        status, page = await uploading.send(*pieces)
        assert status == 400, page
        assert uploading.taken < 10 * 65_536
        assert uploading.owner.content is None
        assert not list(tmp_path.iterdir())
    status, _ = await uploading.send(content_type="multipart/form-data")
    assert status == 400


async def test_an_upload_that_finds_no_room_leaves_nothing(
    uploading: Uploading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The full disk of Linux takes no byte; the person is told, and the part that was written is gone."""

    def full(path: Path) -> BinaryIO:
        path.touch()
        return Path("/dev/full").open("wb", 0)

    monkeypatch.setattr(uploads, "_opened", full)
    pieces = uploading.whole(b"x" * MIB, await uploading.browser.token())
    status, page = await uploading.send(*pieces)
    assert status == Stuck.status
    assert b"no space left" in page
    assert not list(tmp_path.iterdir())


async def test_an_upload_leaves_room_to_the_node(
    uploading: Uploading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database is on the same disk."""
    monkeypatch.setattr(uploads, "ROOM", 1 << 60)
    pieces = uploading.whole(b"x" * MIB, await uploading.browser.token())
    status, page = await uploading.send(*pieces)
    assert status == Stuck.status
    assert b"has no room" in page
    assert not list(tmp_path.iterdir())
