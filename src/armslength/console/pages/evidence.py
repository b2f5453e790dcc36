"""What an outsider needs: the bundle, what verifying it finds, and the report."""

from __future__ import annotations

import asyncio
import io
import zipfile

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.reading import look
from armslength.console.render import Pages
from armslength.errors import Unverified
from armslength.report import render
from armslength.views.placed import PlacedEntry
from armslength.wire.bundle import Verdict, verify_bundle
from armslength.wire.manage import EXPORT, WhichArrangement

EPOCH = (1980, 1, 1, 0, 0, 0)  # of files in an archive, so that one bundle is always the same archive


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def files(request: Request) -> tuple[str, dict[str, bytes]]:
        answer = await pages.owner.ask(EXPORT, WhichArrangement(arrangement=request.path_params["arrangement"]))
        return answer.arrangement, {path: text.encode() for path, text in answer.files.items()}

    async def evidence(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        verdict = None
        if "verify" in request.query_params:
            name, found = await files(request)
            verdict = await asyncio.to_thread(verify_bundle, found, name)
        return pages.page(request, "evidence.html.j2", seen=seen, words=seen.words, verdict=verdict)

    async def bundle(request: Request) -> Response:
        name, found = await files(request)
        data = await asyncio.to_thread(_archive, f"armslength-{name[:12]}", found)
        return _attached(data, "application/zip", f"armslength-{name[:12]}.zip")

    async def report(request: Request) -> Response:
        name, found = await files(request)
        page = await asyncio.to_thread(_report, await asyncio.to_thread(verify_bundle, found, name), found)
        return _attached(page.encode(), "text/html; charset=utf-8", f"armslength-{name[:12]}.html")

    return [
        Route("/a/{arrangement}/evidence", evidence),
        Route("/a/{arrangement}/evidence/bundle.zip", bundle),
        Route("/a/{arrangement}/evidence/report.html", report),
    ]


def _archive(folder: str, files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"{folder}/{path}", EPOCH), files[path], zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _report(verdict: Verdict, files: dict[str, bytes]) -> str:
    if not verdict.ok or verdict.terms is None or verdict.replica is None:
        raise Unverified("no-report", verdict.error.reason if verdict.error else "the bundle holds no record")
    texts = {
        path.removeprefix("clauses/").removesuffix(".txt"): text.decode()
        for path, text in files.items()
        if path.startswith("clauses/")
    }
    placed = [PlacedEntry.of(step.index, step.entry, step.at, step.changes) for step in verdict.timeline]
    return render(verdict, verdict.terms, texts, placed, verdict.replica.state)


def _attached(data: bytes, kind: str, name: str) -> Response:
    """A file to keep: never shown as a page of ours."""
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": "sandbox"}
    return Response(data, media_type=kind, headers=headers)
