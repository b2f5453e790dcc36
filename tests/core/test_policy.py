"""The thin offer pins the arrangement, and nothing that differs from it passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armslength.core.policy import ARRANGEMENT, TRANCHE, Constraint, Policy, Rule, difference, thin

HASH = "ab" * 32
OURS = thin(HASH, "T1")
PINS = OURS.permissions[0].constraints


def permitting(*constraints: Constraint, action: str = "use") -> Policy:
    return Policy(permissions=(Rule(action, constraints),))


def test_the_thin_policy_is_one_permission_under_two_constraints() -> None:
    """`use`, under the arrangement's hash and the tranche's name."""
    assert permitting(Constraint(ARRANGEMENT, "eq", f"sha-256:{HASH}"), Constraint(TRANCHE, "eq", "T1")) == OURS


def test_order_means_nothing() -> None:
    """The same constraints in another order are the same policy."""
    assert difference(OURS, permitting(*reversed(PINS))) is None


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (thin("cd" * 32, "T1"), "sha-256:cdcd"),
        (thin(HASH, "T2"), "'T2'"),
        (permitting(*PINS, action="distribute"), "action 'distribute'"),
        (permitting(PINS[0]), "1 constraint"),
        (permitting(), "0 constraint"),
        (permitting(*PINS, PINS[0]), "3 constraint"),
        (permitting(*PINS, Constraint("count", "lt", "5")), "unknown operand 'count'"),
        (permitting(PINS[0], Constraint(TRANCHE, "neq", "T1")), "neq"),
        (replace(OURS, permissions=()), "0 permission"),
        (replace(OURS, permissions=(*OURS.permissions, Rule("use"))), "2 permission"),
        (replace(OURS, prohibitions=(Rule("distribute"),)), "1 prohibition"),
        (replace(OURS, obligations=(Rule("delete"),)), "1 obligation"),
        (replace(OURS, profiles=("https://example.org/profile",)), "unknown profile https://example.org/profile"),
    ],
)
def test_every_difference_is_named(theirs: Policy, reason: str) -> None:
    """Another hash, tranche, action or operand, and any rule more or less, is a difference, in words."""
    assert reason in (difference(OURS, theirs) or "")
