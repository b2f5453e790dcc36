"""What there is to tell, over the golden scenario: each thing once, to whom it concerns, and in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import pytest

from armslength.notify import catalogue
from armslength.notify.news import OpenTask, Reminded, SeenArrangement, news
from armslength.notify.notification import ASKED, HAPPENED, KINDS, NEAR, PASSED, SILENCE, Notification
from armslength.notify.settings import Leads
from armslength.views.tasks import KINDS as TASKS
from armslength.views.today import HOW
from tests.golden.terms import A1, DAY, HOUR, MINUTE, at, golden_script, golden_terms
from tests.views.fold import Folded, golden

LEADS = Leads()
BEGIN, END = at(-4), at(50)
STEP = 30 * MINUTE


class Told:
    """All that one actor is told, looked for at given instants beside those of the record."""

    def __init__(self, me: str, record: Folded | None = None) -> None:
        self.said: list[tuple[int, Notification]] = []
        self.moved: list[tuple[int, OpenTask]] = []
        self.gone: list[tuple[int, OpenTask]] = []
        self.reminded = Reminded()
        self._me = me
        self._record = record or golden()

    def look(self, now: int) -> int | None:
        """One look; when the next is due."""
        size = len(self._record.until(now))
        changes = [change for entry in self._record.placed[self.reminded.size : size] for change in entry.changes]
        state = self._record.states[size]
        seen = SeenArrangement("ab" * 32, self._record.terms, self._me, state, state, size, now)
        found = news(seen, changes, self.reminded, LEADS)
        self.said += [(now, each) for each in found.said]
        self.moved += [(now, each) for each in found.moved]
        self.gone += [(now, each) for each in found.gone]
        self.reminded = found.reminded
        return found.reminded.next

    def kinds(self) -> Counter[str]:
        """How many of each kind."""
        return Counter(each.kind for _, each in self.said)

    def of(self, kind: str, event: str) -> list[tuple[int, Notification]]:
        """Those of a kind and an event."""
        return [(now, each) for now, each in self.said if (each.kind, each.event) == (kind, event)]


def entries() -> list[int]:
    """When the record grows."""
    return sorted({entry.at for entry in golden().placed})


@cache
def told(me: str) -> Told:
    """Looked for when the record grows, and when the look before said."""
    found, coming = Told(me), entries()
    now = BEGIN
    while now <= END:
        due = found.look(now)
        assert due is None or due > now, "a look that is due at once would never end"
        ahead = [each for each in coming if each > now][:1] + ([due] if due else [])
        if not ahead:
            break
        now = min(ahead)
    return found


def polled(me: str, step: int, extra: Iterable[int] = ()) -> Told:
    """Looked for every so often."""
    found = Told(me)
    for now in sorted({*range(BEGIN, END, step), *entries(), *extra}):
        found.look(now)
    return found


@pytest.mark.parametrize("me", ["A", "B", "m1", "m5", "v"])
def test_nothing_is_told_twice(me: str) -> None:
    """Every id once, however often it is looked."""
    ids = Counter(each.id for _, each in told(me).said)
    assert ids
    assert set(ids.values()) == {1}


@pytest.mark.parametrize("me", ["A", "m1"])
def test_looking_when_due_tells_what_looking_all_the_time_tells(me: str) -> None:
    """`next` forgets no instant: whoever looks every half hour learns nothing else, and nothing earlier."""
    due = {each.id: now for now, each in told(me).said}
    often = {each.id: now for now, each in polled(me, STEP).said}
    assert due.keys() == often.keys()
    assert all(due[name] <= often[name] < due[name] + STEP + 1 for name in due)


def test_a_party_hears_what_has_happened_in_its_order() -> None:
    """The turns of the golden scenario, each once."""
    found = told("A")
    order = [each.event for _, each in found.said if each.kind == HAPPENED and each.event in catalogue.FOR_ALL]
    assert order == ["signed", "begun", "held", "suspended", "resumed", "ended"]
    assert len(found.of(HAPPENED, "alleged")) == 2
    assert len(found.of(HAPPENED, "decided")) == 2
    assert len(found.of(HAPPENED, "breached")) == 1
    ((_, breach),) = found.of(HAPPENED, "breached")
    assert "C2" in breach.text
    assert "cure window" in breach.text


def test_what_is_asked_names_its_command_and_its_limit() -> None:
    """A monitor is asked for each day when it has ended, and told how to answer."""
    found = told("m1").of(ASKED, "attest")
    assert found
    for now, each in found:
        assert each.until is not None
        assert now < each.until
        assert each.how.startswith("armslength attest ")
        assert each.keys
    first = next(each for _, each in found if each.subject == "k2")
    assert "k2#0" in first.how


def test_only_what_is_still_open_is_reminded_of() -> None:
    """A reminder comes a lead time before the limit, for what its monitor has not said by then."""
    for me in ("m1", "m2", "B"):
        for now, each in told(me).said:
            if each.kind in {NEAR, PASSED} and each.event in TASKS:
                assert each.until is not None
                assert (now <= each.until) == (each.kind == NEAR)


def test_silence_names_who_and_since_when() -> None:
    """Of the monitors who say nothing a party is told, with their names; the monitors themselves are not."""
    stopped = Folded(golden_terms(), [group for group in golden_script() if group[0] <= at(3, 2)])
    for me in ("A", "m1"):
        found = Told(me, stopped)
        for now in range(at(3, 2), at(6), HOUR):
            found.look(now)
        silent = [(now, each) for now, each in found.said if each.kind == SILENCE]
        assert bool(silent) == (me == "A")
        for now, each in silent:
            assert set(each.who) == set(golden().terms.claims[each.subject].monitors)
            assert "5 monitors (m1–m5) have been asked since" in each.text or each.subject != "k2"
            assert each.until is not None
            assert now < each.until <= now + LEADS.silence
        assert len({each.id for _, each in silent}) == len(silent)


def test_an_allegation_is_asked_of_its_debtor_alone() -> None:
    """B is asked to answer; the determiners to decide; A neither."""
    assert [each.subject for _, each in told("B").of(ASKED, "answer")] == []  # it was answered in the same minute
    voters = golden().terms.allegations.determiners.of
    for me in ("A", "B", *voters):
        assert bool([each for _, each in told(me).of(ASKED, "determine") if each.subject == A1]) == (me in voters)


def test_a_deadline_that_moves_keeps_its_key_and_counts() -> None:
    """What was due earlier, before its clock stood still, is the same task: it moves, and is reminded of anew."""
    opened = next(now for now, each in told("B").moved if each.key == "perform/C5a")
    found = Told("B", Folded(golden_terms(), [group for group in golden_script() if group[0] <= opened]))
    found.look(opened)
    (task,) = (each for each in found.reminded.open if each.key == "perform/C5a")
    assert task.until is not None
    earlier = replace(task, until=task.until - DAY, told=(ASKED, f"{NEAR} 86400 {task.until - DAY}"))
    found.reminded = replace(found.reminded, open=(earlier,))
    found.said.clear()
    found.moved.clear()
    found.look(task.until - 23 * HOUR)
    assert [each.sequence for _, each in found.moved if each.key == task.key] == [1]
    assert [(each.kind, each.until) for _, each in found.said if each.keys == (task.key,)] == [(NEAR, task.until)]


def test_what_falls_away_is_told_apart() -> None:
    """A task that is done is gone, once; what is still open is not."""
    gone = Counter(each.key for _, each in told("B").gone)
    assert gone["perform/C5a"] == 1
    assert set(gone) & {each.key for each in told("B").reminded.open} == set()


def test_a_look_after_a_long_absence_tells_the_last_reminder_alone() -> None:
    """Of the lead times that passed while nobody looked, one is told."""
    opened = next(now for now, each in told("B").moved if each.key == "perform/C5a")
    found = Told("B", Folded(golden_terms(), [group for group in golden_script() if group[0] <= opened]))
    found.look(opened)
    due = next(each.until for each in found.reminded.open if each.key == "perform/C5a")
    assert due is not None
    found.said.clear()
    found.look(due - HOUR)
    assert len([each for _, each in found.said if each.subject == "C5a" and each.kind == NEAR]) == 1


def test_every_kind_has_its_words() -> None:
    """Whatever can be told has a subject line, and whatever can be asked of a person has a command."""
    assert catalogue.SUBJECTS.keys() == set(KINDS)
    assert HOW.keys() >= set(TASKS) - {"accept", "approve"}
    events = {each.event for me in ("A", "B", "m1", "v") for _, each in told(me).said if each.kind == HAPPENED}
    assert events <= catalogue.EVENTS.keys()
    named = {name for by in catalogue._EVENTS.values() for name in by.values()} | set(catalogue._BACK.values())
    assert named == catalogue.EVENTS.keys()


def test_the_days_pass_with_a_bounded_number_of_looks() -> None:
    """A party looks a few times a day, not all the time."""
    found, now, looks = Told("A"), BEGIN, 0
    while now <= END:
        due = found.look(now)
        looks += 1
        if due is None:
            break
        now = due
    assert looks < 40 * (END - BEGIN) // DAY
