"""Folders of real nodes with as many live arrangements as asked for, made fast.

Each arrangement is that of `examples/quality` in real time and with a title of its own: signed by two parties, in force
for two weeks, its first week attested and sealed. The rules are run once, for the first of them: what the others hold
differs in hashes and signatures only, and a state holds neither where nothing is undecided.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from armslength.config import FILE, Config, dump
from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Attest, Body, Seal, Sign
from armslength.core.arrangement.terms import Actor, ActorKeys, Arrangement
from armslength.core.canonical import canonical, digest
from armslength.core.record.checkpoint import Checkpoint
from armslength.core.record.cosignature import cosign
from armslength.core.record.entry import (
    TYPE_OF,
    Entry,
    Head,
    Leaf,
    entry_hash,
    leaf_bytes,
    leaf_of,
    sign_entry,
    stamp,
)
from armslength.core.record.keys import to_base64
from armslength.core.record.merkle import Tree, leaf_hash
from armslength.core.record.note import sign_note
from armslength.core.record.roster import roster
from armslength.core.record.seal import assemble
from armslength.engine import name_index, schedule
from armslength.engine.repository import ARRANGEMENT, INDEX, KEPT, Engagement, WitnessState
from armslength.identity.keys import KeyRing
from armslength.ports import Batch, Put
from armslength.store.counter import begin
from armslength.store.sqlite import SqliteStore
from armslength.wire.did_key import key_did
from armslength.wire.own import Proposal
from armslength.wire.place import did_of
from armslength.wire.terms import compile_terms

EXAMPLE = Path(__file__).parents[1] / "examples" / "quality" / "arrangement.yaml"
DAY = 86_400
AGE = 15 * DAY  # since the start: the second week has ended, and may be attested
NODES = ("S", "B", "L")  # two parties and the neutral keeper
AT_ONCE = 200  # arrangements in one commit


@dataclass(frozen=True)
class Place:
    """An actor's folder and keys."""

    config: Config
    keys: KeyRing


@dataclass(frozen=True)
class Made:
    """One arrangement: its hash, its terms and proposal, its leaves, the head that each timekeeper cosigned last, and
    the next deadline."""

    arrangement: str
    terms: Arrangement
    proposal: Proposal
    leaves: Sequence[bytes]
    kept: dict[str, WitnessState]
    deadline: int
    snapshot: Sequence[Put] = ()


def places(folder: Path, ports: dict[str, int]) -> dict[str, Place]:
    """Keys and configurations for three nodes, and for the inspector, who has none."""
    found = {}
    for name, port in ports.items():
        address = f"http://localhost:{port}"
        found[name] = new_place(folder / name, name, did_of(address), address, port)
    keeper = found["L"].config.address
    monitor = new_place(folder / "I", "I", "", "", 0)
    did = key_did(monitor.keys["tokens"].public)
    config = Config(folder=folder / "I", name="I", did=did, nodes=(keeper,), development=True)
    found["I"] = Place(config, monitor.keys)
    return found


def new_place(folder: Path, name: str, did: str, address: str, port: int) -> Place:
    folder.mkdir(mode=0o700)
    config = Config(folder=folder, name=name, did=did, address=address, port=port, development=True)
    (folder / FILE).write_text(dump(config), encoding="utf-8")
    begin(config.database)
    return Place(config, KeyRing.create(config.keys))


class Factory:
    """Makes arrangements between the actors of these places."""

    def __init__(self, where: dict[str, Place]) -> None:
        compiled = compile_terms(EXAMPLE.read_bytes(), lambda name: (EXAMPLE.parent / name).read_bytes())
        self._texts = compiled.texts
        self._keys = {name: place.keys for name, place in where.items()}
        start = int(time.time()) // 60 * 60 - AGE
        long = compiled.terms.end - compiled.terms.start
        actors = {name: _actor(actor, where[name]) for name, actor in compiled.terms.actors.items()}
        self._terms = replace(
            compiled.terms, clock="utc", actors=actors, start=start, end=start + long, entry_by=start + 7 * DAY
        )
        self._deadline = 0
        self._roots: list[str] = []  # of the state, by size
        self._script: list[tuple[int, str, Body | None]] = [  # None: the keeper's seal
            (start - 60, "S", Sign()),
            (start - 50, "B", Sign()),
            (start - 40, "L", None),
            (start + 7 * DAY + 3600, "I", Attest(claim="quality", period=0, value=True)),
            (start + 7 * DAY + 3600, "L", Attest(claim="quality", period=0, value=True)),
            (start + 7 * DAY + 3610, "L", None),
        ]

    def make(self, number: int) -> Made:
        """The arrangement with this number."""
        terms = replace(self._terms, title=f"{self._terms.title} ({number})")
        document = canonical(terms)
        record = RecordMaker(terms, digest(document), self._keys, self._roots)
        for at, author, body in self._script:
            if body is None:
                record.seal(at)
            else:
                record.enter(at, author, body)
        self._roots = record.roots
        if record.deadline is not None:
            self._deadline = record.deadline
        proposal = Proposal(document=document.decode(), texts=self._texts)
        return Made(record.arrangement, terms, proposal, record.leaves, record.kept, self._deadline)


