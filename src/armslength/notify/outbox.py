"""What is to be told, until it has been: stored with what has been told, so that a crash loses and repeats nothing.

Laws:

1. A notification is held for each addressee from the commit that notes it as told; it waits for others that come with
   it, for the end of quiet hours, or for the digest.
2. What is due together is frozen into a letter in one commit. A letter keeps its id and its words however often it is
   tried, so that whoever receives it twice can tell.
3. A letter leaves by the commit that follows its delivery, or dies: refused for good, or tried for days. The dead are
   kept to be shown, so many of them.
4. Of one addressee so many may wait; what comes then is dropped, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from armslength.core.canonical import canonical
from armslength.notify import catalogue
from armslength.notify.mail import Letter, html_of, subject_of, text_of
from armslength.notify.notification import Notification, id_of
from armslength.notify.settings import Addressee, Settings
from armslength.notify.webhook import body_of, body_of_digest
from armslength.ports import Batch, Put, Store
from armslength.wire.strict import convert, parse

HELD, LETTER, DEAD = "news-held", "news-letter", "news-dead"  # kinds in the store
GATHER_S: Final = 5  # that a notification waits for what else there is to tell
MOST: Final = 1000  # held notifications and letters of one addressee
DEAD_KEPT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldNotification:
    """A notification that waits for its addressee until `due` (UTC seconds); `gathered`: it comes with the digest."""

    to: str
    due: int
    gathered: bool = False
    said: Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A letter that was given up at this instant, and why."""

    letter: Letter
    at: int
    reason: str


