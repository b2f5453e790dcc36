"""A monitor at work without a node: its keys, its journal, the arrangement, and the nodes it talks to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from armslength.config import Config
from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import Head, entry_hash
from armslength.core.record.merkle import EMPTY_ROOT
from armslength.core.record.roster import roster
from armslength.core.record.seal import open_checkpoint, quorum
from armslength.engine.journal import KIND, PLACED, START, Journal
from armslength.engine.recall import recall
from armslength.engine.transport import NodeTransport, check_events, said
from armslength.errors import ArmslengthError, Misuse, NotFound, Refused, Unavailable
from armslength.identity.keys import KeyRing
from armslength.identity.tokens import Tokens
from armslength.net.client import Client
from armslength.net.peers import HttpPeers
from armslength.net.ways import ways
from armslength.ports import Batch, Put, Store
from armslength.store.sqlite import SqliteStore
from armslength.wire.own import (
    BASE,
    MAX_ASKED,
    Proposal,
    SealedHead,
    SubmissionAnswer,
    covered,
    decode_arrangements,
    decode_sealed,
)
from armslength.wire.place import did_of
from armslength.wire.strict import convert, parse
from armslength.wire.terms_json import decode_terms

ARRANGEMENT = "arrangement"
MAX_PAGES = 1000  # of arrangements, that one node is asked for
AGAIN = "it is sent again with the next command of this folder"


class Monitor:
    """One monitor's folder, opened for one command."""

    def __init__(self, config: Config, store: Store, peers: HttpPeers, keys: KeyRing) -> None:
        self._config = config
        self._store = store
        self._peers = peers
        self._keys = keys

    async def say(self, which: str, bodies: Sequence[Body], events: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Sign and send statements, together with what no seal covers yet of those before; what became of each, and of
        the earlier ones those that are not placed."""
        proposal = await self.arrangement(which)
        terms = decode_terms(proposal.document.encode())
        check_events(terms, events)
        arrangement, me = digest(proposal.document.encode()), self._actor(terms)
        author = Journal(self._store, arrangement, terms, me, self._keys["entries"].sign)
        mail = NodeTransport(terms, arrangement, self._peers)
        seen, link = await self._settle(author, terms, arrangement, me)
        if await author.is_blocked():
            await author.send(mail)
        waiting = [(entry_hash(written.entry), written.entry.body) for written in await author.pending()]
        names = await author.write(bodies, seen, link)
        why, answers = f"the keeper gave no answer; {AGAIN}", dict[str, SubmissionAnswer]()
        try:
            answers = await author.send(mail)
        except Unavailable as error:
            why = f"the keeper does not answer ({terms.actors[terms.keeper].address}: {error.reason}); {AGAIN}"
        except NotFound:
            why = f"{terms.keeper}, the keeper, has not accepted its office yet; {AGAIN}"
        new = list(zip(names, bodies, strict=True))
        refused = {entry_hash(w.entry): refusal for w, refusal in await author.refusals(n for n, _ in (*waiting, *new))}
        earlier, now = (
            [said(name, body, answers.get(name), refused.get(name), why) for name, body in which]
            for which in (waiting, new)
        )
        return [
            {**asdict(each), "note": None} for each in (*(each for each in earlier if each.status != "placed"), *now)
        ]

    async def _settle(
        self, author: Journal, terms: Arrangement, arrangement: str, me: str
    ) -> tuple[Head, tuple[int, str]]:
        """The last sealed head, and where our entries end in it, which counts if our journal has been lost. What is
        shown to be covered by it need not be sent again."""
        names = [entry_hash(written.entry) for written in await author.pending()]
        is_new, links = await author.is_new(), [START]
        while True:
            asked, names = names[:MAX_ASKED], names[MAX_ASKED:]
            heads = await self._seen(terms, arrangement, me, asked, everywhere=is_new or self._store.generation > 0)
            for sealed in heads:
                shown = covered(sealed)
                done = shown.keys() & set(asked)
                if done:
                    await author.sealed(done)
                links += [(entry.author_seq + 1, name) for name, entry in shown.items() if entry.author == me]
            if not names:
                await recall(self._store, terms, author, max(links), self._peers, int(time.time()))
                return heads[0].head, max(links)

    def _actor(self, terms: Arrangement) -> str:
        mine = self._keys["entries"].text
        for name, actor in terms.actors.items():
            if actor.keys is not None and actor.keys.entries == mine:
                return name
        raise Misuse("not-named", "these terms do not name us with our present key", terms.title)

    async def arrangement(self, which: str) -> Proposal:
        """The arrangement, from our folder or else from the nodes; without a hash they are asked every time, since
        other terms may have taken the place of those that we know. Raises Misuse where there is a choice."""
        found = await self._known(which)
        if not found or not which:
            try:
                await self._learn()
            except Unavailable:
                if not found:
                    raise
            found = await self._known(which)
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFound("unknown-arrangement", "no node that we talk to has such an arrangement", which or None)
        left = await self._standing(found)
        if len(left) == 1 and not which:
            return left[0]
        names = ", ".join(_named(proposal) for proposal in found)
        raise Misuse("which-arrangement", f"say which with --arrangement: {names}")

    async def _standing(self, found: Sequence[Proposal]) -> list[Proposal]:
        """Without those that others replace. What is proposed in place of terms under which a statement of ours stands
        replaces nothing: nobody else chooses where we speak."""
        name = {id(proposal): digest(proposal.document.encode()) for proposal in found}
        spoken = {each for each in name.values() if await self._store.find(KIND, f"{each}/{PLACED}")}
        replaced = {proposal.replaces for proposal in found}
        return [
            each
            for each in found
            if name[id(each)] in spoken or (name[id(each)] not in replaced and each.replaces not in spoken)
        ]

    async def _known(self, which: str) -> list[Proposal]:
        rows = await self._store.find(ARRANGEMENT)
        return [convert(Proposal, parse(row.body)) for row in rows if row.key.startswith(which)]

    async def _learn(self) -> None:
        if not self._config.nodes:
            raise Misuse("no-nodes", "the configuration names no nodes: init --monitor --nodes URL …", "nodes")
        known, errors = {row.key for row in await self._store.find(ARRANGEMENT)}, list[str]()
        for address in self._config.nodes:
            try:
                async for proposal in self._named_at(address, sorted(known)[:MAX_ASKED]):
                    name = digest(proposal.document.encode())
                    if name in known:
                        continue
                    terms = decode_terms(proposal.document.encode())
                    if any(actor.did == self._config.did for actor in terms.actors.values()):
                        await self._store.commit(Batch(puts=[Put(ARRANGEMENT, name, 0, canonical(proposal))]))
                        known.add(name)
            except ArmslengthError as error:
                errors.append(str(error))
                continue
            if known:  # else this one may not be engaged in what another one is
                return
        if len(errors) < len(self._config.nodes):
            return
        raise Unavailable("no-node", f"no node answers: {'; '.join(errors)}")

    async def _named_at(self, address: str, known: Sequence[str]) -> AsyncIterator[Proposal]:
        """The arrangements at a node that name us, but for these, page by page."""
        asked, more = [("known", name) for name in known], ""
        for _ in range(MAX_PAGES):
            path = f"{BASE}/arrangements?{urlencode([*asked, ('from', more)])}"
            held = decode_arrangements(await self._peers.get(did_of(address), address, path))
            for proposal in held.arrangements:
                yield proposal
            if not held.more:
                return
            more = held.more

    async def _seen(
        self, terms: Arrangement, arrangement: str, me: str, entries: Sequence[str], *, everywhere: bool
    ) -> list[SealedHead]:
        """The last sealed head that a node shows, its seal verified, which of these entries it covers, and our last;
        or what every node shows that answers: with an empty journal, what one of them hides might be signed anew."""
        found, errors = list[SealedHead](), list[str]()
        nodes = sorted((name for name, a in terms.actors.items() if a.address), key=lambda name: name != terms.keeper)
        query = urlencode([("author", me), *(("entry", name) for name in entries)])
        for name in nodes:
            actor = terms.actors[name]
            try:
                path = f"{BASE}/head/{arrangement}?{query}"
                data = await self._peers.get(actor.did or "", actor.address or "", path)
                found.append(_verified(terms, name, decode_sealed(data)))
            except ArmslengthError as error:
                errors.append(str(error))
            if found and not everywhere:
                break
        if not found:
            raise Unavailable("no-node", f"no node shows a head: {'; '.join(errors)}")
        return found


def _verified(terms: Arrangement, name: str, sealed: SealedHead) -> SealedHead:
    """A head that its seal carries; the empty record if there is none yet. Raises Malformed or Refused."""
    from armslength.core.arrangement import step

    if not sealed.checkpoint:
        root = step.state_root(step.initial(terms))
        return SealedHead(head=Head(size=0, tree_root=EMPTY_ROOT.hex(), state_root=root), checkpoint="", time=0)
    opened = open_checkpoint(roster(terms), sealed.checkpoint)
    same = (opened.checkpoint.size, opened.checkpoint.root.hex()) == (sealed.head.size, sealed.head.tree_root)
    if not same or not quorum(terms, opened.times):
        raise Refused("bad-head", f"{name} shows a head that its seal does not carry", name)
    return sealed


def _named(proposal: Proposal) -> str:
    name, title = digest(proposal.document.encode())[:12], decode_terms(proposal.document.encode()).title
    return f"{name} ({title}{f'; to replace {proposal.replaces[:12]}' if proposal.replaces else ''})"


def say(config: Config, which: str, bodies: Sequence[Body], events: Sequence[str] = ()) -> dict[str, Any]:
    """Sign and send a monitor's statements from its folder: what became of them, and in which arrangement."""

    async def work() -> dict[str, Any]:
        keys = KeyRing.load(config.keys)
        async with AsyncExitStack() as stack:
            store = SqliteStore.open(config.database, config.did)
            stack.push_async_callback(store.close)
            client = await stack.enter_async_context(Client(ways(config)))
            tokens = Tokens(config.did, keys["tokens"])
            monitor = Monitor(config, store, HttpPeers(client, tokens.bearer), keys)
            document = (await monitor.arrangement(which)).document.encode()
            name, title = digest(document), decode_terms(document).title
            return {"arrangement": name, "title": title, "said": await monitor.say(name, bodies, events)}

    return asyncio.run(work())
