"""Officials of parties between real nodes: what a policy names leaves with their approval alone."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from armslength.approvals.drafts import APPROVE, ASK, OBJECT, Act, DraftedAct, Subject, login_nonce
from armslength.approvals.ledger import fold
from armslength.approvals.policy import ApprovalPolicy, ApprovalRule, Login, Official
from armslength.config import Accept
from armslength.core.arrangement.bodies import Allege, Body, Resume, Sign, Withdraw
from armslength.core.canonical import canonical, digest, plain
from armslength.engine import officials
from armslength.engine.approvals import LINE
from armslength.errors import Misuse, Refused, Unauthorised
from armslength.ports import Batch, ProvenLogin, Put
from armslength.views.jsonable import jsonable
from armslength.wire.approvals import decode_line
from armslength.wire.manage import statements
from armslength.wire.record import decode_leaf
from armslength.wire.strict import convert
from tests.approvals.people import NAMES, key, policy, proof, says
from tests.golden.terms import at
from tests.sim.harness import SimNode, World, world_terms
from tests.sim.script import FILES, begin, perform, take_effect
from tests.sim.strangers import run

ISSUER = "https://login.borovia.example"
TWO = ApprovalRule(count=2, of=NAMES)


def only(*acts: str) -> ApprovalPolicy:
    """Two of three for these acts and for the policy, nobody for the rest."""
    whole = policy(**dict.fromkeys((*acts, "policy"), TWO))
    return dataclasses.replace(whole, acts={name: rule for name, rule in whole.acts.items() if name != "*"})


async def adopt(node: SimNode, in_force: ApprovalPolicy) -> None:
    """The first policy of a node."""
    await node.manage("policy", policy=jsonable(in_force))


async def drafted(node: SimNode, who: str, *bodies: Body, **order: Any) -> DraftedAct:
    """A draft as an official gets it to sign."""
    given = {"statements": jsonable(statements(bodies)), "arrangement": node.world.arrangement} | order
    reply = await node.manage("draft", asker={"key": key(who).text}, why="it is time", **given)
    draft = convert(DraftedAct, reply["draft"])
    assert draft.hash == reply["hash"]
    return draft


async def ask(node: SimNode, who: str, *bodies: Body, **order: Any) -> str:
    """Ask for an act; its draft's hash."""
    draft = await drafted(node, who, *bodies, **order)
    extra = {"proposal": order["proposal"]} if "proposal" in order else {}
    await node.manage("ask", draft=plain(draft), proof=plain(proof(who, draft.hash, ASK)), **extra)
    return draft.hash


async def word(node: SimNode, who: str, name: str, said: str, number: int = 0) -> dict[str, Any]:
    """An official decides."""
    found: dict[str, Any] = await node.manage("decide", **plain(says(who, name, said, number)))
    return found


async def waiting(node: SimNode) -> list[dict[str, Any]]:
    """What waits at a node."""
    found: list[dict[str, Any]] = (await node.manage("approvals"))["drafts"]
    return found


async def stages(world: World, *tranches: str) -> list[str]:
    """Where tranches stand, at B."""
    state = await world.state("B")
    return [str(state.tranches[name].shown) for name in tranches]


async def entries(world: World, author: str, kind: str, node: str = "A") -> int:
    """How many entries of this kind an author has in the record."""
    live = await world.nodes[node].live()
    lines = await world.nodes[node].running.node.recorder.sealed_leaves(live)
    return sum(1 for each in map(decode_leaf, lines) if (each.entry.author, each.entry.type) == (author, kind))


