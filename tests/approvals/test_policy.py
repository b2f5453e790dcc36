"""Policies that can be kept, and protect something."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from armslength.approvals.policy import ACTS, OWNER, ApprovalPolicy, ApprovalRule, Login, Official, check_policy
from armslength.core.record.keys import to_base64
from armslength.errors import ArmslengthError
from tests.approvals.people import NAMES, card, key, policy


def rule(count: int, *of: str, **rest: Any) -> ApprovalRule:
    """A rule."""
    return ApprovalRule(count=count, of=of, **rest)


def test_whom_an_act_needs() -> None:
    """Its own rule, or that for the rest; acknowledgements, evidence, seals and keys need nobody (rule 12.1b)."""
    both = policy(release=rule(1, "vera"))
    assert both.rule("release") == rule(1, "vera")
    assert both.rule("withdraw") == rule(2, *NAMES)
    assert [both.rule(each) for each in ("ack", "evidence", "key", "seal")] == [None] * 4
    assert OWNER.rule("release") is None
    named = ApprovalPolicy(officials=both.officials, acts={"release": rule(1, "vera"), "policy": rule(2, *NAMES)})
    assert named.rule("withdraw") is None


def test_a_quorum_counts_its_own_and_whom_it_must_include() -> None:
    """Names of others add nothing."""
    needed = rule(2, "vera", "ivo", including=("vera",))
    assert needed.met(("vera", "ivo"))
    assert not needed.met(("ivo", "kaja"))
    assert not needed.met(("vera", "kaja"))


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({"acts": {"release": rule(1, "vera")}}, "bad-policy", "acts.policy"),
        ({"acts": {"*": rule(3, *NAMES)}}, "bad-policy", "acts.*"),
        ({"acts": {"*": rule(1, *NAMES, including=NAMES)}}, "bad-policy", "acts.*"),
        ({"acts": {"*": rule(0, *NAMES)}}, "bad-policy", "acts.*"),
        ({"acts": {"*": rule(1, "mallory")}}, "bad-policy", "acts.*"),
        ({"acts": {"*": rule(2, "vera", "vera")}}, "bad-policy", "acts.*"),
        ({"acts": {"*": rule(1, *NAMES), "relase": rule(1, *NAMES)}}, "unknown-act", "acts.relase"),
        ({"officials": {"vera": Official(name="Vera")}}, "bad-policy", "officials.vera"),
        ({"officials": {"vera": card("vera"), "ivo": card("vera")}}, "bad-policy", "officials.ivo.keys[0]"),
        (
            {"officials": {"vera": Official(name="V", keys=(key("v").text,) * 2)}},
            "bad-policy",
            "officials.vera.keys[1]",
        ),
        ({"officials": {"vera": Official(name="V", keys=(to_base64(bytes([1]) + bytes(31)),))}}, "bad-key", None),
        ({"officials": {"v": Official(name="V", logins=(Login(issuer="http://x", subject="1"),))}}, "bad-policy", None),
        ({"lapse": 1}, "bad-policy", "lapse"),
    ],
)
def test_a_policy_that_does_not_hold_is_refused(changed: dict[str, Any], code: str, place: str | None) -> None:
    """With its place: what protects nothing, what nobody could meet, two cards of one person, weak keys."""
    with pytest.raises(ArmslengthError) as error:
        check_policy(dataclasses.replace(policy(), **changed))
    assert error.value.code == code
    assert place in (None, error.value.place)


def test_release_is_asked_for_by_the_node() -> None:
    """So all officials may be needed for it, and for nothing else."""
    check_policy(policy(release=rule(3, *NAMES)))
    check_policy(policy())
    check_policy(OWNER)


def test_every_act_is_in_the_documentation() -> None:
    """Whoever writes a policy finds the names there."""
    page = (Path(__file__).parents[2] / "docs" / "approvals.md").read_text(encoding="utf-8")
    assert not [name for name in ACTS if f"`{name}`" not in page]
