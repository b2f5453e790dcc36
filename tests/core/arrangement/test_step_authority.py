"""Every state of the arrangement × every type × every role: placed, or refused for the named reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import (
    BODIES,
    Ack,
    Allege,
    Attest,
    Body,
    Determine,
    Evidence,
    Notice,
    Perform,
    Release,
    Respond,
    Resume,
    Seal,
    Sign,
    Waive,
    Withdraw,
)
from armslength.errors import Refused
from tests.core.arrangement.play import TYPES, Play, act
from tests.core.arrangement.small import (
    DISPUTE,
    OK,
    answer,
    attest,
    begun,
    clear,
    content,
    delivering,
    given,
    maintain,
    release_and_key,
    start,
    state_claim,
    tranche,
    when,
)
from tests.core.arrangement.small import D as SMALL_D
from tests.golden.terms import A1, Group, at, commit, golden_groups, keep_only

# --- the arrangement's states -----------------------------------------------------------------------------------------


def _until(until: int, groups: list[Group] | None = None) -> Play:
    return Play().groups(golden_groups() if groups is None else groups, until=until)


@cache
def _signed() -> Play:
    play = _until(at(-3))
    play.say(at(-2), "A", commit("T1")[0][1])
    return play


@cache
def _winding() -> Play:
    play = _until(at(9, 2))
    play.say(at(9, 2), "A", Withdraw())
    rest = [group for group in golden_groups() if at(9, 2) < group[0] <= at(14, 1)]
    play.groups(rest)
    play.seal(at(14, 2))
    return play


@cache
def _terminated() -> Play:
    play = _until(at(24, 1), keep_only(golden_groups(), lambda when, who, body: when <= at(24, 1)))
    play.seal(at(37))
    return play


@cache
def _lapsed() -> Play:
    play = Play()
    play.seal(at(8))
    return play


SNAPSHOTS: dict[str, Callable[[], Play]] = {
    "PROPOSED": cache(Play),
    "SIGNED": _signed,
    "EFFECTIVE": cache(lambda: _until(at(14, 1))),
    "HELD": cache(lambda: _until(at(14, 10))),
    "SUSPENDED": cache(lambda: _until(at(22, 10))),
    "WINDING": _winding,
    "COMPLETED": cache(lambda: _until(at(46, 1))),
    "TERMINATED": _terminated,
    "LAPSED": _lapsed,
}

EQUIVOCATION = Evidence(kind="equivocation", first="", second="")

# One entry of each type by one who may say such a thing, and against whom evidence speaks.
RIGHTFUL: dict[str, tuple[str, Body, str | None]] = {
    "sign": ("B", Sign(), None),
    "commit": ("A", commit("T6")[0][1], None),
    "perform": ("B", Perform(duty="C9"), None),
    "attest": ("h", Attest(claim="k9", period=0, value=True), None),
    "notice": ("B", Notice(claim="k2", start=at(44), end=at(45), text=""), None),
    "allege": ("A", Allege(claim="k1b", period=0), None),
    "respond": ("B", Respond(allegation=A1, answer="DENIED"), None),
    "determine": ("m3", Determine(allegation=A1, uphold=False), None),
    "evidence": ("h", EQUIVOCATION, "m4"),
    "ack": ("B", Ack(tranche="T3", stage="cipher", key="k"), None),
    "release": ("A", Release(tranche="T3", wrapped="0" * 64), None),
    "key": ("A", release_and_key("T3")[1], None),
    "resume": ("A", Resume(), None),
    "withdraw": ("A", Withdraw(), None),
    "waive": ("A", Waive(duty="C9"), None),
    "seal": ("m5", Seal(checkpoint="", state_root=""), None),
}

# What becomes of it in each state. T3 is DELIVERED in EFFECTIVE and WINDING, WITHHELD in HELD, SETTLED in SUSPENDED and
# COMPLETED; C9 is ACTIVE from D on; a1 is raised and answered in HELD, and its time is over in SUSPENDED.
# What is not named here is placed.
_NOTHING_YET = dict.fromkeys(("perform", "attest", "notice", "allege", "ack", "release", "key", "resume"), "state")
_NOTHING_YET |= {"withdraw": "state", "waive": "state", "respond": "unknown", "determine": "unknown"}
_DONE = dict.fromkeys(("commit", "notice", "allege", "ack", "release", "key", "resume", "withdraw"), "state")
_DONE |= {"sign": "repeat", "respond": "repeat", "determine": "late"}
_BUSY = {"sign": "repeat", "ack": "state", "key": "state"}
LEGAL: dict[str, dict[str, str]] = {
    "PROPOSED": _NOTHING_YET | {"commit": "state"},
    "SIGNED": _NOTHING_YET | {"sign": "repeat"},
    "EFFECTIVE": _BUSY | {"respond": "unknown", "determine": "unknown", "resume": "state"},
    "HELD": _BUSY | {"respond": "repeat", "release": "state", "resume": "state"},
    "SUSPENDED": _BUSY | {"respond": "repeat", "determine": "late", "release": "state"},
    "WINDING": _BUSY
    | dict.fromkeys(("commit", "notice", "allege", "resume", "withdraw"), "state")
    | {"respond": "unknown", "determine": "unknown"},
    "COMPLETED": _DONE,
    "TERMINATED": _DONE,
    "LAPSED": _NOTHING_YET | {"sign": "state", "commit": "state"},
}

# Authors who may not say it, in a state where one may who has the right.
WRONG: dict[str, tuple[str, ...]] = {
    "sign": ("C", "m5", "h"),
    "commit": ("B", "m5", "h"),
    "perform": ("A", "C", "m5"),
    "attest": ("A", "B", "C", "m1"),
    "notice": ("A", "C", "m5"),
    "allege": ("C", "m5", "h", "v"),
    "respond": ("A", "C", "m5"),
    "determine": ("A", "B", "h", "v"),
    "ack": ("A", "C", "m5"),
    "release": ("B", "C", "m5"),
    "key": ("B", "C", "m5"),
    "resume": ("C", "h", "v"),
    "withdraw": ("C", "m5", "h"),
    "waive": ("B", "C", "m5"),
    "seal": ("A", "B", "C", "h"),
}


def verdict(play: Play, author: str, body: Body, culprit: str | None = None) -> str:
    """ "placed", or the code of the refusal; the play stays as it is."""
    what = act(author, play.state.clock.now or at(-3), body, culprit=culprit)
    root = step.state_root(play.state)
    try:
        step.apply(play.terms, play.state, what)
    except Refused as refusal:
        return refusal.code
    finally:
        assert step.state_root(play.state) == root
    return "placed"


@pytest.mark.parametrize("shown", SNAPSHOTS)
def test_snapshots_are_what_they_say(shown: str) -> None:
    """Each snapshot is in its state."""
    assert SNAPSHOTS[shown]().shown == shown


@pytest.mark.parametrize("shown", SNAPSHOTS)
@pytest.mark.parametrize("kind", BODIES)
def test_state_by_type(shown: str, kind: str) -> None:
    """Each type in each state, by one who may: placed, or refused with the named code."""
    author, body, culprit = RIGHTFUL[kind]
    assert TYPES[type(body)] == kind
    assert verdict(SNAPSHOTS[shown](), author, body, culprit) == LEGAL[shown].get(kind, "placed")


@pytest.mark.parametrize(("kind", "author"), [(kind, author) for kind, authors in WRONG.items() for author in authors])
def test_type_by_role(kind: str, author: str) -> None:
    """Each type by those who may not, in every state in which someone may: refused for want of authority
    (rule 1.5b)."""
    _, body, culprit = RIGHTFUL[kind]
    legal = [shown for shown in SNAPSHOTS if kind not in LEGAL[shown]]
    if kind in {"ack", "key", "respond"}:
        legal = ["HELD"]  # nowhere placed in these states, but what they speak of is there
    assert legal
    for shown in legal:
        assert verdict(SNAPSHOTS[shown](), author, body, culprit) == "authority"


def test_anyone_named_gives_evidence() -> None:
    """Evidence is anyone's whom the terms name, and nobody else's."""
    play = SNAPSHOTS["EFFECTIVE"]()
    for author in play.terms.actors:
        assert verdict(play, author, EQUIVOCATION, "m4") == "placed"
    assert verdict(play, "stranger", EQUIVOCATION, "m4") == "unknown"


# --- a tranche's states -----------------------------------------------------------------------------------------------


def _tranche(stage: str) -> Play:
    gate = when("start", 300) if stage == "LOCKED" else tranche().gate
    play = begun(
        claims={"k": state_claim(report_by=900)},
        duties={"d": maintain("k", consequence="record")},
        tranches={"t": tranche(gate=gate, continuous=clear("d"))},
    )
    t = SMALL_D
    if stage == "LOCKED":
        return play
    play.say(t, "P", content("t"))
    if stage == "READY":
        return play
    play.say(t, "Q", delivering("t"))
    if stage == "WITHHELD":
        attest(play, t, "k", 0, False)
    if stage in {"DELIVERED", "WITHHELD"}:
        return play
    if stage == "FORFEITED":
        attest(play, t, "k", 0, False)
        play.say(t, "Q", Withdraw())
        play.seal(start(2))
        return play
    if stage == "RELEASED":
        play.say(t, "P", release_and_key("t")[0])
        play.seal(t)
        return play
    given(play, t)
    if stage == "KEYED":
        return play
    play.say(t, "Q", answer("t", OK if stage == "SETTLED" else DISPUTE))
    return play


TRANCHE_BODIES: dict[str, tuple[str, Body]] = {
    "commit": ("P", content("t")),
    "deliver": ("Q", delivering("t")),
    "release": ("P", release_and_key("t")[0]),
    "key": ("P", release_and_key("t")[1]),
    "ok": ("Q", answer("t", OK)),
    "complain": ("Q", answer("t", DISPUTE)),
    "determine": ("N", Determine(tranche="t", uphold=True)),
    "waive": ("Q", Waive(duty="t.release")),
    "allege": ("Q", Allege(tranche="t")),
}
PLACED_IN: dict[str, set[str]] = {
    "commit": {"LOCKED"},
    "deliver": {"READY"},
    "release": {"DELIVERED"},
    "key": {"RELEASED"},
    "ok": {"KEYED"},
    "complain": {"KEYED"},
    "determine": {"DISPUTED"},
    "waive": {"LOCKED", "READY", "DELIVERED", "WITHHELD", "RELEASED", "KEYED", "DISPUTED"},
    "allege": set(),
}
OTHERWISE = {
    ("commit", "FORFEITED"): "state",
    ("key", "KEYED"): "repeat",
    ("allege", "READY"): "early",
}


@pytest.mark.parametrize(
    "stage",
    ["LOCKED", "READY", "DELIVERED", "WITHHELD", "RELEASED", "KEYED", "SETTLED", "DISPUTED", "FORFEITED"],
)
@pytest.mark.parametrize("what", TRANCHE_BODIES)
def test_tranche_by_type(stage: str, what: str) -> None:
    """Each entry about a tranche in each of its states: placed, or refused with the named code (rule 6.3b)."""
    play = _tranche(stage)
    assert play.tranche("t") == ("RELEASED" if stage == "KEYED" else stage)
    author, body = TRANCHE_BODIES[what]
    if what == "commit" and stage not in {"LOCKED", "FORFEITED"}:
        expected = "repeat"
    else:
        expected = "placed" if stage in PLACED_IN[what] else OTHERWISE.get((what, stage), "state")
    assert verdict(play, author, body) == expected


@pytest.mark.parametrize("what", TRANCHE_BODIES)
@pytest.mark.parametrize("author", ["P", "Q", "R", "N", "n1", "n2", "C"])
def test_tranche_by_role(what: str, author: str) -> None:
    """Provider, recipient, determiner: each entry about a tranche is one role's."""
    stage = min(PLACED_IN[what], default="READY")
    play = _tranche(stage)
    rightful, body = TRANCHE_BODIES[what]
    found = verdict(play, author, body)
    if author == "R":
        assert found == "unknown"
    elif author == rightful or (what == "determine" and author == "n1"):
        assert found in {"placed", "early"}
    else:
        assert found == "authority"
