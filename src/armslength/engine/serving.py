"""Who may read a sealed file at this moment."""

from __future__ import annotations

import hmac

from armslength.core.arrangement.tables import Stage
from armslength.core.transfer import TransferState
from armslength.delivery.chunks import Ciphertext
from armslength.engine.contents import Contents, dataset_id
from armslength.engine.exchange import Exchange
from armslength.engine.repository import Repository


class DataAccess:
    """The gate before the bytes of sealed files."""

    def __init__(self, repository: Repository, contents: Contents, exchange: Exchange) -> None:
        self._repository = repository
        self._contents = contents
        self._exchange = exchange
        self._is_closed = False

    def close(self) -> None:
        """Give out nothing more: the node is told to stop."""
        self._is_closed = True

    async def authorise(self, name: str, token: str) -> Ciphertext | None:
        """What a request for `/data/{name}` with this bearer token may read at this moment.

        The token is the one of the transfer's address, which lives from a start to the next suspension or end,
        whoever says so; and what the sealed record holds back is not handed out, whatever the transfer says.
        """
        arrangement, _, tranche = name.partition(".")
        transfer = await self._exchange.transfer_for(dataset_id(arrangement, tranche))
        address = transfer and transfer.ahead == TransferState.STARTED and transfer.data_address
        known = address.authorization if address else None
        if self._is_closed or known is None or not hmac.compare_digest(known.encode(), token.encode()):
            return None
        live = await self._repository.open(arrangement)
        publication = await self._contents.publication(live, tranche)
        if publication is None or live.record.sealed.state.tranches[tranche].shown in {Stage.WITHHELD, Stage.FORFEITED}:
            return None
        return Ciphertext(self._contents.file(publication.path), publication.cipher_root)