class Outbox:
    """The outbox of one node. Call `load` once, before use."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._by_name = {each.name: each for each in settings.to}
        self.held: dict[str, HeldNotification] = {}
        self.letters: dict[str, Letter] = {}
        self.dead: dict[str, DeadLetter] = {}
        self.dropped = Counter[str]()  # by addressee, since the start
        self.wake: Callable[[], None] = lambda: None
        self.registered: Callable[[str], Addressee | None] = lambda _: None  # `notify.registry`

    async def load(self) -> None:
        """Read what waits. What was for somebody who is not told any more is forgotten."""
        for row in await self._store.find(HELD):
            self.held[row.key] = convert(HeldNotification, parse(row.body))
        for row in await self._store.find(LETTER):
            self.letters[row.key] = convert(Letter, parse(row.body))
        for row in await self._store.find(DEAD):
            self.dead[row.key] = convert(DeadLetter, parse(row.body))
        gone = [(HELD, key) for key, each in self.held.items() if self.addressee(each.to) is None]
        gone += [
            (LETTER, key) for key, each in self.letters.items() if not each.stop and self.addressee(each.to) is None
        ]
        await self._commit(Batch(deletes=gone))

    def addressee(self, name: str) -> Addressee | None:
        """Who is called so."""
        return self._by_name.get(name) or self.registered(name)

    # --- what is noted -----------------------------------------------------------------------------------------------

    async def note(
        self,
        said: Iterable[Notification],
        now: int,
        *,
        gone: Collection[tuple[str, str]] = (),
        letters: Iterable[Letter] = (),
        also: Sequence[Put] = (),
        to: Sequence[Addressee] | None = None,
    ) -> None:
        """Hold these for whom they are (`to`: others than the configuration names), and commit that with `also`. What
        is held for them about tasks of which all are `gone` (arrangements and keys) is not told any more. `letters` are
        ready to be sent."""
        puts, counts, whom = list(also), self.counts(), self._settings.to if to is None else to
        for each in said:
            for one in whom:
                if one.wants(each):
                    held = self._held(each, one, now)
                    puts += self._room(counts, one.name, HELD, f"{each.id}/{id_of(one.name)}", canonical(held))
        for letter in letters:
            puts += self._room(counts, letter.to, LETTER, letter.id, canonical(letter))
        names = {each.name for each in whom}
        done = {key for key, each in self.held.items() if each.to in names and _is_done(each.said, gone)}
        await self._commit(Batch(puts=puts, deletes=[(HELD, key) for key in sorted(done)]))
        self.wake()

    @property
    def is_crowded(self) -> bool:
        """Whether half of what may wait waits for somebody."""
        return any(count > MOST // 2 for count in self.counts().values())

    def counts(self) -> Counter[str]:
        """How much waits, by addressee."""
        return Counter([*(each.to for each in self.held.values()), *(each.to for each in self.letters.values())])

    def _room(self, counts: Counter[str], to: str, kind: str, key: str, body: bytes) -> list[Put]:
        """The row, if there is room for it; nothing if it is there already."""
        if key in (self.held if kind == HELD else self.letters):
            return []
        if counts[to] >= MOST:
            self.dropped[to] += 1
            return []
        counts[to] += 1
        return [Put(kind, key, None, body)]

    def _held(self, said: Notification, to: Addressee, now: int) -> HeldNotification:
        """When an addressee is told: what would come too late otherwise is told in quiet hours, too."""
        if said.kind in to.digest:
            due = self._settings.hours.next_digest(now)
            if said.until is None or said.until > due:
                return HeldNotification(to=to.name, due=due, gathered=True, said=said)
        due = now if to.webhook else now + GATHER_S
        if to.quiet:
            free = self._settings.hours.quiet_until(due)
            due = free if said.until is None or said.until > free else due
        return HeldNotification(to=to.name, due=due, said=said)

    # --- what is due -------------------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """When the next of what is held is due."""
        return min((each.due for each in self.held.values()), default=None)

    async def freeze(self, now: int) -> None:
        """Make letters of what is due."""
        groups: dict[tuple[str, str], list[tuple[str, HeldNotification]]] = {}
        for key, each in sorted(self.held.items(), key=lambda item: (item[1].said.at, item[0])):
            to = self.addressee(each.to)
            if to is None or each.due > now:
                continue
            apart = "" if each.gathered else each.said.id if to.webhook else each.said.arrangement or "node"
            groups.setdefault((each.to, apart), []).append((key, each))
        for (name, _), found in groups.items():
            letter = self._letter(name, [each.said for _, each in found], now)
            deletes = [(HELD, key) for key, _ in found]
            await self._commit(Batch(puts=[Put(LETTER, letter.id, None, canonical(letter))], deletes=deletes))

    def _letter(self, name: str, said: Sequence[Notification], now: int) -> Letter:
        to = self.addressee(name)
        assert to is not None  # noqa: S101  it is due
        if to.webhook and len(said) == 1:
            return Letter(id=id_of(to.name, said[0].id), to=to.name, at=now, body=body_of(said[0]).decode())
        if to.webhook:
            name = id_of(to.name, *(each.id for each in said))
            return Letter(id=name, to=to.name, at=now, body=body_of_digest(said, now).decode())
        threads = {each.arrangement for each in said}
        ending = f"\n{catalogue.STOP.format(link=to.stop)}\n" if to.stop else ""
        return Letter(
            id=id_of(to.name, *(each.id for each in said)),
            to=to.name,
            at=now,
            subject=subject_of(said),
            text=text_of(said, self._settings.hours.zone) + ending,
            html=html_of(said, self._settings.hours.zone),
            thread=threads.pop() if len(threads) == 1 else "",
            stop=to.stop,
        )

    # --- what becomes of letters -------------------------------------------------------------------------------------

    async def delivered(self, letter: Letter) -> None:
        """It has been taken."""
        await self._commit(Batch(deletes=[(LETTER, letter.id)]))

    async def died(self, letter: Letter, reason: str, now: int) -> None:
        """It is given up."""
        dead = DeadLetter(letter=letter, at=now, reason=reason)
        oldest = sorted(self.dead, key=lambda key: self.dead[key].at)
        deletes = [(DEAD, key) for key in oldest[: max(0, len(oldest) + 1 - DEAD_KEPT)]]
        puts = [Put(DEAD, letter.id, None, canonical(dead))]
        await self._commit(Batch(puts=puts, deletes=[(LETTER, letter.id), *deletes]))

    async def revive(self, name: str, now: int) -> bool:
        """Send a dead letter again, under its own id; False where there is none of this name."""
        dead = self.dead.get(name)
        if dead is None:
            return False
        letter = replace(dead.letter, at=now)
        await self._commit(Batch(puts=[Put(LETTER, name, None, canonical(letter))], deletes=[(DEAD, name)]))
        self.wake()
        return True

    async def _commit(self, batch: Batch) -> None:
        if not batch.puts and not batch.deletes:
            return
        await self._store.commit(batch)
        for kind, key in batch.deletes:
            self._rows(kind).pop(key, None)
        for put in batch.puts:
            if put.kind == HELD:
                self.held[put.key] = convert(HeldNotification, parse(put.body))
            elif put.kind == LETTER:
                self.letters[put.key] = convert(Letter, parse(put.body))
            elif put.kind == DEAD:
                self.dead[put.key] = convert(DeadLetter, parse(put.body))

    def _rows(self, kind: str) -> dict[str, Any]:
        found: dict[str, dict[str, Any]] = {HELD: self.held, LETTER: self.letters, DEAD: self.dead}
        return found[kind]


def _is_done(said: Notification, gone: Collection[tuple[str, str]]) -> bool:
    """Whether a notification is about tasks that have all fallen away."""
    return bool(said.keys) and all((said.arrangement, key) in gone for key in said.keys)
