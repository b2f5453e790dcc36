"""One replica of a record: the fold over its leaves that keeper, parties, timekeepers and verifiers all run.

`place` is the only judge of a leaf. What it accepts is in the agreed form, signed, next in its author's chain, stamped
(or, for a seal, cosigned by a quorum over this very record) and a valid step of the arrangement; anything else raises
and changes nothing. Codes of its refusals:

    wrong-arrangement unknown-author bad-signature repeat gap not-next limit bad-prev seen-mismatch bad-refusal
    no-stamp bad-stamp too-large not-keeper bad-seal-… no-evidence, and the step's own
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Seal
from armslength.core.arrangement.state import Change, Outcome, State
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import digest
from armslength.core.parts import Parts, Rows
from armslength.core.record import evidence
from armslength.core.record.checkpoint import Checkpoint
from armslength.core.record.cosignature import lower_median
from armslength.core.record.entry import (
    ENTRY_PREFIX,
    MAX_LEAF,
    MAX_QUOTED,
    Entry,
    Head,
    Leaf,
    Refusal,
    Stamp,
    Submission,
    entry_bytes,
    leaf_bytes,
    quoted,
    refusal_message,
    stamp_message,
)
from armslength.core.record.forms import check_entry
from armslength.core.record.keys import Verify, from_base64, to_base64, verify
from armslength.core.record.merkle import HASH_SIZE, Tree, leaf_hash
from armslength.core.record.roster import Roster, roster
from armslength.core.record.seal import Cosigned, open_checkpoint
from armslength.errors import Malformed, Refused, Repeat

# How much one author may say depends on the terms alone, so that it cannot make one entry valid before another and
# invalid after it. It lies far above what anybody needs: attesting a period, correcting it, alleging and voting on it.
AT_LEAST: Final = 256  # entries of one author
FOR_EACH: Final = 8  # … and as many more for each period of each claim, each duty and each tranche


def allowance(terms: Arrangement) -> int:
    """How many entries each author but the keeper, who has to seal, may place (rule 11.1f)."""
    total = sum(claim.periods(terms.start, terms.end) for claim in terms.claims.values())
    return AT_LEAST + FOR_EACH * (total + len(terms.duties) + len(terms.tranches))


@dataclass(frozen=True, slots=True)
class Placed:
    """A leaf in its place: its index, its entry's hash, the entry's time and what it changed."""

    index: int
    entry: str
    at: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a replica of `size` leaves has come to, as JSON-able data, so that a node need not replay. With the hashes
    of all its leaves (`Replica.hashes`), which never change, it is the replica. It is trusted, never sent."""

    size: int
    state: State
    links: dict[str, tuple[int, str]]
    sealed_size: int
    checkpoint: str | None


