"""The overview: states, duties, deadlines, what is provisional, and its text for terminals."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest

from armslength.cli import show
from armslength.views.explain import NodeFacts, why
from armslength.views.exposure import series
from armslength.views.jsonable import json_text, jsonable
from armslength.views.status import Status, status
from armslength.views.textual import plain, status_text, timeline_text, why_text
from armslength.views.timeline import timeline
from armslength.views.words import Words
from tests.golden.terms import A1, at
from tests.views.fold import golden

MOMENTS = [at(-2), at(0), at(6), at(9, 3), at(14, 10), at(20, 11), at(22, 11), at(26, 11), at(38, 9), at(50)]


class Terminal(io.StringIO):
    """A text file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def seen(time: int, facts: NodeFacts | None = None) -> Status:
    """The overview of the golden scenario at an instant."""
    return status(golden().terms, golden().at(time), facts)


def states(view: Status) -> dict[str, str]:
    """Every duty and tranche by its state."""
    return {line.id: line.state for line in (*view.duties, *view.tranches)}


def test_at_d_plus_14_10_it_is_held() -> None:
    """HELD with T3 to T6 withheld, the allegation denied and holding, one of three holds used."""
    view = seen(at(14, 10))
    assert view.state == "HELD"
    assert {states(view)[tranche] for tranche in ("T3", "T4", "T5", "T6")} == {"WITHHELD"}
    assert [(a.id, a.answer, a.outcome, a.holding) for a in view.allegations] == [(A1, "DENIED", "OPEN", True)]
    assert view.holds_left == {"A": 2, "B": 3}
    assert next(line for line in view.tranches if line.id == "T3").stage == "DELIVERED"


def test_at_d_plus_22_it_is_suspended() -> None:
    """SUSPENDED by C2; C5b, owed by the breacher, runs on; T4 to T6 are withheld for two reasons."""
    view = seen(at(22, 11))
    assert view.state == "SUSPENDED"
    assert states(view)["C2"] == "BREACHED"
    assert not next(line for line in view.duties if line.id == "C5b").frozen
    assert set(next(line for line in view.tranches if line.id == "T4").withheld) == {"suspended", "condition"}


def test_the_next_deadline_skips_excuses_that_nobody_asked_for() -> None:
    """At D+5 01:00 the next deadline is not the unused excuse of the day before."""
    view = seen(at(5, 2))
    assert view.next is not None
    assert not view.next.subject.startswith("x2")
    assert any(d.idle and d.subject.startswith("x2") for d in view.deadlines)


def test_what_no_seal_covers_is_provisional() -> None:
    """With facts, the overview counts unsealed entries and says so in words (rule 2.5a)."""
    view = seen(at(10), NodeFacts(now=at(10), size=120, sealed=117, sealed_at=at(9, 10)))
    assert view.provisional is not None
    assert view.provisional.entries == 3
    assert "The last 3 entries are provisional" in plain(status_text(golden().terms, view))


def test_offline_nothing_is_said_about_seals() -> None:
    """Without facts there is no provisional part."""
    view = seen(at(10))
    assert view.provisional is None
    assert "provisional" not in plain(status_text(golden().terms, view))


@pytest.mark.parametrize("time", MOMENTS)
def test_text_fits_eighty_columns(time: int) -> None:
    """The overview, every answer and the timeline stay within 80 columns."""
    terms, state = golden().terms, golden().at(time)
    lines = plain(status_text(terms, seen(time))).splitlines()
    for subject in ("arrangement", *state.duties, *state.tranches, *state.claims, *state.allegations):
        lines += plain(why_text(why(terms, state, subject))).splitlines()
    told = timeline(terms, golden().until(time), state)
    lines += plain(timeline_text(Words.of(terms, state), told)).splitlines()
    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize("time", MOMENTS)
def test_the_overview_is_json(time: int) -> None:
    """It encodes as strict JSON and keeps its fields."""
    document = json.loads(json.dumps(jsonable(seen(time)), allow_nan=False))
    assert set(document) == set(Status.__dataclass_fields__)
    assert document["exposure"].keys() == {"A", "B"}


def test_a_pipe_gets_no_colour_and_a_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escapes are written to a terminal only, and never with NO_COLOR."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    pipe, terminal, quiet = io.StringIO(), Terminal(), Terminal()
    text = status_text(golden().terms, seen(at(22, 11)))
    pipe.write(show.styled(text, pipe))
    terminal.write(show.styled(text, terminal))
    monkeypatch.setenv("NO_COLOR", "1")
    quiet.write(show.styled(text, quiet))
    assert "\x1b[" not in pipe.getvalue()
    assert "\x1b[31mSUSPENDED\x1b[0m" in terminal.getvalue()
    assert "\x1b[" not in quiet.getvalue()


def test_every_view_is_json() -> None:
    """Whatever is shown to people encodes as one strict JSON document for programs."""
    terms, state, placed = golden().terms, golden().state, golden().placed
    views = (
        status(terms, state),
        why(terms, state, "C2"),
        list(timeline(terms, placed, state)),
        dict(series(terms, placed)),
    )
    for view in views:
        assert json.loads(json_text(view))


def test_long_ids_have_room() -> None:
    """Ids of any length keep their distance from the state, in columns that line up."""
    terms, state = golden().terms, golden().at(at(8))
    view = status(terms, state)
    long = replace(view, tranches=tuple(replace(line, id=f"Historical-{line.id}") for line in view.tranches))
    rows = [line for line in plain(status_text(terms, long)).splitlines() if line.startswith("  Historical-")]
    assert len(rows) == 6
    assert all(re.match(r"  Historical-T\d (SETTLED|DELIVERED|LOCKED) +\w", row) for row in rows)


def test_the_end_of_the_term_is_told_once_and_what_comes_next_first() -> None:
    """While other deadlines come first, the end stands in the head line and is not a second "next"."""
    text = " ".join(plain(status_text(golden().terms, seen(at(8)))).split())
    assert "The term ends on 30 Aug 2016 00:00 UTC (D+46)." in text
    assert text.count("Next") == 1
    suspended = " ".join(plain(status_text(golden().terms, seen(at(22, 11)))).split())
    assert "Next: remedy and resumption" in suspended
    assert "The term ends" not in plain(status_text(golden().terms, seen(at(50))))


def test_allegations_show_the_ids_that_answers_need() -> None:
    """Each allegation's row begins with its id."""
    text = plain(status_text(golden().terms, seen(at(14, 10))))
    assert re.search(rf"^  {A1} OPEN$", text, flags=re.MULTILINE)


def test_a_silent_keeper_is_told_once() -> None:
    """With three entries unsealed for hours, the record's part names the keeper, and nothing else does."""
    view = seen(at(10), NodeFacts(now=at(10), size=120, sealed=117, sealed_at=at(9, 10)))
    text = " ".join(plain(status_text(golden().terms, view)).split())
    assert text.count("No seal has come from Neutral body (m5), the keeper, for 14 h") == 1
    assert "has not answered" not in text


def test_before_the_first_seal_no_time_is_told() -> None:
    """Of a record without entries the overview says that nothing is sealed, and counts no days from 1970."""
    view = status(golden().terms, golden().states[0], NodeFacts(now=at(-5), size=0, sealed=0))
    text = plain(status_text(golden().terms, view))
    assert "Nothing is sealed yet" in text
    assert "1970" not in text
    assert "D−2" not in text
    assert " in " not in next(line for line in text.splitlines() if line.startswith("Next: "))
