"""What becomes of an uploaded file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armslength.console.histories import Histories
from armslength.console.pages import files
from armslength.console.render import Pages
from armslength.errors import Refused, Unavailable
from armslength.wire.manage import PUBLISHING, SealingReport
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at

UNDER_WAY = SealingReport(arrangement="a" * 64, over=False, done=1, total=2)


class Sealing(FoldOwner):
    """A node that gives these answers to how far it is; before each, whether the upload is there is noted."""

    def __init__(self, upload: Path, *answers: SealingReport | Exception) -> None:
        super().__init__(at(39, 11))
        self.coming = list(answers)
        self.upload = upload
        self.there: list[bool] = []

    async def ask(self, verb: Any, asked: object) -> Any:
        """The next answer."""
        assert verb is PUBLISHING
        self.there.append(self.upload.exists())
        answer = self.coming.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    "last", [SealingReport(arrangement="a" * 64, over=True, done=2, total=2), Refused("too-large", "no", "T1")]
)
async def test_an_upload_stays_while_a_node_may_be_sealing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: SealingReport | Exception
) -> None:
    """Though the node does not answer for a while; it goes once it is sealed, or cannot be."""
    monkeypatch.setattr(files, "LOOK_S", 0.0)
    upload = tmp_path / "upload"
    upload.write_bytes(b"secret")
    owner = Sealing(upload, Unavailable("node-down", "no"), UNDER_WAY, Unavailable("node-down", "no"), last)
    pages = Pages(owner, Browser(owner).place, tmp_path, Histories(owner))
    await files._sealed(pages, UNDER_WAY, "T1", upload)
    assert owner.there == [True] * 4
    assert not upload.exists()
