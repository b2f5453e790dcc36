"""A tranche that this node receives: it asks for the data, fetches and acknowledges them, opens the file with the key,
and says so or complains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from armslength.core.arrangement.bodies import Ack, Body, Commit, Key
from armslength.core.negotiation import Negotiation
from armslength.core.record.keys import from_base64, to_base64
from armslength.core.transfer import Transfer, TransferState
from armslength.delivery import download, sealing, wrapping
from armslength.delivery.chunks import Complaint
from armslength.engine.actions import Action, TrancheFacts
from armslength.engine.backoff import Backoff
from armslength.engine.contents import Reception, blob, context
from armslength.engine.jobs import Progress, aside
from armslength.engine.repository import LiveArrangement
from armslength.engine.role import LOST, TrancheRole, TrancheServices
from armslength.errors import Malformed, NotFound, Refused, Unavailable, Unverified
from armslength.wire import binding


class Recipient(TrancheRole):
    """A tranche of which this node is the recipient. `progress`: bytes verified, and bytes in all."""

    def __init__(self, live: LiveArrangement, name: str, tools: TrancheServices) -> None:
        super().__init__(live, name, tools)
        self.progress = (0, 0)

    async def facts(self) -> TrancheFacts:
        """See `TrancheRole`."""
        standing, reception = await self.standing(), await self.reception()
        transfer = standing.transfer
        return TrancheFacts(
            negotiating=standing.negotiating,
            agreed=standing.agreed,
            transfer=None if transfer is None else str(transfer.ahead),
            unacknowledged=transfer is not None
            and transfer.state == TransferState.TERMINATED
            and transfer.peer_pid is None,
            addressed=transfer is not None and transfer.data_address is not None,
            downloaded=reception is not None and reception.downloaded,
            opened=reception is not None and reception.outcome is not None,
            said=await self.said(),
        )

    def pause(self, action: Action) -> float:
        """See `TrancheRole`: what the provider has finally refused is asked again after a growing backoff."""
        asked = self._asked(action)
        return asked.left if asked else 0.0

    def refusals(self, action: Action) -> int:
        """See `TrancheRole`."""
        asked = self._asked(action)
        return asked.attempts if asked else 0

    def _asked(self, action: Action) -> Backoff | None:
        provider = self.live.terms.actors[self.terms.provider].did or ""
        kind = {Action.NEGOTIATE: Negotiation, Action.REQUEST: Transfer}.get(action)
        return self.tools.exchange.asked(kind, self.dataset, provider) if kind else None

    async def do(self, action: Action) -> Body | None:
        """See `TrancheRole`."""
        match action:
            case Action.ACK_CIPHER:
                return await self._acknowledge()
            case Action.ACK_PLAIN:
                reception = await self.tools.contents.need_reception(self.live, self.name)
                if reception.outcome == "ok":
                    return Ack(tranche=self.name, stage="plain", ok=True)
                return Ack(tranche=self.name, stage="plain", ok=False, evidence=reception.outcome)
            case Action.NEGOTIATE:
                provider = self.live.terms.actors[self.terms.provider]
                base = (provider.address or "") + binding.BASE
                await self.tools.exchange.negotiate(provider.did or "", base, self.dataset)
            case Action.REQUEST:
                await self._request()
            case Action.DOWNLOAD:
                await self._download()
            case Action.OPEN:
                await self._open()
            case _:
                await self.tools.exchange.complete((await self._transfer()).pid)
        return None

    async def reception(self) -> Reception | None:
        """What we hold."""
        return await self.tools.contents.reception(self.live, self.name)

    def opened(self, reception: Reception | None) -> Path | None:
        """Where the opened file lies."""
        return None if reception is None or reception.plain is None else self.tools.contents.file(reception.plain)

    # --- the ciphertext --------------------------------------------------------------------------------------------

    async def _request(self) -> None:
        agreement = await self.tools.exchange.agreement_for(self.dataset)
        if agreement is None:
            raise NotFound("no-agreement", "there is no agreement on this tranche", self.name)
        await self.tools.exchange.request_transfer(agreement)

    async def _download(self) -> None:
        commit = await self.committed()
        await self._check_agreement(commit)
        address = (await self._transfer()).data_address
        if address is None:
            raise Unavailable("no-address", "the transfer has no address yet", self.name)
        endpoint, bearer = address.endpoint, address.authorization
        if endpoint is None or bearer is None:
            raise Malformed("no-address", "the transfer's address lacks an endpoint or a token", self.name)
        file = blob(self.live, self.name, "received")
        target = self.tools.contents.file(file)

        def told(done: int, total: int) -> None:
            self.progress = (done, total)

        await download.download(self.tools.fetcher, endpoint, bearer, target, commit, told)
        self.progress = (commit.cipher_size, commit.cipher_size)
        before = await self.reception() or Reception(cipher=file)
        await self._keep(replace(before, cipher=file, downloaded=True))

    async def _acknowledge(self) -> Ack:
        """The ciphertext is here; the one-time key under which its key shall come is stored first (rule 6.3a)."""
        await self._check_agreement(await self.committed())
        reception = await self.tools.contents.need_reception(self.live, self.name)
        if reception.public is None:
            pair = wrapping.new_pair()
            reception = replace(reception, public=to_base64(pair.public), private=to_base64(pair.private))
            await self._keep(reception)
        return Ack(tranche=self.name, stage="cipher", key=reception.public)

    async def _check_agreement(self, commit: Commit) -> None:
        """Raise Refused unless the commit names an agreement finalised for this tranche (rule 10.7a)."""
        if not await self.tools.exchange.is_agreed(self.dataset, commit.agreement):
            reason = f"its commit names {commit.agreement}, which is no agreement on it that was finalised with us"
            raise Refused("no-agreement", f"{reason}: the ciphertext is not acknowledged", self.name)

    async def _transfer(self) -> Transfer:
        transfer = await self.tools.exchange.transfer_for(self.dataset)
        if transfer is None:
            raise NotFound("no-transfer", "there is no transfer of this tranche", self.name)
        return transfer

    # --- the key ---------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Unwrap the key and open the file; whatever contradicts the provider's own statements is a complaint."""
        reception = await self.reception() or Reception(cipher="")
        commit, (_, key) = await self.committed(), await self.find(Key)
        cipher = self.tools.contents.file(reception.cipher)
        target = cipher.with_suffix(".plain")
        info = wrapping.info(self.live.arrangement, self.name, commit)
        if reception.public is None or reception.public != self.there.recipient_key:
            reason = f"our one-time key {LOST}; without it the file cannot be opened: ask for it again"
            raise Refused("key-lost", reason, self.name)
        private = from_base64(reception.private or "", "private key")
        try:
            file_key = wrapping.unwrap(from_base64(key.wrapped, "wrapped"), private, info)
            bound = context(self.live, self.name)
            await aside(
                lambda tell: sealing.unseal(cipher, target, file_key, bound, commit, tell=tell), Progress(commit.size)
            )
            reception = replace(reception, plain=target.name, outcome="ok")
        except Complaint as complaint:
            reception = replace(reception, outcome=complaint.hash, complaint=complaint.evidence.decode())
        except Unverified:  # what lies here is not what arrived: fetch it again
            reception = replace(reception, downloaded=False)
        await self._keep(reception)

    async def _keep(self, reception: Reception) -> None:
        await self.tools.contents.keep(self.live, self.name, reception)
