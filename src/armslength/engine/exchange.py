"""The Dataspace Protocol's use case: negotiations and transfers, from either side, through one door.

What this node does automatically, since an arrangement has already been signed:

- as provider it agrees at once to its own thin offer and to nothing else, and finalises what is verified;
- as consumer it verifies an agreement that equals the offer it asked for, and ends a negotiation that brings another;
- transfers wait in REQUESTED until somebody calls `start`: when that may be is the arrangement's business.

A provider's ids are functions of who asks under which id, so that asking again finds the same process.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.negotiation import Negotiation
from armslength.core.policy import FORMAT, Agreement, Offer
from armslength.core.process import Message, Process, Role, queue, step
from armslength.core.transfer import DataAddress, Transfer
from armslength.engine.backoff import Backoff
from armslength.engine.census import Census
from armslength.engine.contents import PREFIX, arrangement_of
from armslength.engine.processes import KINDS, ProcessChange, Processes, process_of
from armslength.engine.reactions import (
    accept_transfer,
    agree,
    answered,
    ask_agreement,
    ask_transfer,
    check_offer,
    ids,
    of_caller,
    offer_of,
    reaction,
)
from armslength.engine.troubles import Troubles
from armslength.errors import Malformed, NotFound, Refused
from armslength.ports import Batch, Dataset, Datasets, Put, Send, Store
from armslength.wire import dsp
from armslength.wire.place import is_below

AGREEMENT: Final = "agreement"  # kind of the provider's index: agreement id -> pid of its negotiation
LONGEST_S: Final = 300.0  # before what came to nothing is asked again
ASKED: Final = "asked"  # kind of the consumer's index: what was asked for last -> pid

ADVICE: Final = "ask its operator what is in the way; it is asked again, less and less often"
WENT_WELL: Final = (cn.NegotiationState.FINALIZED, tp.TransferState.STARTED, tp.TransferState.COMPLETED)

R = TypeVar("R", Negotiation, Transfer)
Begin = Callable[[str], ProcessChange]


def _silent() -> None:
    return None


async def freely(_: str) -> None:
    """Speak at once."""


def _deaf(_: Process) -> None:
    return None


class Exchange:
    """Negotiations and transfers of one node. `base` is its own DSP base URL, where peers call back."""

    def __init__(
        self,
        store: Store,
        me: str,
        base: str,
        datasets: Datasets,
        clock: Callable[[], float],
        *,
        wake: Callable[[], None] = _silent,
        changed: Callable[[Process], None] = _deaf,
        troubles: Troubles | None = None,
    ) -> None:
        self._store = store
        self._me = me
        self.base = base.rstrip("/")
        self._datasets = datasets
        self._clock = clock
        self._changed = changed
        self._troubles = troubles or Troubles()
        self._processes = Processes(store, wake, self._update)
        self.speak_to: Callable[[str], Awaitable[None]] = freely  # raises while we were restored and are silent
        self._census = Census(self._processes)

    @property
    def me(self) -> str:
        """Our DID."""
        return self._me

    # -- what peers ask ---------------------------------------------------------------------------------------------

    async def receive(self, caller: str, message: Message, pid: str | None = None) -> Negotiation | Transfer:
        """Take in a message of `caller`; the record is the answer. `pid` is ours, from the path, unless it opens.

        Raises NotFound where there is no such process or not one of this caller, Refused where it is not possible.
        Then nothing has changed.
        """
        await self.speak_to(caller)
        if pid is None:
            if isinstance(message, cn.ContractRequest):
                return await self._negotiation_requested(caller, message)
            if isinstance(message, tp.TransferRequest):
                return await self._transfer_requested(caller, message)
            raise Refused("provider-initiated", "only the consumer can start a negotiation here", "@type")
        if isinstance(message, cn.MESSAGES):
            return await self._negotiation_told(caller, message, pid)
        return await self._transfer_told(caller, message, pid)

    async def negotiation(self, caller: str, pid: str) -> Negotiation:
        """A negotiation, for its peer only. Raises NotFound."""
        return of_caller((await self._processes.load(Negotiation, pid))[0], caller)

    async def transfer(self, caller: str, pid: str) -> Transfer:
        """A transfer, for its peer only. Raises NotFound."""
        return of_caller((await self._processes.load(Transfer, pid))[0], caller)

    async def about(self, what: Message | str) -> str:
        """The arrangement that decides who its sender is: the one of the dataset that a message which opens a process
        asks for, or that a process of ours (its pid) is about. "" where there is none."""
        if isinstance(what, cn.ContractRequest):
            return arrangement_of(what.offer.target or "")
        pid = what if isinstance(what, str) else ""
        if isinstance(what, tp.TransferRequest):
            row = await self._store.get(AGREEMENT, what.agreement)
            pid = "" if row is None else row.body.decode()
        for kind in KINDS:
            record = await self._processes.find(kind, pid)
            if record is not None:
                return arrangement_of(record.dataset)
        return ""

    async def offered(self, caller: str) -> list[tuple[Dataset, Offer]]:
        """What we offer to `caller`: each dataset and its offer."""
        found = await self._datasets.offered_to(caller)
        mine = (item for item in found if item.provider_did == self._me and item.recipient_did == caller)
        return [(item, offer_of(item)) for item in mine]

    async def offered_dataset(self, caller: str, dataset: str) -> tuple[Dataset, Offer]:
        """One of them. Raises NotFound, for a stranger too."""
        found = await self._datasets.dataset(dataset)
        if found is None or found.provider_did != self._me or found.recipient_did != caller:
            raise NotFound("unknown-dataset", "no such dataset is offered to you", dataset)
        return found, offer_of(found)

    # -- what we ask as consumer ------------------------------------------------------------------------------------

    async def negotiate(self, provider: str, base: str, dataset: str, *, fresh: bool = False) -> str:
        """Ask for an agreement on a dataset; returns our pid. Asked again, the same unless it was terminated.

        `base` is the provider's DSP base URL. `fresh` begins another negotiation in any case.
        """
        found = await self._datasets.dataset(dataset)
        if found is None or found.recipient_did != self._me or found.provider_did != provider:
            raise NotFound("unknown-dataset", f"no dataset that {provider} provides to us", dataset)
        await self._check_address(dataset, provider, base, "base")

        def begin(pid: str) -> ProcessChange:
            return ask_agreement(pid, offer_of(found), base, self.base, int(self._clock()))

        return await self._ask(Negotiation, dataset, begin, fresh=fresh)

    async def request_transfer(self, agreement: Agreement, *, fresh: bool = False) -> str:
        """Ask for the data of an agreement of ours; returns our pid. Asked again, the same unless it is over."""
        negotiations = await self._processes.of_dataset(Negotiation, agreement.target)
        found = next(
            (item for item in negotiations if item.role is Role.CONSUMER and item.agreement == agreement), None
        )
        if found is None or found.state is not cn.NegotiationState.FINALIZED:
            raise Refused("no-agreement", "there is no finalised agreement of ours with this id", agreement.id)

        def begin(pid: str) -> ProcessChange:
            return ask_transfer(pid, found, agreement.id, self.base, int(self._clock()))

        return await self._ask(Transfer, agreement.id, begin, fresh=fresh)

    # -- what either side does --------------------------------------------------------------------------------------

    async def start(self, pid: str, address: DataAddress | None = None) -> Transfer:
        """Start a transfer, or start it again; the provider gives the address of the data."""
        return await self._say(Transfer, pid, lambda ids: tp.TransferStart(**ids, address=address))

    async def suspend(self, pid: str, code: str, reason: str) -> Transfer:
        """Suspend a transfer, with the reason."""
        return await self._say(Transfer, pid, lambda ids: tp.TransferSuspension(**ids, code=code, reason=(reason,)))

    async def complete(self, pid: str) -> Transfer:
        """Declare a transfer complete."""
        return await self._say(Transfer, pid, lambda ids: tp.TransferCompletion(**ids))

    async def terminate(self, pid: str, reason: str, code: str | None = None) -> Negotiation | Transfer:
        """End a transfer or a negotiation, with the reason."""
        if (await self._processes.load(Transfer, pid))[0] is not None:
            ended = lambda ids: tp.TransferTermination(**ids, code=code, reason=(reason,))  # noqa: E731
            return await self._say(Transfer, pid, ended)
        return await self._say(
            Negotiation, pid, lambda ids: cn.NegotiationTerminated(**ids, code=code, reason=(reason,))
        )

    async def agreement_for(self, dataset: str) -> Agreement | None:
        """The agreement on a dataset, once its negotiation is FINALIZED; the latest if there are several."""
        found = await self._processes.of_dataset(Negotiation, dataset)
        return next((item.agreement for item in reversed(found) if item.state is cn.NegotiationState.FINALIZED), None)

    async def is_agreed(self, dataset: str, agreement: str) -> bool:
        """Whether an agreement with this id has been finalised for this dataset here."""
        return any(
            item.state is cn.NegotiationState.FINALIZED
            and item.agreement is not None
            and item.agreement.id == agreement
            for item in await self._processes.of_dataset(Negotiation, dataset)
        )

    async def transfer_for(self, dataset: str) -> Transfer | None:
        """The transfer of a dataset: the latest that is not terminated, else the latest."""
        return _latest(await self._processes.of_dataset(Transfer, dataset))

    async def negotiation_for(self, dataset: str) -> Negotiation | None:
        """The negotiation of a dataset: the latest that is not terminated, else the latest."""
        return _latest(await self._processes.of_dataset(Negotiation, dataset))

    # -- what became of what we sent --------------------------------------------------------------------------------

    async def delivered(self, send: Send, status: int, body: bytes) -> None:
        """Take in the final result of a send: acknowledged (2xx), or finally refused by the peer (anything else)."""
        kind, pid = process_of(send)
        sent = dsp.read_sent(send.body)
        try:
            if kind is Negotiation:
                await self._processes.change(Negotiation, pid, lambda one: answered(one, *sent, status, body), send)
            else:
                await self._processes.change(Transfer, pid, lambda one: answered(one, *sent, status, body), send)
        except NotFound:  # it came to nothing, and has made room for others
            await self._store.commit(Batch(delivered=[send.id]))

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _negotiation_requested(self, caller: str, message: cn.ContractRequest) -> Negotiation:
        pid = self._pid("negotiation", caller, message.consumer_pid)

        async def decide(record: Negotiation | None) -> ProcessChange:
            if record is not None:
                if record.offer != message.offer:
                    raise Refused("pid-in-use", "another request was made under this id", "consumerPid")
                return ProcessChange(record)
            dataset, ours = await self.offered_dataset(caller, message.offer.target or "")
            gone = self._gone(Negotiation, await self._census.room(Negotiation, dataset.id))
            if message.callback is None:
                raise Malformed("missing-field", "required, but not there", "callbackAddress")
            await self._check_address(dataset.id, caller, message.callback, "callbackAddress")
            check_offer(ours, message.offer)
            name = self._pid("agreement", pid)
            index = Put(AGREEMENT, name, 0, pid.encode(), dataset.id)
            return replace(agree(pid, name, ours, message, int(self._clock())), puts=[index], gone=gone)

        async with self._census.turn(message.offer.target or ""):
            return await self._processes.change(Negotiation, pid, decide, opening=True)

    async def _negotiation_told(self, caller: str, message: Message, pid: str) -> Negotiation:
        problem: list[str] = []

        def decide(found: Negotiation | None) -> ProcessChange:
            problem.clear()
            record = of_caller(found, caller)
            outcome = step(record, record.role.other, message)
            if outcome.repeat:
                return ProcessChange(record)
            answer, reason = reaction(outcome.record, message)
            if reason is not None:
                problem.append(reason)
                known = replace(record, peer_pid=record.peer_pid or message.provider_pid)
                ended = cn.NegotiationTerminated(**ids(known), code="not-our-offer", reason=(reason,))
                return ProcessChange(queue(known, ended), [ended])
            if answer is None:
                return ProcessChange(outcome.record)
            return ProcessChange(queue(outcome.record, answer), [answer])

        record = await self._processes.change(Negotiation, pid, decide)
        if problem:
            raise Refused("not-our-offer", problem[0], "agreement")
        return record

    async def _transfer_requested(self, caller: str, message: tp.TransferRequest) -> Transfer:
        pid = self._pid("transfer", caller, message.consumer_pid)

        async def decide(record: Transfer | None) -> ProcessChange:
            if record is not None:
                if (record.agreement, record.format) != (message.agreement, message.format):
                    raise Refused("pid-in-use", "another request was made under this id", "consumerPid")
                return ProcessChange(record)
            agreed = await self._agreed(caller, message.agreement)
            if message.format != FORMAT:
                raise Refused("unknown-format", f"the distribution is {FORMAT}", "format")
            if message.address is not None:
                raise Refused("no-push", "data is fetched here, not pushed", "dataAddress")
            await self._check_address(agreed.dataset, caller, message.callback, "callbackAddress")
            gone = self._gone(Transfer, await self._census.room(Transfer, agreed.dataset))
            return replace(accept_transfer(pid, agreed, message, int(self._clock())), gone=gone)

        async with self._census.turn(message.agreement):
            return await self._processes.change(Transfer, pid, decide, opening=True)

    async def _transfer_told(self, caller: str, message: Message, pid: str) -> Transfer:
        def decide(found: Transfer | None) -> ProcessChange:
            record = of_caller(found, caller)
            return ProcessChange(step(record, record.role.other, message).record)

        return await self._processes.change(Transfer, pid, decide)

    async def _agreed(self, caller: str, agreement: str) -> Negotiation:
        row = await self._store.get(AGREEMENT, agreement)
        record = None if row is None else (await self._processes.load(Negotiation, row.body.decode()))[0]
        if record is None or record.peer != caller:
            raise NotFound("unknown-agreement", "there is no agreement with you of this id", agreement)
        if cn.NegotiationState.FINALIZED not in (
            record.state,
            record.ahead,
        ):  # whoever asks may have heard before we hear so
            raise Refused("not-finalized", f"the negotiation of this agreement is {record.state}", "agreementId")
        return record

    async def _ask(self, kind: type[R], what: str, begin: Begin, *, fresh: bool) -> str:
        """Begin a process as consumer, unless the last one about `what` still runs or went well."""
        index = f"{kind.__name__}/{what}"
        while True:
            row = await self._store.get(ASKED, index)
            if row is not None and not fresh:
                last = (await self._processes.load(kind, row.body.decode()))[0]
                if last is not None and not last.terminated:
                    return last.pid
            pid = f"urn:uuid:{uuid.uuid4()}"
            change = begin(pid)
            gone = self._gone(kind, await self._census.spare(kind, change.record.dataset))
            put = Put(ASKED, index, 0 if row is None else row.version, pid.encode())
            if await self._processes.begin(replace(change, puts=[put], gone=gone)):
                return pid

    def _gone(self, kind: type[Process], pids: Sequence[str]) -> list[tuple[str, str]]:
        """What goes with these processes: they themselves, and what finds them by their agreements."""
        found = [(KINDS[kind], pid) for pid in pids]
        return found + [(AGREEMENT, self._pid("agreement", pid)) for pid in pids if kind is Negotiation]

    def _update(self, record: Process, gone: Sequence[tuple[str, str]]) -> None:
        """A record is new: count it, and note what came to nothing, so that it is not asked again at once."""
        self._census.update(record, [pid for _, pid in gone])
        if record.role is Role.CONSUMER:
            if record.terminated and (isinstance(record, Negotiation) or record.peer_pid is None):
                pause = self.asked(type(record), record.dataset, record.peer)
                pause.fail(record.reason or "the provider has ended it", ADVICE)
            elif record.state in WENT_WELL or (isinstance(record, Transfer) and record.peer_pid is not None):
                self._troubles.over(*_named(type(record), record.dataset, record.peer))
        self._changed(record)

    def asked(self, kind: type[Process], dataset: str, provider: str) -> Backoff:
        """How long a provider is not asked for an agreement, or a transfer: the last came to nothing."""
        return self._troubles.at(*_named(kind, dataset, provider), longest=LONGEST_S)

    async def _say(self, kind: type[R], pid: str, make: Callable[[dict[str, str | None]], Message]) -> R:
        def decide(record: R | None) -> ProcessChange:
            if record is None:
                raise NotFound("unknown-process", "no such process", pid)
            message = make(ids(record))
            return ProcessChange(queue(record, message), [message])

        return await self._processes.change(kind, pid, decide)

    async def _check_address(self, dataset: str, did: str, address: str, place: str) -> None:
        """A peer is called at its own node only, as the terms of this dataset name it."""
        known = await self._datasets.address(did, dataset)
        if known is None or not is_below(address, known):
            raise Refused("foreign-address", f"{address} is not at {did}'s own address", place)

    def _pid(self, *parts: str | None) -> str:
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, chr(31).join([self._me, *map(str, parts)]))}"


def _named(kind: type[Process], dataset: str, provider: str) -> tuple[str, str, str]:
    """What is asked of a provider, as a trouble names it: what, at whom, in which arrangement."""
    arrangement, _, tranche = dataset.removeprefix(PREFIX).partition(":")
    return f"the {KINDS[kind]} of {tranche}", provider, arrangement


def _latest(found: Sequence[R]) -> R | None:
    """Of processes in the order in which they began, the last that is not terminated, else the last."""
    return next((item for item in reversed(found) if not item.terminated), found[-1] if found else None)