def test_two_officials(tmp_path: Path) -> None:
    """The two-officials scenario: B's signature and A's releases leave with two of three, not with one; where a third
    objects nothing leaves; `why` and the journals show it (rules 12.4b, 12.4d)."""

    async def story(world: World) -> None:
        a, b = world.nodes["A"], world.nodes["B"]
        await adopt(b, only("sign"))
        await world.until("the proposal", world.propose)
        await world.engage("m5")
        with pytest.raises(AssertionError, match="not-approved"):
            await b.manage("say", arrangement=world.arrangement, statements=jsonable(statements([Sign()])))
        assert (await b.manage("list"))["arrangements"] == []  # nor has it engaged in anything
        name = await ask(b, "vera", Sign())
        await word(b, "ivo", name, APPROVE)
        assert (await b.manage("list"))["arrangements"] == []
        done = await word(b, "kaja", name, APPROVE)
        assert (done["draft"]["state"], len(done["said"])) == ("DONE", 1)
        await world.say("A", Sign())
        await world.rest()
        assert (await world.state()).arrangement.phase == "SIGNED"

        await adopt(a, only("release"))
        await world.clock(at(-2))
        for tranche in ("T1", "T2"):
            await world.publish(tranche, FILES[tranche])
        await world.rest()
        await world.clock(at(0))
        await world.rest()
        assert await stages(world, "T1") == ["DELIVERED"]
        (draft,) = await waiting(a)
        assert (draft["draft"]["by"], draft["draft"]["about"][0]["name"]) == ("", "T1")
        (trouble,) = [each for each in (await a.manage("view"))["troubles"] if "release of T1" in each["what"]]
        assert "waits for approval" in trouble["reason"]
        await word(a, "ivo", draft["hash"], APPROVE)
        await asyncio.sleep(3600)
        assert await stages(world, "T1") == ["DELIVERED"]
        await word(a, "vera", draft["hash"], APPROVE)
        await world.rest()
        assert await stages(world, "T1") == ["SETTLED"]
        assert await world.received("T1") == FILES["T1"]

        await perform(world, at(7, 1))
        await world.rest()
        (draft,) = await waiting(a)
        await word(a, "ivo", draft["hash"], APPROVE)
        await word(a, "kaja", draft["hash"], OBJECT)
        with pytest.raises(AssertionError, match="draft-over"):
            await word(a, "vera", draft["hash"], APPROVE)
        await asyncio.sleep(7200)
        await world.rest()
        assert await stages(world, "T2") == ["DELIVERED"]
        assert await waiting(a) == []  # the node does not ask again
        ended = (await a.manage("approvals", over=True))["drafts"][-1]
        assert (ended["state"], ended["why"], ended["objected"]) == ("ENDED", "objected", ["kaja"])

    run(tmp_path, story)


def test_a_standing_approval_releases_until_it_ends(tmp_path: Path) -> None:
    """Two officials let a node release by itself; a third ends it, and the next release waits (rule 12.3b)."""

    async def story(world: World) -> None:
        a = world.nodes["A"]
        await begin(world)
        await adopt(a, only("release"))
        until = a.running.node.recorder._clock.wall() + 86400
        order = {"statements": [{"type": "release", "body": {}}], "until": until}
        name = await ask(a, "vera", **order)
        for who in ("ivo", "kaja"):
            await word(a, who, name, APPROVE)
        await world.clock(at(0))
        await world.rest()
        assert await stages(world, "T1") == ["SETTLED"]
        used = [line for line in await lines(a) if line.fulfilled]
        assert [line.fulfilled.acts[0].body["tranche"] for line in used if line.fulfilled] == ["T1"]
        await word(a, "vera", name, OBJECT)
        await world.clock(at(7, 1))
        await asyncio.sleep(3600)
        assert await entries(world, "A", "release") == 1

    run(tmp_path, story)


async def lines(node: SimNode) -> list[Any]:
    """The journal as its owner exports it; it folds."""
    page = await node.manage("lines")
    found = [decode_line(line.encode()) for line in page["lines"]]
    assert fold(found).head == (await node.manage("approvals"))["head"]
    return found


