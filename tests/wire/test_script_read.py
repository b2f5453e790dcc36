"""What a script may say, and that everything else is refused with its line and its reason."""

from __future__ import annotations

import pytest

from armslength.core.arrangement.bodies import Allege, Attest, Determine, Notice, Respond
from armslength.wire.script import BadScript, Spoken
from armslength.wire.script_sentences import Grammar
from armslength.wire.script_times import Anchors, read_time, write_time
from armslength.wire.terms_values import BadValue
from tests.golden.terms import END, HOUR, D, at
from tests.rehearsal.support import TERMS, read

ANCHORS = Anchors(d=D, start=D, end=END, before=at(5))


def spoken(text: str) -> list[Spoken]:
    """What is said in a script."""
    return [cue for cue in read(text).cues if isinstance(cue, Spoken)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("D", at(0)), ("D+3", at(3)), ("D+3 10:00", at(3, 10)), ("D-2 06:30", at(-2, 6) + 1800), ("D+36h", at(1, 12)),
        ("D+3d 2h", at(3, 2)), ("start-1d", at(-1)), ("end", END), ("end-1d 12h", END - 36 * HOUR), ("+2h", at(5, 2)),
        ("2016-07-18", at(3)), ("2016-07-18 10:00", at(3, 10)), ("2016-07-18T10:00:00Z", at(3, 10)),
    ],
)  # fmt: skip
def test_times(text: str, wanted: int) -> None:
    """A time is of the calendar, counted from D, the start or the end, or from the line before."""
    assert read_time(text, ANCHORS) == wanted


@pytest.mark.parametrize("text", ["D+", "D3", "tomorrow", "2016-02-30", "D+3 25:00", "+2", "D+3 months", "", "10:00"])
def test_what_is_no_time(text: str) -> None:
    """Whatever else stands there is refused."""
    with pytest.raises(BadValue):
        read_time(text, ANCHORS)


@pytest.mark.parametrize("when", [at(3, 10), at(-2, 5), at(0), at(7) + 61, at(-1) - 61])
def test_times_are_written_as_they_are_read(when: int) -> None:
    """What is written is read back."""
    assert read_time(write_time(when, ANCHORS), ANCHORS) == when


def test_many_statements_in_one_line() -> None:
    """Actors, claims and periods may each be several, and each period has its own time."""
    found = spoken("- {at: 1h after each, say: 'm1..m3 attest k1a, k2#0..6 true'}")
    assert len(found) == 3 * 2 * 7
    assert {cue.at for cue in found} == {at(period + 1, 1) for period in range(7)}
    assert {cue.author for cue in found} == {"m1", "m2", "m3"}


def test_all_are_those_who_may() -> None:
    """`all` are the monitors of each claim, the parties, or the determiners."""
    assert {cue.author for cue in spoken("- {at: D+8, say: 'all attest k6a#0 true'}")} == {"h"}
    assert {cue.author for cue in spoken("- {at: D, say: all sign}")} == {"A", "B"}
    assert len(spoken("- {at: D+8, say: all dismiss A/k2/3}")) == 5


def test_the_last_line_about_a_period_counts() -> None:
    """A general line may stand first and an exception below it; one that must be refused replaces nothing."""
    found = spoken(
        """
- {at: 1h after each, say: 'm1, m2 attest k2#0..3 true'}
- {at: D+2 10:00, say: m1 attests k2#2 false}
- {at: D+2 11:00, say: m2 attests k2#2 true, refused: early}
"""
    )
    about = [
        (cue.author, cue.at, cue.body.value) for cue in found if isinstance(cue.body, Attest) and cue.body.period == 2
    ]
    assert sorted(about) == [("m1", at(2, 10), False), ("m2", at(2, 11), True), ("m2", at(3, 1), True)]


