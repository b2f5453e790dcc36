"""Two exchanges and a network between them that a test can spoil."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.policy import Agreement
from armslength.core.process import Process
from armslength.core.transfer import DataAddress
from armslength.engine.exchange import Exchange
from armslength.errors import ArmslengthError, Refused, Unavailable
from armslength.ports import Batch, Dataset, Row, Send
from armslength.store.memory import MemoryStore
from armslength.wire import dsp

PROVIDER, CONSUMER, STRANGER = "did:web:a.example", "did:web:b.example", "did:web:x.example"
ADDRESSES = {PROVIDER: "https://a.example", CONSUMER: "https://b.example"}
BASES = {did: f"{address}/dsp/2025-1" for did, address in ADDRESSES.items()}
HASH = "ab" * 32
T1 = f"urn:armslength:{HASH}:T1"
DATA = DataAddress(endpoint_type="HTTP", endpoint="https://a.example/data/1", authorization="t", auth_type="bearer")


def tranche(name: str = "T1", **changes: str) -> Dataset:
    """A dataset from the provider to the consumer."""
    fields = {
        "id": f"urn:armslength:{HASH}:{name}",
        "title": name,
        "provider_did": PROVIDER,
        "recipient_did": CONSUMER,
        "arrangement_hash": HASH,
        "tranche": name,
    }
    return Dataset(**(fields | changes))  # type: ignore[arg-type]


class Tranches:
    """The datasets of some terms."""

    def __init__(self, *datasets: Dataset) -> None:
        self.datasets = {dataset.id: dataset for dataset in datasets}

    async def offered_to(self, did: str) -> list[Dataset]:
        return [dataset for dataset in self.datasets.values() if dataset.recipient_did == did]

    async def dataset(self, id: str) -> Dataset | None:  # noqa: A002
        return self.datasets.get(id)

    async def address(self, did: str, dataset: str) -> str | None:
        return ADDRESSES.get(did) if dataset in self.datasets else None


class Faulty(MemoryStore):
    """A store whose commits may fail, having done nothing or everything."""

    def __init__(self, chance: Callable[[str], bool]) -> None:
        super().__init__()
        self._chance = chance

    async def commit(self, batch: Batch) -> bool:
        if self._chance("commit fails"):
            raise Unavailable("store-failed", "nothing was written")
        done = await super().commit(batch)
        if self._chance("commit fails after the fact"):
            raise Unavailable("store-failed", "who knows")
        return done


@dataclass
class Network:
    """Carries the sends of each side to the other. `chances` of mishaps are drawn from the seed, until `calm`."""

    seed: int = 0
    chances: dict[str, float] = field(default_factory=dict)
    datasets: Tranches = field(default_factory=lambda: Tranches(tranche()))
    now: float = 1_467_331_200.0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.happened: dict[str, int] = {}
        self.stores = {did: Faulty(self.mishap) for did in ADDRESSES}
        self.log: list[tuple[str, str, int]] = []  # receiver, message, status
        self.late: list[tuple[Send, str]] = []  # copies still somewhere in the network, with their sender
        self.changes: list[Process] = []
        self.nodes: dict[str, Exchange] = {}
        for did in ADDRESSES:
            self.restart(did)

    def restart(self, did: str) -> None:
        """A new process on the same store: whatever was only in memory is gone."""
        self.nodes[did] = Exchange(
            self.stores[did], did, BASES[did], self.datasets, lambda: self.now, changed=self.changes.append
        )

    def mishap(self, name: str) -> bool:
        """Whether this goes wrong now."""
        if self.random.random() < self.chances.get(name, 0):
            self.happened[name] = self.happened.get(name, 0) + 1
            return True
        return False

    def calm(self) -> None:
        """From here on nothing goes wrong any more."""
        self.chances = {}

    async def carry(self, send: Send, sender: str) -> tuple[int, bytes]:
        """Give a request to its receiver; returns its answer as HTTP would."""
        receiver = next(did for did, base in BASES.items() if send.url.startswith(base))
        parts = send.url.removeprefix(BASES[receiver]).split("/")
        pid = None if parts[2] in ("request", "offers") else parts[2].replace("%3A", ":")
        message = dsp.read(send.body)
        try:
            record = await self.nodes[receiver].receive(sender, message, pid)
            status, body = (201, dsp.write_process(record)) if pid is None else (200, b"")
        except ArmslengthError as error:
            status = 400 if isinstance(error, Refused) else error.status
            body = dsp.write_error("Error", error.code, [error.reason], (None, None))
        self.log.append((receiver, type(message).__name__, status))
        return status, body

    async def step(self) -> bool:
        """One delivery, or one mishap; False if there is nothing left to do."""
        waiting = [(send, did) for did in ADDRESSES for send in await self.stores[did].due(self.now, 100)]
        if self.late and (not waiting or self.random.random() < 0.2):
            send, sender = self.late.pop(self.random.randrange(len(self.late)))
            await self.carry(send, sender)  # nobody waits for this answer any more
            return True
        if not waiting:
            return False
        send, sender = self.random.choice(waiting)
        if self.mishap("process dies"):
            self.restart(self.random.choice(list(ADDRESSES)))
        if self.mishap("request lost"):
            return True
        if self.mishap("copy delayed"):
            self.late.append((send, sender))
        status, body = await self.carry(send, sender)
        if self.mishap("answer lost"):
            return True
        if 200 <= status < 500 and status != 404:
            try:
                await self.nodes[sender].delivered(send, status, body)
            except Unavailable:
                return True
        return True

    async def settle(self, limit: int = 2000) -> None:
        """Deliver until nothing is left."""
        for _ in range(limit):
            if not await self.step():
                return
        raise AssertionError("never settles")

    async def negotiate(self, dataset: str = T1, **options: bool) -> str:
        """The consumer asks; the pid."""
        return await self.nodes[CONSUMER].negotiate(PROVIDER, BASES[PROVIDER], dataset, **options)

    async def agree(self, dataset: str = T1) -> Agreement:
        """A finalised agreement."""
        await self.negotiate(dataset)
        await self.settle()
        agreement = await self.nodes[CONSUMER].agreement_for(dataset)
        assert agreement is not None
        return agreement

    async def transfer(self, did: str, dataset: str = T1) -> tp.Transfer:
        """One side's transfer."""
        found = await self.nodes[did].transfer_for(dataset)
        assert found is not None
        return found

    async def negotiations(self, did: str, dataset: str = T1) -> list[cn.Negotiation]:
        """One side's negotiations, from the store."""
        import msgspec

        rows: list[Row] = await self.stores[did].find("negotiation", dataset)
        return [msgspec.json.decode(row.body, type=cn.Negotiation) for row in rows]
