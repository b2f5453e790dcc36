"""What is committed to be sent is sent: in order, again where it must be, and no longer than it makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from armslength import worker
from armslength.engine.troubles import Troubles
from armslength.errors import Refused, Unavailable
from armslength.net.client import HttpReply
from armslength.ports import Batch, Send
from armslength.store.memory import MemoryStore
from armslength.worker import EACH, LONGEST_S, NEW, NOT_KNOWN_YET_ATTEMPTS, QUEUES, Deliverer


@dataclass
class Peer:
    """Answers as told; by default with 200."""

    answers: dict[str, list[int | Exception]] = field(default_factory=dict)  # by URL, the last one for ever
    got: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    gate: asyncio.Event | None = None
    hanging: str = ""  # URL that is not answered before `release`
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpReply:
        self.got.append(body.decode())
        self.headers.append(headers)
        self.at_once += 1
        if url == self.hanging:
            await self.release.wait()
        self.most = max(self.most, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        answers = self.answers.get(url, [200])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return HttpReply(answer, {}, f"answer {answer}".encode())


class Outbox:
    """A store, a peer and a deliverer between them, on a clock of their own."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.peer = Peer()
        self.now = 1000.0
        self.results: list[tuple[str, int, bytes]] = []
        self.broken = False
        self.restart()

    def restart(self) -> None:
        self.troubles = Troubles(clock=lambda: self.now, chance=lambda: 1.0, moment=lambda: self.now)
        self.deliverer = Deliverer(
            self.store,
            self.peer,
            lambda did, _: f"Bearer for {did}",
            self.result,
            clock=lambda: self.now,
            jitter=lambda: 1.0,
            troubles=self.troubles,
        )

    async def result(self, send: Send, status: int, body: bytes) -> None:
        if self.broken:
            raise Unavailable("store-failed", "disk full")
        self.results.append((send.body.decode(), status, body))
        await self.store.commit(Batch(delivered=[send.id]))

    @property
    def told(self) -> list[tuple[str, str]]:
        """What fails, at whom."""
        return [(each.whom, each.reason) for each in self.troubles.listed()]

    async def put(self, *bodies: str, queue: str = "a", url: str = "https://p/", peer: str = "did:p") -> None:
        await self.store.commit(Batch(sends=[Send(queue, peer, url, body.encode()) for body in bodies]))

    async def turn(self) -> None:
        """One look at the outbox, until everything it put on its way has come back."""
        await self.deliverer.look()
        await self.deliverer.settle()

    async def all(self, turns: int = 100, pause: float = LONGEST_S) -> None:
        for _ in range(turns):
            await self.turn()
            self.now += pause


async def test_sends_arrive_in_the_order_of_their_queue() -> None:
    """A queue is delivered in order, each with its result, and the outbox is empty after it."""
    box = Outbox()
    await box.put("1", "2", "3")
    await box.all(4)
    assert box.results == [(str(number), 200, b"answer 200") for number in (1, 2, 3)]
    assert await box.store.due(1e12, 10) == []
    assert box.peer.headers[0] == {"Authorization": "Bearer for did:p", "Content-Type": "application/json"}


async def test_one_of_a_lane_is_on_its_way() -> None:
    """The second of a queue waits for the first; another queue does not."""
    box = Outbox()
    box.peer.gate = asyncio.Event()
    await box.put("a1", "a2")
    await box.put("b1", queue="b")
    for _ in range(3):
        await box.deliverer.look()
        await asyncio.sleep(0)
    assert sorted(box.peer.got) == ["a1", "b1"]
    box.peer.gate.set()
    await box.deliverer.settle()


async def test_lanes_on_their_way_are_bounded() -> None:
    """However many queues wait, only so many are on their way at once, and all arrive."""
    box = Outbox()
    for number in range(3 * QUEUES):
        await box.put(str(number), queue=str(number), peer=f"did:{number}")
    await box.all(4)
    assert box.peer.most == QUEUES
    assert len(box.results) == 3 * QUEUES


async def test_a_peer_holds_more_lanes_the_better_it_answers() -> None:
    """A few at first, one more with each answer, and never more than its share (rule 11.1e)."""
    box = Outbox()
    for number in range(10 * EACH):
        await box.put(str(number), queue=str(number))
    await box.turn()
    assert box.peer.most == NEW
    await box.all(40)
    assert box.peer.most == EACH
    assert len(box.results) == 10 * EACH


async def test_a_peer_that_hangs_keeps_nobody_from_being_served() -> None:
    """1,500 messages wait for peers that take a connection and never answer; another's, later ones, are delivered at
    once. Then such a peer is tried with one message at a time."""
    box = Outbox()
    for number in range(1500):
        await box.put(f"hung {number}", queue=f"h{number}", url="https://hung/", peer=f"did:hung{number % 3}")
    box.peer.hanging = "https://hung/"
    await box.deliverer.look()
    for number in range(20):
        await box.put(f"good {number}", queue=f"g{number}", peer="did:good")
    for _ in range(40):
        await box.deliverer.look()
        await asyncio.sleep(0)
    assert sum(body.startswith("good") for body, _, _ in box.results) == 20
    assert box.peer.most <= 3 * NEW + 20
    box.peer.hanging, box.peer.answers["https://hung/"] = "", [Unavailable("timeout", "did not answer in time")]
    box.peer.release.set()
    await box.deliverer.settle()
    box.peer.got.clear()
    box.now += 0.1
    await box.turn()
    assert box.peer.got == []  # left alone
    box.now += 1
    await box.turn()
    assert len(box.peer.got) == 3
    assert box.told == [(f"did:hung{number}", "did not answer in time") for number in range(3)]


