"""Carrying out the acts of `acts.plan`: the node's own hand in its tranches, as provider and as recipient.

Whatever an act needs again after a crash (a one-time key, a wrapped key, a bearer token) is stored before anything
that rests on it is sent. Secrets lie in the node's database only, whose file is private to its owner.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from armslength.core.arrangement.bodies import Ack, Body, Commit, Key, Release
from armslength.core.process import Process
from armslength.core.record.keys import from_base64, to_base64
from armslength.core.transfer import DataAddress, Transfer
from armslength.delivery import download, sealing, wrapping
from armslength.delivery.chunks import Ciphertext, Complaint
from armslength.engine.actions import Action, TrancheFacts, plan
from armslength.engine.backoff import Backoff, cancelled
from armslength.engine.contents import PREFIX, Contents, Publication, Reception, blob, context, dataset_id
from armslength.engine.exchange import Exchange
from armslength.engine.heads import Fork, compare_heads, fork_evidence
from armslength.engine.jobs import Progress, aside
from armslength.engine.publishing import Publisher
from armslength.engine.repository import LiveArrangement, Repository
from armslength.engine.troubles import advice
from armslength.errors import ArmslengthError, Malformed, NotFound, Refused, Unavailable, Unverified, unusable
from armslength.ports import Fetcher, Peers, Store
from armslength.wire import binding
from armslength.wire.record import decode_leaf

HTTP: Final = "https://w3id.org/idsa/v4.1/HTTP"
LONGEST_S: Final = 300.0  # before an act that failed is tried again
_ENDED: Final = frozenset({"SETTLED", "DISPUTED", "FORFEITED"})
LOST: Final = "is not here: it must be newer than the copy from which this node was restored"
WHILE_RUNNING_S: Final = 60.0  # what runs says so when it ends
LOOK_S: Final = 5.0  # before an act is looked at again that came to nothing

T = TypeVar("T")
log = logging.getLogger(__name__)


class Hand:
    """Acts on tranches, one at a time for each."""

    def __init__(
        self, repository: Repository, exchange: Exchange, fetcher: Fetcher, peers: Peers, blobs: Path, address: str
    ) -> None:
        self._repository = repository
        self._store: Store = repository.store
        self._contents = Contents(repository.store, blobs)
        self.publisher = Publisher(repository, self._contents)
        self._exchange = exchange
        self._fetcher = fetcher
        self._peers = peers
        self._address = address
        self._closing = False
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._failed: dict[tuple[str, str, Action], Backoff] = {}
        self._refused: dict[tuple[str, str, Action], int] = {}  # statements: the sealed record's size then
        self._over: set[tuple[str, str]] = set()
        self._compared: dict[tuple[str, str], Fork | None] = {}  # by tranche: what the others' heads have shown
        self._accused: set[tuple[str, str]] = set()  # heads that we have put into evidence
        self._stands: dict[str, tuple[Transfer | None, bool, bool]] = {}  # by dataset, until it changes
        self._moves = 0
        self.progress: dict[tuple[str, str], tuple[int, int]] = {}  # bytes verified, bytes in all

    def is_busy(self, arrangement: str) -> bool:
        """Whether an act is under way in this arrangement, or a file is being sealed."""
        return self.publisher.is_busy(arrangement) or any(place[0] == arrangement for place in self._running)

    def close(self) -> None:
        """Hand out nothing more: the node is told to stop."""
        self._closing = True

    async def stop(self) -> None:
        """Break off what is under way: it is begun again from what is stored."""
        await cancelled(list(self._running.values()))
        await self.publisher.stop()

    def troubles(self, arrangement: str) -> dict[str, str]:
        """Why acts do not get through, by tranche."""
        return {t: f"{act}: {pause.reason}" for (a, t, act), pause in self._failed.items() if a == arrangement}

    # --- what the owner of the node asks ---------------------------------------------------------------------------

    async def received(self, live: LiveArrangement, tranche: str) -> Reception | None:
        """What we hold of a tranche as its recipient."""
        return await self._contents.receipt(live, tranche)

    def opened(self, receipt: Reception | None) -> Path | None:
        """Where the opened file lies."""
        return None if receipt is None or receipt.plain is None else self._contents.file(receipt.plain)

    async def transfers(self, live: LiveArrangement) -> dict[str, Transfer]:
        """Each tranche's transfer on the Dataspace Protocol, where there is one."""
        found = {
            name: await self._exchange.transfer_for(dataset_id(live.arrangement, name)) for name in live.terms.tranches
        }
        return {name: transfer for name, transfer in found.items() if transfer is not None}

    async def authorise(self, name: str, token: str) -> Ciphertext | None:
        """What a request for `/data/{name}` with this bearer token may read just now.

        The token is the one of the transfer's address, which lives from a start to the next suspension or end,
        whoever says so; and what the sealed record holds back is not handed out, whatever the transfer says.
        """
        arrangement, _, tranche = name.partition(".")
        transfer = await self._exchange.transfer_for(dataset_id(arrangement, tranche))
        address = transfer and transfer.ahead == "STARTED" and transfer.data_address
        known = address.authorization if address else None
        if self._closing or known is None or not hmac.compare_digest(known.encode(), token.encode()):
            return None
        live = await self._repository.open(arrangement)
        publication = await self._contents.publication(live, tranche)
        if publication is None or live.record.sealed.state.tranches[tranche].shown in {"WITHHELD", "FORFEITED"}:
            return None
        return Ciphertext(self._contents.file(publication.path), publication.cipher_root)

    # --- the plan --------------------------------------------------------------------------------------------------

    async def turn(self, live: LiveArrangement, now: int) -> list[tuple[str, Action, Body]]:
        """Begin every act that is open; returns the statements that are to be written, in order, with their tranches.

        What was refused waits until the record has grown: every refused entry makes the next one larger.
        """
        statements: list[tuple[str, Action, Body]] = []
        acts = await self.open_acts(live, now)
        for key in [key for key in self._failed if key[0] == live.arrangement and key[1:] not in acts]:
            self._went_well(live, *key[1:])  # or is not asked any more
        for tranche, act in acts:
            place = (live.arrangement, tranche)
            failed = self._failed.get((*place, act))
            if place in self._running or (failed and not failed.is_over):
                continue
            if act is Action.NEGOTIATE and not self._may_negotiate(live, tranche):
                continue
            if act in _STATEMENTS and self._refused.get((*place, act)) == live.record.sealed.size:
                continue
            if act in _STATEMENTS and (act is not Action.KEY or place in self._compared):
                statements += [(tranche, act, body) for body in await self._statement(live, tranche, act)]
            else:
                task = asyncio.create_task(self._carry_out(live, tranche, act, now))
                self._running[place] = task
                task.add_done_callback(lambda _, place=place: self._ended(place))  # type: ignore[misc]
        return statements

    def _may_negotiate(self, live: LiveArrangement, tranche: str) -> bool:
        provider = live.terms.actors[live.terms.tranches[tranche].provider].did or ""
        return self._exchange.may_negotiate(dataset_id(live.arrangement, tranche), provider)

    def refused(self, live: LiveArrangement, tranche: str, act: Action, reason: str) -> None:
        """A statement of ours is not valid: it waits for the next seal."""
        self._refused[live.arrangement, tranche, act] = live.record.sealed.size
        self._pause(live, tranche, act).tell(reason)

    async def open_acts(self, live: LiveArrangement, now: int) -> list[tuple[str, Action]]:
        """What the sealed record asks of us now."""
        facts = {name: await self._facts(live, name) for name in self._still_ours(live)}
        return plan(live.terms, live.record.sealed.state, live.record.me.actor, facts, now)

    def _still_ours(self, live: LiveArrangement) -> list[str]:
        """The tranches in which we have something to do still."""
        me = live.record.me.actor
        ours = [name for name, each in live.terms.tranches.items() if me in {each.provider, each.recipient}]
        return [name for name in ours if not self._is_over(live, name)]

    # --- when ------------------------------------------------------------------------------------------------------

    async def left(self, live: LiveArrangement, now: int) -> list[float]:
        """For how many seconds what is still to be done waits: none if nothing is, or only the record can move it."""
        found = [WHILE_RUNNING_S] if self.is_busy(live.arrangement) else []
        for tranche, act in await self.open_acts(live, now):
            place, failed = (live.arrangement, tranche), self._failed.get((live.arrangement, tranche, act))
            was_refused = act in _STATEMENTS and self._refused.get((*place, act)) == live.record.sealed.size
            if place not in self._running and not was_refused:
                found.append(failed.left if failed else LOOK_S)
        return found

    async def next_embargo(self, live: LiveArrangement, now: int) -> int | None:
        """When the next file that we hold back may be released."""
        found = [await self._contents.publication(live, tranche) for tranche in self._still_ours(live)]
        return min((each.release_after for each in found if each and each.release_after > now), default=None)

    def drop(self, arrangement: str) -> None:
        """Forget what is at hand about an arrangement in which nothing is to be done: all of it is stored."""
        prefix = dataset_id(arrangement, "")
        self._compared = {place: fork for place, fork in self._compared.items() if place[0] != arrangement}
        self.progress = {place: done for place, done in self.progress.items() if place[0] != arrangement}
        self._over = {place for place in self._over if place[0] != arrangement}
        self._stands = {name: stands for name, stands in self._stands.items() if not name.startswith(prefix)}

    def _ended(self, place: tuple[str, str]) -> None:
        self._running.pop(place, None)
        self._repository.on_change(place[0])

    async def _statement(self, live: LiveArrangement, tranche: str, act: Action) -> list[Body]:
        try:
            body = await _STATEMENTS[act](self, live, tranche)
            self._went_well(live, tranche, act)
        except Exception as error:  # noqa: BLE001  whatever a peer has sent us: the other acts go on
            self._note_failure(live, tranche, act, error)
            return []
        return [] if body is None else [body]

    async def _carry_out(self, live: LiveArrangement, tranche: str, act: Action, now: int) -> None:
        try:
            facts = {tranche: await self._facts(live, tranche)}  # the plan may have rested on older ones
            if (tranche, act) in plan(live.terms, live.record.sealed.state, live.record.me.actor, facts, 0):
                if act is Action.KEY:
                    await self._compare(live, tranche, now)
                else:
                    await _DEEDS[act](self, live, tranche)
            self._went_well(live, tranche, act)
        except Exception as error:  # noqa: BLE001  whatever a peer has sent us: tried again after a while
            self._note_failure(live, tranche, act, error)

    def _note_failure(self, live: LiveArrangement, tranche: str, act: Action, error: Exception) -> None:
        known = unusable(error, self._contents.folder) if isinstance(error, OSError) else error
        self._pause(live, tranche, act).fail(str(known), advice(known))
        unexpected = None if isinstance(known, ArmslengthError) else known
        log.warning("%s of %s: %s", act, tranche, known, exc_info=unexpected)

    def _pause(self, live: LiveArrangement, tranche: str, act: Action) -> Backoff:
        found = self._repository.troubles.at(*self._named(live, tranche, act), longest=LONGEST_S)
        self._failed[live.arrangement, tranche, act] = found
        return found

    def _went_well(self, live: LiveArrangement, tranche: str, act: Action) -> None:
        if self._failed.pop((live.arrangement, tranche, act), None) is not None:
            self._repository.troubles.over(*self._named(live, tranche, act))

    @staticmethod
    def _named(live: LiveArrangement, tranche: str, act: Action) -> tuple[str, str, str]:
        """An act as a trouble names it: what fails, at whom, in which arrangement."""
        with_provider = act in {Action.NEGOTIATE, Action.REQUEST, Action.DOWNLOAD}
        return f"{act} of {tranche}", live.terms.tranches[tranche].provider if with_provider else "", live.arrangement

    def _is_over(self, live: LiveArrangement, tranche: str) -> bool:
        return (live.arrangement, tranche) in self._over

    def exchange_changed(self, record: Process) -> None:
        """A negotiation or transfer has moved on: look again at where its dataset stands."""
        self._moves += 1
        self._stands.pop(record.dataset, None)
        self._repository.on_change(record.dataset.removeprefix(PREFIX).partition(":")[0])

    async def _standing(self, dataset: str) -> tuple[Transfer | None, bool, bool]:
        """The dataset's transfer, whether a negotiation runs or went well, and whether there is an agreement."""
        found = self._stands.get(dataset)
        if found is None:
            before = self._moves
            negotiation = await self._exchange.negotiation_for(dataset)
            found = (
                await self._exchange.transfer_for(dataset),
                negotiation is not None and negotiation.state != "TERMINATED",
                await self._exchange.agreement_for(dataset) is not None,
            )
            if self._moves == before:  # nothing has changed meanwhile
                self._stands[dataset] = found
        return found

    async def _facts(self, live: LiveArrangement, tranche: str) -> TrancheFacts:
        dataset = dataset_id(live.arrangement, tranche)
        transfer, negotiating, agreed = await self._standing(dataset)
        stage = live.record.sealed.state.tranches[tranche].stage
        if stage in _ENDED and transfer and transfer.state in {"COMPLETED", "TERMINATED"}:
            self._over.add((live.arrangement, tranche))
        publication = await self._contents.publication(live, tranche)
        if publication is None:
            self._tell_if_lost(live, tranche)
        receipt = await self._contents.receipt(live, tranche)
        said = {
            _act_of(each.entry.body) for each in await live.journal.pending() if _is_about(each.entry.body, tranche)
        }
        return TrancheFacts(
            published=publication is not None,
            release_after=publication.release_after if publication else 0,
            negotiating=negotiating,
            agreed=agreed,
            transfer=None if transfer is None else str(transfer.ahead),
            suspended_by=None if transfer is None else transfer.suspended_by,
            addressed=transfer is not None and transfer.data_address is not None,
            downloaded=receipt is not None and receipt.downloaded,
            opened=receipt is not None and receipt.outcome is not None,
            said=frozenset(act for act in said if act is not None),
        )

    def _tell_if_lost(self, live: LiveArrangement, tranche: str) -> None:
        """Tell that a file which the record says we committed to is not here."""
        there, mine = live.record.sealed.state.tranches[tranche], live.terms.tranches[tranche].provider
        what = f"the sealed file of {tranche}"
        if mine == live.record.me.actor and there.commit is not None and there.stage not in _ENDED:
            self._repository.troubles.at(what, "", live.arrangement).tell(f"it {LOST}, and cannot be given")
        else:
            self._repository.troubles.over(what, "", live.arrangement)

    # --- statements ------------------------------------------------------------------------------------------------

    async def stands(self, live: LiveArrangement, commit: Commit) -> bool:
        """Whether this is what we have published now; ask while `held.writing` is ours."""
        published = await self._contents.publication(live, commit.tranche)
        return published is not None and published.cipher_root == commit.cipher_root

    async def _commit(self, live: LiveArrangement, tranche: str) -> Body | None:
        publication = await self._contents.need_publication(live, tranche)
        agreement = await self._exchange.agreement_for(dataset_id(live.arrangement, tranche))
        if agreement is None:
            return None
        return Commit(
            tranche=tranche,
            agreement=agreement.id,
            media_type=publication.media_type,
            size=publication.size,
            plain_root=publication.plain_root,
            cipher_size=publication.cipher_size,
            cipher_root=publication.cipher_root,
            header=publication.header,
        )

    async def _release(self, live: LiveArrangement, tranche: str) -> Body | None:
        publication = await self._ours(live, tranche)
        if publication.wrapped is None:
            public = live.record.sealed.state.tranches[tranche].recipient_key
            if public is None:
                return None
            info = wrapping.info(live.arrangement, tranche, publication)
            key = from_base64(publication.key, "key")
            wrapped = wrapping.wrap(key, from_base64(public, "recipient's key"), info)
            publication = await self._contents.amend(
                live, tranche, lambda now: replace(now, wrapped=to_base64(wrapped))
            )
        raw = from_base64(publication.wrapped or "", "wrapped")
        return Release(tranche=tranche, wrapped=hashlib.sha256(raw).hexdigest())

    async def _key(self, live: LiveArrangement, tranche: str) -> Body | None:
        """The key leaves only once the other timekeepers' heads agree with ours (rule 6.3c)."""
        fork = self._compared.pop((live.arrangement, tranche))
        if fork is not None:
            evidence = await fork_evidence(live, fork, self._store)
            if evidence is None or (live.arrangement, evidence.second) in self._accused:
                raise Refused("fork", f"{fork.name} has cosigned another history; the key stays here", tranche)
            self._accused.add((live.arrangement, evidence.second))
            return evidence
        publication = await self._ours(live, tranche)
        wrapped, (_, release) = publication.wrapped or "", await self._found(live, Release, tranche)
        if hashlib.sha256(from_base64(wrapped, "wrapped")).hexdigest() != release.wrapped:
            raise Refused("key-lost", f"the wrapped key that was released {LOST}, and cannot be given", tranche)
        return Key(tranche=tranche, wrapped=wrapped)

    async def _ack_cipher(self, live: LiveArrangement, tranche: str) -> Body | None:  # rule 6.3a
        await self._check_agreement(live, tranche, await self._committed(live, tranche))
        receipt = await self._contents.need_receipt(live, tranche)
        if receipt.public is None:
            pair = wrapping.new_pair()
            receipt = replace(receipt, public=to_base64(pair.public), private=to_base64(pair.private))
            await self._contents.keep(live, tranche, receipt)
        return Ack(tranche=tranche, stage="cipher", key=receipt.public)

    async def _ack_plain(self, live: LiveArrangement, tranche: str) -> Body | None:
        receipt = await self._contents.need_receipt(live, tranche)
        if receipt.outcome == "ok":
            return Ack(tranche=tranche, stage="plain", ok=True)
        return Ack(tranche=tranche, stage="plain", ok=False, evidence=receipt.outcome)

    async def _compare(self, live: LiveArrangement, tranche: str, now: int) -> None:
        """Ask for the others' heads, before the key leaves; half of its time is for the silent."""
        released, _ = await self._found(live, Release, tranche)
        due = live.record.sealed.state.tranches[tranche].key_due or now
        is_late = now >= due - live.terms.tranches[tranche].key_by // 2
        fork = await compare_heads(live, self._peers, beyond=released, skip_silent=is_late)
        self._compared[live.arrangement, tranche] = fork

    # --- deeds -----------------------------------------------------------------------------------------------------

    async def _negotiate(self, live: LiveArrangement, tranche: str) -> None:
        provider = live.terms.actors[live.terms.tranches[tranche].provider]
        base = (provider.address or "") + binding.BASE
        await self._exchange.negotiate(provider.did or "", base, dataset_id(live.arrangement, tranche))

    async def _request(self, live: LiveArrangement, tranche: str) -> None:
        agreement = await self._exchange.agreement_for(dataset_id(live.arrangement, tranche))
        if agreement is not None:
            await self._exchange.request_transfer(agreement)

    async def _start(self, live: LiveArrangement, tranche: str) -> None:
        published = await self._contents.publication(live, tranche)
        file = self._contents.file(published.path if published else "none")
        if not await asyncio.to_thread(file.is_file):
            raise NotFound("no-file", "its sealed file is gone: put it back from a backup", str(file))
        address = DataAddress(
            endpoint_type=HTTP,
            endpoint=f"{self._address}/data/{live.arrangement}.{tranche}",
            authorization=secrets.token_urlsafe(32),
            auth_type="bearer",
        )
        await self._exchange.start(await self._transfer_pid(live, tranche), address)

    async def _suspend(self, live: LiveArrangement, tranche: str) -> None:
        reasons = live.record.sealed.state.tranches[tranche].withheld
        words = f"{tranche} is withheld: {', '.join(reasons)} (arrangement {live.record.sealed.state.shown})"
        await self._exchange.suspend(await self._transfer_pid(live, tranche), "withheld", words)

    async def _terminate(self, live: LiveArrangement, tranche: str) -> None:
        await self._exchange.terminate(await self._transfer_pid(live, tranche), f"{tranche} is forfeited", "forfeited")

    async def _complete(self, live: LiveArrangement, tranche: str) -> None:
        await self._exchange.complete(await self._transfer_pid(live, tranche))

    async def _download(self, live: LiveArrangement, tranche: str) -> None:
        commit = await self._committed(live, tranche)
        await self._check_agreement(live, tranche, commit)
        transfer = await self._exchange.transfer_for(dataset_id(live.arrangement, tranche))
        if transfer is None or transfer.data_address is None:
            raise Unavailable("no-address", "the transfer has no address yet", tranche)
        endpoint, bearer = transfer.data_address.endpoint, transfer.data_address.authorization
        if endpoint is None or bearer is None:
            raise Malformed("no-address", "the transfer's address lacks an endpoint or a token", tranche)
        name = blob(live, tranche, "received")
        target = self._contents.file(name)
        place = (live.arrangement, tranche)

        def told(done: int, total: int) -> None:
            self.progress[place] = (done, total)

        await download.download(self._fetcher, endpoint, bearer, target, commit, told)
        self.progress[place] = (commit.cipher_size, commit.cipher_size)
        before = await self._contents.receipt(live, tranche) or Reception(cipher=name)
        await self._contents.keep(live, tranche, replace(before, cipher=name, downloaded=True))

    async def _open(self, live: LiveArrangement, tranche: str) -> None:
        """Unwrap the key and open the file; whatever contradicts the provider's own statements is a complaint."""
        receipt = await self._contents.receipt(live, tranche) or Reception(cipher="")
        commit, key = await self._committed(live, tranche), await self._find(live, Key, tranche)
        cipher = self._contents.file(receipt.cipher)
        target = cipher.with_suffix(".plain")
        info = wrapping.info(live.arrangement, tranche, commit)
        if receipt.public is None or receipt.public != live.record.sealed.state.tranches[tranche].recipient_key:
            raise Refused(
                "key-lost", f"our one-time key {LOST}; without it the file cannot be opened: ask for it again", tranche
            )
        private = from_base64(receipt.private or "", "private key")
        try:
            file_key = wrapping.unwrap(from_base64(key.wrapped, "wrapped"), private, info)
            bound = context(live, tranche)
            await aside(
                lambda tell: sealing.unseal(cipher, target, file_key, bound, commit, tell=tell), Progress(commit.size)
            )
            receipt = replace(receipt, plain=target.name, outcome="ok")
        except Complaint as complaint:
            receipt = replace(receipt, outcome=complaint.hash, complaint=complaint.evidence.decode())
        except Unverified:  # what lies here is not what arrived: fetch it again
            receipt = replace(receipt, downloaded=False)
        await self._contents.keep(live, tranche, receipt)

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _ours(self, live: LiveArrangement, tranche: str) -> Publication:
        """Our sealed file, if it is the one that we committed to. Raises NotFound or Refused."""
        publication = await self._contents.need_publication(live, tranche)
        if publication.cipher_root != (await self._committed(live, tranche)).cipher_root:
            raise Refused("file-lost", f"the sealed file that was committed to {LOST}", tranche)
        return publication

    async def _committed(self, live: LiveArrangement, tranche: str) -> Commit:
        """The body of the tranche's commit entry, from the record."""
        return await self._find(live, Commit, tranche)

    async def _check_agreement(self, live: LiveArrangement, tranche: str, commit: Commit) -> None:
        """Raise Refused unless the commit names an agreement finalised for this tranche (rule 10.7a)."""
        if not await self._exchange.is_agreed(dataset_id(live.arrangement, tranche), commit.agreement):
            reason = f"its commit names {commit.agreement}, which is no agreement on it that was finalised with us"
            raise Refused("no-agreement", f"{reason}: the ciphertext is not acknowledged", tranche)

    async def _find(self, live: LiveArrangement, kind: type[T], tranche: str) -> T:
        """The last statement of this kind about the tranche in the sealed record. Raises NotFound."""
        return (await self._found(live, kind, tranche))[1]

    async def _found(self, live: LiveArrangement, kind: type[T], tranche: str) -> tuple[int, T]:
        """That statement with its index."""
        stop = live.record.sealed.size
        while stop > 0:
            start = max(0, stop - 500)
            leaves = await self._store.leaves(live.arrangement, start, stop)
            for index, data in reversed(list(enumerate(leaves, start))):
                body = decode_leaf(data).entry.body if f'"tranche":"{tranche}"'.encode() in data else None
                if isinstance(body, kind):
                    return index, body
            stop = start
        raise NotFound("not-in-record", f"the record holds no {kind.__name__.lower()} of {tranche}", tranche)

    async def _transfer_pid(self, live: LiveArrangement, tranche: str) -> str:
        transfer = await self._exchange.transfer_for(dataset_id(live.arrangement, tranche))
        if transfer is None:
            raise NotFound("no-transfer", "there is no transfer of this tranche", tranche)
        return transfer.pid


_STATEMENTS = {
    Action.COMMIT: Hand._commit,
    Action.RELEASE: Hand._release,
    Action.KEY: Hand._key,
    Action.ACK_CIPHER: Hand._ack_cipher,
    Action.ACK_PLAIN: Hand._ack_plain,
}
_DEEDS = {
    Action.NEGOTIATE: Hand._negotiate,
    Action.REQUEST: Hand._request,
    Action.START: Hand._start,
    Action.SUSPEND: Hand._suspend,
    Action.TERMINATE: Hand._terminate,
    Action.COMPLETE: Hand._complete,
    Action.DOWNLOAD: Hand._download,
    Action.OPEN: Hand._open,
}


def _is_about(body: Body, tranche: str) -> bool:
    return getattr(body, "tranche", None) == tranche


def _act_of(body: Body) -> Action | None:
    """Which act has written this statement."""
    if isinstance(body, Ack):
        return Action.ACK_CIPHER if body.stage == "cipher" else Action.ACK_PLAIN
    return {Commit: Action.COMMIT, Release: Action.RELEASE, Key: Action.KEY}.get(type(body))