def test_one_official_alone_gets_nothing_done(tmp_path: Path) -> None:
    """Both keys of one card, a decision for another draft, its own draft, another's name, the owner's socket: nothing
    of it is a second voice (rule 12.4b)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        await adopt(b, policy())
        for body in (Withdraw(text="we leave"), allegation("k1a")):
            with pytest.raises(Refused) as refused:
                await b.running.node.writer.say(await b.live(), [body])
            assert refused.value.code == "not-approved"
        name = await ask(b, "ivo", Withdraw(text="we leave"))
        other = await ask(b, "ivo", Withdraw(text="we stay"))
        for who, number in (("ivo", 0), ("ivo", 1)):
            with pytest.raises(AssertionError, match="own-draft"):
                await word(b, who, name, APPROVE, number)
        await word(b, "vera", other, APPROVE)
        replayed = plain(says("vera", other, APPROVE)) | {"draft": name}
        with pytest.raises(AssertionError, match="bad-signature"):
            await b.manage("decide", **replayed)
        with pytest.raises(AssertionError, match="said-before"):
            await word(b, "vera", other, APPROVE, 1)
        draft = await drafted(b, "ivo", Withdraw(text="quietly"))
        forged = dataclasses.replace(draft, by="vera")
        with pytest.raises(AssertionError, match="not-the-asker"):
            await b.manage("ask", draft=plain(forged), proof=plain(proof("ivo", forged.hash, ASK)))
        for spoilt in (
            dataclasses.replace(draft, lapses=draft.lapses + 86400),
            dataclasses.replace(draft, about=(Subject(name="arrangement", state="HELD", since=0),)),
            dataclasses.replace(draft, acts=(Act(name="withdraw", body={"text": "x", "more": 1}),)),
        ):
            with pytest.raises(AssertionError, match=r"changed|bad-time|unknown"):
                await b.manage("ask", draft=plain(spoilt), proof=plain(proof("ivo", spoilt.hash, ASK)))
        lax = policy(withdraw=ApprovalRule(count=1, of=("vera",)))
        with pytest.raises(AssertionError, match="not-approved"):
            await adopt(b, lax)
        order = {"statements": [{"type": "policy", "body": jsonable(lax)}], "arrangement": ""}
        change = await ask(b, "ivo", **order)
        await word(b, "vera", change, APPROVE)
        await asyncio.sleep(60)
        assert await entries(world, "B", "withdraw") == 0
        assert {each["hash"] for each in await waiting(b)} == {name, other, change}
        await word(b, "kaja", change, APPROVE)
        assert await waiting(b) == []  # a new policy ends every draft
        assert (await b.manage("approvals"))["policy"] == jsonable(lax)
        await lines(b)

    run(tmp_path, story)


def test_a_decision_is_void_once_its_object_has_changed(tmp_path: Path) -> None:
    """Drafted while EFFECTIVE, approved once it is HELD: nothing is said, and the draft has ended (rule 12.2b)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        await adopt(b, only("withdraw"))
        name = await ask(b, "vera", Withdraw(text="we leave"))
        await word(b, "ivo", name, APPROVE)
        await world.say("A", allegation("k2"))
        await world.rest()
        with pytest.raises(AssertionError, match="draft-over"):
            await word(b, "kaja", name, APPROVE)
        (ended,) = (await b.manage("approvals", over=True))["drafts"]
        assert (ended["state"], ended["why"]) == ("ENDED", "changed")
        assert await entries(world, "B", "withdraw") == 0

    run(tmp_path, story)


def allegation(claim: str) -> Body:
    """An allegation, with a hold."""
    return Allege(claim=claim, period=0, hold=True)


@pytest.mark.parametrize("after", range(6))
def test_what_is_approved_is_said_once(tmp_path: Path, after: int) -> None:
    """B's node is killed after so many writes from the moment the quorum is there: once it is up again the notice is
    given, once, by the same bytes (rule 12.4c)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        await adopt(b, only("withdraw"))
        name = await ask(b, "vera", Withdraw(text="we leave"))
        await word(b, "ivo", name, APPROVE)
        left, disk = after, b.disk
        plainly = disk.commit

        async def commit(batch: Batch) -> bool:
            nonlocal left
            disk.dead = disk.dead or left <= 0
            left -= 1
            return await plainly(batch)

        disk.commit = commit  # type: ignore[method-assign]
        decision = plain(says("kaja", name, APPROVE))
        last = asyncio.create_task(b.manage("decide", **decision))
        await asyncio.sleep(30)
        await b.crash()
        await asyncio.gather(last, return_exceptions=True)
        await b.start()
        if after == 0:  # the decision itself was lost, and is brought again
            await b.manage("decide", **decision)
        else:
            with pytest.raises(AssertionError, match=r"draft-over|said-before"):
                await b.manage("decide", **decision)
        await world.until("the notice", lambda: noticed(world))
        await world.rest()
        assert await entries(world, "B", "withdraw") == 1
        assert [line.fulfilled for line in await lines(b) if line.fulfilled] != []
        await world.check()

    run(tmp_path, story)


def test_what_is_approved_is_said_once_the_disk_has_room(tmp_path: Path) -> None:
    """The quorum is there and nothing can be written for an hour: then it is said, without anybody's doing
    (rule 12.4c)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await take_effect(world)
        await adopt(b, only("withdraw"))
        name = await ask(b, "vera", Withdraw(text="we leave"))
        await word(b, "ivo", name, APPROVE)
        disk = b.disk
        plainly, left = disk.commit, 1

        async def commit(batch: Batch) -> bool:
            nonlocal left
            disk.full = left <= 0
            left -= 1
            return await plainly(batch)

        disk.commit = commit  # type: ignore[method-assign]
        told = await word(b, "kaja", name, APPROVE)
        assert (told["draft"]["state"], told["said"]) == ("APPROVED", [])
        await asyncio.sleep(3600)
        assert await entries(world, "B", "withdraw") == 0
        left = 10**6
        await world.until("the notice", lambda: noticed(world))
        assert (await b.manage("approvals"))["drafts"] == []

    run(tmp_path, story)


