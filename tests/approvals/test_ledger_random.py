"""Random officials at work, most of them dishonest: whatever the ledger lets happen, a plain count agrees."""

from __future__ import annotations

import contextlib
from random import Random

import pytest

from armslength.approvals.drafts import APPROVE, OBJECT, Act, DraftedAct
from armslength.approvals.ledger import Adoption, ApprovalLine, Ending, Fact, Fulfilment, Ledger, fold, policy_act
from armslength.approvals.policy import OWNER, ApprovalRule
from armslength.errors import ArmslengthError
from tests.approvals.people import NAMES, NOON, add, asked, draft, policy, says

POLICIES = [
    policy(),
    policy(withdraw=ApprovalRule(count=1, of=("vera", "ivo"), including=("vera",))),
    policy(withdraw=ApprovalRule(count=2, of=NAMES, objection_ends=False)),
    OWNER,
]


def chance(random: Random, ledger: Ledger, drafts: list[DraftedAct]) -> Fact:
    """Anything that anybody might try."""
    made = random.choice(drafts[-3:]) if drafts and random.random() < 0.9 else None
    match random.randrange(10) if made else 0:
        case 0:
            wanted = random.choice(POLICIES)
            acts = (policy_act(wanted),) if random.random() < 0.3 else (Act(name="withdraw", body={"text": "x"}),)
            by, nonce = random.choice((*NAMES, "")), str(random.randrange(10**6))
            new = draft(ledger, by=by, acts=acts, nonce=nonce, lapses=ledger.next_time(NOON) + random.randrange(1, 999))
            drafts.append(new)
            return asked(new)
        case 1 | 2 | 3 | 4 | 5 | 6:
            assert made is not None
            who, number = random.choice(NAMES), random.randrange(2)
            return says(who, made, APPROVE if random.random() < 0.85 else OBJECT, number)
        case 7 | 8:
            assert made is not None
            return Ending(draft=made.hash, why="changed") if random.random() < 0.1 else Fulfilment(draft=made.hash)
        case _:
            name = made.hash if made and random.random() < 0.9 else ""
            return Adoption(policy=random.choice(POLICIES), draft=name)


def is_enough(lines: list[ApprovalLine], name: str, at: int) -> bool:
    """Whether these lines have enough approvals for a draft, by counting them anew."""
    places = [i for i, line in enumerate(lines) if line.requested and line.requested.draft.hash == name]
    adopted = [i for i, line in enumerate(lines) if line.adopted]
    if not places or not adopted or adopted[-1] > places[0]:
        return False
    in_force = lines[adopted[-1]].adopted
    made = lines[places[0]].requested
    assert in_force is not None
    assert made is not None
    rule = in_force.policy.rule(made.draft.act)
    if rule is None or at > made.draft.lapses:
        return False
    approving = set[str]()
    for line in lines[places[0] :]:
        if line.decided and line.decided.draft == name:
            who = in_force.policy.with_key(line.decided.proof.key or "")
            assert who is not None
            if line.decided.word == OBJECT:
                if rule.objection_ends:
                    return False
                approving.discard(who)
            else:
                approving.add(who)
        if (line.ended and line.ended.draft == name) or (line.fulfilled and line.fulfilled.draft == name):
            return False
    counted = {who for who in approving if who in rule.of and who != made.draft.by}
    return len(counted) >= rule.count and set(rule.including) <= counted


def played(seed: int) -> int:
    """How much was done in a game of 300 tries, all of it rightly."""
    random, ledger, drafts = Random(seed), Ledger(), list[DraftedAct]()
    lines, now, done = [add(ledger, Adoption(policy=POLICIES[seed % 3]))], NOON, 0
    for _ in range(300):
        now += random.randrange(0, 20)
        fact = chance(random, ledger, drafts)
        governed = bool(ledger.policy.acts)
        with contextlib.suppress(ArmslengthError):
            line = add(ledger, fact, now)
            if isinstance(fact, (Fulfilment, Adoption)) and (governed or isinstance(fact, Fulfilment)):
                assert is_enough(lines, fact.draft, line.at)
                done += 1
            lines.append(line)
    assert fold(lines).head == ledger.head
    return done


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_nothing_is_done_without_its_quorum(first: int) -> None:
    """Each line that says something was done, or that a policy took effect, has its quorum in the lines before it; and
    the whole folds to the same (rules 12.1c, 12.2d)."""
    assert sum(played(seed) for seed in range(first, first + 10)) > 3