def test_d_is_the_last_signature() -> None:
    """Where the last party signs after the stated start, D is then, for every line."""
    found = spoken("- {at: D+1, say: B performs C5a}\n- {at: start+2d, say: all sign}")
    assert {cue.at for cue in found if cue.line == 4} == {at(3)}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("B notifies k2 from D+9 09:00 to D+9 12:00", Notice(claim="k2", start=at(9, 9), end=at(9, 12), text="")),
        ("A alleges k2#14 with hold", Allege(claim="k2", period=14, hold=True)),
        ("B alleges T3", Allege(tranche="T3")),
        ("B denies A/k2/14", Respond(allegation="A/k2/14", answer="DENIED")),
        ("m5 upholds T3", Determine(uphold=True, tranche="T3")),
        ("m5 dismisses A/k2/14", Determine(uphold=False, allegation="A/k2/14")),
        ("m1 attests k2#7 false", Attest(claim="k2", period=7, value=False)),
        ("v attests k5a true", Attest(claim="k5a", period=0, value=True)),
    ],
)
def test_sentences_are_written_as_they_are_read(text: str, body: object) -> None:
    """A sentence comes to its statement, and the statement to its sentence."""
    grammar = Grammar(TERMS, ANCHORS)
    (said,) = grammar.read(text)
    assert said.body == body
    assert said.body is not None
    assert grammar.write(said.author, said.body) == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("- {at: D, say: v attests k9#1 true}", "k9 is an event, and has no periods"),
        ("- {at: D, say: m1 attests k2 true}", "say which, such as k2#0..6"),
        ("- {at: D, say: m1 attests k2#46 true}", "0 to 45"),
        ("- {at: D, say: m1 attests k2#6..3 true}", "0 to 45"),
        ("- {at: D, say: m1 attests k2#3}", "ends with true or false"),
        ("- {at: D, say: m1 atests k2#3 true}", "did you mean attest"),
        ("- {at: D, say: m9 attests k2#3 true}", "the terms name no m9"),
        ("- {at: D, say: m1..m9 attest k2#3 true}", "more than the terms name|no m6"),
        ("- {at: D, say: A releases T9}", "no tranche T9"),
        ("- {at: D, say: A never signs}", "never is said of what a node does"),
        ("- {at: D, say: A resumes now}", "after which nothing does"),
        ("- {at: D, say: B denies k2/14}", "is no allegation"),
        ("- {at: D, say: A}", "does not say who does what"),
        ("- {at: D, say: m1 attests k2#0 true, refused: maybe}", "no code of a refusal"),
        ("- {at: D, expect: T2 is DONE}", "DONE is no state of it"),
        ("- {at: D, expect: T9 is READY}", "the terms have no T9"),
        ("- {at: D, expect: T2}", "does not say what is expected"),
        ("- {at: D, expect: T2 is never READY at D+3}", "has no time"),
        ("- {at: D, expect: k2#99 is UNKNOWN}", "0 to 45"),
        ("- {at: 1h after each, expect: T2 is READY}", "a time to attest"),
        ("- {at: 1h after each, say: A, B sign}", "a time to attest|no such field"),
        ("- {at: noon, say: A signs}", "is not a time"),
        ("- {at: D}", "one of them"),
        ("- {silence: A, down: B}", "one of them"),
        ("- {silence: m9}", "the terms name no m9"),
        ("- {silence: A from D+3 to D+2}", "before it begins"),
        ("- {down: A on k2#3}", "say silence"),
        ("- {when: D, say: A signs}", 'no such field "when"'),
        ("- A signs", "must be a mapping"),
    ],
)  # fmt: skip
def test_what_is_refused(line: str, reason: str) -> None:
    """Each fault is refused with its line and the reason."""
    with pytest.raises(BadScript, match=reason) as caught:
        read(line)
    assert {problem.line for problem in caught.value.problems} == {4}


def test_every_problem_is_told() -> None:
    """All that is wrong is told at once, in the order of the file; a fault of YAML too has its line."""
    with pytest.raises(BadScript) as caught:
        read("- {at: D, say: m9 signs}\n- {at: D, expect: T2 is DONE}")
    assert [problem.line for problem in caught.value.problems] == [4, 5]
    with pytest.raises(BadScript, match="anchor"):
        read("- &x {at: D, say: A signs}")
    with pytest.raises(BadScript, match="agreed or silent"):
        read("otherwise: maybe\n- {at: D, say: A signs}")


def test_what_is_played_is_bounded() -> None:
    """No sentence makes more statements than are played, whatever it names, and no script does."""
    parts = ", ".join(f"k{name}" for name in ("1a", "1b", "2") for _ in range(90))
    with pytest.raises(BadScript, match="more than 50000"):
        read(f"- {{at: 1h after each, say: 'm1..m5 attest {parts}#0..45 true'}}")
    many = ", ".join(["k2#0..45"] * 190)
    lines = "\n".join(f"- {{at: 1h after each, say: 'm1..m5 attest {many} true'}}" for _ in range(6))
    with pytest.raises(BadScript, match="200000 statements"):
        read(lines)
