"""How statements travel: to a node's timekeepers, and back to whoever made them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.entry import TYPE_OF, Leaf
from armslength.engine.statements import Sent
from armslength.engine.troubles import Backoffs, Troubles
from armslength.errors import Misuse, Unavailable
from armslength.ports import Peers
from armslength.wire.manage import SAID_BEFORE, StatementResult
from armslength.wire.own import BASE, SubmissionAnswer, decode_answers, encode_leaves


class Intake(Protocol):
    """Where this node itself takes in submissions."""

    async def submit(self, arrangement: str, leaves: list[Leaf]) -> list[SubmissionAnswer]:
        """The answers, in order."""
        ...


class NodeTransport:
    """How entries of one arrangement reach its timekeepers: over the network, or straight into our own record.

    A timekeeper that has just failed to answer is left alone for a while; the keeper, without whom nothing is placed,
    is asked whenever something is sent.
    """

    def __init__(
        self,
        terms: Arrangement,
        arrangement: str,
        peers: Peers,
        mine: tuple[str, Intake] | None = None,
        backoffs: Backoffs | None = None,
    ) -> None:
        self._terms = terms
        self._arrangement = arrangement
        self._peers = peers
        self._mine = mine
        self._backoffs = backoffs or Backoffs(Troubles(), arrangement)

    async def submit(self, actor: str, leaves: list[Leaf]) -> list[SubmissionAnswer]:
        """`actor`'s answers. Raises Unavailable."""
        if self._mine is not None and actor == self._mine[0]:
            return await self._mine[1].submit(self._arrangement, leaves)
        to, pause = self._terms.actors[actor], self._backoffs.of(actor)
        if actor != self._terms.keeper and not pause.is_over:
            raise Unavailable("silent", "did not answer, and will be asked again later", actor)
        path, clock = f"{BASE}/submit/{self._arrangement}", asyncio.get_running_loop().time
        began = clock()
        try:
            data = await self._peers.post(to.did or "", to.address or "", path, encode_leaves(leaves))
        except asyncio.CancelledError:
            pause.late("it is slow to stamp entries", clock() - began)
            raise
        except Unavailable as error:
            pause.fail(error)
            raise
        self._backoffs.answered(actor)
        return decode_answers(data)


def said(sent: Sent, waiting: str) -> StatementResult:
    """What became of a statement that was sent; `waiting` says why there is no answer of the keeper."""
    kind, note = TYPE_OF[type(sent.body)], SAID_BEFORE if sent.before else None
    status, code, reason, answer = "placed", None, None, sent.answer
    if sent.refusal is not None:
        status, code, reason = "refused", sent.refusal.code, sent.refusal.reason
    elif answer is None:
        status, code, reason = "pending", "no-answer", waiting
    elif answer.code:
        status, code, reason = "pending", answer.code, answer.reason
    return StatementResult(entry=sent.entry, type=kind, status=status, code=code, reason=reason, note=note)


def check_events(terms: Arrangement, claims: Iterable[str]) -> None:
    """Raise Misuse if one of these claims, which were named without a period, is not an event."""
    for name in claims:
        claim = terms.claims.get(name)
        if claim is not None and claim.kind != "event":
            raise Misuse("which-period", f"{name} is attested period by period: name one, as in {name}#0", name)
