"""The index of whom terms name says what a walk over all terms would say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from armslength.engine.name_index import ENDED, LIVE, NameIndex, ended, named, rows
from armslength.ports import Batch
from armslength.store.memory import MemoryStore

DIDS = ["did:web:a.example", "did:web:a.example%3A1", "did:web:b.example", "did:key:z6"]
KEYS = ["k1==", "k1=", "k2==", None]


@dataclass(frozen=True)
class One:
    """An arrangement: its hash, its terms, and whether it lives, has ended, or was taken off the shelf."""

    name: str
    terms: Any
    state: str


actors = st.lists(st.tuples(st.sampled_from([*DIDS, None]), st.sampled_from(KEYS), st.booleans()), max_size=4)
shelves = st.lists(st.tuples(actors, st.sampled_from([LIVE, ENDED, "gone"])), max_size=8)


def _one(number: int, found: list[tuple[str | None, str | None, bool]], state: str) -> One:
    there = {
        str(n): SimpleNamespace(did=did, keys=SimpleNamespace(tokens=key)) for n, (did, key, _) in enumerate(found)
    }
    parties = tuple(str(n) for n, (_, _, party) in enumerate(found) if party)
    return One(f"{number:064}", SimpleNamespace(actors=there, parties=parties), state)


@settings(deadline=None)
@given(shelves)
def test_the_index_says_what_a_walk_says(found: list[Any]) -> None:
    """Token keys, parties, and who is named where, for everyone, whatever has ended or gone."""
    live = [_one(number, *each) for number, each in enumerate(found)]

    async def story() -> None:
        store = MemoryStore()
        for each in live:
            await store.commit(Batch(puts=named(each.name, each.terms)))
        for each in live:
            if each.state != LIVE:
                await store.commit(ended(each.name, each.terms))
            if each.state == "gone":
                await store.commit(Batch(deletes=rows(each.name, each.terms)))
        index = NameIndex(store)
        here = [each for each in live if each.state != "gone"]
        assert [did async for did in index.dids()] == sorted(
            {actor.did for each in here if each.state == LIVE for actor in each.terms.actors.values() if actor.did}
        )
        webs = [did async for did in index.dids("did:web:a")]
        assert webs == [did async for did in index.dids() if did.startswith("did:web:a")]
        for did in DIDS:
            for state in (LIVE, ENDED):
                keys = {
                    actor.keys.tokens
                    for each in here
                    for actor in each.terms.actors.values()
                    if each.state == state and actor.did == did and actor.keys.tokens
                }
                assert set(await index.token_keys(did, state)) == keys
                assert len(await index.token_keys(did, state)) == len(keys)
            assert await index.is_party(did) == any(
                each.terms.actors[party].did == did
                for each in here
                if each.state == LIVE
                for party in each.terms.parties
            )
            naming = [(place, name) async for place, name in index.naming(did)]
            expected = {each.name for each in here if any(a.did == did for a in each.terms.actors.values())}
            assert {name for _, name in naming} == expected
            for position, (place, _) in enumerate(naming):
                assert [each async for each in index.naming(did, place)] == naming[position:]

    asyncio.run(story())


async def test_an_answer_costs_what_it_finds() -> None:
    """However many arrangements name somebody with one key, a handful of rows is read."""
    read = 0

    class Counting(MemoryStore):
        async def find(self, *arguments: Any, **how: Any) -> list[Any]:
            nonlocal read
            found = await super().find(*arguments, **how)
            read += len(found)
            return found

    store = Counting()
    terms = _one(0, [(DIDS[0], KEYS[0], True), (DIDS[2], KEYS[2], False)], LIVE).terms
    await store.commit(Batch(puts=[put for number in range(500) for put in named(f"{number:064}", terms)]))
    index = NameIndex(store)
    assert await index.token_keys(DIDS[0], LIVE) == [KEYS[0]]
    assert await index.is_party(DIDS[0])
    assert [did async for did in index.dids()] == [DIDS[0], DIDS[2]]
    assert read < 20
