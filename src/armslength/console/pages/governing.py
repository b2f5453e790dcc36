"""What officials decide for later: another policy of approvals, beside the one in force, and standing approvals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.approvals.policy import LONGEST, POLICY, RELEASE, WEEK, ApprovalPolicy
from armslength.approvals.policy_changes import PolicyChanges, policy_changes
from armslength.console.approving import asked_first, order_of, policy_of
from armslength.console.forms import instant
from armslength.console.render import Pages
from armslength.console.sessions import BEGIN, MANAGE
from armslength.core.canonical import plain
from armslength.errors import ArmslengthError, Misuse, Refused
from armslength.wire import manage
from armslength.wire.approvals import read_policy, write_policy
from armslength.wire.manage import ApprovalsRequest, ListPage, PlainStatement, PolicyOrder
from armslength.wire.terms_json import decode_terms

FIRST: Final = """\
officials:
  vera: {name: Vera Example, keys: ["did:key:…"]}
  ivo: {name: Ivo Example, keys: ["did:key:…"]}
  kaja: {name: Kaja Example, logins: [{issuer: "https://login.example", subject: "4711"}]}
acts:
  sign: {quorum: 2, of: [vera, ivo, kaja]}
  release: {quorum: 2, of: [vera, ivo, kaja]}
  policy: {quorum: 2, of: [vera, ivo, kaja]}
lapse: 7d
"""
MOST: Final = 50  # arrangements for which a standing approval is offered


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingScope:
    """An arrangement in which we release tranches, by id with their titles."""

    arrangement: str
    title: str
    tranches: Mapping[str, str]


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""
    return [*_policies(pages), *_standing(pages)]


def _policies(pages: Pages) -> list[Route]:
    async def policy(request: Request) -> Response:
        in_force = await policy_of(pages.owner)
        return await _page(request, in_force, write_policy(in_force) if in_force.acts else FIRST)

    async def changed(request: Request) -> Response:
        form = await request.form()
        in_force, source = await policy_of(pages.owner), str(form.get("source", "")).replace("\r\n", "\n")
        try:
            wanted = read_policy(source.encode(), POLICY, _no_file)
        except ArmslengthError as error:
            return await _page(request, in_force, source, problem=str(error))
        if form.get("do") == "adopt" and not in_force.acts:
            pages.demand(request, MANAGE)
            await pages.owner.ask(manage.POLICY, PolicyOrder(policy=wanted))
            return pages.back(request, "/approvals#policy", pages.text("policy.adopted"))
        if form.get("do") == "ask" and wanted != in_force:
            order = order_of("", [PlainStatement(type=POLICY, body=plain(wanted))])
            if asked := await asked_first(pages, request, order):
                return asked
        return await _page(request, in_force, source, changes=policy_changes(in_force, wanted))

    async def _page(
        request: Request, in_force: ApprovalPolicy, source: str, changes: PolicyChanges | None = None, problem: str = ""
    ) -> Response:
        live = (await pages.owner.ask(manage.APPROVALS, ApprovalsRequest())).drafts
        return pages.page(
            request, "policy.html.j2", status=422 if problem else 200, policy=in_force, source=source, changes=changes,
            problem=problem, waiting=len(live),
        )  # fmt: skip

    return [
        Route("/approvals/policy", policy),
        Route("/approvals/policy", pages.only(BEGIN, changed), methods=["POST"]),
    ]


def _standing(pages: Pages) -> list[Route]:
    async def standing(request: Request) -> Response:
        now = int(time.time())
        return pages.page(
            request, "standing.html.j2", policy=await policy_of(pages.owner), scopes=await _scopes(pages),
            until=now + WEEK, latest=now + LONGEST,
        )  # fmt: skip

    async def asked(request: Request) -> Response:
        form = await request.form()
        arrangement, _, tranche = str(form.get("what", "")).partition("/")
        act = PlainStatement(type=RELEASE, body={"tranche": tranche} if tranche else {})
        order = order_of(arrangement, [act], until=instant(str(form.get("until", "")), "until"))
        found = await asked_first(pages, request, order)
        if found is None:
            raise Refused("needs-nobody", pages.text("standing.needs_nobody"), RELEASE)
        return found

    return [
        Route("/approvals/standing", standing),
        Route("/approvals/standing", pages.only(BEGIN, asked), methods=["POST"]),
    ]


async def _scopes(pages: Pages) -> list[StandingScope]:
    """The arrangements in which there is something for us to release."""
    found = []
    for each in (await pages.owner.ask(manage.LIST, ListPage())).arrangements[:MOST]:
        try:
            terms = decode_terms(each.document.encode())
        except ArmslengthError:
            continue
        ours = {name: tranche.title for name, tranche in terms.tranches.items() if tranche.provider == each.me}
        if ours:
            found.append(StandingScope(arrangement=each.arrangement, title=each.title, tranches=ours))
    return found


def _no_file(name: str) -> bytes:
    raise Misuse("no-file", "write the card itself here: files are not read", name)
