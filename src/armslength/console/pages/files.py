"""The files of tranches: published by upload, received ones with what was verified of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from armslength.console.approving import asked_first, order_of, policy_of
from armslength.console.forms import instant
from armslength.console.reading import LookedAt, look
from armslength.console.render import Pages
from armslength.console.sessions import ACT, BEGIN
from armslength.console.uploads import UPLOADED, Upload, uploaded
from armslength.core.arrangement.terms import Tranche
from armslength.errors import ArmslengthError, NotFound, Unavailable
from armslength.wire.manage import (
    FETCH,
    PUBLISH,
    PUBLISHING,
    DraftOrder,
    FetchReport,
    PlainStatement,
    PublishOrder,
    SealingReport,
    WhichTranche,
)

PIECE = 256 * 1024
LEFT_S = 86400.0  # after which one that is still there was left behind: another console may be at work in the folder
NOT_ASKED = "node-down"  # the code of a question that never left
LOOK_S = 0.5  # between looks at how far the sealing is


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidedTranche:
    """A tranche that we provide. `refused`: why nothing may be published for it now."""

    name: str
    terms: Tranche
    state: str
    committed: bool
    sealing: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedTranche:
    """A tranche that we receive, and how far its file has come."""

    name: str
    terms: Tranche
    state: str
    report: FetchReport | None
    refused: str = ""


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def files(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        if same := pages.unchanged(request, seen.version):
            return same
        return pages.page(
            request,
            "files.html.j2",
            version=seen.version,
            seen=seen,
            words=seen.words,
            outgoing=_outgoing(seen),
            incoming=[each async for each in _incoming(pages, seen)],
            policy=await policy_of(pages.owner),
        )

    async def publish(request: Request) -> Response:
        arrangement, tranche = request.path_params["arrangement"], request.path_params["tranche"]
        seen = await look(pages.owner, arrangement)
        terms = seen.terms.tranches.get(tranche)
        if terms is None or terms.provider != seen.me:
            raise NotFound("unknown-tranche", "you provide no such tranche", tranche)
        upload = await uploaded(request, pages.uploads, terms.max_size)
        await _publish(pages, seen.arrangement, tranche, terms, upload)
        if asked := await asked_first(pages, request, _given_out(arrangement, tranche)):
            return asked
        return pages.back(request, f"/a/{arrangement}/files", pages.text("files.sealing", tranche=tranche))

    async def ask(request: Request) -> Response:
        arrangement, tranche = request.path_params["arrangement"], request.path_params["tranche"]
        asked = await asked_first(pages, request, _given_out(arrangement, tranche))
        return asked or pages.back(request, f"/a/{arrangement}/files", pages.text("files.needs_nobody"))

    async def download(request: Request) -> Response:
        arrangement, tranche = request.path_params["arrangement"], request.path_params["tranche"]
        report = await pages.owner.ask(FETCH, WhichTranche(arrangement=arrangement, tranche=tranche))
        if report.plain is None:
            raise NotFound("no-file", report.trouble or f"there is no file yet: it is {report.stage}", tranche)
        path, kind = Path(report.plain), "application/octet-stream"
        name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{arrangement[:12]}-{tranche}")
        headers = {
            "content-disposition": f'attachment; filename="{name}{path.suffix}"',
            "content-length": str((await asyncio.to_thread(path.stat)).st_size),
            "content-security-policy": "sandbox",
        }
        return StreamingResponse(_pieces(path), media_type=kind, headers=headers)

    return [
        Route("/a/{arrangement}/files", files),
        Route("/a/{arrangement}/files/{tranche}", download),
        Route("/a/{arrangement}/files/{tranche}/publish", pages.upload(ACT, publish), methods=["POST"]),
        Route("/a/{arrangement}/files/{tranche}/ask", pages.only(BEGIN, ask), methods=["POST"]),
    ]


def _given_out(arrangement: str, tranche: str) -> DraftOrder:
    """That the file which is sealed for a tranche is given out, to be asked for."""
    return order_of(arrangement, [PlainStatement(type="publish", body={"tranche": tranche})])


def _outgoing(seen: LookedAt) -> list[ProvidedTranche]:
    return [
        ProvidedTranche(
            name=name,
            terms=terms,
            state=seen.state.tranches[name].shown,
            committed=seen.state.tranches[name].commit is not None,
            sealing=seen.view.sealing.get(name),
        )
        for name, terms in seen.terms.tranches.items()
        if terms.provider == seen.me
    ]


async def _incoming(pages: Pages, seen: LookedAt) -> AsyncIterator[ReceivedTranche]:
    for name, terms in seen.terms.tranches.items():
        if terms.recipient != seen.me:
            continue
        state, report, refused = seen.state.tranches[name].shown, None, ""
        try:
            report = await pages.owner.ask(FETCH, WhichTranche(arrangement=seen.arrangement, tranche=name))
        except ArmslengthError as error:
            refused = error.reason
        yield ReceivedTranche(name=name, terms=terms, state=state, report=report, refused=refused)


async def _publish(pages: Pages, arrangement: str, tranche: str, terms: Tranche, upload: Upload) -> None:
    """Have an uploaded file sealed; it goes once that is over, or has not begun. A node that was asked and has not
    answered may be at it."""
    begun = SealingReport(arrangement=arrangement, over=False, done=0, total=0)
    try:
        given = upload.form.get("release_after", "")
        order = PublishOrder(
            arrangement=arrangement,
            tranche=tranche,
            file=str(upload.path),
            media_type=upload.form.get("media_type", "") or terms.media_types[0],
            release_after=instant(given, "release_after") if given else 0,
        )
        begun = await pages.owner.ask(PUBLISH, order)
    except ArmslengthError as error:
        if not isinstance(error, Unavailable) or error.code == NOT_ASKED:
            begun = replace(begun, over=True)
        raise
    finally:
        pages.keep(asyncio.create_task(_sealed(pages, begun, tranche, upload.path)))


def swept(folder: Path, before: float) -> None:
    """Let go of what a console that ended too early has left: files that nothing was written to since `before`."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if UPLOADED.fullmatch(path.name) and path.lstat().st_mtime < before:
            path.unlink(missing_ok=True)


async def _sealed(pages: Pages, report: SealingReport, tranche: str, kept: Path) -> None:
    """Wait until a file is sealed, or cannot be; then let go of what was uploaded. A node that does not answer may be
    sealing it still."""
    while not report.over:
        await asyncio.sleep(LOOK_S)
        try:
            report = await pages.owner.ask(PUBLISHING, WhichTranche(arrangement=report.arrangement, tranche=tranche))
        except Unavailable:
            continue
        except ArmslengthError:
            break
    await asyncio.to_thread(kept.unlink, missing_ok=True)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
