"""The tranches of arrangements in force as datasets of the Dataspace Protocol (`ports.Datasets`).

Each arrangement speaks of its own datasets only: where a party's node is, and who is a counterparty, is never taken
from another one (engine rule 10.6).
"""

from __future__ import annotations

from armslength.engine.contents import arrangement_of, dataset_id
from armslength.engine.shelf import Open, Shelf
from armslength.errors import NotFound
from armslength.ports import Dataset


class Tranches:
    """What this node provides and receives, by the terms of the arrangements that it is engaged in and that are in
    force: all parties have signed, and none has ended."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def offered_to(self, did: str) -> list[Dataset]:
        """The datasets that we provide to this party, by id; none for a stranger."""
        found = {
            item.id: item
            async for held in self._shelf.naming(did)
            if _is_in_force(held)
            for item in _datasets(held)
            if item.recipient_did == did and item.provider_did == self._shelf.did
        }
        return [found[name] for name in sorted(found)]

    async def dataset(self, id: str) -> Dataset | None:  # noqa: A002 (its name in the protocol)
        """One dataset, whichever side of it we are on, or None."""
        held = await self._of(id)
        return None if held is None else next((item for item in _datasets(held) if item.id == id), None)

    async def address(self, did: str, dataset: str) -> str | None:
        """The address of a party's node as the terms of this dataset pin it, or None for a stranger to them."""
        held = await self._of(dataset)
        actors = () if held is None else held.terms.actors.values()
        return next((actor.address for actor in actors if actor.did == did and actor.address), None)

    async def _of(self, dataset: str) -> Open | None:
        """The arrangement of this dataset, if it is in force."""
        try:
            held = await self._shelf.open(arrangement_of(dataset))
        except NotFound:
            return None
        return held if _is_in_force(held) else None


def _is_in_force(held: Open) -> bool:
    return held.book.sealed.state.arrangement.phase not in {"PROPOSED", "LAPSED", "COMPLETED", "TERMINATED"}


def _datasets(held: Open) -> list[Dataset]:
    return [
        Dataset(
            id=dataset_id(held.arrangement, name),
            title=tranche.title,
            provider_did=held.terms.actors[tranche.provider].did or "",
            recipient_did=held.terms.actors[tranche.recipient].did or "",
            arrangement_hash=held.arrangement,
            tranche=name,
            media_types=tranche.media_types,
        )
        for name, tranche in sorted(held.terms.tranches.items())
    ]
