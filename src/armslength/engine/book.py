"""One arrangement's record as one node holds it: what is sealed, and what is provisional.

`sealed` is the record up to and including its last seal. `tail` is what comes after: for the keeper, the entries it
has placed; for any other timekeeper, the entries that it stamped and has not yet seen placed. `view` = sealed + tail
is where new submissions are judged. `offered` is a longer record that the keeper has shown and that was verified leaf
by leaf; only such a head is ever cosigned.

Nothing here does input or output, and no time is read: `now` is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.checkpoint import Checkpoint, origin, parse_checkpoint
from armslength.core.record.entry import (
    Leaf,
    Refusal,
    Stamp,
    Submission,
    entry_hash,
    leaf_bytes,
    leaf_of,
    refuse,
    stamp,
)
from armslength.core.record.keys import Sign
from armslength.core.record.replica import Placed, Replica
from armslength.errors import ArmslengthError, Refused

AHEAD = 60  # seconds that another clock may be ahead of ours before we refuse its times (engine rule 2.1)


@dataclass(frozen=True, slots=True)
class Me:
    """Who this node is in the arrangement, and how it signs."""

    actor: str
    timekeeper: bool
    keeper: bool
    sign: Sign  # with the entries key


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission that was stamped or placed. `repeat`: it had been before."""

    stamp: Stamp | None
    leaf: Leaf
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """The keeper's longer record, verified, and its leaves after our sealed ones."""

    replica: Replica
    leaves: list[Leaf]


