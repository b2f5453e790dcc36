"""ODRL policies, as far as the Dataspace Protocol carries them, and the thin offer of a tranche.

Laws:

1. The arrangement is the normative text; an offer only pins it. A tranche's offer is one permission to *use* under
   exactly two constraints: the arrangement's hash and the tranche's name.
2. Fail closed: whatever differs from our own offer (an unknown profile, operand or action, another hash, another
   tranche, any further rule) is named and refused. There is no partial match.
"""

from __future__ import annotations

from dataclasses import dataclass

ARRANGEMENT = "https://w3id.org/armslength/1#arrangement"
TRANCHE = "https://w3id.org/armslength/1#tranche"
FORMAT = "HttpData-PULL"


@dataclass(frozen=True, slots=True)
class Constraint:
    """An atomic ODRL constraint. Right operands are strings; numbers and lists are not used."""

    left: str
    operator: str
    right: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A permission, prohibition or obligation: an action under constraints that must all hold."""

    action: str
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of an offer or agreement; `profiles` are IRIs whose terms its author relies on."""

    permissions: tuple[Rule, ...] = ()
    prohibitions: tuple[Rule, ...] = ()
    obligations: tuple[Rule, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A policy on a dataset that somebody would agree to. In a catalogue it carries no target."""

    id: str
    policy: Policy
    target: str | None = None
    assigner: str | None = None
    assignee: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A policy on a dataset that provider (assigner) and consumer (assignee) agreed to."""

    id: str
    policy: Policy
    target: str
    assigner: str
    assignee: str
    timestamp: str  # xsd:dateTime, UTC


def thin(arrangement: str, tranche: str) -> Policy:
    """The policy of a tranche: `use`, under the arrangement with this hash (hex) and as this tranche."""
    pins = (Constraint(ARRANGEMENT, "eq", f"sha-256:{arrangement}"), Constraint(TRANCHE, "eq", tranche))
    return Policy(permissions=(Rule("use", pins),))


def difference(ours: Policy, theirs: Policy) -> str | None:
    """Say in words how `theirs` differs from `ours`; None if they mean the same. Order means nothing."""
    if unknown := set(theirs.profiles) - set(ours.profiles):
        return f"unknown profile {min(unknown)}"
    for name, mine, other in (
        ("permission", ours.permissions, theirs.permissions),
        ("prohibition", ours.prohibitions, theirs.prohibitions),
        ("obligation", ours.obligations, theirs.obligations),
    ):
        if len(mine) != len(other):
            return f"{len(other)} {name} rule(s), our offer has {len(mine)}"
        for expected, actual in zip(_sorted(mine), _sorted(other), strict=True):
            if reason := _rule_difference(expected, actual):
                return f"{name}: {reason}"
    return None


def _sorted(rules: tuple[Rule, ...]) -> list[Rule]:
    return sorted(
        rules, key=lambda rule: (rule.action, sorted((c.left, c.operator, c.right) for c in rule.constraints))
    )


def _rule_difference(ours: Rule, theirs: Rule) -> str | None:
    if ours.action != theirs.action:
        return f"action {theirs.action!r}, our offer says {ours.action!r}"
    expected = {constraint.left: constraint for constraint in ours.constraints}
    for constraint in theirs.constraints:
        known = expected.get(constraint.left)
        if known is None:
            return f"unknown operand {constraint.left!r}"
        if constraint != known:
            return (
                f"{constraint.left} {constraint.operator} {constraint.right!r}, "
                f"our offer says {known.operator} {known.right!r}"
            )
    if len(theirs.constraints) != len(ours.constraints):
        return f"{len(theirs.constraints)} constraint(s), our offer has {len(ours.constraints)}"
    return None
