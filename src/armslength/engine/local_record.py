"""One arrangement's record as one node holds it: what is sealed, and what is provisional.

`sealed` is the record up to and including its last seal. `tail` is what comes after: for the keeper, the entries it
has placed; for any other timekeeper, the entries that it stamped and has not yet seen placed. `view` = sealed + tail
is where new submissions are judged. `offered` is a longer record that the keeper has shown and that was verified leaf
by leaf; only such a head is ever cosigned.

Nothing here does input or output, and no time is read: `now` is passed in.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.checkpoint import Checkpoint, origin, parse_checkpoint
from armslength.core.record.entry import (
    Entry,
    Leaf,
    Refusal,
    Stamp,
    Submission,
    entry_hash,
    entry_message,
    leaf_of,
    refuse,
    stamp,
    stamp_message,
)
from armslength.core.record.keys import Sign
from armslength.core.record.replica import Placed, Replica
from armslength.engine.tail_bounds import TailBounds
from armslength.errors import ArmslengthError, Refused

AHEAD = 60  # seconds that another clock may be ahead of ours before we refuse its times (rule 2.1e)


@dataclass(frozen=True, slots=True)
class LocalActor:
    """Who this node is in the arrangement, and how it signs."""

    actor: str
    timekeeper: bool
    keeper: bool
    sign: Sign  # with the entries key


class EntryMissing(Refused):
    """A head that leaves out an entry which must be in it by now: `leaf`."""

    def __init__(self, leaf: Leaf) -> None:
        reason = f"leaves out entry {entry_hash(leaf.entry)}, which we stamped or wrote"
        super().__init__("entry-missing", reason, "entries")
        self.leaf = leaf


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission that was stamped or placed. `repeat`: it had been before."""

    stamp: Stamp | None
    leaf: Leaf
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class OfferedRecord:
    """The keeper's longer record, verified, and its leaves after our sealed ones."""

    replica: Replica
    leaves: list[Leaf]


