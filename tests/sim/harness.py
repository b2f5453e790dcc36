"""Whole nodes in one process: the real composition root on stores of a test, joined by a network of a test.

`World` is the stage: parties' nodes, monitors without nodes, clocks, crashes, partitions. Nothing is replaced but the
sockets, the disk and the wall clock.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import SimpleNamespace, TracebackType
from typing import Any, Self
from unittest.mock import patch

from armslength.config import Config
from armslength.core.arrangement.bodies import Body, Sign
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import ActorKeys, Arrangement
from armslength.core.canonical import canonical, digest
from armslength.core.record.checkpoint import parse_checkpoint
from armslength.core.record.entry import entry_hash
from armslength.core.record.note import parse
from armslength.engine.clock import Clocks
from armslength.engine.journal import KIND as JOURNAL
from armslength.engine.monitor import Monitor
from armslength.engine.publishing import PublishRequest
from armslength.engine.recorder import AlwaysReady
from armslength.engine.repository import LiveArrangement
from armslength.errors import ArmslengthError, Unavailable
from armslength.identity.did import Resolver
from armslength.identity.keys import KeyRing, PrivateKey
from armslength.identity.tokens import Tokens
from armslength.identity.verified import remembering
from armslength.net.peers import HttpPeers
from armslength.ports import Batch, Row, Send, Store
from armslength.runtime import node as runtime
from armslength.runtime.node import Running, assembled
from armslength.store.memory import MemoryStore
from armslength.views.jsonable import jsonable
from armslength.wire import manage
from armslength.wire.bundle import Verdict, verify_bundle
from armslength.wire.did_key import key_did
from armslength.wire.own import BASE, Proposal, decode_written
from armslength.wire.record import decode_leaf
from armslength.wire.terms_json import encode_terms
from armslength.wire.witness import parse_add_checkpoint
from armslength.worker import Deliverer
from tests.golden.terms import golden_terms
from tests.record_builder import ROLES, clause_texts, keys_of, public, signing_key
from tests.sim.network import Host, Network, Wire, ask
from tests.sim.virtual import VirtualLoop

EPOCH = 1_750_000_000.0  # wall time at the loop's zero
VERBS = {each.name: each for each in vars(manage).values() if isinstance(each, manage.Verb)}
NODES = ("A", "B", "m5")
SETTLE_S = 600.0  # of the loop's time that a world may need to come to rest

# Three nodes share a process here, and each meets each signature several times.
VERIFY = remembering(1 << 15)


def ring(actor: str) -> KeyRing:
    """The private keys that `record_builder` signs with, as a node holds them."""
    return KeyRing({role: PrivateKey(bytes(signing_key(actor, role))) for role in ROLES})


def world_terms(keeper: str = "m5", clock: str = "simulated", **changes: Any) -> Arrangement:
    """The golden terms with keys and identities that nodes accept."""
    base = golden_terms(keeper=keeper, clock=clock)
    actors = {}
    for name, actor in base.actors.items():
        if name == "C":
            actors[name] = actor
            continue
        keys = keys_of(name, node=True)
        if not actor.address:
            keys = ActorKeys(entries=keys.entries, tokens=keys.tokens)
            actor = dataclasses.replace(actor, did=key_did(public(name, "tokens")))
        actors[name] = dataclasses.replace(actor, keys=keys)
    return dataclasses.replace(base, actors=actors, **changes)


def _steady() -> float:
    return asyncio.get_running_loop().time()


class Disk:
    """A store that takes a moment before and after each commit, and none once its node's life is over."""

    def __init__(self, store: Store, *, outside: bool = False) -> None:
        self._store = store
        self._outside = outside
        self.dead = False
        self.full = False

    @property
    def generation(self) -> int:
        return self._store.generation

    async def get(self, kind: str, key: str) -> Row | None:
        return await self._store.get(kind, key)

    async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
        return await self._store.find(kind, tag, start=start, limit=limit)

    async def leaves(self, arrangement: str, start: int, stop: int | None = None) -> list[bytes]:
        return await self._store.leaves(arrangement, start, stop)

    async def due(self, now: float, limit: int, room: Callable[[str], int] | None = None) -> list[Send]:
        return await self._store.due(now, limit, room)

    async def commit(self, batch: Batch) -> bool:
        await asyncio.sleep(0.0005)
        if self.dead or self.full:
            raise Unavailable("store-failed", "nothing was written")
        if self._outside:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            with loop.outside():
                done = await self._store.commit(batch)
        else:
            done = await self._store.commit(batch)
        await asyncio.sleep(0.0005)
        if self.dead:
            raise Unavailable("store-failed", "who knows")
        return done

    async def close(self) -> None:
        self.dead = True

    def listen(self, told: Callable[[str], None]) -> None:
        """Nobody is told: the tests know."""


