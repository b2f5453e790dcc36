"""The keys of everyone the terms name."""

from __future__ import annotations

from armslength.core.record.note import COSIGNATURE, ED25519, vkey
from armslength.core.record.roster import roster
from tests.core.record.test_replica import started
from tests.record_builder import keyed_terms, public


def test_verifier_keys_are_the_keeper_s_and_every_timekeeper_s() -> None:
    """As C2SP writes them, the log's first, the others by actor."""
    roster = started().replica.roster
    log, *others = roster.vkeys()
    assert log == vkey(roster.origin, ED25519, public("m5", "checkpoints"))
    assert others == [
        vkey(roster.names[actor], COSIGNATURE, public(actor, "checkpoints")) for actor in ("A", "B", "m5")
    ]


def test_who_judges_signatures_is_no_part_of_a_roster() -> None:
    """Two rosters of the same keys are equal, however their signatures are verified."""
    terms = keyed_terms()
    known = roster(terms, lambda *_: False)
    assert known == roster(terms)
    assert "verify" not in repr(known)
    assert not known.is_signed(b"", b"", "")
    assert known.timekeepers == ("A", "B", "m5")
