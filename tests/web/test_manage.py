"""Of which arrangement the management interface speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Attest
from armslength.errors import Misuse, Refused
from armslength.web import manage
from tests.golden.terms import at
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


def _verbs(*live: Any) -> manage._Verbs:
    node: Any = SimpleNamespace(repository=_Repository({each.arrangement: each for each in live}), proposals=None)
    return manage._Verbs(node, SimpleNamespace())  # type: ignore[arg-type]


def test_what_is_in_force_is_replaced_by_nothing_that_is_not() -> None:
    """Of terms of ours that answer others of ours, the answer is meant; but not in the place of what is in force."""
    read, ours, forced = _held("a", ME, None), _held("b", ME, "a" * 64), _held("a", ME, None, phase="EFFECTIVE")
    assert asyncio.run(_verbs(read, ours)._held({})) is ours
    with pytest.raises(Misuse, match=r"terms a.*terms b"):
        asyncio.run(_verbs(forced, ours)._held({}))
    assert asyncio.run(_verbs(forced, ours)._held({"arrangement": "bb"})) is ours


def test_a_statement_that_will_change_nothing_is_noted() -> None:
    """Whoever attests what is decided already is told so in the answer; of any other statement nothing is noted."""
    state = golden().at(at(10, 2))
    book = SimpleNamespace(me=SimpleNamespace(actor="m5"), view=SimpleNamespace(state=state))
    recorder = SimpleNamespace(now=lambda _: at(10, 2))
    node: Any = SimpleNamespace(recorder=recorder, repository=None, proposals=None)
    verbs = manage._Verbs(node, SimpleNamespace())  # type: ignore[arg-type]
    live: Any = SimpleNamespace(terms=golden().terms, record=book)
    note = verbs._note(live, Attest(claim="k1a", period=3, value=True))
    assert note == "changes nothing: k1a day 3 is already decided: SUPPORTED"
    assert verbs._note(live, Attest(claim="k1a", period=10, value=True)) is None


def test_only_the_recipient_fetches() -> None:
    """Whoever fetches a tranche of others is told that they are not its recipient."""
    terms = golden().terms
    tranche = next(name for name, each in terms.tranches.items() if each.recipient != "A")
    live: Any = SimpleNamespace(
        arrangement="a" * 64, terms=terms, record=SimpleNamespace(me=SimpleNamespace(actor="A"))
    )
    with pytest.raises(Misuse, match=f"you are not the recipient of {tranche}"):
        asyncio.run(_verbs(live).fetch({"arrangement": "aa", "tranche": tranche}))


def test_what_is_refused_names_the_arrangement() -> None:
    """Whoever holds several learns in which one a statement is not valid."""
    verbs = _verbs(_held("a", ME, None))

    async def say(*_: object) -> None:
        raise Refused("state", "nothing is suspended")

    verbs._node.say = say  # type: ignore[method-assign,assignment]
    verbs._note = lambda *_: {}  # type: ignore[method-assign]
    with pytest.raises(Refused, match=r"nothing is suspended \(in terms a, aaaaaaaaaaaa\)"):
        asyncio.run(verbs.say({"statements": [{"type": "resume", "body": {}}]}))
