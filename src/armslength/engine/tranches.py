"""The tranches of the live arrangements in which this node gives or receives: one object for each."""

from __future__ import annotations

from armslength.approvals.drafts import Act
from armslength.core.process import Process
from armslength.core.transfer import Transfer
from armslength.engine.actions import Action
from armslength.engine.backoff import cancelled
from armslength.engine.contents import arrangement_of, dataset_id
from armslength.engine.provider import Provider
from armslength.engine.publishing import Publisher
from armslength.engine.recipient import Recipient
from armslength.engine.repository import LiveArrangement
from armslength.engine.role import TrancheServices
from armslength.engine.tranche import WHILE_RUNNING_S, LiveTranche
from armslength.errors import Misuse, NotFound


class LiveTranches:
    """All of them at one node, and whoever seals files for them."""

    def __init__(self, tools: TrancheServices, publisher: Publisher) -> None:
        self._tools = tools
        self.publisher = publisher

    def of(self, live: LiveArrangement) -> dict[str, LiveTranche]:
        """Those of one arrangement in which we have a role, by name."""
        if live.tranches is None:
            me, live.tranches = live.record.me.actor, {}
            for name, terms in sorted(live.terms.tranches.items()):
                if me in {terms.provider, terms.recipient}:
                    role = Provider if me == terms.provider else Recipient
                    live.tranches[name] = LiveTranche(role(live, name, self._tools))
        return live.tranches

    # --- the work --------------------------------------------------------------------------------------------------

    async def turn(self, live: LiveArrangement) -> None:
        """Begin whatever is open."""
        for tranche in self.of(live).values():
            await tranche.turn()

    async def left(self, live: LiveArrangement) -> list[float]:
        """For how many seconds what is still to be done waits: none if nothing is, or only the record can move it."""
        found = [await tranche.left() for tranche in self.of(live).values()]
        busy = [WHILE_RUNNING_S] if self.publisher.is_busy(live.arrangement) else []
        return busy + [seconds for seconds in found if seconds is not None]

    async def next_action(self, live: LiveArrangement) -> tuple[str, Action] | None:
        """An action that is open and about to come, with its tranche."""
        for name, tranche in self.of(live).items():
            action = await tranche.next_action()
            if action is not None and tranche.is_pending(action):
                return name, action
        return None

    async def next_embargo(self, live: LiveArrangement) -> int | None:
        """When the next file that we hold back may be released."""
        ours = [each.role for each in self.of(live).values()]
        found = [await role.embargo() for role in ours if isinstance(role, Provider)]
        return min((each for each in found if each is not None), default=None)

    def is_busy(self, live: LiveArrangement) -> bool:
        """Whether an action is under way in this arrangement, or a file is being sealed."""
        running = any(tranche.is_running for tranche in self.of(live).values())
        return running or self.publisher.is_busy(live.arrangement)

    def exchange_moved(self, record: Process) -> None:
        """A negotiation or transfer has moved on: whom it concerns looks again."""
        arrangement, repository = arrangement_of(record.dataset), self._tools.repository
        live = repository.peek(arrangement)
        for tranche in (live.tranches or {}).values() if live else ():
            if tranche.role.dataset == record.dataset:
                tranche.role.exchange_moved()
        repository.schedule.call(arrangement)

    async def stop(self) -> None:
        """Break off what is under way: it is begun again from what is stored."""
        await cancelled(list(self._tools.under_way))
        await self.publisher.stop()

    @staticmethod
    def let_go(live: LiveArrangement) -> None:
        """Unload an arrangement, unless something is in progress there."""
        if not any(tranche.is_running for tranche in (live.tranches or {}).values()):
            live.tranches = None

    # --- what the owner of the node asks ---------------------------------------------------------------------------

    def troubles(self, live: LiveArrangement) -> dict[str, str]:
        """Why actions do not get through, by tranche."""
        return {name: tranche.trouble for name, tranche in self.of(live).items() if tranche.trouble}

    async def publishing(self, live: LiveArrangement, name: str) -> Act:
        """The act of giving out what is sealed for a tranche of ours. Raises NotFound, Misuse."""
        found = self.of(live).get(name)
        if found is None or not isinstance(found.role, Provider):
            raise Misuse("not-provider", f"{name} is not a tranche that we provide", name)
        return await found.role.publishing()

    def hurry(self, live: LiveArrangement) -> None:
        """What has failed in an arrangement is tried at once."""
        for tranche in (live.tranches or {}).values():
            tranche.hurry()
        self._tools.repository.schedule.call(live.arrangement)

    def recipient(self, live: LiveArrangement, name: str) -> Recipient:
        """A tranche that we receive. Raises NotFound, or Misuse where another one receives it."""
        if name not in live.terms.tranches:
            raise NotFound("unknown-tranche", "no such tranche", name)
        found = self.of(live).get(name)
        if found is None or not isinstance(found.role, Recipient):
            raise Misuse("not-recipient", f"you are not the recipient of {name}", name)
        return found.role

    async def transfers(self, live: LiveArrangement) -> dict[str, Transfer]:
        """Each tranche's transfer on the Dataspace Protocol, where there is one."""
        exchange = self._tools.exchange
        found = {name: await exchange.transfer_for(dataset_id(live.arrangement, name)) for name in live.terms.tranches}
        return {name: transfer for name, transfer in found.items() if transfer is not None}
