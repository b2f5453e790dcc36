"""The keys of everyone the terms name."""

from __future__ import annotations

from armslength.core.record.note import COSIGNATURE, ED25519, vkey
from tests.core.record.test_replica import started
from tests.record_builder import public


def test_verifier_keys_are_the_keeper_s_and_every_timekeeper_s() -> None:
    """As C2SP writes them, the log's first, the others by actor."""
    roster = started().replica.roster
    log, *others = roster.vkeys()
    assert log == vkey(roster.origin, ED25519, public("m5", "checkpoints"))
    assert others == [
        vkey(roster.names[actor], COSIGNATURE, public(actor, "checkpoints")) for actor in ("A", "B", "m5")
    ]