async def noticed(world: World) -> bool:
    """Whether B's notice is sealed."""
    return await entries(world, "B", "withdraw") == 1


def test_a_journal_edited_by_hand_keeps_the_node_from_starting(tmp_path: Path) -> None:
    """A line that is changed, taken away or left out at the end: the node says so, and does not run (rule 12.4a)."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await adopt(b, policy())
        order = {"statements": [{"type": "policy", "body": jsonable(policy(sign=TWO))}], "arrangement": ""}
        await word(b, "ivo", await ask(b, "vera", **order), APPROVE)
        await b.crash()
        rows = await b.store.find(LINE)
        assert len(rows) == 3
        edits: list[Batch] = [
            Batch(puts=[Put(LINE, rows[0].key, None, rows[0].body.replace(b'"count":2', b'"count":1'))]),
            Batch(puts=[Put(LINE, rows[2].key, None, canonical(dataclasses.replace(decode_line(rows[2].body), at=0)))]),
            Batch(deletes=[(LINE, rows[1].key)]),
            Batch(deletes=[(LINE, rows[2].key)]),
        ]
        whole = b.copy()
        for edit in edits:
            b.store = whole
            whole = b.copy()
            await b.store.commit(edit)
            with pytest.raises(Misuse) as error:
                await b.start()
            assert error.value.code == "approvals-edited"
        b.store = whole
        await b.start()
        assert len(await waiting(b)) == 1

    run(tmp_path, story)


def test_proposals_go_through_the_door(tmp_path: Path) -> None:
    """To propose, to accept and to decline needs approval too, whoever asks; the standing rule accepts nothing."""

    async def story(world: World) -> None:
        a, m5 = world.nodes["A"], world.nodes["m5"]
        await adopt(a, only("propose"))
        await adopt(m5, only("accept", "decline"))
        proposal = jsonable(world.proposal)
        with pytest.raises(AssertionError, match="not-approved"):
            await a.manage("propose", **proposal)
        name = await ask(a, "vera", proposal=proposal)
        for who in ("ivo", "kaja"):
            await word(a, who, name, APPROVE)
        await world.until("the proposal", lambda: proposed(world))
        await asyncio.sleep(60)
        assert (await m5.manage("list"))["arrangements"] == []
        for verb in ("accept", "decline"):
            with pytest.raises(AssertionError, match="not-approved"):
                await m5.manage(verb, arrangement=world.arrangement)
        name = await ask(m5, "vera", statements=[{"type": "decline", "body": {"reason": "too long"}}])
        await word(m5, "ivo", name, OBJECT)
        name = await ask(m5, "vera", statements=[{"type": "accept", "body": {}}])
        for who in ("ivo", "kaja"):
            await word(m5, who, name, APPROVE)
        assert len((await m5.manage("list"))["arrangements"]) == 1
        await lines(a)
        await lines(m5)

    roles = ("keeper", "timekeeper", "determiner", "monitor")
    rule = Accept(roles=roles, proposers=(world_terms().actors["A"].did or "",))
    run(tmp_path, story, settings={"m5": {"accept": rule}})


def test_what_was_to_be_proposed_is_not_kept_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was decided on the last is kept, to be read; and whatever waits."""
    monkeypatch.setattr(officials, "READ_LATER", 1)

    async def story(world: World) -> None:
        a, names = world.nodes["A"], list[str]()
        await adopt(a, only("propose"))
        for number in range(4):
            proposal = dataclasses.replace(world.proposal, note=f"version {number}")
            names.append(digest(canonical(proposal)))
            name = await ask(a, "vera", proposal=jsonable(proposal))
            if number != 1:
                await word(a, "ivo", name, OBJECT)
        kept = {row.key for row in await a.store.find(officials.PROPOSALS)}
        assert kept == {names[1], names[2], names[3]}

    run(tmp_path, story)


async def proposed(world: World) -> bool:
    """Whether the terms have arrived at m5."""
    return bool((await world.nodes["m5"].manage("inbox"))["proposals"])