class Replica:
    """A record from its first leaf on. Not safe to share between threads that place."""

    def __init__(self, terms: Arrangement, known: Roster, state: State, state_roots: Rows[str]) -> None:
        self.terms = terms
        self.roster = known
        self.state = state
        self.sealed_size = 0
        self.checkpoint: str | None = None
        self._tree = Tree()
        self._state_roots = state_roots  # by size
        self._entries: Rows[str] = Rows()  # their hashes, by index …
        self._placed: Parts[int] = Parts()  # … and the other way about
        self._links: dict[str, tuple[int, str]] = {}

    @classmethod
    def start(cls, terms: Arrangement, verify: Verify = verify) -> Replica:
        """The empty record of these terms. Raises Malformed for terms whose keys must not be used."""
        state = step.initial(terms)
        return cls(terms, roster(terms, verify), state, Rows([step.state_root(state)]))

    @classmethod
    def restore(cls, terms: Arrangement, snapshot: Snapshot, hashes: Iterable[str], verify: Verify = verify) -> Replica:
        """The replica that `snapshot` was taken of, under the same terms; `hashes` are those of its leaves, in any
        number of pieces. Raises Malformed if there are more or fewer, or the state is not the one that they tell."""
        found = [row for text in hashes for row in _split(text)]
        replica = cls.start(terms, verify)
        replica.state = step.resumed(terms, snapshot.state)
        replica.sealed_size, replica.checkpoint = snapshot.sealed_size, snapshot.checkpoint
        replica._tree = Tree(leaf for leaf, _, _ in found)
        replica._entries = Rows(entry.hex() for _, entry, _ in found)
        replica._state_roots = Rows([replica.state_root, *(root.hex() for _, _, root in found)])
        replica._placed = Parts((entry, index) for index, entry in enumerate(replica._entries))
        replica._links = {author: (number, prev) for author, (number, prev) in snapshot.links.items()}
        if replica.size != snapshot.size or replica.state_root != step.state_root(replica.state):
            raise Malformed("bad-snapshot", "its leaves' hashes and its state do not belong together", "snapshot")
        return replica

    def hashes(self, start: int = 0) -> str:
        """Of each leaf from index `start` on, 96 bytes in base64: the leaf's hash, its entry's, and the state root."""
        leaves, said, roots = self._tree.leaves, self._entries, self._state_roots
        rows = (leaves[at] + bytes.fromhex(said[at] + roots[at + 1]) for at in range(start, self.size))
        return to_base64(b"".join(rows))

    def snapshot(self) -> Snapshot:
        """What `restore` needs besides the terms and the hashes of the leaves."""
        return Snapshot(
            size=self.size,
            state=self.state,
            links=dict(self._links),
            sealed_size=self.sealed_size,
            checkpoint=self.checkpoint,
        )

    def copy(self) -> Replica:
        """An independent replica of the same record."""
        other = Replica(self.terms, self.roster, self.state, self._state_roots.copy())
        other.sealed_size, other.checkpoint = self.sealed_size, self.checkpoint
        other._tree = self._tree.copy()
        other._entries, other._placed = self._entries.copy(), self._placed
        other._links = self._links.copy()
        return other

    @property
    def arrangement(self) -> str:
        """The arrangement's hash."""
        return self.roster.arrangement

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._tree.size

    @property
    def state_root(self) -> str:
        """The root of the current state."""
        return self._state_roots[-1]

    @property
    def tree_root(self) -> str:
        """The root over all leaves, hex."""
        return self._tree.root().hex()

    @property
    def head(self) -> Head:
        """The current head."""
        return self.head_at(self.size)

    def head_at(self, size: int) -> Head:
        """The head when the record had `size` leaves."""
        return Head(size=size, tree_root=self._tree.root(size).hex(), state_root=self._state_roots[size])

    def index_of(self, entry: str) -> int | None:
        """Where the entry with this hash stands, or None."""
        found: int | None = self._placed.get(entry)
        return found

    def next_link(self, author: str) -> tuple[int, str]:
        """The author_seq and author_prev of this author's next entry."""
        return self._links.get(author, (0, ""))

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that leaf `index` is in the tree of `size` leaves."""
        return self._tree.inclusion(index, size)

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """The proof that the tree of `second` leaves extends the tree of `first`."""
        return self._tree.consistency(first, second)

    def checkpoint_now(self) -> Checkpoint:
        """The unsigned checkpoint of all leaves."""
        return Checkpoint(self.roster.origin, self.size, self._tree.root())

    def open_checkpoint(self, data: str | bytes) -> Cosigned:
        """A signed checkpoint of this very record, at a size that is here. Raises Malformed or Refused: `ahead` if it
        covers leaves that are not here yet, `fork` if its root is not the root of the same leaves."""
        opened = open_checkpoint(self.roster, data)
        size = opened.checkpoint.size
        if size > self.size:
            raise Refused("ahead", f"covers {size} leaves; only {self.size} are here", "checkpoint")
        if opened.checkpoint.root != self._tree.root(size):
            raise Refused("fork", f"another root at size {size}", "checkpoint")
        return opened

    def place(self, leaf: Leaf) -> Placed:
        """Append a leaf. Raises Malformed or Refused, and then has changed nothing; Repeat if it is here already."""
        data = leaf_bytes(leaf)
        if len(data) > MAX_LEAF:  # rule 1.1c
            raise Refused("too-large", f"{len(data)} bytes, at most {MAX_LEAF} are allowed")
        name, outcome = self._judge(leaf.entry, leaf.sig, leaf.stamps, None)
        root = step.state_root(outcome.state)
        placed = Placed(self.size, name, outcome.at, outcome.changes)
        self._tree.append(leaf_hash(data))
        self._state_roots.append(root)
        self._entries.append(name)
        self._placed = self._placed.put(name, placed.index)
        self._links[leaf.entry.author] = (leaf.entry.author_seq + 1, name)
        self.state = outcome.state
        if isinstance(leaf.entry.body, Seal):
            self.sealed_size, self.checkpoint = self.size, leaf.entry.body.checkpoint
        return placed

    def preview(self, submission: Submission, time: int) -> Outcome:
        """What placing the entry here would do, had it one stamp of `time`. Changes nothing; raises like `place`."""
        return self._judge(submission.entry, submission.sig, (), time)[1]

    def _judge(
        self, entry: Entry, sig: str, stamps: Sequence[Stamp], assumed: int | None
    ) -> tuple[str, Outcome]:  # rule 1.3a
        """The entry's hash and what it does; `assumed` stands for a stamp's time."""
        data = entry_bytes(entry)
        if entry.type != "evidence" and quoted(data) > MAX_QUOTED:  # rule 1.1c
            raise Refused("too-large", f"{quoted(data)} bytes as evidence quotes it, at most {MAX_QUOTED} are allowed")
        check_entry(entry)
        if entry.arrangement != self.arrangement:
            raise Refused("wrong-arrangement", "an entry of another arrangement", "entry.arrangement")
        name = self._check_author(entry, data, sig)
        self._check_link(entry)
        self._check_seen(entry.seen)
        for position, refusal in enumerate(entry.refused or ()):
            self._check_refusal(refusal, f"entry.refused[{position}]")
        if isinstance(entry.body, Seal):
            if stamps:
                raise Refused("bad-stamp", "a seal carries no stamps", "stamps")
            time = self._check_seal(entry, entry.body)
        else:
            time = self._check_stamps(entry, name, stamps) if assumed is None else assumed
        culprit = evidence.judge(self.roster, entry)
        act = step.EntryInput(
            author=entry.author, stamp=time, type=entry.type, body=entry.body, entry=name, culprit=culprit
        )
        return name, step.apply(self.terms, self.state, act)

    def _check_author(self, entry: Entry, data: bytes, sig: str) -> str:
        """The entry's hash, once its author is known to have signed it and it is not here yet (rule 1.2c)."""
        key = self.roster.entries.get(entry.author)
        if key is None:
            raise Refused("unknown-author", f"{entry.author!r} has no key in the terms", "entry.author")
        if not self.roster.verify(key, ENTRY_PREFIX + data, from_base64(sig, "sig")):
            raise Refused("bad-signature", f"not signed by {entry.author}", "sig")
        name = digest(data)
        if name in self._placed:
            raise Repeat(self._placed[name])
        return name

    def _check_link(self, entry: Entry) -> None:  # rule 1.2b
        number, prev = self.next_link(entry.author)
        if entry.author_seq > number:
            raise Refused("gap", f"number {entry.author_seq} before {number}", "entry.author_seq")
        if entry.author_seq < number:
            raise Refused("not-next", f"number {entry.author_seq} is taken by another entry", "entry.author_seq")
        if number >= AT_LEAST and entry.author != self.roster.keeper and number >= allowance(self.terms):
            raise Refused(
                "limit", f"{entry.author} has placed {number} entries; nobody may place more", "entry.author_seq"
            )
        if entry.author_prev != prev:
            raise Refused("bad-prev", "does not name the author's entry before it", "entry.author_prev")

    def _check_seen(self, seen: Head) -> None:  # rule 1.2a
        if seen.size > self.size or seen != self.head_at(seen.size):
            raise Refused("seen-mismatch", f"no such head of this record at size {seen.size}", "entry.seen")

    def _check_refusal(self, refusal: Refusal, place: str) -> None:
        keeper = self.roster.keeper
        ours = refusal.arrangement == self.arrangement and refusal.by == keeper
        signature = from_base64(refusal.sig, f"{place}.sig")
        if not ours or not self.roster.verify(self.roster.entries[keeper], refusal_message(refusal), signature):
            raise Refused("bad-refusal", "not a refusal signed by the keeper", place)

    def _check_stamps(self, entry: Entry, name: str, stamps: Sequence[Stamp]) -> int:  # rule 2.2b
        """The earliest stamp. Stamps are by timekeepers other than the author, unless it is the only one."""
        last = ""
        for position, stamp in enumerate(stamps):
            place = f"stamps[{position}]"
            if stamp.by <= last:
                raise Malformed("bad-order", "stamps are not in the order of their timekeepers, or repeat", place)
            last = stamp.by
            if stamp.by not in self.roster.timekeepers or stamp.time < 0:
                raise Refused("bad-stamp", f"{stamp.by!r} is no timekeeper, or its time is no time", place)
            if stamp.by == entry.author and len(self.roster.timekeepers) > 1:
                raise Refused("bad-stamp", "an author does not stamp its own entry", place)
            message = stamp_message(self.arrangement, name, stamp.time)
            if not self.roster.verify(self.roster.entries[stamp.by], message, from_base64(stamp.sig, f"{place}.sig")):
                raise Refused("bad-stamp", f"not signed by {stamp.by}", place)
        if not stamps:
            raise Refused("no-stamp", "no timekeeper other than the author has stamped it", "stamps")
        return min(stamp.time for stamp in stamps)

    def _check_seal(self, entry: Entry, seal: Seal) -> int:
        """The lower median of the cosignature times of a seal over exactly this record and state (rule 2.1b)."""
        if entry.author != self.roster.keeper:
            raise Refused("not-keeper", "only the keeper seals", "entry.author")
        opened = open_checkpoint(self.roster, seal.checkpoint, "entry.body.checkpoint")
        if opened.checkpoint.size != self.size:
            raise Refused("bad-seal-size", f"covers {opened.checkpoint.size} leaves, not {self.size}", "entry.body")
        if opened.checkpoint.root != self._tree.root():
            raise Refused("bad-seal-root", "the checkpoint's root is not this record's", "entry.body.checkpoint")
        if seal.state_root != self.state_root:
            raise Refused("bad-seal-state", "the state root is not this record's", "entry.body.state_root")
        if not self.terms.timekeepers.met(self.terms.actors, opened.times):
            raise Refused("bad-seal-quorum", f"cosigned by {sorted(opened.times)} only", "entry.body.checkpoint")
        return lower_median(list(opened.times.values()))


def _split(text: str) -> list[tuple[bytes, bytes, bytes]]:
    data, width = from_base64(text, "snapshot"), 3 * HASH_SIZE
    rows = (data[start : start + width] for start in range(0, len(data), width))
    return [(row[:HASH_SIZE], row[HASH_SIZE:-HASH_SIZE], row[-HASH_SIZE:]) for row in rows]
