"""What one policy of approvals has otherwise than another, card by card and act by act, with both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from armslength.approvals.policy import ApprovalPolicy, ApprovalRule, Official

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedOfficial:
    """An official by its id, before and after; None where there is none."""

    name: str
    before: Official | None
    after: Official | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRule:
    """Whom an act needs, before and after; None: nobody. What an act needs by `*` is told where one names the act."""

    act: str
    before: ApprovalRule | None
    after: ApprovalRule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanges:
    """What is otherwise; the policies themselves for how their officials are called."""

    before: ApprovalPolicy
    after: ApprovalPolicy
    officials: tuple[ChangedOfficial, ...]
    rules: tuple[ChangedRule, ...]

    @property
    def is_none(self) -> bool:
        """Whether nothing is otherwise."""
        return self.before == self.after


def policy_changes(before: ApprovalPolicy, after: ApprovalPolicy) -> PolicyChanges:
    """What the second has otherwise than the first."""
    officials = _changed(before.officials, after.officials)
    acts = dict.fromkeys((*before.acts, *after.acts))
    rules = [(act, before.rule(act), after.rule(act)) for act in acts]
    return PolicyChanges(
        before=before,
        after=after,
        officials=tuple(ChangedOfficial(name=name, before=old, after=new) for name, old, new in officials),
        rules=tuple(ChangedRule(act=act, before=old, after=new) for act, old, new in rules if old != new),
    )


def _changed(before: Mapping[str, V], after: Mapping[str, V]) -> Iterator[tuple[str, V | None, V | None]]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield name, old, new