def test_a_file_is_given_out_once_it_is_approved(tmp_path: Path) -> None:
    """What is sealed waits until officials have approved these very bytes; another file in its place is another act."""

    async def story(world: World) -> None:
        a = world.nodes["A"]
        await world.agree()
        await world.rest()
        await adopt(a, only("publish"))
        await world.clock(at(-2))
        await world.publish("T1", b"the first version")
        publish = {"statements": [{"type": "publish", "body": {"tranche": "T1"}}]}
        name = await ask(a, "vera", **publish)
        await word(a, "ivo", name, APPROVE)
        await world.publish("T1", FILES["T1"])
        await word(a, "kaja", name, APPROVE)
        await asyncio.sleep(600)
        assert await entries(world, "A", "commit") == 0
        name = await ask(a, "vera", **publish)
        for who in ("ivo", "kaja"):
            await word(a, who, name, APPROVE)
        await world.rest()
        assert await entries(world, "A", "commit") == 1
        await world.clock(at(0))
        await world.rest()
        assert await world.received("T1") == FILES["T1"]

    run(tmp_path, story)


class Provider:
    """An OpenID Connect provider that has signed what is in `known`."""

    def __init__(self) -> None:
        self.known: dict[str, ProvenLogin] = {}

    def login(self, subject: str, nonce: str) -> str:
        """A login; its ID token."""
        claims = {"iss": ISSUER, "sub": subject, "nonce": nonce}
        token = f"e30.{base64.urlsafe_b64encode(canonical(claims)).decode().rstrip('=')}.c2ln"
        self.known[token] = ProvenLogin(issuer=ISSUER, subject=subject, nonce=nonce, jwk='{"kty":"OKP"}')
        return token

    async def proven(self, token: str) -> ProvenLogin:
        """See `ports.Logins`."""
        if token not in self.known:
            raise Unauthorised("bad-login", "is no token of ours", "token")
        return self.known[token]


def test_an_official_logs_in_anew_for_each_word(tmp_path: Path) -> None:
    """An ID token counts that the provider has signed for this official, this draft and this word; it is kept as the
    evidence, with the provider's key (rule 12.3a)."""

    async def story(world: World) -> None:
        b, provider = world.nodes["B"], Provider()
        await take_effect(world)
        base = only("withdraw")
        ivo = Official(name="Ivo", logins=(Login(issuer=ISSUER, subject="4711"),))
        await adopt(b, dataclasses.replace(base, officials=base.officials | {"ivo": ivo}))
        name = await ask(b, "vera", Withdraw(text="we leave"))

        async def decide(token: str) -> None:
            await b.manage("decide", draft=name, word=APPROVE, proof={"token": token})

        good = provider.login("4711", login_nonce(name, APPROVE))
        with pytest.raises(AssertionError, match="no-provider"):
            await decide(good)
        b.running.officials.logins = provider
        for subject, nonce, code in (
            ("4711", login_nonce(name, OBJECT), "bad-login"),
            ("4711", name, "bad-login"),
            ("4712", login_nonce(name, APPROVE), "no-official"),
        ):
            with pytest.raises(AssertionError, match=code):
                await decide(provider.login(subject, nonce))
        with pytest.raises(AssertionError, match="bad-login"):
            await decide(good.replace(".c2ln", ".Zm9yZ2Vk"))
        await decide(good)
        with pytest.raises(AssertionError, match="said-before"):
            await decide(good)
        await word(b, "kaja", name, APPROVE)
        await world.rest()
        assert await entries(world, "B", "withdraw") == 1
        (kept,) = [line.decided.proof for line in await lines(b) if line.decided and line.decided.proof.token]
        assert (kept.token, kept.jwk, kept.login) == (good, '{"kty":"OKP"}', ivo.logins[0])

    run(tmp_path, story)


def test_resume_is_no_command_of_one(tmp_path: Path) -> None:
    """What could not be said now is not drafted either, and an act that needs nobody is said, not drafted."""

    async def story(world: World) -> None:
        b = world.nodes["B"]
        await begin(world)
        await adopt(b, only("resume"))
        with pytest.raises(AssertionError, match=r"not-suspended|state|not-effective"):
            await ask(b, "vera", Resume())
        with pytest.raises(AssertionError, match="needs-nobody"):
            await ask(b, "vera", Withdraw())
        with pytest.raises(AssertionError, match="no-official"):
            await ask(b, "mallory", Resume())

    run(tmp_path, story)