class LocalRecord:
    """The record of one arrangement at one node."""

    def __init__(self, me: LocalActor, sealed: Replica, tail: Iterable[Leaf] = ()) -> None:
        self.me = me
        self.sealed = sealed
        self.tail: list[Leaf] = []
        self.view = sealed.copy()
        self.offered: OfferedRecord | None = None
        self.newly_sealed: list[Leaf] = []
        self.conflicts: dict[str, Leaf] = {}  # by author: an entry in whose place another one stands …
        self.cleared: set[str] = set()  # … unless it is known by its hash to contradict nothing
        self.accused: set[str] = set()  # against whom we have written evidence
        self.fixed = sealed.size  # below this size somebody has cosigned: the order stands
        self._waiting = TailBounds((me.actor, self.terms.keeper))
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
        waiting = self._waiting.with_one_more(leaf)
        placed = self.view.place(leaf)
        self.tail.append(leaf)
        self._waiting = waiting
        return placed

    def at_tail(self, name: str) -> Leaf | None:
        """The leaf in the tail whose entry has this hash."""
        index = self.view.index_of(name)
        return None if index is None or index < self.sealed.size else self.tail[index - self.sealed.size]

    def _retail(self, leaves: Sequence[Leaf]) -> list[Leaf]:
        """Rebuild the tail from those of `leaves` that are valid in this order; return the others."""
        self.view, self.tail, self._waiting = self.sealed.copy(), [], TailBounds((self.me.actor, self.terms.keeper))
        dropped = []
        for leaf in leaves:
            try:
                self._append(leaf)
            except ArmslengthError:
                dropped.append(leaf)
        for leaf in dropped:
            if leaf.entry.author_seq < self.view.next_link(leaf.entry.author)[0]:
                self._suspect(leaf)
        return dropped

    def _suspect(self, leaf: Leaf) -> None:
        author = leaf.entry.author
        if author in self.accused or author in self.view.state.arrangement.excluded or author == self.me.actor:
            return
        if entry_hash(leaf.entry) not in self.cleared and self.is_by_its_author(leaf):
            self.conflicts[author] = leaf

    # --- submissions -------------------------------------------------------------------------------------------

    def submit(self, submission: Submission, stamps: Iterable[Stamp], now: int) -> Accepted:
        """Judge a submission; stamp it at `now` if we keep time, and place it in the view.

        Stamps that are not valid, or too far ahead of us, are left out: they are not the author's fault. Raises
        Refused or Malformed, having changed nothing.
        """
        entry = submission.entry
        name = entry_hash(entry)
        leaf = self.at_tail(name)
        if leaf is None and self.offered is not None and self.offered.replica.index_of(name) is not None:
            leaf = next((each for each in self.offered.leaves if entry_hash(each.entry) == name), None)
        if leaf is not None:  # we have stamped it, or seen it placed: no new stamp that its place would lack
            return Accepted(stamp_by(leaf, self.me.actor), leaf, repeat=True)
        mine = None
        given = {each.by: each for each in stamps if self._is_good(each, entry, name, now)}
        given.pop(self.me.actor, None)
        if self.me.timekeeper and entry.author != self.me.actor and entry.type != "seal":
            mine = stamp(entry.arrangement, name, self.me.actor, now, self.me.sign)
            given[self.me.actor] = mine
        leaf = leaf_of(submission, given.values())
        try:
            self._append(leaf)
        except Refused as error:
            if error.code == "not-next":
                self._suspect(leaf)
            if error.code == "no-stamp" and self.me.keeper and entry.author == self.me.actor:
                self.view.preview(submission, now)  # nobody stamps it: it may not be valid any more
            raise
        return Accepted(mine, leaf)

    def _is_good(self, given: Stamp, entry: Entry, name: str, now: int) -> bool:
        """Whether this is a timekeeper's stamp on the entry, and not too far ahead of us."""
        roster = self.sealed.roster
        own = given.by == entry.author and len(roster.timekeepers) > 1
        if given.by not in roster.timekeepers or own or not 0 <= given.time <= now + AHEAD:
            return False
        return roster.is_signed(roster.entries[given.by], stamp_message(self.arrangement, name, given.time), given.sig)

    def is_by_its_author(self, submission: Submission | Leaf) -> bool:
        """Whether somebody whom the terms name has signed this entry, for this arrangement."""
        entry = submission.entry
        key = self.sealed.roster.entries.get(entry.author)
        if key is None or entry.arrangement != self.arrangement:
            return False
        return self.sealed.roster.is_signed(key, entry_message(entry), submission.sig)

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
        """`offering`, all at once."""
        steps = self.offering(start, leaves, now)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return list(end.value)

    def offering(self, start: int, leaves: Sequence[Leaf], now: int) -> Generator[None, None, list[Leaf]]:
        """Verify the keeper's leaves from index `start`; adopt what a seal covers; keep the rest as `offered`. It stops
        after each leaf, so that others have their turn; nothing has changed before it ends.

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
            yield
            if leaf.entry.type == "seal":
                if base.state.clock.tau > now + AHEAD:
                    raise Refused("ahead", "the seal's time lies more than 60 s past our clock", "seal")
                sealed = base.copy()
        covered = fresh[: sealed.size - self.sealed.size]
        self.newly_sealed = [*self.newly_sealed, *covered]
        self.offered = OfferedRecord(base, fresh[len(covered) :])
        self.sealed = sealed
        live = {entry_hash(leaf.entry): leaf for leaf in fresh}
        missing = [leaf for leaf in self.tail if self._is_missing(leaf, live) and self._still_valid(leaf)]
        self._retail([leaf for leaf in self.tail if self.sealed.index_of(entry_hash(leaf.entry)) is None])
        return missing

    def _known(self, fresh: list[Leaf]) -> tuple[Replica, int]:
        """Where to go on verifying: after what was offered before, if `fresh` begins with it; a seal is in none."""
        before = self.offered
        if before is not None and before.leaves and fresh[: len(before.leaves)] == before.leaves:
            return before.replica.copy(), len(before.leaves)
        return self.sealed.copy(), 0

    def _is_missing(self, leaf: Leaf, live: dict[str, Leaf]) -> bool:  # rule 2.2e
        there = live.get(entry_hash(leaf.entry))
        if there is None:
            return self.sealed.index_of(entry_hash(leaf.entry)) is None
        mine = stamp_by(leaf, self.me.actor)
        if mine is None or stamp_by(there, self.me.actor) is not None:
            return False
        # A stamp that another one precedes makes nobody earlier. Were it asked for, one that came after the keeper's
        # first cosignature could hold up the record until a third timekeeper is back.
        return all(mine.time < each.time for each in there.stamps)

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

    def may_cosign(self, text: str, now: int, cosigned: int, root: str, written: Iterable[Leaf] = ()) -> Checkpoint:
        """Whether to cosign the checkpoint with this note text at `now`: raises Refused with the reason if not.

        `cosigned` and `root` are the size and tree root that we cosigned last (0 and "" if none); `written` are entries
        of our own that somebody has stamped and nobody has placed.
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
        leaves = leaves[: max(0, checkpoint.size - self.sealed.size)]
        _not_ahead((each for leaf in leaves for each in leaf.stamps), now)
        if head.state.clock.tau > now + AHEAD:
            raise Refused("ahead", "the head's time lies more than 60 s past our clock", "time")
        if not self.me.keeper:
            self._refuse_if_owed(leaves, written, now, head)
        return checkpoint

    def _refuse_if_owed(self, leaves: Sequence[Leaf], written: Iterable[Leaf], now: int, head: Replica) -> None:
        """Rule 2.2d: no head that leaves out a stamp of ours, or an entry that must be placed by now."""
        live = {entry_hash(leaf.entry): leaf for leaf in leaves}
        latest = max(now, head.state.clock.tau)
        owed = [(leaf, mine.time) for leaf in self.tail if (mine := stamp_by(leaf, self.me.actor)) is not None]
        owed += [(leaf, min(each.time for each in leaf.stamps)) for leaf in written if leaf.stamps]
        for leaf, time in owed:
            name = entry_hash(leaf.entry)
            if not self._is_missing(leaf, live):
                continue
            if name in live:
                raise Refused("stamp-missing", f"lacks our stamp on entry {name}", "stamps")
            if latest >= self._last_call(time) and self._still_valid(leaf):
                raise EntryMissing(leaf)

    def _last_call(self, stamped: int) -> int:
        """When an entry with this stamp must be placed: after grace, or at an instant that fires without any."""
        state, terms = self.sealed.state, self.terms
        holds = [state.allegations[name].raised_at + terms.allegations.hold for name in state.holds]
        notices = [notice.ends for notice in state.arrangement.withdrawals.values()]
        exact = [instant for instant in (terms.start, terms.end, *holds, *notices) if instant > stamped]
        return min([stamped + terms.grace, *exact])

    def drop(self, name: str) -> None:
        """Forget an entry in the tail: the keeper has finally refused it."""
        self._retail([leaf for leaf in self.tail if entry_hash(leaf.entry) != name])

    # --- keeping -----------------------------------------------------------------------------------------------

    def merge(self, leaves: Iterable[Leaf], now: int) -> None:
        """The keeper takes in entries and stamps that timekeepers report as missing.

        Where nobody has cosigned yet the tail is reordered; entries that are not valid there are dropped (their
        authors will hear why when they submit again). A stamp that is not valid is left out, and none replaces another.
        """
        tail = {entry_hash(leaf.entry): leaf for leaf in self.tail}
        for leaf in leaves:
            name = entry_hash(leaf.entry)
            there = tail.get(name)
            if there is None and self.sealed.index_of(name) is not None:
                continue
            stamps = {each.by: each for each in leaf.stamps if self._is_good(each, leaf.entry, name, now)}
            stamps |= {each.by: each for each in there.stamps} if there is not None else {}
            tail[name] = replace(there or leaf, stamps=tuple(stamps[by] for by in sorted(stamps)))
        kept = self.tail[: self.fixed - self.sealed.size]
        rest = list(tail.values())[len(kept) :]
        self._retail([*kept, *rest])

    def adopt(self, leaves: Sequence[Leaf]) -> list[Leaf]:
        """The keeper takes back what it has sealed and does not know of any more: leaves after its last seal, verified
        one by one, as far as a seal covers them. Returns those. Raises whatever the first invalid leaf raises."""
        base, sealed = self.sealed.copy(), self.sealed
        for leaf in leaves:
            base.place(leaf)
            if leaf.entry.type == "seal":
                sealed = base.copy()
        covered = list(leaves[: sealed.size - self.sealed.size])
        self.newly_sealed = [*self.newly_sealed, *covered]
        self.sealed = sealed
        self.fix(sealed.size)
        self._retail([leaf for leaf in self.tail if sealed.index_of(entry_hash(leaf.entry)) is None])
        return covered

    def take_back(self, ordered: Sequence[Leaf], loose: Iterable[Leaf], size: int, now: int) -> None:
        """What others show of what we had stamped or placed: `ordered` follows the last seal, in an order that is fixed
        below `size`; `loose` waits."""
        names = {entry_hash(leaf.entry) for leaf in ordered}
        rest = {entry_hash(leaf.entry): leaf for leaf in self.tail}
        for leaf in loose:
            name = entry_hash(leaf.entry)
            known = rest.get(name, replace(leaf, stamps=()))
            stamps = {each.by: each for each in leaf.stamps if self._is_good(each, leaf.entry, name, now)}
            stamps |= {each.by: each for each in known.stamps}
            rest[name] = replace(known, stamps=tuple(stamps[by] for by in sorted(stamps)))
        later = [leaf for name, leaf in rest.items() if name not in names and self.sealed.index_of(name) is None]
        self._retail([*ordered, *later])
        self.fix(size)

    def is_stamped(self, leaf: Leaf, given: Stamp) -> bool:
        """Whether this is its timekeeper's stamp on the leaf's entry."""
        roster = self.sealed.roster
        key = roster.entries.get(given.by)
        message = stamp_message(self.arrangement, entry_hash(leaf.entry), given.time)
        return key is not None and given.by in roster.timekeepers and roster.is_signed(key, message, given.sig)

    def fix(self, size: int) -> None:
        """Somebody has cosigned the head of `size` leaves: its order stands (rule 2.2f)."""
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
        self.newly_sealed = [*self.newly_sealed, *covered, leaf]
        self._retail(later)
        return [*covered, leaf]


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
