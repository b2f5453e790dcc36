"""An author's journal: what is written is sent, byte for byte, until it is sealed or refused by the keeper."""

from __future__ import annotations

import asyncio

import pytest

from armslength.core.arrangement.bodies import Attest, Body
from armslength.core.record.entry import MAX_LEAF, Leaf, Stamp, entry_hash
from armslength.core.record.roster import roster
from armslength.engine import journal as module
from armslength.engine.clearance import Clearance
from armslength.engine.journal import KIND, Journal
from armslength.errors import Unavailable
from armslength.ports import Batch, Row
from armslength.store.memory import MemoryStore
from armslength.wire.own import SubmissionAnswer
from tests.golden.terms import at
from tests.record_builder import NOWHERE, Builder, keyed_terms, signer

TERMS = keyed_terms()
CLAIMS = ("k1a", "k1b", "k2")


def said(claim: str = "k1a") -> Body:
    """A statement."""
    return Attest(claim=claim, period=0, value=True)


class Timekeepers:
    """Timekeepers that answer as they are told: "stamp", "refuse", "lie", "junk" or "down", by actor; "early" refuses
    all statements but puts refusals on record."""

    def __init__(self, **does: str) -> None:
        self.does = does
        self.builder = Builder(TERMS)
        self.got: list[tuple[str, list[Leaf]]] = []
        self.placed: list[str] = []

    async def submit(self, actor: str, leaves: list[Leaf]) -> list[SubmissionAnswer]:
        self.got.append((actor, leaves))
        does = self.does.get(actor, "stamp")
        if does == "down":
            raise Unavailable("unreachable", "nobody there")
        return [self._answer(actor, leaf, does) for leaf in leaves]

    def _answer(self, actor: str, leaf: Leaf, does: str) -> SubmissionAnswer:
        name = entry_hash(leaf.entry)
        if does == "refuse":
            return SubmissionAnswer(
                entry=name, refusal=self.builder.refusal(leaf.entry), code="not-next", reason="taken"
            )
        if does == "early" and leaf.entry.type == "evidence":
            self.placed.append(name)
            return SubmissionAnswer(entry=name)
        if does == "early":
            refusal = self.builder.refusal(leaf.entry, "early", "x" * 500)
            return SubmissionAnswer(entry=name, refusal=refusal, code="early", reason="not yet")
        if does == "junk":
            return SubmissionAnswer(entry=name, stamp=Stamp(by=actor, time=0, sig="A" * 2 * MAX_LEAF))
        if does == "forge":
            forged = Builder(TERMS, alias="other ").refusal(leaf.entry)
            return SubmissionAnswer(entry=name, refusal=forged, code="not-next", reason="taken")
        by = "B" if does == "lie" else actor
        return SubmissionAnswer(entry=name, stamp=self.builder.stamp(leaf.entry, by, at(1, 1)))


def author(store: MemoryStore) -> Journal:
    """m1's journal as a process opens it."""
    return Journal(store, roster(TERMS), "m1", signer("m1"))


async def test_same_bytes_until_sealed() -> None:
    """A journal that is opened again sends the very entries that it held, with the stamps they have (rule 8.1b)."""
    store, keepers = MemoryStore(), Timekeepers(m5="down")
    first = author(store)
    names = await first.write(Clearance(tuple(said(claim) for claim in CLAIMS)), NOWHERE)
    with pytest.raises(Unavailable):
        await first.send(keepers)
    keepers.does = {}
    again = author(store)
    assert [[s.by for s in each.stamps] for each in await again.pending()] == [["A", "B"]] * 3
    answers = await again.send(keepers)
    assert list(answers) == names
    sent = [leaf for actor, leaves in keepers.got if actor == "m5" for leaf in leaves]
    assert [(leaf.entry, leaf.sig) for leaf in sent[:3]] == [(leaf.entry, leaf.sig) for leaf in sent[3:]]
    assert [leaf.entry.author_seq for leaf in sent[3:]] == [0, 1, 2]
    assert sent[4].entry.author_prev == names[0]
    await again.sealed(names)
    assert await author(store).pending() == []