class SimNode:
    """One node's place: its store and files outlive its lives."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.skew = 0.0  # how far its clock is ahead
        self.store: Store = world.new_store(name)
        actor = world.terms.actors[name]
        folder = world.folder / name
        folder.mkdir()
        settings = world.settings | world.settings.get(name, {})
        self.config = Config(
            folder=folder,
            name=name,
            did=actor.did or "",
            address=actor.address or "",
            development=world.development,
            **{key: value for key, value in settings.items() if key not in NODES},
        )
        self.host = Host(name)
        world.network.nodes[self.config.address] = self.host
        self._stack = AsyncExitStack()
        self.running: Running
        self.disk: Disk
        self.wire: Wire

    async def start(self) -> None:
        """A life of this node."""
        world = self.world
        self.disk = Disk(self.store, outside=world.outside)
        self.wire = Wire(world.network, self.name)
        keys = ring(self.name)
        with (
            patch.object(runtime, "LazyClient", lambda *_, **__: self.wire),
            patch.object(runtime, "SqliteStore", SimpleNamespace(open=lambda *_: self.disk)),
            patch.object(runtime, "Clocks", functools.partial(Clocks, wall=self.clock, steady=_steady)),
            patch.object(runtime, "KeyRing", SimpleNamespace(load=lambda _: keys)),
            patch.object(runtime, "time", SimpleNamespace(time=world.wall)),
            patch.object(runtime, "Resolver", functools.partial(Resolver, clock=world.wall)),
            patch.object(
                runtime,
                "Deliverer",
                functools.partial(Deliverer, clock=world.wall, jitter=world.network.random.random),
            ),
        ):
            self._stack = AsyncExitStack()
            chance = Random(f"{world.network.seed}/{self.name}").random
            self.running = await self._stack.enter_async_context(assembled(self.config, chance, VERIFY))
        if self.world.careless:
            self.forget_the_past()
        self.host.app = self.running.app  # type: ignore[assignment]

    def forget_the_past(self) -> None:
        """Speak at once, as if this node had never said anything elsewhere."""
        self.running.node.recorder.readiness = AlwaysReady()
        self.running.node.repository.silence = None

    def clock(self) -> float:
        """This machine's clock, for arrangements in real time."""
        return self.world.dawn + self.skew + _steady()

    async def crash(self) -> None:
        """The process ends between two steps; only what is committed is left."""
        self.disk.dead = self.wire.dead = True
        await self.host.kill()
        await self._stack.aclose()

    def copy(self) -> MemoryStore:
        """Its database as it is now."""
        assert isinstance(self.store, MemoryStore)
        return copy.deepcopy(self.store)

    async def put_back(self, older: MemoryStore, *, noticed: bool) -> None:
        """Kill it and start it again on an older copy; `noticed`: its counter tells (`store.counter`)."""
        if self.host.is_up:
            await self.crash()
        assert isinstance(self.store, MemoryStore)
        generation = self.store.generation
        self.store = copy.deepcopy(older)
        self.store.generation = generation + 1 if noticed else older.generation
        await self.start()

    async def live(self) -> LiveArrangement:
        """The arrangement at this node."""
        return await self.running.node.repository.open(self.world.arrangement)

    async def manage(self, verb: str, **asked: Any) -> Any:
        """What the owner asks, over the management interface."""
        app, body = self.running.management, json.dumps(asked).encode()
        reply = await ask(app, "POST", f"http://localhost/{verb}", body)  # type: ignore[arg-type]
        if reply.status != 200:
            raise AssertionError(reply.body)
        return jsonable(manage.decode_answer(VERBS[verb], reply.body))


