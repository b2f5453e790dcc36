"""Folders of nodes with arrangements that have been in force for 120 days: July 2016 over a longer term.

What happens in one is a rehearsal: everybody does as agreed, but for a false alarm, a breach that is remedied and late
releases. It is played once; each arrangement has a title of its own, and so hashes and signatures of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.golden.terms import CLAUSES, golden_terms

from armslength.core.arrangement.bodies import Seal
from armslength.core.arrangement.terms import Actor, ActorKeys
from armslength.core.canonical import canonical, digest
from armslength.core.record.replica import Snapshot
from armslength.engine.repository import HASHES, REPLICA
from armslength.ports import Put
from armslength.rehearsal.play import Play
from armslength.views.placed import PlacedEntry
from armslength.wire.did_key import key_did
from armslength.wire.own import Proposal
from armslength.wire.place import did_of
from armslength.wire.script_read import read_script
from bench._hub import DAY, Made, Place, RecordMaker, new_place

DAYS, TERM = 120, 126  # so much lies behind, and so long the term is
SCRIPT = """
rehearse: A long arrangement
otherwise: agreed
script:
  - {at: D+14 10:00, say: [A alleges k2#14 with hold, B denies A/k2/14]}
  - {at: 10h after each, say: "m1, m2, m5 attest k2#20..23 false"}
  - {at: D+21 11:00, say: [A alleges k2#20, B denies A/k2/20]}
  - {at: D+60 03:00, say: A releases T4}
  - {at: 1h after each, say: "h attests k6b#9..10 false"}
"""


def long_places(folder: Path, ports: Mapping[str, int]) -> dict[str, Place]:
    """Keys and configurations for everyone whom the terms name: nodes where there is a port."""
    found = {}
    for name in golden_terms().actors:
        address = f"http://localhost:{ports[name]}" if name in ports else ""
        found[name] = new_place(folder / name, name, did_of(address) if address else "", address, ports.get(name, 0))
    return found


class LongFactory:
    """Makes arrangements that are 120 days old."""

    def __init__(self, where: Mapping[str, Place]) -> None:
        terms = golden_terms()
        start = int(time.time()) // 60 * 60 - DAYS * DAY - 2 * 3600
        actors = {name: _actor(actor, where[name]) for name, actor in terms.actors.items()}
        self._terms = replace(
            terms, clock="utc", actors=actors, start=start, end=start + TERM * DAY, entry_by=start + 7 * DAY
        )
        self._keys = {name: place.keys for name, place in where.items()}
        self._texts = {name: text for name, (_, text) in CLAUSES.items()}
        self._played = self._play(start + DAYS * DAY + 3700)

    def _play(self, until: int) -> list[PlacedEntry]:
        play = Play(self._terms, read_script(SCRIPT.encode(), self._terms, file="script"))
        while (when := play.next_instant()) is not None and when <= until:
            play.play(when)
        return play.placed

    def make(self, number: int) -> Made:
        """The arrangement with this number."""
        terms = replace(self._terms, title=f"{self._terms.title} ({number})")
        document = canonical(terms)
        record = RecordMaker(terms, digest(document), self._keys, [])
        for entry in self._played:
            if isinstance(entry.body, Seal):
                record.seal(entry.at)
            else:
                record.enter(entry.at, entry.author, entry.body)
        assert record.deadline is not None
        proposal = Proposal(document=document.decode(), texts=self._texts)
        snapshot = _snapshot(record)
        return Made(record.arrangement, terms, proposal, record.leaves, record.kept, record.deadline, snapshot)


def _snapshot(record: RecordMaker) -> list[Put]:
    """What a node writes so that it need not replay."""
    size = len(record.leaves)
    found = Snapshot(size=size, state=record.state, links=record.links, sealed_size=size, checkpoint=record.checkpoint)
    return [
        Put(REPLICA, record.arrangement, 0, canonical(found, whole=True)),
        Put(HASHES, f"{record.arrangement}/{0:010}", 0, record.hashes().encode(), record.arrangement),
    ]


def _actor(actor: Actor, place: Place) -> Actor:
    if actor.did is None:
        return actor
    public = place.keys.public()
    if not place.config.address:
        public.pop("checkpoints", None)
        public.pop("tokens", None)
    did = place.config.did or key_did(place.keys["entries"].public)
    return replace(actor, did=did, address=place.config.address or None, keys=ActorKeys(**public))