async def test_number_is_used_again_only_after_the_keepers_refusal() -> None:
    """A refused entry frees its number, and the next entry carries the refusal; a forged refusal frees nothing."""
    store, keepers = MemoryStore(), Timekeepers(m5="forge")
    journal = author(store)
    (name,) = await journal.write(Clearance((said(),)), NOWHERE)
    await journal.send(keepers)
    assert len(await journal.pending()) == 1
    keepers.does = {"m5": "refuse"}
    await journal.send(keepers)
    assert await journal.pending() == []
    for opened in (journal, author(store)):
        (entry,) = [w.entry for w, _ in await opened.refusals([name])]
        assert entry.author_seq == 0
    (second,) = await author(store).write(Clearance((said("k1b"),)), NOWHERE)
    (written,) = await author(store).pending()
    assert entry_hash(written.entry) == second
    assert (written.entry.author_seq, written.entry.author_prev) == (0, "")
    assert [refusal.entry for refusal in written.entry.refused or ()] == [name]


async def test_stamps_in_anothers_name_are_not_taken() -> None:
    """A timekeeper answers for itself only."""
    store, keepers = MemoryStore(), Timekeepers(A="lie")
    journal = author(store)
    await journal.write(Clearance((said(),)), NOWHERE)
    await journal.send(keepers)
    (leaf,) = keepers.got[-1][1]
    assert [stamp.by for stamp in leaf.stamps] == ["B"]


async def test_two_processes_never_write_one_number_twice() -> None:
    """The second of two that write at once is turned away, and has stored nothing."""
    store = MemoryStore()
    one, two = author(store), author(store)
    await one.pending()
    await two.pending()
    await one.write(Clearance((said(),)), NOWHERE)
    with pytest.raises(Unavailable):
        await two.write(Clearance((said("k1b"),)), NOWHERE)
    (written,) = await author(store).pending()
    assert written.entry.body == said()


async def test_failed_disk_writes_nothing() -> None:
    """Where the store fails, nothing is signed into the journal and the number stays free."""

    class Full(MemoryStore):
        full = True

        async def commit(self, batch: Batch) -> bool:
            if self.full:
                raise Unavailable("store-failed", "the disk is full")
            return await super().commit(batch)

    store = Full()
    journal = author(store)
    with pytest.raises(Unavailable):
        await journal.write(Clearance((said(),)), NOWHERE)
    assert await journal.pending() == []
    store.full = False
    await journal.write(Clearance((said("k1b"),)), NOWHERE)
    (written,) = await journal.pending()
    assert written.entry.author_seq == 0


async def test_a_journal_that_is_opened_by_two_at_once_is_read_once() -> None:
    """Whoever looks while another writes the first statement after a start does not make it forgotten."""

    class Slow(MemoryStore):
        """The later of two readers gets its answer last."""

        asked = 0

        async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
            self.asked += 1
            turns, found = self.asked * 5, await super().find(kind, tag, start=start, limit=limit)
            for _ in range(turns):
                await asyncio.sleep(0)
            return found

    mine = author(Slow())
    names, _ = await asyncio.gather(mine.write(Clearance((said(),)), NOWHERE), mine.pending())
    assert [entry_hash(each.entry) for each in await mine.pending()] == names


async def test_refusals_are_past_once_their_number_is_sealed() -> None:
    """A journal does not read again what was refused before its last sealed entry, however much that is."""
    store, keepers = MemoryStore(), Timekeepers(m5="refuse")
    journal = author(store)
    for claim in CLAIMS:
        await journal.write(Clearance((said(claim),)), NOWHERE)
        await journal.send(keepers)
    tag = f"{Builder(TERMS).replica.arrangement}/refused"
    assert len(await store.find(KIND, tag)) == 3
    keepers.does = {}
    (name,) = await journal.write(Clearance((said(),)), NOWHERE)
    await journal.send(keepers)
    assert len(await store.find(KIND, tag)) == 3
    await journal.sealed([name])
    assert await store.find(KIND, tag) == []
    (second,) = await author(store).write(Clearance((said("k1b"),)), NOWHERE)
    (written,) = await author(store).pending()
    assert (entry_hash(written.entry), written.entry.refused) == (second, None)


