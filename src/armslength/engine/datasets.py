"""The tranches of arrangements in force as datasets of the Dataspace Protocol (`ports.Datasets`).

Each arrangement speaks of its own datasets only: where a party's node is, and who is a counterparty, is never taken
from another one (rule 10.6a).
"""

from __future__ import annotations

from armslength.core.arrangement.tables import Phase
from armslength.engine.contents import arrangement_of, dataset_id
from armslength.engine.repository import LiveArrangement, Repository
from armslength.errors import NotFound
from armslength.ports import Dataset


class Tranches:
    """What this node provides and receives, by the terms of the arrangements that it is engaged in and that are in
    force: all parties have signed, and none has ended."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def offered_to(self, did: str) -> list[Dataset]:
        """The datasets that we provide to this party, by id; none for a stranger."""
        found = {
            item.id: item
            async for live in self._repository.naming(did)
            if _is_in_force(live)
            for item in _datasets(live)
            if item.recipient_did == did and item.provider_did == self._repository.did
        }
        return [found[name] for name in sorted(found)]

    async def dataset(self, id: str) -> Dataset | None:  # noqa: A002 (its name in the protocol)
        """One dataset, whichever side of it we are on, or None."""
        live = await self._of(id)
        return None if live is None else next((item for item in _datasets(live) if item.id == id), None)

    async def address(self, did: str, dataset: str) -> str | None:
        """The address of a party's node as the terms of this dataset pin it, or None for a stranger to them."""
        live = await self._of(dataset)
        actors = () if live is None else live.terms.actors.values()
        return next((actor.address for actor in actors if actor.did == did and actor.address), None)

    async def _of(self, dataset: str) -> LiveArrangement | None:
        """The arrangement of this dataset, if it is in force."""
        try:
            live = await self._repository.open(arrangement_of(dataset))
        except NotFound:
            return None
        return live if _is_in_force(live) else None


def _is_in_force(live: LiveArrangement) -> bool:
    return live.record.sealed.state.arrangement.phase not in {
        Phase.PROPOSED,
        Phase.LAPSED,
        Phase.COMPLETED,
        Phase.TERMINATED,
    }


def _datasets(live: LiveArrangement) -> list[Dataset]:
    return [
        Dataset(
            id=dataset_id(live.arrangement, name),
            title=tranche.title,
            provider_did=live.terms.actors[tranche.provider].did or "",
            recipient_did=live.terms.actors[tranche.recipient].did or "",
            arrangement_hash=live.arrangement,
            tranche=name,
            media_types=tranche.media_types,
        )
        for name, tranche in sorted(live.terms.tranches.items())
    ]
