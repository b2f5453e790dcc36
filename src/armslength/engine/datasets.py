"""The tranches of signed arrangements as datasets of the Dataspace Protocol (`ports.Datasets`)."""

from __future__ import annotations

from armslength.engine.contents import PREFIX, dataset_id
from armslength.engine.shelf import Open, Shelf
from armslength.errors import NotFound
from armslength.ports import Dataset


class Tranches:
    """What this node provides and receives, by the terms of the arrangements that all parties have signed."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def offered_to(self, did: str) -> list[Dataset]:
        """The datasets that we provide to this party, by id; none for a stranger."""
        found = [
            item
            for held in await self._shelf.everything()
            if _is_signed(held)
            for item in _datasets(held)
            if item.recipient_did == did and item.provider_did == self._shelf.did
        ]
        return sorted(found, key=lambda item: item.id)

    async def dataset(self, id: str) -> Dataset | None:  # noqa: A002 (its name in the protocol)
        """One dataset, whichever side of it we are on, or None."""
        arrangement, _, tranche = id.removeprefix(PREFIX).partition(":")
        try:
            held = await self._shelf.open(arrangement)
        except NotFound:
            return None
        if not _is_signed(held) or tranche not in held.terms.tranches:
            return None
        return next(item for item in _datasets(held) if item.tranche == tranche)

    async def address(self, did: str) -> str | None:
        """The address of a party's node as the terms pin it, or None for a stranger."""
        for held in await self._shelf.everything():
            if _is_signed(held):  # whoever proposes terms may write anything into them
                for actor in held.terms.actors.values():
                    if actor.did == did and actor.address:
                        return actor.address
        return None


def _is_signed(held: Open) -> bool:
    return held.book.sealed.state.arrangement.phase not in {"PROPOSED", "LAPSED"}


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
