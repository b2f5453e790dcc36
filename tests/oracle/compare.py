"""The same view of both engines' states, as flat maps from a path to a value.

The instants at which things came to where they are (`at`) are left out: no rule rests on them. Instants that clocks
count from are there.
"""

from __future__ import annotations

from armslength.core.arrangement.state import State
from tests.oracle.claims import still_decided
from tests.oracle.world import World

View = dict[str, object]


def _clock(state: str, due: int | None, cure_due: int | None, frozen_at: int | None) -> tuple[int | None, int | None]:
    """The deadline that runs, and since when it is paused."""
    return {"ACTIVE": due, "OVERDUE": cure_due}.get(state), frozen_at


def of_state(state: State, still: set[str]) -> View:
    """The product's state. What is open is compared for the claims that are still decided."""
    arrangement, clock = state.arrangement, state.clock
    view: View = {
        "clock.tau": clock.tau,
        "clock.now": clock.now,
        "shown": state.shown,
        "phase": (arrangement.phase, arrangement.effective_at, arrangement.winding_by),
        "signed": dict(arrangement.signed),
        "suspension": (s := arrangement.suspension) and (s.since, sorted(s.duties), sorted(s.resumed)),
        "withdrawals": {who: (w.at, w.ends) for who, w in arrangement.withdrawals.items()},
        "holds": {who: used for who, used in arrangement.holds_used.items() if used},
        "excluded": dict(arrangement.excluded),
    }
    for name, claim in state.claims.items():
        view[f"claim {name}"] = claim.decided.rstrip(".")
        view[f"claim {name} open"] = {
            int(p): {who: (v.value, v.at, v.entry) for who, v in votes.items()}
            for p, votes in claim.open.items()
            if votes and name in still
        }
    for name, duty in state.duties.items():
        view[f"duty {name}"] = duty.state
        view[f"duty {name} since"] = duty.active_at
        view[f"duty {name} clock"] = _clock(duty.state, duty.due, duty.cure_due, duty.frozen_at)
        view[f"duty {name} said"] = (duty.performed_at, sorted(duty.waived))
        view[f"duty {name} instances"] = [(i.first, i.state, i.broke) for i in duty.instances]
    for name, tranche in state.tranches.items():
        view[f"tranche {name}"] = (tranche.stage, tranche.shown)
        view[f"tranche {name} withheld"] = sorted(tranche.withheld)
        view[f"tranche {name} times"] = (
            tranche.gate_at,
            tranche.delivered_at,
            tranche.released_at,
            tranche.key_due,
            tranche.key_at,
        )
        view[f"tranche {name} complaint"] = (tranche.disputed_at, tranche.complaint, dict(tranche.votes))
        view[f"tranche {name} commit"] = tranche.commit
    for name, allegation in state.allegations.items():
        view[f"allegation {name}"] = (allegation.answer, allegation.outcome, allegation.holding)
        view[f"allegation {name} more"] = (allegation.by, allegation.raised_at, dict(allegation.votes))
    return view


def of_world(world: World) -> View:
    """The second engine's."""
    view: View = {
        "clock.tau": world.tau,
        "clock.now": world.now,
        "shown": world.shown,
        "phase": (world.phase, world.day, world.winding_by),
        "signed": dict(world.signed),
        "suspension": (s := world.suspension) and (s.since, sorted(s.duties), sorted(s.resumed)),
        "withdrawals": dict(world.withdrawals),
        "holds": dict(world.holds_used),
        "excluded": dict(world.excluded),
    }
    for name in world.terms.claims:
        view[f"claim {name}"] = world.letters(name).rstrip(".")
        view[f"claim {name} open"] = {
            p: votes
            for p in range(world.count(name) if world.day is not None and still_decided(world, name) else 0)
            if world.letter(name, p) == "." and (votes := world.votes(name, p))
        }
    for name, duty in world.duties.items():
        view[f"duty {name}"] = duty.state
        view[f"duty {name} since"] = duty.active_at
        view[f"duty {name} clock"] = _clock(duty.state, duty.due, duty.cure_due, duty.frozen_at)
        view[f"duty {name} said"] = (duty.performed_at, sorted(duty.waived))
        view[f"duty {name} instances"] = [(i.first, i.state, i.broke) for i in duty.instances]
    for name, tranche in world.tranches.items():
        view[f"tranche {name}"] = (tranche.stage, tranche.shown)
        view[f"tranche {name} withheld"] = sorted(tranche.withheld)
        view[f"tranche {name} times"] = (
            tranche.gate_at,
            tranche.delivered_at,
            tranche.released_at,
            tranche.key_due,
            tranche.key_at,
        )
        view[f"tranche {name} complaint"] = (tranche.disputed_at, tranche.complaint, dict(tranche.votes))
        view[f"tranche {name} commit"] = tranche.commit
    for name, allegation in world.allegations.items():
        view[f"allegation {name}"] = (allegation.answer, allegation.outcome, allegation.holding)
        view[f"allegation {name} more"] = (allegation.by, allegation.raised_at, dict(allegation.votes))
    return view


def compared(state: State, world: World) -> dict[str, tuple[object, object]]:
    """Where the two engines differ: {path: (the product's, the second engine's)}."""
    still = {claim for claim in world.terms.claims if still_decided(world, claim)}
    return differences(of_state(state, still), of_world(world))


def differences(ours: View, theirs: View) -> dict[str, tuple[object, object]]:
    """Where two views differ: {path: (ours, theirs)}."""
    return {
        path: (ours.get(path, "-"), theirs.get(path, "-"))
        for path in sorted({*ours, *theirs})
        if ours.get(path, "-") != theirs.get(path, "-")
    }
