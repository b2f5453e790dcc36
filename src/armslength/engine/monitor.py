"""A monitor at work without a node: its keys, its journal, the arrangement, and the nodes it talks to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.terms import Arrangement, named_as
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import Head, entry_hash
from armslength.core.record.merkle import EMPTY_ROOT
from armslength.core.record.roster import Roster, roster
from armslength.core.record.seal import open_checkpoint
from armslength.engine.backoff import in_time
from armslength.engine.clearance import Clearance
from armslength.engine.journal import KIND, START, Journal
from armslength.engine.monitor_record import MonitorRecord, RecordReader
from armslength.engine.recall import recall
from armslength.engine.selection import Candidate, choice, chosen
from armslength.engine.statements import FINAL, Making, standing
from armslength.engine.transport import NodeTransport, check_events, said
from armslength.errors import ArmslengthError, Misuse, NotFound, Refused, Unavailable
from armslength.ports import Batch, KeySource, Peers, Put, Store
from armslength.wire.manage import StatementResult, StatementResults
from armslength.wire.own import (
    BASE,
    MAX_ASKED,
    PENDING,
    PLACED,
    JournalEntry,
    Proposal,
    SealedHead,
    SubmissionAnswer,
    Trouble,
    covered,
    decode_arrangements,
    decode_sealed,
)
from armslength.wire.place import did_of
from armslength.wire.queries import HeadQuery, NamingQuery
from armslength.wire.reminders import decode_reminded, encode_reminder
from armslength.wire.strict import convert, parse
from armslength.wire.terms_json import decode_terms

ARRANGEMENT = "arrangement"
MAX_PAGES = 1000  # of arrangements, that one node is asked for
TIMEOUT_S = 10.0  # how long the nodes may take to say in what they are engaged …
LINGER_S = 2.0  # … and, once one of them has, the others
SEARCH, RECORD = "the search for what names us", "the reading of {name}"  # troubles
MOST_TROUBLES = 20
AGAIN = "it is sent again with the next command of this folder"


class Monitor:
    """One monitor's folder, opened for one command, or for a console: it then says and reads one thing after the other,
    as commands do. `nodes` are the addresses of those that it talks to, and `wall` is the machine's clock (rule 8.3a).
    """

    def __init__(
        self, store: Store, peers: Peers, keys: KeySource, did: str, nodes: Sequence[str], wall: Callable[[], float]
    ) -> None:
        self._store = store
        self._peers = peers
        self._keys = keys
        self._did = did
        self._nodes = nodes
        self._wall = wall
        self._reader = RecordReader(store, peers)
        self._at_work = asyncio.Lock()
        self.silent: dict[str, str] = {}  # nodes that gave no answer when they were last asked, and why

    async def say(self, which: str, bodies: Sequence[Body], events: Sequence[str] = ()) -> StatementResults:
        """Sign and send statements, together with what no seal covers yet of those before; what became of each, and of
        the earlier ones those that are not placed."""
        proposal = await self.arrangement(which)
        terms = decode_terms(proposal.document.encode())
        check_events(terms, events)
        arrangement, me = digest(proposal.document.encode()), named_as(terms, self._did, self._keys["entries"].text)
        if me is None:
            raise Misuse("not-named", "these terms do not name us with our current key", terms.title)
        async with self._at_work:
            journal = Journal(self._store, roster(terms), me, self._keys["entries"].sign)
            said = tuple(await self._say(terms, journal, bodies))
        return StatementResults(arrangement=arrangement, title=terms.title, said=said)

    async def _say(self, terms: Arrangement, journal: Journal, bodies: Sequence[Body]) -> list[StatementResult]:
        transport = NodeTransport(terms, journal.arrangement, self._peers)
        seen, link = await self._settle(journal, terms)
        if await journal.is_blocked():
            await journal.send(transport)
        made = [(body, await self._standing_entry(journal, body)) for body in bodies]
        again = {entry_hash(stands.entry) for _, stands in made if stands}
        waiting = [each for each in await journal.pending() if entry_hash(each.entry) not in again]
        earlier = [(each.entry.body, each) for each in waiting]
        making, why = Making(journal, [*earlier, *made]), ""
        while making.is_open:
            names = await journal.write(Clearance(tuple(making.left)), seen, link)
            answers, why = await self._send(terms, journal, transport)
            await making.note(names, answers)
        sent = [said(each, why) for each in await making.results()]
        before = [replace(each, note=None) for each in sent[: len(earlier)] if each.status != "placed"]
        return [*before, *sent[len(earlier) :]]

    @staticmethod
    async def _send(
        terms: Arrangement, journal: Journal, transport: NodeTransport
    ) -> tuple[dict[str, SubmissionAnswer], str]:
        """The keeper's answers; and why it may have given none, in words."""
        try:
            return await journal.send(transport), f"the keeper gave no answer; {AGAIN}"
        except Unavailable as error:
            address = terms.actors[terms.keeper].address
            return {}, f"the keeper does not answer ({address}: {error.reason}); {AGAIN}"
        except NotFound:
            return {}, f"{terms.keeper}, the keeper, has not accepted its office yet; {AGAIN}"

    @staticmethod
    async def _standing_entry(journal: Journal, body: Body) -> JournalEntry | None:
        """Our entry that says the very same, if to say it again adds nothing, whatever the state."""
        stands = await standing(journal, body)
        return stands if stands is not None and (stands.status == PENDING or isinstance(body, FINAL)) else None

    async def _settle(self, journal: Journal, terms: Arrangement) -> tuple[Head, tuple[int, str]]:
        """The last sealed head, and where our entries end in it, which counts if our journal has been lost. What is
        shown to be covered by it need not be sent again."""
        names = [entry_hash(written.entry) for written in await journal.pending()]
        is_new, links = await journal.is_new(), [START]
        while True:
            asked, names = names[:MAX_ASKED], names[MAX_ASKED:]
            heads = await self._seen(terms, journal, asked, everywhere=is_new or self._store.generation > 0)
            for sealed in heads:
                shown = covered(sealed)
                done = shown.keys() & set(asked)
                if done:
                    await journal.sealed(done)
                links += [
                    (entry.author_seq + 1, name) for name, entry in shown.items() if entry.author == journal.actor
                ]
            if not names:
                await recall(self._store, terms, journal, max(links), self._peers, int(self._wall()))
                return heads[0].head, max(links)

    async def arrangement(self, which: str) -> Proposal:
        """The arrangement, from our folder or else from the nodes; without a hash they are asked every time, since
        other terms may have taken the place of those that we know. Raises Misuse where there is a choice
        (rule 10.1c)."""
        found = await self._known(which)
        if not found or not which:
            try:
                await self._learn(may_miss=bool(found))
            except Unavailable:
                if not found:
                    raise
            found = await self._known(which)
        if len(found) == 1:
            return found[0]
        candidates = [await self._candidate(each) for each in found]
        if which and found:
            raise choice(candidates)
        meant = chosen(candidates, "no node that we talk to has such an arrangement", which)
        return next(each for each in found if digest(each.document.encode()) == meant.arrangement)

    async def remind(self, address: str) -> dict[str, str]:
        """Ask the nodes that we talk to for reminders at an address of mail ("": for none any more); what each says:
        "asked", "known", or why not."""
        if not self._nodes:
            raise Misuse("no-nodes", "the configuration names no nodes: init --monitor --nodes URL …", "nodes")
        found = {}
        for node in self._nodes:
            try:
                body = encode_reminder(address)
                answer = await self._peers.post(did_of(node), node, f"{BASE}/reminders", body)
                found[node] = "asked" if decode_reminded(answer).asked else "known"
            except ArmslengthError as error:
                found[node] = error.reason
        return found

    async def record(self, which: str) -> MonitorRecord:
        """An arrangement as a node shows it. Raises Misuse where there is a choice, or where it does not name us."""
        return await self._record(await self.arrangement(which))

    async def records(self) -> tuple[list[MonitorRecord], list[Trouble]]:
        """Every arrangement that names us, as a node shows it, and what was not to be had: one that cannot be read
        stands in no other's way. Raises Unavailable where no node answers."""
        await self._learn(may_miss=True)
        found, now = list[MonitorRecord](), int(self._wall())
        troubles = [Trouble(what=SEARCH, whom=node, since=now, reason=why) for node, why in self.silent.items()]
        for proposal in await self._known(""):
            try:
                found.append(await self._record(proposal))
            except ArmslengthError as error:
                name = digest(proposal.document.encode())
                what = RECORD.format(name=name[:12])
                troubles.append(Trouble(what=what, arrangement=name, since=now, reason=error.reason))
        return found, troubles[:MOST_TROUBLES]

    async def _record(self, proposal: Proposal) -> MonitorRecord:
        terms, arrangement = decode_terms(proposal.document.encode()), digest(proposal.document.encode())
        me = named_as(terms, self._did, self._keys["entries"].text)
        if me is None:
            raise Misuse("not-named", "these terms do not name us with our current key", terms.title)
        async with self._at_work:
            state, now, last = await self._reader.read(arrangement, terms, me, int(self._wall()))
            journal = Journal(self._store, roster(terms), me, self._keys["entries"].sign)
            pending = tuple(each.entry for each in await journal.pending() if each.entry != last)
        return MonitorRecord(
            arrangement=arrangement, terms=terms, me=me, state=state, now=now, last=last, pending=pending
        )

    async def kept(self, which: str) -> tuple[Proposal, list[bytes]]:
        """An arrangement with the leaves of it that were read (`records`)."""
        proposal = await self.arrangement(which)
        return proposal, await self._store.leaves(digest(proposal.document.encode()), 0)

    async def _candidate(self, proposal: Proposal) -> Candidate:
        """Terms that could be meant: where a statement of ours stands we speak on, whatever others propose."""
        name = digest(proposal.document.encode())
        title = decode_terms(proposal.document.encode()).title
        has_spoken = bool(await self._store.find(KIND, f"{name}/{PLACED}", limit=1))
        return Candidate(arrangement=name, title=title, replaces=proposal.replaces, stands=has_spoken, ours=has_spoken)

    async def _known(self, which: str) -> list[Proposal]:
        rows = await self._store.find(ARRANGEMENT)
        return [convert(Proposal, parse(row.body)) for row in rows if row.key.startswith(which)]

    async def _learn(self, *, may_miss: bool) -> None:
        """Ask all nodes that we talk to in which arrangements they are that name us: none of them decides alone of what
        we learn. If one of them has answered the others have a moment, where we `may_miss` what they say. Raises
        Unavailable if none answers."""
        if not self._nodes:
            raise Misuse("no-nodes", "the configuration names no nodes: init --monitor --nodes URL …", "nodes")
        known = {row.key for row in await self._store.find(ARRANGEMENT)}
        errors = dict.fromkeys(self._nodes, "does not answer")
        asked = {asyncio.create_task(self._named_at(each, sorted(known)[:MAX_ASKED])): each for each in errors}
        for task in await in_time(asked, TIMEOUT_S, LINGER_S, lambda done: may_miss and any(map(_answers, done))):
            try:
                found = task.result()
                del errors[asked[task]]
            except ArmslengthError as error:
                errors[asked[task]] = str(error)
                continue
            for name, proposal in found.items():
                if name not in known:
                    await self._store.commit(Batch(puts=[Put(ARRANGEMENT, name, 0, canonical(proposal))]))
                    known.add(name)
        self.silent = errors
        if len(errors) == len(asked):
            raise Unavailable("no-node", f"no node answers: {'; '.join(errors.values())}")

    async def _named_at(self, address: str, known: Sequence[str]) -> dict[str, Proposal]:
        """The arrangements at a node that name us, but for these, by hash."""
        more, found = "", dict[str, Proposal]()
        for _ in range(MAX_PAGES):
            path = f"{BASE}/arrangements?{NamingQuery(start=more, known=tuple(known))}"
            live = decode_arrangements(await self._peers.get(did_of(address), address, path))
            for proposal in live.arrangements:
                terms = decode_terms(proposal.document.encode())
                if any(actor.did == self._did for actor in terms.actors.values()):
                    found[digest(proposal.document.encode())] = proposal
            if not live.more:
                break
            more = live.more
        return found

    async def _seen(
        self, terms: Arrangement, journal: Journal, entries: Sequence[str], *, everywhere: bool
    ) -> list[SealedHead]:
        """The last sealed head that a node shows, its seal verified, which of these entries it covers, and our last;
        or what every node shows that answers: with an empty journal, what one of them hides might be signed again."""
        found, errors = list[SealedHead](), list[str]()
        nodes = sorted((name for name, a in terms.actors.items() if a.address), key=lambda name: name != terms.keeper)
        query = HeadQuery(author=journal.actor, entries=tuple(entries))
        for name in nodes:
            actor = terms.actors[name]
            try:
                path = f"{BASE}/head/{journal.arrangement}?{query}"
                data = await self._peers.get(actor.did or "", actor.address or "", path)
                found.append(_verified(terms, journal.roster, name, decode_sealed(data)))
            except ArmslengthError as error:
                errors.append(str(error))
            if found and not everywhere:
                break
        if not found:
            raise Unavailable("no-node", f"no node shows a head: {'; '.join(errors)}")
        return found


def _verified(terms: Arrangement, known: Roster, name: str, sealed: SealedHead) -> SealedHead:
    """A head that its seal carries; the empty record if there is none yet. Raises Malformed or Refused."""
    if not sealed.checkpoint:
        root = step.state_root(step.initial(terms))
        return SealedHead(head=Head(size=0, tree_root=EMPTY_ROOT.hex(), state_root=root), checkpoint="", time=0)
    opened = open_checkpoint(known, sealed.checkpoint)
    same = (opened.checkpoint.size, opened.checkpoint.root.hex()) == (sealed.head.size, sealed.head.tree_root)
    if not same or not terms.timekeepers.met(terms.actors, opened.times):
        raise Refused("bad-head", f"{name} shows a head that its seal does not carry", name)
    return sealed


def _answers(task: asyncio.Task[dict[str, Proposal]]) -> bool:
    return task.exception() is None
