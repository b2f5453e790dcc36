"""What a node keeps of tranches' contents: a provider's sealed file with its key, and what a recipient holds.

Secrets lie in the node's database only, whose file is private to its owner; files lie in its folder of blobs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from armslength.core.arrangement.bodies import Commit
from armslength.core.canonical import canonical
from armslength.delivery import sealing
from armslength.engine.repository import LiveArrangement
from armslength.errors import NotFound, Unavailable
from armslength.ports import Batch, Put, Store
from armslength.wire.strict import convert, parse

PUBLICATION, RECEPTION = "publication", "receipt"
PREFIX: Final = "urn:armslength:"  # of our datasets' ids

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A provider's sealed file for a tranche, its key, and what else must survive a crash.

    path: the file's name; source: how the plain file looked when it was sealed, which tells it from a changed one.
    """

    path: str
    media_type: str
    key: str = field(repr=False)  # base64
    size: int
    plain_root: str
    cipher_size: int
    cipher_root: str
    header: str
    release_after: int = 0
    wrapped: str | None = None  # base64
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What a recipient holds of a tranche. cipher, plain: the files' names. outcome: None, "ok", or the hash of the
    evidence of a complaint."""

    cipher: str
    public: str | None = None
    private: str | None = field(default=None, repr=False)
    downloaded: bool = False
    plain: str | None = None
    outcome: str | None = None
    complaint: str | None = None


def dataset_id(arrangement: str, tranche: str) -> str:
    """The dataset of a tranche."""
    return f"{PREFIX}{arrangement}:{tranche}"


def arrangement_of(dataset: str) -> str:
    """The arrangement whose tranche a dataset is; of no use where it is none of ours."""
    return dataset.removeprefix(PREFIX).partition(":")[0]


def blob(live: LiveArrangement, tranche: str, kind: str) -> str:
    """The name of a file of this kind about a tranche."""
    return f"{live.arrangement[:16]}.{tranche}.{kind}"


def context(live: LiveArrangement, tranche: str) -> bytes:
    """What the sealed file of a tranche is bound to."""
    terms = live.terms.tranches[tranche]
    return sealing.context(live.arrangement, tranche, terms.provider, terms.recipient)


class Contents:
    """Publications and receptions, by arrangement and tranche, and where their files lie."""

    def __init__(self, store: Store, blobs: Path) -> None:
        self.store = store
        self.folder = blobs.resolve()

    def file(self, name: str) -> Path:
        """Where a file lies: it is stored by its name, so that the node's folder may be moved."""
        return self.folder / name

    async def publication(self, live: LiveArrangement, tranche: str) -> Publication | None:
        """Our sealed file for a tranche."""
        return await self._get(PUBLICATION, live, tranche, Publication)

    async def reception(self, live: LiveArrangement, tranche: str) -> Reception | None:
        """What we hold of a tranche as its recipient."""
        return await self._get(RECEPTION, live, tranche, Reception)

    async def need_publication(self, live: LiveArrangement, tranche: str) -> Publication:
        """The same. Raises NotFound."""
        return _there(await self.publication(live, tranche), PUBLICATION, tranche)

    async def need_reception(self, live: LiveArrangement, tranche: str) -> Reception:
        """The same. Raises NotFound."""
        return _there(await self.reception(live, tranche), RECEPTION, tranche)

    async def keep(
        self, live: LiveArrangement, tranche: str, value: Publication | Reception, also: Batch | None = None
    ) -> None:
        """Store it, and `also` in the same commit. Raises Unavailable if somebody else has changed it meanwhile."""
        kind, key = PUBLICATION if isinstance(value, Publication) else RECEPTION, f"{live.arrangement}/{tranche}"
        also = also or Batch()
        row = await self.store.get(kind, key)
        put = Put(kind, key, row.version if row else 0, canonical(value), live.arrangement)
        if not await self.store.commit(Batch(puts=[put, *also.puts], deletes=also.deletes)):
            raise Unavailable("busy", "changed meanwhile by another process; try again", tranche)

    async def is_published(self, live: LiveArrangement, commit: Commit) -> bool:
        """Whether this is what we have published now; ask while `live.writing` is ours."""
        published = await self.publication(live, commit.tranche)
        return published is not None and published.cipher_root == commit.cipher_root

    async def amend(
        self, live: LiveArrangement, tranche: str, change: Callable[[Publication], Publication]
    ) -> Publication:
        """Change our publication as it is by now: what the owner asks loses nothing that an act has stored meanwhile,
        nor the other way round."""
        while True:
            row = await self.store.get(PUBLICATION, f"{live.arrangement}/{tranche}")
            if row is None:
                raise NotFound("no-publication", f"there is no publication of {tranche} here", tranche)
            changed = change(convert(Publication, parse(row.body)))
            put = Put(PUBLICATION, row.key, row.version, canonical(changed), live.arrangement)
            if await self.store.commit(Batch(puts=[put])):
                return changed

    async def _get(self, kind: str, live: LiveArrangement, tranche: str, shape: type[T]) -> T | None:
        row = await self.store.get(kind, f"{live.arrangement}/{tranche}")
        return None if row is None else convert(shape, parse(row.body))


def _there(found: T | None, kind: str, tranche: str) -> T:
    if found is None:
        raise NotFound(f"no-{kind}", f"there is no {kind} of {tranche} here", tranche)
    return found
