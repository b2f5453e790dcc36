"""A tranche that this node gives out: it commits to the sealed file, starts and stops the transfer, releases, and gives
the key."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import replace
from typing import Final

from armslength.approvals.drafts import Act, publishing
from armslength.core.arrangement.bodies import Body, Commit, Key, Release
from armslength.core.arrangement.tables import FINISHED
from armslength.core.record.keys import from_base64, to_base64
from armslength.core.transfer import DataAddress
from armslength.delivery import wrapping
from armslength.engine.actions import Action, TrancheFacts
from armslength.engine.contents import Publication
from armslength.engine.heads import compare_heads, fork_evidence
from armslength.engine.role import LOST, TrancheRole
from armslength.errors import NotFound, Refused

HTTP: Final = "https://w3id.org/idsa/v4.1/HTTP"


class Provider(TrancheRole):
    """A tranche of which this node is the provider."""

    async def facts(self) -> TrancheFacts:
        """See `TrancheRole`."""
        standing, publication = await self.standing(), await self.publication()
        if publication is None:
            self._tell_if_lost()
        transfer = standing.transfer
        return TrancheFacts(
            published=publication is not None,
            release_after=publication.release_after if publication else 0,
            agreed=standing.agreed,
            transfer=None if transfer is None else str(transfer.ahead),
            suspended_by=None if transfer is None else transfer.suspended_by,
            addressed=transfer is not None and transfer.data_address is not None,
            said=await self.said(),
        )

    async def do(self, action: Action) -> Body | None:
        """See `TrancheRole`."""
        match action:
            case Action.COMMIT:
                return await self.commit()
            case Action.RELEASE:
                return await self._release()
            case Action.KEY:
                return await self._key()
            case Action.START:
                await self._start()
            case Action.SUSPEND:
                why = f"{', '.join(self.there.withheld)} (arrangement {self.live.record.sealed.state.shown})"
                words = f"{self.name} is withheld: {why}"
                await self.tools.exchange.suspend(await self._transfer(), "withheld", words)
            case _:
                await self.tools.exchange.terminate(await self._transfer(), f"{self.name} is forfeited", "forfeited")
        return None

    async def publication(self) -> Publication | None:
        """Our sealed file."""
        return await self.tools.contents.publication(self.live, self.name)

    async def embargo(self) -> int | None:
        """When what we hold back may be released, if that is to come."""
        publication = None if self.is_over else await self.publication()
        now = self.tools.recorder.now(self.live)
        return publication.release_after if publication and publication.release_after > now else None

    def _tell_if_lost(self) -> None:
        """Tell that a file which the record says we committed to is not here."""
        troubles, place = (
            self.tools.repository.troubles,
            (f"the sealed file of {self.name}", "", self.live.arrangement),
        )
        if self.there.commit is not None and self.there.stage not in FINISHED:
            troubles.at(*place).tell(f"it {LOST}, and cannot be given")
        else:
            troubles.over(*place)

    # --- statements ------------------------------------------------------------------------------------------------

    async def commit(self) -> Commit:
        """What we say of our sealed file."""
        publication = await self.tools.contents.need_publication(self.live, self.name)
        agreement = await self.tools.exchange.agreement_for(self.dataset)
        if agreement is None:
            raise NotFound("no-agreement", "there is no agreement on this tranche", self.name)
        return Commit(
            tranche=self.name,
            agreement=agreement.id,
            media_type=publication.media_type,
            size=publication.size,
            plain_root=publication.plain_root,
            cipher_size=publication.cipher_size,
            cipher_root=publication.cipher_root,
            header=publication.header,
        )

    async def publishing(self) -> Act:
        """The act of giving out our sealed file. Raises NotFound."""
        publication = await self.tools.contents.need_publication(self.live, self.name)
        return publishing(self.name, publication)

    async def _release(self) -> Release:
        publication, public = await self._committed_file(), self.there.recipient_key
        if publication.wrapped is None:
            if public is None:
                raise NotFound("no-key", "its recipient has not acknowledged it with a key", self.name)
            info = wrapping.info(self.live.arrangement, self.name, publication)
            key = from_base64(publication.key, "key")
            wrapped = to_base64(wrapping.wrap(key, from_base64(public, "recipient's key"), info))
            publication = await self.tools.contents.amend(
                self.live, self.name, lambda now: replace(now, wrapped=wrapped)
            )
        raw = from_base64(publication.wrapped or "", "wrapped")
        return Release(tranche=self.name, wrapped=hashlib.sha256(raw).hexdigest())

    async def _key(self) -> Body:
        """The key leaves only once the other timekeepers' heads agree with ours (rule 6.3c); half of its time
        is for the silent. Heads that contradict each other are evidence, once."""
        live, tools = self.live, self.tools
        released, release = await self.find(Release)
        now = tools.recorder.now(live)
        is_late = now >= (self.there.key_due or now) - self.terms.key_by // 2
        fork = await compare_heads(live, tools.peers, beyond=released, skip_silent=is_late)
        if fork is not None:
            evidence = await fork_evidence(live, fork, tools.repository.store)
            if evidence is None or evidence.second in live.accused_heads:
                raise Refused("fork", f"{fork.name} has cosigned another history; the key is not released", self.name)
            live.accused_heads.add(evidence.second)
            return evidence
        wrapped = (await self._committed_file()).wrapped or ""
        if hashlib.sha256(from_base64(wrapped, "wrapped")).hexdigest() != release.wrapped:
            raise Refused("key-lost", f"the wrapped key that was released {LOST}, and cannot be given", self.name)
        return Key(tranche=self.name, wrapped=wrapped)

    async def _committed_file(self) -> Publication:
        """Our sealed file, if it is the one that we committed to. Raises NotFound or Refused."""
        publication = await self.tools.contents.need_publication(self.live, self.name)
        if publication.cipher_root != (await self.committed()).cipher_root:
            raise Refused("file-lost", f"the sealed file that was committed to {LOST}", self.name)
        return publication

    # --- the transfer ----------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        published = await self.publication()
        file = self.tools.contents.file(published.path if published else "none")
        if not await asyncio.to_thread(file.is_file):
            raise NotFound("no-file", "its sealed file is gone: put it back from a backup", str(file))
        address = DataAddress(
            endpoint_type=HTTP,
            endpoint=f"{self.tools.address}/data/{self.live.arrangement}.{self.name}",
            authorization=secrets.token_urlsafe(32),
            auth_type="bearer",
        )
        await self.tools.exchange.start(await self._transfer(), address)

    async def _transfer(self) -> str:
        """Our pid of the transfer. Raises NotFound."""
        transfer = await self.tools.exchange.transfer_for(self.dataset)
        if transfer is None:
            raise NotFound("no-transfer", "there is no transfer of this tranche", self.name)
        return transfer.pid
