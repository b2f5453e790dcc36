"""The simulated clock says times as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from armslength.cli.__main__ import run
from armslength.config import Config
from armslength.engine.clock import Clocks
from armslength.errors import Misuse, Unavailable
from armslength.store.memory import MemoryStore
from armslength.wire.manage import ClockOrder, ClockTime, Verb


async def test_a_clock_that_is_set_back_says_what_it_shows() -> None:
    """The refusal names the time in UTC, not in seconds since 1970 (rule 2.7b)."""
    clock = Clocks(MemoryStore(), development=True)
    await clock.set(1468540800)
    with pytest.raises(Misuse, match="the simulated time is 2016-07-15T00:00:00Z already and never goes back"):
        await clock.set(1468540799)


def test_several_clocks_are_set_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each node is asked; where one does not answer, it is named, and so are those that are set already."""
    for name in ("a", "b", "c"):
        assert run(["init", str(tmp_path / name), "--address", "http://localhost:7001", "--development"]) == 0
    asked: list[str] = []

    def answer(config: Config, verb: Verb[ClockOrder, ClockTime], asked_for: ClockOrder) -> None:
        if config.name == "c":
            raise Unavailable("node-down", "no node answers", "c")
        asked.append(f"{config.name} {verb.name} {asked_for.to}")

    monkeypatch.setattr("armslength.cli.clock.ask", answer)
    a, b, c = (str(tmp_path / name) for name in ("a", "b", "c"))
    capsys.readouterr()
    assert run(["clock", "set", "1468540800", "--node", a, "--node", b]) == 0
    assert capsys.readouterr().out == "The simulated time is 2016-07-15T00:00:00Z at a and b.\n"
    assert asked == ["a clock 1468540800", "b clock 1468540800"]
    assert run(["clock", "set", "1468540800", "--node", a, "--node", c, "--node", b]) == 3
    assert "c: no node answers (already set: a)" in capsys.readouterr().err