class World:
    """The stage. Use it as an async context inside `virtual.play`."""

    def __init__(
        self,
        folder: Path,
        terms: Arrangement | None = None,
        *,
        network: Network | None = None,
        store: Callable[[Path], Store] | None = None,
        development: bool = True,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """`settings`: tables of every node's configuration, and by its name those of one node alone."""
        self.folder = folder
        self.terms = terms or world_terms()
        self.document = encode_terms(self.terms)
        self.arrangement = digest(self.document)
        self.proposal = Proposal(document=self.document.decode(), texts=clause_texts())
        self.network = network or Network()
        self.development = development
        self.settings = settings or {}
        self.outside = store is not None
        self._store = store
        self.now = 0
        self.dawn = EPOCH  # real time at the loop's zero
        self.careless = False
        self.nodes = {name: SimNode(self, name) for name in NODES}
        self._monitors: dict[str, Monitor] = {}
        self.stores: dict[str, Store] = {}

    def new_store(self, name: str) -> Store:
        """An empty store for a node."""
        return MemoryStore() if self._store is None else self._store(self.folder / f"{name}.db")

    @staticmethod
    def wall() -> float:
        """The machine's clock."""
        return EPOCH + asyncio.get_running_loop().time()

    async def __aenter__(self) -> Self:
        for node in self.nodes.values():
            await node.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes.values():
            await node.crash()
            await node.store.close()

    def be_careless(self) -> None:
        """Others sign with the nodes' keys in this test: none of them minds."""
        self.careless = True
        for node in self.nodes.values():
            node.forget_the_past()

    def monitor(self, name: str) -> Monitor:
        """A monitor's folder, as its commands open it."""
        if name not in self._monitors:
            self.stores[name] = MemoryStore()
            did = self.terms.actors[name].did or ""
            addresses = tuple(self.nodes[each].config.address for each in (self.terms.keeper, "A", "B"))
            keys = ring(name)
            peers = HttpPeers(Wire(self.network, name), Tokens(did, keys["tokens"]).bearer)  # type: ignore[arg-type]
            self._monitors[name] = Monitor(self.stores[name], peers, keys, did, addresses, self.wall)
        return self._monitors[name]

    # --- what happens ----------------------------------------------------------------------------------------------

    async def clock(self, now: int, *whom: str) -> None:
        """Let simulated time come to this instant, at the keeper last."""
        self.now = max(self.now, now)
        for name in whom or sorted(NODES, key=lambda name: name == self.terms.keeper):
            await self.until(f"{name}'s clock", functools.partial(self._set_clock, name, now))

    async def _set_clock(self, name: str, now: int) -> bool:
        node = self.nodes[name]
        if not node.host.is_up:
            return False
        try:
            await node.running.clock.set(max(now, node.running.clock.now(simulated=True)))
        except Unavailable:
            return False
        node.running.node.repository.schedule.call()
        return True

    async def agree(self) -> None:
        """A proposes, everybody else engages, and both parties sign."""
        await self.until("the proposal", self.propose)
        await self.engage(*(name for name in self.nodes if name != "A"))
        for party in self.terms.parties:
            await self.say(party, Sign())

    async def propose(self, proposal: Proposal | None = None) -> bool:
        """A proposes terms, the world's own unless others are given, and everybody has got them."""
        proposals = self.nodes["A"].running.node.proposals
        name = await proposals.propose(proposal or self.proposal)
        said = await proposals.replies.ask_all(name)
        found = {each.answer for each in said.values()}
        if found & {"unreached", "unknown"}:
            raise Unavailable("not-sent", str(said))
        return True

    async def engage(self, *whom: str, arrangement: str = "") -> None:
        """Engage in terms that wait: a party in order to sign, anybody else by accepting its office."""
        for name in whom:
            proposals = self.nodes[name].running.node.proposals
            act = proposals.engage if name in self.terms.parties else proposals.accept
            await self.until(f"{name} engages", functools.partial(_done, act, arrangement or self.arrangement))

    async def publish(self, tranche: str, content: bytes, release_after: int = 0) -> None:
        """A seals a file for a tranche."""
        node = self.nodes["A"]
        file = self.folder / f"{tranche}.in"
        file.write_bytes(content)

        async def once() -> bool:
            live = await node.live()
            media_type = self.terms.tranches[tranche].media_types[0]
            await node.running.node.tranches.publisher.publish(
                live, tranche, PublishRequest(file, media_type, release_after)
            ).result()
            node.running.node.repository.schedule.call()
            return True

        await self.until(f"publish {tranche}", once)

    async def say(self, who: str, *bodies: Body) -> list[manage.StatementResult]:
        """State something; what cannot be stated yet is tried again for a while."""
        found: list[manage.StatementResult] = []
        if who in self.nodes:
            store = self.nodes[who].store
        else:
            self.monitor(who)
            store = self.stores[who]
        before = len(await store.find(JOURNAL))

        async def once() -> bool:
            if len(await store.find(JOURNAL)) >= before + len(bodies) > before:
                return True  # it was written before something broke: the journal sends it again
            if who not in self.nodes:
                await self.monitor(who).say(self.arrangement, bodies, ())
                return True
            node = self.nodes[who]
            found[:] = await node.running.node.writer.say(await node.live(), bodies)
            return True

        await self.until(f"{who} says {bodies}", once)
        return found

    async def until(self, what: str, once: Callable[[], Any], patience: float = SETTLE_S) -> None:
        """Try until it is done."""
        loop = asyncio.get_running_loop()
        until, last = loop.time() + patience, None
        while loop.time() < until:
            try:
                if await once():
                    return
            except ArmslengthError as error:
                last = error
            except asyncio.CancelledError:
                raise
            await asyncio.sleep(0.05)
        raise AssertionError(f"{what} never succeeds: {last!r}")

    async def rest(self, *whom: str) -> None:
        """Wait until nothing is left to do at these nodes and at the monitors."""
        names = whom or NODES
        self._why: str | None = None
        try:
            await self.until("rest", functools.partial(self._at_rest, names))
        except AssertionError:
            raise AssertionError(f"no rest at {self.now}: {self._why}") from None

    async def _at_rest(self, names: Iterable[str]) -> bool:
        sizes = set()
        for name in names:
            node = self.nodes[name]
            if not node.host.is_up:
                self._why = f"{name} is down"
                return False
            live = await node.live()
            pending_work = await node.running.node.pending_work(live)
            if pending_work:
                self._why = f"{name}: {pending_work} {node.running.node.tranches.troubles(live)}"
                return False
            sizes.add(live.record.sealed.size)
        if len(sizes) > 1:
            self._why = f"sizes {sizes}"
            return False
        for name, monitor in self._monitors.items():
            rows = await self.stores[name].find(JOURNAL, f"{self.arrangement}/pending")
            if rows:
                self._why = f"{name} has {len(rows)} entries pending"
                await monitor.say(self.arrangement, (), ())
                return False
        return True

    # --- what is true ----------------------------------------------------------------------------------------------

    async def state(self, name: str = "A") -> State:
        """The sealed state at a node."""
        return (await self.nodes[name].live()).record.sealed.state

    async def agreed_root(self) -> str:
        """The state root and record that all nodes agree on; raises AssertionError if they do not."""
        heads = {}
        for name, node in self.nodes.items():
            sealed = (await node.live()).record.sealed
            heads[name] = (sealed.size, sealed.tree_root, sealed.state_root)
        assert len(set(heads.values())) == 1, heads
        return heads["A"][2]

    async def export(self, name: str = "A") -> dict[str, bytes]:
        """The bundle of a node."""
        answer = await self.nodes[name].manage("export", arrangement=self.arrangement)
        return {path: text.encode() for path, text in answer["files"].items()}

    async def check(self) -> Verdict:
        """All nodes and the offline verifier agree; nobody equivocated; nothing that was cosigned or stated is lost."""
        root = await self.agreed_root()
        verdict = verify_bundle(await self.export("B"), self.arrangement)
        assert verdict.ok, verdict.error
        assert verdict.replica is not None
        assert verdict.replica.state_root == root
        self._check_equivocation()
        self._check_cosignatures(verdict)
        await self._check_journals(verdict)
        return verdict

    def _check_equivocation(self) -> None:
        seen: dict[tuple[str, int], dict[str, frozenset[str]]] = {}
        for line in self.network.submitted:
            place, name, refused = _numbered(line)
            seen.setdefault(place, {})[name] = refused
        for place, entries in seen.items():
            for name, refused in entries.items():
                for other, others in entries.items():
                    linked = name == other or other in refused or name in others
                    assert linked, f"{place}: {name} and {other}"

    def _check_cosignatures(self, verdict: Verdict) -> None:
        replica = verdict.replica
        assert replica is not None
        for who, asked, _ in self.network.cosigned:
            checkpoint = parse_checkpoint(parse_add_checkpoint(asked.decode()).checkpoint.text)
            if checkpoint.size <= replica.size:
                assert replica.head_at(checkpoint.size).tree_root == checkpoint.root.hex(), f"{who} cosigned a fork"

    async def _check_journals(self, verdict: Verdict) -> None:
        replica = verdict.replica
        assert replica is not None
        journals = self.stores | {name: node.store for name, node in self.nodes.items()}
        for name, store in journals.items():
            for row in await store.find(JOURNAL):
                written = decode_written(row.body)
                placed = replica.index_of(entry_hash(written.entry)) is not None
                assert placed is (written.refusal is None), f"{name}'s {written.entry}: {written.refusal}"

    async def received(self, tranche: str) -> bytes:
        """The file that B has opened."""
        node = self.nodes["B"]
        ours = node.running.node.tranches.recipient(await node.live(), tranche)
        opened = ours.opened(await ours.reception())
        assert opened is not None
        return opened.read_bytes()


@functools.lru_cache(1 << 14)  # worlds that set out from one place have a past in common
def _numbered(line: bytes) -> tuple[tuple[str, int], str, frozenset[str]]:
    """A submitted entry: its author and number, its hash, and what was refused before in its place."""
    entry = decode_leaf(line).entry
    return (entry.author, entry.author_seq), entry_hash(entry), frozenset(each.entry for each in entry.refused or ())


async def _done(act: Callable[[str], Awaitable[Any]], arrangement: str) -> bool:
    await act(arrangement)
    return True


def shown(state: State) -> dict[str, str]:
    """The public names of everything's state."""
    found = {"arrangement": state.shown}
    found |= {name: duty.state for name, duty in state.duties.items()}
    found |= {name: tranche.shown for name, tranche in state.tranches.items()}
    found |= {name: f"{said.answer} {said.outcome}" for name, said in state.allegations.items()}
    return found


__all__ = ["BASE", "NODES", "SimNode", "World", "canonical", "parse", "ring", "shown", "world_terms"]
