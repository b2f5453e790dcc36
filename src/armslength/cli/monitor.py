"""A monitor at work without a node: its keys, its journal, the arrangement, and the nodes it talks to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from armslength.config import Config
from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest, plain
from armslength.core.record.entry import TYPE_OF, Head
from armslength.core.record.merkle import EMPTY_ROOT
from armslength.core.record.roster import roster
from armslength.core.record.seal import open_checkpoint, quorum
from armslength.engine.author import Author
from armslength.engine.mail import Mail, Said, check_events
from armslength.errors import ArmslengthError, Misuse, NotFound, Refused, Unavailable
from armslength.identity.keys import KeyRing
from armslength.identity.tokens import Tokens
from armslength.net.client import Client
from armslength.net.peers import Peers
from armslength.ports import Batch, Put, Store
from armslength.store.sqlite import SqliteStore
from armslength.wire.own import BASE, Proposal, decode_arrangements, decode_sealed
from armslength.wire.strict import convert, parse
from armslength.wire.terms_json import decode_terms

ARRANGEMENT = "arrangement"


class Monitor:
    """One monitor's folder, opened for one command."""

    def __init__(self, config: Config, store: Store, peers: Peers, keys: KeyRing) -> None:
        self._config = config
        self._store = store
        self._peers = peers
        self._keys = keys

    async def say(self, which: str, bodies: Sequence[Body], events: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Sign and send statements, after whatever still waits in the journal; what became of each."""
        proposal = await self._arrangement(which)
        terms = decode_terms(proposal.document.encode())
        check_events(terms, events)
        arrangement, me = digest(proposal.document.encode()), self._actor(terms)
        author = Author(self._store, arrangement, terms, me, self._keys["entries"].sign)
        mail = Mail(terms, arrangement, self._peers, None)
        names = await author.write(bodies, await self._seen(terms, arrangement))
        try:
            answers = await author.send(mail)
        except Unavailable as error:
            answers = {}
            waiting = str(error)
        else:
            waiting = "the keeper gave no answer; it is sent again with the next command"
        refused = {digest(canonical(w.entry)): refusal for w, refusal in await author.refusals(names)}
        await author.sealed(name for name, answer in answers.items() if answer.code is None and not answer.refusal)
        said = []
        for name, body in zip(names, bodies, strict=True):
            kind, answer = TYPE_OF[type(body)], answers.get(name)
            if name in refused:
                said.append(Said(entry=name, type=kind, status="refused", code=refused[name].code,
                                 reason=refused[name].reason))  # fmt: skip
            elif answer is None or answer.code:
                reason = answer.reason if answer else waiting
                said.append(Said(entry=name, type=kind, status="pending", code=answer.code if answer else "no-answer",
                                 reason=reason))  # fmt: skip
            else:
                said.append(Said(entry=name, type=kind, status="placed"))
        return [plain(each) for each in said]

    def _actor(self, terms: Arrangement) -> str:
        mine = self._keys["entries"].text
        for name, actor in terms.actors.items():
            if actor.keys is not None and actor.keys.entries == mine:
                return name
        raise Misuse("not-named", "these terms do not name us with our present key", terms.title)

    async def _arrangement(self, which: str) -> Proposal:
        """The arrangement, from our folder or else from the nodes."""
        found = await self._known(which)
        if not found:
            await self._learn()
            found = await self._known(which)
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFound("unknown-arrangement", "no node that we talk to has such an arrangement", which or None)
        replaced = {proposal.replaces for proposal in found}
        latest = [p for p in found if digest(p.document.encode()) not in replaced]
        if len(latest) == 1 and not which:
            return latest[0]
        names = ", ".join(digest(proposal.document.encode())[:12] for proposal in found)
        raise Misuse("which-arrangement", f"say which with --arrangement: {names}")

    async def _known(self, which: str) -> list[Proposal]:
        rows = await self._store.find(ARRANGEMENT)
        return [convert(Proposal, parse(row.body)) for row in rows if row.key.startswith(which)]

    async def _learn(self) -> None:
        if not self._config.nodes:
            raise Misuse("no-nodes", "the configuration names no nodes: init --monitor --nodes URL …", "nodes")
        errors: list[str] = []
        for address in self._config.nodes:
            try:
                held = decode_arrangements(await self._peers.get(_did(address), address, f"{BASE}/arrangements"))
            except ArmslengthError as error:
                errors.append(str(error))
                continue
            for proposal in held.arrangements:
                terms = decode_terms(proposal.document.encode())
                if any(actor.did == self._config.did for actor in terms.actors.values()):
                    put = Put(ARRANGEMENT, digest(proposal.document.encode()), 0, canonical(proposal))
                    await self._store.commit(Batch(puts=[put]))
            return
        raise Unavailable("no-node", f"no node answers: {'; '.join(errors)}")

    async def _seen(self, terms: Arrangement, arrangement: str) -> Head:
        """The last sealed head that a node shows, its seal verified; the empty record if there is none yet."""
        from armslength.core.arrangement import step

        empty = Head(size=0, tree_root=EMPTY_ROOT.hex(), state_root=step.state_root(step.initial(terms)))
        errors: list[str] = []
        nodes = sorted((name for name, a in terms.actors.items() if a.address), key=lambda name: name != terms.keeper)
        for name in nodes:
            actor = terms.actors[name]
            try:
                path = f"{BASE}/head/{arrangement}"
                sealed = decode_sealed(await self._peers.get(actor.did or "", actor.address or "", path))
            except ArmslengthError as error:
                errors.append(str(error))
                continue
            if not sealed.checkpoint:
                return empty
            opened = open_checkpoint(roster(terms), sealed.checkpoint)
            same = (opened.checkpoint.size, opened.checkpoint.root.hex()) == (sealed.head.size, sealed.head.tree_root)
            if not same or not quorum(terms, opened.times):
                raise Refused("bad-head", f"{name} shows a head that its seal does not carry", name)
            return sealed.head
        raise Unavailable("no-node", f"no node answers: {'; '.join(errors)}")


def _did(address: str) -> str:
    from urllib.parse import urlsplit

    from armslength.identity.did import web_did

    parts = urlsplit(address)
    return web_did(parts.netloc, parts.path)


def say(config: Config, which: str, bodies: Sequence[Body], events: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Sign and send a monitor's statements from its folder."""

    async def work() -> list[dict[str, Any]]:
        keys = KeyRing.load(config.keys)
        async with AsyncExitStack() as stack:
            store = SqliteStore.open(Path(config.database))
            stack.push_async_callback(store.close)
            client = await stack.enter_async_context(Client(development=config.development))
            tokens = Tokens(config.did, keys["tokens"])
            monitor = Monitor(config, store, Peers(client, tokens.bearer), keys)
            return await monitor.say(which, bodies, events)

    return asyncio.run(work())