class Book:
    """The record of one arrangement at one node."""

    def __init__(self, me: Me, sealed: Replica, tail: Iterable[Leaf] = ()) -> None:
        self.me = me
        self.sealed = sealed
        self.tail: list[Leaf] = []
        self.view = sealed.copy()
        self.offered: Offered | None = None
        self.newly_sealed: list[Leaf] = []
        self.fixed = sealed.size  # below this size somebody has cosigned: the order stands
        self._retail(list(tail))

    @property
    def terms(self) -> Arrangement:
        """The signed terms."""
        return self.sealed.terms

    @property
    def arrangement(self) -> str:
        """The arrangement's id."""
        return self.sealed.arrangement

    def _append(self, leaf: Leaf) -> Placed:
        placed = self.view.place(leaf)
        self.tail.append(leaf)
        return placed

    def _retail(self, leaves: Sequence[Leaf]) -> list[Leaf]:
        """Begin the tail anew with those of `leaves` that are valid in this order; return the others."""
        self.view, self.tail = self.sealed.copy(), []
        dropped = []
        for leaf in leaves:
            try:
                self._append(leaf)
            except ArmslengthError:
                dropped.append(leaf)
        return dropped

    # --- submissions -------------------------------------------------------------------------------------------

    def submit(self, submission: Submission, stamps: Iterable[Stamp], now: int) -> Accepted:
        """Judge a submission; stamp it at `now` if we keep time, and place it in the view.

        Raises Refused or Malformed, having changed nothing.
        """
        entry = submission.entry
        name = entry_hash(entry)
        for leaf in self.tail:
            if entry_hash(leaf.entry) == name:
                return Accepted(stamp_by(leaf, self.me.actor), leaf, repeat=True)
        mine = None
        given = {each.by: each for each in stamps}
        given.pop(self.me.actor, None)
        if self.me.timekeeper and entry.author != self.me.actor and entry.type != "seal":
            mine = stamp(entry.arrangement, name, self.me.actor, now, self.me.sign)
            given[self.me.actor] = mine
        _not_ahead(given.values(), now)
        leaf = leaf_of(submission, given.values())
        self._append(leaf)
        return Accepted(mine, leaf)

    def refusal(self, submission: Submission, error: ArmslengthError) -> Refusal:
        """The keeper's signed answer to an entry that is not valid at the head of its view."""
        refusal = Refusal(
            arrangement=self.arrangement,
            entry=entry_hash(submission.entry),
            head=self.view.head,
            code=error.code,
            reason=str(error)[:500],
            by=self.me.actor,
            sig="",
        )
        return refuse(refusal, self.me.sign)

    # --- following the keeper ----------------------------------------------------------------------------------

    def offer(self, start: int, leaves: Sequence[Leaf], now: int) -> list[Leaf]:
        """Verify the keeper's leaves from index `start`; adopt what a seal covers; keep the rest as `offered`.

        Returns the entries that we stamped and that these leaves lack, or hold without our stamp. Raises Refused with
        code "gap" if they begin past our sealed size, and whatever the first invalid leaf raises.
        """
        if start > self.sealed.size:
            raise Refused("gap", f"we hold {self.sealed.size} sealed leaves", "start")
        fresh = list(leaves[self.sealed.size - start :])
        base, known = self._known(fresh)
        sealed = self.sealed
        for leaf in fresh[known:]:
            base.place(leaf)
            if leaf.entry.type == "seal":
                if base.state.clock.tau > now + AHEAD:
                    raise Refused("ahead", "the seal's time lies more than 60 s past our clock", "seal")
                sealed = base.copy()
        covered = fresh[: sealed.size - self.sealed.size]
        self.newly_sealed = covered
        self.offered = Offered(base, fresh[len(covered) :])
        self.sealed = sealed
        held = {entry_hash(leaf.entry): leaf for leaf in fresh}
        missing = [leaf for leaf in self.tail if self._is_missing(leaf, held) and self._still_valid(leaf)]
        self._retail([leaf for leaf in self.tail if self.sealed.index_of(entry_hash(leaf.entry)) is None])
        return missing

    def _known(self, fresh: list[Leaf]) -> tuple[Replica, int]:
        """Where to go on verifying: after what was offered before, if `fresh` begins with it; a seal is in none."""
        before = self.offered
        if before is not None and before.leaves and fresh[: len(before.leaves)] == before.leaves:
            return before.replica.copy(), len(before.leaves)
        return self.sealed.copy(), 0

    def _is_missing(self, leaf: Leaf, held: dict[str, Leaf]) -> bool:
        there = held.get(entry_hash(leaf.entry))
        if there is None:
            return self.sealed.index_of(entry_hash(leaf.entry)) is None
        return stamp_by(leaf, self.me.actor) is not None and stamp_by(there, self.me.actor) is None

    def _still_valid(self, leaf: Leaf) -> bool:
        """Whether the keeper could place this leaf now, at the end of what it offers."""
        if self.offered is None:
            return False
        if self.offered.replica.index_of(entry_hash(leaf.entry)) is not None:
            return True
        try:
            self.offered.replica.copy().place(leaf)
        except ArmslengthError:
            return False
        return True

    def may_cosign(self, text: str, now: int, cosigned: int, root: str) -> Checkpoint:
        """Whether to cosign the checkpoint with this note text at `now`: raises Refused with the reason if not.

        `cosigned` and `root` are the size and tree root that we cosigned last (0 and "" if none).
        """
        checkpoint = parse_checkpoint(text)
        if checkpoint.origin != origin(self.arrangement):
            raise Refused("wrong-origin", "the checkpoint is of another record", "origin")
        if self.me.keeper:
            head, leaves = self.view, self.tail
        elif self.offered is not None:
            head, leaves = self.offered.replica, self.offered.leaves
        else:
            raise Refused("unknown-head", "send the leaves first", "size")
        if head.size < checkpoint.size:
            raise Refused("unknown-head", "send the leaves first", "size")
        if head.head_at(checkpoint.size).tree_root != checkpoint.root.hex():
            raise Refused("fork", "our leaves lead to another root", "root")
        if checkpoint.size < cosigned or (cosigned and head.head_at(cosigned).tree_root != root):
            raise Refused("fork", "does not extend the head that we cosigned", "size")
        leaves = leaves[: checkpoint.size - self.sealed.size]
        _not_ahead((each for leaf in leaves for each in leaf.stamps), now)
        if head.state.clock.tau > now + AHEAD:
            raise Refused("ahead", "the head's time lies more than 60 s past our clock", "time")
        if not self.me.keeper:
            self._refuse_if_owed(leaves, now, head)
        return checkpoint

    def _refuse_if_owed(self, leaves: Sequence[Leaf], now: int, head: Replica) -> None:
        """Engine rule 2.2: no head that leaves out a stamp of ours, or an entry whose grace is over."""
        held = {entry_hash(leaf.entry): leaf for leaf in leaves}
        latest = max(now, head.state.clock.tau)
        for leaf in self.tail:
            mine = stamp_by(leaf, self.me.actor)
            if mine is None or not self._is_missing(leaf, held):
                continue
            if entry_hash(leaf.entry) in held:
                raise Refused("stamp-missing", f"lacks our stamp on entry {entry_hash(leaf.entry)}", "stamps")
            if latest >= mine.time + self.terms.grace and self._still_valid(leaf):
                raise Refused("entry-missing", f"leaves out entry {entry_hash(leaf.entry)} that we stamped", "entries")

    # --- keeping -----------------------------------------------------------------------------------------------

    def merge(self, leaves: Iterable[Leaf]) -> None:
        """The keeper takes in entries and stamps that timekeepers report as missing.

        Where nobody has cosigned yet the tail is put in order anew; entries that are not valid there are dropped (their
        authors will hear why when they submit again).
        """
        tail = {entry_hash(leaf.entry): leaf for leaf in self.tail}
        for leaf in leaves:
            name = entry_hash(leaf.entry)
            there = tail.get(name)
            if there is None:
                if self.sealed.index_of(name) is None:
                    tail[name] = leaf
            else:
                stamps = {each.by: each for each in (*there.stamps, *leaf.stamps)}
                tail[name] = replace(there, stamps=tuple(stamps[by] for by in sorted(stamps)))
        kept = self.tail[: self.fixed - self.sealed.size]
        rest = list(tail.values())[len(kept) :]
        self._retail([*kept, *rest])

    def fix(self, size: int) -> None:
        """Somebody has cosigned the head of `size` leaves: its order stands."""
        self.fixed = max(self.fixed, size)

    def seal(self, leaf: Leaf) -> list[Leaf]:
        """The keeper places its seal right after the leaves that it covers; what came later follows it again."""
        size = parse_checkpoint_size(leaf)
        covered = self.tail[: size - self.sealed.size]
        later = self.tail[size - self.sealed.size :]
        sealed = self.sealed.copy()
        for each in covered:
            sealed.place(each)
        sealed.place(leaf)
        self.sealed = sealed
        self.fixed = sealed.size
        self.newly_sealed = [*covered, leaf]
        self._retail(later)
        return self.newly_sealed


def parse_checkpoint_size(seal: Leaf) -> int:
    """The number of leaves that a seal covers."""
    text: str = seal.entry.body.checkpoint  # type: ignore[union-attr]
    return parse_checkpoint(text.partition("\n\n")[0] + "\n").size


def stamp_by(leaf: Leaf, actor: str) -> Stamp | None:
    return next((each for each in leaf.stamps if each.by == actor), None)


def _not_ahead(stamps: Iterable[Stamp], now: int) -> None:
    for each in stamps:
        if each.time > now + AHEAD:
            raise Refused("ahead", f"{each.by}'s stamp lies more than 60 s past our clock", "stamps")


def bytes_of(leaves: Iterable[Leaf]) -> list[bytes]:
    """The leaves as they enter the record."""
    return [leaf_bytes(leaf) for leaf in leaves]
