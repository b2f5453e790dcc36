"""ODRL policies as plain JSON <-> core values.

Read strictly: a member that we do not know inside a policy, a rule or a constraint would change its meaning unseen,
so it is refused. Terms of ODRL itself may be written bare or with the prefix `odrl:`.
"""

from __future__ import annotations

from typing import Any, Final

from armslength.core.policy import Agreement, Constraint, Offer, Policy, Rule
from armslength.errors import Malformed
from armslength.wire.fields import items, join, mapping, maybe_text, text, wrong

OPERATORS: Final = frozenset(
    "eq gt gteq lt lteq neq isA hasPart isPartOf isAllOf isAnyOf isNoneOf".split()  # noqa: SIM905 (reads as the spec)
)
_POLICY: Final = frozenset(
    {"@id", "@type", "profile", "permission", "prohibition", "obligation", "target", "assigner", "assignee"}
)
_RULE: Final = frozenset({"@type", "action", "constraint"})
_CONSTRAINT: Final = frozenset({"@type", "leftOperand", "operator", "rightOperand"})


def read_offer(value: Any, place: str = "offer") -> Offer:
    """An offer in a message or a catalogue. Raises Malformed, naming the field."""
    source = mapping(value, place)
    _typed(source, "Offer", place)
    return Offer(
        id=text(source, "@id", place),
        policy=_policy(source, place, _POLICY),
        target=maybe_text(source, "target", place),
        assigner=maybe_text(source, "assigner", place),
        assignee=maybe_text(source, "assignee", place),
    )


def read_agreement(value: Any, place: str = "agreement") -> Agreement:
    """A complete agreement. Raises Malformed, naming the field."""
    source = mapping(value, place)
    _typed(source, "Agreement", place)
    return Agreement(
        id=text(source, "@id", place),
        policy=_policy(source, place, _POLICY | {"timestamp"}),
        target=text(source, "target", place),
        assigner=text(source, "assigner", place),
        assignee=text(source, "assignee", place),
        timestamp=text(source, "timestamp", place),
    )


def write_offer(offer: Offer) -> dict[str, Any]:
    """The offer as it goes into a message; without a target, as it goes into a catalogue."""
    head: dict[str, Any] = {"@id": offer.id, "@type": "Offer"}
    named = (("assigner", offer.assigner), ("assignee", offer.assignee), ("target", offer.target))
    return head | {name: value for name, value in named if value is not None} | _rules(offer.policy)


def write_agreement(agreement: Agreement) -> dict[str, Any]:
    """The agreement as it goes into a message."""
    head = {
        "@id": agreement.id,
        "@type": "Agreement",
        "assigner": agreement.assigner,
        "assignee": agreement.assignee,
        "target": agreement.target,
        "timestamp": agreement.timestamp,
    }
    return head | _rules(agreement.policy)


def _typed(source: dict[str, Any], kind: str, place: str) -> None:
    if text(source, "@type", place) not in (kind, f"odrl:{kind}"):
        raise wrong(join(place, "@type"), kind)


def _policy(source: dict[str, Any], place: str, known: frozenset[str]) -> Policy:
    _no_others(source, known, place)
    profiles = items(source, "profile")
    if not all(isinstance(profile, str) for profile in profiles):
        raise wrong(join(place, "profile"), "a string or a list of strings")
    policy = Policy(
        permissions=_read_rules(source, "permission", place),
        prohibitions=_read_rules(source, "prohibition", place),
        obligations=_read_rules(source, "obligation", place),
        profiles=tuple(profiles),
    )
    if not (policy.permissions or policy.prohibitions):
        raise Malformed("missing-field", "a policy needs a permission or a prohibition", join(place, "permission"))
    return policy


def _read_rules(source: dict[str, Any], name: str, place: str) -> tuple[Rule, ...]:
    here = join(place, name)
    return tuple(_rule(mapping(item, f"{here}[{i}]"), f"{here}[{i}]") for i, item in enumerate(items(source, name)))


def _rule(source: dict[str, Any], place: str) -> Rule:
    _no_others(source, _RULE, place)
    here = join(place, "constraint")
    constraints = (
        _constraint(mapping(item, f"{here}[{i}]"), f"{here}[{i}]") for i, item in enumerate(items(source, "constraint"))
    )
    return Rule(_bare(text(source, "action", place)), tuple(constraints))


def _constraint(source: dict[str, Any], place: str) -> Constraint:
    _no_others(source, _CONSTRAINT, place)
    operator = _bare(text(source, "operator", place))
    if operator not in OPERATORS:
        raise wrong(join(place, "operator"), "an operator of ODRL")
    return Constraint(_bare(text(source, "leftOperand", place)), operator, text(source, "rightOperand", place))


def _no_others(source: dict[str, Any], known: frozenset[str], place: str) -> None:
    for name in source:
        if name not in known:
            raise Malformed("unknown-term", "not understood, and a policy is not guessed at", join(place, name))


def _bare(term: str) -> str:
    return term.removeprefix("odrl:")


def _rules(policy: Policy) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    if policy.profiles:
        rules["profile"] = policy.profiles[0] if len(policy.profiles) == 1 else list(policy.profiles)
    for name, group in (
        ("permission", policy.permissions),
        ("prohibition", policy.prohibitions),
        ("obligation", policy.obligations),
    ):
        if group:
            rules[name] = [_write_rule(rule) for rule in group]
    return rules


def _write_rule(rule: Rule) -> dict[str, Any]:
    written: dict[str, Any] = {"action": rule.action}
    if rule.constraints:
        written["constraint"] = [
            {"leftOperand": item.left, "operator": item.operator, "rightOperand": item.right}
            for item in rule.constraints
        ]
    return written
