"""The management interface: what its owner asks, and what the answer adds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Attest, Resume
from armslength.errors import Misuse, NotFound, Refused
from armslength.web.manage import Management, build_management, owner_verbs
from armslength.wire.errors import FROM_NODE, decode_error
from armslength.wire.manage import NamingPage, StatementsOrder, WhichTranche, statements
from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.network import ask
from tests.sim.virtual import play
from tests.views.fold import golden

ME = "did:web:me.example"


def _held(name: str, by: str, replaces: str | None, signed: tuple[str, ...] = (), phase: str = "PROPOSED") -> Any:
    return SimpleNamespace(
        arrangement=name * 64,
        engagement=SimpleNamespace(by=by, proposal=SimpleNamespace(replaces=replaces)),
        terms=SimpleNamespace(title=f"terms {name}"),
        record=SimpleNamespace(
            me=SimpleNamespace(actor="A"),
            view=SimpleNamespace(state=SimpleNamespace(arrangement=SimpleNamespace(signed=signed, phase=phase))),
        ),
    )


class _Repository:
    """These arrangements."""

    def __init__(self, live: dict[str, Any]) -> None:
        self._held = live

    async def beginning(self, begins: str, limit: int) -> list[str]:
        return [name for name in sorted(self._held) if name.startswith(begins)][:limit]

    async def open(self, name: str) -> Any:
        return self._held[name]

    async def opened(self, names: list[str]) -> AsyncIterator[Any]:
        for name in names:
            yield self._held[name]

    async def title(self, name: str) -> str:
        return str(self._held[name].terms.title)


def _management(*live: Any) -> Management:
    repository = _Repository({each.arrangement: each for each in live})
    return Management(SimpleNamespace(repository=repository, proposals=None), SimpleNamespace())  # type: ignore[arg-type]


def test_a_statement_that_will_change_nothing_is_noted() -> None:
    """Whoever attests what is decided already is told so in the answer; of any other statement nothing is noted."""
    state = golden().at(at(10, 2))
    book = SimpleNamespace(me=SimpleNamespace(actor="m5"), view=SimpleNamespace(state=state))
    recorder = SimpleNamespace(now=lambda _: at(10, 2))
    node: Any = SimpleNamespace(recorder=recorder, repository=None, proposals=None)
    management = Management(node, SimpleNamespace())  # type: ignore[arg-type]
    live: Any = SimpleNamespace(terms=golden().terms, record=book)
    note = management._note(live, Attest(claim="k1a", period=3, value=True))
    assert note == "changes nothing: k1a day 3 is already decided: SUPPORTED"
    assert management._note(live, Attest(claim="k1a", period=10, value=True)) is None


def test_arrangements_that_name_somebody(tmp_path: Path) -> None:
    """A node tells in which of its arrangements a DID is named; of others it tells nothing."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.propose()
            running = world.nodes["A"].running
            management = Management(running.node, running.clock)
            terms = (await running.node.repository.open(world.arrangement)).terms
            found = await management.naming(NamingPage(did=terms.actors["m1"].did or ""))
            assert (found.arrangements, found.next) == ((world.arrangement,), None)
            assert (await management.naming(NamingPage(did="did:web:nobody.example"))).arrangements == ()

    play(story())


def test_only_the_recipient_fetches(tmp_path: Path) -> None:
    """Whoever fetches a tranche of others is told that they are not its recipient; nobody fetches what there is not."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.propose()
            running = world.nodes["A"].running
            management = Management(running.node, running.clock)
            with pytest.raises(Misuse, match="you are not the recipient of T1"):
                await management.fetch(WhichTranche(arrangement=world.arrangement, tranche="T1"))
            with pytest.raises(NotFound, match="no such tranche"):
                await management.fetch(WhichTranche(arrangement=world.arrangement, tranche="T9"))

    play(story())


def test_what_is_refused_names_the_arrangement() -> None:
    """Whoever holds several learns in which one a statement is not valid."""
    management = _management(_held("a", ME, None))

    async def say(*_: object) -> None:
        raise Refused("state", "nothing is suspended")

    management._node.writer = SimpleNamespace(say=say)  # type: ignore[assignment]
    management._note = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(Refused, match=r"nothing is suspended \(in terms a, aaaaaaaaaaaa\)"):
        asyncio.run(management.say(StatementsOrder(statements=statements([Resume()]))))


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        (b'{"arrangement": "", "extra": 1}', "unknown-field", "extra"),
        (b'{"arrangement": 5}', "bad-field", "arrangement"),
        (b"[]", "bad-field", None),
        (b"{", "not-json", None),
    ],
)
async def test_a_question_in_another_form_is_misuse(body: bytes, code: str, place: str | None) -> None:
    """A field too many or of another kind, or no JSON at all: status and class of misuse, with the place."""
    node = SimpleNamespace(repository=None, proposals=None)
    verbs = owner_verbs(
        node,
        SimpleNamespace(),  # type: ignore[arg-type]
        SimpleNamespace(approvals=None),  # type: ignore[arg-type]
        SimpleNamespace(),  # type: ignore[arg-type]
    )
    management: Any = build_management(verbs)
    reply = await ask(management, "POST", "http://localhost/view", body)
    error = decode_error(reply.status, reply.body, FROM_NODE)
    assert (type(error), error.code, error.place) == (Misuse, code, place)