def _actor(actor: Actor, place: Place) -> Actor:
    public = place.keys.public()
    if not place.config.address:
        public.pop("checkpoints", None)
    return replace(actor, did=place.config.did, address=place.config.address or None, keys=ActorKeys(**public))


class RecordMaker:
    """A record under construction. `roots` are the state roots by size, if they are known."""

    def __init__(self, terms: Arrangement, arrangement: str, keys: dict[str, KeyRing], roots: list[str]) -> None:
        self.arrangement = arrangement
        self.leaves: list[bytes] = []
        self.kept: dict[str, WitnessState] = {}
        self.roots = roots or [step.state_root(step.initial(terms))]
        self._terms = terms
        self._keys = keys
        self.state = step.initial(terms)
        self._folds = not roots
        self._roster = roster(terms)
        self._tree = Tree()
        self.links: dict[str, tuple[int, str]] = {}
        self.checkpoint = ""
        self._hashes: list[bytes] = []
        self._seen = self._head()

    @property
    def deadline(self) -> int | None:
        """When the next deadline is, if the rules are run here."""
        return step.next_deadline(self._terms, self.state) if self._folds else None

    def _head(self) -> Head:
        size = self._tree.size
        return Head(size=size, tree_root=self._tree.root().hex(), state_root=self.roots[size])

    def enter(self, at: int, author: str, body: Body) -> None:
        """Place a statement that every other timekeeper stamps at this time."""
        made = self._entry(author, body)
        name, others = entry_hash(made), [who for who in self._terms.timekeepers.of if who != author]
        stamps = [stamp(self.arrangement, name, who, at, self._keys[who]["entries"].sign) for who in others]
        self._place(at, leaf_of(sign_entry(made, self._keys[author]["entries"].sign), stamps))

    def seal(self, at: int) -> None:
        """Seal what is there, cosigned by all timekeepers at this time."""
        text = Checkpoint(self._roster.origin, self._tree.size, self._tree.root()).text
        key = self._keys[self._terms.keeper]["checkpoints"]
        log = sign_note(text, self._roster.origin, key.public, key.sign)
        lines = {}
        for who in self._terms.timekeepers.of:
            key = self._keys[who]["checkpoints"]
            lines[who] = cosign(text, at, self._roster.names[who], key.public, key.sign)
            note = assemble(self._roster, text, log, {who: lines[who]}).encode()
            self.kept[who] = WitnessState(time=at, size=self._tree.size, root=self._tree.root().hex(), note=note)
        self.checkpoint = assemble(self._roster, text, log, lines).encode()
        body = Seal(checkpoint=self.checkpoint, state_root=self._head().state_root)
        made = self._entry(self._terms.keeper, body)
        self._place(at, leaf_of(sign_entry(made, self._keys[self._terms.keeper]["entries"].sign), ()))
        self._seen = self._head()

    def _entry(self, author: str, body: Body) -> Entry:
        number, prev = self.links.get(author, (0, ""))
        return Entry(
            arrangement=self.arrangement,
            author=author,
            author_seq=number,
            author_prev=prev,
            seen=self._seen,
            type=TYPE_OF[type(body)],
            body=body,
        )

    def _place(self, at: int, leaf: Leaf) -> None:
        data = leaf_bytes(leaf)
        if self._folds:
            entry = leaf.entry
            act = step.EntryInput(
                author=entry.author, stamp=at, type=entry.type, body=entry.body, entry=entry_hash(entry)
            )
            self.state = step.apply(self._terms, self.state, act).state
            self.roots.append(step.state_root(self.state))
        self._tree.append(leaf_hash(data))
        self.links[leaf.entry.author] = (leaf.entry.author_seq + 1, entry_hash(leaf.entry))
        self.leaves.append(data)
        self._hashes.append(leaf_hash(data) + bytes.fromhex(entry_hash(leaf.entry)))

    def hashes(self) -> str:
        """Of each leaf what `Replica.hashes` has."""
        rows = (known + bytes.fromhex(root) for known, root in zip(self._hashes, self.roots[1:], strict=True))
        return to_base64(b"".join(rows))


async def fill(store: SqliteStore, who: str, by: str, made: Sequence[Made]) -> None:
    """Put these arrangements into the store of a node, as it would hold them."""
    for first in range(0, len(made), AT_ONCE):
        puts, leaves = list[Put](), list[tuple[str, int, bytes]]()
        for each in made[first : first + AT_ONCE]:
            live = Engagement(
                proposal=each.proposal, by=by, at=each.kept[who].time, office=who not in each.terms.parties
            )
            puts.append(Put(ARRANGEMENT, each.arrangement, 0, canonical(live)))
            puts.append(Put(KEPT, each.arrangement, 0, canonical(each.kept[who])))
            puts.append(schedule.row(each.arrangement, each.deadline if who == each.terms.keeper else None))
            puts += [*name_index.named(each.arrangement, each.terms), *each.snapshot]
            leaves += [(each.arrangement, index, leaf) for index, leaf in enumerate(each.leaves)]
        assert await store.commit(Batch(puts=puts, leaves=leaves))
    assert await store.commit(Batch(puts=[Put(INDEX, ARRANGEMENT, None, b"%d" % store.generation)]))
