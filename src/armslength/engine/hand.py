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
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from armslength.core.arrangement.bodies import Ack, Body, Commit, Key, Release
from armslength.core.arrangement.terms import Tranche
from armslength.core.canonical import canonical
from armslength.core.process import Record
from armslength.core.record.keys import from_base64, to_base64
from armslength.core.transfer import DataAddress, Transfer
from armslength.delivery import download, sealing, wrapping
from armslength.delivery.chunks import Ciphertext, Complaint
from armslength.engine.acts import Act, Facts, plan
from armslength.engine.exchange import Exchange
from armslength.engine.heads import Fork, compare_heads, fork_evidence
from armslength.engine.patience import Pause, cancelled
from armslength.engine.shelf import Open, Shelf
from armslength.engine.troubles import advice
from armslength.errors import ArmslengthError, Malformed, Misuse, NotFound, Refused, Unavailable, Unverified
from armslength.ports import Batch, Fetcher, Peers, Put, Store
from armslength.wire import binding
from armslength.wire.record import decode_leaf
from armslength.wire.strict import convert, parse

PUBLICATION, RECEIPT = "publication", "receipt"
PREFIX: Final = "urn:armslength:"  # of our datasets' ids
HTTP: Final = "https://w3id.org/idsa/v4.1/HTTP"
LONGEST_S: Final = 300.0  # before an act that failed is tried again

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A provider's sealed file for a tranche, its key, and what else must survive a crash."""

    path: str
    media_type: str
    key: str = field(repr=False)  # base64
    size: int
    plain_root: str
    cipher_size: int
    cipher_root: str
    header: str
    release_after: int = 0
    bearer: str | None = field(default=None, repr=False)  # what opens the ciphertext while the transfer is STARTED
    wrapped: str | None = None  # base64


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a recipient holds of a tranche. outcome: None, "ok", or the hash of the evidence of a complaint."""

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


class Hand:
    """Acts on tranches, one at a time for each."""

    def __init__(
        self, shelf: Shelf, exchange: Exchange, fetcher: Fetcher, peers: Peers, blobs: Path, address: str
    ) -> None:
        self._shelf = shelf
        self._store: Store = shelf.store
        self._exchange = exchange
        self._fetcher = fetcher
        self._peers = peers
        self._blobs = blobs
        self._address = address
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._failed: dict[tuple[str, str, Act], Pause] = {}
        self._refused: dict[tuple[str, str, Act], int] = {}  # statements: the sealed record's size then
        self._over: set[tuple[str, str]] = set()
        self._compared: dict[tuple[str, str], Fork | None] = {}  # by tranche: what the others' heads have shown
        self._accused: set[tuple[str, str]] = set()  # heads that we have put into evidence
        self._stands: dict[str, tuple[Transfer | None, bool, bool]] = {}  # by dataset, until it changes
        self._moves = 0
        self.progress: dict[tuple[str, str], tuple[int, int]] = {}  # bytes verified, bytes in all

    def is_busy(self, arrangement: str) -> bool:
        """Whether an act is under way in this arrangement."""
        return any(place[0] == arrangement for place in self._running)

    async def stop(self) -> None:
        """Break off what is under way: it is begun again from what is stored."""
        await cancelled(list(self._running.values()))

    def troubles(self, arrangement: str) -> dict[str, str]:
        """Why acts do not get through, by tranche."""
        return {t: f"{act}: {pause.reason}" for (a, t, act), pause in self._failed.items() if a == arrangement}

    # --- what the owner of the node asks ---------------------------------------------------------------------------

    async def publish(self, held: Open, tranche: str, file: Path, media_type: str, release_after: int) -> Publication:
        """Seal a file for a tranche of ours. Raises Misuse, and leaves nothing behind, where that makes no sense.

        Of a file that is committed to and not released yet, the very same bytes may be given again: that changes our
        embargo alone.
        """
        terms = held.terms.tranches.get(tranche)
        if terms is None or terms.provider != held.book.me.actor:
            raise Misuse("not-provider", f"{tranche} is not a tranche that we provide", tranche)
        there = held.book.view.state.tranches[tranche]
        if there.stage == "FORFEITED":
            raise Misuse("forfeited", "it is forfeited: nothing can be delivered any more", tranche)
        if release_after >= held.terms.end:
            raise Misuse(
                "too-late", "the key would not leave before the end of the term: it could only be late", tranche
            )
        if there.commit is not None:
            return await self._embargo(held, tranche, file, release_after)
        if media_type not in terms.media_types:
            raise Misuse("media-type", f"{media_type} is not among {', '.join(terms.media_types)}", tranche)
        target = self._blob(held, tranche, f"{secrets.token_hex(4)}.sealed")  # never over a file that is committed to
        sealed = await asyncio.to_thread(_seal, file, target, self._context(held, terms, tranche), terms.max_size)
        publication = Publication(
            path=str(target),
            media_type=media_type,
            key=to_base64(sealed.key),
            size=sealed.size,
            plain_root=sealed.plain_root,
            cipher_size=sealed.cipher_size,
            cipher_root=sealed.cipher_root,
            header=sealed.header,
            release_after=release_after,
        )
        await self._put(PUBLICATION, held, tranche, publication)
        return publication

    async def _embargo(self, held: Open, tranche: str, file: Path, release_after: int) -> Publication:
        """Change the embargo of what is committed to. Raises Misuse for another file, or if its release is written."""
        publication = await self._need(PUBLICATION, held, tranche, Publication)
        key = from_base64(publication.key, "key")
        if await asyncio.to_thread(_plain_root, file, key, publication.size) != publication.plain_root:
            raise Misuse("committed", "its content is committed to already and cannot change", tranche)

        def later(publication: Publication) -> Publication:
            if publication.wrapped is not None:
                raise Misuse("released", "it is released already: nothing holds it back any more", tranche)
            return replace(publication, release_after=release_after)

        return await self._amend(held, tranche, later)

    async def received(self, held: Open, tranche: str) -> Receipt | None:
        """What we hold of a tranche as its recipient."""
        return await self._get(RECEIPT, held, tranche, Receipt)

    async def transfers(self, held: Open) -> dict[str, str]:
        """The state of each tranche's transfer on the Dataspace Protocol, where there is one."""
        found = {
            name: await self._exchange.transfer_for(dataset_id(held.arrangement, name)) for name in held.terms.tranches
        }
        return {name: str(transfer.state) for name, transfer in found.items() if transfer is not None}

    async def authorise(self, name: str, token: str) -> Ciphertext | None:
        """What a request for `/data/{name}` with this bearer token may read."""
        row = await self._store.get(PUBLICATION, name.replace(".", "/", 1))
        if row is None:
            return None
        publication = convert(Publication, parse(row.body))
        if publication.bearer is None or not hmac.compare_digest(publication.bearer.encode(), token.encode()):
            return None
        return Ciphertext(Path(publication.path), publication.cipher_root)

    # --- the plan --------------------------------------------------------------------------------------------------

    async def turn(self, held: Open, now: int) -> list[tuple[str, Act, Body]]:
        """Begin every act that is open; returns the statements that are to be written, in order, with their tranches.

        What was refused waits until the record has grown: every refused entry makes the next one larger.
        """
        statements: list[tuple[str, Act, Body]] = []
        acts = await self.open_acts(held, now)
        for key in [key for key in self._failed if key[0] == held.arrangement and key[1:] not in acts]:
            self._went_well(held, *key[1:])  # or is not asked any more
        for tranche, act in acts:
            place = (held.arrangement, tranche)
            failed = self._failed.get((*place, act))
            if place in self._running or (failed and not failed.is_over):
                continue
            if act in _STATEMENTS and self._refused.get((*place, act)) == held.book.sealed.size:
                continue
            if act in _STATEMENTS and (act is not Act.KEY or place in self._compared):
                statements += [(tranche, act, body) for body in await self._statement(held, tranche, act)]
            else:
                task = asyncio.create_task(self._carry_out(held, tranche, act, now))
                self._running[place] = task
                task.add_done_callback(lambda _, place=place: self._ended(place))  # type: ignore[misc]
        return statements

    def refused(self, held: Open, tranche: str, act: Act, reason: str) -> None:
        """A statement of ours is not valid: it waits for the next seal."""
        self._refused[held.arrangement, tranche, act] = held.book.sealed.size
        self._pause(held, tranche, act).tell(reason)

    async def open_acts(self, held: Open, now: int) -> list[tuple[str, Act]]:
        """What the sealed record asks of us now."""
        facts = {name: await self._facts(held, name) for name in held.terms.tranches if not self._is_over(held, name)}
        return plan(held.terms, held.book.sealed.state, held.book.me.actor, facts, now)

    def _ended(self, place: tuple[str, str]) -> None:
        self._running.pop(place, None)
        self._shelf.on_change(place[0])

    async def _statement(self, held: Open, tranche: str, act: Act) -> list[Body]:
        try:
            body = await _STATEMENTS[act](self, held, tranche)
            self._went_well(held, tranche, act)
        except Exception as error:  # noqa: BLE001  whatever a peer has sent us: the other acts go on
            self._note_failure(held, tranche, act, error)
            return []
        return [] if body is None else [body]

    async def _carry_out(self, held: Open, tranche: str, act: Act, now: int) -> None:
        try:
            facts = {tranche: await self._facts(held, tranche)}  # the plan may have rested on older ones
            if (tranche, act) in plan(held.terms, held.book.sealed.state, held.book.me.actor, facts, 0):
                if act is Act.KEY:
                    await self._compare(held, tranche, now)
                else:
                    await _DEEDS[act](self, held, tranche)
            self._went_well(held, tranche, act)
        except Exception as error:  # noqa: BLE001  whatever a peer has sent us: tried again after a while
            self._note_failure(held, tranche, act, error)

    def _note_failure(self, held: Open, tranche: str, act: Act, error: Exception) -> None:
        self._pause(held, tranche, act).fail(str(error), advice(error))
        unexpected = None if isinstance(error, ArmslengthError | OSError) else error
        log.warning("%s of %s: %s", act, tranche, error, exc_info=unexpected)

    def _pause(self, held: Open, tranche: str, act: Act) -> Pause:
        found = self._shelf.troubles.at(*self._named(held, tranche, act), longest=LONGEST_S)
        self._failed[held.arrangement, tranche, act] = found
        return found

    def _went_well(self, held: Open, tranche: str, act: Act) -> None:
        if self._failed.pop((held.arrangement, tranche, act), None) is not None:
            self._shelf.troubles.over(*self._named(held, tranche, act))

    @staticmethod
    def _named(held: Open, tranche: str, act: Act) -> tuple[str, str, str]:
        """An act as a trouble names it: what fails, at whom, in which arrangement."""
        with_provider = act in {Act.NEGOTIATE, Act.REQUEST, Act.DOWNLOAD}
        return f"{act} of {tranche}", held.terms.tranches[tranche].provider if with_provider else "", held.arrangement

    def _is_over(self, held: Open, tranche: str) -> bool:
        return (held.arrangement, tranche) in self._over

    def exchange_changed(self, record: Record) -> None:
        """A negotiation or transfer has moved on: look again at where its dataset stands."""
        self._moves += 1
        self._stands.pop(record.dataset, None)
        self._shelf.on_change(record.dataset.removeprefix(PREFIX).partition(":")[0])

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

    async def _facts(self, held: Open, tranche: str) -> Facts:
        dataset = dataset_id(held.arrangement, tranche)
        transfer, negotiating, agreed = await self._standing(dataset)
        stage = held.book.sealed.state.tranches[tranche].stage
        if (
            stage in {"SETTLED", "COMPLAINED", "FORFEITED"}
            and transfer
            and transfer.state in {"COMPLETED", "TERMINATED"}
        ):
            self._over.add((held.arrangement, tranche))
        publication = await self._get(PUBLICATION, held, tranche, Publication)
        receipt = await self._get(RECEIPT, held, tranche, Receipt)
        said = {_act_of(each.entry.body) for each in await held.author.pending() if _is_about(each.entry.body, tranche)}
        return Facts(
            published=publication is not None,
            release_after=publication.release_after if publication else 0,
            negotiating=negotiating,
            agreed=agreed,
            transfer=None if transfer is None else str(transfer.ahead),
            downloaded=receipt is not None and receipt.downloaded,
            opened=receipt is not None and receipt.outcome is not None,
            said=frozenset(act for act in said if act is not None),
        )

    # --- statements ------------------------------------------------------------------------------------------------

    async def _commit(self, held: Open, tranche: str) -> Body | None:
        publication = await self._need(PUBLICATION, held, tranche, Publication)
        agreement = await self._exchange.agreement_for(dataset_id(held.arrangement, tranche))
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

    async def _release(self, held: Open, tranche: str) -> Body | None:
        publication = await self._need(PUBLICATION, held, tranche, Publication)
        if publication.wrapped is None:
            public = held.book.sealed.state.tranches[tranche].recipient_key
            if public is None:
                return None
            info = wrapping.info(held.arrangement, tranche, publication)
            key = from_base64(publication.key, "key")
            wrapped = wrapping.wrap(key, from_base64(public, "recipient's key"), info)
            publication = await self._amend(held, tranche, lambda now: replace(now, wrapped=to_base64(wrapped)))
        raw = from_base64(publication.wrapped or "", "wrapped")
        return Release(tranche=tranche, wrapped=hashlib.sha256(raw).hexdigest())

    async def _key(self, held: Open, tranche: str) -> Body | None:
        """The key leaves only once the other timekeepers' heads agree with ours (engine rule 6.3 c)."""
        fork = self._compared.pop((held.arrangement, tranche))
        if fork is not None:
            evidence = await fork_evidence(held, fork, self._store)
            if evidence is None or (held.arrangement, evidence.second) in self._accused:
                raise Refused("fork", f"{fork.name} has cosigned another history; the key stays here", tranche)
            self._accused.add((held.arrangement, evidence.second))
            return evidence
        publication = await self._need(PUBLICATION, held, tranche, Publication)
        return Key(tranche=tranche, wrapped=publication.wrapped or "")

    async def _ack_cipher(self, held: Open, tranche: str) -> Body | None:
        receipt = await self._need(RECEIPT, held, tranche, Receipt)
        if receipt.public is None:
            pair = wrapping.new_pair()
            receipt = replace(receipt, public=to_base64(pair.public), private=to_base64(pair.private))
            await self._put(RECEIPT, held, tranche, receipt)
        return Ack(tranche=tranche, stage="cipher", key=receipt.public)

    async def _ack_plain(self, held: Open, tranche: str) -> Body | None:
        receipt = await self._need(RECEIPT, held, tranche, Receipt)
        if receipt.outcome == "ok":
            return Ack(tranche=tranche, stage="plain", ok=True)
        return Ack(tranche=tranche, stage="plain", ok=False, evidence=receipt.outcome)

    async def _compare(self, held: Open, tranche: str, now: int) -> None:
        """Ask for the others' heads, before the key leaves; half of its time is for the silent."""
        released, _ = await self._found(held, Release, tranche)
        due = held.book.sealed.state.tranches[tranche].key_due or now
        is_late = now >= due - held.terms.tranches[tranche].key_by // 2
        fork = await compare_heads(held, self._peers, beyond=released, skip_silent=is_late)
        self._compared[held.arrangement, tranche] = fork

    # --- deeds -----------------------------------------------------------------------------------------------------

    async def _negotiate(self, held: Open, tranche: str) -> None:
        provider = held.terms.actors[held.terms.tranches[tranche].provider]
        base = (provider.address or "") + binding.BASE
        await self._exchange.negotiate(provider.did or "", base, dataset_id(held.arrangement, tranche))

    async def _request(self, held: Open, tranche: str) -> None:
        agreement = await self._exchange.agreement_for(dataset_id(held.arrangement, tranche))
        if agreement is not None:
            await self._exchange.request_transfer(agreement)

    async def _start(self, held: Open, tranche: str) -> None:
        bearer = secrets.token_urlsafe(32)
        publication = await self._amend(held, tranche, lambda now: replace(now, bearer=bearer))
        address = DataAddress(
            endpoint_type=HTTP,
            endpoint=f"{self._address}/data/{held.arrangement}.{tranche}",
            authorization=publication.bearer,
            auth_type="bearer",
        )
        await self._exchange.start(await self._transfer_pid(held, tranche), address)

    async def _suspend(self, held: Open, tranche: str) -> None:
        await self._let_bearer_die(held, tranche)
        reasons = held.book.sealed.state.tranches[tranche].withheld
        words = f"{tranche} is withheld: {', '.join(reasons)} (arrangement {held.book.sealed.state.shown})"
        await self._exchange.suspend(await self._transfer_pid(held, tranche), "withheld", words)

    async def _terminate(self, held: Open, tranche: str) -> None:
        await self._let_bearer_die(held, tranche)
        await self._exchange.terminate(await self._transfer_pid(held, tranche), f"{tranche} is forfeited", "forfeited")

    async def _complete(self, held: Open, tranche: str) -> None:
        await self._exchange.complete(await self._transfer_pid(held, tranche))

    async def _download(self, held: Open, tranche: str) -> None:
        commit = await self._committed(held, tranche)
        transfer = await self._exchange.transfer_for(dataset_id(held.arrangement, tranche))
        if transfer is None or transfer.data_address is None:
            raise Unavailable("no-address", "the transfer has no address yet", tranche)
        endpoint, bearer = transfer.data_address.endpoint, transfer.data_address.authorization
        if endpoint is None or bearer is None:
            raise Malformed("no-address", "the transfer's address lacks an endpoint or a token", tranche)
        target = self._blob(held, tranche, "received")
        place = (held.arrangement, tranche)

        def told(done: int, total: int) -> None:
            self.progress[place] = (done, total)

        await download.download(self._fetcher, endpoint, bearer, target, commit, told)
        self.progress[place] = (commit.cipher_size, commit.cipher_size)
        before = await self._get(RECEIPT, held, tranche, Receipt) or Receipt(cipher=str(target))
        await self._put(RECEIPT, held, tranche, replace(before, cipher=str(target), downloaded=True))

    async def _open(self, held: Open, tranche: str) -> None:
        """Unwrap the key and open the file; whatever contradicts the provider's own statements is a complaint."""
        receipt = await self._need(RECEIPT, held, tranche, Receipt)
        commit, key = await self._committed(held, tranche), await self._find(held, Key, tranche)
        target = Path(receipt.cipher).with_suffix(".plain")
        info = wrapping.info(held.arrangement, tranche, commit)
        context = self._context(held, held.terms.tranches[tranche], tranche)
        private = from_base64(receipt.private or "", "private key")
        try:
            file_key = wrapping.unwrap(from_base64(key.wrapped, "wrapped"), private, info)
            await asyncio.to_thread(sealing.unseal, Path(receipt.cipher), target, file_key, context, commit)
            receipt = replace(receipt, plain=str(target), outcome="ok")
        except Complaint as complaint:
            receipt = replace(receipt, outcome=complaint.hash, complaint=complaint.evidence.decode())
        except Unverified:  # what lies here is not what arrived: fetch it again
            receipt = replace(receipt, downloaded=False)
        await self._put(RECEIPT, held, tranche, receipt)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _blob(self, held: Open, tranche: str, kind: str) -> Path:
        return self._blobs / f"{held.arrangement[:16]}.{tranche}.{kind}"

    @staticmethod
    def _context(held: Open, terms: Tranche, tranche: str) -> bytes:
        return sealing.context(held.arrangement, tranche, terms.provider, terms.recipient)

    async def _committed(self, held: Open, tranche: str) -> Commit:
        """The body of the tranche's commit entry, from the record."""
        return await self._find(held, Commit, tranche)

    async def _find(self, held: Open, kind: type[T], tranche: str) -> T:
        """The last statement of this kind about the tranche in the sealed record. Raises NotFound."""
        return (await self._found(held, kind, tranche))[1]

    async def _found(self, held: Open, kind: type[T], tranche: str) -> tuple[int, T]:
        """That statement with its index."""
        stop = held.book.sealed.size
        while stop > 0:
            start = max(0, stop - 500)
            leaves = await self._store.leaves(held.arrangement, start, stop)
            for index, data in reversed(list(enumerate(leaves, start))):
                body = decode_leaf(data).entry.body if f'"tranche":"{tranche}"'.encode() in data else None
                if isinstance(body, kind):
                    return index, body
            stop = start
        raise NotFound("not-in-record", f"the record holds no {kind.__name__.lower()} of {tranche}", tranche)

    async def _transfer_pid(self, held: Open, tranche: str) -> str:
        transfer = await self._exchange.transfer_for(dataset_id(held.arrangement, tranche))
        if transfer is None:
            raise NotFound("no-transfer", "there is no transfer of this tranche", tranche)
        return transfer.pid

    async def _let_bearer_die(self, held: Open, tranche: str) -> None:
        publication = await self._get(PUBLICATION, held, tranche, Publication)
        if publication is not None and publication.bearer is not None:
            await self._amend(held, tranche, lambda now: replace(now, bearer=None))

    async def _get(self, kind: str, held: Open, tranche: str, shape: type[T]) -> T | None:
        row = await self._store.get(kind, f"{held.arrangement}/{tranche}")
        return None if row is None else convert(shape, parse(row.body))

    async def _need(self, kind: str, held: Open, tranche: str, shape: type[T]) -> T:
        found = await self._get(kind, held, tranche, shape)
        if found is None:
            raise NotFound(f"no-{kind}", f"there is no {kind} of {tranche} here", tranche)
        return found

    async def _amend(self, held: Open, tranche: str, change: Callable[[Publication], Publication]) -> Publication:
        """Change our publication as it is by now: what the owner asks loses nothing that an act has stored meanwhile,
        nor the other way round."""
        while True:
            row = await self._store.get(PUBLICATION, f"{held.arrangement}/{tranche}")
            if row is None:
                raise NotFound("no-publication", f"there is no publication of {tranche} here", tranche)
            changed = change(convert(Publication, parse(row.body)))
            put = Put(PUBLICATION, row.key, row.version, canonical(changed), held.arrangement)
            if await self._store.commit(Batch(puts=[put])):
                return changed

    async def _put(self, kind: str, held: Open, tranche: str, value: object) -> None:
        key = f"{held.arrangement}/{tranche}"
        row = await self._store.get(kind, key)
        put = Put(kind, key, row.version if row else 0, canonical(value), held.arrangement)
        if not await self._store.commit(Batch(puts=[put])):
            raise Unavailable("busy", "changed by somebody else meanwhile; try again", tranche)


