"""Signed, stamped and sealed records in memory, with real keys that come from names: the same on every run.

`Builder` is every node of an arrangement at once: it signs for any actor, stamps for every other timekeeper, and seals
as the keeper. `golden_record()` is the whole golden script, built once per test run.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache

from nacl.signing import SigningKey

from armslength.core.arrangement.bodies import Body, Evidence, Seal
from armslength.core.arrangement.terms import ActorKeys, Arrangement
from armslength.core.canonical import canonical
from armslength.core.record import cosignature, entry, seal
from armslength.core.record.entry import Entry, Head, Leaf, Refusal, Stamp, Submission, entry_hash, leaf_of, sign_entry
from armslength.core.record.keys import Sign, to_base64
from armslength.core.record.note import Note, sign_note
from armslength.core.record.replica import Placed, Replica
from armslength.wire.record import decode_leaf
from tests.golden.terms import CLAUSES, NAMES, Group, golden_script, golden_terms

ROLES = ("entries", "checkpoints", "tokens")
NODES = ("A", "B", "m5")


def signing_key(actor: str, role: str) -> SigningKey:
    """The private key of an actor in a role."""
    return SigningKey(hashlib.sha256(f"armslength test {actor} {role}".encode()).digest())


def signer(actor: str, role: str = "entries") -> Sign:
    """Signs as this actor."""
    key = signing_key(actor, role)
    return lambda message: bytes(key.sign(message).signature)


def public(actor: str, role: str) -> bytes:
    """The public key of an actor in a role."""
    return bytes(signing_key(actor, role).verify_key)


def keys_of(actor: str, *, node: bool) -> ActorKeys:
    """The public keys of an actor as the terms hold them."""
    entries, checkpoints, tokens = (to_base64(public(actor, role)) for role in ROLES)
    return ActorKeys(entries=entries, checkpoints=checkpoints, tokens=tokens) if node else ActorKeys(entries=entries)


def keyed_terms(keeper: str = "m5", clock: str = "simulated") -> Arrangement:
    """The golden terms with real keys."""
    keys = {actor: keys_of(actor, node=actor in NODES) for actor in NAMES if actor != "C"}
    return golden_terms(keeper=keeper, clock=clock, keys=keys)


def clause_texts() -> dict[str, str]:
    """The text of every clause of the golden terms, by id."""
    return {clause: text for clause, (_, text) in CLAUSES.items()}


class Builder:
    """A record that grows; `leaves` are its bytes."""

    def __init__(self, terms: Arrangement | None = None, alias: str = "") -> None:
        """`alias` comes before every name that keys are made from: another one is another set of keys."""
        self.terms = terms or keyed_terms()
        self.alias = alias
        self.replica = Replica.start(self.terms)
        self.leaves: list[bytes] = []
        self.seen = self.replica.head

    @property
    def keeper(self) -> str:
        return self.terms.keeper

    def signer(self, actor: str, role: str = "entries") -> Sign:
        """Signs as this actor."""
        return signer(self.alias + actor, role)

    def _checkpoint_key(self, actor: str) -> tuple[bytes, Sign]:
        return public(self.alias + actor, "checkpoints"), self.signer(actor, "checkpoints")

    def entry(self, author: str, body: Body, **changes: object) -> Entry:
        """The author's next entry; `changes` replace fields."""
        number, prev = self.replica.next_link(author)
        made = Entry(
            arrangement=self.replica.arrangement,
            author=author,
            author_seq=number,
            author_prev=prev,
            seen=self.seen,
            type=entry.TYPE_OF[type(body)],
            body=body,
        )
        return dataclasses.replace(made, **changes) if changes else made  # type: ignore[arg-type]

    def submit(self, made: Entry) -> Submission:
        """The entry with its author's signature."""
        return sign_entry(made, self.signer(made.author))

    def stamp(self, made: Entry, by: str, time: int) -> Stamp:
        """A timekeeper's stamp."""
        return entry.stamp(made.arrangement, entry_hash(made), by, time, self.signer(by))

    def leaf(self, made: Entry, time: int, by: Sequence[str] | None = None) -> Leaf:
        """The entry signed, and stamped at `time` by these timekeepers (default: all but its author)."""
        others = tuple(keeper for keeper in self.terms.timekeepers.of if keeper != made.author)
        return leaf_of(self.submit(made), [self.stamp(made, each, time) for each in (others if by is None else by)])

    def place(self, leaf: Leaf) -> Placed:
        """Place a leaf as it comes off the wire."""
        data = canonical(leaf)
        placed = self.replica.place(decode_leaf(data))
        self.leaves.append(data)
        return placed

    def enter(self, author: str, body: Body, time: int) -> Placed:
        """Sign, stamp and place an entry."""
        return self.place(self.leaf(self.entry(author, body), time))

    def cosigned(self, times: dict[str, int], text: str | None = None) -> Note:
        """The current checkpoint (or `text`) under the keeper's signature, cosigned at these times."""
        text = self.replica.checkpoint_now().text if text is None else text
        known = self.replica.roster
        log = sign_note(text, known.origin, *self._checkpoint_key(self.keeper))
        lines = {
            actor: cosignature.cosign(text, time, known.names[actor], *self._checkpoint_key(actor))
            for actor, time in times.items()
        }
        return seal.assemble(known, text, log, lines)

    def seal_body(self, time: int, by: Iterable[str] | None = None) -> Seal:
        """A seal of the current record, cosigned at `time` by these timekeepers (default: all)."""
        times = dict.fromkeys(self.terms.timekeepers.of if by is None else by, time)
        return Seal(checkpoint=self.cosigned(times).encode(), state_root=self.replica.state_root)

    def seal(self, time: int) -> Placed:
        """Seal the record as it stands."""
        placed = self.place(leaf_of(self.submit(self.entry(self.keeper, self.seal_body(time))), ()))
        self.seen = self.replica.head
        return placed

    def run(self, script: Iterable[Group]) -> None:
        """Enter the groups of a script in order."""
        for time, entries in script:
            for author, body in entries:
                if isinstance(body, Seal):
                    self.seal(time)
                else:
                    self.enter(author, body, time)

    def refusal(self, refused: Entry, code: str = "not-next", reason: str = "number is taken") -> Refusal:
        """The keeper's signed refusal of an entry at the current head."""
        unsigned = Refusal(
            arrangement=self.replica.arrangement,
            entry=entry_hash(refused),
            head=self.replica.head,
            code=code,
            reason=reason,
            by=self.keeper,
            sig="",
        )
        return entry.refuse(unsigned, self.signer(self.keeper))

    def equivocation(self, first: Entry, second: Entry) -> Evidence:
        """Evidence that holds two signed entries."""
        texts = [canonical(self.submit(each)).decode() for each in (first, second)]
        return Evidence(kind="equivocation", first=texts[0], second=texts[1])

    def fork(self, time: int) -> Evidence:
        """Evidence that holds two heads of the present size, both signed by the keeper."""
        known = self.replica.checkpoint_now()
        other = dataclasses.replace(known, root=hashlib.sha256(b"another history").digest())
        notes = [self.cosigned({self.keeper: time}, each.text).encode() for each in (known, other)]
        return Evidence(kind="fork", first=notes[0], second=notes[1])


NOWHERE = Head(size=0, tree_root="0" * 64, state_root="0" * 64)


@cache
def golden_record(keeper: str = "m5") -> Builder:
    """The record of the golden script. Shared: copy its replica before changing it."""
    builder = Builder(keyed_terms(keeper))
    builder.run(golden_script(keeper=keeper))
    return builder
