"""Whom evidence speaks against, and what is a refusal."""

from __future__ import annotations

import dataclasses

from armslength.core.arrangement.bodies import Attest
from armslength.core.record.entry import entry_hash
from armslength.core.record.evidence import culprit, refuses
from tests.core.record.test_replica import started
from tests.golden.terms import at

ATTEST = Attest(claim="k1a", period=0, value=False)


def test_a_fork_speaks_against_the_keeper_and_equivocation_against_its_author() -> None:
    """By the signatures alone (rule 1.4d)."""
    builder = started()
    roster = builder.replica.roster
    assert culprit(roster, builder.fork(at(0, 1))) == "m5"
    pair = builder.entry("m1", ATTEST), builder.entry("m1", dataclasses.replace(ATTEST, value=True))
    assert culprit(roster, builder.equivocation(*pair)) == "m1"


def test_a_refusal_is_the_keeper_s_of_this_entry() -> None:
    """Signed by it, for this arrangement; of another entry it says nothing (rule 1.3b)."""
    builder = started()
    first, other = builder.entry("m1", ATTEST), builder.entry("m2", ATTEST)
    refusal, roster = builder.refusal(first), builder.replica.roster
    assert refuses(roster, refusal, entry_hash(first)) is True
    assert not refuses(roster, refusal, entry_hash(other))
    assert not refuses(roster, dataclasses.replace(refusal, reason="another"), entry_hash(first))
    assert not refuses(roster, dataclasses.replace(refusal, by="A"), entry_hash(first))