_STATEMENTS = {
    Act.COMMIT: Hand._commit,
    Act.RELEASE: Hand._release,
    Act.KEY: Hand._key,
    Act.ACK_CIPHER: Hand._ack_cipher,
    Act.ACK_PLAIN: Hand._ack_plain,
}
_DEEDS = {
    Act.NEGOTIATE: Hand._negotiate,
    Act.REQUEST: Hand._request,
    Act.START: Hand._start,
    Act.SUSPEND: Hand._suspend,
    Act.TERMINATE: Hand._terminate,
    Act.COMPLETE: Hand._complete,
    Act.DOWNLOAD: Hand._download,
    Act.OPEN: Hand._open,
}


def _seal(file: Path, target: Path, context: bytes, largest: int) -> sealing.Sealed:
    size = _size(file)
    if size > largest:
        raise Misuse("too-large", f"{size} bytes, the terms allow {largest}", str(file))
    return sealing.seal(file, target, context)


def _plain_root(file: Path, key: bytes, size: int) -> str | None:
    """The plaintext root of a file under the key that it was sealed with; None if it has not even that size."""
    return sealing.plain_root(file, key) if _size(file) == size else None


def _size(file: Path) -> int:
    if file.is_dir():
        raise Misuse("no-file", "is a directory", str(file))
    if not file.is_file():
        raise Misuse("no-file", "no such file", str(file))
    return file.stat().st_size


def _is_about(body: Body, tranche: str) -> bool:
    return getattr(body, "tranche", None) == tranche


def _act_of(body: Body) -> Act | None:
    """Which act has written this statement."""
    if isinstance(body, Ack):
        return Act.ACK_CIPHER if body.stage == "cipher" else Act.ACK_PLAIN
    return {Commit: Act.COMMIT, Release: Act.RELEASE, Key: Act.KEY}.get(type(body))