async def test_answers_to_what_was_not_asked_count_for_nothing() -> None:
    """A keeper that answers about other entries changes nothing."""

    extra: list[SubmissionAnswer] = []

    class Talkative(Timekeepers):
        async def submit(self, actor: str, leaves: list[Leaf]) -> list[SubmissionAnswer]:
            return [*await super().submit(actor, leaves), SubmissionAnswer(entry="0" * 64), *extra]

    store, keepers = MemoryStore(), Talkative(m5="refuse")
    journal = author(store)
    (first,) = await journal.write(Clearance((said(),)), NOWHERE)
    await journal.send(keepers)
    extra.append(SubmissionAnswer(entry=first))
    await journal.write(Clearance((said("k1b"),)), NOWHERE)
    assert first not in await journal.send(keepers)
    assert len(await journal.refusals([first])) == 1


async def test_stamps_that_are_not_valid_are_not_taken() -> None:
    """What a timekeeper answers in place of a stamp cannot make an entry too large to be read, or come too early."""
    store, keepers = MemoryStore(), Timekeepers(A="junk")
    journal = author(store)
    await journal.write(Clearance((said(),)), NOWHERE)
    await journal.send(keepers)
    (leaf,) = keepers.got[-1][1]
    assert [stamp.by for stamp in leaf.stamps] == ["B"]


async def test_batches_that_are_refused_as_a_whole_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number of a batch gathers refusals: however many there are, what is said next can be written."""
    monkeypatch.setattr(module, "CARRIED", 10)
    monkeypatch.setattr(module, "CARRIED_BYTES", 3 * 1024)
    monkeypatch.setattr(module, "MAX_LEAF", 12 * 1024)  # some eight refusals, beside what is left to stamps
    store, keepers = MemoryStore(), Timekeepers(A="down", B="down", m5="early")
    journal = author(store)
    for _ in range(20):
        names = await journal.write(Clearance((said(),) * 20), NOWHERE)
        while await journal.pending():
            await journal.send(keepers)
            await journal.sealed(keepers.placed)
        assert len(await journal.refusals(names)) == 20


class Reads(MemoryStore):
    """Counts the documents that are read."""

    count = 0

    async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
        """As promised."""
        found = await super().find(kind, tag, start=start, limit=limit)
        self.count += len(found)
        return found

    async def get(self, kind: str, key: str) -> Row | None:
        """As promised."""
        self.count += 1
        return await super().get(kind, key)


async def test_our_last_word_is_found_without_reading_the_others() -> None:
    """However much we have said before, what stands of a statement is found with two look-ups."""
    store, costs = Reads(), list[int]()
    journal = author(store)
    for count in (10, 150):
        bodies = [Attest(claim="k2", period=count + number, value=True) for number in range(count)]
        await journal.sealed(await journal.write(Clearance(tuple(bodies)), NOWHERE))
        before = store.count
        assert await journal.latest(said()) is None
        found = await journal.latest(Attest(claim="k2", period=count + 3, value=False))
        assert found is not None
        assert found.entry.body == bodies[3]
        costs.append(store.count - before)
    assert costs == [3, 3]


async def test_the_last_word_is_that_of_the_latest_entry() -> None:
    """Placed or on its way: what replaced an earlier word counts, also when the journal is opened again."""
    store = MemoryStore()
    journal = author(store)
    for value in (True, False):
        last = Attest(claim="k2", period=0, value=value)
        names = await journal.write(Clearance((last,)), NOWHERE)
        for status in ("pending", "placed"):
            for opened in (journal, author(store)):
                found = await opened.latest(Attest(claim="k2", period=0, value=True))
                assert found is not None
                assert (found.entry.body, found.status) == (last, status)
            await journal.sealed(names)
