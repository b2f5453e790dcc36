"""What a monitor's page (`web/attest_page`) asks of the node that serves it, beside our own messages between nodes.

GET  /attest/node                    -> ServingNode: whose token the page makes
GET  /attest/questions/{arrangement} -> Questions: what is decided, and what the caller has said
POST /attest/submit/{arrangement}    leaves -> Answers of the keeper, asked by this node
"""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.arrangement.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingNode:
    """Who serves the page: a token is made for this DID at this address."""

    did: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAttestation:
    """What the caller has said of an undecided period, and in which entry."""

    value: bool
    entry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimProgress:
    """One letter for each period that is decided or lies before one that is (`core.arrangement.state`), and what the
    caller has said of those that are open, by their numbers."""

    decided: str
    mine: dict[str, OwnAttestation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Where an arrangement stands for one of its monitors. `effective_at`: D, from which periods are counted."""

    actor: str
    now: int
    state: str
    effective_at: int | None = None
    claims: dict[str, ClaimProgress]


def questions(state: State, actor: str, monitors: dict[str, tuple[str, ...]], now: int) -> Questions:
    """What `actor` is asked: of each claim that it monitors (`monitors` by claim)."""
    return Questions(
        actor=actor,
        now=now,
        state=state.shown,
        effective_at=state.arrangement.effective_at,
        claims={
            name: ClaimProgress(
                decided=claim.decided,
                mine={
                    period: OwnAttestation(value=votes[actor].value, entry=votes[actor].entry)
                    for period, votes in claim.open.items()
                    if actor in votes
                },
            )
            for name, claim in state.claims.items()
            if actor in monitors[name]
        },
    )