async def test_what_waits_for_many_new_peers_hides_nobody() -> None:
    """A peer's message goes out with the first look, however much waits before it for others."""
    box = Outbox()
    box.peer.hanging = "https://hung/"
    for number in range(16 * EACH):
        await box.put(f"hung {number}", queue=f"h{number}", url="https://hung/", peer=f"did:hung{number % 16}")
    await box.put("good", queue="g", peer="did:good")
    await box.deliverer.look()
    for _ in range(5):
        await asyncio.sleep(0)
    assert [body for body, _, _ in box.results] == ["good"]
    box.peer.release.set()
    await box.deliverer.settle()


async def test_what_is_sent_again_ends() -> None:
    """After ten days without an answer a send is given up, and its process hears so (rule 11.3b)."""
    box = Outbox()
    box.peer.answers["https://p/"] = [Unavailable("unreachable", "nobody there")]
    await box.put("1")
    await box.all(20, 86400.0)
    assert box.results == [("1", 0, b"")]
    assert 8 <= len(box.peer.got) <= 14


@pytest.mark.parametrize(
    "failure", [500, 503, 302, 401, 403, 407, 408, 429, Unavailable("unreachable", "nobody there")]
)
async def test_what_may_pass_is_tried_again(failure: int | Exception) -> None:
    """Nobody there, and errors that may pass, are tried again for as long as it takes, ever more rarely."""
    box = Outbox()
    box.peer.answers["https://p/"] = [failure] * 30 + [200]
    await box.put("1", "2")
    await box.all(40)
    assert box.peer.got[:32] == ["1"] * 31 + ["2"]
    assert [body for body, _, _ in box.results] == ["1", "2"]


async def test_pauses_double_up_to_a_minute() -> None:
    """The first pause is short, each is twice the last, none is longer than a minute."""
    box = Outbox()
    box.peer.answers["https://p/"] = [500]
    await box.put("1")
    pauses = []
    for _ in range(14):
        await box.turn()
        ((_, due),) = box.store._sends.values()
        pauses.append(round(due - box.now, 3))
        box.now = due
    assert pauses[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert max(pauses) == LONGEST_S


async def test_a_failing_lane_holds_up_no_other() -> None:
    """While one peer is away, others get their messages."""
    box = Outbox()
    box.peer.answers["https://away/"] = [Unavailable("unreachable", "nobody there")]
    await box.put("lost", url="https://away/", peer="did:away")
    await box.put("found", queue="b")
    await box.turn()
    assert box.results == [("found", 200, b"answer 200")]
    assert box.told == [("did:away", "nobody there")]


@pytest.mark.parametrize("status", [400, 405, 410, 422])
async def test_a_refusal_is_final_and_reported(status: int) -> None:
    """A 4xx is an answer: it is handed on at once, and what follows in the queue is sent."""
    box = Outbox()
    box.peer.answers["https://p/"] = [status, 200]
    await box.put("1", "2")
    await box.all(2)
    assert box.results == [("1", status, f"answer {status}".encode()), ("2", 200, b"answer 200")]


@pytest.mark.parametrize("status", [404, 409])
async def test_an_early_message_is_tried_again_for_a_while(status: int) -> None:
    """`I do not know that yet` is tried again, and believed in the end."""
    early = Outbox()
    early.peer.answers["https://p/"] = [status, status, 200]
    await early.put("1")
    await early.all(4)
    assert early.results == [("1", 200, b"answer 200")]
    never = Outbox()
    never.peer.answers["https://p/"] = [status]
    await never.put("1")
    await never.all(20)
    assert len(never.peer.got) == NOT_KNOWN_YET_ATTEMPTS
    assert never.results == [("1", status, f"answer {status}".encode())]


async def test_a_result_that_cannot_be_stored_is_delivered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the store refuses, or the process dies, between answer and commit, the message goes out once more."""
    monkeypatch.setattr(worker, "LOOK_S", 0)
    box = Outbox()
    box.broken = True
    await box.put("1")
    await box.turn()
    assert box.told == [("did:p", "disk full")]
    box.broken = False
    box.restart()
    await box.turn()
    assert box.peer.got == ["1", "1"]
    assert box.results == [("1", 200, b"answer 200")]


async def test_a_forbidden_address_is_a_trouble_not_a_crash() -> None:
    """An address that may not be asked keeps its queue waiting, with the reason to be seen."""
    box = Outbox()
    box.peer.answers["https://p/"] = [Refused("forbidden-address", "10.0.0.1 may not be connected to")]
    await box.put("1")
    await box.turn()
    assert box.told == [("did:p", "10.0.0.1 may not be connected to")]


async def test_the_loop_runs_on_being_woken() -> None:
    """A commit followed by `wake` is delivered by the running loop; cancelling it breaks off what is on its way."""
    box = Outbox()
    running = asyncio.create_task(box.deliverer.run())
    await box.put("1", "2")
    box.deliverer.wake()
    while len(box.results) < 2:
        await asyncio.sleep(0)
    box.peer.gate = asyncio.Event()
    await box.put("3")
    box.deliverer.wake()
    while box.peer.at_once == 0:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert box.deliverer.idle or not box.deliverer._busy
    assert [send.body for send in await box.store.due(1e12, 10)] == [b"3"]


async def test_an_outbox_that_cannot_be_read_is_read_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing read neither ends the loop nor loses anything."""
    box = Outbox()
    await box.put("1")
    with monkeypatch.context() as broken:
        broken.setattr(box.store, "due", None)
        await box.turn()
    await box.turn()
    assert box.results == [("1", 200, b"answer 200")]
